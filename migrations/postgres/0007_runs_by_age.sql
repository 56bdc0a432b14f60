-- Staff page through all runs, newest first, finished ones included.
CREATE INDEX agent_sessions_by_age ON agent_sessions (registered_at, run_id);
