//! Commands on runs: register, link, renew the token, finish, heartbeat.

pub mod error;
pub mod finish;
pub mod heartbeat;
pub mod link;
pub mod register;
pub mod renew_token;

pub use error::RunCommandError;
pub use finish::finish_run;
pub use heartbeat::heartbeat;
pub use link::link_run;
pub use register::{Registered, register_run};
pub use renew_token::renew_run_token;

use countersign_kernel::{Actor, ActorKind, RunId};
use countersign_waitstate::Run;

use crate::services::Identity;

/// The platform as events name it.
fn platform(by: &Identity) -> Actor {
    Actor { kind: ActorKind::Platform, id: by.principal.to_string(), proof: by.proof }
}

fn known(run: Option<Run>, id: &RunId) -> Result<Run, RunCommandError> {
    run.ok_or_else(|| RunCommandError::Unknown(id.clone()))
}
