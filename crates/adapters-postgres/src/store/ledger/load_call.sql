-- The run $1 with its open waits, and the earlier call of tool $2, action $3 and intent $4 or, with a caller's key, of its hash $5.
SELECT json_build_object(
    'policy', (SELECT json_build_object('number', number, 'digest', digest) FROM policy_versions ORDER BY number DESC LIMIT 1),
    'run', (
        SELECT json_build_object('run', row_to_json(r), 'waits', COALESCE((
            SELECT json_agg(w ORDER BY w.opened_at, w.request_id) FROM run_waits AS w
            WHERE w.run_id = r.run_id AND w.closed_at IS NULL), '[]'))
        FROM agent_sessions AS r WHERE r.run_id = $1),
    'existing', (
        SELECT json_build_object('request', row_to_json(q), 'votes', COALESCE((
            SELECT json_agg(v ORDER BY v.voted_at, v.revision, v.principal) FROM approval_votes AS v
            WHERE v.request_id = q.request_id), '[]'))
        FROM mcp_action_requests AS q
        WHERE q.request_id = CASE
            WHEN $5::text IS NULL THEN (
                SELECT o.request_id FROM mcp_action_requests AS o
                WHERE o.run_id = $1 AND o.tool = $2 AND o.action = $3 AND o.intent_digest = $4 AND o.open_intent)
            ELSE (SELECT k.request_id FROM call_keys AS k WHERE k.run_id = $1 AND k.tool = $2 AND k.key_hash = $5)
        END),
    'now', clock_timestamp()
)::text AS "document!"
