//! Sessions are ended: one by its own browser, all of a person by whoever has to.

use countersign_kernel::Principal;

use super::SignIn;
use super::error::SignInError;
use super::secret::Secret;
use crate::port::{SessionStore, StoreError};
use crate::services::{ATTEMPTS, busy};

/// Ends the session of this secret. One that is over, or never was, is as good as ended.
///
/// # Errors
/// The store can't be reached, or the session changes too fast.
pub async fn sign_out(sign_in: &SignIn, secret: &Secret) -> Result<(), SignInError> {
    for _ in 0..ATTEMPTS {
        let snapshot = sign_in.store.load_session(&secret.hash()).await?;
        let Some(session) = snapshot.session.filter(|session| session.revoked_at.is_none()) else {
            return Ok(());
        };
        match sign_in.store.update_session(&session.revoked(snapshot.now)).await {
            Ok(()) => {
                tracing::info!(session = %session.id, principal = %session.person.identity.principal, "signed out");
                return Ok(());
            }
            Err(StoreError::Stale { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(busy("the session").into())
}

/// Ends all sessions of a person, wherever they are, and says how many.
///
/// # Errors
/// The store can't be reached.
pub async fn sign_out_everywhere(store: &dyn SessionStore, principal: &Principal) -> Result<u64, StoreError> {
    let ended = store.revoke_sessions(principal).await?;
    tracing::info!(%principal, ended, "signed out everywhere");
    Ok(ended)
}
