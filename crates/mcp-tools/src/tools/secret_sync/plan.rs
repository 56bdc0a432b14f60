//! Says what a synchronisation would do, and refuses what the targets would refuse: an approver is not asked for the impossible.

use countersign_kernel::Environment;
use serde_json::json;

use super::SecretSyncConfig;
use super::facts::SyncFact;
use super::input::{SCHEMA_VERSION, SyncInput, ValuePolicy};
use super::observe::{GithubSeen, InWords, Seen};
use super::steps::GithubStep;
use crate::call::{Call, Caller};
use crate::plan::{Fact, Plan, Step};
use crate::ports::SecretPlace;
use crate::tool::{Observation, PlanRefusal, Unseen};
use crate::tools::answers::{OBSERVATION_UNREADABLE, unreadable_observation};
use crate::tools::kubernetes_key::{KubernetesSeen, Precondition, Side, facts, look, step};
use crate::tools::unseen;

pub(super) fn plan(
    config: &SecretSyncConfig,
    caller: &Caller,
    call: &Call,
    observed: &Observation,
) -> Result<Plan, PlanRefusal> {
    let input = SyncInput::of_call(call)
        .map_err(|error| PlanRefusal { code: OBSERVATION_UNREADABLE, message: error.to_string() })?;
    if let Some(environment) = &call.environment {
        input.kubernetes.check(&config.namespaces, caller, environment)?;
    }
    let seen = match observed {
        Observation::CouldNotLook { why } => return Ok(blind(&input, why)),
        Observation::Seen(stored) => Seen::read(stored).ok_or_else(unreadable_observation)?,
    };
    let (kubernetes, github) = both_there(seen)?;
    let has_key = kubernetes.as_ref().is_some_and(|secret| secret.key(&input.kubernetes.key).is_some());
    if input.policy == ValuePolicy::KeepExisting {
        match (has_key, github.is_some()) {
            (true, true) => return Ok(settled(&input)),
            (false, false) => {}
            (true, false) | (false, true) => return Err(cannot_keep(&input, has_key)),
        }
    }
    look::writable(&input.kubernetes, &config.field_manager, kubernetes.as_ref())?;
    Ok(write_both(&input, kubernetes.as_ref(), github.as_ref()))
}

fn refuse(code: &'static str, message: String) -> PlanRefusal {
    PlanRefusal { code, message }
}

type BothThere = (Option<KubernetesSeen>, Option<GithubSeen>);

fn both_there(seen: Seen) -> Result<BothThere, PlanRefusal> {
    match (seen.kubernetes, seen.github) {
        (Side::There(kubernetes), Side::There(github)) => Ok((kubernetes, github)),
        (Side::Refused(one), Side::Refused(other)) => {
            Err(refuse(one.code(), format!("{}; {}", one.message(), other.message())))
        }
        (Side::Refused(refused), Side::There(_)) | (Side::There(_), Side::Refused(refused)) => {
            Err(refused.into_refusal())
        }
    }
}

fn cannot_keep(input: &SyncInput, in_kubernetes: bool) -> PlanRefusal {
    let (there, missing) = (kubernetes_ref(input), github_words(input));
    let (there, missing) = if in_kubernetes { (there, missing) } else { (missing, there) };
    let message = format!(
        "{there} exists and {missing} doesn't: a value can't be copied from one to the other, since it is never read; use policy `random` \
         to give both a new one"
    );
    refuse("keep_existing_impossible", message)
}

fn kubernetes_ref(input: &SyncInput) -> String {
    format!("kubernetes secret `{}`", input.kubernetes)
}

fn github_words(input: &SyncInput) -> String {
    format!("github secret `{}` in {}", input.github_name, InWords(&input.place))
}

/// Nothing to do: a plan without steps.
fn settled(input: &SyncInput) -> Plan {
    let params = json!({
        "namespace": input.kubernetes.namespace.as_str(), "name": input.kubernetes.name,
        "key": input.kubernetes.key, "github_name": input.github_name,
        "repository": input.place.repository.as_str(),
        "environment": input.place.environment.as_ref().map(Environment::as_str),
    });
    Plan {
        schema_version: SCHEMA_VERSION,
        facts: vec![SyncFact::SecretKept.with(params)],
        steps: Vec::new(),
        secret: None,
        ownership: None,
    }
}

/// A plan of what is wanted, without preconditions, for people to see; its steps are never done.
fn blind(input: &SyncInput, why: &[Unseen]) -> Plan {
    let facts = unseen::facts(SyncFact::CouldNotLook.with(json!({})), why);
    let blind = Precondition::NotLookedAt;
    with_steps(input, facts, step::plan(&input.kubernetes, &blind, false), &blind)
}

fn write_both(input: &SyncInput, secret: Option<&KubernetesSeen>, github: Option<&GithubSeen>) -> Plan {
    let version = secret.map(|secret| secret.resource_version.clone());
    let key_existed = secret.is_some_and(|seen| seen.key(&input.kubernetes.key).is_some());
    let updated_at = github.map(|github| github.updated_at.clone());
    let mut facts = facts::facts(&input.kubernetes, secret);
    facts.extend(github_facts(input, github));
    let generated = if github.is_some() || key_existed {
        SyncFact::ValueGenerated
    } else {
        SyncFact::ValueGeneratedFirst
    };
    facts.push(generated.with(json!({})));
    facts.push(SyncFact::CredentialsChecked.with(json!({})));
    let kubernetes = step::plan(&input.kubernetes, &Precondition::Seen(version), key_existed);
    with_steps(input, facts, kubernetes, &Precondition::Seen(updated_at))
}

fn with_steps(input: &SyncInput, facts: Vec<Fact>, kubernetes: Step, github: &Precondition) -> Plan {
    Plan {
        schema_version: SCHEMA_VERSION,
        facts,
        steps: vec![kubernetes, GithubStep::plan(input, github)],
        secret: Some(input.spec),
        ownership: None,
    }
}

fn github_facts(input: &SyncInput, github: Option<&GithubSeen>) -> Vec<Fact> {
    let SecretPlace { repository, environment } = &input.place;
    let mut params = json!({ "name": input.github_name, "repository": repository.as_str() });
    if let Some(environment) = environment {
        params["environment"] = json!(environment.as_str());
    }
    if let Some(seen) = github {
        params["updated_at"] = json!(seen.updated_at);
    }
    let becomes = match (environment, github) {
        (None, None) => SyncFact::RepositorySecretCreated,
        (None, Some(_)) => SyncFact::RepositorySecretReplaced,
        (Some(_), None) => SyncFact::EnvironmentSecretCreated,
        (Some(_), Some(_)) => SyncFact::EnvironmentSecretReplaced,
    };
    vec![becomes.with(params), SyncFact::GithubLast.with(json!({}))]
}
