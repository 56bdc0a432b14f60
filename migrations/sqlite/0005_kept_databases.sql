-- A quarantined database is kept for a time, in which it can be restored; then it is dropped for good. Each of both is on the record as
-- a state of its own before the server is written to. SQLite can't change a CHECK, so the table is made anew.
DROP VIEW project_databases_json;

CREATE TABLE project_databases_new (
    server        TEXT NOT NULL,
    database_name TEXT NOT NULL,
    project       TEXT NOT NULL,
    environment   TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('reserved', 'active', 'quarantined', 'restoring', 'purging')),
    request_id    TEXT NOT NULL,
    kept_as       TEXT,
    original_name TEXT,
    database_id   TEXT,
    keep_until    TEXT CHECK (keep_until GLOB '????-??-??T??:??:??.??????Z'),
    changed_at    TEXT NOT NULL CHECK (changed_at GLOB '????-??-??T??:??:??.??????Z'),
    PRIMARY KEY (server, database_name)
) STRICT, WITHOUT ROWID;

INSERT INTO project_databases_new (server, database_name, project, environment, state, request_id, kept_as, changed_at)
SELECT server, database_name, project, environment, state, request_id, kept_as, changed_at FROM project_databases;

DROP TABLE project_databases;
ALTER TABLE project_databases_new RENAME TO project_databases;

CREATE VIEW project_databases_json AS
SELECT server, database_name, state, json_object(
    'server', server, 'database_name', database_name, 'project', project, 'environment', environment,
    'state', state, 'request_id', request_id, 'kept_as', kept_as, 'original_name', original_name,
    'database_id', database_id, 'keep_until', keep_until, 'changed_at', changed_at
) AS record
FROM project_databases;
