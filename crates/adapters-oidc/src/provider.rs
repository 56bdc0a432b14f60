//! One provider: what it says about itself, where browsers are sent, and what its answers prove.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use countersign_kernel::Timestamp;
use countersign_usecases::port::{Challenge, IdentityProvider, ProviderError, Returned};
use countersign_usecases::sign_in::Secret;
use countersign_usecases::sign_in::claims::{ClaimRules, Lack, completed};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreJwsSigningAlgorithm,
    CoreProviderMetadata,
};
use openidconnect::{
    AccessToken, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError,
    SubjectIdentifier, TokenResponse as _,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use crate::exchange::Http;
use crate::metadata::{Metadata, Need};
use crate::user_info;

/// The signatures that are accepted: those of key pairs. A token "signed" by the client's own secret proves less than that, and one
/// without a signature nothing.
const SIGNATURES: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// How we are known to a provider.
pub struct OidcOptions {
    /// The issuer, exactly as the provider spells it.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Our secret there; none for a public client.
    pub client_secret: Option<SecretString>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Where the provider sends browsers back to.
    pub redirect_url: String,
    /// How long one exchange may take.
    pub timeout: Duration,
}

/// The options can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// An address is none.
    #[error("`{text}` is no address: {why}")]
    Address {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// There can be no client for it.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
}

/// A provider of OpenID Connect.
pub struct OidcProvider {
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    options: OidcOptions,
    http: Http,
    metadata: Metadata,
}

pub(crate) type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl OidcProvider {
    /// A provider that nothing has been asked of yet.
    ///
    /// # Errors
    /// An address is none.
    pub fn new(options: OidcOptions) -> Result<Self, OptionsError> {
        let address = |text: &str, why: String| OptionsError::Address { text: text.to_owned(), why };
        let issuer = IssuerUrl::new(options.issuer.clone());
        let issuer = issuer.map_err(|error| address(&options.issuer, error.to_string()))?;
        let redirect = RedirectUrl::new(options.redirect_url.clone());
        let redirect = redirect.map_err(|error| address(&options.redirect_url, error.to_string()))?;
        let http = Http::new(issuer.url().scheme() == "https", options.timeout);
        let http = http.map_err(|error| OptionsError::Client(error.to_string()))?;
        let metadata = Metadata::new(issuer.clone(), http.clone(), options.timeout);
        Ok(Self { issuer, redirect, options, http, metadata })
    }

    /// Whether the provider can be reached, and is the one it is said to be.
    ///
    /// # Errors
    /// It can't be reached, or calls itself something else.
    pub async fn look(&self) -> Result<(), ProviderError> {
        self.metadata.ask().await.map(|_| ())
    }

    async fn current(&self, need: Need, now: Timestamp) -> Result<Client, ProviderError> {
        self.metadata.get(need, now).await.map(|metadata| self.client(metadata))
    }

    fn client(&self, metadata: CoreProviderMetadata) -> Client {
        let secret = self.options.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let in_body = takes_secret_in_body_only(&metadata);
        let id = ClientId::new(self.options.client_id.clone());
        let client = CoreClient::from_provider_metadata(metadata, id, secret);
        let client = client.set_redirect_uri(self.redirect.clone());
        if in_body { client.set_auth_type(AuthType::RequestBody) } else { client }
    }

    async fn exchange(
        &self,
        client: &Client,
        code: &str,
        verifier: &Secret,
    ) -> Result<(CoreIdToken, AccessToken), ProviderError> {
        let request = client.exchange_code(AuthorizationCode::new(code.to_owned()));
        let request = request.map_err(|error| ProviderError::Unavailable { why: error.to_string() })?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()));
        let answer = request.request_async(&self.http).await.map_err(|error| match &error {
            RequestTokenError::ServerResponse(refusal) => {
                ProviderError::Refused { why: refusal.error().to_string() }
            }
            // Neither is told in full: what was sent back may hold a token.
            RequestTokenError::Parse(..) => ProviderError::NotAccepted { why: "it is none".to_owned() },
            RequestTokenError::Request(why) => ProviderError::Unavailable { why: why.to_string() },
            RequestTokenError::Other(why) => ProviderError::Unavailable { why: why.clone() },
        })?;
        let token = answer.id_token().cloned();
        let token = token.ok_or_else(|| ProviderError::NotAccepted { why: "there is none".to_owned() })?;
        Ok((token, answer.access_token().clone()))
    }

    /// The claims of the token, with what the provider says beside it where they are too few.
    async fn complete(
        &self,
        proved: Proved,
        client: &Client,
        access: AccessToken,
        rules: &ClaimRules,
    ) -> Result<Value, ProviderError> {
        let claims = Value::Object(proved.claims.clone());
        let Some(lack) = rules.lack_of(&claims) else { return Ok(claims) };
        match user_info::ask(client, &self.http, access, proved.subject).await {
            Ok(Some(beside)) => Ok(completed(proved.claims, beside)),
            Ok(None) => Ok(claims),
            Err(error) => match (lack, error) {
                // Nobody is kept out for want of something to call them.
                (Lack::Name, ProviderError::Unavailable { why } | ProviderError::Refused { why }) => {
                    tracing::warn!(why, "the provider of identities doesn't say what somebody is called");
                    Ok(claims)
                }
                (Lack::Name, error @ ProviderError::NotAccepted { .. }) | (Lack::Identity, error) => {
                    Err(error)
                }
            },
        }
    }
}

#[async_trait]
impl IdentityProvider for OidcProvider {
    async fn authorization_url(
        &self,
        challenge: &Challenge,
        now: Timestamp,
    ) -> Result<String, ProviderError> {
        let client = self.current(Need::Current, now).await?;
        let verifier = PkceCodeVerifier::new(challenge.verifier.expose().to_owned());
        let state = CsrfToken::new(challenge.state.expose().to_owned());
        let nonce = Nonce::new(challenge.nonce.expose().to_owned());
        let request =
            client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce);
        let (url, _, _) = request
            .add_scopes(self.options.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(url.into())
    }

    async fn redeem(
        &self,
        returned: Returned<'_>,
        rules: &ClaimRules,
        now: Timestamp,
    ) -> Result<Value, ProviderError> {
        let mut client = self.current(Need::Current, now).await?;
        let (token, access) = self.exchange(&client, returned.code, returned.verifier).await?;
        let mut verdict = verify(&client, &token, returned.nonce, now);
        if verdict == Err(Verdict::UnknownKey) {
            client = self.current(Need::OtherKey, now).await?;
            verdict = verify(&client, &token, returned.nonce, now);
        }
        let subject = verdict.map_err(|verdict| ProviderError::NotAccepted { why: verdict.words() })?;
        self.complete(Proved { claims: claims(&token)?, subject }, &client, access, rules).await
    }

    fn is_issuer(&self, issuer: &str) -> bool {
        self.issuer.as_str() == issuer
    }
}

/// What a token proves that was verified.
struct Proved {
    claims: Map<String, Value>,
    subject: SubjectIdentifier,
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// It may have been signed with a key that is newer than what we know.
    UnknownKey,
    /// It fails a check.
    Bad(String),
}

impl Verdict {
    fn words(self) -> String {
        match self {
            Self::UnknownKey => "it is signed with a key that the provider doesn't publish".to_owned(),
            Self::Bad(why) => why,
        }
    }
}

/// Signature, issuer, audience, nonce and expiry. Gives whom the token is about.
fn verify(
    client: &Client,
    token: &CoreIdToken,
    nonce: &Secret,
    now: Timestamp,
) -> Result<SubjectIdentifier, Verdict> {
    let now = DateTime::<Utc>::from_timestamp_micros(now.unix_micros()).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let verifier = client.id_token_verifier().set_allowed_algs(SIGNATURES).set_time_fn(move || now);
    let nonce = Nonce::new(nonce.expose().to_owned());
    match token.claims(&verifier, &nonce) {
        Ok(claims) => Ok(claims.subject().clone()),
        Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
            Err(Verdict::UnknownKey)
        }
        Err(ClaimsVerificationError::SignatureVerification(why)) => Err(Verdict::Bad(why.to_string())),
        // The nonce that was expected is not for the log.
        Err(ClaimsVerificationError::InvalidNonce(_)) => {
            Err(Verdict::Bad("its nonce is another's".to_owned()))
        }
        Err(other) => Err(Verdict::Bad(other.to_string())),
    }
}

/// All claims of a token that was verified, those without a type of their own included.
fn claims(token: &CoreIdToken) -> Result<Map<String, Value>, ProviderError> {
    let text = token.to_string();
    let payload = text.split('.').nth(1).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(payload).ok();
    let claims = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    claims.ok_or_else(|| ProviderError::NotAccepted { why: "its claims can't be read".to_owned() })
}

/// Basic authentication is what a provider takes that says nothing (OpenID Connect Discovery 1.0, section 3).
fn takes_secret_in_body_only(metadata: &CoreProviderMetadata) -> bool {
    metadata.token_endpoint_auth_methods_supported().is_some_and(|methods| {
        methods.contains(&CoreClientAuthMethod::ClientSecretPost)
            && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
    })
}
