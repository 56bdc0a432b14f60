-- Steps can be taken back, are left alone while an attempt may still arrive, and keep why their last attempt failed.
ALTER TABLE action_steps DROP CONSTRAINT action_steps_state_check;
ALTER TABLE action_steps ADD CONSTRAINT action_steps_state_check
    CHECK (state IN ('intended', 'not_done', 'done', 'undoing', 'undone'));
ALTER TABLE action_steps ADD COLUMN quiet_until timestamptz;
ALTER TABLE action_steps ADD COLUMN failure_code text;
ALTER TABLE action_steps ADD COLUMN failure_message text;
COMMENT ON COLUMN action_steps.quiet_until IS 'Until when an attempt whose answer never came may still arrive.';
COMMENT ON COLUMN action_steps.failure_code IS 'Why the last attempt ended without effect.';
-- A step that is being taken back holds its target as one that is being taken does.
DROP INDEX action_steps_active_target;
CREATE UNIQUE INDEX action_steps_active_target ON action_steps (target) WHERE state IN ('intended', 'undoing');
