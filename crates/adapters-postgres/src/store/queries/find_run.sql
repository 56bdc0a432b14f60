-- The run $1 with its open waits, all its requests with their votes, and all its outcomes.
SELECT json_build_object(
    'run', json_build_object('run', row_to_json(r), 'waits', COALESCE((
        SELECT json_agg(w ORDER BY w.opened_at, w.request_id) FROM run_waits AS w
        WHERE w.run_id = r.run_id AND w.closed_at IS NULL), '[]')),
    'requests', COALESCE((
        SELECT json_agg(json_build_object('request', row_to_json(q), 'votes', COALESCE((
            SELECT json_agg(v ORDER BY v.voted_at, v.revision, v.principal) FROM approval_votes AS v
            WHERE v.request_id = q.request_id), '[]')) ORDER BY q.requested_at, q.request_id)
        FROM mcp_action_requests AS q WHERE q.run_id = r.run_id), '[]'),
    'outcomes', COALESCE((
        SELECT json_agg(o ORDER BY o.created_at, o.request_id) FROM run_outcomes AS o WHERE o.run_id = r.run_id), '[]')
)::text AS "document!"
FROM agent_sessions AS r WHERE r.run_id = $1
