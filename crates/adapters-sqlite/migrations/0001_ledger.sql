-- The ledger of the embedded default: the tables and columns of PostgreSQL in one SQLite file.
--
-- Points in time are RFC 3339 in UTC with six digits of fraction, so that text sorts as time. Documents are JSON as text, booleans are
-- 0 and 1. Every table has a view `<table>_json` that gives each row as one JSON document, `record`, beside the columns it is found by:
-- reading and writing go through JSON, and names of members are names of columns.
--
-- SQLite has no roles. Where PostgreSQL refuses by grants, triggers refuse here; they stop mistakes of programs, not the owner of the
-- file, who can drop a trigger or edit the bytes. Who must be kept from that keeps them from the file.

CREATE TABLE agent_sessions (
    run_id                 TEXT    NOT NULL PRIMARY KEY,
    agent_key              TEXT    NOT NULL,
    run_label              TEXT    NOT NULL,
    runtime_mode           TEXT    NOT NULL CHECK (runtime_mode IN ('full-env', 'code-only')),
    project                TEXT    NOT NULL,
    repository             TEXT,
    namespace              TEXT,
    issue_number           INTEGER,
    pr_number              INTEGER,
    launched_by            TEXT    NOT NULL,
    budget_ms              INTEGER NOT NULL CHECK (budget_ms >= 0),
    status                 TEXT    NOT NULL CHECK (status IN ('running', 'waiting', 'ending', 'finished')),
    finish_reason          TEXT,
    registered_at          TEXT    NOT NULL CHECK (registered_at GLOB '????-??-??T??:??:??.??????Z'),
    deadline_at            TEXT    CHECK (deadline_at GLOB '????-??-??T??:??:??.??????Z'),
    budget_left_ms         INTEGER CHECK (budget_left_ms >= 0),
    waiting_since          TEXT    CHECK (waiting_since GLOB '????-??-??T??:??:??.??????Z'),
    ending_at              TEXT    CHECK (ending_at GLOB '????-??-??T??:??:??.??????Z'),
    finished_at            TEXT    CHECK (finished_at GLOB '????-??-??T??:??:??.??????Z'),
    wait_state             TEXT    CHECK (wait_state IN ('waiting_mcp', 'waiting_owner_review')),
    wait_reason            TEXT,
    timeout_guard_disabled INTEGER NOT NULL CHECK (timeout_guard_disabled IN (0, 1)),
    last_heartbeat_at      TEXT    CHECK (last_heartbeat_at GLOB '????-??-??T??:??:??.??????Z'),
    refusals_opened_at     TEXT    CHECK (refusals_opened_at GLOB '????-??-??T??:??:??.??????Z'),
    refusals_recorded      INTEGER NOT NULL CHECK (refusals_recorded >= 0),
    refusals_suppressed    INTEGER NOT NULL CHECK (refusals_suppressed >= 0),
    version                INTEGER NOT NULL CHECK (version >= 1),
    -- Towards a deadline while running, put aside while waiting, never both.
    CHECK ((deadline_at IS NOT NULL) = (status = 'running')),
    CHECK ((budget_left_ms IS NOT NULL) = (status = 'waiting')),
    CHECK ((waiting_since IS NOT NULL) = (status = 'waiting')),
    CHECK (timeout_guard_disabled = (status = 'waiting'))
) STRICT;
CREATE INDEX agent_sessions_open ON agent_sessions (registered_at, run_id) WHERE status <> 'finished';

CREATE VIEW agent_sessions_json AS
SELECT run_id, registered_at, status, json_object(
    'run_id', run_id, 'agent_key', agent_key, 'run_label', run_label, 'runtime_mode', runtime_mode,
    'project', project, 'repository', repository, 'namespace', namespace, 'issue_number', issue_number,
    'pr_number', pr_number, 'launched_by', launched_by, 'budget_ms', budget_ms, 'status', status,
    'finish_reason', finish_reason, 'registered_at', registered_at, 'deadline_at', deadline_at,
    'budget_left_ms', budget_left_ms, 'waiting_since', waiting_since, 'ending_at', ending_at,
    'finished_at', finished_at, 'wait_state', wait_state, 'wait_reason', wait_reason,
    'timeout_guard_disabled', json(iif(timeout_guard_disabled, 'true', 'false')),
    'last_heartbeat_at', last_heartbeat_at, 'refusals_opened_at', refusals_opened_at,
    'refusals_recorded', refusals_recorded, 'refusals_suppressed', refusals_suppressed, 'version', version
) AS record
FROM agent_sessions;

CREATE TABLE mcp_action_requests (
    request_id       TEXT    NOT NULL PRIMARY KEY,
    correlation_id   TEXT    NOT NULL,
    run_id           TEXT    NOT NULL REFERENCES agent_sessions (run_id),
    project          TEXT    NOT NULL,
    agent_key        TEXT    NOT NULL,
    launched_by      TEXT    NOT NULL,
    tool             TEXT    NOT NULL,
    action           TEXT    NOT NULL,
    environment      TEXT,
    intent_digest    TEXT    NOT NULL,
    call_key_hash    TEXT,
    open_intent      INTEGER NOT NULL CHECK (open_intent IN (0, 1)),
    requested_at     TEXT    NOT NULL CHECK (requested_at GLOB '????-??-??T??:??:??.??????Z'),
    revision         INTEGER NOT NULL CHECK (revision >= 1),
    payload_snapshot TEXT    NOT NULL CHECK (json_valid(payload_snapshot)),
    target_snapshot  TEXT    NOT NULL CHECK (json_valid(target_snapshot)),
    plan_digest      TEXT    NOT NULL,
    policy_digest    TEXT    NOT NULL,
    terms            TEXT    NOT NULL CHECK (json_valid(terms)),
    state            TEXT    NOT NULL CHECK (state IN ('requested', 'approved', 'applying', 'unknown', 'applied',
                                                       'answered', 'denied', 'expired', 'cancelled', 'failed')),
    decide_by        TEXT    CHECK (decide_by GLOB '????-??-??T??:??:??.??????Z'),
    execute_by       TEXT    CHECK (execute_by GLOB '????-??-??T??:??:??.??????Z'),
    state_at         TEXT    NOT NULL CHECK (state_at GLOB '????-??-??T??:??:??.??????Z'),
    state_detail     TEXT    NOT NULL CHECK (json_valid(state_detail)),
    version          INTEGER NOT NULL CHECK (version >= 1),
    CHECK ((decide_by IS NOT NULL) = (state = 'requested')),
    CHECK ((execute_by IS NOT NULL) = (state IN ('approved', 'applying'))),
    -- Only an open request without a caller's key takes its intent.
    CHECK (open_intent = (call_key_hash IS NULL AND state IN ('requested', 'approved', 'applying', 'unknown')))
) STRICT;
-- One open request per intent of a run.
CREATE UNIQUE INDEX mcp_action_requests_open_intent
    ON mcp_action_requests (run_id, tool, action, intent_digest) WHERE open_intent = 1;
CREATE INDEX mcp_action_requests_by_run ON mcp_action_requests (run_id, requested_at, request_id);
CREATE INDEX mcp_action_requests_by_time ON mcp_action_requests (requested_at, request_id);

CREATE VIEW mcp_action_requests_json AS
SELECT request_id, run_id, project, tool, action, environment, intent_digest, open_intent, requested_at, state, json_object(
    'request_id', request_id, 'correlation_id', correlation_id, 'run_id', run_id, 'project', project,
    'agent_key', agent_key, 'launched_by', launched_by, 'tool', tool, 'action', action,
    'environment', environment, 'intent_digest', intent_digest, 'call_key_hash', call_key_hash,
    'open_intent', json(iif(open_intent, 'true', 'false')), 'requested_at', requested_at, 'revision', revision,
    'payload_snapshot', json(payload_snapshot), 'target_snapshot', json(target_snapshot),
    'plan_digest', plan_digest, 'policy_digest', policy_digest, 'terms', json(terms), 'state', state,
    'decide_by', decide_by, 'execute_by', execute_by, 'state_at', state_at, 'state_detail', json(state_detail),
    'version', version
) AS record
FROM mcp_action_requests;

CREATE TABLE run_waits (
    run_id     TEXT NOT NULL REFERENCES agent_sessions (run_id),
    request_id TEXT NOT NULL REFERENCES mcp_action_requests (request_id),
    reason     TEXT NOT NULL,
    wait_state TEXT NOT NULL CHECK (wait_state IN ('waiting_mcp', 'waiting_owner_review')),
    opened_at  TEXT NOT NULL CHECK (opened_at GLOB '????-??-??T??:??:??.??????Z'),
    closed_at  TEXT CHECK (closed_at GLOB '????-??-??T??:??:??.??????Z'),
    PRIMARY KEY (run_id, request_id)
) STRICT, WITHOUT ROWID;

CREATE VIEW run_waits_json AS
SELECT run_id, request_id, opened_at, closed_at, json_object(
    'run_id', run_id, 'request_id', request_id, 'reason', reason, 'wait_state', wait_state,
    'opened_at', opened_at, 'closed_at', closed_at
) AS record
FROM run_waits;

CREATE TABLE approval_votes (
    request_id    TEXT    NOT NULL REFERENCES mcp_action_requests (request_id),
    revision      INTEGER NOT NULL CHECK (revision >= 1),
    principal     TEXT    NOT NULL,
    choice        TEXT    NOT NULL CHECK (choice IN ('approve', 'deny')),
    seen_digest   TEXT    NOT NULL,
    reason        TEXT,
    input_mode    TEXT    NOT NULL,
    proof         TEXT    NOT NULL,
    voted_at      TEXT    NOT NULL CHECK (voted_at GLOB '????-??-??T??:??:??.??????Z'),
    as_sole_owner INTEGER NOT NULL CHECK (as_sole_owner IN (0, 1)),
    PRIMARY KEY (request_id, revision, principal)
) STRICT;

CREATE VIEW approval_votes_json AS
SELECT request_id, revision, principal, voted_at, json_object(
    'request_id', request_id, 'revision', revision, 'principal', principal, 'choice', choice,
    'seen_digest', seen_digest, 'reason', reason, 'input_mode', input_mode, 'proof', proof,
    'voted_at', voted_at, 'as_sole_owner', json(iif(as_sole_owner, 'true', 'false'))
) AS record
FROM approval_votes;

-- A caller's own key is taken for ever: rows are never deleted.
CREATE TABLE call_keys (
    run_id        TEXT NOT NULL REFERENCES agent_sessions (run_id),
    tool          TEXT NOT NULL,
    key_hash      TEXT NOT NULL,
    intent_digest TEXT NOT NULL,
    request_id    TEXT NOT NULL REFERENCES mcp_action_requests (request_id),
    created_at    TEXT NOT NULL CHECK (created_at GLOB '????-??-??T??:??:??.??????Z'),
    PRIMARY KEY (run_id, tool, key_hash)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER call_keys_stay BEFORE DELETE ON call_keys
BEGIN SELECT RAISE(ABORT, 'a call key is taken for ever'); END;

CREATE TABLE action_steps (
    request_id  TEXT    NOT NULL REFERENCES mcp_action_requests (request_id),
    revision    INTEGER NOT NULL CHECK (revision >= 1),
    step_number INTEGER NOT NULL CHECK (step_number >= 0),
    kind        TEXT    NOT NULL,
    target      TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('intended', 'not_done', 'done')),
    intended_at TEXT    NOT NULL CHECK (intended_at GLOB '????-??-??T??:??:??.??????Z'),
    done_at     TEXT    CHECK (done_at GLOB '????-??-??T??:??:??.??????Z'),
    receipt     TEXT    CHECK (json_valid(receipt)),
    fence       INTEGER NOT NULL CHECK (fence >= 0),
    attempts    INTEGER NOT NULL CHECK (attempts >= 0),
    PRIMARY KEY (request_id, revision, step_number)
) STRICT;
-- Two requests never write to one target at the same time.
CREATE UNIQUE INDEX action_steps_one_intended_per_target ON action_steps (target) WHERE state = 'intended';

CREATE VIEW action_steps_json AS
SELECT request_id, revision, step_number, json_object(
    'request_id', request_id, 'revision', revision, 'step_number', step_number, 'kind', kind, 'target', target,
    'state', state, 'intended_at', intended_at, 'done_at', done_at, 'receipt', json(receipt), 'fence', fence,
    'attempts', attempts
) AS record
FROM action_steps;

-- Erased when the request settles. `secure_delete` overwrites the bytes; the write-ahead log is emptied soon after.
CREATE TABLE sealed_values (
    request_id    TEXT    NOT NULL REFERENCES mcp_action_requests (request_id),
    revision      INTEGER NOT NULL CHECK (revision >= 1),
    purpose       TEXT    NOT NULL,
    master_key_id TEXT    NOT NULL,
    wrapped_key   TEXT    NOT NULL,
    sealed_value  TEXT    NOT NULL,
    sealed_at     TEXT    NOT NULL CHECK (sealed_at GLOB '????-??-??T??:??:??.??????Z'),
    PRIMARY KEY (request_id, revision, purpose)
) STRICT, WITHOUT ROWID;

CREATE VIEW sealed_values_json AS
SELECT request_id, revision, purpose, json_object(
    'request_id', request_id, 'revision', revision, 'purpose', purpose, 'master_key_id', master_key_id,
    'wrapped_key', wrapped_key, 'sealed_value', sealed_value, 'sealed_at', sealed_at
) AS record
FROM sealed_values;

CREATE TABLE run_outcomes (
    run_id           TEXT NOT NULL REFERENCES agent_sessions (run_id),
    request_id       TEXT NOT NULL REFERENCES mcp_action_requests (request_id),
    status           TEXT NOT NULL CHECK (status IN ('applied', 'answered', 'denied', 'expired', 'cancelled', 'failed')),
    next_action      TEXT NOT NULL,
    detail           TEXT NOT NULL CHECK (json_valid(detail)),
    created_at       TEXT NOT NULL CHECK (created_at GLOB '????-??-??T??:??:??.??????Z'),
    acknowledged_at  TEXT CHECK (acknowledged_at GLOB '????-??-??T??:??:??.??????Z'),
    undeliverable_at TEXT CHECK (undeliverable_at GLOB '????-??-??T??:??:??.??????Z'),
    PRIMARY KEY (run_id, request_id)
) STRICT;

CREATE VIEW run_outcomes_json AS
SELECT run_id, request_id, created_at, acknowledged_at, json_object(
    'run_id', run_id, 'request_id', request_id, 'status', status, 'next_action', next_action,
    'detail', json(detail), 'created_at', created_at, 'acknowledged_at', acknowledged_at,
    'undeliverable_at', undeliverable_at
) AS record
FROM run_outcomes;

CREATE TABLE project_databases (
    server        TEXT NOT NULL,
    database_name TEXT NOT NULL,
    project       TEXT NOT NULL,
    environment   TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('reserved', 'active', 'quarantined')),
    request_id    TEXT NOT NULL,
    kept_as       TEXT,
    changed_at    TEXT NOT NULL CHECK (changed_at GLOB '????-??-??T??:??:??.??????Z'),
    PRIMARY KEY (server, database_name)
) STRICT, WITHOUT ROWID;

CREATE VIEW project_databases_json AS
SELECT server, database_name, json_object(
    'server', server, 'database_name', database_name, 'project', project, 'environment', environment,
    'state', state, 'request_id', request_id, 'kept_as', kept_as, 'changed_at', changed_at
) AS record
FROM project_databases;

-- `position` is the order in which events became visible: there is one writer, and a position is never given out twice.
CREATE TABLE flow_events (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id        TEXT NOT NULL UNIQUE,
    at              TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??.??????Z'),
    event_type      TEXT NOT NULL,
    actor_kind      TEXT NOT NULL,
    actor_id        TEXT NOT NULL,
    actor_proof     TEXT NOT NULL,
    actor_pseudonym TEXT NOT NULL,
    run_id          TEXT,
    request_id      TEXT,
    correlation_id  TEXT,
    project         TEXT,
    policy_digest   TEXT,
    plan_digest     TEXT,
    detail          TEXT NOT NULL CHECK (json_valid(detail)),
    salt            TEXT NOT NULL
) STRICT;
CREATE INDEX flow_events_by_run ON flow_events (run_id, position) WHERE run_id IS NOT NULL;
CREATE INDEX flow_events_by_request ON flow_events (request_id, position) WHERE request_id IS NOT NULL;
CREATE TRIGGER flow_events_are_not_changed BEFORE UPDATE ON flow_events
BEGIN SELECT RAISE(ABORT, 'flow_events is append-only'); END;
CREATE TRIGGER flow_events_are_not_deleted BEFORE DELETE ON flow_events
BEGIN SELECT RAISE(ABORT, 'flow_events is append-only'); END;

CREATE VIEW flow_events_json AS
SELECT position, event_id, event_type, run_id, request_id, project, json_object(
    'event_id', event_id, 'at', at, 'event_type', event_type, 'actor_kind', actor_kind, 'actor_id', actor_id,
    'actor_proof', actor_proof, 'actor_pseudonym', actor_pseudonym, 'run_id', run_id, 'request_id', request_id,
    'correlation_id', correlation_id, 'project', project, 'policy_digest', policy_digest,
    'plan_digest', plan_digest, 'detail', json(detail), 'salt', salt
) AS record
FROM flow_events;

-- Final log entries on their way into the transparency log. Until there is one that takes them over, none may leave.
CREATE TABLE audit_inbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE REFERENCES flow_events (event_id),
    entry    TEXT NOT NULL CHECK (json_valid(entry))
) STRICT;
CREATE TRIGGER audit_inbox_is_not_changed BEFORE UPDATE ON audit_inbox
BEGIN SELECT RAISE(ABORT, 'audit_inbox is append-only'); END;
CREATE TRIGGER audit_inbox_is_not_deleted BEFORE DELETE ON audit_inbox
BEGIN SELECT RAISE(ABORT, 'audit_inbox entries may not be deleted'); END;

CREATE TABLE links (
    from_kind TEXT NOT NULL,
    from_id   TEXT NOT NULL,
    to_kind   TEXT NOT NULL,
    to_id     TEXT NOT NULL,
    PRIMARY KEY (from_kind, from_id, to_kind, to_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_backwards ON links (to_kind, to_id);

CREATE VIEW links_json AS
SELECT from_kind, from_id, to_kind, to_id, json_object(
    'from_kind', from_kind, 'from_id', from_id, 'to_kind', to_kind, 'to_id', to_id
) AS record
FROM links;

CREATE TABLE work_items (
    kind         TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    due_at       TEXT    NOT NULL CHECK (due_at GLOB '????-??-??T??:??:??.??????Z'),
    attempts     INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    fence        INTEGER NOT NULL DEFAULT 0 CHECK (fence >= 0),
    worker_id    TEXT,
    leased_until TEXT    CHECK (leased_until GLOB '????-??-??T??:??:??.??????Z'),
    PRIMARY KEY (kind, subject),
    CHECK ((worker_id IS NULL) = (leased_until IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX work_items_due ON work_items (due_at);

-- The highest fence given out, for all work rows together: one row.
CREATE TABLE work_fence (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    highest  INTEGER NOT NULL
) STRICT;
INSERT INTO work_fence (only_row, highest) VALUES (1, 0);
CREATE TRIGGER work_fence_grows BEFORE UPDATE ON work_fence WHEN new.highest < old.highest
BEGIN SELECT RAISE(ABORT, 'a fence never goes back'); END;

CREATE TABLE policy_versions (
    number       INTEGER NOT NULL PRIMARY KEY CHECK (number >= 1),
    digest       TEXT    NOT NULL,
    text         TEXT    NOT NULL,
    activated_at TEXT    NOT NULL CHECK (activated_at GLOB '????-??-??T??:??:??.??????Z'),
    activated_by TEXT    NOT NULL
) STRICT;
CREATE INDEX policy_versions_by_digest ON policy_versions (digest, number);

CREATE VIEW policy_versions_json AS
SELECT number, digest, json_object(
    'number', number, 'digest', digest, 'text', text, 'activated_at', activated_at, 'activated_by', activated_by
) AS record
FROM policy_versions;

CREATE TABLE principals (
    principal     TEXT NOT NULL PRIMARY KEY,
    pseudonym     TEXT NOT NULL,
    first_seen_at TEXT NOT NULL CHECK (first_seen_at GLOB '????-??-??T??:??:??.??????Z')
) STRICT, WITHOUT ROWID;

-- Deliveries to outside channels. Written once there are channels.
CREATE TABLE deliveries (
    delivery_id TEXT    NOT NULL PRIMARY KEY,
    request_id  TEXT    NOT NULL REFERENCES mcp_action_requests (request_id),
    revision    INTEGER NOT NULL CHECK (revision >= 1),
    channel     TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('sent', 'failed', 'expired', 'abandoned')),
    created_at  TEXT    NOT NULL CHECK (created_at GLOB '????-??-??T??:??:??.??????Z')
) STRICT;

CREATE TABLE commits (
    commit_id    TEXT NOT NULL PRIMARY KEY,
    committed_at TEXT NOT NULL CHECK (committed_at GLOB '????-??-??T??:??:??.??????Z')
) STRICT, WITHOUT ROWID;
