//! Holding a lease while a target is slow.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::{Millis, Violations};
use countersign_mcp_tools::{
    Call, Caller, ControlTool, Observation, Plan, PlanRefusal, ProbeOutcome, Step, StepOutcome, StepWork,
    ToolDescriptor,
};
use countersign_testkit::TestTool;
use countersign_usecases::port::{StoreError, WorkKind, WorkQueue as _};
use countersign_usecases::worker;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::support::{Setup, World, check};

/// `test.write` on a target that answers a write only once the test lets it.
struct SlowTool {
    inner: Arc<TestTool>,
    answers: Arc<Semaphore>,
}

#[async_trait]
impl ControlTool for SlowTool {
    fn descriptor(&self) -> &ToolDescriptor {
        self.inner.descriptor()
    }

    fn parse(&self, arguments: &Value, caller: &Caller) -> Result<Call, Violations> {
        self.inner.parse(arguments, caller)
    }

    async fn observe(&self, caller: &Caller, call: &Call) -> Observation {
        self.inner.observe(caller, call).await
    }

    fn plan(&self, caller: &Caller, call: &Call, observed: &Observation) -> Result<Plan, PlanRefusal> {
        self.inner.plan(caller, call, observed)
    }

    async fn perform(&self, work: StepWork<'_>) -> StepOutcome {
        self.answers.acquire().await.unwrap().forget();
        self.inner.perform(work).await
    }

    async fn probe(&self, work: StepWork<'_>) -> ProbeOutcome {
        self.inner.probe(work).await
    }

    fn in_flight(&self, step: &Step) -> Millis {
        self.inner.in_flight(step)
    }
}

struct Slow {
    world: Arc<World>,
    answers: Arc<Semaphore>,
    performed: Arc<TestTool>,
}

async fn slow() -> Slow {
    let (inner, answers) = (Arc::new(TestTool::writing(1)), Arc::new(Semaphore::new(0)));
    let tool: Arc<dyn ControlTool> = Arc::new(SlowTool { inner: inner.clone(), answers: answers.clone() });
    let setup = Setup { tool: Some(tool), holds_leases: true, ..Setup::default() };
    let world = Arc::new(World::with_tool(TestTool::writing(1), setup).await);
    Slow { world, answers, performed: inner }
}

impl Slow {
    /// Begins the work and lets it come to where it waits for the target.
    async fn begin(&self) -> tokio::task::JoinHandle<()> {
        let lease = self.world.lease(WorkKind::Execute).await;
        let world = self.world.clone();
        let work = tokio::spawn(async move { worker::work(&world.services, &lease).await.unwrap() });
        settle().await;
        work
    }

    /// Lets so many seconds pass in small steps, as clocks do.
    async fn seconds(&self, seconds: u64) {
        for _ in 0..seconds {
            self.world.clock.advance(Millis::from_secs(1));
            settle().await;
        }
    }
}

/// Lets every other task go as far as it can.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn r6_a_lease_is_prolonged_while_a_target_is_slow() {
    let slow = slow().await;
    let id = slow.world.approved("a").await;
    let work = slow.begin().await;
    slow.seconds(120).await;
    assert!(!work.is_finished());
    assert!(slow.world.claim().await.is_empty(), "nobody else gets the work after four times its lease");
    slow.answers.add_permits(1);
    work.await.unwrap();
    assert_eq!((slow.world.state(id).await, slow.performed.performed()), ("applied", vec![1]));
    check(&slow.world.rows());
}

#[tokio::test]
async fn r6_a_worker_whose_ledger_is_away_stops_before_its_lease_ends() {
    let slow = slow().await;
    let id = slow.world.approved("a").await;
    let work = slow.begin().await;
    slow.seconds(9).await;
    slow.world.store.set_unreachable(true);
    slow.seconds(14).await;
    assert!(!work.is_finished(), "23 s into its lease of 30 s");
    slow.seconds(2).await;
    assert!(work.is_finished(), "25 s into its lease of 30 s");
    work.await.unwrap();
    slow.world.store.set_unreachable(false);
    slow.answers.add_permits(1);
    settle().await;
    assert!(slow.performed.performed().is_empty(), "what waited for the target was dropped");
    slow.seconds(5).await;
    slow.world.work_off().await;
    assert_eq!((slow.world.state(id).await, slow.performed.probed()), ("applied", vec![1]));
    check(&slow.world.rows());
}

#[tokio::test]
async fn r6_a_worker_that_lost_its_lease_stops_at_its_next_try_to_prolong_it() {
    let slow = slow().await;
    slow.world.approved("a").await;
    let work = slow.begin().await;
    slow.world.clock.advance(countersign_testkit::memory::LEASE);
    // The clock leapt: before the first worker looks at it the work is somebody else's.
    let next = countersign_testkit::TestIds::new(77, slow.world.clock.clone()).worker();
    assert_eq!(slow.world.store.claim(next, &[WorkKind::Execute], 1).await.unwrap().len(), 1);
    settle().await;
    assert!(work.is_finished());
    assert!(slow.performed.performed().is_empty());
}

#[tokio::test]
async fn a_lease_of_work_that_is_done_is_not_kept() {
    let slow = slow().await;
    slow.world.approved("a").await;
    slow.answers.add_permits(1);
    let lease = slow.world.lease(WorkKind::Execute).await;
    worker::work(&slow.world.services, &lease).await.unwrap();
    slow.seconds(60).await;
    assert!(matches!(slow.world.store.extend(&lease).await, Err(StoreError::Stale { .. })));
}
