-- Requests, oldest first: in states $1 (all when empty), of project $2, environment $3, tool $4, run $5, after ($6, $7), at most $8.
SELECT json_build_object(
    'bundle', json_build_object('request', row_to_json(q), 'votes', COALESCE((
        SELECT json_agg(v ORDER BY v.voted_at, v.revision, v.principal) FROM approval_votes AS v
        WHERE v.request_id = q.request_id), '[]')),
    'last_heartbeat_at', (SELECT r.last_heartbeat_at FROM agent_sessions AS r WHERE r.run_id = q.run_id)
)::text AS "document!"
FROM mcp_action_requests AS q
WHERE (cardinality($1::text[]) = 0 OR q.state = ANY ($1))
    AND ($2::text IS NULL OR q.project = $2)
    AND ($3::text IS NULL OR q.environment = $3)
    AND ($4::text IS NULL OR q.tool = $4)
    AND ($5::text IS NULL OR q.run_id = $5)
    AND ($6::text IS NULL OR (q.requested_at, q.request_id) > ($6::timestamptz, $7::text))
ORDER BY q.requested_at, q.request_id LIMIT $8
