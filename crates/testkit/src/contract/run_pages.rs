//! Reading one run: its waits, its requests piece by piece, what its agent has not read.

use countersign_approvals::{Choice, StateName};
use countersign_kernel::{Millis, RequestId, RunId};
use countersign_usecases::commit::Mark;
use countersign_usecases::port::{RequestFilter, RunRequest, StateCount};

use super::StoreFixture;
use super::world::World;
use crate::build::{call, question_call, run_id};

fn ids(requests: &[RunRequest]) -> Vec<RequestId> {
    requests.iter().map(|request| request.id).collect()
}

/// Two runs; of the first, in this order: one cancelled, one denied and acknowledged, one approved, one question.
async fn two_runs(world: &World) -> (RunId, RunId, Vec<RequestId>) {
    let (run, other) = (world.register("run-1").await, world.register("run-2").await);
    world.open(&other, &call("x")).await;
    let mut opened = Vec::new();
    for call in [call("a"), call("b"), call("c"), question_call("Which one should it be?")] {
        opened.push(world.open(&run, &call).await.facts.id);
        world.advance(Millis(2)).await;
    }
    world.cancel(opened[0]).await;
    world.decide(opened[1], "user:github:alice", Choice::Deny).await;
    world.decide(opened[2], "user:github:alice", Choice::Approve).await;
    let read = world.doors.queries.find_outcome(&run, opened[1]).await.unwrap().unwrap();
    let mut draft = world.draft().await;
    draft.mark_outcome(&read, Mark::Acknowledged);
    world.commit(draft).await;
    (run, other, opened)
}

/// A run is found with its open waits only.
pub async fn a_run_is_found_with_its_open_waits(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (run, _, opened) = two_runs(&world).await;
    let found = world.doors.queries.find_run(&run).await.unwrap().unwrap();
    assert_eq!(found, world.run(&run).await);
    assert_eq!(found.waits.iter().map(|wait| wait.request).collect::<Vec<_>>(), opened[2..]);
    assert_eq!(world.doors.queries.find_run(&run_id("nobody")).await.unwrap(), None);
}

/// Its requests come in pages without a gap, each with its outcome, acknowledged ones included; another list can go on where a page ends.
pub async fn requests_of_a_run_are_paged_with_their_outcomes(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (run, other, opened) = two_runs(&world).await;
    let queries = &world.doors.queries;
    let first = queries.list_run_requests(&run, None, 3).await.unwrap();
    assert_eq!(ids(&first.requests), opened[..3]);
    let rest = queries.list_run_requests(&run, first.next, 3).await.unwrap();
    assert_eq!((ids(&rest.requests), rest.next), (opened[3..].to_vec(), None));
    let of_run = RequestFilter { run: Some(run.clone()), ..RequestFilter::default() };
    let listed = queries.list_requests(&of_run, first.next, 3).await.unwrap();
    assert_eq!(listed.requests.iter().map(|(request, _)| request.facts.id).collect::<Vec<_>>(), opened[3..]);
    for request in first.requests.iter().chain(&rest.requests) {
        let snapshot = world.snapshot(request.id).await.request;
        let facts = &snapshot.facts;
        assert_eq!((&request.tool, &request.action), (&facts.tool, &facts.action));
        assert_eq!((&request.environment, request.requested_at), (&facts.environment, facts.requested_at));
        assert_eq!(request.state, snapshot.state.name());
        assert_eq!(request.outcome, queries.find_outcome(&run, request.id).await.unwrap());
    }
    assert_eq!(queries.find_outcome(&other, opened[0]).await.unwrap(), None, "another run's");
    let nobody = queries.list_run_requests(&run_id("nobody"), None, 3).await.unwrap();
    assert!(nobody.requests.is_empty() && nobody.next.is_none());
}

/// They are counted by state; a state without any is left out.
pub async fn requests_of_a_run_are_counted_by_state(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (run, _, _) = two_runs(&world).await;
    world.open(&run, &call("d")).await;
    let expected = [
        (StateName::Requested, 2),
        (StateName::Approved, 1),
        (StateName::Denied, 1),
        (StateName::Cancelled, 1),
    ];
    let expected = expected.map(|(state, count)| StateCount { state, count });
    assert_eq!(world.doors.queries.count_run_requests(&run).await.unwrap(), expected);
    assert!(world.doors.queries.count_run_requests(&run_id("nobody")).await.unwrap().is_empty());
}

/// The agent has yet to hear of what is not over, and of outcomes it has not acknowledged: those two and nothing else.
pub async fn what_an_agent_awaits_is_open_or_unread(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (run, _, opened) = two_runs(&world).await;
    let queries = &world.doors.queries;
    assert_eq!(ids(&queries.list_unread(&run, 500).await.unwrap()), opened[..1]);
    let awaited = queries.list_awaited(&run).await.unwrap();
    let told: Vec<_> =
        awaited.iter().map(|(request, outcome)| (request.facts.id, outcome.is_some())).collect();
    assert_eq!(told, [(opened[0], true), (opened[2], false), (opened[3], false)]);
    assert_eq!(awaited[1].0, world.snapshot(opened[2]).await.request, "in full, with its votes");
    assert_eq!(awaited[0].1, queries.find_outcome(&run, opened[0]).await.unwrap());
}
