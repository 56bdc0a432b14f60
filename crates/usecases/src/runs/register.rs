//! The platform registers a run and gets its token.

use countersign_waitstate::{Run, RunFacts, RunLinks, register};

use super::{RunCommandError, platform};
use crate::commit::Draft;
use crate::error::ServiceError;
use crate::port::IssuedToken;
use crate::services::{ATTEMPTS, Identity, Services, Written, busy};

/// A registered run.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The run.
    pub run: Run,
    /// Its token.
    pub token: IssuedToken,
    /// Whether it had been registered before with the same facts.
    pub repeated: bool,
}

/// Registers a run; again with the same facts gives a new token for the same run.
///
/// # Errors
/// The id is taken by a run with other facts or one that is over, or the project is unknown.
pub async fn register_run(
    services: &Services,
    facts: RunFacts,
    links: RunLinks,
    by: &Identity,
) -> Result<Registered, RunCommandError> {
    for _ in 0..ATTEMPTS {
        let snapshot = services.ports.ledger.load_run(&facts.id).await.map_err(ServiceError::from)?;
        if let Some(run) = snapshot.run {
            run.check_same(&facts)?;
            let token = services.ports.tokens.issue(&facts.id, snapshot.now).map_err(ServiceError::from)?;
            return Ok(Registered { run, token, repeated: true });
        }
        let policy = services.policy_of(snapshot.policy).await?;
        if policy.project(&facts.project).is_none() {
            return Err(RunCommandError::UnknownProject(facts.project));
        }
        let token = services.ports.tokens.issue(&facts.id, snapshot.now).map_err(ServiceError::from)?;
        let transition = register(facts.clone(), links.clone(), snapshot.now);
        let run = transition.after().clone();
        let policy = snapshot.policy.map(|stamp| stamp.digest);
        let context = services.context_of_person(platform(by), &by.principal, snapshot.now, policy).await?;
        let mut draft = Draft::new(context);
        draft.record_run(transition).map_err(ServiceError::from)?;
        if services.write(draft.finish()).await? == Written::Yes {
            return Ok(Registered { run, token, repeated: false });
        }
    }
    Err(busy(&facts.id).into())
}
