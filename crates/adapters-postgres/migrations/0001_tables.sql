-- The tables of the ledger. Columns are the members of the records in crates/usecases/src/record; docs/architecture.md explains them.
--
-- Ids are text compared byte by byte (COLLATE "C"): rows are locked in the order of their keys, and that order must be the same whatever
-- locale a database was created with.

CREATE TABLE agent_sessions (
    run_id text COLLATE "C" PRIMARY KEY,
    agent_key text NOT NULL,
    run_label text NOT NULL,
    runtime_mode text NOT NULL,
    project text NOT NULL,
    repository text,
    namespace text,
    issue_number bigint,
    pr_number bigint,
    launched_by text NOT NULL,
    budget_ms bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'waiting', 'ending', 'finished')),
    finish_reason text,
    registered_at timestamptz NOT NULL,
    deadline_at timestamptz,
    budget_left_ms bigint,
    waiting_since timestamptz,
    ending_at timestamptz,
    finished_at timestamptz,
    wait_state text CHECK (wait_state IN ('waiting_mcp', 'waiting_owner_review')),
    wait_reason text,
    timeout_guard_disabled boolean NOT NULL,
    last_heartbeat_at timestamptz,
    refusals_opened_at timestamptz,
    refusals_recorded bigint NOT NULL,
    refusals_suppressed bigint NOT NULL,
    version bigint NOT NULL,
    -- A budget runs or is paused, never both.
    CHECK (status <> 'running' OR (deadline_at IS NOT NULL AND budget_left_ms IS NULL)),
    CHECK (status <> 'waiting' OR (deadline_at IS NULL AND budget_left_ms IS NOT NULL))
);
COMMENT ON TABLE agent_sessions IS 'Runs: one execution of an agent each.';
COMMENT ON COLUMN agent_sessions.deadline_at IS 'When the time budget is spent; empty while it is paused.';
COMMENT ON COLUMN agent_sessions.budget_left_ms IS 'What is left of the time budget while the run waits.';
COMMENT ON COLUMN agent_sessions.wait_state IS 'That of the oldest open wait; run_waits has them all.';
COMMENT ON COLUMN agent_sessions.timeout_guard_disabled IS 'Whether the time budget is paused.';
COMMENT ON COLUMN agent_sessions.last_heartbeat_at IS 'The last sign of life; grows without a new version.';
CREATE INDEX agent_sessions_open ON agent_sessions (registered_at, run_id) WHERE status <> 'finished';

CREATE TABLE mcp_action_requests (
    request_id text COLLATE "C" PRIMARY KEY,
    correlation_id text NOT NULL,
    run_id text COLLATE "C" NOT NULL REFERENCES agent_sessions,
    project text NOT NULL,
    agent_key text NOT NULL,
    launched_by text NOT NULL,
    tool text NOT NULL,
    action text NOT NULL,
    environment text,
    intent_digest text NOT NULL,
    call_key_hash text,
    open_intent boolean NOT NULL,
    requested_at timestamptz NOT NULL,
    revision bigint NOT NULL,
    payload_snapshot jsonb NOT NULL,
    target_snapshot jsonb NOT NULL,
    plan_digest text NOT NULL,
    policy_digest text NOT NULL,
    terms jsonb NOT NULL,
    state text NOT NULL CHECK (state IN (
        'requested', 'approved', 'applying', 'unknown', 'applied', 'answered', 'denied', 'expired', 'cancelled', 'failed')),
    decide_by timestamptz,
    execute_by timestamptz,
    state_at timestamptz NOT NULL,
    state_detail jsonb NOT NULL,
    version bigint NOT NULL
);
COMMENT ON TABLE mcp_action_requests IS 'Calls of control tools that policy let in.';
COMMENT ON COLUMN mcp_action_requests.intent_digest IS 'What is wanted: stable when the world or the policy text moves.';
COMMENT ON COLUMN mcp_action_requests.plan_digest IS 'What the approver sees and what will run.';
COMMENT ON COLUMN mcp_action_requests.call_key_hash IS 'SHA-256 of the key the caller gave, if it gave one.';
COMMENT ON COLUMN mcp_action_requests.open_intent IS 'The request is open and is recognised by its intent, because its caller gave no key.';
COMMENT ON COLUMN mcp_action_requests.payload_snapshot IS 'The call.';
COMMENT ON COLUMN mcp_action_requests.target_snapshot IS 'The plan.';
-- The same intent again meets the open request instead of making another.
CREATE UNIQUE INDEX mcp_action_requests_open_intent ON mcp_action_requests (run_id, tool, action, intent_digest) WHERE open_intent;
CREATE INDEX mcp_action_requests_by_age ON mcp_action_requests (requested_at, request_id);
CREATE INDEX mcp_action_requests_by_run ON mcp_action_requests (run_id, requested_at, request_id);
-- What staff list all day is a small part of the table.
CREATE INDEX mcp_action_requests_unsettled ON mcp_action_requests (requested_at, request_id)
    WHERE state IN ('requested', 'approved', 'applying', 'unknown');

CREATE TABLE run_waits (
    run_id text COLLATE "C" NOT NULL REFERENCES agent_sessions,
    request_id text COLLATE "C" NOT NULL REFERENCES mcp_action_requests,
    reason text NOT NULL,
    wait_state text NOT NULL CHECK (wait_state IN ('waiting_mcp', 'waiting_owner_review')),
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    PRIMARY KEY (run_id, request_id)
);
COMMENT ON TABLE run_waits IS 'A run waiting on a request: one row for each wait, closed when the request settles.';
CREATE INDEX run_waits_open ON run_waits (run_id, opened_at, request_id) WHERE closed_at IS NULL;

CREATE TABLE run_outcomes (
    run_id text COLLATE "C" NOT NULL REFERENCES agent_sessions,
    request_id text COLLATE "C" NOT NULL REFERENCES mcp_action_requests,
    status text NOT NULL,
    next_action text NOT NULL,
    detail jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    acknowledged_at timestamptz,
    undeliverable_at timestamptz,
    PRIMARY KEY (run_id, request_id)
);
COMMENT ON TABLE run_outcomes IS 'What agents are told in the end, kept until they acknowledge it.';
COMMENT ON COLUMN run_outcomes.undeliverable_at IS 'When the run ended with the outcome unread.';
CREATE INDEX run_outcomes_unread ON run_outcomes (run_id, created_at, request_id) WHERE acknowledged_at IS NULL;

CREATE TABLE approval_votes (
    request_id text COLLATE "C" NOT NULL REFERENCES mcp_action_requests,
    revision bigint NOT NULL,
    principal text NOT NULL,
    choice text NOT NULL CHECK (choice IN ('approve', 'deny')),
    seen_digest text NOT NULL,
    reason text,
    input_mode text NOT NULL,
    proof text NOT NULL,
    voted_at timestamptz NOT NULL,
    as_sole_owner boolean NOT NULL,
    PRIMARY KEY (request_id, revision, principal)
);
COMMENT ON TABLE approval_votes IS 'Decisions of approvers, those on earlier revisions included.';
COMMENT ON COLUMN approval_votes.seen_digest IS 'The plan digest the approver was shown.';
COMMENT ON COLUMN approval_votes.as_sole_owner IS 'The voter launched the run and is the only owner of a project that allows it.';

CREATE TABLE call_keys (
    run_id text COLLATE "C" NOT NULL REFERENCES agent_sessions,
    tool text NOT NULL,
    key_hash text NOT NULL,
    intent_digest text NOT NULL,
    request_id text COLLATE "C" NOT NULL REFERENCES mcp_action_requests,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (run_id, tool, key_hash)
);
COMMENT ON TABLE call_keys IS 'Keys that callers gave: each is taken for ever, whatever becomes of its request.';

CREATE TABLE action_steps (
    request_id text COLLATE "C" NOT NULL REFERENCES mcp_action_requests,
    revision bigint NOT NULL,
    step_number bigint NOT NULL,
    kind text NOT NULL,
    target text NOT NULL,
    state text NOT NULL CHECK (state IN ('intended', 'not_done', 'done')),
    intended_at timestamptz NOT NULL,
    done_at timestamptz,
    receipt jsonb,
    fence bigint NOT NULL,
    attempts bigint NOT NULL,
    PRIMARY KEY (request_id, revision, step_number)
);
COMMENT ON TABLE action_steps IS 'Steps of plans that were begun: each is written down before the target is, and again after.';
COMMENT ON COLUMN action_steps.fence IS 'The fence of the executor that touched it last.';
-- Two executors never write one target at the same time, whatever their requests are.
CREATE UNIQUE INDEX action_steps_active_target ON action_steps (target) WHERE state = 'intended';

CREATE TABLE sealed_values (
    request_id text COLLATE "C" NOT NULL REFERENCES mcp_action_requests,
    revision bigint NOT NULL,
    purpose text NOT NULL,
    master_key_id text NOT NULL,
    wrapped_key text NOT NULL,
    sealed_value text NOT NULL,
    sealed_at timestamptz NOT NULL,
    PRIMARY KEY (request_id, revision, purpose)
);
COMMENT ON TABLE sealed_values IS 'Generated secrets, sealed, until their request settles. Write-ahead logs and backups keep what was here.';

CREATE TABLE project_databases (
    server text NOT NULL,
    database_name text NOT NULL,
    project text NOT NULL,
    environment text NOT NULL,
    state text NOT NULL CHECK (state IN ('reserved', 'active', 'quarantined')),
    request_id text NOT NULL,
    kept_as text,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (server, database_name)
);
COMMENT ON TABLE project_databases IS 'Which databases on the configured servers are ours, and whose.';
COMMENT ON COLUMN project_databases.kept_as IS 'The name it is kept under while quarantined.';

CREATE TABLE flow_events (
    event_id text COLLATE "C" PRIMARY KEY,
    at timestamptz NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    actor_kind text NOT NULL,
    actor_id text,
    actor_proof text NOT NULL,
    actor_pseudonym text NOT NULL,
    run_id text COLLATE "C",
    request_id text COLLATE "C",
    correlation_id text,
    project text,
    policy_digest text,
    plan_digest text,
    detail jsonb,
    salt text,
    position bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
COMMENT ON TABLE flow_events IS 'Audited facts. Inserted only; the eraser may empty actor_id, detail and salt.';
COMMENT ON COLUMN flow_events.salt IS 'The random salt of the commitment in the log entry, in hex.';
COMMENT ON COLUMN flow_events.position IS 'The order of events within one transaction.';
COMMENT ON COLUMN flow_events.xid IS
    'The transaction that wrote it. Readers page by (xid, position) below the oldest transaction still running, so that one which commits late is not skipped. Counted by each cluster for itself: after a logical restore into another cluster, set it to 0 in all rows before the first start.';
CREATE INDEX flow_events_in_order ON flow_events (xid, position);
CREATE INDEX flow_events_by_run ON flow_events (run_id, xid, position) WHERE run_id IS NOT NULL;
CREATE INDEX flow_events_by_request ON flow_events (request_id, xid, position) WHERE request_id IS NOT NULL;

-- Below which transaction no event can appear any more: the oldest one still running, of those that may write here. Transactions are
-- counted for the whole cluster; one that is known to run in another database holds nobody up. One that is in the snapshot and not (or not
-- yet, or no longer) among the locks counts as ours. Locks are looked at only when there is an event above the oldest transaction.
CREATE FUNCTION countersign_event_horizon() RETURNS xid8 LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN NOT EXISTS (SELECT FROM flow_events WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()))
            THEN pg_snapshot_xmin(pg_current_snapshot())
        ELSE COALESCE((
            SELECT min(running::text::numeric)::text::xid8 FROM pg_snapshot_xip(pg_current_snapshot()) AS running
            WHERE running::xid NOT IN (
                SELECT held.transactionid FROM pg_locks AS held JOIN pg_stat_activity AS session USING (pid)
                WHERE held.locktype = 'transactionid' AND held.mode = 'ExclusiveLock' AND held.granted
                    AND session.datid <> (SELECT oid FROM pg_database WHERE datname = current_database()))
        ), pg_snapshot_xmax(pg_current_snapshot()))
    END
$$;
COMMENT ON FUNCTION countersign_event_horizon() IS 'Readers of flow_events page below this transaction.';

CREATE TABLE audit_inbox (
    event_id text COLLATE "C" PRIMARY KEY REFERENCES flow_events,
    entry text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT statement_timestamp()
);
COMMENT ON TABLE audit_inbox IS 'Log entries not in the log yet. Inserted by writers, removed by the sequencer.';
COMMENT ON COLUMN audit_inbox.entry IS 'The final bytes of the entry (canonical JSON, UTF-8).';
CREATE INDEX audit_inbox_by_age ON audit_inbox (added_at);

CREATE TABLE links (
    from_kind text NOT NULL,
    from_id text NOT NULL,
    to_kind text NOT NULL,
    to_id text NOT NULL,
    PRIMARY KEY (from_kind, from_id, to_kind, to_id)
);
COMMENT ON TABLE links IS 'What belongs together: issues, pull requests, runs, requests, deliveries, events.';
CREATE INDEX links_backwards ON links (to_kind, to_id);

CREATE TABLE work_items (
    kind text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    due_at timestamptz NOT NULL,
    fence bigint NOT NULL DEFAULT 0,
    leased_by text,
    lease_until timestamptz,
    attempts bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, subject)
);
COMMENT ON TABLE work_items IS 'Everything that happens later or by time. Workers lease due rows.';
COMMENT ON COLUMN work_items.fence IS 'Grows with every lease of any row: a worker that lost its lease can''t write.';
COMMENT ON COLUMN work_items.lease_until IS 'A lease that ran out is as good as none.';
CREATE INDEX work_items_due ON work_items (due_at);
CREATE SEQUENCE work_fence AS bigint;

CREATE TABLE policy_versions (
    number bigint PRIMARY KEY CHECK (number > 0),
    digest text NOT NULL,
    text text NOT NULL,
    activated_at timestamptz NOT NULL,
    activated_by text NOT NULL
);
COMMENT ON TABLE policy_versions IS 'Every policy text that was activated; the one with the highest number is active.';
CREATE INDEX policy_versions_by_digest ON policy_versions (digest, number);

CREATE TABLE principals (
    principal text PRIMARY KEY,
    pseudonym text NOT NULL UNIQUE,
    first_seen_at timestamptz NOT NULL
);
COMMENT ON TABLE principals IS 'The mapping from names to the pseudonyms the log knows. Erasing a row makes the log anonymous.';

CREATE TABLE deliveries (
    delivery_id text PRIMARY KEY,
    request_id text COLLATE "C" NOT NULL REFERENCES mcp_action_requests,
    revision bigint NOT NULL,
    channel text NOT NULL,
    state text NOT NULL CHECK (state IN ('sent', 'failed', 'expired', 'abandoned')),
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE deliveries IS 'Attempts to bring a request to an outside adapter.';
CREATE INDEX deliveries_by_request ON deliveries (request_id);

CREATE TABLE commits (
    commit_id uuid PRIMARY KEY,
    committed_at timestamptz NOT NULL DEFAULT statement_timestamp()
);
COMMENT ON TABLE commits IS 'Commits that were written: looked up when a connection was lost, so rows older than any client waits may be deleted.';
CREATE INDEX commits_by_age ON commits (committed_at);
