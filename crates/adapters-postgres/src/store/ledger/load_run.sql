-- The run $1 with its open waits, and its outcomes nobody has acknowledged.
SELECT json_build_object(
    'policy', (SELECT json_build_object('number', number, 'digest', digest) FROM policy_versions ORDER BY number DESC LIMIT 1),
    'run', (
        SELECT json_build_object('run', row_to_json(r), 'waits', COALESCE((
            SELECT json_agg(w ORDER BY w.opened_at, w.request_id) FROM run_waits AS w
            WHERE w.run_id = r.run_id AND w.closed_at IS NULL), '[]'))
        FROM agent_sessions AS r WHERE r.run_id = $1),
    'unread', COALESCE((
        SELECT json_agg(o ORDER BY o.created_at, o.request_id) FROM run_outcomes AS o
        WHERE o.run_id = $1 AND o.acknowledged_at IS NULL), '[]'),
    'now', clock_timestamp()
)::text AS "document!"
