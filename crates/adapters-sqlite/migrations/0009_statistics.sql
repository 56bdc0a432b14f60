-- The overview counts what was decided lately.
CREATE INDEX approval_votes_by_time ON approval_votes (voted_at);
CREATE INDEX mcp_action_requests_told ON mcp_action_requests (state_at) WHERE state IN ('answered', 'expired');
-- Whoever decides on a request sees what happened to its targets before.
CREATE INDEX action_steps_by_target ON action_steps (target, intended_at) WHERE state <> 'not_done';
