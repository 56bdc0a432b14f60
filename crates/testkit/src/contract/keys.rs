//! What makes two calls the same call: the caller's key for ever, the intent while a request is open.

use countersign_approvals::Choice;

use super::StoreFixture;
use super::world::{World, assert_stale, lookup_of};
use crate::build::{call, keyed_call};

/// A key finds its request for ever, after it has settled, too, and can't be taken again.
pub async fn a_key_stays_taken_for_ever(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let first = world.open(&run, &keyed_call("x", "key")).await;
    let ledger = &world.doors.ledger;
    let hit = ledger.load_call(&run, &lookup_of(&keyed_call("x", "key"))).await.unwrap().existing.unwrap();
    assert_eq!((hit.request.facts.id, hit.intent_digest), (first.facts.id, first.facts.intent_digest));
    world.cancel(first.facts.id).await;
    // With another intent, too: that it is another is for the use case to find out.
    for wanted in ["x", "y"] {
        let hit =
            ledger.load_call(&run, &lookup_of(&keyed_call(wanted, "key"))).await.unwrap().existing.unwrap();
        assert_eq!((hit.request.facts.id, hit.intent_digest), (first.facts.id, first.facts.intent_digest));
        assert!(hit.request.state.is_settled());
        let mut draft = world.draft_about(&run).await;
        let again = world.opening(draft.run().unwrap(), &keyed_call(wanted, "key"), draft.now());
        draft.record(again).unwrap();
        assert_stale(world.try_commit(draft.finish()).await, "call_keys");
    }
}

/// An open request takes its intent; a settled one gives it back.
pub async fn an_intent_is_taken_while_its_request_is_open(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let ledger = &world.doors.ledger;
    assert!(ledger.load_call(&run, &lookup_of(&call("x"))).await.unwrap().existing.is_none());
    let first = world.open(&run, &call("x")).await;
    for approved in [false, true] {
        if approved {
            world.decide(first.facts.id, "user:github:alice", Choice::Approve).await;
        }
        let hit = ledger.load_call(&run, &lookup_of(&call("x"))).await.unwrap().existing.unwrap();
        assert_eq!(hit.request.facts.id, first.facts.id);
        let mut draft = world.draft_about(&run).await;
        let again = world.opening(draft.run().unwrap(), &call("x"), draft.now());
        draft.record(again).unwrap();
        assert_stale(world.try_commit(draft.finish()).await, "mcp_action_requests");
    }
    world.cancel(first.facts.id).await;
    assert!(ledger.load_call(&run, &lookup_of(&call("x"))).await.unwrap().existing.is_none());
    let second = world.open(&run, &call("x")).await;
    let hit = ledger.load_call(&run, &lookup_of(&call("x"))).await.unwrap().existing.unwrap();
    assert_eq!(hit.request.facts.id, second.facts.id);
}

/// A request with a caller's key neither takes an intent nor is found by it.
pub async fn a_keyed_request_takes_no_intent(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let one = world.open(&run, &keyed_call("x", "one")).await;
    let two = world.open(&run, &keyed_call("x", "two")).await;
    let ledger = &world.doors.ledger;
    assert!(ledger.load_call(&run, &lookup_of(&call("x"))).await.unwrap().existing.is_none());
    let bare = world.open(&run, &call("x")).await;
    let wanted = [(keyed_call("x", "one"), one), (keyed_call("x", "two"), two), (call("x"), bare)];
    for (call, request) in wanted {
        let hit = ledger.load_call(&run, &lookup_of(&call)).await.unwrap().existing.unwrap();
        assert_eq!(hit.request.facts.id, request.facts.id);
    }
}

/// Keys and intents belong to one run.
pub async fn keys_and_intents_belong_to_one_run(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (one, two) = (world.register("run-1").await, world.register("run-2").await);
    for call in [call("x"), keyed_call("y", "key")] {
        let first = world.open(&one, &call).await;
        assert!(world.doors.ledger.load_call(&two, &lookup_of(&call)).await.unwrap().existing.is_none());
        let second = world.open(&two, &call).await;
        let hit = world.doors.ledger.load_call(&one, &lookup_of(&call)).await.unwrap().existing.unwrap();
        assert_eq!(hit.request.facts.id, first.facts.id);
        assert_ne!(first.facts.id, second.facts.id);
    }
}
