-- Steps can be taken back, are left alone while an attempt may still arrive, and keep why their last attempt failed. SQLite changes no
-- CHECK of a table that is there, so that the table is made anew.
DROP VIEW action_steps_json;
ALTER TABLE action_steps RENAME TO action_steps_before;
DROP INDEX action_steps_one_intended_per_target;

CREATE TABLE action_steps (
    request_id      TEXT    NOT NULL REFERENCES mcp_action_requests (request_id),
    revision        INTEGER NOT NULL CHECK (revision >= 1),
    step_number     INTEGER NOT NULL CHECK (step_number >= 0),
    kind            TEXT    NOT NULL,
    target          TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('intended', 'not_done', 'done', 'undoing', 'undone')),
    intended_at     TEXT    NOT NULL CHECK (intended_at GLOB '????-??-??T??:??:??.??????Z'),
    done_at         TEXT    CHECK (done_at GLOB '????-??-??T??:??:??.??????Z'),
    receipt         TEXT    CHECK (json_valid(receipt)),
    fence           INTEGER NOT NULL CHECK (fence >= 0),
    attempts        INTEGER NOT NULL CHECK (attempts >= 0),
    quiet_until     TEXT    CHECK (quiet_until GLOB '????-??-??T??:??:??.??????Z'),
    failure_code    TEXT,
    failure_message TEXT,
    PRIMARY KEY (request_id, revision, step_number)
) STRICT;

INSERT INTO action_steps (request_id, revision, step_number, kind, target, state, intended_at, done_at, receipt, fence, attempts)
SELECT request_id, revision, step_number, kind, target, state, intended_at, done_at, receipt, fence, attempts
FROM action_steps_before;

DROP TABLE action_steps_before;

-- A step that is being taken back holds its target as one that is being taken does.
CREATE UNIQUE INDEX action_steps_one_active_per_target ON action_steps (target) WHERE state IN ('intended', 'undoing');

CREATE VIEW action_steps_json AS
SELECT request_id, revision, step_number, json_object(
    'request_id', request_id, 'revision', revision, 'step_number', step_number, 'kind', kind, 'target', target,
    'state', state, 'intended_at', intended_at, 'done_at', done_at, 'receipt', json(receipt), 'fence', fence,
    'attempts', attempts, 'quiet_until', quiet_until, 'failure_code', failure_code, 'failure_message', failure_message
) AS record
FROM action_steps;
