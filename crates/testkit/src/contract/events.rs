//! Events: as they were written, in the order in which they became visible, each to every reader once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign_approvals::Choice;
use countersign_audit::EventType;
use countersign_kernel::{EventId, ProjectKey, Timestamp};
use countersign_usecases::commit::{Draft, Guard};
use countersign_usecases::port::{EventCursor, EventFilter, Order};
use countersign_usecases::record::EventRecord;

use super::StoreFixture;
use super::world::{World, assert_stale};
use crate::build::{call, plan, proposal, terms};

/// Events come back in their order, as they were written: type, actor, subject, digests, detail, salt.
pub async fn events_come_back_as_they_were_written(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let mut draft = world.draft_about(&run).await;
    let opening = world.opening(draft.run().unwrap(), &call("x"), draft.now());
    let request = opening.after().clone();
    draft.record(opening).unwrap();
    let commit = draft.finish();
    let written = commit.records().events.clone();
    assert!(written.iter().all(|event| !event.entry.is_empty()), "each has its log entry");
    world.try_commit(commit).await.unwrap();
    let page = world.doors.queries.list_events(&EventFilter::default(), None, 1000).await.unwrap();
    assert_eq!(page.events[0].event_type, "run.registered");
    let read: Vec<_> = page.events[1..].to_vec();
    for event in &page.events {
        let id: EventId = event.event_id.parse().unwrap();
        assert_eq!(world.doors.queries.find_event(id).await.unwrap().as_ref(), Some(event));
    }
    let unknown = EventId::from_parts(Timestamp::from_unix_micros(0), [0; 10]);
    assert_eq!(world.doors.queries.find_event(unknown).await.unwrap(), None);
    let expected: Vec<_> =
        written.into_iter().map(|event| EventRecord { entry: String::new(), ..event }).collect();
    assert_eq!(read, expected);
    assert!(read.iter().any(|event| event.plan_digest == Some(request.proposal.plan_digest.to_string())));
}

/// The newest event of a type about a request is found as it was written: of that request and that type, and of no other.
pub async fn the_newest_event_of_a_type_is_found(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let (id, other) =
        (world.open(&run, &call("x")).await.facts.id, world.open(&run, &call("y")).await.facts.id);
    let queries = &world.doors.queries;
    let newest = async |id, event_type| queries.find_newest_event(id, event_type).await.unwrap();
    assert_eq!(newest(id, EventType::ApprovalDrifted).await, None);
    world.decide(other, "user:github:alice", Choice::Approve).await;
    let mut written = Vec::new();
    for target in ["test:moved", "test:moved-again"] {
        world.decide(id, "user:github:alice", Choice::Approve).await;
        let snapshot = world.snapshot(id).await;
        let mut draft = Draft::about(world.context(snapshot.now), &snapshot.run);
        let moved = proposal(&call("x"), &plan(&[target]), terms());
        draft.record(snapshot.request.drift(moved, snapshot.now).unwrap()).unwrap();
        let commit = draft.finish();
        let events = commit.records().events.clone();
        let drifted = events.into_iter().find(|event| event.event_type == "approval.drifted").unwrap();
        written.push(EventRecord { entry: String::new(), ..drifted });
        world.try_commit(commit).await.unwrap();
        assert_eq!(newest(id, EventType::ApprovalDrifted).await.as_ref(), written.last());
    }
    assert_ne!(written[0], written[1]);
    assert_eq!(newest(other, EventType::ApprovalDrifted).await, None, "of another request");
    let requested = newest(id, EventType::ApprovalRequested).await.unwrap();
    assert_eq!((&*requested.event_type, requested.request_id), ("approval.requested", Some(id.to_string())));
}

/// What was read stays as it was read, whatever is committed or refused later.
pub async fn events_stay_as_they_are(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let id = world.open(&run, &call("x")).await.facts.id;
    let read = |limit| {
        let queries = world.doors.queries.clone();
        async move { queries.list_events(&EventFilter::default(), None, limit).await.unwrap().events }
    };
    let before = read(1000).await;
    let mut refused = world.draft_about(&run).await;
    refused.guard(Guard::RunLive { run_id: "no-such-run".to_owned() });
    let opening = world.opening(refused.run().unwrap(), &call("y"), refused.now());
    refused.record(opening).unwrap();
    assert_stale(world.try_commit(refused.finish()).await, "run_live");
    world.cancel(id).await;
    world.finish(&run).await;
    let after = read(1000).await;
    assert!(after.len() > before.len());
    assert_eq!(after[..before.len()], before);
}

/// Pages follow one another; after the last one the reading goes on where it ended; an empty page keeps the place.
pub async fn events_are_paged_and_followed(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let queries = &world.doors.queries;
    let all = EventFilter::default();
    let empty = queries.list_events(&all, None, 10).await.unwrap();
    assert!(empty.events.is_empty());
    let start = queries.newest_event().await.unwrap();
    for number in 0..5 {
        world.register(&format!("run-{number}")).await;
    }
    let mut cursor = None;
    let mut seen = Vec::new();
    for size in [2, 2, 1, 0] {
        let page = queries.list_events(&all, cursor.as_ref(), 2).await.unwrap();
        assert_eq!(page.events.len(), size);
        if size == 0 {
            assert_eq!(page.next, cursor, "an empty page keeps the place");
        }
        seen.extend(runs(&page.events));
        cursor = page.next;
    }
    assert_eq!(seen, ["run-0", "run-1", "run-2", "run-3", "run-4"]);
    let followed = queries.list_events(&all, Some(&start), 10).await.unwrap();
    assert_eq!(runs(&followed.events), seen, "from the newest event of the empty store on");
    let newest = queries.newest_event().await.unwrap();
    assert!(queries.list_events(&all, Some(&newest), 10).await.unwrap().events.is_empty());
    world.register("run-5").await;
    for cursor in [newest, cursor.unwrap()] {
        let page = queries.list_events(&all, Some(&cursor), 10).await.unwrap();
        assert_eq!(runs(&page.events), ["run-5"]);
    }
}

/// Every member of a filter narrows, and pages of a filter skip nothing that passes it.
pub async fn events_are_filtered(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (one, two) = (world.register("run-1").await, world.register("run-2").await);
    let request = world.open(&one, &call("x")).await.facts.id;
    world.open(&two, &call("x")).await;
    let every = EventFilter::default;
    let project = |key: &str| Some(ProjectKey::parse(key).unwrap());
    let approvals = Some("approval.".to_owned());
    let cases: [(EventFilter, &[&str]); 6] = [
        (
            EventFilter { run: Some(one.clone()), ..every() },
            &["run.registered", "approval.requested", "mcp.tool.approval_pending", "run.wait.paused"],
        ),
        (
            EventFilter { request: Some(request), ..every() },
            &["approval.requested", "mcp.tool.approval_pending"],
        ),
        (
            EventFilter { type_prefix: approvals.clone(), ..every() },
            &["approval.requested", "approval.requested"],
        ),
        (EventFilter { type_prefix: Some("approval_".to_owned()), ..every() }, &[]),
        (EventFilter { project: project("another"), ..every() }, &[]),
        (
            EventFilter {
                run: Some(one),
                request: Some(request),
                project: project(crate::build::PROJECT),
                type_prefix: approvals,
                ..every()
            },
            &["approval.requested"],
        ),
    ];
    for (filter, expected) in cases {
        assert_eq!(types_one_by_one(&world, &filter).await, expected, "{filter:?}");
        let back = EventFilter { order: Order::NewestFirst, ..filter };
        let expected: Vec<_> = expected.iter().rev().copied().collect();
        assert_eq!(types_one_by_one(&world, &back).await, expected, "{back:?}");
    }
}

/// The types of all that passes, read one event at a time.
async fn types_one_by_one(world: &World, filter: &EventFilter) -> Vec<String> {
    let mut types = Vec::new();
    let mut cursor: Option<EventCursor> = None;
    loop {
        let page = world.doors.queries.list_events(filter, cursor.as_ref(), 1).await.unwrap();
        let Some(event) = page.events.first() else {
            assert_eq!(page.next, cursor, "an empty page keeps the place");
            return types;
        };
        types.push(event.event_type.clone());
        assert!(types.len() <= 10, "the pages come to an end: {types:?}");
        cursor = page.next;
    }
}

/// Read backwards, the newest event comes first, and what is written meanwhile changes nothing of what is still to be read.
pub async fn events_are_read_backwards(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let queries = &world.doors.queries;
    let back = EventFilter { order: Order::NewestFirst, ..EventFilter::default() };
    let empty = queries.list_events(&back, None, 10).await.unwrap();
    assert_eq!((empty.events.len(), empty.next), (0, None));
    for number in 0..3 {
        world.register(&format!("run-{number}")).await;
    }
    let first = queries.list_events(&back, None, 2).await.unwrap();
    assert_eq!(runs(&first.events), ["run-2", "run-1"]);
    world.register("run-3").await;
    let second = queries.list_events(&back, first.next.as_ref(), 2).await.unwrap();
    assert_eq!(runs(&second.events), ["run-0"]);
    assert_eq!(runs(&queries.list_events(&back, None, 1).await.unwrap().events), ["run-3"]);
    let on = queries.list_events(&EventFilter::default(), second.next.as_ref(), 2).await.unwrap();
    assert_eq!(runs(&on.events), ["run-1", "run-2"], "a place is one in both directions");
}

/// A reader that follows while many commits go on sees every event once, and those of one run in their order.
pub async fn a_follower_misses_and_repeats_nothing(fixture: &dyn StoreFixture) {
    const WRITERS: u64 = 6;
    const COMMITS: u64 = 15;
    let world = Arc::new(World::of(fixture).await);
    let begin = world.doors.queries.newest_event().await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let follower = tokio::spawn(follow(world.clone(), begin.clone(), over.clone()));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let world = world.clone();
            tokio::spawn(async move {
                let run = world.register(&format!("run-{writer}")).await;
                for number in 1..COMMITS {
                    world.open(&run, &call(&format!("n{number}"))).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    over.store(true, Ordering::SeqCst);
    let seen = follower.await.unwrap();
    let page = world.doors.queries.list_events(&EventFilter::default(), Some(&begin), 1000).await.unwrap();
    let later: Vec<_> = page.events.iter().map(|event| event.event_id.clone()).collect();
    let expected = usize::try_from(WRITERS * (1 + (COMMITS - 1) * 3)).unwrap();
    assert_eq!(later.len(), expected);
    let ids: Vec<_> = seen.iter().map(|event| event.event_id.clone()).collect();
    assert_eq!(ids, later, "the same events in the same order as somebody who reads afterwards");
    for writer in 0..WRITERS {
        let run = format!("run-{writer}");
        let times: Vec<_> =
            seen.iter().filter(|event| event.run_id.as_ref() == Some(&run)).map(|event| event.at).collect();
        assert!(times.is_sorted(), "the events of {run} in their order");
    }
}

async fn follow(world: Arc<World>, begin: EventCursor, over: Arc<AtomicBool>) -> Vec<EventRecord> {
    let mut cursor = begin;
    let mut seen = Vec::new();
    loop {
        // Asked first, so that a last look follows after the last commit.
        let last = over.load(Ordering::SeqCst);
        let page = world.doors.queries.list_events(&EventFilter::default(), Some(&cursor), 7).await.unwrap();
        let idle = page.events.is_empty();
        seen.extend(page.events);
        assert!(seen.len() <= 1000, "an event is repeated without an end");
        cursor = page.next.unwrap();
        if idle && last {
            return seen;
        }
        if idle {
            tokio::task::yield_now().await;
        }
    }
}

fn runs(events: &[EventRecord]) -> Vec<String> {
    events.iter().filter_map(|event| event.run_id.clone()).collect()
}
