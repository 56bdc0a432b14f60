-- Events before ($1, $2), the newest first: of run $3, request $4, project $5, types beginning with $6, at most $7. What was erased reads as
-- empty. Types are read as in list_events_of_types.sql.
WITH RECURSIVE types (event_type) AS (
    (SELECT e.event_type FROM flow_events AS e WHERE e.event_type >= $6::text ORDER BY e.event_type LIMIT 1)
    UNION ALL
    SELECT (SELECT e.event_type FROM flow_events AS e WHERE e.event_type > t.event_type ORDER BY e.event_type LIMIT 1)
    FROM types AS t WHERE starts_with(t.event_type, $6)
),
page AS MATERIALIZED (
    SELECT found.xid, found.position
    FROM (
        (SELECT e.xid, e.position FROM flow_events AS e
        WHERE $6::text IS NULL
            AND (e.xid, e.position) < ($1::text::xid8, $2::bigint)
            AND ($3::text IS NULL OR e.run_id = $3)
            AND ($4::text IS NULL OR e.request_id = $4)
            AND ($5::text IS NULL OR e.project = $5)
        ORDER BY e.xid DESC, e.position DESC LIMIT $7)
        UNION ALL
        (SELECT typed.xid, typed.position
        FROM (SELECT t.event_type FROM types AS t WHERE starts_with(t.event_type, $6)) AS wanted CROSS JOIN LATERAL (
            SELECT e.xid, e.position FROM flow_events AS e
            WHERE $6::text IS NOT NULL AND e.event_type = wanted.event_type
                AND (e.xid, e.position) < ($1::text::xid8, $2::bigint)
                AND ($3::text IS NULL OR e.run_id = $3)
                AND ($4::text IS NULL OR e.request_id = $4)
                AND ($5::text IS NULL OR e.project = $5)
            ORDER BY e.xid DESC, e.position DESC LIMIT $7
        ) AS typed)
    ) AS found
    ORDER BY found.xid DESC, found.position DESC LIMIT $7
)
SELECT COALESCE(json_agg(json_build_object('xid', p.xid::text, 'position', p.position, 'event',
    to_jsonb(e) || jsonb_build_object('salt', COALESCE(e.salt, ''), 'actor_id', COALESCE(e.actor_id, ''))
) ORDER BY p.xid DESC, p.position DESC), '[]')::text AS "document!"
FROM page AS p JOIN flow_events AS e ON e.xid = p.xid AND e.position = p.position
