//! What is written beside versions: signs of life, and marks on outcomes.

use countersign_kernel::Millis;
use countersign_usecases::commit::Mark;
use countersign_waitstate::{FinishReason, Outcome, RunLinks};

use super::StoreFixture;
use super::world::World;
use crate::build::{call, run_id};

/// A sign of life is taken of a run that works or waits, and of no other.
pub async fn only_live_runs_give_a_sign_of_life(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let ledger = &world.doors.ledger;
    assert!(!ledger.heartbeat(&run_id("no-such-run")).await.unwrap());
    let run = world.register("run-1").await;
    assert_eq!(world.run(&run).await.last_heartbeat_at, None);
    let before = world.now().await;
    assert!(ledger.heartbeat(&run).await.unwrap());
    let first = world.run(&run).await.last_heartbeat_at.unwrap();
    assert!(before <= first && first <= world.now().await, "it is the store's time: {before} {first}");
    world.advance(Millis(5)).await;
    let request = world.open(&run, &call("x")).await;
    assert!(ledger.heartbeat(&run).await.unwrap(), "while it waits");
    let second = world.run(&run).await.last_heartbeat_at.unwrap();
    assert!(first < second, "it grows");
    world.cancel(request.facts.id).await;
    world.finish(&run).await;
    assert!(!ledger.heartbeat(&run).await.unwrap(), "not when it is over");
    assert_eq!(world.run(&run).await.last_heartbeat_at, Some(second), "and nothing is written then");
}

/// A sign of life moves no version, and no commit that was decided before it takes it back.
pub async fn a_sign_of_life_and_commits_do_not_disturb_each_other(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let mut draft = world.draft_about(&run).await;
    assert!(world.doors.ledger.heartbeat(&run).await.unwrap());
    let beat = world.run(&run).await.last_heartbeat_at;
    let links = RunLinks { issue: Some(3), pull_request: None };
    let linked = draft.run().unwrap().link(&links).unwrap().unwrap();
    draft.record_run(linked).unwrap();
    world.commit(draft).await;
    let after = world.run(&run).await;
    assert_eq!((after.last_heartbeat_at, after.links.issue, after.version), (beat, Some(3), 2));
    assert!(beat.is_some());
}

/// A mark is set once: the first time stays, and marking what is not there does nothing.
pub async fn a_mark_on_an_outcome_is_set_once(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let request = world.open(&run, &call("x")).await;
    world.cancel(request.facts.id).await;
    let outcome = world.doors.queries.find_outcome(&run, request.facts.id).await.unwrap().unwrap();
    assert_eq!((outcome.acknowledged_at, outcome.undeliverable_at), (None, None));
    mark(&world, &outcome, Mark::Acknowledged).await;
    let first = world.doors.queries.find_outcome(&run, request.facts.id).await.unwrap().unwrap();
    assert!(first.acknowledged_at.is_some() && first.undeliverable_at.is_none(), "{first:?}");
    assert_eq!(first, Outcome { acknowledged_at: first.acknowledged_at, ..outcome.clone() });
    world.advance(Millis(5)).await;
    mark(&world, &outcome, Mark::Acknowledged).await;
    assert_eq!(world.doors.queries.find_outcome(&run, request.facts.id).await.unwrap().unwrap(), first);
    mark(&world, &outcome, Mark::Undeliverable).await;
    let both = world.doors.queries.find_outcome(&run, request.facts.id).await.unwrap().unwrap();
    assert!(both.acknowledged_at == first.acknowledged_at && both.undeliverable_at.is_some(), "{both:?}");
    let open = world.open(&run, &call("y")).await;
    mark(&world, &Outcome { request: open.facts.id, ..outcome }, Mark::Acknowledged).await;
    assert_eq!(world.doors.queries.find_outcome(&run, open.facts.id).await.unwrap(), None);
}

/// The outcome of a request that is settled after its run's end says that nobody will fetch it; it stays unread.
pub async fn an_outcome_after_the_end_is_undeliverable_and_unread(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let request = world.open(&run, &call("x")).await;
    let mut draft = world.draft_about(&run).await;
    let ending = draft.run().unwrap().begin_end(FinishReason::Stopped, draft.now()).unwrap();
    draft.record_run(ending).unwrap();
    world.commit(draft).await;
    world.cancel(request.facts.id).await;
    let snapshot = world.doors.ledger.load_run(&run).await.unwrap();
    assert!(matches!(snapshot.run.unwrap().state, countersign_waitstate::RunState::Finished { .. }));
    assert_eq!(snapshot.unread.len(), 1);
    assert!(snapshot.unread[0].undeliverable_at.is_some() && snapshot.unread[0].acknowledged_at.is_none());
}

async fn mark(world: &World, outcome: &Outcome, mark: Mark) {
    let mut draft = world.draft().await;
    draft.mark_outcome(outcome, mark);
    world.commit(draft).await;
}
