-- Runs with their open waits, newest first: in states $1 (all when empty), of project $2, agent $3, after ($4, $5), at most $6.
SELECT json_build_object('run', row_to_json(r), 'waits', COALESCE((
    SELECT json_agg(w ORDER BY w.opened_at, w.request_id) FROM run_waits AS w
    WHERE w.run_id = r.run_id AND w.closed_at IS NULL), '[]')
)::text AS "document!"
FROM agent_sessions AS r
WHERE (cardinality($1::text[]) = 0 OR r.status = ANY ($1))
    AND ($2::text IS NULL OR r.project = $2)
    AND ($3::text IS NULL OR r.agent_key = $3)
    AND ($4::text IS NULL OR (r.registered_at, r.run_id) < ($4::timestamptz, $5::text))
ORDER BY r.registered_at DESC, r.run_id DESC LIMIT $6
