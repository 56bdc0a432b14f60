-- Repeated calls and dry runs of a run are counted as its refusals are, in a window of their own.
ALTER TABLE agent_sessions ADD COLUMN idle_calls_opened_at TEXT
    CHECK (idle_calls_opened_at GLOB '????-??-??T??:??:??.??????Z');
ALTER TABLE agent_sessions ADD COLUMN idle_calls_recorded INTEGER NOT NULL DEFAULT 0 CHECK (idle_calls_recorded >= 0);
ALTER TABLE agent_sessions ADD COLUMN idle_calls_suppressed INTEGER NOT NULL DEFAULT 0 CHECK (idle_calls_suppressed >= 0);

DROP VIEW agent_sessions_json;
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
    'refusals_recorded', refusals_recorded, 'refusals_suppressed', refusals_suppressed,
    'idle_calls_opened_at', idle_calls_opened_at, 'idle_calls_recorded', idle_calls_recorded,
    'idle_calls_suppressed', idle_calls_suppressed, 'version', version
) AS record
FROM agent_sessions;
