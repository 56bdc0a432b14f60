-- Runs that are not finished with their open waits, oldest first, after run $1, at most $2.
SELECT json_build_object('run', row_to_json(r), 'waits', COALESCE((
    SELECT json_agg(w ORDER BY w.opened_at, w.request_id) FROM run_waits AS w
    WHERE w.run_id = r.run_id AND w.closed_at IS NULL), '[]')
)::text AS "document!"
FROM agent_sessions AS r
WHERE r.status <> 'finished'
    AND ($1::text IS NULL OR NOT EXISTS (SELECT FROM agent_sessions AS a WHERE a.run_id = $1)
        OR (r.registered_at, r.run_id) > (SELECT a.registered_at, a.run_id FROM agent_sessions AS a WHERE a.run_id = $1))
ORDER BY r.registered_at, r.run_id LIMIT $2
