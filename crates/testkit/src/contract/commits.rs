//! A commit's own id: found when it was written, and written once however often it is sent.

use std::sync::Arc;

use countersign_approvals::{CancelledBy, Choice};
use countersign_usecases::commit::{Draft, Guard};
use countersign_usecases::port::StoreError;

use super::StoreFixture;
use super::dump::Dump;
use super::world::{World, assert_stale, decision};
use crate::build::call;

/// After an `Unknown` a caller asks for the id: it is there when the commit was written, and only then.
pub async fn a_commit_is_found_when_it_was_written(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let request = world.open(&run, &call("x")).await;
    let snapshot = world.snapshot(request.facts.id).await;
    let cancel = || {
        let mut draft = Draft::about(world.context(snapshot.now), &snapshot.run);
        draft.record(snapshot.request.cancel(CancelledBy::Agent, None, snapshot.now).unwrap()).unwrap();
        draft.finish()
    };
    let (first, second) = (cancel(), cancel());
    let ledger = &world.doors.ledger;
    assert!(!ledger.find_commit(first.id()).await.unwrap(), "not yet");
    world.try_commit(first.clone()).await.unwrap();
    assert!(ledger.find_commit(first.id()).await.unwrap(), "written");
    let refused = world.try_commit(second.clone()).await;
    assert!(matches!(refused, Err(StoreError::Stale { .. })), "{refused:?}");
    assert!(!ledger.find_commit(second.id()).await.unwrap(), "refused");
}

/// The same commit sent again is a success that writes nothing more, although its versions and guards no longer hold.
pub async fn a_commit_sent_again_writes_nothing_more(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let request = world.open(&run, &call("x")).await;
    let snapshot = world.snapshot(request.facts.id).await;
    let mut draft = Draft::about(world.context(snapshot.now), &snapshot.run);
    draft.guard(Guard::NotAfter { deadline: snapshot.now.plus(countersign_kernel::Millis(1_500)) });
    draft.record(decision(&snapshot.request, "user:github:alice", Choice::Approve, snapshot.now)).unwrap();
    let commit = draft.finish();
    world.try_commit(commit.clone()).await.unwrap();
    let before = Dump::of(&world, &[run], &[]).await;
    world.advance(countersign_kernel::Millis(1_600)).await;
    world.try_commit(commit).await.unwrap();
    assert_eq!(Dump::of(&world, &[], &[]).await, before);
}

/// The same commit sent several times at once, as after a lost connection, is written once and a success for everybody.
pub async fn a_commit_sent_at_once_is_written_once(fixture: &dyn StoreFixture) {
    let world = Arc::new(World::of(fixture).await);
    let run = world.register("run-1").await;
    let mut draft = world.draft_about(&run).await;
    let opening = world.opening(draft.run().unwrap(), &call("x"), draft.now());
    draft.record(opening).unwrap();
    let commit = draft.finish();
    let senders: Vec<_> = (0..8)
        .map(|_| {
            let (ledger, commit) = (world.doors.ledger.clone(), commit.clone());
            tokio::spawn(async move { ledger.commit(commit).await })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap().unwrap();
    }
    let found = world.doors.queries.find_run(&run).await.unwrap().unwrap();
    let page = world.doors.queries.list_run_requests(&run, None, 500).await.unwrap();
    assert_eq!((page.requests.len(), found.waits.len(), found.version), (1, 1, 2));
}

/// Each refusal leaves the store able to write the next commit.
pub async fn a_refused_commit_does_not_block_the_next(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    for _ in 0..20 {
        let mut draft = world.draft_about(&run).await;
        draft.guard(Guard::RunLive { run_id: "no-such-run".to_owned() });
        let links = countersign_waitstate::RunLinks { issue: Some(1), pull_request: None };
        let linked = draft.run().unwrap().link(&links).unwrap().unwrap();
        draft.record_run(linked).unwrap();
        assert_stale(world.try_commit(draft.finish()).await, "run_live");
    }
    world.open(&run, &call("x")).await;
    assert_eq!(world.run(&run).await.version, 2);
}
