//! A browser comes back with what proves who its user is: a new session begins.

use countersign_kernel::{Principal, Timestamp};

use super::attempt::Attempt;
use super::error::SignInError;
use super::person::Person;
use super::return_to::ReturnTo;
use super::secret::Secret;
use super::session::Session;
use super::sign_out::sign_out;
use super::{SignIn, Way};
use crate::port::{Ids, ProviderError, Returned};

/// What a browser brings back.
#[derive(Clone, Copy, Debug)]
pub struct Brought<'b> {
    /// The state that went along.
    pub state: &'b Secret,
    /// The secret of its attempts.
    pub browser: &'b Secret,
    /// The secret of the session it had until now: that one ends, whoever's it was.
    pub session: Option<&'b Secret>,
}

/// What a provider sends back by way of the browser.
#[derive(Clone, Copy, Debug)]
pub struct ProviderAnswer<'a> {
    /// The code, or the provider's word for why there is none.
    pub code: Result<&'a str, &'a str>,
    /// Which provider it says it is (RFC 9207), where it says so.
    pub issuer: Option<&'a str>,
}

/// Somebody has signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// Their new session.
    pub session: Session,
    /// Its secret, for the browser.
    pub secret: Secret,
    /// Where to go on.
    pub return_to: ReturnTo,
}

/// Takes the provider's answer.
///
/// # Errors
/// The attempt is not this browser's or is over, the provider refused or can't be reached, or the person has nothing to do here.
pub async fn finish(
    sign_in: &SignIn,
    brought: Brought<'_>,
    answer: ProviderAnswer<'_>,
) -> Result<SignedIn, SignInError> {
    let Way::Oidc { provider, rules } = &sign_in.way else { return Err(SignInError::NotOffered) };
    let (attempt, now) = take(sign_in, brought).await?;
    if answer.issuer.is_some_and(|issuer| !provider.is_issuer(issuer)) {
        let why = "the answer is another provider's".to_owned();
        return Err(ProviderError::NotAccepted { why }.into());
    }
    let code = answer.code.map_err(|error| SignInError::Declined { error: presentable(error) })?;
    let returned = Returned { code, nonce: &attempt.nonce, verifier: &attempt.verifier };
    let claims = provider.redeem(returned, rules, now).await?;
    open(sign_in, brought, rules.read(&claims)?, attempt.return_to).await
}

/// Takes the choice of a development login.
///
/// # Errors
/// There is no such login or person, or the attempt is not this browser's or is over.
pub async fn choose(
    sign_in: &SignIn,
    brought: Brought<'_>,
    principal: &Principal,
) -> Result<SignedIn, SignInError> {
    let Way::Development(people) = &sign_in.way else { return Err(SignInError::NotOffered) };
    let (attempt, _) = take(sign_in, brought).await?;
    let person = people.iter().find(|person| person.identity.principal == *principal);
    let person = person.ok_or(SignInError::NotOffered)?;
    open(sign_in, brought, person.clone(), attempt.return_to).await
}

async fn take(sign_in: &SignIn, brought: Brought<'_>) -> Result<(Attempt, Timestamp), SignInError> {
    let taken = sign_in.store.take_attempt(&brought.state.hash(), &brought.browser.hash()).await?;
    let attempt = taken.attempt.filter(|attempt| attempt.is_open_at(taken.now));
    Ok((attempt.ok_or(SignInError::NoAttempt)?, taken.now))
}

async fn open(
    sign_in: &SignIn,
    brought: Brought<'_>,
    person: Person,
    return_to: ReturnTo,
) -> Result<SignedIn, SignInError> {
    if let Some(old) = brought.session {
        sign_out(sign_in, old).await?;
    }
    // The provider may have taken its time: the session begins now.
    let now = sign_in.store.now().await?;
    let ids = Ids::new(&*sign_in.entropy, now);
    let (secret, csrf) = (Secret::draw(&*sign_in.entropy), Secret::draw(&*sign_in.entropy));
    let session = Session::begin(ids.session(), person, &secret, csrf, &sign_in.limits, now);
    sign_in.store.insert_session(&session).await?;
    let (id, identity) = (session.id, &session.person.identity);
    tracing::info!(session = %id, principal = %identity.principal, proof = identity.proof.as_str(), "signed in");
    Ok(SignedIn { session, secret, return_to })
}

/// The error codes of OAuth are short words of ASCII. Whatever else somebody wrote into the address is not repeated.
fn presentable(error: &str) -> String {
    let word = error.len() <= 64 && error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if word && !error.is_empty() { error.to_owned() } else { "unknown_error".to_owned() }
}
