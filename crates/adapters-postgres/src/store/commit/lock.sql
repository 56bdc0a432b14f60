-- Takes the commit's id and locks every row that it depends on: tables in this order, rows in the order of their keys. The last member
-- is evaluated last, so that the clock is read when the locks are held.
WITH fresh AS (
    INSERT INTO commits (commit_id) VALUES ($1::text::uuid) ON CONFLICT DO NOTHING RETURNING commit_id
),
runs AS MATERIALIZED (
    SELECT run_id AS id, version, status FROM agent_sessions
    WHERE run_id = ANY ($2::text[]) ORDER BY run_id FOR NO KEY UPDATE
),
requests AS MATERIALIZED (
    SELECT request_id AS id, version FROM mcp_action_requests
    WHERE request_id = ANY ($3::text[]) ORDER BY request_id FOR NO KEY UPDATE
),
leases AS MATERIALIZED (
    SELECT work.kind, work.subject, work.fence, work.lease_until
    FROM work_items AS work JOIN unnest($4::text[], $5::text[]) AS wanted (kind, subject)
        ON work.kind = wanted.kind AND work.subject = wanted.subject
    ORDER BY work.kind, work.subject FOR UPDATE OF work
),
databases AS MATERIALIZED (
    SELECT owned.server, owned.database_name, owned.state
    FROM project_databases AS owned JOIN unnest($6::text[], $7::text[]) AS wanted (server, database_name)
        ON owned.server = wanted.server AND owned.database_name = wanted.database_name
    ORDER BY owned.server, owned.database_name FOR UPDATE OF owned
)
SELECT json_build_object(
    'fresh', EXISTS (SELECT FROM fresh),
    'runs', COALESCE((SELECT json_agg(runs) FROM runs), '[]'),
    'requests', COALESCE((SELECT json_agg(requests) FROM requests), '[]'),
    'leases', COALESCE((SELECT json_agg(leases) FROM leases), '[]'),
    'databases', COALESCE((SELECT json_agg(databases) FROM databases), '[]'),
    'now', clock_timestamp()
)::text AS "locked!"
