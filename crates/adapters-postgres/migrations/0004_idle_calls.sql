-- Repeated calls and dry runs of a run are counted as its refusals are, in a window of their own. The defaults are for the rows that are
-- there, and for replicas of the version before.
ALTER TABLE agent_sessions
    ADD COLUMN idle_calls_opened_at timestamptz,
    ADD COLUMN idle_calls_recorded bigint NOT NULL DEFAULT 0,
    ADD COLUMN idle_calls_suppressed bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN agent_sessions.idle_calls_suppressed IS 'Repeated calls and dry runs since the last recorded one.';
