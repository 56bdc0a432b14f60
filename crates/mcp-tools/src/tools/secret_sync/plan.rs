//! Says what a synchronisation would do, and refuses what the targets would refuse: an approver is not asked for the impossible.

use countersign_kernel::RequestId;
use serde_json::{Value, json};

use super::SecretSyncConfig;
use super::facts::SyncFact;
use super::input::{SCHEMA_VERSION, SyncInput, ValuePolicy};
use super::observe::{GithubSeen, InWords, KubernetesSeen, Seen, Side};
use super::steps::{GithubStep, KubernetesStep, Precondition};
use crate::call::{Call, Caller};
use crate::plan::{Fact, Plan, Step};
use crate::ports::TargetErrorKind;
use crate::tool::{Observation, PlanRefusal};
use crate::tools::answers::{OBSERVATION_UNREADABLE, unreadable_observation};

/// The most key names a fact lists.
const LISTED_KEYS: usize = 20;

pub(super) fn plan(
    config: &SecretSyncConfig,
    caller: &Caller,
    call: &Call,
    observed: &Observation,
) -> Result<Plan, PlanRefusal> {
    let input = SyncInput::of_call(call)
        .map_err(|error| PlanRefusal { code: OBSERVATION_UNREADABLE, message: error.to_string() })?;
    if let Some(environment) = &call.environment {
        // The configuration may have become stricter since the call was parsed.
        config
            .namespaces
            .check(&caller.project, environment, &input.namespace)
            .map_err(|rule| refuse(TargetErrorKind::Forbidden.code(), namespace_words(&input, &rule)))?;
    }
    let seen = match observed {
        Observation::CouldNotLook { why } => return Ok(blind(&input, why)),
        Observation::Seen(stored) => Seen::read(stored).ok_or_else(unreadable_observation)?,
    };
    let (kubernetes, github) = both_there(seen)?;
    let key = kubernetes.as_ref().and_then(|secret| secret.keys.iter().find(|(name, _)| *name == input.key));
    if input.policy == ValuePolicy::KeepExisting {
        match (key.is_some(), github.is_some()) {
            (true, true) => return Ok(settled(&input)),
            (false, false) => {}
            (true, false) | (false, true) => return Err(cannot_keep(&input, key.is_some())),
        }
    }
    writable(config, &input, kubernetes.as_ref(), key)?;
    Ok(write_both(&input, kubernetes.as_ref(), github.as_ref()))
}

fn refuse(code: &'static str, message: String) -> PlanRefusal {
    PlanRefusal { code, message }
}

fn namespace_words(input: &SyncInput, rule: &str) -> String {
    format!("kubernetes namespace `{}` {rule}", input.namespace)
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

fn writable(
    config: &SecretSyncConfig,
    input: &SyncInput,
    secret: Option<&KubernetesSeen>,
    key: Option<&(String, Option<String>)>,
) -> Result<(), PlanRefusal> {
    if secret.is_some_and(|secret| secret.immutable) {
        let message =
            format!("kubernetes secret `{}/{}` is immutable", input.namespace, input.kubernetes_name);
        return Err(refuse("target_immutable", message));
    }
    match key {
        Some((_, Some(manager))) if *manager != config.field_manager => {
            let message = format!("{} belongs to another field manager, `{manager}`", kubernetes_ref(input));
            Err(refuse(TargetErrorKind::Conflict.code(), message))
        }
        Some(_) | None => Ok(()),
    }
}

fn kubernetes_ref(input: &SyncInput) -> String {
    format!("kubernetes secret `{}/{}#{}`", input.namespace, input.kubernetes_name, input.key)
}

fn github_words(input: &SyncInput) -> String {
    format!("github secret `{}` in {}", input.github_name, InWords(&input.place))
}

/// Nothing to do: a plan without steps.
fn settled(input: &SyncInput) -> Plan {
    let params = json!({
        "namespace": input.namespace.as_str(), "name": input.kubernetes_name, "key": input.key,
        "github_name": input.github_name, "place": InWords(&input.place).to_string(),
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
fn blind(input: &SyncInput, why: &str) -> Plan {
    let facts = vec![SyncFact::CouldNotLook.with(json!({ "why": why }))];
    let blind = Precondition::NotLookedAt;
    with_steps(input, facts, KubernetesStep::plan(input, &blind, false), &blind)
}

fn write_both(input: &SyncInput, secret: Option<&KubernetesSeen>, github: Option<&GithubSeen>) -> Plan {
    let version = secret.map(|secret| secret.resource_version.clone());
    let key_existed = secret.is_some_and(|seen| seen.keys.iter().any(|(name, _)| *name == input.key));
    let updated_at = github.map(|github| github.updated_at.clone());
    let mut facts = kubernetes_facts(input, secret);
    facts.extend(github_facts(input, github));
    let generated = if github.is_some() || key_existed {
        SyncFact::ValueGenerated
    } else {
        SyncFact::ValueGeneratedFirst
    };
    facts.push(generated.with(json!({})));
    facts.push(SyncFact::CredentialsChecked.with(json!({})));
    let kubernetes = KubernetesStep::plan(input, &Precondition::Seen(version), key_existed);
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

fn kubernetes_facts(input: &SyncInput, secret: Option<&KubernetesSeen>) -> Vec<Fact> {
    let params = json!({
        "namespace": input.namespace.as_str(), "name": input.kubernetes_name, "key": input.key,
    });
    let Some(secret) = secret else { return vec![SyncFact::KubernetesSecretCreated.with(params)] };
    let others: Vec<&str> =
        secret.keys.iter().map(|(name, _)| name.as_str()).filter(|name| *name != input.key).collect();
    let replaced = others.len() < secret.keys.len();
    let code = if replaced { SyncFact::KubernetesKeyReplaced } else { SyncFact::KubernetesKeyAdded };
    let mut facts = vec![code.with(params)];
    if !others.is_empty() {
        facts.push(SyncFact::KubernetesOtherKeysStay.with(json!({ "keys": listed(&others) })));
    }
    if secret.secret_type != "Opaque" {
        facts.push(SyncFact::KubernetesSecretType.with(json!({ "secret_type": secret.secret_type })));
    }
    // The annotation is anybody's to write: it is repeated only when it has the form of a request's id.
    if let Some(request) = secret.written_by.as_ref().and_then(|text| text.parse::<RequestId>().ok()) {
        facts.push(SyncFact::KubernetesWrittenBefore.with(json!({ "request": request.to_string() })));
    }
    facts
}

fn listed(keys: &[&str]) -> Vec<String> {
    let mut names: Vec<_> = keys.iter().take(LISTED_KEYS).map(|key| format!("`{key}`")).collect();
    if keys.len() > LISTED_KEYS {
        names.push(format!("{} more", keys.len() - LISTED_KEYS));
    }
    names
}

fn github_facts(input: &SyncInput, github: Option<&GithubSeen>) -> Vec<Fact> {
    let mut params: Value = json!({ "name": input.github_name, "place": InWords(&input.place).to_string() });
    let first = match github {
        None => SyncFact::GithubSecretCreated.with(params),
        Some(seen) => {
            params["updated_at"] = json!(seen.updated_at);
            SyncFact::GithubSecretReplaced.with(params)
        }
    };
    vec![first, SyncFact::GithubLast.with(json!({}))]
}
