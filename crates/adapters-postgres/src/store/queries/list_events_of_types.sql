-- As list_events.sql, of types beginning with $6 and at most $7. Each type is read by itself, in the order of an index that begins with it: a
-- type that hardly ever happens is found at once. Which types there are, the same index tells, from one to the next.
WITH RECURSIVE types (event_type) AS (
    (SELECT e.event_type FROM flow_events AS e WHERE e.event_type >= $6 ORDER BY e.event_type LIMIT 1)
    UNION ALL
    SELECT (SELECT e.event_type FROM flow_events AS e WHERE e.event_type > t.event_type ORDER BY e.event_type LIMIT 1)
    FROM types AS t WHERE starts_with(t.event_type, $6)
),
horizon AS MATERIALIZED (
    SELECT countersign_event_horizon() AS xid
),
page AS MATERIALIZED (
    SELECT found.xid, found.position
    FROM (SELECT t.event_type FROM types AS t WHERE starts_with(t.event_type, $6)) AS wanted CROSS JOIN LATERAL (
        SELECT e.xid, e.position FROM flow_events AS e
        WHERE e.event_type = wanted.event_type
            AND (e.xid, e.position) > ($1::text::xid8, $2::bigint)
            AND e.xid < (SELECT xid FROM horizon)
            AND ($3::text IS NULL OR e.run_id = $3)
            AND ($4::text IS NULL OR e.request_id = $4)
            AND ($5::text IS NULL OR e.project = $5)
        ORDER BY e.xid, e.position LIMIT $7
    ) AS found
    ORDER BY found.xid, found.position LIMIT $7
)
SELECT json_build_object(
    'events', COALESCE((
        SELECT json_agg(json_build_object('xid', p.xid::text, 'position', p.position, 'event',
            to_jsonb(e) || jsonb_build_object('salt', COALESCE(e.salt, ''), 'actor_id', COALESCE(e.actor_id, ''))
        ) ORDER BY p.xid, p.position)
        FROM page AS p JOIN flow_events AS e ON e.xid = p.xid AND e.position = p.position), '[]'),
    'passing', (SELECT count(*) FROM page) < $7
        AND (SELECT e.xid FROM flow_events AS e ORDER BY e.xid DESC, e.position DESC LIMIT 1) >= (SELECT xid FROM horizon)
        AND EXISTS (
            SELECT FROM pg_snapshot_xip(pg_current_snapshot()) AS running
            WHERE running::xid NOT IN (SELECT transactionid FROM pg_locks WHERE locktype = 'transactionid' AND granted))
)::text AS "document!"
