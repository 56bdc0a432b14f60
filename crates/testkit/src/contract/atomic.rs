//! Everything or nothing: a commit that writes to every table, and each thing that can stand in its way, one at a time.

use countersign_approvals::{ActionRequest, CancelledBy, Choice, Progress, State};
use countersign_kernel::{DatabaseName, Digest, Millis};
use countersign_mcp_tools::ports::OwnedState;
use countersign_usecases::commit::{DatabaseWrite, Draft, Guard};
use countersign_usecases::port::WorkKind;
use countersign_waitstate::{RunLinks, WaitReason, register};
use serde_json::json;

use super::StoreFixture;
use super::dump::Dump;
use super::laden::{
    BUSY_TARGET, KNOWN, NEW, NEW_DATABASE, NEW_POLICY, NEW_RUN, SERVER, Stage, TAKEN_DATABASE, TAKEN_KEY,
    database,
};
use super::world::{assert_stale, decision, lookup_of, policy_text, sealed_for};
use crate::build::{self, call, keyed_call, principal, run_id, step};

/// Nothing stands in its way: every table has what the commit brought.
pub async fn a_commit_writes_all_of_it(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    let laden = stage.laden(&stage.load().await);
    stage.world.commit(laden.draft).await;

    let (ledger, queries) = (&stage.world.doors.ledger, &stage.world.doors.queries);
    let approved = stage.load().await;
    assert!(matches!(approved.request.state, State::Approved { .. }), "the request is approved");
    assert_eq!(queries.list_votes(stage.asked.facts.id).await.unwrap().len(), 2, "both votes are there");
    let plan = approved.request.proposal.plan_digest;
    assert!(
        ledger.approval_on_record(stage.asked.facts.id, plan).await.unwrap(),
        "the inbox has the approval"
    );
    let waits: Vec<_> = approved.run.waits.iter().map(|wait| (wait.request, wait.reason)).collect();
    let expected = [(stage.asked.facts.id, WaitReason::Execution), (laden.opened, WaitReason::Approval)];
    assert_eq!(waits, expected, "the run waits for what is open, oldest first");

    let withdrawn = stage.world.snapshot(stage.withdrawable.facts.id).await;
    assert!(withdrawn.request.state.is_settled() && withdrawn.sealed.is_empty(), "settled and erased");
    let opened = stage.world.snapshot(laden.opened).await;
    assert_eq!((opened.progress.0.len(), opened.sealed.len()), (1, 1), "a step and a sealed value");
    let earlier = ledger.load_call(&stage.run, &lookup_of(&keyed_call("laden", "laden-key"))).await.unwrap();
    assert_eq!(earlier.existing.map(|hit| hit.request.facts.id), Some(laden.opened), "the key is taken");

    let unread = ledger.load_run(&stage.run).await.unwrap().unread;
    let unread: Vec<_> = unread.iter().map(|outcome| outcome.request).collect();
    assert_eq!(unread, [stage.withdrawable.facts.id], "one outcome came, one was acknowledged");
    assert_eq!(ledger.load_policy(None).await.unwrap().unwrap().text, NEW_POLICY);
    assert!(ledger.find_pseudonym(&principal(NEW)).await.unwrap().is_some(), "the person has a pseudonym");
    let owned = DatabaseName::parse(NEW_DATABASE).unwrap();
    let owner = stage.world.doors.databases.find_owner(SERVER, &owned).await.unwrap().unwrap();
    assert_eq!((owner.state, owner.request), (OwnedState::Reserved, laden.opened));
    assert!(ledger.load_run(&run_id(NEW_RUN)).await.unwrap().run.is_some(), "the new run is there");
    assert_eq!(
        queries.list_links("issue", &["acme/shop#7".to_owned()], 10).await.unwrap().len(),
        1,
        "its link is there"
    );
    assert_eq!(stage.world.claim_one(WorkKind::Erase).await.subject.as_str(), stage.run.as_str());
    assert!(stage.world.claim(WorkKind::Remind, 10).await.is_empty(), "the work that was removed is gone");
}

/// A run that has ended stops every commit of its guard.
pub async fn a_run_that_is_not_live_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    stage.world.finish(&stage.other_run).await;
    let run_id = stage.other_run.to_string();
    refused(&stage, "run_live", |draft| draft.guard(Guard::RunLive { run_id })).await;
}

/// A fence that nobody holds.
pub async fn a_fence_that_is_not_held_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    let subject = super::world::subject_of(&stage.asked.facts.id.to_string());
    let guard = Guard::Fence { kind: WorkKind::Remind, subject, fence: 1 };
    refused(&stage, "fence", |draft| draft.guard(guard)).await;
}

/// A deadline that the store's clock has reached.
pub async fn a_deadline_that_passed_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    let deadline = stage.world.now().await;
    stage.world.advance(Millis(2)).await;
    refused(&stage, "not_after", |draft| draft.guard(Guard::NotAfter { deadline })).await;
}

/// The run changed after it was loaded.
pub async fn a_run_that_moved_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    let snapshot = stage.load().await;
    let mut draft = stage.world.draft_about(&stage.run).await;
    let links = RunLinks { issue: Some(1), pull_request: None };
    let linked = draft.run().unwrap().link(&links).unwrap().unwrap();
    draft.record_run(linked).unwrap();
    stage.world.commit(draft).await;
    let laden = stage.laden(&snapshot);
    refused_as(&stage, "agent_sessions", laden.draft, laden.opened).await;
}

/// The request changed after it was loaded.
pub async fn a_request_that_moved_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    let snapshot = stage.load().await;
    // Without its run, so that it is the request alone that moves.
    let mut draft = Draft::new(stage.world.context(snapshot.now));
    draft.record(decision(&snapshot.request, "user:github:carol", Choice::Approve, snapshot.now)).unwrap();
    stage.world.commit(draft).await;
    let laden = stage.laden(&snapshot);
    refused_as(&stage, "mcp_action_requests", laden.draft, laden.opened).await;
}

/// A run of this id is there.
pub async fn a_taken_run_id_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    refused(&stage, "agent_sessions", |draft| {
        let again = register(build::run_facts("run-2"), RunLinks::default(), draft.now());
        draft.record_run(again).unwrap();
    })
    .await;
}

/// A request of this id is there.
pub async fn a_taken_request_id_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    let id = stage.settled.facts.id;
    refused_with(&stage, "mcp_action_requests", |stage, draft| {
        let run = draft.run().unwrap().clone();
        let now = draft.now();
        let mut facts = build::request_facts(stage.world.ids(now), &run, &call("another"), now);
        facts.id = id;
        let proposal = build::proposal(&call("another"), &build::plan(&["test:another"]), build::terms());
        draft.record(countersign_approvals::open(facts, proposal, now).unwrap()).unwrap();
    })
    .await;
}

/// An open request of the run already wants the same.
pub async fn a_second_open_intent_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    let run = stage.world.run(&stage.run).await;
    refused_with(&stage, "mcp_action_requests", |stage, draft| {
        let opening = stage.world.opening(&run, &call("asked"), draft.now());
        draft.record(opening).unwrap();
    })
    .await;
}

/// The caller's key is taken.
pub async fn a_taken_call_key_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    let run = stage.world.run(&stage.run).await;
    refused_with(&stage, "call_keys", |stage, draft| {
        let opening = stage.world.opening(&run, &keyed_call("another", TAKEN_KEY), draft.now());
        draft.record(opening).unwrap();
    })
    .await;
}

/// The request has a sealed value for this purpose.
pub async fn a_second_sealed_value_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    let asked = stage.asked.facts.id;
    refused(&stage, "sealed_values", |draft| draft.seal(sealed_for(asked, 1, draft.now()))).await;
}

/// The request has an outcome. No decision leads there; a ledger doesn't rely on that.
pub async fn a_second_outcome_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    let stored = stage.world.snapshot(stage.settled.facts.id).await.request;
    let run = stage.world.run(&stage.run).await;
    refused_with(&stage, "run_outcomes", |_, draft| {
        let now = draft.now();
        let state = State::Requested { decide_by: now.plus(Millis(1000)) };
        let as_if_open = ActionRequest { state, ..stored };
        // The new run of the laden commit came last; the wait belongs to the first.
        let waiting = run.open_wait(as_if_open.facts.id, WaitReason::Approval, now).unwrap();
        draft.record_run(waiting).unwrap();
        draft.record(as_if_open.cancel(CancelledBy::Agent, None, now).unwrap()).unwrap();
    })
    .await;
}

/// The database has an owner.
pub async fn a_taken_database_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    let asked = stage.asked.facts.id;
    refused(&stage, "project_databases", |draft| {
        let again = database(TAKEN_DATABASE, asked, draft.now());
        draft.write_database(DatabaseWrite::Insert(again));
    })
    .await;
}

/// Another text took the number.
pub async fn a_taken_policy_number_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    refused(&stage, "policy_versions", |draft| draft.put_policy(policy_text(1, "another text", draft.now())))
        .await;
}

/// The person has a pseudonym.
pub async fn a_known_principal_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    let laden = stage.laden_by(&stage.load().await, KNOWN);
    refused_as(&stage, "principals", laden.draft, laden.opened).await;
}

/// A step of another request is intended against the same target and not known to be over: no other is taken there, or taken back.
pub async fn a_second_active_step_of_a_target_leaves_nothing(fixture: &dyn StoreFixture) {
    let stage = Stage::of(fixture).await;
    let other = stage.withdrawable.facts.id;
    refused(&stage, "action_steps", |draft| {
        let begun = Progress::default().intend(1, 1, 1, draft.now());
        draft.put_step(other, &step(1, BUSY_TARGET), &begun);
    })
    .await;
    let stage = Stage::of(fixture).await;
    let other = stage.withdrawable.facts.id;
    refused(&stage, "action_steps", |draft| {
        let done = Progress::default().intend(1, 1, 1, draft.now()).done(json!({}), 1, draft.now());
        draft.put_step(other, &step(1, BUSY_TARGET), &done.undoing(1).unwrap());
    })
    .await;
}

/// Adds what stands in the way to the laden commit, and checks that nothing of it is written.
async fn refused(stage: &Stage, about: &str, obstacle: impl FnOnce(&mut Draft<'_>)) {
    refused_with(stage, about, |_, draft| obstacle(draft)).await;
}

async fn refused_with(stage: &Stage, about: &str, obstacle: impl FnOnce(&Stage, &mut Draft<'_>)) {
    let mut laden = stage.laden(&stage.load().await);
    obstacle(stage, &mut laden.draft);
    refused_as(stage, about, laden.draft, laden.opened).await;
}

async fn refused_as(stage: &Stage, about: &str, draft: Draft<'_>, opened: countersign_kernel::RequestId) {
    let world = &stage.world;
    let runs = [stage.run.clone(), stage.other_run.clone()];
    let before = Dump::of(world, &runs, &[opened]).await;
    let commit = draft.finish();
    let id = commit.id();
    assert_stale(world.try_commit(commit).await, about);
    assert!(!world.doors.ledger.find_commit(id).await.unwrap(), "a refused commit is not found");
    assert_eq!(Dump::of(world, &runs, &[opened]).await, before, "a refused commit leaves nothing");
    assert!(world.claim(WorkKind::Erase, 10).await.is_empty(), "it schedules no work");
    let kept = world.claim_one(WorkKind::Remind).await;
    assert_eq!(kept.subject.as_str(), stage.asked.facts.id.to_string(), "it removes no work");
    // The same without the obstacle goes through: it was the obstacle, and the store is not stuck.
    let snapshot = stage.load().await;
    if matches!(snapshot.request.state, State::Requested { .. }) {
        world.commit(stage.laden(&snapshot).draft).await;
        let digest = Digest::of_bytes(NEW_POLICY.as_bytes());
        assert!(world.doors.ledger.load_policy(Some(digest)).await.unwrap().is_some());
    }
}
