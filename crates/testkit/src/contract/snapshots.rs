//! Snapshots: all that a decision needs, as it was written.

use countersign_approvals::{Ballot, Choice, Decided, InputMode, Progress, State, StepFailure, Vote};
use countersign_kernel::{DatabaseName, Digest, Millis, RedactedText};
use countersign_mcp_tools::ports::OwnedState;
use countersign_usecases::commit::{DatabaseWrite, Draft};
use countersign_usecases::port::PolicyStamp;
use countersign_usecases::record::OwnerRow;
use countersign_waitstate::{FinishReason, RunLinks, RunState, Timer};
use serde_json::json;

use super::StoreFixture;
use super::laden::{SERVER, database, kept_database, known_to};
use super::world::{World, lookup_of, policy_text, sealed_for};
use crate::build::{
    self, Everybody, ballot, call, plan, principal, proposal, question_call, run_id, step, terms, transcript,
};

/// Nothing is there: snapshots say so, with the store's time.
pub async fn an_empty_store_knows_nothing(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let ledger = &world.doors.ledger;
    let before = world.now().await;
    let call = ledger.load_call(&run_id("nobody"), &lookup_of(&call("x"))).await.unwrap();
    assert!(call.run.is_none() && call.policy.is_none() && call.existing.is_none());
    assert!(before <= call.now && call.now <= world.now().await, "the time is the store's");
    let run = ledger.load_run(&run_id("nobody")).await.unwrap();
    assert!(run.run.is_none() && run.policy.is_none() && run.unread.is_empty());
    assert_eq!(ledger.load_request(world.ids(before).request()).await.unwrap(), None);
    assert_eq!(ledger.load_policy(None).await.unwrap(), None);
    assert_eq!(ledger.find_pseudonym(&principal("user:github:alice")).await.unwrap(), None);
    assert!(!ledger.find_commit(world.ids(before).commit()).await.unwrap());
}

/// A run comes back as it was recorded, through its whole life.
pub async fn a_run_comes_back_as_it_was_recorded(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let registered = world.run(&run).await;
    assert_eq!(registered.facts, build::run_facts("run-1"));
    assert!(matches!(registered.state, RunState::Live { timer: Timer::Running { .. } }));
    let links = RunLinks { issue: Some(12), pull_request: Some(9_007_199_254_740_991) };
    for change in ["linked", "refused", "idle", "waiting", "ending"] {
        let mut draft = world.draft_about(&run).await;
        let (before, now) = (draft.run().unwrap().clone(), draft.now());
        let question = question_call("Which one should it be?");
        match change {
            "linked" => draft.record_run(before.link(&links).unwrap().unwrap()).unwrap(),
            "refused" => draft.record_run(before.count_refusal(now).unwrap().0).unwrap(),
            "idle" => {
                // So many that some are counted only.
                for _ in 0..12 {
                    let counted = draft.run().unwrap().count_idle_call(now).unwrap().0;
                    draft.record_run(counted).unwrap();
                }
            }
            "waiting" => draft.record(world.opening(&before, &question, now)).unwrap(),
            _ => draft.record_run(before.begin_end(FinishReason::Failed, now).unwrap()).unwrap(),
        }
        let expected = draft.run().unwrap().clone();
        world.commit(draft).await;
        assert_eq!(world.run(&run).await, expected, "{change}");
    }
}

/// A request comes back with the votes, steps and sealed values of its current revision only; the others are kept.
pub async fn a_request_comes_back_with_its_current_revision(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let id = world.open(&run, &call("x")).await.facts.id;
    world.decide(id, "user:github:alice", Choice::Approve).await;
    let approved = world.snapshot(id).await;
    assert_eq!(approved.request.votes.len(), 1);
    let mut draft = Draft::about(world.context(approved.now), &approved.run);
    let done = Progress::default().intend(1, 1, 5, approved.now).done(json!({"v": 1}), 5, approved.now);
    draft.put_step(id, &step(1, "test:x"), &done);
    draft.seal(sealed_for(id, 1, approved.now));
    let moved = proposal(&call("x"), &plan(&["test:moved", "test:more"]), terms());
    draft.record(approved.request.drift(moved.clone(), approved.now).unwrap()).unwrap();
    world.commit(draft).await;

    let drifted = world.snapshot(id).await;
    assert_eq!((drifted.request.revision, &drifted.request.proposal), (2, &moved));
    assert!(drifted.request.votes.is_empty() && drifted.progress.0.is_empty() && drifted.sealed.is_empty());
    world.decide(id, "user:github:bob", Choice::Approve).await;
    let again = world.snapshot(id).await;
    let mut draft = Draft::about(world.context(again.now), &again.run);
    draft.record(again.request.start(again.now).unwrap()).unwrap();
    let second = Progress::default().intend(2, 2, 7, again.now);
    let first = Progress::default().intend(2, 1, 6, again.now).not_done(6);
    draft.put_step(id, &step(2, "test:more"), &second);
    draft.put_step(id, &step(1, "test:moved"), &first);
    draft.seal(sealed_for(id, 2, again.now));
    world.commit(draft).await;

    let applying = world.snapshot(id).await;
    assert!(matches!(applying.request.state, State::Applying { .. }));
    assert_eq!(applying.request.version, 5);
    let voters: Vec<_> = applying.request.votes.iter().map(|vote| vote.ballot.by.as_str()).collect();
    assert_eq!(voters, ["user:github:bob"]);
    assert_eq!(applying.progress, Progress(vec![first, second]), "steps in order");
    assert_eq!(applying.sealed, [sealed_for(id, 2, again.now)]);
    let votes = world.doors.queries.list_votes(id).await.unwrap();
    assert_eq!(votes.iter().map(|vote| vote.revision).collect::<Vec<_>>(), [1, 2], "old votes are kept");
    let steps = world.doors.queries.list_steps(id).await.unwrap();
    let places: Vec<_> = steps.iter().map(|step| (step.revision, step.step_number)).collect();
    assert_eq!(places, [(1, 1), (2, 1), (2, 2)], "old steps are kept");
}

/// A vote comes back as it was cast, how its spoken words became text included; most votes were not spoken.
pub async fn a_vote_comes_back_as_it_was_cast(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    for (name, input_mode) in [
        ("spoken", InputMode::Voice(Some(transcript()))),
        ("relayed", InputMode::Voice(None)),
        ("typed", InputMode::Text),
    ] {
        let id = world.open(&run, &call(name)).await.facts.id;
        let snapshot = world.snapshot(id).await;
        let request = &snapshot.request;
        let cast =
            Ballot { input_mode, ..ballot("user:github:alice", Choice::Deny, request.proposal.plan_digest) };
        let Decided::Counted(denied) = request.decide(cast.clone(), &Everybody, snapshot.now).unwrap() else {
            panic!("nobody decided before")
        };
        let mut draft = Draft::about(world.context(snapshot.now), &snapshot.run);
        draft.record(denied).unwrap();
        world.commit(draft).await;
        assert_eq!(world.snapshot(id).await.request.votes[0].ballot, cast, "{name}, with its request");
        let listed = world.doors.queries.list_votes(id).await.unwrap().remove(0);
        assert_eq!(Vote::try_from(listed).unwrap().ballot, cast, "{name}, by itself");
    }
}

/// A vote that was changed replaces the one before it; a step as well.
pub async fn votes_and_steps_are_replaced_by_their_key(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let two = countersign_kernel::Terms { quorum: 2, ..terms() };
    let id = world.open_on(&run, &call("x"), two).await.facts.id;
    world.decide(id, "user:github:alice", Choice::Approve).await;
    world.decide(id, "user:github:alice", Choice::Deny).await;
    let votes = world.doors.queries.list_votes(id).await.unwrap();
    assert_eq!(votes.iter().map(|vote| vote.choice.as_str()).collect::<Vec<_>>(), ["deny"]);
    let other = world.open(&run, &call("y")).await.facts.id;
    let now = world.now().await;
    let begun = Progress::default().intend(1, 1, 1, now);
    let failure = StepFailure {
        code: "target_broken".to_owned(),
        message: RedactedText::from_storage("500".to_owned()),
    };
    let done = begun.done(json!({"version": "17"}), 1, now);
    let undoing = done.undoing(2).unwrap();
    let (alone, failed) = (begun.left_alone_until(now.plus(Millis(7)), 3), begun.failed(failure, 4));
    for progress in [begun, alone, failed, done, undoing.clone(), undoing.undone(3)] {
        let mut draft = world.draft().await;
        draft.put_step(other, &step(1, "test:y"), &progress);
        world.commit(draft).await;
        assert_eq!(world.snapshot(other).await.progress.0, [progress]);
    }
}

/// A step that is done frees its target, and so does one that was certainly not done, and one that was taken back.
pub async fn a_target_is_free_once_its_step_is_over(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    for over in ["not_done", "done", "undone"] {
        let id = world.open(&run, &call(over)).await.facts.id;
        let now = world.now().await;
        let begun = Progress::default().intend(1, 1, 1, now);
        let done = begun.done(json!({}), 1, now);
        let ended = match over {
            "not_done" => begun.not_done(1),
            "done" => done,
            _ => done.undoing(1).unwrap().undone(1),
        };
        for progress in [&begun, &ended] {
            let mut draft = world.draft().await;
            draft.put_step(id, &step(1, "test:shared"), progress);
            world.commit(draft).await;
        }
    }
}

/// The run of a snapshot has its open waits, oldest first, and no closed ones.
pub async fn waits_come_back_open_and_in_order(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let mut opened = Vec::new();
    for name in ["a", "b", "c", "d"] {
        opened.push(world.open(&run, &call(name)).await.facts.id);
        world.advance(Millis(2)).await;
    }
    world.cancel(opened[1]).await;
    let expected = [opened[0], opened[2], opened[3]];
    let waits =
        |run: &countersign_waitstate::Run| run.waits.iter().map(|wait| wait.request).collect::<Vec<_>>();
    assert_eq!(waits(&world.run(&run).await), expected);
    assert_eq!(waits(&world.snapshot(opened[3]).await.run), expected);
    let call = world.doors.ledger.load_call(&run, &lookup_of(&call("a"))).await.unwrap();
    assert_eq!(waits(&call.run.unwrap()), expected);
    for id in expected {
        world.cancel(id).await;
    }
    let after = world.run(&run).await;
    assert!(after.waits.is_empty() && after.deadline_at().is_some(), "the budget runs again");
}

/// Unread outcomes are those not acknowledged, oldest first.
pub async fn unread_outcomes_come_back_oldest_first(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let mut settled = Vec::new();
    for name in ["a", "b", "c"] {
        let id = world.open(&run, &call(name)).await.facts.id;
        world.cancel(id).await;
        settled.push(id);
        world.advance(Millis(2)).await;
    }
    let snapshot = world.doors.ledger.load_run(&run).await.unwrap();
    assert_eq!(snapshot.unread.iter().map(|outcome| outcome.request).collect::<Vec<_>>(), settled);
    let mut draft = world.draft().await;
    draft.mark_outcome(&snapshot.unread[0], countersign_usecases::commit::Mark::Acknowledged);
    draft.mark_outcome(&snapshot.unread[1], countersign_usecases::commit::Mark::Undeliverable);
    world.commit(draft).await;
    let unread = world.doors.ledger.load_run(&run).await.unwrap().unread;
    assert_eq!(unread.iter().map(|outcome| outcome.request).collect::<Vec<_>>(), settled[1..]);
    let shown = world.doors.queries.list_unread(&run, 500).await.unwrap();
    assert_eq!(shown.into_iter().filter_map(|request| request.outcome).collect::<Vec<_>>(), unread);
    let first = world.doors.queries.list_unread(&run, 1).await.unwrap();
    assert_eq!(first.iter().map(|request| request.id).collect::<Vec<_>>(), settled[1..2], "the oldest");
}

/// The highest number is active; a text is found by its digest, its latest activation first.
pub async fn policies_are_active_by_number_and_found_by_digest(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let id = world.open(&run, &call("x")).await.facts.id;
    for (number, text) in [(1, "one"), (2, "two"), (3, "one")] {
        let mut draft = world.draft().await;
        draft.put_policy(policy_text(number, text, draft.now()));
        world.commit(draft).await;
        let active = PolicyStamp { number: number.unsigned_abs(), digest: Digest::of_bytes(text.as_bytes()) };
        let ledger = &world.doors.ledger;
        let text_now = ledger.load_policy(None).await.unwrap().unwrap();
        assert_eq!((text_now.stamp, text_now.text.as_str()), (active, text));
        assert_eq!(ledger.load_run(&run).await.unwrap().policy, Some(active));
        assert_eq!(world.snapshot(id).await.policy, Some(active));
        let call = ledger.load_call(&run, &lookup_of(&call("x"))).await.unwrap();
        assert_eq!(call.policy, Some(active));
    }
    for (text, number) in [("one", 3), ("two", 2)] {
        let found =
            world.doors.ledger.load_policy(Some(Digest::of_bytes(text.as_bytes()))).await.unwrap().unwrap();
        assert_eq!((found.stamp.number, found.text.as_str()), (number, text));
    }
    assert_eq!(world.doors.ledger.load_policy(Some(Digest::of_bytes(b"none"))).await.unwrap(), None);
}

/// A person keeps the pseudonym of the first commit.
pub async fn a_pseudonym_is_found_again(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let context = known_to(&world, world.now().await, "user:github:alice");
    let pseudonym = context.pseudonym.clone();
    world.commit(Draft::new(context)).await;
    let ledger = &world.doors.ledger;
    assert_eq!(ledger.find_pseudonym(&principal("user:github:alice")).await.unwrap(), Some(pseudonym));
    assert_eq!(ledger.find_pseudonym(&principal("user:github:bob")).await.unwrap(), None);
}

/// An approval is on record once approved: of that request and that very plan, and of no other.
pub async fn an_approval_is_on_record_for_its_plan_only(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let (asked, other) = (world.open(&run, &call("x")).await, world.open(&run, &call("y")).await);
    let (plan_x, plan_y) = (asked.proposal.plan_digest, other.proposal.plan_digest);
    let ledger = &world.doors.ledger;
    assert!(!ledger.approval_on_record(asked.facts.id, plan_x).await.unwrap(), "requested is not approved");
    world.decide(asked.facts.id, "user:github:alice", Choice::Approve).await;
    assert!(ledger.approval_on_record(asked.facts.id, plan_x).await.unwrap());
    assert!(!ledger.approval_on_record(asked.facts.id, plan_y).await.unwrap(), "another plan");
    assert!(!ledger.approval_on_record(other.facts.id, plan_x).await.unwrap(), "another request");
    world.decide(other.facts.id, "user:github:alice", Choice::Deny).await;
    assert!(!ledger.approval_on_record(other.facts.id, plan_y).await.unwrap(), "denied is not approved");
    let snapshot = world.snapshot(asked.facts.id).await;
    let mut draft = Draft::about(world.context(snapshot.now), &snapshot.run);
    let moved = proposal(&call("x"), &plan(&["test:moved"]), terms());
    draft.record(snapshot.request.drift(moved.clone(), snapshot.now).unwrap()).unwrap();
    world.commit(draft).await;
    assert!(!ledger.approval_on_record(asked.facts.id, moved.plan_digest).await.unwrap(), "drifted");
}

/// The sealed values of a request are erased when it settles, those of others stay.
pub async fn sealed_values_are_erased_with_their_request(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let ids = world.open_sealed(&run, &["x", "y", "z"]).await;
    // The one in the middle, so that it is the request that counts and no range of keys.
    world.cancel(ids[1]).await;
    for (place, kept) in [(0, 1), (1, 0), (2, 1)] {
        assert_eq!(world.snapshot(ids[place]).await.sealed.len(), kept);
    }
}

/// Owner rows are inserted, replaced and removed; removing one that is not there is fine.
pub async fn owner_rows_change_with_commits(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let id = world.open(&run, &call("x")).await.facts.id;
    let name = DatabaseName::parse("orders").unwrap();
    let row = database("orders", id, world.now().await);
    let quarantined = countersign_usecases::record::DatabaseRecord {
        state: "quarantined".to_owned(),
        kept_as: Some("_q_orders".to_owned()),
        ..row.clone()
    };
    let removed = || DatabaseWrite::Remove { server: SERVER.to_owned(), database_name: "orders".to_owned() };
    let steps = [
        (removed(), None),
        (DatabaseWrite::Insert(row.clone()), Some(OwnedState::Reserved)),
        (DatabaseWrite::Update(quarantined), Some(OwnedState::Quarantined)),
        (removed(), None),
        (DatabaseWrite::Insert(row), Some(OwnedState::Reserved)),
    ];
    for (write, expected) in steps {
        let mut draft = world.draft().await;
        draft.write_database(write);
        world.commit(draft).await;
        let owner = world.doors.databases.find_owner(SERVER, &name).await.unwrap();
        assert_eq!(owner.as_ref().map(|owner| owner.state), expected);
        assert!(
            owner
                .as_ref()
                .is_none_or(|owner| owner.request == id && owner.project.as_str() == build::PROJECT)
        );
        assert_eq!(world.doors.databases.find_owner("another", &name).await.unwrap(), None);
        let listed = world.doors.databases.list_owners(SERVER).await.unwrap();
        let expected = owner.map(|owner| (name.clone(), owner));
        assert_eq!(listed, expected.into_iter().collect::<Vec<_>>());
        assert_eq!(world.doors.databases.list_owners("another").await.unwrap(), []);
    }
}

/// What is known of a kept database comes back, and what is not kept has none of it.
pub async fn a_kept_database_comes_back_as_it_was_recorded(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let id = world.open(&run, &call("x")).await.facts.id;
    let name = DatabaseName::parse("_q_orders").unwrap();
    let nothing = world.doors.ledger.load_database(SERVER, &name).await.unwrap();
    assert_eq!(nothing.owner, None);
    let kept = kept_database("_q_orders", OwnedState::Quarantined, id, world.now().await);
    let restoring = OwnerRow { state: OwnedState::Restoring, ..kept.clone() };
    let active = OwnerRow { state: OwnedState::Active, kept: None, ..kept.clone() };
    let mut write = DatabaseWrite::Insert as fn(_) -> _;
    for row in [kept, restoring, active] {
        let mut draft = world.draft().await;
        draft.write_database(write((&row).into()));
        world.commit(draft).await;
        let snapshot = world.doors.ledger.load_database(SERVER, &name).await.unwrap();
        assert_eq!(snapshot.owner, Some(row));
        assert!(snapshot.now >= nothing.now);
        assert_eq!(world.doors.ledger.load_database("another", &name).await.unwrap().owner, None);
        write = DatabaseWrite::Update;
    }
}
