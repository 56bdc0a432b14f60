-- The database guards the audit trail too: events and inbox entries are inserted, never changed, whoever connects. Only two roles may do
-- more, and they have to be taken on with SET ROLE, so that the owner of the tables is refused like everyone else. A superuser can switch
-- triggers off; against that stands the transparency log, not this file.

CREATE FUNCTION countersign_guard_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_user = 'countersign_eraser' THEN
        IF NEW.detail IS NULL AND NEW.salt IS NULL
            AND to_jsonb(NEW) - 'detail' - 'salt' - 'actor_id' = to_jsonb(OLD) - 'detail' - 'salt' - 'actor_id'
            AND (NEW.actor_id IS NULL OR NEW.actor_id = OLD.actor_id) THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'an eraser empties detail and salt, and actor_id where asked, and changes nothing else'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RAISE EXCEPTION 'table flow_events is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION countersign_guard_inbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = 'countersign_sequencer' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'table audit_inbox is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER guard_rows BEFORE UPDATE OR DELETE ON flow_events FOR EACH ROW EXECUTE FUNCTION countersign_guard_events();
CREATE TRIGGER guard_table BEFORE TRUNCATE ON flow_events FOR EACH STATEMENT EXECUTE FUNCTION countersign_guard_events();
CREATE TRIGGER guard_rows BEFORE UPDATE OR DELETE ON audit_inbox FOR EACH ROW EXECUTE FUNCTION countersign_guard_inbox();
CREATE TRIGGER guard_table BEFORE TRUNCATE ON audit_inbox FOR EACH STATEMENT EXECUTE FUNCTION countersign_guard_inbox();

-- Roles belong to the whole cluster: another database may have made them, at this very moment, and whoever migrates may not be allowed to.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['countersign_app', 'countersign_sequencer', 'countersign_eraser'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    RAISE NOTICE 'role % was made by another database meanwhile', wanted;
                WHEN insufficient_privilege THEN
                    RAISE NOTICE 'role % is missing and may not be created; make it and run countersign_grant()', wanted;
            END;
        END IF;
    END LOOP;
END
$$;

-- Grants each role that is there what it needs in this database. Later migrations call it again, and so may an operator who made the
-- roles by hand.
CREATE FUNCTION countersign_grant() RETURNS void LANGUAGE plpgsql AS $$
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
COMMENT ON FUNCTION countersign_grant() IS 'Grants the roles countersign_app, countersign_sequencer and countersign_eraser what they need, where they exist.';

SELECT countersign_grant();
