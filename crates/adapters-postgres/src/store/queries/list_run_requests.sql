-- Requests of run $1 as its page shows them, each with its outcome, oldest first, of all states ($2), after ($3, $4), at most $5.
SELECT json_build_object(
    'request_id', q.request_id, 'tool', q.tool, 'action', q.action, 'environment', q.environment, 'state', q.state,
    'requested_at', q.requested_at,
    'outcome', (SELECT row_to_json(o) FROM run_outcomes AS o WHERE o.run_id = q.run_id AND o.request_id = q.request_id)
)::text AS "document!"
FROM (
    SELECT found.request_id
    FROM unnest($2::text[]) AS wanted (state) CROSS JOIN LATERAL (
        SELECT q.requested_at, q.request_id FROM mcp_action_requests AS q
        WHERE q.run_id = $1 AND q.state = wanted.state
            AND ($3::text IS NULL OR (q.requested_at, q.request_id) > ($3::timestamptz, $4::text))
        ORDER BY q.requested_at, q.request_id LIMIT $5
    ) AS found
    ORDER BY found.requested_at, found.request_id LIMIT $5
) AS page JOIN mcp_action_requests AS q USING (request_id)
ORDER BY q.requested_at, q.request_id
