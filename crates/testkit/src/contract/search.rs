//! Finding requests by words: one meaning for every store, that of `Search::finds`.

use std::collections::BTreeMap;

use countersign_approvals::{Choice, StateName};
use countersign_kernel::{Millis, RequestId, RunId};
use countersign_mcp_tools::{Call, Fact, Plan};
use countersign_usecases::commit::Draft;
use countersign_usecases::port::{Order, RequestFilter};
use countersign_usecases::search::Search;
use serde_json::json;

use super::StoreFixture;
use super::queries::in_order;
use super::world::World;
use crate::build::{self, call, plan, question_call, words};

fn because(name: &str, justification: &str) -> Call {
    Call { prose: BTreeMap::from([("justification".to_owned(), words(justification))]), ..call(name) }
}

/// Who is found in these states by this text, oldest first, read two at a time; the other way round the same are found.
async fn found_in(world: &World, states: &[StateName], run: Option<&RunId>, text: &str) -> Vec<RequestId> {
    let search: Search = text.parse().unwrap_or_else(|_| panic!("`{text}` is a search"));
    let [oldest_first, newest_first] = Order::ALL.map(|order| RequestFilter {
        states: states.to_vec(),
        run: run.cloned(),
        search: Some(search.clone()),
        order,
        ..RequestFilter::default()
    });
    let found = found_by(world, &oldest_first).await;
    assert_eq!(
        found_by(world, &newest_first).await,
        in_order(&found, Order::NewestFirst),
        "{newest_first:?}"
    );
    found
}

async fn found_by(world: &World, filter: &RequestFilter) -> Vec<RequestId> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = world.doors.queries.list_requests(filter, after, 2).await.unwrap();
        found.extend(page.requests.into_iter().map(|(request, _)| request.facts.id));
        assert!(found.len() < 20, "{filter:?} finds something again and again");
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

async fn found(world: &World, text: &str) -> Vec<RequestId> {
    found_in(world, &[], None, text).await
}

/// Words of a request are found from their beginnings, in any order and case, whatever separates them.
pub async fn requests_are_found_by_the_beginnings_of_words(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let mut opened = Vec::new();
    for call in [
        because("orders-db", "Rotate the password; see docs/keys.md"),
        because("orders_archive", "Ünal asks for it: naïve, Straße 9"),
        because("x", "Надо обновить, 数据库密码 it's \"quoted\" & (odd) \\ 100% :* 'x'"),
        question_call("Which of the two should be kept?"),
    ] {
        opened.push(world.open(&run, &call).await.facts.id);
        world.advance(Millis(2)).await;
    }
    let cases: [(&str, &[usize]); 26] = [
        ("orders", &[0, 1]),
        ("ORD", &[0, 1]),
        ("orders-db", &[0]),
        ("db orders", &[0]),
        ("orders/db", &[0]),
        ("orders_archive", &[1]),
        ("rders", &[]),
        ("password", &[0]),
        ("passwords", &[]),
        ("keys.md", &[0]),
        ("ünal", &[1]),
        ("ÜNAL", &[1]),
        ("unal", &[]),
        ("stra", &[1]),
        ("надо ОБ", &[2]),
        ("数据", &[2]),
        ("密码", &[]),
        ("quoted odd", &[2]),
        ("s\\'", &[0, 1, 2, 3]),
        ("100%", &[2]),
        ("test.write", &[0, 1, 2]),
        ("test.ask", &[1, 3]),
        ("kept second", &[3]),
        ("shop sre run-1", &[0, 1, 2, 3]),
        ("acme/shop", &[0, 1, 2, 3]),
        ("dana dev apply", &[0, 1, 2]),
    ];
    for (text, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|place| opened[*place]).collect();
        assert_eq!(found(&world, text).await, expected, "{text}");
    }
    for id in &opened {
        assert_eq!(found(&world, &id.to_string()).await, [*id]);
        assert_eq!(
            found(&world, &id.to_string()[..30].to_uppercase()).await,
            [*id],
            "the beginning of an id"
        );
    }
}

/// A search narrows together with every other filter, and what is open is found as what is over is.
pub async fn a_search_narrows_like_any_filter(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (run, other) = (world.register("run-1").await, world.register("run-2").await);
    let mut opened = Vec::new();
    for (run, name) in [(&run, "blue one"), (&run, "blue two"), (&other, "blue three"), (&run, "red four")] {
        opened.push(world.open(run, &call(name)).await.facts.id);
        world.advance(Millis(2)).await;
    }
    world.cancel(opened[0]).await;
    world.decide(opened[1], "user:github:alice", Choice::Approve).await;
    let (all, requested) = (&[][..], &[StateName::Requested][..]);
    let open = &[StateName::Requested, StateName::Approved, StateName::Unknown][..];
    let mixed = &[StateName::Requested, StateName::Cancelled][..];
    for (states, of, text, expected) in [
        (all, None, "blue", &[0, 1, 2][..]),
        (all, Some(&run), "blue", &[0, 1]),
        (requested, None, "blue", &[2]),
        (open, None, "blue", &[1, 2]),
        (open, Some(&run), "blue", &[1]),
        (open, None, "t", &[1, 2, 3]),
        (mixed, None, "blue", &[0, 2]),
        (mixed, Some(&other), "red", &[]),
        (&[StateName::Applied], None, "blue", &[]),
    ] {
        let expected: Vec<_> = expected.iter().map(|place| opened[*place]).collect();
        assert_eq!(found_in(&world, states, of, text).await, expected, "{text} in {states:?} of {of:?}");
    }
}

/// When a plan changes, its request is found by the words of the new one, and no more by those that only the old one had.
pub async fn words_follow_the_plan(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let id = world.open(&run, &call("orders")).await.facts.id;
    world.decide(id, "user:github:alice", Choice::Approve).await;
    let snapshot = world.snapshot(id).await;
    let mut moved: Plan = plan(&["test:elsewhere"]);
    moved.facts.push(Fact::new("test_moved", json!({"to": "the attic", "times": 2})));
    let proposal = build::proposal(&call("orders"), &moved, build::terms());
    let mut draft = Draft::about(world.context(snapshot.now), &snapshot.run);
    draft.record(snapshot.request.drift(proposal, snapshot.now).unwrap()).unwrap();
    world.commit(draft).await;
    for text in ["attic", "elsewhere"] {
        assert_eq!(found(&world, text).await, [id], "{text}");
    }
    assert!(found(&world, "orders").await.is_empty(), "only the old target said so");
}
