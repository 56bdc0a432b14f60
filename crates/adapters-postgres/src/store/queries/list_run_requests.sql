-- Requests of run $1 as its page shows them, each with its outcome, oldest first, after ($2, $3), at most $4.
SELECT json_build_object(
    'request_id', q.request_id, 'tool', q.tool, 'action', q.action, 'environment', q.environment, 'state', q.state,
    'requested_at', q.requested_at,
    'outcome', (SELECT row_to_json(o) FROM run_outcomes AS o WHERE o.run_id = q.run_id AND o.request_id = q.request_id)
)::text AS "document!"
FROM mcp_action_requests AS q
WHERE q.run_id = $1 AND ($2::text IS NULL OR (q.requested_at, q.request_id) > ($2::timestamptz, $3::text))
ORDER BY q.requested_at, q.request_id LIMIT $4
