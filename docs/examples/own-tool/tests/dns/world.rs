//! A process of the platform team's own: the tool in a registry, the use cases on a SQLite file, a clock that tests move.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_adapters_sqlite::{SqliteOptions, SqliteStore};
use countersign_approvals::{Choice, InputMode, State};
use countersign_example_own_tool::{DnsRecords, Zones, api::DnsApi};
use countersign_kernel::{Digest, Millis, Principal, Proof, RequestId, RunId, Timestamp, WorkerId};
use countersign_mcp_tools::ToolRegistry;
use countersign_testkit::{SeededEntropy, TestClock, build};
use countersign_usecases::call_tool::{CallError, CallReply, call_tool};
use countersign_usecases::decisions::decide::{Decision, decide_request};
use countersign_usecases::look::get_request;
use countersign_usecases::outcomes::get_outcome;
use countersign_usecases::policy_text::activate_policy;
use countersign_usecases::port::wake::NoWake;
use countersign_usecases::port::{EventFilter, Ids, IssuedToken, RequestSnapshot, RunTokens, TokenError};
use countersign_usecases::runs::register_run;
use countersign_usecases::seal::{MasterKey, Sealer};
use countersign_usecases::warrants::Unlogged;
use countersign_usecases::{Identity, Ports, Services, worker};
use countersign_waitstate::RunLinks;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stand_in::{DnsStandIn, TOKEN, ZONE};

/// The policy names the team's own tool like any other.
const POLICY: &str = r#"
version: 1
groups:
  shop-owners: ["user:corp:alice"]
projects:
  shop: { owners: [shop-owners], repository: acme/shop, environments: [dev, staging] }
defaults: { approval: owner, decide_within: 1h, execute_within: 15m, quorum: 1 }
guards:
  - id: only-operators-delete-records
    match: { tool: dns.record, action: delete, run_label: "run:dev" }
    approval: deny
"#;

pub struct World {
    pub services: Services,
    pub dns: DnsStandIn,
    clock: TestClock,
    run: RunId,
    _folder: TempDir,
}

struct PlainTokens;

impl RunTokens for PlainTokens {
    fn issue(&self, run: &RunId, now: Timestamp) -> Result<IssuedToken, TokenError> {
        Ok(IssuedToken { token: run.to_string(), expires_at: now })
    }
}

impl World {
    pub async fn new() -> Self {
        // reqwest is built without a TLS provider of its own; the process chooses one, as yours has to.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dns = DnsStandIn::start().await;
        let folder = TempDir::new().unwrap();
        let clock = TestClock::ticking();
        let host = clock.clone();
        let path = folder.path().join("countersign.db");
        let store = SqliteStore::open(path, SqliteOptions::default(), move || host.now()).await.unwrap();
        let services = services(&store, &clock, &dns);
        activate_policy(&services, POLICY, &person("service:corp:deploy")).await.unwrap();
        let run = build::run_id("run-1");
        let launcher = person("service:corp:launcher");
        register_run(&services, build::run_facts("run-1"), RunLinks::default(), &launcher).await.unwrap();
        Self { services, dns, clock, run, _folder: folder }
    }

    pub async fn call(&self, arguments: &Value) -> Result<CallReply, CallError> {
        call_tool(&self.services, &self.run, "dns.record", arguments).await
    }

    /// Asks, and gives the request that people are asked about.
    pub async fn asked(&self, arguments: &Value) -> RequestId {
        let reply = self.call(arguments).await.unwrap();
        assert_eq!(reply.status.as_str(), "approval_required");
        reply.request.expect("a request")
    }

    pub async fn request(&self, id: RequestId) -> RequestSnapshot {
        get_request(&self.services, id).await.unwrap()
    }

    pub async fn digest(&self, id: RequestId) -> Digest {
        self.request(id).await.request.proposal.plan_digest
    }

    /// Alice approves what she is shown now.
    pub async fn approve(&self, id: RequestId) {
        let seen = self.digest(id).await;
        let decision =
            Decision { choice: Choice::Approve, seen, reason: None, input_mode: InputMode::Button };
        decide_request(&self.services, id, &decision, &person("user:corp:alice")).await.unwrap();
    }

    /// Works until nothing is left to do for the request, a minute of the clock at most.
    pub async fn work(&self, id: RequestId) {
        let worker_id = self.worker();
        for _ in 0..120 {
            for lease in worker::claim(&self.services, worker_id, 8).await.unwrap() {
                worker::work(&self.services, &lease).await.unwrap();
            }
            match self.request(id).await.request.state {
                State::Approved { .. } | State::Applying { .. } => self.clock.advance(Millis(500)),
                State::Requested { .. } | State::Unknown { .. } | State::Settled(_) => return,
            }
        }
    }

    /// One turn of the workers.
    pub async fn work_once(&self, id: RequestId) {
        let leases = worker::claim(&self.services, self.worker(), 8).await.unwrap();
        assert!(leases.iter().any(|lease| lease.subject.as_str() == id.to_string()), "there is work for it");
        for lease in leases {
            worker::work(&self.services, &lease).await.unwrap();
        }
    }

    fn worker(&self) -> WorkerId {
        Ids::new(&SeededEntropy::new(7), self.clock.now()).worker()
    }

    pub fn advance(&self, span: Millis) {
        self.clock.advance(span);
    }

    pub async fn outcome(&self, id: RequestId) -> CallReply {
        get_outcome(&self.services, &self.run, id).await.unwrap()
    }

    /// Everything on the record, as text: to search it.
    pub async fn record(&self) -> String {
        let page = self.services.queries().list_events(&EventFilter::default(), None, 1000).await.unwrap();
        format!("{:?}", page.events)
    }
}

fn services(store: &SqliteStore, clock: &TestClock, dns: &DnsStandIn) -> Services {
    let zones = Zones::default().with("shop".parse().unwrap(), "staging".parse().unwrap(), ZONE);
    let api = DnsApi::new(dns.address(), TOKEN.into()).unwrap();
    let mut tools = ToolRegistry::new();
    tools.register(Arc::new(DnsRecords::new(api, zones).unwrap())).unwrap();
    let shared = Arc::new(store.clone());
    let ports = Ports {
        ledger: shared.clone(),
        work: shared.clone(),
        queries: shared.clone(),
        warrants: Arc::new(Unlogged::new(shared)),
        tokens: Arc::new(PlainTokens),
        entropy: Arc::new(SeededEntropy::new(2026)),
        wake: Arc::new(NoWake),
        stopwatch: Arc::new(clock.clone()),
    };
    let keys = BTreeMap::from([("k1".to_owned(), MasterKey::new([7; 32]))]);
    Services::new(ports, Arc::new(tools), Sealer::new(keys, "k1".to_owned()).unwrap())
}

fn person(name: &str) -> Identity {
    Identity::new(Principal::parse(name).unwrap(), Proof::Process)
}

/// A call that sets `api` to this address.
pub fn upsert(value: &str) -> Value {
    json!({
        "action": "upsert", "environment": "staging", "name": "api", "type": "A", "values": [value],
        "justification": "The new load balancer takes over.",
    })
}

/// A call that deletes `api`.
pub fn delete() -> Value {
    json!({
        "action": "delete", "environment": "staging", "name": "api", "type": "A",
        "justification": "The old name is not used any more.",
    })
}
