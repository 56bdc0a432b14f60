//! Reading: lists, pages, filters, details.

use countersign_approvals::{Choice, Progress, StateName};
use countersign_kernel::{AgentKey, GroupName, Millis, ProjectKey, RequestId};
use countersign_mcp_tools::ports::OwnedState;
use countersign_usecases::commit::DatabaseWrite;
use countersign_usecases::port::{
    DayCounts, Order, RequestCursor, RequestFilter, RequestPage, RequestStatus, RunCursor, RunFilter,
    RunPage, Statistics,
};
use countersign_usecases::record::{OwnerRow, StepRecord};
use countersign_waitstate::{RunLinks, RunStatus};

use super::StoreFixture;
use super::laden::{SERVER, kept_database};
use super::world::World;
use crate::build::{call, environment, question_call, step, tool_name};

/// Pages of requests follow one another without a gap or a repeat, from either end; the last one says that it is the last.
pub async fn requests_are_paged_from_either_end(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    world.doors.ledger.heartbeat(&run).await.unwrap();
    let mut opened = Vec::new();
    for number in 0..7 {
        opened.push(world.open(&run, &call(&format!("n{number}"))).await.facts.id);
        world.advance(Millis(2)).await;
    }
    for order in Order::ALL {
        let filter = RequestFilter { order, ..RequestFilter::default() };
        let mut seen = Vec::new();
        let mut after: Option<RequestCursor> = None;
        for size in [3, 3, 1] {
            let page = world.doors.queries.list_requests(&filter, after, 3).await.unwrap();
            assert_eq!(page.requests.len(), size);
            assert_eq!(page.next.is_none(), size == 1, "only the last page has no next");
            assert!(page.requests.iter().all(|(_, heartbeat)| heartbeat.is_some()), "with the sign of life");
            seen.extend(ids(&page));
            after = page.next;
        }
        assert_eq!(seen, in_order(&opened, order));
        let all = world.doors.queries.list_requests(&filter, None, 7).await.unwrap();
        assert_eq!((ids(&all), all.next), (seen, None), "a page that just holds all of them is the last");
    }
}

/// Requests opened in the same microsecond are paged without a gap, too.
pub async fn requests_of_one_moment_are_paged(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let mut draft = world.draft_about(&run).await;
    for name in ["a", "b", "c", "d", "e"] {
        let opening = world.opening(draft.run().unwrap(), &call(name), draft.now());
        draft.record(opening).unwrap();
    }
    world.commit(draft).await;
    for order in Order::ALL {
        let filter = RequestFilter { order, ..RequestFilter::default() };
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = world.doors.queries.list_requests(&filter, after, 2).await.unwrap();
            seen.extend(ids(&page));
            assert!(seen.len() <= 5, "a request is repeated: {seen:?}");
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut sorted = seen.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!((seen.len(), seen), (5, in_order(&sorted, order)), "each once, by id");
    }
}

/// What was opened in this order, as a list in that order has it.
pub(super) fn in_order(opened: &[RequestId], order: Order) -> Vec<RequestId> {
    match order {
        Order::OldestFirst => opened.to_vec(),
        Order::NewestFirst => opened.iter().rev().copied().collect(),
    }
}

/// Every member of a filter narrows.
pub async fn requests_are_filtered(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (one, two) = (world.register("run-1").await, world.register("run-2").await);
    let open = world.open(&one, &call("x")).await.facts.id;
    let approved = world.open(&one, &call("y")).await.facts.id;
    world.decide(approved, "user:github:alice", Choice::Approve).await;
    let settled = world.open(&two, &call("z")).await.facts.id;
    world.cancel(settled).await;
    let question = world.open(&two, &question_call("Which one should it be?")).await.facts.id;
    let every = || RequestFilter::default();
    let project = |key: &str| Some(ProjectKey::parse(key).unwrap());
    let groups = |names: &[&str]| names.iter().map(|name| GroupName::parse(name).unwrap()).collect();
    let cases: [(RequestFilter, &[RequestId]); 12] = [
        (every(), &[open, approved, settled, question]),
        (RequestFilter { states: vec![StateName::Requested], ..every() }, &[open, question]),
        (
            RequestFilter { states: vec![StateName::Approved, StateName::Cancelled], ..every() },
            &[approved, settled],
        ),
        (RequestFilter { states: vec![StateName::Applied], ..every() }, &[]),
        (RequestFilter { run: Some(two.clone()), ..every() }, &[settled, question]),
        (RequestFilter { tool: Some(tool_name("test.write")), ..every() }, &[open, approved, settled]),
        (RequestFilter { environment: Some(environment("dev")), ..every() }, &[open, approved, settled]),
        (RequestFilter { environment: Some(environment("staging")), ..every() }, &[]),
        (RequestFilter { project: project("another"), ..every() }, &[]),
        (
            RequestFilter { deciders: groups(&["nobody", "shop-owners"]), ..every() },
            &[open, approved, settled, question],
        ),
        (RequestFilter { deciders: groups(&["nobody"]), ..every() }, &[]),
        (
            RequestFilter {
                states: vec![StateName::Requested],
                project: project(crate::build::PROJECT),
                environment: Some(environment("dev")),
                tool: Some(tool_name("test.write")),
                run: Some(one),
                deciders: groups(&["shop-owners"]),
                search: Some("dana because dev".parse().unwrap()),
                order: Order::NewestFirst,
            },
            &[open],
        ),
    ];
    for (filter, expected) in cases {
        let page = world.doors.queries.list_requests(&filter, None, 500).await.unwrap();
        let mut found = ids(&page);
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(found, expected, "{filter:?}");
    }
}

/// Each target is told once, with the newest step that touched it or may have, by the targets' bytes and in pages.
pub async fn the_newest_step_of_each_target_is_told(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let queries = &world.doors.queries;
    assert!(queries.list_newest_steps("", 500).await.unwrap().is_empty());
    let mut requests = Vec::new();
    for name in ["older", "newer", "hopeless"] {
        requests.push(world.open(&run, &call(name)).await.facts.id);
    }
    let (older, newer, hopeless) = (requests[0], requests[1], requests[2]);
    let now = world.now().await;
    let (then, later) = (now.plus(Millis(10)), now.plus(Millis(20)));
    let done = |fence, at| {
        let step = Progress::default().intend(1, 1, fence, at);
        step.done(serde_json::json!({"version": fence}), fence, at)
    };
    let mut draft = world.draft_about(&run).await;
    // Written newest first, so that it is time that counts.
    draft.put_step(newer, &step(1, "k:app#b"), &done(2, then));
    draft.put_step(older, &step(1, "k:app#b"), &done(1, now));
    let mut second = done(3, now);
    second.number = 2;
    draft.put_step(older, &step(2, "k:app-2#a"), &second);
    draft.put_step(hopeless, &step(1, "k:app#b"), &Progress::default().intend(1, 1, 4, later).not_done(4));
    let mut begun = Progress::default().intend(1, 1, 5, now);
    begun.number = 3;
    draft.put_step(older, &step(3, "Z"), &begun);
    world.commit(draft).await;

    let told = |rows: Vec<StepRecord>| {
        rows.into_iter().map(|row| (row.target, row.request_id, row.state)).collect::<Vec<_>>()
    };
    let row =
        |target: &str, id: RequestId, state: &str| (target.to_owned(), id.to_string(), state.to_owned());
    let all = [row("Z", older, "intended"), row("k:app#b", newer, "done"), row("k:app-2#a", older, "done")];
    assert_eq!(told(queries.list_newest_steps("", 500).await.unwrap()), all);
    assert_eq!(told(queries.list_newest_steps("", 2).await.unwrap()), all[..2]);
    assert_eq!(told(queries.list_newest_steps("k:app#b", 2).await.unwrap()), all[2..]);
    assert_eq!(told(queries.list_newest_steps("k:app", 1).await.unwrap()), all[1..2]);
    let on = async |limit| told(queries.list_steps_on("k:app#b", limit).await.unwrap());
    let both = [row("k:app#b", newer, "done"), row("k:app#b", older, "done")];
    assert_eq!(
        (on(500).await, on(1).await),
        (both.to_vec(), both[..1].to_vec()),
        "newest first, without what was not done"
    );
    assert!(queries.list_steps_on("k:app", 500).await.unwrap().is_empty());
    let receipt = queries.list_newest_steps("Z", 1).await.unwrap().remove(0).receipt;
    assert_eq!(receipt, Some(serde_json::json!({"version": 2})));
}

/// The status of a request follows its state and version.
pub async fn a_status_follows_its_request(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let id = world.open(&run, &call("x")).await.facts.id;
    let status = || world.doors.queries.find_request_status(id);
    assert_eq!(status().await.unwrap(), Some(RequestStatus { state: StateName::Requested, version: 1 }));
    world.decide(id, "user:github:alice", Choice::Approve).await;
    assert_eq!(status().await.unwrap(), Some(RequestStatus { state: StateName::Approved, version: 2 }));
    let nobody = world.ids(world.now().await).request();
    assert_eq!(world.doors.queries.find_request_status(nobody).await.unwrap(), None);
}

/// Runs that are not finished are listed, oldest first, in pages.
pub async fn open_runs_are_paged_oldest_first(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    // Names in another order than time, so that it is time that counts.
    let mut open = Vec::new();
    for name in ["m", "z", "a", "k"] {
        open.push(world.register(name).await);
        world.advance(Millis(2)).await;
    }
    world.finish(&open.remove(1)).await;
    let queries = &world.doors.queries;
    let names =
        |runs: Vec<countersign_waitstate::Run>| runs.into_iter().map(|run| run.facts.id).collect::<Vec<_>>();
    assert_eq!(names(queries.list_open_runs(None, 500).await.unwrap()), open);
    assert_eq!(names(queries.list_open_runs(None, 2).await.unwrap()), open[..2]);
    assert_eq!(names(queries.list_open_runs(Some(open[1].clone()), 2).await.unwrap()), open[2..]);
    assert!(queries.list_open_runs(Some(open[2].clone()), 2).await.unwrap().is_empty());
}

/// Runs are listed newest first, finished ones included, in pages without a gap; every member of a filter narrows.
pub async fn runs_are_paged_newest_first_and_filtered(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let mut newest_first = Vec::new();
    for name in ["m", "z", "a", "k", "b"] {
        newest_first.insert(0, world.register(name).await);
        world.advance(Millis(2)).await;
    }
    let (finished, waiting) = (newest_first[3].clone(), newest_first[1].clone());
    world.finish(&finished).await;
    world.open(&waiting, &call("x")).await;
    let queries = &world.doors.queries;
    let names = |page: &RunPage| page.runs.iter().map(|run| run.facts.id.clone()).collect::<Vec<_>>();
    let everything = RunFilter::default();
    let (mut seen, mut after): (Vec<_>, Option<RunCursor>) = (Vec::new(), None);
    for size in [2, 2, 1] {
        let page = queries.list_runs(&everything, after.as_ref(), 2).await.unwrap();
        assert_eq!(
            (page.runs.len(), page.next.is_none()),
            (size, size == 1),
            "only the last page has no next"
        );
        seen.extend(names(&page));
        after = page.next;
    }
    assert_eq!(seen, newest_first);
    let of = async |filter: RunFilter| names(&queries.list_runs(&filter, None, 500).await.unwrap());
    let in_state = |status| RunFilter { statuses: vec![status], ..RunFilter::default() };
    assert_eq!(of(in_state(RunStatus::Finished)).await, std::slice::from_ref(&finished));
    assert_eq!(of(in_state(RunStatus::Waiting)).await, std::slice::from_ref(&waiting));
    let both = RunFilter { statuses: vec![RunStatus::Finished, RunStatus::Waiting], ..RunFilter::default() };
    assert_eq!(of(both).await, [waiting.clone(), finished]);
    let waits = queries.list_runs(&in_state(RunStatus::Waiting), None, 1).await.unwrap();
    assert_eq!(
        (waits.runs[0].waits.len(), waits.next),
        (1, None),
        "with its open waits; a full page may be the last"
    );
    let project = Some(ProjectKey::parse("elsewhere").unwrap());
    assert!(of(RunFilter { project, ..RunFilter::default() }).await.is_empty());
    let ours = Some(ProjectKey::parse(crate::build::PROJECT).unwrap());
    assert_eq!(of(RunFilter { project: ours, ..RunFilter::default() }).await.len(), 5);
    for (agent, count) in [("sre", 5), ("dev", 0)] {
        let agent_key = Some(AgentKey::parse(agent).unwrap());
        assert_eq!(of(RunFilter { agent_key, ..RunFilter::default() }).await.len(), count, "{agent}");
    }
}

/// Equal links are one link; links are found from both of their ends.
pub async fn links_are_kept_once_and_found_from_both_ends(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let steps =
        [RunLinks { issue: Some(7), pull_request: None }, RunLinks { issue: None, pull_request: Some(8) }];
    for links in steps {
        let mut draft = world.draft_about(&run).await;
        let linked = draft.run().unwrap().link(&links).unwrap().unwrap();
        draft.record_run(linked).unwrap();
        world.commit(draft).await;
    }
    let request = world.open(&run, &call("x")).await.facts.id.to_string();
    let queries = &world.doors.queries;
    for (kind, id) in [("issue", "acme/shop#7"), ("pr", "acme/shop#8")] {
        let links = queries.list_links(kind, &[id.to_owned()], 10).await.unwrap();
        // The second commit wrote the first link once more.
        assert_eq!(links.len(), 1, "{links:?}");
        assert_eq!((links[0].to_kind.as_str(), links[0].to_id.as_str()), ("run", "run-1"));
    }
    let of_run = queries.list_links("run", &["run-1".to_owned()], 10).await.unwrap();
    assert_eq!(of_run.len(), 3, "an issue, a pull request, a request");
    let of_request = queries.list_links("request", std::slice::from_ref(&request), 10).await.unwrap();
    assert_eq!((of_request.len(), of_request[0].from_id.as_str()), (1, "run-1"));
    let second = world.open(&run, &call("y")).await.facts.id.to_string();
    let mut of_both = queries.list_links("request", &[second.clone(), request.clone()], 10).await.unwrap();
    of_both.sort_unstable();
    let mut expected = [request.as_str(), second.as_str()];
    expected.sort_unstable();
    assert_eq!(of_both.iter().map(|link| link.to_id.as_str()).collect::<Vec<_>>(), expected);
    let issue = ["acme/shop#8".to_owned()];
    assert!(queries.list_links("issue", &issue, 10).await.unwrap().is_empty(), "a kind and an id");
    assert!(queries.list_links("run", &[], 10).await.unwrap().is_empty(), "of nothing");
    let first = queries.list_links("run", &["run-1".to_owned()], 2).await.unwrap();
    assert_eq!(first.iter().map(|link| link.from_kind.as_str()).collect::<Vec<_>>(), ["issue", "pr"]);
}

/// The oldest entry of the inbox grows older by the store's clock.
pub async fn the_backlog_tells_the_age_of_its_oldest_entry(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    assert_eq!(world.doors.queries.audit_backlog().await.unwrap(), None);
    let run = world.register("run-1").await;
    world.advance(Millis(50)).await;
    world.open(&run, &call("x")).await;
    let age = world.doors.queries.audit_backlog().await.unwrap().unwrap();
    assert!((50..60_000).contains(&age), "{age} ms");
}

/// The store's clock moves on and is the same for everybody.
pub async fn the_clock_moves_on(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let before = world.now().await;
    world.advance(Millis(5)).await;
    assert!(before.plus(Millis(5)) <= world.now().await);
}

fn ids(page: &RequestPage) -> Vec<RequestId> {
    page.requests.iter().map(|(request, _)| request.facts.id).collect()
}

/// Only what is kept is listed: quarantined, being restored, being purged.
pub async fn kept_databases_are_paged_by_server_and_name(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let id = world.open(&run, &call("x")).await.facts.id;
    let now = world.now().await;
    let mut draft = world.draft().await;
    for (name, state) in [
        ("d", OwnedState::Purging),
        ("a", OwnedState::Quarantined),
        ("b", OwnedState::Active),
        ("c", OwnedState::Restoring),
        ("e", OwnedState::Reserved),
    ] {
        draft.write_database(DatabaseWrite::Insert((&kept_database(name, state, id, now)).into()));
    }
    let earlier =
        OwnerRow { server: "aaa".to_owned(), ..kept_database("z", OwnedState::Quarantined, id, now) };
    draft.write_database(DatabaseWrite::Insert((&earlier).into()));
    world.commit(draft).await;
    let queries = &world.doors.queries;
    let place = |row: &OwnerRow| (row.server.clone(), row.name.to_string());
    let mut seen = Vec::new();
    loop {
        let last: Option<OwnerRow> = seen.last().cloned();
        let after = last.as_ref().map(|row| (row.server.as_str(), &row.name));
        let page = queries.list_kept_databases(after, 3).await.unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    let all: Vec<_> = seen.iter().map(place).collect();
    let expected = [("aaa", "z"), (SERVER, "a"), (SERVER, "c"), (SERVER, "d")];
    assert_eq!(all, expected.map(|(server, name)| (server.to_owned(), name.to_owned())));
    assert_eq!(seen[0], earlier);
}

/// Decisions and answers are counted on their day, with how long they took; what was before is left out.
pub async fn deciding_is_counted_day_by_day(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (queries, began) = (&world.doors.queries, world.now().await);
    assert_eq!(queries.statistics(began).await.unwrap(), Statistics::default());
    let run = world.register("run-1").await;
    let mut requests = Vec::new();
    for name in ["a", "b", "c", "d"] {
        requests.push(world.open(&run, &call(name)).await.facts.id);
    }
    world.open(&run, &question_call("Which one should it be?")).await;
    let choices = [Choice::Approve, Choice::Deny, Choice::Approve];
    let mut spans = Vec::new();
    for (id, choice) in requests.iter().zip(choices) {
        world.advance(Millis(25)).await;
        world.decide(*id, "user:github:alice", choice).await;
        let request = world.snapshot(*id).await.request;
        spans.push(request.votes[0].at.since(request.facts.requested_at).0);
    }
    spans.sort_unstable();
    let counted = queries.statistics(began).await.unwrap();
    let sum = |of: fn(&DayCounts) -> u64| counted.days.iter().map(of).sum::<u64>();
    assert_eq!((sum(|day| day.approvals), sum(|day| day.denials)), (2, 1));
    assert_eq!((sum(|day| day.answers), sum(|day| day.expiries)), (0, 0));
    let today = counted.days.last().unwrap().day;
    assert!(today <= world.now().await && world.now().await.since(today) < Millis::from_days(1));
    assert!(today.to_string().ends_with("T00:00:00.000000Z"), "{today}");
    // Databases round spans of microseconds each in their way.
    let near = |told: Option<Millis>, span: u64| told.is_some_and(|told| told.0.abs_diff(span) <= 1);
    assert!(near(counted.decided_within_p50, spans[1]), "{counted:?} {spans:?}");
    assert!(near(counted.decided_within_p95, spans[2]), "{counted:?} {spans:?}");
    let asked: Vec<_> =
        counted.asked.iter().map(|one| (one.agent_key.as_str(), one.tool.as_str(), one.requests)).collect();
    assert_eq!(asked, [("sre", "test.write", 4), ("sre", "test.ask", 1)]);
    world.advance(Millis(2)).await;
    let later = queries.statistics(world.now().await).await.unwrap();
    assert_eq!(later, Statistics::default(), "all of it was before");
}
