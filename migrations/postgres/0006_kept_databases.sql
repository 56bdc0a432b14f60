-- A quarantined database is kept for a time, in which it can be restored; then it is dropped for good. Each of both is on the record as
-- a state of its own before the server is written to.
ALTER TABLE project_databases
    ADD COLUMN original_name text,
    ADD COLUMN database_id text,
    ADD COLUMN keep_until timestamptz,
    DROP CONSTRAINT project_databases_state_check,
    ADD CONSTRAINT project_databases_state_check
        CHECK (state IN ('reserved', 'active', 'quarantined', 'restoring', 'purging'));
COMMENT ON COLUMN project_databases.kept_as IS 'The name it is kept under while quarantined, restored or purged.';
COMMENT ON COLUMN project_databases.original_name IS 'The name it had before it was quarantined.';
COMMENT ON COLUMN project_databases.database_id IS 'What identifies this very database on its server while it is kept: the oid.';
COMMENT ON COLUMN project_databases.keep_until IS 'Until when it can be restored; afterwards it is dropped for good.';
