//! Guards that hold, and the moment at which they don't any more.

use countersign_kernel::Millis;
use countersign_mcp_tools::ports::OwnedState;
use countersign_usecases::commit::{DatabaseWrite, Guard};
use countersign_usecases::port::WorkKind;
use countersign_waitstate::{FinishReason, RunLinks};

use super::StoreFixture;
use super::laden::{SERVER, kept_database};
use super::world::{World, assert_stale, subject_of};
use crate::build::call;

/// `RunLive` holds while the run works and while it waits, and not once it is ending, long before it is finished.
pub async fn a_run_is_live_while_it_works_or_waits(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    guarded_by_run(&world, "run-1").await.unwrap();
    world.open(&run, &call("x")).await;
    guarded_by_run(&world, "run-1").await.unwrap();
    let mut draft = world.draft_about(&run).await;
    let ending = draft.run().unwrap().begin_end(FinishReason::Stopped, draft.now()).unwrap();
    draft.record_run(ending).unwrap();
    world.commit(draft).await;
    assert_stale(guarded_by_run(&world, "run-1").await, "run_live");
    assert_stale(guarded_by_run(&world, "no-such-run").await, "run_live");
}

/// Guards see the state before the commit: one that ends a run may ask for it to be live.
pub async fn guards_are_checked_before_anything_is_written(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let mut draft = world.draft_about(&run).await;
    draft.guard(Guard::RunLive { run_id: run.to_string() });
    let ended = draft.run().unwrap().begin_end(FinishReason::Completed, draft.now()).unwrap();
    draft.record_run(ended).unwrap();
    world.commit(draft).await;
    assert!(!world.run(&run).await.is_live());
}

/// `NotAfter` is judged by the store's clock inside the commit: what the caller takes for now changes nothing.
pub async fn a_deadline_is_judged_by_the_stores_clock(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    world.register("run-1").await;
    let now = world.now().await;
    let (day, span) = (Millis::from_days(1), Millis(2_000));
    let deadline = now.plus(span);
    for believed in [now, now.plus(day)] {
        guarded_by_deadline(&world, believed, deadline).await.unwrap();
    }
    world.advance(Millis(span.0 + 5)).await;
    for believed in [now, deadline.plus(day)] {
        assert_stale(guarded_by_deadline(&world, believed, deadline).await, "not_after");
    }
}

/// A commit guarded by a fence goes through while the lease lasts, and with no other fence or row.
pub async fn a_fence_holds_for_its_lease_only(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    world.register("run-1").await;
    world.schedule(WorkKind::Remind, "a", Millis(0)).await;
    world.schedule(WorkKind::Probe, "a", Millis(0)).await;
    let lease = world.claim_one(WorkKind::Remind).await;
    let guard = |kind, subject: &str, fence| Guard::Fence { kind, subject: subject_of(subject), fence };
    guarded(&world, guard(WorkKind::Remind, "a", lease.fence)).await.unwrap();
    assert_stale(guarded(&world, guard(WorkKind::Remind, "a", lease.fence + 1)).await, "fence");
    assert_stale(guarded(&world, guard(WorkKind::Remind, "b", lease.fence)).await, "fence");
    assert_stale(guarded(&world, guard(WorkKind::Probe, "a", lease.fence)).await, "fence");
}

async fn guarded_by_run(world: &World, run_id: &str) -> Result<(), countersign_usecases::port::StoreError> {
    guarded(world, Guard::RunLive { run_id: run_id.to_owned() }).await
}

/// A commit with this guard that schedules some work, so that there is something to write.
async fn guarded(world: &World, guard: Guard) -> Result<(), countersign_usecases::port::StoreError> {
    let mut draft = world.draft().await;
    draft.guard(guard);
    let far = draft.now().plus(Millis::from_days(1));
    draft.schedule(WorkKind::Deliver, subject_of("far away"), far);
    world.try_commit(draft.finish()).await
}

async fn guarded_by_deadline(
    world: &World,
    believed: countersign_kernel::Timestamp,
    deadline: countersign_kernel::Timestamp,
) -> Result<(), countersign_usecases::port::StoreError> {
    let mut draft = countersign_usecases::commit::Draft::new(world.context(believed));
    draft.guard(Guard::NotAfter { deadline });
    let facts = crate::build::run_facts(&format!("run-{}", draft.now().unix_micros()));
    draft.record_run(countersign_waitstate::register(facts, RunLinks::default(), believed)).unwrap();
    world.try_commit(draft.finish()).await
}

/// `DatabaseIs` holds while the owner row is there and in that very state, and is no guard on its neighbours.
pub async fn an_owner_row_is_in_one_state(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let run = world.register("run-1").await;
    let id = world.open(&run, &call("x")).await.facts.id;
    let guarded_by_row = async |name: &str, state: OwnedState| {
        let (server, database_name) = (SERVER.to_owned(), name.to_owned());
        guarded(&world, Guard::DatabaseIs { server, database_name, state }).await
    };
    assert_stale(guarded_by_row("_q_a", OwnedState::Quarantined).await, "database_is");
    let mut write = DatabaseWrite::Insert as fn(_) -> _;
    for state in OwnedState::ALL {
        let row = kept_database("_q_a", state, id, world.now().await);
        let mut draft = world.draft().await;
        draft.write_database(write((&row).into()));
        write = DatabaseWrite::Update;
        world.commit(draft).await;
        for other in OwnedState::ALL {
            let result = guarded_by_row("_q_a", other).await;
            if other == state { result.unwrap() } else { assert_stale(result, "database_is") }
        }
        assert_stale(guarded_by_row("_q_b", state).await, "database_is");
    }
}
