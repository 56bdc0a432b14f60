//! The port [`Ledger`]. Each snapshot is one statement, so it shows one state of the database.

use async_trait::async_trait;
use countersign_audit::{ParsePseudonymError, Pseudonym};
use countersign_kernel::{CommitId, DatabaseName, Digest, Principal, RequestId, RunId};
use countersign_usecases::commit::Commit;
use countersign_usecases::port::{
    CallLookup, CallSnapshot, DatabaseSnapshot, Ledger, PolicyText, RequestSnapshot, RunSnapshot, StoreError,
};
use countersign_usecases::record::{
    CallRecords, DatabaseRecords, PolicyRecord, PolicyStampRecord, RequestBundle, RequestRecords, RunBundle,
    RunRecords, Stamp,
};
use sqlx::{query, query_scalar};

use crate::error::store_error;
use crate::register::DATABASES;
use crate::rows::Source;
use crate::store::SqliteStore;
use crate::writer::Job;

pub(crate) const RUNS: Source = Source { table: "agent_sessions", key: "run_id" };
pub(crate) const WAITS: Source = Source { table: "run_waits", key: "request_id" };
pub(crate) const OUTCOMES: Source = Source { table: "run_outcomes", key: "request_id" };
pub(crate) const REQUESTS: Source = Source { table: "mcp_action_requests", key: "request_id" };
pub(crate) const VOTES: Source = Source { table: "approval_votes", key: "request_id" };
pub(crate) const STEPS: Source = Source { table: "action_steps", key: "request_id" };
const SEALED: Source = Source { table: "sealed_values", key: "request_id" };
const POLICIES: Source = Source { table: "policy_versions", key: "number" };

#[async_trait]
impl Ledger for SqliteStore {
    async fn load_call(&self, run: &RunId, lookup: &CallLookup) -> Result<CallSnapshot, StoreError> {
        let (run, tool, action) = (run.as_str(), lookup.tool.as_str(), lookup.action.as_str());
        let intent = lookup.intent_digest.to_string();
        let key = lookup.key_hash.map(|hash| hash.to_string());
        let now = self.now();
        let found = query!(
            r#"WITH existing (request_id) AS (
                SELECT CASE
                    WHEN ?5 IS NULL THEN (SELECT request_id FROM mcp_action_requests
                        WHERE run_id = ?1 AND tool = ?2 AND action = ?3 AND intent_digest = ?4 AND open_intent = 1)
                    ELSE (SELECT request_id FROM call_keys WHERE run_id = ?1 AND tool = ?2 AND key_hash = ?5)
                END
            )
            SELECT
                (SELECT json_object('number', number, 'digest', digest) FROM policy_versions
                    ORDER BY number DESC LIMIT 1) AS "policy: String",
                (SELECT record FROM agent_sessions_json WHERE run_id = ?1) AS "run: String",
                (SELECT json_group_array(json(record) ORDER BY opened_at, request_id) FROM run_waits_json
                    WHERE run_id = ?1 AND closed_at IS NULL) AS "waits!: String",
                (SELECT request.record FROM mcp_action_requests_json AS request
                    WHERE request.request_id = existing.request_id) AS "request: String",
                (SELECT json_group_array(json(vote.record) ORDER BY vote.voted_at, vote.principal)
                    FROM approval_votes_json AS vote WHERE vote.request_id = existing.request_id) AS "votes!: String"
            FROM existing"#,
            run,
            tool,
            action,
            intent,
            key,
        )
        .fetch_one(self.readers())
        .await
        .map_err(store_error)?;
        CallSnapshot::from_records(CallRecords {
            now: Stamp(now),
            policy: read_policy(found.policy.as_deref())?,
            run: read_run(found.run.as_deref(), &found.waits)?,
            existing: read_request(found.request.as_deref(), &found.votes)?,
        })
    }

    async fn load_request(&self, id: RequestId) -> Result<Option<RequestSnapshot>, StoreError> {
        let id = id.to_string();
        let now = self.now();
        let found = query!(
            r#"SELECT
                (SELECT json_object('number', number, 'digest', digest) FROM policy_versions
                    ORDER BY number DESC LIMIT 1) AS "policy: String",
                request.record AS "request: String",
                (SELECT json_group_array(json(record) ORDER BY voted_at, principal) FROM approval_votes_json
                    WHERE request_id = ?1) AS "votes!: String",
                (SELECT record FROM agent_sessions_json AS run WHERE run.run_id = request.run_id) AS "run: String",
                (SELECT json_group_array(json(wait.record) ORDER BY wait.opened_at, wait.request_id) FROM run_waits_json AS wait
                    WHERE wait.run_id = request.run_id AND wait.closed_at IS NULL) AS "waits!: String",
                (SELECT json_group_array(json(record) ORDER BY revision, step_number) FROM action_steps_json
                    WHERE request_id = ?1) AS "steps!: String",
                (SELECT json_group_array(json(record) ORDER BY revision, purpose) FROM sealed_values_json
                    WHERE request_id = ?1) AS "sealed!: String"
            FROM mcp_action_requests_json AS request WHERE request.request_id = ?1"#,
            id,
        )
        .fetch_optional(self.readers())
        .await
        .map_err(store_error)?;
        let Some(found) = found else { return Ok(None) };
        let Some(request) = read_request(found.request.as_deref(), &found.votes)? else { return Ok(None) };
        let Some(run) = read_run(found.run.as_deref(), &found.waits)? else {
            let message = format!("run `{}` is not there", request.request.run_id);
            return Err(StoreError::Corrupt { table: REQUESTS.table, column: "run_id", id, message });
        };
        let records = RequestRecords {
            now: Stamp(now),
            policy: read_policy(found.policy.as_deref())?,
            request,
            run,
            steps: STEPS.read_list(&found.steps)?,
            sealed: SEALED.read_list(&found.sealed)?,
        };
        RequestSnapshot::from_records(records).map(Some)
    }

    async fn load_run(&self, id: &RunId) -> Result<RunSnapshot, StoreError> {
        let id = id.as_str();
        let now = self.now();
        let found = query!(
            r#"SELECT
                (SELECT json_object('number', number, 'digest', digest) FROM policy_versions
                    ORDER BY number DESC LIMIT 1) AS "policy: String",
                (SELECT record FROM agent_sessions_json WHERE run_id = ?1) AS "run: String",
                (SELECT json_group_array(json(record) ORDER BY opened_at, request_id) FROM run_waits_json
                    WHERE run_id = ?1 AND closed_at IS NULL) AS "waits!: String",
                (SELECT json_group_array(json(record) ORDER BY created_at, request_id) FROM run_outcomes_json
                    WHERE run_id = ?1 AND acknowledged_at IS NULL) AS "unread!: String""#,
            id,
        )
        .fetch_one(self.readers())
        .await
        .map_err(store_error)?;
        RunSnapshot::from_records(RunRecords {
            now: Stamp(now),
            policy: read_policy(found.policy.as_deref())?,
            run: read_run(found.run.as_deref(), &found.waits)?,
            unread: OUTCOMES.read_list(&found.unread)?,
        })
    }

    async fn load_database(&self, server: &str, name: &DatabaseName) -> Result<DatabaseSnapshot, StoreError> {
        let name = name.as_str();
        let now = self.now();
        let found = query!(
            r#"SELECT
                (SELECT json_object('number', number, 'digest', digest) FROM policy_versions
                    ORDER BY number DESC LIMIT 1) AS "policy: String",
                (SELECT record FROM project_databases_json WHERE server = ?1 AND database_name = ?2) AS "owner: String""#,
            server,
            name,
        )
        .fetch_one(self.readers())
        .await
        .map_err(store_error)?;
        DatabaseSnapshot::from_records(DatabaseRecords {
            now: Stamp(now),
            policy: read_policy(found.policy.as_deref())?,
            owner: found.owner.as_deref().map(|text| DATABASES.read(text)).transpose()?,
        })
    }

    async fn load_policy(&self, digest: Option<Digest>) -> Result<Option<PolicyText>, StoreError> {
        let digest = digest.map(|digest| digest.to_string());
        let found = query_scalar!(
            r#"SELECT record AS "record!: String" FROM policy_versions_json
            WHERE ?1 IS NULL OR digest = ?1 ORDER BY number DESC LIMIT 1"#,
            digest,
        )
        .fetch_optional(self.readers())
        .await
        .map_err(store_error)?;
        found.map(|text| POLICIES.read::<PolicyRecord>(&text)?.try_into()).transpose()
    }

    async fn find_pseudonym(&self, principal: &Principal) -> Result<Option<Pseudonym>, StoreError> {
        let id = principal.as_str();
        let found = query_scalar!("SELECT pseudonym FROM principals WHERE principal = ?1", id)
            .fetch_optional(self.readers())
            .await
            .map_err(store_error)?;
        let damaged = |error: ParsePseudonymError| StoreError::Corrupt {
            table: "principals",
            column: "pseudonym",
            id: id.to_owned(),
            message: error.to_string(),
        };
        found.map(|text| text.parse().map_err(damaged)).transpose()
    }

    async fn approval_on_record(&self, request: RequestId, plan: Digest) -> Result<bool, StoreError> {
        let (request, plan) = (request.to_string(), plan.to_string());
        let found = query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM flow_events JOIN audit_inbox USING (event_id)
                WHERE request_id = ?1 AND plan_digest = ?2 AND event_type = 'approval.approved') AS "found!: bool""#,
            request,
            plan,
        );
        found.fetch_one(self.readers()).await.map_err(store_error)
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.write(commit.records()).await
    }

    async fn find_commit(&self, id: CommitId) -> Result<bool, StoreError> {
        let id = id.to_string();
        let found = query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM commits WHERE commit_id = ?1) AS "found!: bool""#,
            id,
        );
        found.fetch_one(self.readers()).await.map_err(store_error)
    }

    async fn heartbeat(&self, run: &RunId) -> Result<bool, StoreError> {
        let run = run.to_string();
        self.ask(|reply| Job::Heartbeat(run, reply)).await
    }
}

fn read_policy(record: Option<&str>) -> Result<Option<PolicyStampRecord>, StoreError> {
    record.map(|text| POLICIES.read(text)).transpose()
}

/// A run with its open waits.
pub(crate) fn read_run(record: Option<&str>, waits: &str) -> Result<Option<RunBundle>, StoreError> {
    let Some(record) = record else { return Ok(None) };
    Ok(Some(RunBundle { run: RUNS.read(record)?, waits: WAITS.read_list(waits)? }))
}

/// A request with its votes.
pub(crate) fn read_request(record: Option<&str>, votes: &str) -> Result<Option<RequestBundle>, StoreError> {
    let Some(record) = record else { return Ok(None) };
    Ok(Some(RequestBundle { request: REQUESTS.read(record)?, votes: VOTES.read_list(votes)? }))
}
