//! A world: a store with its clock, the services of one replica or several, and what people and agents do in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_approvals::{ActionRequest, Choice, InputMode};
use countersign_kernel::{Digest, Millis, Proof, RequestId, RunId, Timestamp};
use countersign_mcp_tools::tools::DatabaseLifecycle;
use countersign_mcp_tools::{ControlTool, OwnerFeedback, Plan, ToolRegistry};
use countersign_testkit::build::{self, principal, run_id};
use countersign_testkit::{MemoryStore, Rows, SeededEntropy, TestClock, TestIds, TestTool};
use countersign_usecases::call_tool::{CallError, CallReply, call_tool};
use countersign_usecases::decisions::decide::Decision;
use countersign_usecases::decisions::{DecisionError, DecisionReply, decide_request};
use countersign_usecases::policy_text::activate_policy;
use countersign_usecases::port::stopwatch::StoppedWatch;
use countersign_usecases::port::{
    IssuedToken, Lease, Ledger, RunTokens, Stopwatch, TokenError, WarrantIssuer, WorkKind,
};
use countersign_usecases::runs::register_run;
use countersign_usecases::seal::{MasterKey, Sealer};
use countersign_usecases::warrants::Unlogged;
use countersign_usecases::worker;
use countersign_usecases::{Identity, Ports, Services};
use countersign_waitstate::{RunFacts, RunLinks};
use serde_json::{Value, json};

use super::databases::{FakeServer, OneServer};
use super::mocks::{MockTarget, MockWarrants, MockedTool};
use super::{HookedLedger, Watched};

/// The run that every world has registered.
pub(crate) const RUN: &str = "run-1";

/// An owner of the project.
pub(crate) const ALICE: &str = "user:github:alice";

/// The other owner.
pub(crate) const BOB: &str = "user:github:bob";

/// Of the group `sre`, no owner.
pub(crate) const CAROL: &str = "user:github:carol";

struct PlainTokens;

impl RunTokens for PlainTokens {
    fn issue(&self, run: &RunId, now: Timestamp) -> Result<IssuedToken, TokenError> {
        Ok(IssuedToken { token: format!("token of {run}"), expires_at: now.plus(Millis::from_secs(3600)) })
    }
}

/// What a world is made of.
pub(crate) struct Setup {
    pub(crate) tool: Option<Arc<dyn ControlTool>>,
    pub(crate) warrants: Option<Arc<dyn WarrantIssuer>>,
    pub(crate) policy: Option<String>,
    /// Brings `database.lifecycle` over this server.
    pub(crate) databases: Option<Arc<FakeServer>>,
    /// The process's own clock goes with the ledger's, so that leases are held as in a server.
    pub(crate) holds_leases: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            tool: None,
            warrants: None,
            databases: None,
            policy: Some(countersign_testkit::policy::TEXT.to_owned()),
            holds_leases: false,
        }
    }
}

/// The world.
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) clock: TestClock,
    pub(crate) ledger: Arc<HookedLedger>,
    pub(crate) services: Arc<Services>,
    /// `test.write` as it is scripted; unused when a test brings its own.
    pub(crate) tool: Arc<TestTool>,
    /// `test.read`.
    pub(crate) reader: Arc<TestTool>,
    pub(crate) watched: Arc<Watched>,
    registry: Arc<ToolRegistry>,
    ids: TestIds,
}

/// Somebody with a token.
pub(crate) fn who(name: &str) -> Identity {
    Identity::new(principal(name), Proof::BearerToken)
}

/// The platform that registers runs.
pub(crate) fn platform() -> Identity {
    who("service:ci:platform")
}

impl World {
    /// A world whose tool has so many steps, with the testkit's policy and the registered run.
    pub(crate) async fn new(steps: u32) -> Self {
        Self::with_tool(TestTool::writing(steps), Setup::default()).await
    }

    /// The same with another policy text.
    pub(crate) async fn under(policy: String, steps: u32) -> Self {
        Self::with_tool(TestTool::writing(steps), Setup { policy: Some(policy), ..Setup::default() }).await
    }

    /// A world with this test tool.
    pub(crate) async fn with_tool(tool: TestTool, setup: Setup) -> Self {
        let clock = TestClock::default();
        let store = MemoryStore::new(clock.clone());
        let ledger = Arc::new(HookedLedger::new(store.clone()));
        let (tool, reader) = (Arc::new(tool), Arc::new(TestTool::reading()));
        let watched = Arc::new(Watched::new(tool.clone(), store.clone()));
        let mut registry = ToolRegistry::new();
        let writer = setup.tool.unwrap_or_else(|| watched.clone());
        for tool in [writer, reader.clone() as Arc<dyn ControlTool>, Arc::new(OwnerFeedback::new())] {
            registry.register(tool).unwrap();
        }
        let servers = setup.databases.map(|server| Arc::new(OneServer(server)));
        if let Some(servers) = &servers {
            let register = Arc::new(store.clone());
            registry.register(Arc::new(DatabaseLifecycle::new(servers.clone(), register))).unwrap();
        }
        let registry = Arc::new(registry);
        let stopwatch: Arc<dyn Stopwatch> =
            if setup.holds_leases { Arc::new(clock.clone()) } else { Arc::new(StoppedWatch) };
        let services = services_of(&store, ledger.clone(), setup.warrants, &registry, 1, stopwatch);
        let services = Arc::new(match servers {
            Some(servers) => services.with_databases(servers),
            None => services,
        });
        let ids = TestIds::new(99, clock.clone());
        let world = Self { store, clock, ledger, services, tool, reader, watched, registry, ids };
        if let Some(text) = setup.policy {
            world.activate(&text).await;
            world.register(build::run_facts(RUN)).await;
        }
        world
    }

    /// A world whose `test.write` always plans this and works on a mocked target, with mocked warrants.
    pub(crate) async fn mocked(plan: Plan, target: MockTarget, warrants: MockWarrants) -> Self {
        let tool: Arc<dyn ControlTool> = Arc::new(MockedTool::new(plan, target));
        let warrants: Arc<dyn WarrantIssuer> = Arc::new(warrants);
        let setup = Setup { tool: Some(tool), warrants: Some(warrants), ..Setup::default() };
        Self::with_tool(TestTool::writing(1), setup).await
    }

    /// Another process on the same store, which lacks the master key that values were sealed with.
    pub(crate) fn replica_without_key(&self) -> Arc<Services> {
        let keys = BTreeMap::from([("k2".to_owned(), MasterKey::new([8; 32]))]);
        let sealer = Sealer::new(keys, "k2".to_owned()).unwrap();
        let ports = ports_of(&self.store, self.ledger.clone(), None, 2, Arc::new(StoppedWatch));
        Arc::new(Services::new(ports, self.registry.clone(), sealer))
    }

    /// Another process on the same store, which has no tool at all.
    pub(crate) fn replica_without_tools(&self) -> Arc<Services> {
        let registry = Arc::new(ToolRegistry::new());
        Arc::new(services_of(&self.store, self.ledger.clone(), None, &registry, 3, Arc::new(StoppedWatch)))
    }

    /// Another process on the same store: nothing is shared but rows.
    pub(crate) fn replica(&self, seed: u64) -> Arc<Services> {
        Arc::new(services_of(
            &self.store,
            self.ledger.clone(),
            None,
            &self.registry,
            seed,
            Arc::new(StoppedWatch),
        ))
    }

    /// Another process on the same store, with what is added to it here.
    pub(crate) fn replica_with(&self, seed: u64, add: impl FnOnce(Services) -> Services) -> Arc<Services> {
        let (store, ledger) = (&self.store, self.ledger.clone());
        Arc::new(add(services_of(store, ledger, None, &self.registry, seed, Arc::new(StoppedWatch))))
    }

    /// Another process on the same store, which watches the targets.
    pub(crate) fn watching(&self, seed: u64, every: Millis) -> Arc<Services> {
        let (store, ledger) = (&self.store, self.ledger.clone());
        let services = services_of(store, ledger, None, &self.registry, seed, Arc::new(StoppedWatch));
        Arc::new(services.watching(every))
    }

    pub(crate) async fn activate(&self, text: &str) {
        activate_policy(&self.services, text, &who("user:github:root")).await.unwrap();
    }

    pub(crate) async fn register(&self, facts: RunFacts) {
        register_run(&self.services, facts, RunLinks::default(), &platform()).await.unwrap();
    }

    /// The agent of the run calls `test.write` for the thing of this name in `dev`.
    pub(crate) async fn call(&self, name: &str) -> CallReply {
        self.try_call("test.write", json!({"name": name, "environment": "dev"})).await.unwrap()
    }

    /// The same in another environment.
    pub(crate) async fn call_in(&self, environment: &str, name: &str) -> CallReply {
        self.try_call("test.write", json!({"name": name, "environment": environment})).await.unwrap()
    }

    pub(crate) async fn try_call(&self, tool: &str, arguments: Value) -> Result<CallReply, CallError> {
        call_tool(&self.services, &run_id(RUN), tool, &arguments).await
    }

    /// Calls and has `alice` approve what was answered.
    pub(crate) async fn approved(&self, name: &str) -> RequestId {
        let reply = self.call(name).await;
        let id = reply.request.unwrap();
        self.decide(id, Choice::Approve, reply.plan_digest.unwrap(), ALICE).await.unwrap();
        id
    }

    /// This person approves the request as it is now.
    pub(crate) async fn approve(&self, id: RequestId, by: &str) -> Result<DecisionReply, DecisionError> {
        let seen = self.request(id).await.proposal.plan_digest;
        self.decide(id, Choice::Approve, seen, by).await
    }

    pub(crate) async fn decide(
        &self,
        id: RequestId,
        choice: Choice,
        seen: Digest,
        by: &str,
    ) -> Result<DecisionReply, DecisionError> {
        decide_request(&self.services, id, &decision(choice, seen), &who(by)).await
    }

    /// The request as it is stored.
    pub(crate) async fn request(&self, id: RequestId) -> ActionRequest {
        self.store.load_request(id).await.unwrap().unwrap().request
    }

    /// The request's state by its name.
    pub(crate) async fn state(&self, id: RequestId) -> &'static str {
        self.request(id).await.state.name().as_str()
    }

    /// Leases all due work.
    pub(crate) async fn claim(&self) -> Vec<Lease> {
        worker::claim(&self.services, self.ids.worker(), 100).await.unwrap()
    }

    /// Leases the due work of this kind, which has to be there, and no other.
    pub(crate) async fn lease(&self, kind: WorkKind) -> Lease {
        use countersign_usecases::port::WorkQueue as _;
        let mut leases = self.store.claim(self.ids.worker(), &[kind], 10).await.unwrap();
        assert_eq!(leases.len(), 1, "leases of {kind:?}");
        leases.remove(0)
    }

    /// Does all work that is due, until none is.
    pub(crate) async fn work_off(&self) {
        for _ in 0..100 {
            let leases = self.claim().await;
            if leases.is_empty() {
                return;
            }
            for lease in &leases {
                worker::work(&self.services, lease).await.unwrap();
            }
        }
        panic!("work never ends: {:?}", self.rows().work);
    }

    /// Lets so many seconds pass, and this process does what is due then.
    pub(crate) async fn pass_with(&self, services: &Services, seconds: u64) {
        self.clock.advance(Millis::from_secs(seconds));
        for lease in worker::claim(services, self.ids.worker(), 100).await.unwrap() {
            worker::work(services, &lease).await.unwrap();
        }
    }

    /// Lets so many seconds pass and does what is due then.
    pub(crate) async fn pass(&self, seconds: u64) {
        self.clock.advance(Millis::from_secs(seconds));
        self.work_off().await;
    }

    pub(crate) fn rows(&self) -> Rows {
        self.store.rows()
    }

    /// The types of the events about a request, in order.
    pub(crate) fn events_of(&self, id: RequestId) -> Vec<String> {
        let id = Some(id.to_string());
        let rows = self.rows();
        rows.events
            .iter()
            .filter(|event| event.request_id == id)
            .map(|event| event.event_type.clone())
            .collect()
    }

    /// How many events of this type there are.
    pub(crate) fn count(&self, event_type: &str) -> usize {
        self.rows().events.iter().filter(|event| event.event_type == event_type).count()
    }

    /// The detail of the last event of this type.
    pub(crate) fn last_detail(&self, event_type: &str) -> Value {
        let rows = self.rows();
        let last = rows.events.iter().rev().find(|event| event.event_type == event_type);
        last.unwrap_or_else(|| panic!("no event `{event_type}`")).detail.clone()
    }
}

pub(crate) fn decision(choice: Choice, seen: Digest) -> Decision {
    Decision {
        choice,
        seen,
        reason: Some(build::words("the test decides so")),
        input_mode: InputMode::Button,
    }
}

fn services_of(
    store: &MemoryStore,
    ledger: Arc<HookedLedger>,
    warrants: Option<Arc<dyn WarrantIssuer>>,
    registry: &Arc<ToolRegistry>,
    seed: u64,
    stopwatch: Arc<dyn Stopwatch>,
) -> Services {
    let ports = ports_of(store, ledger, warrants, seed, stopwatch);
    let keys = BTreeMap::from([("k1".to_owned(), MasterKey::new([7; 32]))]);
    Services::new(ports, registry.clone(), Sealer::new(keys, "k1".to_owned()).unwrap())
}

fn ports_of(
    store: &MemoryStore,
    ledger: Arc<HookedLedger>,
    warrants: Option<Arc<dyn WarrantIssuer>>,
    seed: u64,
    stopwatch: Arc<dyn Stopwatch>,
) -> Ports {
    Ports {
        ledger: ledger.clone(),
        work: Arc::new(store.clone()),
        queries: Arc::new(store.clone()),
        warrants: warrants.unwrap_or_else(|| Arc::new(Unlogged::new(ledger))),
        tokens: Arc::new(PlainTokens),
        entropy: Arc::new(SeededEntropy::new(seed)),
        wake: Arc::new(countersign_usecases::port::wake::NoWake),
        stopwatch,
    }
}

/// Runs a future to its end on a thread of its own: hooks are no async code.
pub(crate) fn on_another_thread(future: impl Future<Output = ()> + Send + 'static) {
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    std::thread::spawn(move || runtime().block_on(future)).join().unwrap();
}
