//! The port [`Ledger`]: each snapshot is one document, read in one round trip, with the database's clock in it.

use async_trait::async_trait;
use countersign_audit::Pseudonym;
use countersign_kernel::{CommitId, DatabaseName, Digest, Principal, RequestId, RunId};
use countersign_usecases::commit::Commit;
use countersign_usecases::port::{
    CallLookup, CallSnapshot, DatabaseSnapshot, Ledger, PolicyText, RequestSnapshot, RunSnapshot, StoreError,
};
use countersign_usecases::record::PolicyRecord;

use super::PgStore;
use crate::error::{read, store_error};

#[async_trait]
impl Ledger for PgStore {
    async fn load_call(&self, run: &RunId, lookup: &CallLookup) -> Result<CallSnapshot, StoreError> {
        let document = sqlx::query_file_scalar!(
            "src/store/ledger/load_call.sql",
            run.as_str(),
            lookup.tool.as_str(),
            lookup.action.as_str(),
            lookup.intent_digest.to_string(),
            lookup.key_hash.map(|hash| hash.to_string())
        )
        .fetch_one(&self.pool)
        .await
        .map_err(store_error)?;
        CallSnapshot::from_records(read(&document, "agent_sessions", run.as_str())?)
    }

    async fn load_request(&self, id: RequestId) -> Result<Option<RequestSnapshot>, StoreError> {
        let id = id.to_string();
        let document = sqlx::query_file_scalar!("src/store/ledger/load_request.sql", id)
            .fetch_optional(&self.pool)
            .await
            .map_err(store_error)?;
        let records = document.map(|document| read(&document, "mcp_action_requests", &id)).transpose()?;
        records.map(RequestSnapshot::from_records).transpose()
    }

    async fn load_run(&self, id: &RunId) -> Result<RunSnapshot, StoreError> {
        let document = sqlx::query_file_scalar!("src/store/ledger/load_run.sql", id.as_str())
            .fetch_one(&self.pool)
            .await
            .map_err(store_error)?;
        RunSnapshot::from_records(read(&document, "agent_sessions", id.as_str())?)
    }

    async fn load_database(&self, server: &str, name: &DatabaseName) -> Result<DatabaseSnapshot, StoreError> {
        let document = sqlx::query_file_scalar!("src/store/ledger/load_database.sql", server, name.as_str())
            .fetch_one(&self.pool)
            .await
            .map_err(store_error)?;
        DatabaseSnapshot::from_records(read(&document, "project_databases", name.as_str())?)
    }

    async fn load_policy(&self, digest: Option<Digest>) -> Result<Option<PolicyText>, StoreError> {
        let digest = digest.map(|digest| digest.to_string());
        let document = sqlx::query_scalar!(
            r#"SELECT row_to_json(p)::text AS "row!" FROM policy_versions AS p
               WHERE $1::text IS NULL OR p.digest = $1 ORDER BY p.number DESC LIMIT 1"#,
            digest.as_deref()
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(store_error)?;
        let id = digest.as_deref().unwrap_or("the active one");
        let record: Option<PolicyRecord> =
            document.map(|document| read(&document, "policy_versions", id)).transpose()?;
        record.map(TryInto::try_into).transpose()
    }

    async fn find_pseudonym(&self, principal: &Principal) -> Result<Option<Pseudonym>, StoreError> {
        let found =
            sqlx::query_scalar!("SELECT pseudonym FROM principals WHERE principal = $1", principal.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(store_error)?;
        let parsed = found.map(|text| Pseudonym::parse(&text)).transpose();
        parsed.map_err(|error| StoreError::Corrupt {
            table: "principals",
            column: "pseudonym",
            id: principal.to_string(),
            message: error.to_string(),
        })
    }

    async fn approval_on_record(&self, request: RequestId, plan: Digest) -> Result<bool, StoreError> {
        sqlx::query_scalar!(
            r#"SELECT EXISTS (
                   SELECT FROM flow_events JOIN audit_inbox USING (event_id)
                   WHERE request_id = $1 AND plan_digest = $2 AND event_type = 'approval.approved'
               ) AS "found!""#,
            request.to_string(),
            plan.to_string()
        )
        .fetch_one(&self.pool)
        .await
        .map_err(store_error)
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.write_commit(&commit).await
    }

    async fn find_commit(&self, id: CommitId) -> Result<bool, StoreError> {
        self.commit_is_written(id).await
    }

    async fn heartbeat(&self, run: &RunId) -> Result<bool, StoreError> {
        let beaten = sqlx::query!(
            "UPDATE agent_sessions SET last_heartbeat_at = greatest(last_heartbeat_at, clock_timestamp())
             WHERE run_id = $1 AND status IN ('running', 'waiting')",
            run.as_str()
        )
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(beaten.rows_affected() > 0)
    }
}
