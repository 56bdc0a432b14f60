-- Writes the rows of a commit, table by table; $1 holds an array for each table that has rows. The rows a commit depends on are locked and
-- checked before (lock.sql), so that here only keys can be taken. Empty documents (JSON null) are kept as documents.
WITH
runs_new AS (
    INSERT INTO agent_sessions (
        run_id, agent_key, run_label, runtime_mode, project, repository, namespace, issue_number, pr_number,
        launched_by, budget_ms, status, finish_reason, registered_at, deadline_at, budget_left_ms, waiting_since,
        ending_at, finished_at, wait_state, wait_reason, timeout_guard_disabled, refusals_opened_at,
        refusals_recorded, refusals_suppressed, idle_calls_opened_at, idle_calls_recorded,
        idle_calls_suppressed, version
    )
    SELECT
        run_id, agent_key, run_label, runtime_mode, project, repository, namespace, issue_number, pr_number,
        launched_by, budget_ms, status, finish_reason, registered_at, deadline_at, budget_left_ms, waiting_since,
        ending_at, finished_at, wait_state, wait_reason, timeout_guard_disabled, refusals_opened_at,
        refusals_recorded, refusals_suppressed, idle_calls_opened_at, idle_calls_recorded,
        idle_calls_suppressed, version
    FROM jsonb_populate_recordset(NULL::agent_sessions, $1::jsonb -> 'runs_new')
),
runs_changed AS (
    UPDATE agent_sessions AS old SET
        agent_key = new.agent_key, run_label = new.run_label, runtime_mode = new.runtime_mode, project = new.project,
        repository = new.repository, namespace = new.namespace, issue_number = new.issue_number,
        pr_number = new.pr_number, launched_by = new.launched_by, budget_ms = new.budget_ms, status = new.status,
        finish_reason = new.finish_reason, registered_at = new.registered_at, deadline_at = new.deadline_at,
        budget_left_ms = new.budget_left_ms, waiting_since = new.waiting_since, ending_at = new.ending_at,
        finished_at = new.finished_at, wait_state = new.wait_state, wait_reason = new.wait_reason,
        timeout_guard_disabled = new.timeout_guard_disabled, refusals_opened_at = new.refusals_opened_at,
        refusals_recorded = new.refusals_recorded, refusals_suppressed = new.refusals_suppressed,
        idle_calls_opened_at = new.idle_calls_opened_at, idle_calls_recorded = new.idle_calls_recorded,
        idle_calls_suppressed = new.idle_calls_suppressed, version = new.version
    FROM jsonb_populate_recordset(NULL::agent_sessions, $1::jsonb -> 'runs_changed') AS new
    WHERE old.run_id = new.run_id
    RETURNING 1
),
requests_changed AS (
    UPDATE mcp_action_requests AS old SET
        correlation_id = new.correlation_id, run_id = new.run_id, project = new.project, agent_key = new.agent_key,
        launched_by = new.launched_by, tool = new.tool, action = new.action, environment = new.environment,
        intent_digest = new.intent_digest, call_key_hash = new.call_key_hash, open_intent = new.open_intent,
        requested_at = new.requested_at, revision = new.revision,
        payload_snapshot = COALESCE(new.payload_snapshot, 'null'),
        target_snapshot = COALESCE(new.target_snapshot, 'null'), plan_digest = new.plan_digest,
        policy_digest = new.policy_digest, terms = COALESCE(new.terms, 'null'), state = new.state,
        decide_by = new.decide_by, execute_by = new.execute_by, state_at = new.state_at,
        state_detail = COALESCE(new.state_detail, 'null'), version = new.version
    FROM jsonb_populate_recordset(NULL::mcp_action_requests, $1::jsonb -> 'requests_changed') AS new
    WHERE old.request_id = new.request_id
    RETURNING 1
),
requests_new AS (
    INSERT INTO mcp_action_requests (
        request_id, correlation_id, run_id, project, agent_key, launched_by, tool, action, environment, intent_digest,
        call_key_hash, open_intent, requested_at, revision, payload_snapshot, target_snapshot, plan_digest,
        policy_digest, terms, state, decide_by, execute_by, state_at, state_detail, version
    )
    SELECT
        request_id, correlation_id, run_id, project, agent_key, launched_by, tool, action, environment, intent_digest,
        call_key_hash, open_intent, requested_at, revision, COALESCE(payload_snapshot, 'null'),
        COALESCE(target_snapshot, 'null'), plan_digest, policy_digest, COALESCE(terms, 'null'), state, decide_by,
        execute_by, state_at, COALESCE(state_detail, 'null'), version
    FROM jsonb_populate_recordset(NULL::mcp_action_requests, $1::jsonb -> 'requests_new')
    WHERE (SELECT count(*) FROM requests_changed) >= 0
),
search AS (
    INSERT INTO request_search (request_id, requested_at, words)
    SELECT request_id, requested_at, array_to_tsvector(words)
    FROM jsonb_to_recordset($1::jsonb -> 'search') AS found (request_id text, requested_at timestamptz, words text[])
    ON CONFLICT (request_id) DO UPDATE SET requested_at = excluded.requested_at, words = excluded.words
),
waits AS (
    INSERT INTO run_waits (
        run_id, request_id, reason, wait_state, opened_at, closed_at
    )
    SELECT
        run_id, request_id, reason, wait_state, opened_at, closed_at
    FROM jsonb_populate_recordset(NULL::run_waits, $1::jsonb -> 'waits')
    ON CONFLICT (run_id, request_id) DO UPDATE SET
        reason = excluded.reason, wait_state = excluded.wait_state, opened_at = excluded.opened_at,
        closed_at = excluded.closed_at
),
votes AS (
    INSERT INTO approval_votes (
        request_id, revision, principal, choice, seen_digest, reason, input_mode, proof, voted_at, as_sole_owner,
        by_group, transcript
    )
    SELECT
        request_id, revision, principal, choice, seen_digest, reason, input_mode, proof, voted_at, as_sole_owner,
        by_group, transcript
    FROM jsonb_populate_recordset(NULL::approval_votes, $1::jsonb -> 'votes')
    ON CONFLICT (request_id, revision, principal) DO UPDATE SET
        choice = excluded.choice, seen_digest = excluded.seen_digest, reason = excluded.reason,
        input_mode = excluded.input_mode, proof = excluded.proof, voted_at = excluded.voted_at,
        as_sole_owner = excluded.as_sole_owner, by_group = excluded.by_group, transcript = excluded.transcript
),
keys AS (
    INSERT INTO call_keys (
        run_id, tool, key_hash, intent_digest, request_id, created_at
    )
    SELECT
        run_id, tool, key_hash, intent_digest, request_id, created_at
    FROM jsonb_populate_recordset(NULL::call_keys, $1::jsonb -> 'call_keys')
),
steps AS (
    INSERT INTO action_steps (
        request_id, revision, step_number, kind, target, state, intended_at, done_at, receipt, fence, attempts,
        quiet_until, failure_code, failure_message
    )
    SELECT
        request_id, revision, step_number, kind, target, state, intended_at, done_at, receipt, fence, attempts,
        quiet_until, failure_code, failure_message
    FROM jsonb_populate_recordset(NULL::action_steps, $1::jsonb -> 'steps')
    ON CONFLICT (request_id, revision, step_number) DO UPDATE SET
        kind = excluded.kind, target = excluded.target, state = excluded.state, intended_at = excluded.intended_at,
        done_at = excluded.done_at, receipt = excluded.receipt, fence = excluded.fence, attempts = excluded.attempts,
        quiet_until = excluded.quiet_until, failure_code = excluded.failure_code,
        failure_message = excluded.failure_message
),
sealed AS (
    INSERT INTO sealed_values (
        request_id, revision, purpose, master_key_id, wrapped_key, sealed_value, sealed_at
    )
    SELECT
        request_id, revision, purpose, master_key_id, wrapped_key, sealed_value, sealed_at
    FROM jsonb_populate_recordset(NULL::sealed_values, $1::jsonb -> 'sealed')
),
erased AS (
    DELETE FROM sealed_values WHERE request_id IN (SELECT jsonb_array_elements_text($1::jsonb -> 'erased'))
),
outcomes AS (
    INSERT INTO run_outcomes (
        run_id, request_id, status, next_action, detail, created_at, acknowledged_at, undeliverable_at
    )
    SELECT
        run_id, request_id, status, next_action, COALESCE(detail, 'null'), created_at, acknowledged_at,
        undeliverable_at
    FROM jsonb_populate_recordset(NULL::run_outcomes, $1::jsonb -> 'outcomes')
),
marks AS (
    UPDATE run_outcomes AS old SET
        acknowledged_at = COALESCE(old.acknowledged_at, new.acknowledged_at),
        undeliverable_at = COALESCE(old.undeliverable_at, new.undeliverable_at)
    FROM jsonb_populate_recordset(NULL::run_outcomes, $1::jsonb -> 'marks') AS new
    WHERE old.run_id = new.run_id AND old.request_id = new.request_id
),
databases_gone AS (
    DELETE FROM project_databases AS old
    USING jsonb_populate_recordset(NULL::project_databases, $1::jsonb -> 'databases_gone') AS gone
    WHERE old.server = gone.server AND old.database_name = gone.database_name
),
databases_changed AS (
    UPDATE project_databases AS old SET
        project = new.project, environment = new.environment, state = new.state, request_id = new.request_id,
        kept_as = new.kept_as, original_name = new.original_name, database_id = new.database_id,
        keep_until = new.keep_until, changed_at = new.changed_at
    FROM jsonb_populate_recordset(NULL::project_databases, $1::jsonb -> 'databases_changed') AS new
    WHERE old.server = new.server AND old.database_name = new.database_name
),
databases_new AS (
    INSERT INTO project_databases (
        server, database_name, project, environment, state, request_id, kept_as, original_name, database_id,
        keep_until, changed_at
    )
    SELECT
        server, database_name, project, environment, state, request_id, kept_as, original_name, database_id,
        keep_until, changed_at
    FROM jsonb_populate_recordset(NULL::project_databases, $1::jsonb -> 'databases_new')
),
events AS (
    INSERT INTO flow_events (
        event_id, at, event_type, actor_kind, actor_id, actor_proof, actor_pseudonym, run_id, request_id,
        correlation_id, project, policy_digest, plan_digest, detail, salt
    )
    SELECT
        event_id, at, event_type, actor_kind, actor_id, actor_proof, actor_pseudonym, run_id, request_id,
        correlation_id, project, policy_digest, plan_digest, COALESCE(detail, 'null'), salt
    FROM jsonb_populate_recordset(NULL::flow_events, $1::jsonb -> 'events')
),
inbox AS (
    INSERT INTO audit_inbox (event_id, entry)
    SELECT event_id, entry FROM jsonb_to_recordset($1::jsonb -> 'events') AS event (event_id text, entry text)
),
links_new AS (
    INSERT INTO links (
        from_kind, from_id, to_kind, to_id
    )
    SELECT
        from_kind, from_id, to_kind, to_id
    FROM jsonb_populate_recordset(NULL::links, $1::jsonb -> 'links')
    ON CONFLICT DO NOTHING
),
work_gone AS (
    DELETE FROM work_items AS old USING jsonb_populate_recordset(NULL::work_items, $1::jsonb -> 'work_gone') AS gone
    WHERE old.kind = gone.kind AND old.subject = gone.subject
),
work_due AS (
    INSERT INTO work_items (kind, subject, due_at)
    SELECT kind, subject, due_at FROM jsonb_populate_recordset(NULL::work_items, $1::jsonb -> 'work_due')
    ORDER BY kind, subject
    ON CONFLICT (kind, subject) DO UPDATE SET due_at = excluded.due_at, attempts = 0
),
work_anew AS (
    INSERT INTO work_items (kind, subject, due_at)
    SELECT kind, subject, due_at FROM jsonb_populate_recordset(NULL::work_items, $1::jsonb -> 'work_anew')
    ORDER BY kind, subject
    ON CONFLICT (kind, subject) DO UPDATE SET
        due_at = excluded.due_at, attempts = 0, fence = 0, leased_by = NULL, lease_until = NULL
),
policies AS (
    INSERT INTO policy_versions (
        number, digest, text, activated_at, activated_by
    )
    SELECT
        number, digest, text, activated_at, activated_by
    FROM jsonb_populate_recordset(NULL::policy_versions, $1::jsonb -> 'policies')
),
principals_new AS (
    INSERT INTO principals (
        principal, pseudonym, first_seen_at
    )
    SELECT
        principal, pseudonym, first_seen_at
    FROM jsonb_populate_recordset(NULL::principals, $1::jsonb -> 'principals')
)
SELECT
    (SELECT count(*) FROM runs_changed) AS "runs!",
    (SELECT count(*) FROM requests_changed) AS "requests!"
