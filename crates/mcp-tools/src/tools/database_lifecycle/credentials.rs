//! A login role for a new database, whose generated password goes into one key of a Kubernetes Secret and nowhere else.
//!
//! The order is that of what can be taken back: first the key, then the role, and the database last. No password is ever read, and none is
//! set for a role that exists.

use std::sync::Arc;

use countersign_kernel::{Environment, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::facts::DatabaseFact;
use super::input::{Action, DatabaseInput};
use super::observe::Owner;
use super::roles;
use super::steps::{self, Params};
use crate::call::Caller;
use crate::plan::{Fact, Plan, SecretSpec, Step};
use crate::ports::{DatabaseServer, KubernetesSecrets, RoleSeen, TargetErrorKind};
use crate::tool::{PlanRefusal, Unseen};
use crate::tools::answers::Refused;
use crate::tools::kubernetes_key::look::{allowed, side};
use crate::tools::kubernetes_key::{self, KeyPlace, KubernetesSeen, Precondition, Side};
use crate::tools::namespaces::NamespaceRules;

/// The key of the Secret that holds the password.
pub(super) const KEY: &str = "password";

/// The password, in characters: 190 bits.
const PASSWORD: SecretSpec = SecretSpec { length: 32 };

/// What an operator configures about where passwords may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialsConfig {
    /// The namespaces that may be written to. Nothing is allowed that isn't named here.
    pub namespaces: NamespaceRules,
    /// The field manager the Kubernetes adapter applies with: a key that another one owns is refused before anyone is asked.
    pub field_manager: String,
}

/// Where passwords go.
pub(super) struct Credentials {
    pub(super) config: CredentialsConfig,
    pub(super) kubernetes: Arc<dyn KubernetesSecrets>,
}

/// A role that is there, as it is kept in an observation.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RoleThere {
    created_by: Option<String>,
    used_elsewhere: bool,
}

/// What creating with credentials needs of the world.
pub(super) struct Wanted<'a> {
    pub(super) place: &'a KeyPlace,
    pub(super) role: Option<&'a RoleThere>,
    pub(super) secret: Option<&'a KubernetesSeen>,
}

impl From<RoleSeen> for RoleThere {
    fn from(seen: RoleSeen) -> Self {
        let created_by = seen.created_by.as_ref().map(RequestId::to_string);
        Self { created_by, used_elsewhere: seen.used_elsewhere }
    }
}

impl RoleThere {
    /// Whether it carries the mark of the request that created the database.
    fn belongs_to(&self, owner: &Owner) -> bool {
        self.created_by.as_deref() == Some(owner.request.as_str())
    }
}

/// The role of the database's name, where the call is about one. Rights to make or drop roles are asked for only where they are needed.
pub(super) async fn look_at_role(
    server: &dyn DatabaseServer,
    input: &DatabaseInput,
    owner: Option<&Owner>,
) -> Result<Side<RoleThere>, Unseen> {
    let target = format!("login roles of database server `{}`", server.name());
    let (asked_for, deleted) = match input.action {
        Action::Create => (input.credentials.is_some(), false),
        Action::Quarantine | Action::Drop => (false, true),
        Action::Describe => (false, false),
    };
    let Some(roles) = server.roles() else {
        return Ok(match asked_for {
            true => Side::Refused(Refused::not_found(format!("{target}: it has none"))),
            false => Side::There(None),
        });
    };
    if !asked_for && !deleted {
        return Ok(Side::There(None));
    }
    let seen: Side<RoleThere> = side(roles.look_at_role(&input.database).await)?;
    let dropped = match &seen {
        Side::There(Some(role)) => {
            input.action == Action::Drop
                && !role.used_elsewhere
                && owner.is_some_and(|owner| role.belongs_to(owner))
        }
        Side::There(None) | Side::Refused(_) => false,
    };
    if !asked_for && !dropped {
        return Ok(seen);
    }
    match allowed(roles.role_access().await, &target)? {
        Some(refused) => Ok(Side::Refused(refused)),
        None => Ok(seen),
    }
}

/// The Secret that the password is to go into, where one is named.
pub(super) async fn look_at_secret(
    credentials: Option<&Credentials>,
    input: &DatabaseInput,
) -> Result<Side<KubernetesSeen>, Unseen> {
    match (&input.credentials, credentials) {
        (None, _) => Ok(Side::There(None)),
        (Some(place), Some(credentials)) => {
            kubernetes_key::look::look(credentials.kubernetes.as_ref(), place).await
        }
        (Some(_), None) => Ok(Side::Refused(Refused::not_found("kubernetes is not configured".to_owned()))),
    }
}

/// Refuses what the configuration no longer allows and what the targets would refuse.
pub(super) fn check(
    credentials: Option<&Credentials>,
    caller: &Caller,
    input: &DatabaseInput,
    server: &str,
    wanted: &Wanted<'_>,
) -> Result<(), PlanRefusal> {
    let refuse = |code: &'static str, message: String| Err(PlanRefusal { code, message });
    let Some(Credentials { config, .. }) = credentials else {
        return refuse(TargetErrorKind::NotFound.code(), "kubernetes is not configured".to_owned());
    };
    wanted.place.check(&config.namespaces, caller, &input.environment)?;
    if wanted.role.is_some() {
        let message =
            format!("role `{}` on server `{server}` exists already; it is never adopted", input.database);
        return refuse(TargetErrorKind::Conflict.code(), message);
    }
    kubernetes_key::look::writable(wanted.place, &config.field_manager, wanted.secret)
}

/// Whether the very request that created the database made the role and wrote the key: then asking again is asking for nothing.
pub(super) fn made_by(owner: &Owner, wanted: &Wanted<'_>) -> bool {
    let role = wanted.role.is_some_and(|role| role.belongs_to(owner));
    let key = wanted.secret.is_some_and(|secret| {
        secret.key(&wanted.place.key).is_some()
            && secret.written_by.as_deref() == Some(owner.request.as_str())
    });
    role && key
}

/// Adds the role and the key to the plan of a creation.
pub(super) fn extend(mut plan: Plan, input: &DatabaseInput, server: &str, wanted: &Wanted<'_>) -> Plan {
    let version = wanted.secret.map(|secret| secret.resource_version.clone());
    let key_existed = wanted.secret.is_some_and(|secret| secret.key(&wanted.place.key).is_some());
    let names = json!({ "role": input.database.as_str(), "server": server });
    plan.facts.push(DatabaseFact::RoleCreated.with(names.clone()));
    plan.facts.extend(kubernetes_key::facts::facts(wanted.place, wanted.secret));
    plan.facts.push(DatabaseFact::PasswordGenerated.with(json!({ "place": wanted.place.to_string() })));
    plan.facts.push(DatabaseFact::TakenBack.with(json!({})));
    plan.facts.push(DatabaseFact::RoleCredentialsChecked.with(names));
    let key = kubernetes_key::step::plan(wanted.place, &Precondition::Seen(version), key_existed);
    plan.steps = in_order(key, roles::create(input, Some(server)), Params::create(input, server), input);
    plan.secret = Some(PASSWORD);
    plan
}

/// Adds the steps to a plan that was made blind: they are shown and never done.
pub(super) fn extend_blind(mut plan: Plan, input: &DatabaseInput) -> Plan {
    if let Some(place) = &input.credentials {
        let key = kubernetes_key::step::plan(place, &Precondition::NotLookedAt, false);
        plan.steps = in_order(key, roles::create(input, None), Params::not_looked_at(input), input);
        plan.secret = Some(PASSWORD);
    }
    plan
}

fn in_order(key: Step, role: Step, database: Params, input: &DatabaseInput) -> Vec<Step> {
    vec![key, Step { number: 2, ..role }, Step { number: 3, ..steps::step(input, database) }]
}

/// What quarantine means for the role.
pub(super) fn kept_out(input: &DatabaseInput, role: Option<&RoleThere>, owner: &Owner) -> Option<Fact> {
    role.filter(|role| role.belongs_to(owner))
        .map(|_| DatabaseFact::RoleKeptOut.with(json!({ "role": input.database.as_str() })))
}

/// What dropping the database means for the role, and the step if it goes, too.
pub(super) fn dropped(
    input: &DatabaseInput,
    server: &str,
    role: Option<&RoleThere>,
    owner: &Owner,
) -> Option<(Fact, Option<Step>)> {
    let role = role.filter(|role| role.belongs_to(owner))?;
    let names = json!({ "role": input.database.as_str(), "server": server });
    if role.used_elsewhere {
        return Some((DatabaseFact::RoleStays.with(names), None));
    }
    let step = Step { number: 2, ..roles::drop(input, server, owner) };
    Some((DatabaseFact::RoleDropped.with(names), Some(step)))
}

/// What is wrong with asking for credentials in this environment, by the configuration alone.
pub(super) fn unavailable(
    credentials: Option<&Credentials>,
    server: Option<&dyn DatabaseServer>,
    environment: &Environment,
) -> Vec<String> {
    let mut rules = Vec::new();
    if credentials.is_none() {
        rules.push("needs Kubernetes, which is not configured".to_owned());
    }
    if server.is_some_and(|server| server.roles().is_none()) {
        rules.push(format!("needs login roles, which the database server of `{environment}` doesn't have"));
    }
    rules
}
