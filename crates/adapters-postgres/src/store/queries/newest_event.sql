-- The newest event that readers are shown; `passing` as in list_events.sql.
SELECT json_build_object(
    'cursor', (
        SELECT xid::text || ':' || position FROM flow_events
        WHERE xid < countersign_event_horizon()
        ORDER BY xid DESC, position DESC LIMIT 1),
    'passing', EXISTS (SELECT FROM flow_events WHERE xid >= countersign_event_horizon())
        AND EXISTS (
            SELECT FROM pg_snapshot_xip(pg_current_snapshot()) AS running
            WHERE running::xid NOT IN (SELECT transactionid FROM pg_locks WHERE locktype = 'transactionid' AND granted))
)::text AS "document!"
