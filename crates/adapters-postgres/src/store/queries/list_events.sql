-- Events after ($1, $2) of run $3, request $4, project $5 and types beginning with $6, at most $7. What was erased reads as empty.
SELECT json_build_object(
    'xid', e.xid::text,
    'position', e.position,
    'event', to_jsonb(e) || jsonb_build_object('salt', COALESCE(e.salt, ''), 'actor_id', COALESCE(e.actor_id, ''))
)::text AS "document!"
FROM flow_events AS e
WHERE (e.xid, e.position) > ($1::text::xid8, $2::bigint)
    AND e.xid < countersign_event_horizon()
    AND ($3::text IS NULL OR e.run_id = $3)
    AND ($4::text IS NULL OR e.request_id = $4)
    AND ($5::text IS NULL OR e.project = $5)
    AND ($6::text IS NULL OR starts_with(e.event_type, $6))
ORDER BY e.xid, e.position LIMIT $7
