-- Requests of run $1 that are not over, or whose outcome is not acknowledged, in full and with their outcomes, oldest first.
SELECT json_build_object(
    'bundle', json_build_object('request', row_to_json(q), 'votes', COALESCE((
        SELECT json_agg(v ORDER BY v.voted_at, v.revision, v.principal) FROM approval_votes AS v
        WHERE v.request_id = q.request_id), '[]')),
    'outcome', (SELECT row_to_json(o) FROM run_outcomes AS o WHERE o.run_id = q.run_id AND o.request_id = q.request_id)
)::text AS "document!"
FROM (
    SELECT request_id FROM mcp_action_requests
    WHERE run_id = $1 AND state IN ('requested', 'approved', 'applying', 'unknown')
    UNION SELECT request_id FROM run_outcomes WHERE run_id = $1 AND acknowledged_at IS NULL
) AS awaited JOIN mcp_action_requests AS q USING (request_id)
ORDER BY q.requested_at, q.request_id
