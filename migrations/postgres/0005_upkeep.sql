-- Two more things the application's role may do: wrap the key of a sealed value under another master key, which leaves the sealed value
-- itself alone, and forget old commits. The function is the one of migration 2 with these two grants in it.

CREATE OR REPLACE FUNCTION countersign_grant() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place text := current_schema();
    granted record;
BEGIN
    FOR granted IN
        SELECT role, statement FROM (VALUES
            ('countersign_app', 'GRANT SELECT, INSERT ON flow_events, audit_inbox, links, call_keys, policy_versions, principals, commits TO countersign_app'),
            ('countersign_app', 'GRANT SELECT, INSERT, UPDATE ON agent_sessions, mcp_action_requests, run_waits, run_outcomes, approval_votes, action_steps, deliveries TO countersign_app'),
            ('countersign_app', 'GRANT SELECT, INSERT, UPDATE, DELETE ON project_databases, work_items TO countersign_app'),
            ('countersign_app', 'GRANT SELECT, INSERT, DELETE ON sealed_values TO countersign_app'),
            ('countersign_app', 'GRANT UPDATE (master_key_id, wrapped_key) ON sealed_values TO countersign_app'),
            ('countersign_app', 'GRANT DELETE ON commits TO countersign_app'),
            ('countersign_app', 'GRANT USAGE ON SEQUENCE work_fence TO countersign_app'),
            ('countersign_sequencer', 'GRANT SELECT ON flow_events TO countersign_sequencer'),
            ('countersign_sequencer', 'GRANT SELECT, DELETE ON audit_inbox TO countersign_sequencer'),
            ('countersign_eraser', 'GRANT SELECT, UPDATE (detail, salt, actor_id) ON flow_events TO countersign_eraser'),
            ('countersign_eraser', 'GRANT SELECT, DELETE ON principals TO countersign_eraser')
        ) AS wanted (role, statement)
        WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.role)
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', place, granted.role);
        EXECUTE granted.statement;
    END LOOP;
    -- The list of applied migrations is made by whoever migrates, before the first of them runs.
    IF to_regclass('_sqlx_migrations') IS NOT NULL AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'countersign_app') THEN
        GRANT SELECT ON _sqlx_migrations TO countersign_app;
    END IF;
END
$$;

SELECT countersign_grant();
