//! One request from the call to the read outcome, told to the end whatever happens to the servers meanwhile.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_simulators::{Behaviour, FaultRule, GithubChange, KubernetesChange};
use countersign_transport_grpc::v1::{Decision, Event, RequestState};
use serde_json::{Value, json};

use super::arena::Arena;
use super::look;
use super::oracle::{Evidence, Resting};
use super::plot::Plot;
use crate::clients::{Agent, Parties, status_of};

/// How long a slow GitHub takes: leases are prolonged by then ([`super::arena::LEASE_S`]), and nobody has given up waiting.
const SLOW_MS: u64 = 1_200;

/// How long readers of the record may lag behind the store.
const CATCHING_UP: Duration = Duration::from_secs(20);

/// A story and the names that are its own.
#[derive(Clone, Debug)]
pub struct Story {
    /// What happens in it.
    pub plot: Plot,
    /// Occurs in all its names: lower-case letters and digits.
    pub tag: String,
    /// The request that made the database to work on, where the story needs one.
    prepared: Option<String>,
}

/// A story that has begun.
pub struct Begun {
    /// Its run.
    pub run_id: String,
    token: String,
    /// The request.
    pub request_id: String,
    /// Whether the run waited for it.
    pub paused: bool,
}

impl Story {
    /// A story with names of its own.
    pub fn new(plot: Plot, tag: String) -> Self {
        Self { plot, tag, prepared: None }
    }

    /// The Kubernetes Secret.
    pub fn kubernetes_name(&self) -> String {
        format!("key-{}", self.tag)
    }

    /// The GitHub secret.
    pub fn github_name(&self) -> String {
        format!("KEY_{}", self.tag.to_uppercase())
    }

    /// The database.
    pub fn database(&self) -> String {
        format!("db_{}", self.tag)
    }

    /// Makes what the story begins with: a database, where one is to be looked at or taken away; a target that refuses or takes its time, where one does.
    ///
    /// # Errors
    /// A server refuses.
    pub async fn prepare(&mut self, arena: &mut Arena) -> Result<()> {
        let fault = match self.plot {
            Plot::TakenBack => Some(Behaviour::status(422)),
            Plot::Slow => Some(Behaviour::Delay { for_ms: SLOW_MS }),
            Plot::Well(_) | Plot::WithRole => None,
        };
        if let Some(behaviour) = fault {
            let path = format!("/repos/acme/shop/**/secrets/{}", self.github_name());
            let next = FaultRule::next("PUT", &path, behaviour);
            arena.site.github.fail(FaultRule { times: u32::MAX, ..next });
        }
        if matches!(self.plot.name(), "delete" | "drop" | "describe") {
            let create = Plot::named("create").context("databases can be created")?;
            let other = Self::new(create, self.tag.clone());
            let begun = other.begin(arena, "prepare").await?;
            other.decide(arena, &begun).await?;
            let state = other.settled(arena, &begun).await?;
            ensure!(state == Some(RequestState::Applied), "the database to work on came to {state:?}");
            self.prepared = Some(begun.request_id);
        }
        Ok(())
    }

    /// Tells all of it, from what it begins with.
    ///
    /// # Errors
    /// A server refuses, or the store can't be looked into.
    pub async fn told(&mut self, arena: &mut Arena) -> Result<Evidence> {
        self.prepare(arena).await.context("before it began")?;
        self.play(arena).await
    }

    /// Plays it to the end and gathers what can be known of it.
    ///
    /// # Errors
    /// A server refuses, or the store can't be looked into.
    pub async fn play(&self, arena: &mut Arena) -> Result<Evidence> {
        let begun = self.begin(arena, "story").await?;
        self.decide(arena, &begun).await?;
        let state = self.settled(arena, &begun).await?;
        let evidence = self.gather(arena, &begun, state).await?;
        if state.is_some() && !evidence.outcomes.is_empty() {
            self.acknowledge(arena, &begun).await?;
        }
        Ok(evidence)
    }

    /// Registers a run and calls the tool.
    ///
    /// # Errors
    /// A server refuses.
    pub async fn begin(&self, arena: &mut Arena, part: &str) -> Result<Begun> {
        let run_id = format!("{part}-{}", self.tag);
        let token = arena
            .insist("registering the run", async |parties: &Parties| {
                Ok(parties.agent_with_token(&run_id, "patient", "run:guarded").await?.1)
            })
            .await?;
        let arguments = self.arguments();
        let reply = arena
            .insist("calling the tool", async |parties: &Parties| {
                let agent = parties.agent_of(&run_id, &token)?;
                Ok(agent.call(self.plot.cell().tool, &arguments).await?)
            })
            .await?;
        let request_id = reply.request_id.with_context(|| format!("no request: {:?}", reply.detail))?;
        let run = arena
            .insist("looking at the run", async |parties: &Parties| {
                parties.run(&run_id).await?.run.context("the run")
            })
            .await?;
        let paused = run.deadline_at.is_none() && run.waits.iter().any(|wait| wait.request_id == request_id);
        Ok(Begun { run_id, token, request_id, paused })
    }

    /// The owner approves, or answers.
    ///
    /// # Errors
    /// A server refuses.
    pub async fn decide(&self, arena: &mut Arena, begun: &Begun) -> Result<()> {
        arena
            .insist("deciding", async |parties: &Parties| {
                let id = &begun.request_id;
                // The decision may have been written although its answer was lost.
                match parties.state(id).await? {
                    RequestState::Requested if self.plot.name() == "ask" => parties.answer(id).await,
                    RequestState::Requested => parties.decide(id, Decision::Approve, "go ahead").await,
                    RequestState::Unspecified
                    | RequestState::Approved
                    | RequestState::Applying
                    | RequestState::Unknown
                    | RequestState::Applied
                    | RequestState::Answered
                    | RequestState::Denied
                    | RequestState::Expired
                    | RequestState::Cancelled
                    | RequestState::Failed => Ok(()),
                }
            })
            .await
    }

    /// Waits until the request is settled, and in which state; `None` when it never is.
    ///
    /// # Errors
    /// A server refuses to show it.
    pub async fn settled(&self, arena: &mut Arena, begun: &Begun) -> Result<Option<RequestState>> {
        arena
            .until("seeing how it ends", arena.patience, async |parties: &Parties| {
                let state = parties.state(&begun.request_id).await?;
                if state == RequestState::Requested && self.plot.name() != "ask" {
                    // A target that couldn't be looked at before is seen now: the owner is asked again, and another decision may be faster.
                    let _ = parties.decide(&begun.request_id, Decision::Approve, "go ahead").await;
                }
                Ok(is_settled(state).then_some(state))
            })
            .await
    }

    /// What the server, its store and the targets say of it now.
    ///
    /// # Errors
    /// The server refuses, or the store or a target can't be read.
    pub async fn gather(
        &self,
        arena: &mut Arena,
        begun: &Begun,
        state: Option<RequestState>,
    ) -> Result<Evidence> {
        let events = self.record(arena, begun).await?;
        let (run, listed) = arena
            .insist("looking at the run", async |parties: &Parties| {
                let agent: Agent = parties.agent_of(&begun.run_id, &begun.token)?;
                let run = parties.run(&begun.run_id).await?.run.context("the run")?;
                Ok((run, agent.outcomes().await?))
            })
            .await?;
        let id = &begun.request_id;
        let sealed = format!("SELECT CAST(count(*) AS TEXT) FROM sealed_values WHERE request_id = '{id}'");
        // A request that is settled is listed for the agent whether or not its outcome was written: the row itself counts, if it is listed.
        let listed = listed
            .into_iter()
            .filter(|outcome| outcome.request_id.as_deref() == Some(id))
            .map(|outcome| status_of(&outcome))
            .collect::<Vec<_>>();
        let rows = format!("SELECT CAST(status AS TEXT) FROM run_outcomes WHERE request_id = '{id}'");
        let outcomes = look::texts(&arena.site, rows).await?;
        let outcomes = if outcomes.is_empty() { outcomes } else { listed };
        let about = |request: Option<&str>| request.is_none() || request == Some(id.as_str());
        Ok(Evidence {
            resting: self.rest(arena, Some(id)).await?,
            state: state.map(|state| name_of(state).to_owned()),
            events: events
                .into_iter()
                .filter(|event| about(event.request_id.as_deref()))
                .map(|event| event.r#type)
                .collect(),
            paused_while_open: begun.paused,
            waits: run.waits.len(),
            budget_runs: run.deadline_at.is_some(),
            outcomes,
            sealed: look::number(&arena.site, sealed).await?,
        })
    }

    /// The events of the run as readers are shown them. On PostgreSQL a transaction that is still running, of a server that died as well, holds
    /// back what was committed after it began: readers catch up with the store.
    async fn record(&self, arena: &mut Arena, begun: &Begun) -> Result<Vec<Event>> {
        let rows =
            format!("SELECT CAST(count(*) AS TEXT) FROM flow_events WHERE run_id = '{}'", begun.run_id);
        let stored = usize::try_from(look::number(&arena.site, rows).await?)?;
        let caught_up = arena.until("reading the record", CATCHING_UP, async |parties: &Parties| {
            let events = parties.events(&begun.run_id).await?;
            Ok((events.len() >= stored).then_some(events))
        });
        match caught_up.await? {
            Some(events) => Ok(events),
            None => {
                arena.insist("reading the record", async |parties| parties.events(&begun.run_id).await).await
            }
        }
    }

    /// What the store and the targets hold, whether or not a server lives.
    ///
    /// # Errors
    /// The store or a target can't be read.
    pub async fn rest(&self, arena: &Arena, request_id: Option<&str>) -> Result<Resting> {
        let places = [
            format!("shop-dev/{}", self.kubernetes_name()),
            format!("acme/shop#{}", self.github_name()),
            format!("acme/shop/dev#{}", self.github_name()),
        ];
        // The state last: what is done while this looks is not held against it.
        let effects = arena.site.journal.effects().into_iter();
        let databases = look::databases(&arena.site).await?;
        let has_role = self.plot == Plot::WithRole && look::has_role(&arena.site, &self.database()).await?;
        let query = format!(
            "SELECT state FROM mcp_action_requests WHERE run_id = 'story-{}' ORDER BY requested_at",
            self.tag
        );
        // PostgreSQL's adapter prepares a database under a name of the request's own.
        let preparing = request_id.map(|id| id.replace('-', ""));
        let mine = |name: &str| {
            name.contains(&self.tag) || preparing.as_ref().is_some_and(|preparing| name.contains(preparing))
        };
        Ok(Resting {
            plot: self.plot,
            request_id: request_id.map(str::to_owned),
            prepared: self.prepared.clone(),
            database: self.database(),
            stored: look::texts(&arena.site, query).await?.pop(),
            effects: effects
                .filter(|effect| effect.actor != "by-hand" && places.contains(&effect.place))
                .collect(),
            databases: databases.into_iter().filter(|database| mine(&database.name)).collect(),
            has_role,
        })
    }

    /// The agent reads its outcome.
    ///
    /// # Errors
    /// A server refuses.
    pub async fn acknowledge(&self, arena: &mut Arena, begun: &Begun) -> Result<()> {
        arena
            .insist("acknowledging", async |parties: &Parties| {
                parties.agent_of(&begun.run_id, &begun.token)?.acknowledge(&begun.request_id).await
            })
            .await
    }

    /// Takes away what it left on the targets that hold only so many secrets.
    pub fn tidy(&self, arena: &Arena) {
        if matches!(self.plot.cell().action, "sync" | "create") {
            let repository = "acme/shop".to_owned();
            for environment in [None, Some("dev".to_owned())] {
                // It is in one of the two places, and in none when the story failed or wrote to Kubernetes only.
                let _ = arena.site.github.set(GithubChange::DeleteSecret {
                    repository: repository.clone(),
                    environment,
                    name: self.github_name(),
                });
            }
            let _ = arena.site.kubernetes.set(KubernetesChange::DeleteSecret {
                namespace: "shop-dev".to_owned(),
                name: self.kubernetes_name(),
            });
        }
    }

    /// What the agent asks for. With a key of its own, so that a call whose answer was lost is the same call.
    fn arguments(&self) -> Value {
        let why = "Asked for by the crash harness.";
        let key = format!("{}-{}", self.plot, self.tag);
        let database = |action: &str, more: Value| {
            let mut arguments = json!({
                "action": action, "environment": "dev", "database_name": self.database(),
                "justification": why, "idempotency_key": key,
            });
            if let (Some(into), Some(more)) = (arguments.as_object_mut(), more.as_object()) {
                into.extend(more.clone());
            }
            arguments
        };
        match self.plot.name() {
            "sync" | "sync-taken-back" | "sync-slow" => json!({
                "environment": "dev", "github_secret_name": self.github_name(),
                "kubernetes_secret_name": self.kubernetes_name(), "justification": why, "idempotency_key": key,
            }),
            "ask" => json!({
                "question": format!("Shall the story {} go on as planned?", self.tag), "options": ["Yes", "No"],
                "idempotency_key": key,
            }),
            "create-with-role" => database("create", json!({"credentials_secret": self.kubernetes_name()})),
            "delete" => database("delete", json!({"confirm_delete": true})),
            "drop" => database("delete", json!({"confirm_delete": true, "delete_mode": "drop"})),
            other => database(other, json!({})),
        }
    }
}

/// Whether nothing can happen to a request any more.
pub fn is_settled(state: RequestState) -> bool {
    match state {
        RequestState::Unspecified
        | RequestState::Requested
        | RequestState::Approved
        | RequestState::Applying
        | RequestState::Unknown => false,
        RequestState::Applied
        | RequestState::Answered
        | RequestState::Denied
        | RequestState::Expired
        | RequestState::Cancelled
        | RequestState::Failed => true,
    }
}

/// The state as events and rows name it.
pub fn name_of(state: RequestState) -> &'static str {
    match state {
        RequestState::Unspecified => "unspecified",
        RequestState::Requested => "requested",
        RequestState::Approved => "approved",
        RequestState::Applying => "applying",
        RequestState::Unknown => "unknown",
        RequestState::Applied => "applied",
        RequestState::Answered => "answered",
        RequestState::Denied => "denied",
        RequestState::Expired => "expired",
        RequestState::Cancelled => "cancelled",
        RequestState::Failed => "failed",
    }
}
