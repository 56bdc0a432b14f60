-- Words to find requests by.
CREATE TABLE request_words (
    request_id TEXT NOT NULL REFERENCES mcp_action_requests (request_id),
    word       TEXT NOT NULL CHECK (word <> ''),
    PRIMARY KEY (request_id, word)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_words_by_word ON request_words (word);

-- Requests that are there already are found by their ids and names: what separates their words is one of `-._:/#`.
INSERT OR IGNORE INTO request_words (request_id, word)
SELECT named.request_id, part.value
FROM (
    SELECT q.request_id, lower(concat_ws('-', q.request_id, q.run_id, q.project, q.agent_key, q.tool, q.action, q.environment,
        r.repository, r.issue_number, r.pr_number)) AS names
    FROM mcp_action_requests AS q JOIN agent_sessions AS r ON r.run_id = q.run_id
) AS named,
json_each('["' || replace(replace(replace(replace(replace(replace(named.names,
    '.', '-'), '_', '-'), ':', '-'), '/', '-'), '#', '-'), '-', '","') || '"]') AS part
WHERE part.value <> '';
