-- The request $1 with its votes, steps and sealed values of all revisions, and its run with its open waits.
SELECT json_build_object(
    'policy', (SELECT json_build_object('number', number, 'digest', digest) FROM policy_versions ORDER BY number DESC LIMIT 1),
    'request', json_build_object('request', row_to_json(q), 'votes', COALESCE((
        SELECT json_agg(v ORDER BY v.voted_at, v.revision, v.principal) FROM approval_votes AS v
        WHERE v.request_id = q.request_id), '[]')),
    'run', json_build_object('run', row_to_json(r), 'waits', COALESCE((
        SELECT json_agg(w ORDER BY w.opened_at, w.request_id) FROM run_waits AS w
        WHERE w.run_id = r.run_id AND w.closed_at IS NULL), '[]')),
    'steps', COALESCE((
        SELECT json_agg(s ORDER BY s.revision, s.step_number) FROM action_steps AS s
        WHERE s.request_id = q.request_id), '[]'),
    'sealed', COALESCE((
        SELECT json_agg(s ORDER BY s.revision, s.purpose) FROM sealed_values AS s
        WHERE s.request_id = q.request_id), '[]'),
    'now', clock_timestamp()
)::text AS "document!"
FROM mcp_action_requests AS q JOIN agent_sessions AS r USING (run_id)
WHERE q.request_id = $1
