//! The roles: what each may do, and that the application's role can do everything the store does.

use std::collections::BTreeSet;

use countersign_adapters_postgres::{StoreOptions, pending_migrations};
use countersign_approvals::Choice;
use countersign_kernel::{Millis, Proof};
use countersign_mcp_tools::ports::DatabaseRegister;
use countersign_testkit::SeededEntropy;
use countersign_testkit::build::principal;
use countersign_usecases::commit::{DatabaseWrite, Draft, Mark};
use countersign_usecases::port::{
    Due, EventFilter, Ledger, Queries, RequestFilter, SessionStore, Upkeep, WorkKind, WorkQueue,
};
use countersign_usecases::record::{DatabaseRecord, SealedRecord, Stamp};
use countersign_usecases::sign_in::session::SessionLimits;
use countersign_usecases::sign_in::{Attempt, Person, ReturnTo, Secret, Session};
use sqlx::{Acquire, PgPool};

use crate::story::Story;

const DAY: Millis = Millis::from_secs(24 * 3600);

async fn app() -> Story {
    let role = Some("countersign_app".to_owned());
    Story::with(StoreOptions { role, lease: Millis(60_000), ..StoreOptions::default() }).await
}

async fn code_as(pool: &PgPool, role: &str, sql: &'static str) -> Option<String> {
    let mut connection = pool.acquire().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("SET LOCAL ROLE {role}")))
        .execute(&mut *transaction)
        .await
        .unwrap();
    let result = sqlx::raw_sql(sql).execute(&mut *transaction).await;
    let code = result.err().map(|error| {
        error
            .as_database_error()
            .and_then(|error| error.code().map(|code| code.into_owned()))
            .unwrap_or_default()
    });
    transaction.rollback().await.unwrap();
    code
}

#[tokio::test]
async fn the_application_role_can_do_all_that_the_store_does() {
    let story = app().await;
    let store = &story.store;
    let run = story.register("run-1").await;
    let first = story.open(&run, "a").await;
    let snapshot = story.snapshot(first).await;
    store.commit(story.decision(&snapshot, "user:github:alice", Choice::Approve)).await.unwrap();
    let second = story.open(&run, "b").await;
    let snapshot = story.snapshot(second).await;
    let mut draft = Draft::about(story.context(snapshot.now), &snapshot.run);
    let (request_id, sealed_at) = (first.to_string(), Stamp(snapshot.now));
    draft.seal(SealedRecord {
        request_id: request_id.clone(),
        revision: 1,
        purpose: "generated".to_owned(),
        master_key_id: "m".to_owned(),
        wrapped_key: "w".to_owned(),
        sealed_value: "s".to_owned(),
        sealed_at,
    });
    let database = DatabaseRecord {
        server: "main".to_owned(),
        database_name: "orders".to_owned(),
        project: "shop".to_owned(),
        environment: "dev".to_owned(),
        state: "active".to_owned(),
        request_id,
        kept_as: None,
        original_name: None,
        database_id: None,
        keep_until: None,
        changed_at: sealed_at,
    };
    draft.write_database(DatabaseWrite::Insert(database.clone()));
    store.commit(draft.finish()).await.unwrap();
    store
        .commit(story.decision(&story.snapshot(second).await, "user:github:alice", Choice::Deny))
        .await
        .unwrap();
    let outcome = store.find_outcome(&run, second).await.unwrap().unwrap();
    let mut draft = Draft::new(story.context(story.now().await));
    draft.mark_outcome(&outcome, Mark::Acknowledged);
    draft.write_database(DatabaseWrite::Update(database));
    store.commit(draft.finish()).await.unwrap();

    let name = "orders".parse().unwrap();
    assert!(store.find_owner("main", &name).await.unwrap().is_some());
    let worker = story.ids(story.now().await).worker();
    let lease = store.claim(worker, &[WorkKind::Execute], 1).await.unwrap().remove(0);
    let lease = store.extend(&lease).await.unwrap();
    store.release(&lease, Due::After(Millis(0))).await.unwrap();
    assert!(store.heartbeat(&run).await.unwrap());
    assert!(store.find_run(&run).await.unwrap().is_some());
    assert_eq!(store.list_open_runs(None, 10).await.unwrap().len(), 1);
    assert_eq!(store.list_requests(&RequestFilter::default(), None, 10).await.unwrap().requests.len(), 2);
    assert!(!store.list_events(&EventFilter::default(), None, 10).await.unwrap().events.is_empty());
    assert!(store.audit_backlog().await.unwrap().is_some());
    assert!(!store.find_commit(story.ids(story.now().await).commit()).await.unwrap());
    let wrapped = store.list_wrapped_keys(None, 10).await.unwrap().remove(0);
    assert!(store.replace_wrapped_key(&wrapped, "m2", "w2").await.unwrap());
    assert!(store.forget_commits(Millis(0), 100).await.unwrap() > 0);
    sessions(&story).await;
    assert_eq!(pending_migrations(store.pool()).await.unwrap(), [0_i64; 0]);
}

/// All that is done with sessions and attempts.
async fn sessions(story: &Story) {
    let (store, entropy, now) = (&story.store, SeededEntropy::new(4), story.now().await);
    let (alice, limits) =
        (principal("user:corp:alice"), SessionLimits { idle: DAY, absolute: DAY, rotate_after: DAY });
    let person = Person::new(alice.clone(), Proof::Oidc, None, BTreeSet::new(), BTreeSet::new());
    let (secret, csrf) = (Secret::draw(&entropy), Secret::draw(&entropy));
    let session = Session::begin(story.ids(now).session(), person, &secret, csrf, &limits, now);
    store.insert_session(&session).await.unwrap();
    assert!(store.load_session(&secret.hash()).await.unwrap().session.is_some());
    assert_eq!(store.revoke_sessions(&alice).await.unwrap(), 1);
    let revoked = store.load_session(&secret.hash()).await.unwrap().session.unwrap();
    store.update_session(&revoked.revoked(now)).await.unwrap();
    let attempt = Attempt {
        state: secret.hash(),
        browser: secret.hash(),
        nonce: secret.clone(),
        verifier: secret.clone(),
        return_to: ReturnTo::front(),
        expires_at: now,
    };
    store.insert_attempt(&attempt).await.unwrap();
    let (state, browser) = (secret.hash(), secret.hash());
    assert!(store.take_attempt(&state, &browser).await.unwrap().attempt.is_some());
    store.insert_attempt(&attempt).await.unwrap();
    assert_eq!(store.forget_ended(10).await.unwrap(), 1);
}

#[tokio::test]
async fn events_and_inbox_can_be_written_and_not_changed() {
    let story = Story::new().await;
    story.register("run-1").await;
    let pool = story.database.pool().await;
    let refused = Some("42501".to_owned());
    for sql in [
        "UPDATE flow_events SET event_type = 'x'",
        "UPDATE flow_events SET detail = NULL, salt = NULL",
        "DELETE FROM flow_events",
        "TRUNCATE flow_events CASCADE",
        "UPDATE audit_inbox SET entry = '{}'",
        "DELETE FROM audit_inbox",
        "TRUNCATE audit_inbox",
    ] {
        assert_eq!(code_as(&pool, "countersign_app", sql).await, refused, "the application: {sql}");
        assert_eq!(code_as(&pool, "postgres", sql).await, refused, "the tables' owner, a superuser: {sql}");
    }
    for sql in [
        "DELETE FROM principals",
        "DELETE FROM policy_versions",
        "UPDATE commits SET committed_at = now()",
        "UPDATE sealed_values SET sealed_value = ''",
    ] {
        assert_eq!(code_as(&pool, "countersign_app", sql).await, refused, "{sql}");
    }
}

#[tokio::test]
async fn the_sequencer_empties_the_inbox_and_nothing_else() {
    let story = Story::new().await;
    story.register("run-1").await;
    let pool = story.database.pool().await;
    let role = "countersign_sequencer";
    assert_eq!(code_as(&pool, role, "SELECT entry FROM audit_inbox ORDER BY added_at").await, None);
    assert_eq!(code_as(&pool, role, "DELETE FROM audit_inbox").await, None);
    for sql in [
        "UPDATE audit_inbox SET entry = '{}'",
        "DELETE FROM flow_events",
        "UPDATE flow_events SET detail = NULL, salt = NULL",
        "SELECT * FROM sealed_values",
    ] {
        assert_eq!(code_as(&pool, role, sql).await.as_deref(), Some("42501"), "{sql}");
    }
}

#[tokio::test]
async fn the_eraser_empties_details_and_nothing_else() {
    let story = Story::new().await;
    story.register("run-1").await;
    let pool = story.database.pool().await;
    let role = "countersign_eraser";
    for sql in [
        "UPDATE flow_events SET detail = NULL",
        "UPDATE flow_events SET detail = '{}', salt = NULL",
        "UPDATE flow_events SET detail = NULL, salt = NULL, actor_id = 'somebody else'",
        "UPDATE flow_events SET event_type = 'x', detail = NULL, salt = NULL",
        "DELETE FROM flow_events",
        "DELETE FROM audit_inbox",
    ] {
        assert_eq!(code_as(&pool, role, sql).await.as_deref(), Some("42501"), "{sql}");
    }
    let mut erasing = pool.begin().await.unwrap();
    sqlx::raw_sql("SET LOCAL ROLE countersign_eraser; UPDATE flow_events SET detail = NULL, salt = NULL, actor_id = NULL")
        .execute(&mut *erasing)
        .await
        .unwrap();
    erasing.commit().await.unwrap();
    let events = story.store.list_events(&EventFilter::default(), None, 10).await.unwrap().events;
    assert!(events[0].detail.is_null() && events[0].salt.is_empty() && events[0].actor_id.is_empty());
    assert_eq!(events[0].run_id.as_deref(), Some("run-1"), "what the log needs stays");
}
