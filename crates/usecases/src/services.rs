//! What every use case works with: the ports, the tools, the policy, and how a decision becomes a commit.

mod policies;
mod run_facts;
mod run_locks;
mod writing;

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_audit::Pseudonym;
use countersign_kernel::{Actor, Digest, Millis, OutsideGroup, Principal, Proof, Timestamp};
use countersign_mcp_tools::ToolRegistry;
use countersign_mcp_tools::ports::DatabaseServers;

pub use policies::catalog_of;
pub(crate) use writing::{ATTEMPTS, Written, busy};

use crate::commit::DraftContext;
use crate::databases::NoServers;
use crate::error::ServiceError;
use crate::port::{Entropy, Ids, Ledger, Queries, RunTokens, Stopwatch, Wake, WarrantIssuer, WorkQueue};
use crate::record::{PrincipalRecord, Stamp};
use crate::seal::Sealer;
use crate::voice::Hearing;
use policies::Policies;
use run_facts::KnownRuns;
use run_locks::RunLocks;

/// The ports a server or an embedding program brings.
pub struct Ports {
    /// Snapshots and commits.
    pub ledger: Arc<dyn Ledger>,
    /// Leased work.
    pub work: Arc<dyn WorkQueue>,
    /// Lists and details.
    pub queries: Arc<dyn Queries>,
    /// Warrants for the executor.
    pub warrants: Arc<dyn WarrantIssuer>,
    /// Signs run tokens.
    pub tokens: Arc<dyn RunTokens>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Wakes workers and streams of this process.
    pub wake: Arc<dyn Wake>,
    /// Elapsed time, for holding leases.
    pub stopwatch: Arc<dyn Stopwatch>,
}

/// Everything a use case works with. One per process; shared.
pub struct Services {
    pub(crate) ports: Ports,
    pub(crate) tools: Arc<ToolRegistry>,
    pub(crate) sealer: Sealer,
    pub(crate) databases: Arc<dyn DatabaseServers>,
    hearing: Option<Hearing>,
    policies: Policies,
    locks: RunLocks,
    runs: KnownRuns,
    watch_every: Option<Millis>,
}

/// Somebody whose identity a transport has proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who.
    pub principal: Principal,
    /// How it was proved.
    pub proof: Proof,
    /// The outside groups that were proved along with it.
    pub groups: BTreeSet<OutsideGroup>,
}

impl Identity {
    /// Somebody of whom no outside group is known.
    pub fn new(principal: Principal, proof: Proof) -> Self {
        Self { principal, proof, groups: BTreeSet::new() }
    }
}

impl Services {
    /// Puts the use cases together.
    pub fn new(ports: Ports, tools: Arc<ToolRegistry>, sealer: Sealer) -> Self {
        let policies = Policies::new(catalog_of(tools.iter().map(|tool| tool.descriptor())));
        Self {
            ports,
            tools,
            sealer,
            databases: Arc::new(NoServers),
            hearing: None,
            policies,
            locks: RunLocks::default(),
            runs: KnownRuns::default(),
            watch_every: None,
        }
    }

    /// The same with the servers on which databases are restored and purged; without them neither is done by this process.
    #[must_use]
    pub fn with_databases(self, databases: Arc<dyn DatabaseServers>) -> Self {
        Self { databases, ..self }
    }

    /// The same, and people may speak; without it nobody can dictate to this process.
    #[must_use]
    pub fn with_hearing(self, hearing: Option<Hearing>) -> Self {
        Self { hearing, ..self }
    }

    /// Speech to text, where it is configured.
    pub fn hearing(&self) -> Option<&Hearing> {
        self.hearing.as_ref()
    }

    /// The same, and this process watches the targets as often.
    #[must_use]
    pub fn watching(mut self, every: Millis) -> Self {
        self.watch_every = Some(every);
        self
    }

    /// How often this process watches the targets; `None` when it doesn't.
    pub(crate) fn watch_every(&self) -> Option<Millis> {
        self.watch_every
    }

    /// The registered tools.
    pub fn tools(&self) -> &ToolRegistry {
        &self.tools
    }

    /// Lists and details, for transports.
    pub fn queries(&self) -> &dyn Queries {
        &*self.ports.queries
    }

    /// How warrants are proved, for readiness and doctor.
    pub fn warrant_standing(&self) -> &'static str {
        self.ports.warrants.standing()
    }

    /// The context of a commit by a part of Countersign itself or by an agent: actors that are no persons.
    pub(crate) fn context_of_role(
        &self,
        actor: Actor,
        now: Timestamp,
        policy: Option<Digest>,
    ) -> DraftContext<'_> {
        // INVARIANT: agents, policy and system always have a role pseudonym; only people and services need a mapping.
        let pseudonym = Pseudonym::of_role(&actor).unwrap_or_else(|| Pseudonym::from_random([0; 16]));
        DraftContext {
            ids: Ids::new(&*self.ports.entropy, now),
            now,
            actor,
            pseudonym,
            policy,
            new_principal: None,
        }
    }

    /// The context of a commit by a person or service, whose name the log replaces by a pseudonym.
    pub(crate) async fn context_of_person(
        &self,
        actor: Actor,
        principal: &Principal,
        now: Timestamp,
        policy: Option<Digest>,
    ) -> Result<DraftContext<'_>, ServiceError> {
        let ids = Ids::new(&*self.ports.entropy, now);
        let (pseudonym, new_principal) = match self.ports.ledger.find_pseudonym(principal).await? {
            Some(pseudonym) => (pseudonym, None),
            None => {
                let pseudonym = Pseudonym::from_random(ids.bytes());
                let record = PrincipalRecord {
                    principal: principal.to_string(),
                    pseudonym: pseudonym.as_str().to_owned(),
                    first_seen_at: Stamp(now),
                };
                (pseudonym, Some(record))
            }
        };
        Ok(DraftContext { ids, now, actor, pseudonym, policy, new_principal })
    }
}
