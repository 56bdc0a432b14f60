//! The policy text: activate a good one, refuse a bad one, explain a cell.

use std::sync::Arc;

use countersign_kernel::{Actor, Digest, Fault, Kind, Violations};
use countersign_policy::{Cell, CompiledPolicy, Explanation, PolicyErrors, PolicyNotice};

use crate::commit::{Draft, NoteEvent};
use crate::error::ServiceError;
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
    let digest = Digest::of_bytes(text.as_bytes());
    let compiled = CompiledPolicy::compile(text, services.catalog());
    for _ in 0..ATTEMPTS {
        let active = services.ports.ledger.load_policy(None).await.map_err(ServiceError::from)?;
        let now = services.ports.queries.ping().await.map_err(ServiceError::from)?;
        let actor = Actor::staff(&by.principal, by.proof);
        let before = active.as_ref().map(|active| active.stamp.digest);
        let context = services.context_of_person(actor, &by.principal, now, before).await?;
        let mut draft = Draft::new(context);
        let number = active.as_ref().map_or(0, |active| active.stamp.number) + 1;
        let warnings = match &compiled {
            Ok(compiled) if before == Some(digest) => {
                let warnings = compiled.warnings.clone();
                return Ok(Activated { number: number - 1, digest, warnings, repeated: true });
            }
            Ok(compiled) => {
                draft.put_policy(PolicyRecord {
                    number: i64::try_from(number).unwrap_or(i64::MAX),
                    digest: digest.to_string(),
                    text: text.to_owned(),
                    activated_at: Stamp(now),
                    activated_by: by.principal.to_string(),
                });
                draft.note(NoteEvent::PolicyLoaded { number, digest }).map_err(ServiceError::from)?;
                Ok(compiled.warnings.clone())
            }
            Err(errors) => {
                let errors = errors.iter().take(ERRORS_IN_EVENT).map(ToString::to_string).collect();
                draft.note(NoteEvent::PolicyRejected { digest, errors }).map_err(ServiceError::from)?;
                Err(())
            }
        };
        if services.write(draft.finish()).await? == Written::Yes {
            return match (warnings, compiled) {
                (Ok(warnings), _) => Ok(Activated { number, digest, warnings, repeated: false }),
                (Err(()), Err(errors)) => Err(ActivateError::Invalid(errors)),
                (Err(()), Ok(_)) => Err(ServiceError::Defect("a good text was refused".to_owned()).into()),
            };
        }
    }
    Err(busy("policy").into())
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
