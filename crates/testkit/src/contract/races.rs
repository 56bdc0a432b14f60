//! Many callers at once: everybody gets through who may, and nobody else.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_approvals::{Choice, State};
use countersign_usecases::commit::{Draft, Guard};
use countersign_usecases::port::StoreError;

use super::StoreFixture;
use super::world::{World, assert_stale, decision};
use crate::build::call;

/// How often a caller loads again; far more than 32 callers can make another lose.
const ATTEMPTS: u32 = 1000;

/// 32 different calls of one run at once, each loading again when it lost: all of them succeed, and each counts once.
pub async fn commits_of_one_run_all_get_through(fixture: &dyn StoreFixture) {
    const CALLERS: u64 = 32;
    let world = Arc::new(World::of(fixture).await);
    let run = world.register("run-1").await;
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (world, run) = (world.clone(), run.clone());
            tokio::spawn(async move {
                for _ in 0..ATTEMPTS {
                    let mut draft = world.draft_about(&run).await;
                    let wanted = call(&format!("n{caller}"));
                    let opening = world.opening(draft.run().unwrap(), &wanted, draft.now());
                    draft.record(opening).unwrap();
                    match world.try_commit(draft.finish()).await {
                        Ok(()) => return,
                        Err(StoreError::Stale { what, .. }) => assert_eq!(what, "agent_sessions"),
                        Err(other) => panic!("{other}"),
                    }
                }
                panic!("lost {ATTEMPTS} times");
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let found = world.doors.queries.find_run(&run).await.unwrap().unwrap();
    assert_eq!(found.version, 1 + CALLERS);
    let waits: BTreeSet<_> = found.waits.iter().map(|wait| wait.request).collect();
    let page = world.doors.queries.list_run_requests(&run, None, 500).await.unwrap();
    let requests: BTreeSet<_> = page.requests.iter().map(|request| request.id).collect();
    assert_eq!(requests.len(), 32);
    assert_eq!(waits, requests);
}

/// Eight identical calls at once, none of which minds its run's version: one request is opened.
pub async fn one_intent_is_opened_once(fixture: &dyn StoreFixture) {
    let world = Arc::new(World::of(fixture).await);
    let run = world.register("run-1").await;
    let loaded = world.run(&run).await;
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (world, loaded) = (world.clone(), loaded.clone());
            tokio::spawn(async move {
                let mut draft = world.draft().await;
                draft.record(world.opening(&loaded, &call("x"), draft.now())).unwrap();
                world.try_commit(draft.finish()).await
            })
        })
        .collect();
    assert_eq!(winners(callers, "mcp_action_requests").await, 1);
    assert_eq!(world.doors.queries.list_run_requests(&run, None, 500).await.unwrap().requests.len(), 1);
}

/// Eight decisions at once on one snapshot: one counts.
pub async fn one_decision_counts(fixture: &dyn StoreFixture) {
    let world = Arc::new(World::of(fixture).await);
    let run = world.register("run-1").await;
    let id = world.open(&run, &call("x")).await.facts.id;
    let snapshot = world.snapshot(id).await;
    let people: Vec<_> = (0..8)
        .map(|number| {
            let (world, snapshot) = (world.clone(), snapshot.clone());
            tokio::spawn(async move {
                // Without the run, so that it is the request's version that they race for.
                let mut draft = Draft::new(world.context(snapshot.now));
                let person = format!("user:github:p{number}");
                let choice = if number % 2 == 0 { Choice::Approve } else { Choice::Deny };
                draft.record(decision(&snapshot.request, &person, choice, snapshot.now)).unwrap();
                world.try_commit(draft.finish()).await
            })
        })
        .collect();
    assert_eq!(winners(people, "mcp_action_requests").await, 1);
    let after = world.snapshot(id).await.request;
    assert!(matches!(after.state, State::Approved { .. } | State::Settled(_)));
    assert_eq!((after.version, world.doors.queries.list_votes(id).await.unwrap().len()), (2, 1));
}

/// Commits about different runs don't stand in one another's way, whatever order they touch common tables in.
pub async fn commits_of_different_runs_all_get_through(fixture: &dyn StoreFixture) {
    let world = Arc::new(World::of(fixture).await);
    let callers: Vec<_> = (0..16)
        .map(|caller| {
            let world = world.clone();
            tokio::spawn(async move {
                let run = world.register(&format!("run-{caller}")).await;
                for number in 0..4 {
                    let id = world.open(&run, &call(&format!("n{number}"))).await.facts.id;
                    world.decide(id, "user:github:alice", Choice::Approve).await;
                    world.cancel(id).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let open = world.doors.queries.list_open_runs(None, 500).await.unwrap();
    assert_eq!(open.len(), 16);
    assert!(open.iter().all(|run| run.waits.is_empty() && run.version == 1 + 4 * 3), "{open:?}");
}

/// Commits that are refused take none of those along that arrive at the same time, however a store groups them.
pub async fn a_refused_commit_takes_no_other_along(fixture: &dyn StoreFixture) {
    let world = Arc::new(World::of(fixture).await);
    let mut runs = Vec::new();
    for number in 0..24 {
        runs.push(world.register(&format!("run-{number}")).await);
    }
    let callers: Vec<_> = runs
        .iter()
        .enumerate()
        .map(|(number, run)| {
            let (world, run) = (world.clone(), run.clone());
            tokio::spawn(async move {
                let mut draft = world.draft_about(&run).await;
                if number % 3 == 0 {
                    draft.guard(Guard::RunLive { run_id: "no-such-run".to_owned() });
                }
                let wanted = call("x");
                let opening = world.opening(draft.run().unwrap(), &wanted, draft.now());
                draft.record(opening).unwrap();
                (number % 3 == 0, world.try_commit(draft.finish()).await)
            })
        })
        .collect();
    for caller in callers {
        let (doomed, result) = caller.await.unwrap();
        if doomed { assert_stale(result, "run_live") } else { result.unwrap() }
    }
    for (number, run) in runs.iter().enumerate() {
        let waits = world.run(run).await.waits.len();
        assert_eq!(waits, usize::from(number % 3 != 0), "run {number}");
    }
}

async fn winners(callers: Vec<tokio::task::JoinHandle<Result<(), StoreError>>>, about: &str) -> usize {
    let mut won = 0;
    for caller in callers {
        match caller.await.unwrap() {
            Ok(()) => won += 1,
            Err(StoreError::Stale { what, .. }) => assert_eq!(what, about),
            Err(other) => panic!("{other}"),
        }
    }
    won
}
