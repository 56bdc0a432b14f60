-- Requests in states $1, of project $2, environment $3, tool $4, run $5, asked of one of the groups $10, after ($6, $7), at most $8; newest first when $9 says
-- so.
-- Each state is read by itself, in the order of an index where it stands before the age: of no state more is read than the page holds.
SELECT json_build_object(
    'bundle', json_build_object('request', row_to_json(q), 'votes', COALESCE((
        SELECT json_agg(v ORDER BY v.voted_at, v.revision, v.principal) FROM approval_votes AS v
        WHERE v.request_id = q.request_id), '[]')),
    'last_heartbeat_at', (SELECT r.last_heartbeat_at FROM agent_sessions AS r WHERE r.run_id = q.run_id)
)::text AS "document!"
FROM (
    SELECT found.request_id
    FROM unnest($1::text[]) AS wanted (state) CROSS JOIN LATERAL (
        (SELECT q.requested_at, q.request_id FROM mcp_action_requests AS q
        WHERE NOT $9::bool AND q.state = wanted.state
            AND ($2::text IS NULL OR q.project = $2)
            AND ($3::text IS NULL OR q.environment = $3)
            AND ($4::text IS NULL OR q.tool = $4)
            AND ($5::text IS NULL OR q.run_id = $5)
            AND (cardinality($10::text[]) = 0 OR q.terms -> 'deciders' ?| $10)
            AND ($6::text IS NULL OR (q.requested_at, q.request_id) > ($6::timestamptz, $7::text))
        ORDER BY q.requested_at, q.request_id LIMIT $8)
        UNION ALL
        (SELECT q.requested_at, q.request_id FROM mcp_action_requests AS q
        WHERE $9::bool AND q.state = wanted.state
            AND ($2::text IS NULL OR q.project = $2)
            AND ($3::text IS NULL OR q.environment = $3)
            AND ($4::text IS NULL OR q.tool = $4)
            AND ($5::text IS NULL OR q.run_id = $5)
            AND (cardinality($10::text[]) = 0 OR q.terms -> 'deciders' ?| $10)
            AND ($6::text IS NULL OR (q.requested_at, q.request_id) < ($6::timestamptz, $7::text))
        ORDER BY q.requested_at DESC, q.request_id DESC LIMIT $8)
    ) AS found
    ORDER BY CASE WHEN NOT $9::bool THEN found.requested_at END, CASE WHEN NOT $9::bool THEN found.request_id END,
        found.requested_at DESC, found.request_id DESC LIMIT $8
) AS page JOIN mcp_action_requests AS q USING (request_id)
ORDER BY CASE WHEN NOT $9::bool THEN q.requested_at END, CASE WHEN NOT $9::bool THEN q.request_id END,
    q.requested_at DESC, q.request_id DESC
