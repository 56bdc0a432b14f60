-- As list_requests.sql, and found by the words $10. States are taken together: PostgreSQL weighs looking rare words up against reading by age.
SELECT json_build_object(
    'bundle', json_build_object('request', row_to_json(q), 'votes', COALESCE((
        SELECT json_agg(v ORDER BY v.voted_at, v.revision, v.principal) FROM approval_votes AS v
        WHERE v.request_id = q.request_id), '[]')),
    'last_heartbeat_at', (SELECT r.last_heartbeat_at FROM agent_sessions AS r WHERE r.run_id = q.run_id)
)::text
FROM (
    (SELECT s.request_id
    FROM request_search AS s JOIN mcp_action_requests AS q USING (request_id)
    WHERE NOT $9::bool AND s.words @@ $10::text::tsquery AND q.state = ANY ($1::text[])
        AND ($2::text IS NULL OR q.project = $2)
        AND ($3::text IS NULL OR q.environment = $3)
        AND ($4::text IS NULL OR q.tool = $4)
        AND ($5::text IS NULL OR q.run_id = $5)
        AND (cardinality($11::text[]) = 0 OR q.terms -> 'deciders' ?| $11)
        AND ($6::text IS NULL OR (s.requested_at, s.request_id) > ($6::timestamptz, $7::text))
    ORDER BY s.requested_at, s.request_id LIMIT $8)
    UNION ALL
    (SELECT s.request_id
    FROM request_search AS s JOIN mcp_action_requests AS q USING (request_id)
    WHERE $9::bool AND s.words @@ $10::text::tsquery AND q.state = ANY ($1::text[])
        AND ($2::text IS NULL OR q.project = $2)
        AND ($3::text IS NULL OR q.environment = $3)
        AND ($4::text IS NULL OR q.tool = $4)
        AND ($5::text IS NULL OR q.run_id = $5)
        AND (cardinality($11::text[]) = 0 OR q.terms -> 'deciders' ?| $11)
        AND ($6::text IS NULL OR (s.requested_at, s.request_id) < ($6::timestamptz, $7::text))
    ORDER BY s.requested_at DESC, s.request_id DESC LIMIT $8)
) AS page JOIN mcp_action_requests AS q USING (request_id)
ORDER BY CASE WHEN NOT $9::bool THEN q.requested_at END, CASE WHEN NOT $9::bool THEN q.request_id END,
    q.requested_at DESC, q.request_id DESC
