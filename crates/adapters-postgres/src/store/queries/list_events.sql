-- Events after ($1, $2) of run $3, request $4, project $5, at most $6. What was erased reads as empty.
-- `passing`: an event is held back, and one of the transactions that may be why is already over, so that asking again helps.
WITH horizon AS MATERIALIZED (
    SELECT countersign_event_horizon() AS xid
),
page AS MATERIALIZED (
    SELECT e.xid, e.position,
        to_jsonb(e) || jsonb_build_object('salt', COALESCE(e.salt, ''), 'actor_id', COALESCE(e.actor_id, '')) AS event
    FROM flow_events AS e
    WHERE (e.xid, e.position) > ($1::text::xid8, $2::bigint)
        AND e.xid < (SELECT xid FROM horizon)
        AND ($3::text IS NULL OR e.run_id = $3)
        AND ($4::text IS NULL OR e.request_id = $4)
        AND ($5::text IS NULL OR e.project = $5)
    ORDER BY e.xid, e.position LIMIT $6
)
SELECT json_build_object(
    'events', COALESCE((
        SELECT json_agg(json_build_object('xid', p.xid::text, 'position', p.position, 'event', p.event) ORDER BY p.xid, p.position)
        FROM page AS p), '[]'),
    'passing', (SELECT count(*) FROM page) < $6
        AND (SELECT e.xid FROM flow_events AS e ORDER BY e.xid DESC, e.position DESC LIMIT 1) >= (SELECT xid FROM horizon)
        AND EXISTS (
            SELECT FROM pg_snapshot_xip(pg_current_snapshot()) AS running
            WHERE running::xid NOT IN (SELECT transactionid FROM pg_locks WHERE locktype = 'transactionid' AND granted))
)::text AS "document!"
