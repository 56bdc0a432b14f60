-- Requests of run $1 whose outcome is not acknowledged, as its page shows them, the oldest outcome first, at most $2.
SELECT json_build_object(
    'request_id', q.request_id, 'tool', q.tool, 'action', q.action, 'environment', q.environment, 'state', q.state,
    'requested_at', q.requested_at, 'outcome', row_to_json(o)
)::text AS "document!"
FROM run_outcomes AS o JOIN mcp_action_requests AS q USING (request_id)
WHERE o.run_id = $1 AND o.acknowledged_at IS NULL
ORDER BY o.created_at, o.request_id LIMIT $2
