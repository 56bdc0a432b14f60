//! Small stories on a store, for the tests.

use std::sync::atomic::{AtomicU64, Ordering};

use countersign_adapters_postgres::{PgStore, StoreOptions};
use countersign_approvals::{ActionRequest, Choice, Decided};
use countersign_audit::Pseudonym;
use countersign_kernel::{Actor, Millis, RequestId, RunId, Timestamp};
use countersign_testkit::SeededEntropy;
use countersign_testkit::build::{self, Everybody, ballot, call};
use countersign_usecases::commit::{Commit, Draft, DraftContext};
use countersign_usecases::port::{Ids, Ledger, Queries, RequestSnapshot, StoreError};
use countersign_waitstate::{RunLinks, register};

use crate::postgres_server::Database;

static SEED: AtomicU64 = AtomicU64::new(1);

/// A store on a database of its own.
pub(crate) struct Story {
    pub(crate) database: Database,
    pub(crate) store: PgStore,
    entropy: SeededEntropy,
}

impl Story {
    pub(crate) async fn new() -> Self {
        Self::with(StoreOptions { lease: Millis(400), ..StoreOptions::default() }).await
    }

    pub(crate) async fn with(options: StoreOptions) -> Self {
        let database = Database::migrated().await;
        let store = PgStore::connect(&database.url, &options).await.unwrap();
        Self { database, store, entropy: SeededEntropy::new(SEED.fetch_add(1, Ordering::Relaxed)) }
    }

    /// The same database through a pool of its own, as another replica has.
    pub(crate) async fn replica(&self) -> PgStore {
        PgStore::connect(&self.database.url, &StoreOptions::default()).await.unwrap()
    }

    pub(crate) fn ids(&self, now: Timestamp) -> Ids<'_> {
        Ids::new(&self.entropy, now)
    }

    pub(crate) fn context(&self, now: Timestamp) -> DraftContext<'_> {
        let actor = Actor::system("test");
        DraftContext {
            ids: self.ids(now),
            now,
            pseudonym: Pseudonym::of_role(&actor).unwrap(),
            actor,
            policy: None,
            new_principal: None,
        }
    }

    pub(crate) async fn now(&self) -> Timestamp {
        self.store.ping().await.unwrap()
    }

    pub(crate) async fn registration(&self, id: &str) -> Commit {
        let mut draft = Draft::new(self.context(self.now().await));
        draft.record_run(register(build::run_facts(id), RunLinks::default(), draft.now())).unwrap();
        draft.finish()
    }

    pub(crate) async fn register(&self, id: &str) -> RunId {
        self.store.commit(self.registration(id).await).await.unwrap();
        build::run_id(id)
    }

    pub(crate) async fn opening(&self, run: &RunId, name: &str) -> (ActionRequest, Commit) {
        let snapshot = self.store.load_run(run).await.unwrap();
        let (now, run) = (snapshot.now, snapshot.run.unwrap());
        let mut draft = Draft::about(self.context(now), &run);
        let opening = build::opening(self.ids(now), &run, &call(name), build::terms(), now);
        let request = opening.after().clone();
        draft.record(opening).unwrap();
        (request, draft.finish())
    }

    pub(crate) async fn open(&self, run: &RunId, name: &str) -> RequestId {
        let (request, commit) = self.opening(run, name).await;
        self.store.commit(commit).await.unwrap();
        request.facts.id
    }

    pub(crate) async fn snapshot(&self, id: RequestId) -> RequestSnapshot {
        self.store.load_request(id).await.unwrap().unwrap()
    }

    /// The decision of this person on what this snapshot shows.
    pub(crate) fn decision(&self, snapshot: &RequestSnapshot, by: &str, choice: Choice) -> Commit {
        let mut draft = Draft::about(self.context(snapshot.now), &snapshot.run);
        let ballot = ballot(by, choice, snapshot.request.proposal.plan_digest);
        match snapshot.request.decide(ballot, &Everybody, snapshot.now).unwrap() {
            Decided::Counted(transition) => draft.record(transition).unwrap(),
            Decided::Repeat => panic!("`{by}` decided the same before"),
        }
        draft.finish()
    }

    /// Runs a statement behind the ports, as the superuser.
    pub(crate) async fn behind(&self, sql: &'static str) -> u64 {
        sqlx::query(sql).execute(&self.database.pool().await).await.unwrap().rows_affected()
    }

    /// A number read behind the ports.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.database.pool().await).await.unwrap()
    }
}

#[track_caller]
pub(crate) fn assert_stale(result: Result<(), StoreError>, about: &str) {
    match result {
        Err(StoreError::Stale { what, .. }) => assert_eq!(what, about),
        other => panic!("expected `Stale` about `{about}`, got {other:?}"),
    }
}
