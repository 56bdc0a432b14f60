//! A browser comes back with the secret of its session.

use countersign_kernel::Timestamp;

use super::SignIn;
use super::error::SignInError;
use super::secret::Secret;
use super::session::{Ended, Session, Use};
use crate::port::StoreError;

/// How often a session is looked at again because another request of its browser was faster.
const LOOKS: u32 = 4;

/// A session that is good.
#[derive(Clone, Debug)]
pub struct Recognised {
    /// The session.
    pub session: Session,
    /// The secret that the browser is to have from now on, where it changes.
    pub new_secret: Option<Secret>,
}

/// Finds the session of a secret, notes its use, and gives it a new secret when that is due.
///
/// # Errors
/// There is no such session, it is over, or the store can't be reached.
pub async fn recognise(sign_in: &SignIn, secret: &Secret) -> Result<Recognised, SignInError> {
    let presented = secret.hash();
    let mut good = None;
    for _ in 0..LOOKS {
        let snapshot = sign_in.store.load_session(&presented).await?;
        let session = snapshot.session.ok_or(SignInError::NotSignedIn)?;
        let used = session.used_with(&presented, &sign_in.limits, snapshot.now);
        let (next, new_secret) = match used.map_err(|ended| over(&session, ended))? {
            Use::AsIs => return Ok(Recognised { session, new_secret: None }),
            Use::Noted(next) => (*next, None),
            Use::NewSecret => with_new_secret(sign_in, &session, secret, snapshot.now),
        };
        match sign_in.store.update_session(&next).await {
            Ok(()) => return Ok(Recognised { session: next, new_secret }),
            // Another request of the same browser was faster; it may also have been a sign-out: look again.
            Err(StoreError::Stale { .. }) => good = Some(session),
            Err(error) => return Err(error.into()),
        }
    }
    // It was good each time it was looked at. What was not noted now is noted with the next request.
    good.map(|session| Recognised { session, new_secret: None }).ok_or(SignInError::NotSignedIn)
}

/// Finds the session of a secret for what a page does by itself, such as keeping itself up to date: it has to be good, and that isn't a use
/// of it. Whoever left their desk is signed out in time although a page of theirs is open.
///
/// # Errors
/// There is no such session, it is over, or the store can't be reached.
pub async fn recognise_page(sign_in: &SignIn, secret: &Secret) -> Result<Recognised, SignInError> {
    let presented = secret.hash();
    let snapshot = sign_in.store.load_session(&presented).await?;
    let session = snapshot.session.ok_or(SignInError::NotSignedIn)?;
    let used = session.used_with(&presented, &sign_in.limits, snapshot.now);
    used.map_err(|ended| over(&session, ended))?;
    // That the browser has its new secret is seen all the same, so that the one before doesn't outlive its moment.
    if let Some(confirmed) = session.confirmed_by(&presented, snapshot.now) {
        match sign_in.store.update_session(&confirmed).await {
            Ok(()) => return Ok(Recognised { session: confirmed, new_secret: None }),
            // Whoever was faster will have noted it, or the next look does.
            Err(StoreError::Stale { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Recognised { session, new_secret: None })
}

fn with_new_secret(
    sign_in: &SignIn,
    session: &Session,
    presented: &Secret,
    now: Timestamp,
) -> (Session, Option<Secret>) {
    let secret = Secret::draw(&*sign_in.entropy);
    (session.with_new_secret(&secret, presented.hash(), now), Some(secret))
}

fn over(session: &Session, ended: Ended) -> SignInError {
    let (session, principal) = (session.id, &session.person.identity.principal);
    match ended {
        // Nobody but a thief, or whoever they stole from, has a secret that was replaced so long ago.
        Ended::Replaced => {
            tracing::warn!(%session, %principal, "a session's secret was used after it was replaced");
        }
        Ended::Revoked | Ended::Absolute | Ended::Idle => {
            tracing::debug!(%session, %principal, why = ended.as_str(), "a session is over");
        }
    }
    SignInError::NotSignedIn
}
