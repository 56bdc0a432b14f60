-- As list_requests.sql, of the next $11 of that list those that are found by the words $10. With them comes how many were looked at, and
-- which was the last of these.
WITH looked AS MATERIALIZED (
    SELECT found.requested_at, found.request_id,
        row_number() OVER (ORDER BY CASE WHEN NOT $9::bool THEN found.requested_at END, CASE WHEN NOT $9::bool THEN found.request_id END,
            found.requested_at DESC, found.request_id DESC) AS place
    FROM unnest($1::text[]) AS wanted (state) CROSS JOIN LATERAL (
        (SELECT q.requested_at, q.request_id FROM mcp_action_requests AS q
        WHERE NOT $9::bool AND q.state = wanted.state
            AND ($2::text IS NULL OR q.project = $2)
            AND ($3::text IS NULL OR q.environment = $3)
            AND ($4::text IS NULL OR q.tool = $4)
            AND ($5::text IS NULL OR q.run_id = $5)
            AND (cardinality($12::text[]) = 0 OR q.terms -> 'deciders' ?| $12)
            AND ($6::text IS NULL OR (q.requested_at, q.request_id) > ($6::timestamptz, $7::text))
        ORDER BY q.requested_at, q.request_id LIMIT $11)
        UNION ALL
        (SELECT q.requested_at, q.request_id FROM mcp_action_requests AS q
        WHERE $9::bool AND q.state = wanted.state
            AND ($2::text IS NULL OR q.project = $2)
            AND ($3::text IS NULL OR q.environment = $3)
            AND ($4::text IS NULL OR q.tool = $4)
            AND ($5::text IS NULL OR q.run_id = $5)
            AND (cardinality($12::text[]) = 0 OR q.terms -> 'deciders' ?| $12)
            AND ($6::text IS NULL OR (q.requested_at, q.request_id) < ($6::timestamptz, $7::text))
        ORDER BY q.requested_at DESC, q.request_id DESC LIMIT $11)
    ) AS found
    ORDER BY place LIMIT $11
),
page AS (
    -- One after the other: what a page holds is found before the others are looked at.
    SELECT l.place, l.request_id FROM (SELECT * FROM looked ORDER BY place) AS l
    WHERE (SELECT s.words @@ $10::text::tsquery FROM request_search AS s WHERE s.request_id = l.request_id)
    LIMIT $8
)
SELECT json_build_object(
    'looked_at', (SELECT count(*) FROM looked),
    'last', (SELECT json_build_object('requested_at', requested_at, 'request_id', request_id) FROM looked ORDER BY place DESC LIMIT 1),
    'found', COALESCE((
        SELECT json_agg(json_build_object(
            'bundle', json_build_object('request', row_to_json(q), 'votes', COALESCE((
                SELECT json_agg(v ORDER BY v.voted_at, v.revision, v.principal) FROM approval_votes AS v
                WHERE v.request_id = q.request_id), '[]')),
            'last_heartbeat_at', (SELECT r.last_heartbeat_at FROM agent_sessions AS r WHERE r.run_id = q.run_id)
        ) ORDER BY page.place)
        FROM page JOIN mcp_action_requests AS q USING (request_id)), '[]')
)::text
