//! A provider, and somebody who signs in there.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_adapters_oidc::{OidcOptions, OidcProvider};
use countersign_kernel::Timestamp;
use countersign_simulators::{OidcConfig, OidcSimulator};
use countersign_testkit::SeededEntropy;
use countersign_usecases::port::{Challenge, IdentityProvider, ProviderError, Returned};
use countersign_usecases::sign_in::Secret;
use countersign_usecases::sign_in::claims::{ClaimPath, ClaimRules};
use serde_json::Value;

pub const REDIRECT: &str = "https://countersign.example/sign-in/callback";

pub const METADATA: &str = "/.well-known/openid-configuration";

pub struct World {
    pub simulator: OidcSimulator,
    pub provider: OidcProvider,
    pub challenge: Challenge,
}

/// The stand-in's clock is the host's, and so is what the tests hand over.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the stand-in's clock is the host's")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_unix_micros(i64::try_from(since.as_micros()).unwrap())
}

pub fn challenge(seed: u64) -> Challenge {
    let entropy = SeededEntropy::new(seed);
    let draw = || Secret::draw(&entropy);
    Challenge { state: draw(), nonce: draw(), verifier: draw() }
}

/// People are known by their subject, and what they may do by `groups`.
pub fn rules() -> ClaimRules {
    ClaimRules {
        provider: "corp".to_owned(),
        principal: ClaimPath("sub".to_owned()),
        people: BTreeMap::new(),
        groups: Some(ClaimPath("groups".to_owned())),
        roles: BTreeMap::new(),
    }
}

impl World {
    pub async fn with(config: OidcConfig) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (client_id, client_secret) = (config.client_id.clone(), config.client_secret.clone());
        let simulator = OidcSimulator::start(config).await.unwrap();
        let options = OidcOptions {
            issuer: simulator.issuer(),
            client_id,
            client_secret: client_secret.map(Into::into),
            scopes: vec!["profile".to_owned(), "groups".to_owned()],
            redirect_url: REDIRECT.to_owned(),
            timeout: Duration::from_millis(500),
        };
        let provider = OidcProvider::new(options).unwrap();
        Self { simulator, provider, challenge: challenge(1) }
    }

    pub async fn new() -> Self {
        Self::with(OidcConfig::default()).await
    }

    /// The browser is sent to the provider.
    pub async fn url_at(&self, time: Timestamp) -> Result<String, ProviderError> {
        self.provider.authorization_url(&self.challenge, time).await
    }

    /// The person goes to the provider and comes back with a code.
    pub async fn code_at(&self, time: Timestamp) -> String {
        let back = self.simulator.authorize(&self.url_at(time).await.unwrap()).unwrap();
        field(&back, "code").unwrap()
    }

    pub async fn code(&self) -> String {
        self.code_at(now()).await
    }

    pub fn returned<'r>(&'r self, code: &'r str) -> Returned<'r> {
        Returned { code, nonce: &self.challenge.nonce, verifier: &self.challenge.verifier }
    }

    pub async fn redeem_at(&self, code: &str, time: Timestamp) -> Result<Value, ProviderError> {
        self.provider.redeem(self.returned(code), &rules(), time).await
    }

    pub async fn redeem(&self, code: &str) -> Result<Value, ProviderError> {
        self.redeem_at(code, now()).await
    }

    pub fn seen(&self, path: &str) -> usize {
        self.simulator.requests().iter().filter(|request| request.path == path).count()
    }
}

pub fn field(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

#[track_caller]
pub fn why<T: std::fmt::Debug>(result: Result<T, ProviderError>) -> String {
    match result.unwrap_err() {
        ProviderError::NotAccepted { why } => why,
        other @ (ProviderError::Unavailable { .. } | ProviderError::Refused { .. }) => panic!("{other:?}"),
    }
}

#[track_caller]
pub fn unavailable<T: std::fmt::Debug>(result: Result<T, ProviderError>) -> String {
    match result.unwrap_err() {
        ProviderError::Unavailable { why } => why,
        other @ (ProviderError::NotAccepted { .. } | ProviderError::Refused { .. }) => panic!("{other:?}"),
    }
}
