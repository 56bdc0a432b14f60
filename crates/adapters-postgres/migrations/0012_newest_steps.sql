-- The watcher goes through all targets a page at a time, and reads the newest step of each; the steps of one target are read the same way.
CREATE INDEX action_steps_newest ON action_steps (target COLLATE "C", intended_at DESC, request_id DESC, revision DESC) WHERE state <> 'not_done';
DROP INDEX action_steps_by_target;
