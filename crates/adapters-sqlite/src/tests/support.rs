//! A store in a folder of its own, a clock, plain rows, and a look at all tables.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use countersign_kernel::{CommitId, Digest, EventId, Millis, RequestId, Timestamp, WorkerId};
use countersign_usecases::commit::{CommitRecords, Versioned};
use countersign_usecases::port::StoreError;
use countersign_usecases::record::{EventRecord, RequestRecord, RunRecord, SealedRecord, Stamp};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tempfile::TempDir;

use crate::{SqliteOptions, SqliteStore};

pub(super) const START: Timestamp = Timestamp::from_unix_micros(1_767_600_000_000_000);

/// Moves one microsecond with each reading, so that every transaction has a time of its own.
#[derive(Clone)]
pub(super) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(super) fn advance(&self, span: Millis) {
        self.0.fetch_add(i64::try_from(span.0 * 1000).unwrap(), Ordering::SeqCst);
    }
}

pub(super) struct Bench {
    pub(super) folder: TempDir,
    pub(super) clock: Clock,
    pub(super) store: SqliteStore,
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(SqliteOptions::default()).await
    }

    pub(super) async fn with(options: SqliteOptions) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Clock(Arc::new(AtomicI64::new(START.unix_micros())));
        let store = open(&folder, &clock, options).await;
        Self { folder, clock, store }
    }

    pub(super) async fn reopen(self) -> Self {
        self.store.close().await;
        let store = open(&self.folder, &self.clock, SqliteOptions::default()).await;
        Self { store, ..self }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    /// Another connection to the file, as an administrator or a vandal has it.
    pub(super) async fn vandal(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path()).foreign_keys(false);
        let options = options.pragma("ignore_check_constraints", "ON");
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    pub(super) async fn vandalize(&self, statement: &'static str) -> Result<(), sqlx::Error> {
        let mut connection = self.vandal().await;
        sqlx::query(statement).execute(&mut connection).await?;
        connection.close().await
    }

    /// Every row of every table, the counter of AUTOINCREMENT aside.
    pub(super) async fn dump(&self) -> Vec<String> {
        let mut connection = self.vandal().await;
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%sqlite%' AND name NOT LIKE '%sqlx%'";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
        let mut rows = Vec::new();
        for table in tables {
            let columns = format!("SELECT group_concat(name) FROM pragma_table_info('{table}')");
            let columns: String =
                sqlx::query_scalar(AssertSqlSafe(columns)).fetch_one(&mut connection).await.unwrap();
            let every = format!("SELECT '{table} ' || json_array({columns}) FROM {table} ORDER BY 1");
            let found: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(every)).fetch_all(&mut connection).await.unwrap();
            rows.extend(found);
        }
        rows
    }

    pub(super) async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(&mut self.vandal().await).await.unwrap()
    }
}

async fn open(folder: &TempDir, clock: &Clock, options: SqliteOptions) -> SqliteStore {
    let clock = clock.clone();
    let now = move || Timestamp::from_unix_micros(clock.0.fetch_add(1, Ordering::SeqCst));
    SqliteStore::open(folder.path().join("ledger.db"), options, now).await.unwrap()
}

pub(super) fn bytes(number: u64) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&number.to_be_bytes());
    bytes
}

pub(super) fn request_id(number: u64) -> String {
    RequestId::from_parts(START, bytes(number)).to_string()
}

pub(super) fn worker(number: u64) -> WorkerId {
    WorkerId::from_parts(START, bytes(number))
}

pub(super) fn digest(text: &str) -> String {
    Digest::of_bytes(text.as_bytes()).to_string()
}

/// An empty commit.
pub(super) fn records(number: u64) -> CommitRecords {
    CommitRecords {
        id: CommitId::from_parts(START, bytes(number)),
        guards: vec![],
        runs: vec![],
        requests: vec![],
        search: vec![],
        waits: vec![],
        votes: vec![],
        call_keys: vec![],
        steps: vec![],
        sealed: vec![],
        erased_requests: vec![],
        outcomes: vec![],
        outcome_marks: vec![],
        databases: vec![],
        events: vec![],
        links: vec![],
        work: vec![],
        policies: vec![],
        principals: vec![],
    }
}

pub(super) fn run(id: &str) -> RunRecord {
    RunRecord {
        run_id: id.to_owned(),
        agent_key: "sre".to_owned(),
        run_label: "run:ops".to_owned(),
        runtime_mode: "full-env".to_owned(),
        project: "shop".to_owned(),
        repository: None,
        namespace: Some("shop-dev".to_owned()),
        issue_number: Some(7),
        pr_number: None,
        launched_by: "user:github:alice".to_owned(),
        budget_ms: 60_000,
        status: "running".to_owned(),
        finish_reason: None,
        registered_at: Stamp(START),
        deadline_at: Some(Stamp(START.plus(Millis(60_000)))),
        budget_left_ms: None,
        waiting_since: None,
        ending_at: None,
        finished_at: None,
        wait_state: None,
        wait_reason: None,
        timeout_guard_disabled: false,
        last_heartbeat_at: None,
        refusals_opened_at: None,
        refusals_recorded: 0,
        refusals_suppressed: 0,
        idle_calls_opened_at: None,
        idle_calls_recorded: 0,
        idle_calls_suppressed: 0,
        version: 1,
    }
}

pub(super) fn request(number: u64, run: &str, intent: &str) -> RequestRecord {
    RequestRecord {
        request_id: request_id(number),
        correlation_id: request_id(number + 1_000_000),
        run_id: run.to_owned(),
        project: "shop".to_owned(),
        agent_key: "sre".to_owned(),
        launched_by: "user:github:alice".to_owned(),
        tool: "database.lifecycle".to_owned(),
        action: "create".to_owned(),
        environment: Some("dev".to_owned()),
        intent_digest: digest(intent),
        call_key_hash: None,
        open_intent: true,
        requested_at: Stamp(START),
        revision: 1,
        payload_snapshot: json!({"text": "caf\u{e9} \u{1f600} \"quoted\" \\ \n", "flag": true, "none": null, "big": 9_007_199_254_740_991_i64}),
        target_snapshot: json!([1, {"a": []}]),
        plan_digest: digest("plan"),
        policy_digest: digest("policy"),
        terms: json!({
            "mode": "owner", "deciders": ["owners"], "quorum": 1, "decide_within_ms": 1000, "execute_within_ms": 1000,
            "sole_owner": "deny", "on_run_end": "cancel",
        }),
        state: "requested".to_owned(),
        decide_by: Some(Stamp(START.plus(Millis(60_000)))),
        execute_by: None,
        state_at: Stamp(START),
        state_detail: json!({}),
        version: 1,
    }
}

pub(super) fn new<T>(row: T) -> Vec<Versioned<T>> {
    vec![Versioned { expected: None, row }]
}

pub(super) fn sealed(request: u64, value: &str) -> SealedRecord {
    SealedRecord {
        request_id: request_id(request),
        revision: 1,
        purpose: "generated".to_owned(),
        master_key_id: "k1".to_owned(),
        wrapped_key: "d3JhcHBlZA==".to_owned(),
        sealed_value: value.to_owned(),
        sealed_at: Stamp(START),
    }
}

pub(super) fn event(number: u64) -> EventRecord {
    EventRecord {
        event_id: EventId::from_parts(START, bytes(number)).to_string(),
        at: Stamp(START),
        event_type: "run.registered".to_owned(),
        actor_kind: "platform".to_owned(),
        actor_id: "service:ci:launcher".to_owned(),
        actor_proof: "bearer_token".to_owned(),
        actor_pseudonym: "p".to_owned(),
        run_id: None,
        request_id: None,
        correlation_id: None,
        project: None,
        policy_digest: None,
        plan_digest: None,
        detail: json!({"number": number}),
        salt: "00".repeat(32),
        entry: "{}".to_owned(),
    }
}

pub(super) fn stale_what(result: Result<(), StoreError>) -> (&'static str, String) {
    match result {
        Err(StoreError::Stale { what, id }) => (what, id),
        other => panic!("expected `Stale`, got {other:?}"),
    }
}
