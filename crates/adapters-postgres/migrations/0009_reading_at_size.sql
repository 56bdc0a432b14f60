-- Reading stays quick when there is much: words to find requests by, and an index for each filter of a list.

-- A row of its own, because a request's row is written anew with each change of its state, and the index of words with it.
CREATE TABLE request_search (
    request_id text COLLATE "C" PRIMARY KEY REFERENCES mcp_action_requests,
    requested_at timestamptz NOT NULL,
    words tsvector NOT NULL
);
COMMENT ON TABLE request_search IS 'The words by which requests are found. Made by the program, not by a text search configuration.';
COMMENT ON COLUMN request_search.requested_at IS 'That of the request, which never changes: the order of lists.';
-- Words are entered at once: no call pays for the words of calls before it.
CREATE INDEX request_search_words ON request_search USING gin (words) WITH (fastupdate = off);
CREATE INDEX request_search_by_age ON request_search (requested_at, request_id);

-- Requests that are there already are found by their ids and names, which are letters, digits and signs of ASCII.
INSERT INTO request_search (request_id, requested_at, words)
SELECT q.request_id, q.requested_at, array_to_tsvector(ARRAY(
    SELECT DISTINCT word FROM regexp_split_to_table(lower(concat_ws(' ',
        q.request_id, q.run_id, q.project, q.agent_key, q.tool, q.action, q.environment,
        r.repository, r.issue_number, r.pr_number)), '[^a-z0-9]+') AS word
    WHERE word <> ''))
FROM mcp_action_requests AS q JOIN agent_sessions AS r USING (run_id);

-- Lists of requests read each state by itself, oldest first: whatever is filtered by stands first, then the state.
CREATE INDEX mcp_action_requests_by_state ON mcp_action_requests (state, requested_at, request_id);
DROP INDEX mcp_action_requests_by_run;
CREATE INDEX mcp_action_requests_by_run ON mcp_action_requests (run_id, state, requested_at, request_id);
CREATE INDEX mcp_action_requests_by_project ON mcp_action_requests (project, state, requested_at, request_id);
CREATE INDEX mcp_action_requests_by_tool ON mcp_action_requests (tool, state, requested_at, request_id);
CREATE INDEX mcp_action_requests_by_environment ON mcp_action_requests (environment, state, requested_at, request_id);
-- These do nothing more that the ones above don't.
DROP INDEX mcp_action_requests_by_age;
DROP INDEX mcp_action_requests_unsettled;

CREATE INDEX agent_sessions_by_project ON agent_sessions (project, registered_at, run_id);
CREATE INDEX agent_sessions_by_agent ON agent_sessions (agent_key, registered_at, run_id);

CREATE INDEX flow_events_by_project ON flow_events (project, xid, position) WHERE project IS NOT NULL;
CREATE INDEX flow_events_by_type ON flow_events (event_type, xid, position);

-- What the migrations before granted, and the new table. Their function goes on under another name, whatever it has come to grant.
ALTER FUNCTION countersign_grant() RENAME TO countersign_grant_without_search;
CREATE FUNCTION countersign_grant() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM countersign_grant_without_search();
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'countersign_app') THEN
        GRANT SELECT, INSERT, UPDATE ON request_search TO countersign_app;
    END IF;
END
$$;
COMMENT ON FUNCTION countersign_grant() IS 'Grants the roles countersign_app, countersign_sequencer and countersign_eraser what they need, where they exist.';

SELECT countersign_grant();
