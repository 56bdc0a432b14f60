//! The steps about the login role of a database: it is made before its database, and dropped after it.

use std::sync::Arc;

use countersign_kernel::{DatabaseName, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::input::DatabaseInput;
use super::observe::Owner;
use super::steps::{Unfit, find_server, unfit, unfit_probe};
use crate::plan::{Reversibility, Step};
use crate::ports::{DatabaseServer, DatabaseServers, LoginRoles, RoleSeen, TargetErrorKind};
use crate::tool::{ProbeOutcome, StepOutcome, StepWork, UNDO_FAILED, UndoWork};
use crate::tools::answers::{could_not_look, probe_failed, secret_missing, with_evidence, write_failed};
use crate::watch::{Deviation, DoneStep, Inspection};

/// The kind of the step that makes the role.
pub(super) const CREATE_ROLE: &str = "database.create_role";
/// The kind of the step that drops it.
pub(super) const DROP_ROLE: &str = "database.drop_role";

/// The parameters of both steps.
#[derive(Debug, Serialize, Deserialize)]
struct RoleStep {
    /// The configured server the plan was made for; `None` when nothing could be looked at.
    server: Option<String>,
    role: String,
    /// The request whose mark the role must carry to be dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
}

/// A step, read back and checked against what is configured now.
struct Role {
    server: Arc<dyn DatabaseServer>,
    roles: Arc<dyn LoginRoles>,
    name: DatabaseName,
    what: What,
}

enum What {
    /// To be made, with the mark of the step's own request.
    Create,
    /// To be dropped, if it carries the mark of this request.
    Drop { created_by: RequestId },
}

/// Making the role. Without a server it is shown and never done.
pub(super) fn create(input: &DatabaseInput, server: Option<&str>) -> Step {
    step(input, CREATE_ROLE, server, None)
}

/// Dropping the role that the owner's request made.
pub(super) fn drop(input: &DatabaseInput, server: &str, owner: &Owner) -> Step {
    step(input, DROP_ROLE, Some(server), Some(owner.request.clone()))
}

fn step(input: &DatabaseInput, kind: &str, server: Option<&str>, created_by: Option<String>) -> Step {
    let at = server.unwrap_or(input.environment.as_str());
    let role = input.database.to_string();
    Step {
        number: 2,
        kind: kind.to_owned(),
        target: format!("role:{at}/{role}"),
        reversibility: Reversibility::ReadBack,
        params: json!(RoleStep { server: server.map(str::to_owned), role, created_by }),
    }
}

fn read(servers: &dyn DatabaseServers, work: &StepWork<'_>) -> Result<Role, Unfit> {
    let params = RoleStep::deserialize(&work.step.params).map_err(|_| Unfit::Unreadable)?;
    let name = DatabaseName::parse(&params.role).map_err(|_| Unfit::Unreadable)?;
    let server = find_server(servers, work.call, params.server)?;
    let roles = server.roles().ok_or_else(|| Unfit::ServerGone { server: server.name().to_owned() })?;
    let what = match (work.step.kind.as_str(), params.created_by) {
        (CREATE_ROLE, None) => What::Create,
        (DROP_ROLE, Some(request)) => {
            What::Drop { created_by: request.parse().map_err(|_| Unfit::Unreadable)? }
        }
        _ => return Err(Unfit::Unreadable),
    };
    Ok(Role { server, roles, name, what })
}

impl Role {
    fn receipt(&self, id: Option<&str>) -> Value {
        json!({ "server": self.server.name(), "role": self.name.as_str(), "id": id })
    }

    fn cannot_tell(&self, what: &str) -> ProbeOutcome {
        let why = format!("role `{}` on server `{}` {what}", self.name, self.server.name());
        ProbeOutcome::CannotTell { why, retry: false }
    }

    /// One that is gone is as good as dropped.
    async fn drop(&self, created_by: RequestId) -> StepOutcome {
        match self.roles.drop_role(&self.name, created_by).await {
            Ok(()) => StepOutcome::Done { receipt: self.receipt(None) },
            Err(error) if error.kind == TargetErrorKind::NotFound => {
                StepOutcome::Done { receipt: with_evidence(self.receipt(None), "the role was gone") }
            }
            Err(error) => write_failed(error, None),
        }
    }

    /// Whether the role that carries this mark is gone.
    async fn probe_dropped(&self, created_by: RequestId) -> ProbeOutcome {
        match self.roles.look_at_role(&self.name).await {
            Ok(None) => ProbeOutcome::Done { receipt: with_evidence(self.receipt(None), "the role is gone") },
            Ok(Some(seen)) if seen.created_by == Some(created_by) => ProbeOutcome::NotDone,
            Ok(Some(_)) => self.cannot_tell("doesn't carry the mark it was made with"),
            Err(error) => probe_failed(&error, None),
        }
    }
}

/// Makes the role or drops it.
pub(super) async fn perform(servers: &dyn DatabaseServers, work: &StepWork<'_>) -> StepOutcome {
    let role = match read(servers, work) {
        Ok(role) => role,
        Err(why) => return unfit(work.step, why),
    };
    match role.what {
        What::Drop { created_by } => role.drop(created_by).await,
        What::Create => {
            let Some(password) = work.secret else { return secret_missing(work.step) };
            match role.roles.create_role(&role.name, password, work.request).await {
                Ok(made) => StepOutcome::Done { receipt: role.receipt(Some(&made.id)) },
                Err(error) => write_failed(error, Some(password)),
            }
        }
    }
}

/// A role is made all at once with its mark: by that it is known again.
pub(super) async fn probe(servers: &dyn DatabaseServers, work: &StepWork<'_>) -> ProbeOutcome {
    let role = match read(servers, work) {
        Ok(role) => role,
        Err(why) => return unfit_probe(work.step, why),
    };
    match role.what {
        What::Drop { created_by } => role.probe_dropped(created_by).await,
        What::Create => match role.roles.look_at_role(&role.name).await {
            Ok(None) => ProbeOutcome::NotDone,
            Ok(Some(seen)) if seen.created_by == Some(work.request) => ProbeOutcome::Done {
                receipt: with_evidence(
                    role.receipt(Some(&seen.id)),
                    "the role carries the mark of this request",
                ),
            },
            Ok(Some(_)) => role.cannot_tell("exists without the mark of this request"),
            Err(error) => probe_failed(&error, work.secret),
        },
    }
}

/// Drops the role that this request made; a role with any other mark stays.
pub(super) async fn undo(servers: &dyn DatabaseServers, work: &UndoWork<'_>) -> StepOutcome {
    let role = match read(servers, &work.step) {
        Ok(role) => role,
        Err(why) => {
            let message = why.words(work.step.step);
            return StepOutcome::Permanent { code: UNDO_FAILED, message };
        }
    };
    role.drop(work.step.request).await
}

/// Looks whether the role that this request made is gone.
pub(super) async fn probe_undo(servers: &dyn DatabaseServers, work: &UndoWork<'_>) -> ProbeOutcome {
    match read(servers, &work.step) {
        Ok(role) => role.probe_dropped(work.step.request).await,
        Err(why) => ProbeOutcome::CannotTell { why: why.words(work.step.step), retry: false },
    }
}

/// What the receipt of a made role holds.
#[derive(Deserialize)]
struct Left {
    server: String,
    role: String,
    id: String,
}

/// Whether the role is still the one that was made. A role that was dropped is not looked for.
pub(super) async fn inspect(servers: &dyn DatabaseServers, done: &DoneStep<'_>) -> Inspection {
    let Ok(left) = Left::deserialize(done.receipt) else { return Inspection::NotWatched };
    let found = find_server(servers, done.call, Some(left.server.clone()));
    let Some(roles) = found.ok().and_then(|server| server.roles()) else { return Inspection::NotWatched };
    let Ok(name) = DatabaseName::parse(&left.role) else { return Inspection::NotWatched };
    match roles.look_at_role(&name).await {
        Ok(seen) => compare(done, &left, seen.as_ref()),
        Err(error) => could_not_look(&error),
    }
}

fn compare(done: &DoneStep<'_>, left: &Left, seen: Option<&RoleSeen>) -> Inspection {
    let was = json!({ "role": left.role, "id": left.id });
    let Some(seen) = seen else {
        return Inspection::changed(Deviation::Removed, was, json!({ "role": false }));
    };
    let mark = seen.created_by.map(|request| request.to_string());
    let now = json!({ "id": seen.id, "created_by": mark });
    if seen.id != left.id {
        Inspection::changed(Deviation::Replaced, was, now)
    } else if seen.created_by != Some(done.request) {
        Inspection::changed(Deviation::Unmarked, was, now)
    } else {
        Inspection::AsLeft
    }
}
