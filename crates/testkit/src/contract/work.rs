//! The work queue: leases by the store's clock, and fences that only grow.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_kernel::Millis;
use countersign_usecases::commit::Guard;
use countersign_usecases::port::{Due, Lease, StoreError, WorkKind};

use super::StoreFixture;
use super::world::{World, assert_stale, subject_of};

/// Far enough away never to come in a test.
const FAR: Millis = Millis::from_days(1);

/// Eight workers at once, each as greedy as can be, get each row once.
pub async fn due_work_is_leased_once(fixture: &dyn StoreFixture) {
    let world = Arc::new(World::of(fixture).await);
    for number in 0..24 {
        world.schedule(WorkKind::Remind, &format!("s{number}"), Millis(0)).await;
    }
    let claims: Vec<_> = (0..8)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.claim(WorkKind::Remind, 24).await })
        })
        .collect();
    let mut leases = Vec::new();
    for claim in claims {
        leases.extend(claim.await.unwrap());
    }
    assert_eq!(leases.len(), 24, "each row is leased");
    assert_eq!(leases.iter().map(|lease| &lease.subject).collect::<BTreeSet<_>>().len(), 24, "and only once");
    assert_eq!(
        leases.iter().map(|lease| lease.fence).collect::<BTreeSet<_>>().len(),
        24,
        "by a fence of its own"
    );
}

/// Only due rows of the kinds asked for, and not more than asked for.
pub async fn a_claim_takes_what_it_asked_for(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    world.schedule(WorkKind::Remind, "later", Millis(1_000)).await;
    assert!(world.claim(WorkKind::Remind, 10).await.is_empty(), "not due yet");
    for subject in ["a", "b", "c"] {
        world.schedule(WorkKind::Probe, subject, Millis(0)).await;
    }
    assert!(world.claim(WorkKind::Remind, 10).await.is_empty(), "of another kind");
    assert!(world.doors.work.claim(world.worker().await, &[], 10).await.unwrap().is_empty(), "of no kind");
    assert_eq!(world.claim(WorkKind::Probe, 2).await.len(), 2, "at most two");
    world.advance(Millis(1_010)).await;
    let kinds = [WorkKind::Remind, WorkKind::Probe];
    let worker = world.worker().await;
    let leases = world.doors.work.claim(worker, &kinds, 10).await.unwrap();
    assert!(leases.iter().any(|lease| lease.kind == WorkKind::Remind && lease.subject.as_str() == "later"));
    assert!(leases.iter().any(|lease| lease.kind == WorkKind::Probe), "the third of the others");
    let now = world.now().await;
    for lease in leases {
        assert_eq!(lease.worker, worker);
        assert!(lease.until > now && lease.until <= now.plus(lease.lasts), "{lease:?} at {now}");
    }
}

/// Each lease of any row has a higher fence than all before, also of a row that was removed and came back.
pub async fn fences_grow_over_any_row(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let mut last = 0;
    for round in 0..4 {
        let subject = if round % 2 == 0 { "a" } else { "b" };
        world.schedule(WorkKind::Remind, subject, Millis(0)).await;
        let lease = world.claim_one(WorkKind::Remind).await;
        assert!(lease.fence > last, "{} is higher than {last}", lease.fence);
        last = lease.fence;
        let mut draft = world.draft().await;
        draft.unschedule(WorkKind::Remind, subject_of(subject));
        world.commit(draft).await;
    }
}

/// When a lease ran out, somebody else may have the row; whoever held it before can do nothing with it.
pub async fn a_lease_that_ran_out_goes_to_the_next(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    world.schedule(WorkKind::Remind, "a", Millis(0)).await;
    let first = world.claim_one(WorkKind::Remind).await;
    assert!(world.claim(WorkKind::Remind, 10).await.is_empty(), "it is leased");
    world.advance(Millis(first.lasts.0 + 10)).await;
    let second = world.claim_one(WorkKind::Remind).await;
    assert!(second.fence > first.fence);
    assert_eq!((first.attempts, second.attempts), (1, 2));
    holds_nothing(&world, &first).await;
    guarded_by(&world, &second).await.unwrap();
}

/// A lease that ran out is over although nobody else took the row.
pub async fn a_lease_that_ran_out_is_over(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    world.schedule(WorkKind::Remind, "a", Millis(0)).await;
    let lease = world.claim_one(WorkKind::Remind).await;
    world.advance(Millis(lease.lasts.0 + 10)).await;
    holds_nothing(&world, &lease).await;
}

/// A prolonged lease keeps others out beyond its first end, by its own length.
pub async fn a_prolonged_lease_keeps_others_out(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    world.schedule(WorkKind::Remind, "a", Millis(0)).await;
    let first = world.claim_one(WorkKind::Remind).await;
    world.advance(Millis(first.lasts.0 / 2)).await;
    let longer = world.doors.work.extend(&first).await.unwrap();
    assert!(longer.until > first.until, "{} is later than {}", longer.until, first.until);
    assert_eq!((longer.fence, longer.attempts), (first.fence, first.attempts));
    world.advance(Millis(first.lasts.0 / 2 + 10)).await;
    assert!(world.now().await > first.until, "its first end has passed");
    assert!(world.claim(WorkKind::Remind, 10).await.is_empty(), "it is still leased");
    guarded_by(&world, &longer).await.unwrap();
    world.advance(Millis(first.lasts.0 * 2)).await;
    assert_eq!(world.claim(WorkKind::Remind, 10).await.len(), 1, "it ran out in the end");
}

/// A row that was given back is due after the delay, at once with none; it counts its attempts and its old lease is over.
pub async fn work_given_back_is_due_after_its_delay(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    world.schedule(WorkKind::Remind, "a", Millis(0)).await;
    let first = world.claim_one(WorkKind::Remind).await;
    world.doors.work.release(&first, Due::After(Millis(1_000))).await.unwrap();
    assert!(world.claim(WorkKind::Remind, 10).await.is_empty(), "not due yet");
    holds_nothing(&world, &first).await;
    world.advance(Millis(1_010)).await;
    let second = world.claim_one(WorkKind::Remind).await;
    assert_eq!(second.attempts, 2);
    world.doors.work.release(&second, Due::After(Millis(0))).await.unwrap();
    assert_eq!(world.claim_one(WorkKind::Remind).await.attempts, 3);
}

/// Scheduling a row that is leased leaves the lease as it is; the new time counts once the lease is over, and attempts begin anew.
pub async fn scheduling_leased_work_keeps_its_lease(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    world.schedule(WorkKind::Remind, "a", Millis(0)).await;
    let lease = world.claim_one(WorkKind::Remind).await;
    world.schedule(WorkKind::Remind, "a", Millis(0)).await;
    assert!(world.claim(WorkKind::Remind, 10).await.is_empty(), "it is still leased");
    guarded_by(&world, &lease).await.unwrap();
    world.advance(Millis(lease.lasts.0 + 10)).await;
    let next = world.claim_one(WorkKind::Remind).await;
    assert_eq!(next.attempts, 1, "attempts began anew");
    world.schedule(WorkKind::Remind, "a", FAR).await;
    world.advance(Millis(next.lasts.0 + 10)).await;
    assert!(world.claim(WorkKind::Remind, 10).await.is_empty(), "it is due at the new time");
}

/// A row that was scheduled for earlier is due earlier; scheduling twice makes no second row.
pub async fn scheduling_again_moves_the_row(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    world.schedule(WorkKind::Remind, "a", FAR).await;
    world.schedule(WorkKind::Remind, "a", Millis(0)).await;
    world.claim_one(WorkKind::Remind).await;
}

/// Writes of one commit happen in their order; a removed row can't be held.
pub async fn work_that_was_removed_is_gone(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    world.schedule(WorkKind::Remind, "a", Millis(0)).await;
    let lease = world.claim_one(WorkKind::Remind).await;
    let mut draft = world.draft().await;
    let now = draft.now();
    draft.guard(guard_of(&lease));
    draft.unschedule(WorkKind::Remind, subject_of("a"));
    draft.unschedule(WorkKind::Remind, subject_of("never there"));
    draft.schedule(WorkKind::Probe, subject_of("b"), now);
    draft.unschedule(WorkKind::Probe, subject_of("b"));
    draft.unschedule(WorkKind::Probe, subject_of("c"));
    draft.schedule(WorkKind::Probe, subject_of("c"), now);
    world.commit(draft).await;
    holds_nothing(&world, &lease).await;
    assert!(world.claim(WorkKind::Remind, 10).await.is_empty());
    assert_eq!(world.claim_one(WorkKind::Probe).await.subject.as_str(), "c");
}

async fn holds_nothing(world: &World, lease: &Lease) {
    assert_stale(world.doors.work.extend(lease).await, "work_items");
    assert_stale(world.doors.work.release(lease, Due::After(Millis(0))).await, "work_items");
    assert_stale(guarded_by(world, lease).await, "fence");
}

fn guard_of(lease: &Lease) -> Guard {
    Guard::Fence { kind: lease.kind, subject: lease.subject.clone(), fence: lease.fence }
}

async fn guarded_by(world: &World, lease: &Lease) -> Result<(), StoreError> {
    let mut draft = world.draft().await;
    draft.guard(guard_of(lease));
    let far = draft.now().plus(FAR);
    draft.schedule(WorkKind::Deliver, subject_of("far away"), far);
    world.try_commit(draft.finish()).await
}
