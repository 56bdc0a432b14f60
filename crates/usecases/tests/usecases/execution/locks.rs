//! Two requests that want the same thing: one target is written by one request at a time, and a name belongs to one of them.

use countersign_kernel::{DatabaseName, Environment, RequestId, Timestamp};
use countersign_mcp_tools::{Ownership, OwnershipChange, Plan, ProbeOutcome, Quarantine, StepOutcome};
use countersign_testkit::build;
use serde_json::json;

use crate::support::mocks::{MockTarget, done, permanent, seen, target_seen, unclear};
use crate::support::{ALICE, World, check, honest_warrants, one_step};

fn owned(change: OwnershipChange) -> Plan {
    let ownership = Ownership {
        server: "main".to_owned(),
        database: DatabaseName::parse("orders").unwrap(),
        environment: Environment::parse("dev").unwrap(),
        change,
    };
    Plan { ownership: Some(ownership), ..one_step() }
}

#[tokio::test]
async fn r2_a_name_is_reserved_with_the_beginning_and_owned_with_the_end() {
    let mut target = target_seen(2);
    target.expect_perform().times(1).returning(|_| done());
    let world = World::mocked(owned(OwnershipChange::Reserve), target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    assert!(world.rows().databases.is_empty());
    world.work_off().await;
    let states: Vec<_> = world
        .ledger
        .written()
        .iter()
        .flat_map(|commit| commit.databases.clone())
        .map(|write| format!("{write:?}").contains("reserved"))
        .collect();
    assert_eq!(states, [true, false]);
    let rows = world.rows();
    assert_eq!((rows.databases.len(), rows.databases[0].state.as_str()), (1, "active"));
    assert_eq!(rows.databases[0].request_id, id.to_string());
    check(&rows);
}

#[tokio::test]
async fn r2_a_name_is_free_again_when_nothing_was_done() {
    let mut target = target_seen(2);
    target.expect_perform().times(1).returning(|_| permanent());
    let world = World::mocked(owned(OwnershipChange::Reserve), target, honest_warrants(1)).await;
    let id = world.approved("a").await;
    world.work_off().await;
    assert_eq!(world.state(id).await, "failed");
    assert!(world.rows().databases.is_empty());
}

#[tokio::test]
async fn r2_a_deleted_database_follows_to_the_name_it_is_kept_under() {
    let kept_as = DatabaseName::parse("q_orders").unwrap();
    let mut target = target_seen(2);
    target.expect_perform().times(1).returning(|_| done());
    let created_by = RequestId::from_parts(Timestamp::from_unix_micros(0), [5; 10]);
    let quarantine = Quarantine { kept_as, database_id: "16384".to_owned(), created_by, days: 7 };
    let plan = owned(OwnershipChange::Quarantine(quarantine));
    let world = World::mocked(plan, target, honest_warrants(1)).await;
    world.approved("a").await;
    world.work_off().await;
    let databases = world.rows().databases;
    assert_eq!((databases.len(), databases[0].state.as_str()), (1, "quarantined"));
    assert_eq!(databases[0].database_name, "q_orders");
    assert_eq!(databases[0].request_id, created_by.to_string(), "the request whose mark it carries");
}

#[tokio::test]
async fn one_target_is_written_by_one_request_at_a_time() {
    let mut target = MockTarget::new();
    // Both calls look once, and each execution looks once per attempt to begin: the one that has to wait does not hammer the target.
    target.expect_observe().times(5).returning(seen);
    let mut outcomes = vec![done(), unclear()];
    target.expect_perform().times(2).returning(move |_| outcomes.pop().unwrap());
    let found = || ProbeOutcome::Done { receipt: json!({"version": "8"}) };
    target.expect_probe().times(1).returning(move |_| found());
    let world = World::mocked(one_step(), target, honest_warrants_at_most(6)).await;
    let first = world.approved("a").await;
    let second = world.approved("b").await;
    world.work_off().await;
    for _ in 0..10 {
        world.pass(1).await;
    }
    assert_eq!((world.state(first).await, world.state(second).await), ("applied", "applied"));
    check(&world.rows());
}

#[tokio::test]
async fn a_request_whose_target_is_in_doubt_by_another_waits_and_never_writes() {
    let mut target = MockTarget::new();
    target.expect_observe().times(4..=20).returning(seen);
    target.expect_perform().times(1).withf(|attempt| attempt.target == "test:one").returning(|_| unclear());
    let cannot = || ProbeOutcome::CannotTell { why: "no".to_owned(), retry: false };
    target.expect_probe().returning(move |_| cannot());
    let world = World::mocked(one_step(), target, honest_warrants_at_most(40)).await;
    let first = world.approved("a").await;
    world.work_off().await;
    world.pass(1).await;
    assert_eq!(world.state(first).await, "unknown");
    let second = world.call("b").await.request.unwrap();
    world.approve(second, ALICE).await.unwrap();
    for _ in 0..5 {
        world.pass(60).await;
    }
    assert_eq!(world.state(second).await, "approved");
    check(&world.rows());
}

#[tokio::test]
async fn a_later_step_whose_target_is_in_doubt_by_another_waits_without_asking_the_store_in_a_loop() {
    let world = World::new(2).await;
    world.register(build::run_facts("run-2")).await;
    let first = world.approved("a").await;
    world.tool.script_step(2, unclear());
    let why = "it can't be read back".to_owned();
    world.tool.script_probe(2, ProbeOutcome::CannotTell { why: why.clone(), retry: false });
    world.tool.script_probe(2, ProbeOutcome::CannotTell { why, retry: false });
    world.work_off().await;
    world.pass(1).await;
    assert_eq!(world.state(first).await, "unknown");

    let arguments = json!({"name": "a", "environment": "dev"});
    let run = build::run_id("run-2");
    let call = countersign_usecases::call_tool::call_tool(&world.services, &run, "test.write", &arguments);
    let second = call.await.unwrap().request.unwrap();
    world.approve(second, ALICE).await.unwrap();
    let loads = world.ledger.loads();
    world.work_off().await;
    assert!(world.ledger.loads() - loads < 10, "{} loads", world.ledger.loads() - loads);
    assert_eq!((world.state(second).await, world.tool.performed()), ("applying", vec![1, 2, 1]));

    let reason = build::words("it was not done");
    let verdict = countersign_approvals::Verdict::Failed;
    let by = crate::support::who(ALICE);
    countersign_usecases::decisions::resolve_unknown(&world.services, first, verdict, &reason, &by)
        .await
        .unwrap();
    world.pass(1).await;
    assert_eq!(world.state(second).await, "applied");
    check(&world.rows());
}

fn honest_warrants_at_most(times: usize) -> crate::support::MockWarrants {
    let mut warrants = crate::support::MockWarrants::new();
    warrants.expect_issue().times(..=times).returning(|request, plan_digest| {
        Ok(countersign_usecases::port::Warrant { request, plan_digest, proof: "test" })
    });
    warrants
}

#[tokio::test]
async fn r3_a_value_is_the_same_for_every_target_of_one_request_and_another_for_the_next() {
    let tool = countersign_testkit::TestTool::writing(2).with_secret(32);
    let world = World::with_tool(tool, crate::support::Setup::default()).await;
    world.approved("a").await;
    world.work_off().await;
    world.approved("b").await;
    world.work_off().await;
    let secrets: Vec<_> = world.tool.journal().effects().iter().map(|effect| effect.secret).collect();
    assert_eq!(secrets.len(), 4);
    assert!(secrets[0] == secrets[1] && secrets[2] == secrets[3] && secrets[0] != secrets[2]);
}

#[tokio::test]
async fn r3_no_event_outcome_or_row_holds_the_secret() {
    let plan =
        Plan { secret: Some(countersign_mcp_tools::SecretSpec { length: 32 }), ..build::plan(&["test:one"]) };
    let kept: std::sync::Arc<std::sync::Mutex<Vec<u8>>> = std::sync::Arc::default();
    let seen_secret = kept.clone();
    let mut target = target_seen(2);
    target.expect_perform().times(1).returning(move |attempt| {
        *seen_secret.lock().unwrap() = attempt.secret.unwrap();
        StepOutcome::Done { receipt: json!({"version": "8"}) }
    });
    let world = World::mocked(plan, target, honest_warrants(1)).await;
    world.approved("a").await;
    world.work_off().await;
    let secret = String::from_utf8(kept.lock().unwrap().clone()).unwrap();
    assert_eq!(secret.len(), 32);
    let everything = format!("{:?}{:?}", world.rows(), world.ledger.written());
    assert!(!everything.contains(&secret));
}
