-- The run $1 with its open waits.
SELECT json_build_object('run', row_to_json(r), 'waits', COALESCE((
    SELECT json_agg(w ORDER BY w.opened_at, w.request_id) FROM run_waits AS w
    WHERE w.run_id = r.run_id AND w.closed_at IS NULL), '[]')
)::text AS "document!"
FROM agent_sessions AS r WHERE r.run_id = $1
