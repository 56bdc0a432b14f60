//! What the provider says about a person beside their identity token.
//!
//! A provider may tell the claims of the scopes `profile` and `email` at its user-info endpoint alone when it gives out an access token
//! ([OpenID Connect Core 1.0](https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims), section 5.4), and many do so with groups
//! as well. It answers with JSON, or with a JWT, of which openidconnect takes those that are signed with RS256.

use countersign_usecases::port::ProviderError;
use openidconnect::core::CoreGenderClaim;
use openidconnect::{
    AccessToken, AdditionalClaims, ClaimsVerificationError, SubjectIdentifier, UserInfoClaims, UserInfoError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::exchange::{ExchangeError, Http, in_full};
use crate::provider::Client;

/// Claims without a type of their own, such as groups.
#[derive(Debug, Deserialize, Serialize)]
struct Others(Map<String, Value>);

impl AdditionalClaims for Others {}

/// What the provider says about this person; nothing when it has no such endpoint.
///
/// # Errors
/// It can't be asked, doesn't take the token, or says something that doesn't hold. It has to name the subject of the identity token
/// (section 5.3.2): otherwise claims of one person could be given to another.
pub(crate) async fn ask(
    client: &Client,
    http: &Http,
    token: AccessToken,
    subject: SubjectIdentifier,
) -> Result<Option<Map<String, Value>>, ProviderError> {
    // The crate panics at a token that can't stand in a header.
    if !token.secret().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ProviderError::NotAccepted { why: "its access token can't be sent".to_owned() });
    }
    let Ok(request) = client.user_info(token, Some(subject)) else { return Ok(None) };
    let told = request.request_async::<Others, Http, CoreGenderClaim>(http).await.map_err(refusal)?;
    claims(&told).map(Some)
}

fn claims(told: &UserInfoClaims<Others, CoreGenderClaim>) -> Result<Map<String, Value>, ProviderError> {
    match serde_json::to_value(told) {
        Ok(Value::Object(claims)) => Ok(claims),
        Ok(_) | Err(_) => Err(not_accepted("it is no object")),
    }
}

/// None is told in full: what was sent may be about the person, or hold the token.
fn refusal(error: UserInfoError<ExchangeError>) -> ProviderError {
    match error {
        UserInfoError::ClaimsVerification(ClaimsVerificationError::InvalidSubject(_)) => {
            not_accepted("it is about somebody else")
        }
        UserInfoError::ClaimsVerification(why) => not_accepted(&in_full(&why)),
        UserInfoError::Parse(why) => not_accepted(&format!("`{}` can't be read", why.path())),
        UserInfoError::Response(status, ..) if status.is_client_error() => {
            ProviderError::Refused { why: format!("its user-info: {status}") }
        }
        UserInfoError::Response(status, _, why) => unavailable(&format!("{status}: {why}")),
        UserInfoError::Request(why) => unavailable(&why.to_string()),
        UserInfoError::Other(why) => unavailable(&why),
        other => unavailable(&in_full(&other)),
    }
}

fn not_accepted(why: &str) -> ProviderError {
    ProviderError::NotAccepted { why: format!("its user-info: {why}") }
}

fn unavailable(why: &str) -> ProviderError {
    ProviderError::Unavailable { why: format!("its user-info: {why}") }
}
