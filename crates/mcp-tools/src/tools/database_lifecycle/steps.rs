//! The step about the database that each action has, and how to tell afterwards whether an interrupted one happened.

use std::sync::Arc;

use countersign_kernel::{DatabaseName, Environment, ProjectKey, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::input::{Action, DatabaseInput};
use super::renamed::{self, Elsewhere};
use crate::call::Call;
use crate::plan::{Reversibility, Step};
use crate::ports::{
    DatabaseRegister, DatabaseSeen, DatabaseServer, DatabaseServers, LoginRoles, OwnedDatabase, TargetError,
    TargetErrorKind,
};
use crate::tool::{ProbeOutcome, StepOutcome, StepWork};
use crate::tools::answers::{
    self, probe_failed, read_failed, unreadable, unreadable_probe, with_evidence, write_failed,
};

const CREATE: &str = "database.create";
const QUARANTINE: &str = "database.quarantine";
const DROP: &str = "database.drop";
const DESCRIBE: &str = "database.describe";

/// The parameters of every step of this tool.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Params {
    /// The configured server the plan was made for; `None` when nothing could be looked at.
    server: Option<String>,
    database: String,
    /// What identifies the very database that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected_id: Option<String>,
    /// What the database was called, when that is not `database`: it had been renamed by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found_as: Option<String>,
    /// The name to keep it under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept_as: Option<String>,
    /// The project that may know everything about the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    /// Whether only the login role of its name may connect to it.
    #[serde(default, skip_serializing_if = "is_false")]
    private: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Params {
    fn of(database: String) -> Self {
        Self {
            server: None,
            database,
            expected_id: None,
            found_as: None,
            kept_as: None,
            project: None,
            private: false,
        }
    }

    fn on(input: &DatabaseInput, server: &str) -> Self {
        let database = input.database.to_string();
        Self { server: Some(server.to_owned()), ..Self::of(database) }
    }

    pub(super) fn create(input: &DatabaseInput, server: &str) -> Self {
        Self { private: input.credentials.is_some(), ..Self::on(input, server) }
    }

    /// Those of a step that is shown and never done.
    pub(super) fn not_looked_at(input: &DatabaseInput) -> Self {
        Self { private: input.credentials.is_some(), ..Self::of(input.database.to_string()) }
    }

    pub(super) fn describe(input: &DatabaseInput, server: &str, project: &ProjectKey) -> Self {
        Self { project: Some(project.to_string()), ..Self::on(input, server) }
    }

    pub(super) fn quarantine(input: &DatabaseInput, server: &str, kept_as: &DatabaseName, id: &str) -> Self {
        let (kept_as, expected_id) = (Some(kept_as.to_string()), Some(id.to_owned()));
        Self { kept_as, expected_id, ..Self::on(input, server) }
    }

    pub(super) fn drop_for_good(input: &DatabaseInput, server: &str, id: &str) -> Self {
        Self { expected_id: Some(id.to_owned()), ..Self::on(input, server) }
    }

    /// The same, of a database that is called otherwise now.
    pub(super) fn found_as(self, now: Option<&str>) -> Self {
        Self { found_as: now.map(str::to_owned), ..self }
    }
}

/// The step of a plan that was made after a look.
pub(super) fn step(input: &DatabaseInput, params: Params) -> Step {
    let server = params.server.as_deref().unwrap_or(input.environment.as_str());
    Step {
        number: 1,
        kind: kind(input.action).to_owned(),
        target: format!("database:{server}/{}", params.database),
        reversibility: Reversibility::ReadBack,
        params: json!(params),
    }
}

/// The step of a plan that was made blind: it is shown and never done.
pub(super) fn not_looked_at(input: &DatabaseInput) -> Step {
    step(input, Params::not_looked_at(input))
}

const fn kind(action: Action) -> &'static str {
    match action {
        Action::Create => CREATE,
        Action::Quarantine => QUARANTINE,
        Action::Drop => DROP,
        Action::Describe => DESCRIBE,
    }
}

/// A step, read back and checked against what is configured now.
enum Work {
    Create(Target),
    CreatePrivate(Target, Arc<dyn LoginRoles>),
    Quarantine { target: Target, kept_as: DatabaseName, id: String },
    Drop { target: Target, id: String },
    Describe { target: Target, project: ProjectKey, environment: Environment },
}

struct Target {
    server: Arc<dyn DatabaseServer>,
    /// What the register calls it.
    database: DatabaseName,
    /// What it was called when it was looked at: the same, unless it was renamed by hand.
    found_as: DatabaseName,
}

/// Why a step can't be begun.
pub(super) enum Unfit {
    Unreadable,
    NotLookedAt,
    ServerGone { server: String },
}

impl Unfit {
    /// The same in words.
    pub(super) fn words(&self, step: &Step) -> String {
        match self {
            Self::Unreadable => format!("`{}` has parameters this version can't read", step.target),
            Self::NotLookedAt => format!("`{}` could not be looked at when this was planned", step.target),
            Self::ServerGone { server } => server_gone_words(server),
        }
    }
}

impl Target {
    fn receipt(&self, id: &str) -> Value {
        let mut receipt =
            json!({ "server": self.server.name(), "database": self.database.as_str(), "id": id });
        if self.found_as != self.database {
            receipt["found_as"] = json!(self.found_as.as_str());
        }
        receipt
    }

    fn kept_receipt(&self, kept_as: &DatabaseName, id: &str) -> Value {
        let mut receipt = self.receipt(id);
        receipt["kept_as"] = json!(kept_as.as_str());
        receipt
    }
}

fn read(servers: &dyn DatabaseServers, work: &StepWork<'_>) -> Result<Work, Unfit> {
    let params = Params::deserialize(&work.step.params).map_err(|_| Unfit::Unreadable)?;
    let database = DatabaseName::parse(&params.database).map_err(|_| Unfit::Unreadable)?;
    let found_as = match &params.found_as {
        Some(name) => DatabaseName::parse(name).map_err(|_| Unfit::Unreadable)?,
        None => database.clone(),
    };
    let server = find_server(servers, work.call, params.server)?;
    let environment = work.call.environment.as_ref().ok_or(Unfit::Unreadable)?;
    let target = Target { server, database, found_as };
    match (work.step.kind.as_str(), params.expected_id, params.kept_as) {
        (CREATE, _, _) if params.private => {
            let gone = || Unfit::ServerGone { server: target.server.name().to_owned() };
            let roles = target.server.roles().ok_or_else(gone)?;
            Ok(Work::CreatePrivate(target, roles))
        }
        (CREATE, _, _) => Ok(Work::Create(target)),
        (DESCRIBE, _, _) => {
            let project = params.project.and_then(|project| ProjectKey::parse(&project).ok());
            let project = project.ok_or(Unfit::Unreadable)?;
            Ok(Work::Describe { target, project, environment: environment.clone() })
        }
        (DROP, Some(id), _) => Ok(Work::Drop { target, id }),
        (QUARANTINE, Some(id), Some(kept_as)) => {
            let kept_as = DatabaseName::parse(&kept_as).map_err(|_| Unfit::Unreadable)?;
            Ok(Work::Quarantine { target, kept_as, id })
        }
        _ => Err(Unfit::Unreadable),
    }
}

/// The server of this name. One that is configured under another name now is not the one that was looked at.
pub(super) fn find_server(
    servers: &dyn DatabaseServers,
    call: &Call,
    name: Option<String>,
) -> Result<Arc<dyn DatabaseServer>, Unfit> {
    let name = name.ok_or(Unfit::NotLookedAt)?;
    let environment = call.environment.as_ref().ok_or(Unfit::Unreadable)?;
    let found = servers.find_server(environment).filter(|server| server.name() == name);
    found.ok_or(Unfit::ServerGone { server: name })
}

/// A step that can't be begun.
pub(super) fn unfit(step: &Step, why: Unfit) -> StepOutcome {
    match why {
        Unfit::Unreadable => unreadable(step),
        Unfit::NotLookedAt => answers::not_looked_at(step),
        Unfit::ServerGone { server } => {
            let (code, message) = (TargetErrorKind::NotFound.code(), server_gone_words(&server));
            StepOutcome::Permanent { code, message }
        }
    }
}

/// The same, for a probe.
pub(super) fn unfit_probe(step: &Step, why: Unfit) -> ProbeOutcome {
    match why {
        Unfit::Unreadable => unreadable_probe(step),
        // Such a step is never done, so there is nothing to find.
        Unfit::NotLookedAt => ProbeOutcome::NotDone,
        Unfit::ServerGone { server } => {
            ProbeOutcome::CannotTell { why: server_gone_words(&server), retry: false }
        }
    }
}

fn server_gone_words(server: &str) -> String {
    format!("database server `{server}` no longer serves this environment")
}

pub(super) async fn perform(
    servers: &dyn DatabaseServers,
    register: &dyn DatabaseRegister,
    work: StepWork<'_>,
) -> StepOutcome {
    let written = match read(servers, &work) {
        Err(why) => return unfit(work.step, why),
        Ok(Work::Describe { target, project, environment }) => {
            return describe(&target, register, |row| {
                row.project == project && row.environment == environment
            })
            .await;
        }
        Ok(Work::Create(target)) => {
            let done = target.server.create(&target.database, work.request).await;
            done.map(|done| target.receipt(&done.id))
        }
        Ok(Work::CreatePrivate(target, roles)) => {
            let done = roles.create_private(&target.database, work.request).await;
            done.map(|done| target.receipt(&done.id))
        }
        Ok(Work::Quarantine { target, kept_as, id }) => {
            let done = target.server.quarantine(&target.found_as, &kept_as, &id).await;
            done.map(|done| target.kept_receipt(&kept_as, &done.id))
        }
        Ok(Work::Drop { target, id }) => {
            let done = target.server.drop_database(&target.found_as, &id).await;
            done.map(|done| target.receipt(&done.id))
        }
    };
    match written {
        Ok(receipt) => StepOutcome::Done { receipt },
        Err(error) => write_failed(error, None),
    }
}

async fn describe(
    target: &Target,
    register: &dyn DatabaseRegister,
    is_callers: impl Fn(&OwnedDatabase) -> bool + Send,
) -> StepOutcome {
    match look(target, register, is_callers).await {
        Ok(receipt) => StepOutcome::Done { receipt },
        Err(error) => read_failed(&error),
    }
}

async fn look(
    target: &Target,
    register: &dyn DatabaseRegister,
    is_callers: impl Fn(&OwnedDatabase) -> bool + Send,
) -> Result<Value, TargetError> {
    let (server, name) = (target.server.as_ref(), &target.database);
    let owner = register.find_owner(server.name(), name).await?.filter(is_callers);
    let there = server.look(name).await?;
    let elsewhere = renamed::find(server, register, name, owner.as_ref(), there.as_ref()).await?;
    Ok(description(target, owner.as_ref(), there.as_ref(), &elsewhere))
}

/// Everything about the caller's own database; of any other no more than that the name is taken.
fn description(
    target: &Target,
    owner: Option<&OwnedDatabase>,
    there: Option<&DatabaseSeen>,
    elsewhere: &Elsewhere,
) -> Value {
    // One that lost its mark was replaced by somebody else: it has the name of the caller's database and isn't it.
    let own = |seen: &&DatabaseSeen| owner.is_some_and(|row| seen.created_by == Some(row.request));
    let (shown, renamed_to) = match elsewhere {
        Elsewhere::Renamed { now, seen } => (Some(seen), Some(now.as_str())),
        Elsewhere::Nowhere | Elsewhere::InDoubt { .. } => (there.filter(own), None),
    };
    json!({
        "server": target.server.name(),
        "database": target.database.as_str(),
        "exists": there.is_some(),
        "owned": owner.is_some() && (there.is_none() || shown.is_some()),
        "state": owner.map(|row| row.state.as_str()),
        "renamed_to": renamed_to,
        "size_bytes": shown.map(|seen| seen.size_bytes),
        "connections": shown.map(|seen| seen.connections),
    })
}

pub(super) async fn probe(servers: &dyn DatabaseServers, work: StepWork<'_>) -> ProbeOutcome {
    match read(servers, &work) {
        Err(why) => unfit_probe(work.step, why),
        Ok(Work::Create(target) | Work::CreatePrivate(target, _)) => {
            probe_create(&target, work.request).await
        }
        Ok(Work::Quarantine { target, kept_as, id }) => probe_quarantine(&target, &kept_as, &id).await,
        Ok(Work::Drop { target, id }) => probe_drop(&target, &id).await,
        // Reading again is always right.
        Ok(Work::Describe { .. }) => ProbeOutcome::NotDone,
    }
}

fn cannot_tell(target: &Target, what: &str) -> ProbeOutcome {
    let why = format!("database `{}` on server `{}` {what}", target.database, target.server.name());
    ProbeOutcome::CannotTell { why, retry: false }
}

async fn probe_create(target: &Target, request: RequestId) -> ProbeOutcome {
    match target.server.look(&target.database).await {
        Ok(None) => ProbeOutcome::NotDone,
        Ok(Some(seen)) if seen.created_by == Some(request) => ProbeOutcome::Done {
            receipt: with_evidence(target.receipt(&seen.id), "the database carries the mark of this request"),
        },
        Ok(Some(_)) => cannot_tell(target, "exists without the mark of this request"),
        Err(error) => probe_failed(&error, None),
    }
}

async fn probe_quarantine(target: &Target, kept_as: &DatabaseName, id: &str) -> ProbeOutcome {
    let is_it = |seen: &Option<DatabaseSeen>| seen.as_ref().is_some_and(|seen| seen.id == id);
    let new_name = match target.server.look(kept_as).await {
        Ok(seen) => is_it(&seen),
        Err(error) => return probe_failed(&error, None),
    };
    match target.server.look(&target.found_as).await {
        // A file that was killed between its two names has both: it is done only when the old one is gone.
        Ok(seen) if is_it(&seen) => ProbeOutcome::NotDone,
        Ok(_) if new_name => {
            let receipt = target.kept_receipt(kept_as, id);
            ProbeOutcome::Done { receipt: with_evidence(receipt, "the database has its new name") }
        }
        Ok(_) => cannot_tell(target, "is under neither its old nor its new name"),
        Err(error) => probe_failed(&error, None),
    }
}

async fn probe_drop(target: &Target, id: &str) -> ProbeOutcome {
    let seen = match target.server.look(&target.found_as).await {
        Ok(seen) => seen,
        Err(error) => return probe_failed(&error, None),
    };
    if seen.as_ref().is_some_and(|seen| seen.id == id) {
        return ProbeOutcome::NotDone;
    }
    // What is not under its name was dropped, or renamed by hand in between.
    match target.server.list_marked().await {
        Ok(marked) if marked.iter().any(|marked| marked.id == id) => ProbeOutcome::NotDone,
        Ok(_) => {
            let evidence = match seen {
                Some(_) => "the name belongs to another database now",
                None => "the database is gone",
            };
            ProbeOutcome::Done { receipt: with_evidence(target.receipt(id), evidence) }
        }
        Err(error) => probe_failed(&error, None),
    }
}
