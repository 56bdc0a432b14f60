//! The policy text: activate a good one, refuse a bad one, explain a cell.

use std::sync::Arc;

use countersign_kernel::{Actor, Digest, Fault, Kind, Violations};
use countersign_policy::{Cell, CompiledPolicy, Explanation, PolicyErrors, PolicyNotice};

use crate::commit::{Draft, NoteEvent};
use crate::error::ServiceError;
use crate::port::PolicyText;
use crate::record::{PolicyRecord, Stamp};
use crate::services::{ATTEMPTS, Identity, Services, Written, busy};

/// How many errors of a refused text its event keeps.
const ERRORS_IN_EVENT: usize = 20;

/// A policy text can't be activated; the running one stays.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// It has errors.
    #[error("{0}")]
    Invalid(PolicyErrors),
    /// Countersign itself can't.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Fault for ActivateError {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) => Kind::Invalid,
            Self::Service(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "policy_invalid",
            Self::Service(error) => error.code(),
        }
    }

    fn violations(&self) -> Option<&Violations> {
        match self {
            Self::Invalid(errors) => errors.violations(),
            Self::Service(_) => None,
        }
    }
}

/// An activated text.
#[derive(Clone, Debug, PartialEq)]
pub struct Activated {
    /// Its number.
    pub number: u64,
    /// Its digest.
    pub digest: Digest,
    /// What is odd about it.
    pub warnings: Vec<PolicyNotice>,
    /// Whether this very text was active already: nothing was changed.
    pub repeated: bool,
}

/// Checks a text and makes it the active one for all replicas. A bad text never replaces a good one; the refusal is recorded.
///
/// # Errors
/// The text has errors.
pub async fn activate_policy(
    services: &Services,
    text: &str,
    by: &Identity,
) -> Result<Activated, ActivateError> {
    match CompiledPolicy::compile(text, services.catalog()) {
        Ok(compiled) => accept(services, text, compiled.warnings, by).await,
        Err(errors) => {
            reject(services, text, &errors, by).await?;
            Err(ActivateError::Invalid(errors))
        }
    }
}

async fn accept(
    services: &Services,
    text: &str,
    warnings: Vec<PolicyNotice>,
    by: &Identity,
) -> Result<Activated, ActivateError> {
    let digest = Digest::of_bytes(text.as_bytes());
    for _ in 0..ATTEMPTS {
        let active = services.ports.ledger.load_policy(None).await.map_err(ServiceError::from)?;
        let number = active.as_ref().map_or(0, |active| active.stamp.number);
        if active.as_ref().is_some_and(|active| active.stamp.digest == digest) {
            return Ok(Activated { number, digest, warnings, repeated: true });
        }
        let number = number + 1;
        let mut draft = draft_by(services, active.map(|active| active.stamp.digest), by).await?;
        draft.put_policy(PolicyRecord {
            number: i64::try_from(number).unwrap_or(i64::MAX),
            digest: digest.to_string(),
            text: text.to_owned(),
            activated_at: Stamp(draft.now()),
            activated_by: by.principal.to_string(),
        });
        draft.note(NoteEvent::PolicyLoaded { number, digest }).map_err(ServiceError::from)?;
        if services.write(draft.finish()).await? == Written::Yes {
            return Ok(Activated { number, digest, warnings, repeated: false });
        }
    }
    Err(busy("policy").into())
}

async fn reject(
    services: &Services,
    text: &str,
    errors: &PolicyErrors,
    by: &Identity,
) -> Result<(), ServiceError> {
    let digest = Digest::of_bytes(text.as_bytes());
    let errors: Vec<_> = errors.notices().iter().take(ERRORS_IN_EVENT).map(ToString::to_string).collect();
    for _ in 0..ATTEMPTS {
        let active = services.ports.ledger.load_policy(None).await?;
        let mut draft = draft_by(services, active.map(|active| active.stamp.digest), by).await?;
        draft.note(NoteEvent::PolicyRejected { digest, errors: errors.clone() })?;
        if services.write(draft.finish()).await? == Written::Yes {
            return Ok(());
        }
    }
    Err(busy("policy"))
}

async fn draft_by<'s>(
    services: &'s Services,
    active: Option<Digest>,
    by: &Identity,
) -> Result<Draft<'s>, ServiceError> {
    let now = services.ports.queries.ping().await?;
    let actor = Actor::staff(&by.principal, by.proof);
    Ok(Draft::new(services.context_of_person(actor, &by.principal, now, active).await?))
}

/// The active text as it was activated.
///
/// # Errors
/// None is active.
pub async fn active_text(services: &Services) -> Result<PolicyText, ServiceError> {
    services.ports.ledger.load_policy(None).await?.ok_or(ServiceError::NoPolicy)
}

/// Which text is active, compiled.
///
/// # Errors
/// None is, or it does not compile here.
pub async fn active_policy(services: &Services) -> Result<Arc<CompiledPolicy>, ServiceError> {
    let active = services.ports.ledger.load_policy(None).await?;
    services.policy_of(active.map(|active| active.stamp)).await
}

/// Why the active text answers a cell as it does.
///
/// # Errors
/// No text is active.
pub async fn explain_policy(services: &Services, cell: &Cell) -> Result<Explanation, ServiceError> {
    Ok(active_policy(services).await?.explain(cell))
}
