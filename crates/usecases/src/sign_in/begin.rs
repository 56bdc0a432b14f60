//! Somebody wants to sign in.

use super::attempt::{ATTEMPT_LASTS, Attempt};
use super::error::SignInError;
use super::person::Person;
use super::return_to::ReturnTo;
use super::secret::Secret;
use super::{SignIn, Way};
use crate::port::Challenge;

/// What the browser does next.
#[derive(Debug)]
pub enum Next<'s> {
    /// It goes to the provider.
    To(String),
    /// Its user chooses one of these, and sends the state along.
    Choose {
        /// Comes back with the choice.
        state: Secret,
        /// Whom there is.
        people: &'s [Person],
    },
}

/// An attempt that was begun.
#[derive(Debug)]
pub struct Begun<'s> {
    /// What the browser keeps until it comes back.
    pub browser: Secret,
    /// What it does next.
    pub next: Next<'s>,
}

/// Begins an attempt. A browser that has a secret of an earlier attempt keeps it, so that two tabs don't disturb each other.
///
/// # Errors
/// The provider or the store can't be reached.
pub async fn begin(
    sign_in: &SignIn,
    return_to: ReturnTo,
    browser: Option<Secret>,
) -> Result<Begun<'_>, SignInError> {
    let draw = || Secret::draw(&*sign_in.entropy);
    let browser = browser.unwrap_or_else(draw);
    let challenge = Challenge { state: draw(), nonce: draw(), verifier: draw() };
    let now = sign_in.store.now().await?;
    let next = match &sign_in.way {
        Way::Oidc { provider, .. } => Next::To(provider.authorization_url(&challenge, now).await?),
        Way::Development(people) => Next::Choose { state: challenge.state.clone(), people },
    };
    let attempt = Attempt {
        state: challenge.state.hash(),
        browser: browser.hash(),
        nonce: challenge.nonce,
        verifier: challenge.verifier,
        return_to,
        expires_at: now.plus(ATTEMPT_LASTS),
    };
    sign_in.store.insert_attempt(&attempt).await?;
    Ok(Begun { browser, next })
}
