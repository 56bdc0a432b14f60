//! The adapter against a stand-in over real HTTP.
#![expect(clippy::unwrap_used, reason = "a test's own fixtures are well-formed")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_adapters_oidc::{OidcOptions, OidcProvider};
use countersign_kernel::{Millis, Timestamp};
use countersign_simulators::{Behaviour, OidcChange, OidcConfig, OidcSimulator, TokenFlaw};
use countersign_testkit::SeededEntropy;
use countersign_usecases::port::{Challenge, IdentityProvider, ProviderError};
use countersign_usecases::sign_in::Secret;
use serde_json::{Value, json};

const REDIRECT: &str = "https://countersign.example/sign-in/callback";

struct World {
    simulator: OidcSimulator,
    provider: OidcProvider,
    challenge: Challenge,
}

/// The stand-in's clock is the host's, and so is what the tests hand over.
fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the stand-in's clock is the host's")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_unix_micros(i64::try_from(since.as_micros()).unwrap())
}

fn challenge(seed: u64) -> Challenge {
    let entropy = SeededEntropy::new(seed);
    let draw = || Secret::draw(&entropy);
    Challenge { state: draw(), nonce: draw(), verifier: draw() }
}

impl World {
    async fn with(config: OidcConfig) -> Self {
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

    async fn new() -> Self {
        Self::with(OidcConfig::default()).await
    }

    /// The person goes to the provider and comes back with a code.
    async fn code(&self) -> String {
        let url = self.provider.authorization_url(&self.challenge, now()).await.unwrap();
        let back = self.simulator.authorize(&url).unwrap();
        field(&back, "code").unwrap()
    }

    async fn redeem(&self, code: &str) -> Result<Value, ProviderError> {
        self.provider.redeem(code, &self.challenge.nonce, &self.challenge.verifier, now()).await
    }

    fn seen(&self, path: &str) -> usize {
        self.simulator.requests().iter().filter(|request| request.path == path).count()
    }
}

fn field(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

fn why(result: Result<Value, ProviderError>) -> String {
    match result.unwrap_err() {
        ProviderError::NotAccepted { why } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_code_becomes_the_claims_of_a_person() {
    let world = World::new().await;
    let url = world.provider.authorization_url(&world.challenge, now()).await.unwrap();
    assert!(url.starts_with(&format!("{}/authorize?", world.simulator.issuer())), "{url}");
    assert_eq!(field(&url, "response_type").as_deref(), Some("code"));
    assert_eq!(field(&url, "code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(field(&url, "state").as_deref(), Some(world.challenge.state.expose()));
    assert_eq!(field(&url, "scope").as_deref(), Some("openid+profile+groups"));
    assert!(!url.contains(world.challenge.verifier.expose()), "the verifier stays here");
    let claims = world.redeem(&world.code().await).await.unwrap();
    assert_eq!(claims["sub"], "dana");
    assert_eq!(claims["groups"], json!(["sre"]), "claims without a standard meaning come along");
    assert_eq!(world.seen("/.well-known/openid-configuration"), 1, "it is asked about itself once");
}

#[tokio::test]
async fn public_clients_and_secrets_in_bodies_are_known_too() {
    for config in [
        OidcConfig { client_secret: None, ..OidcConfig::default() },
        OidcConfig { secret_in_body: true, ..OidcConfig::default() },
    ] {
        let world = World::with(config).await;
        world.redeem(&world.code().await).await.unwrap();
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_with_its_own_verifier() {
    let world = World::new().await;
    let code = world.code().await;
    world.redeem(&code).await.unwrap();
    let refused = ProviderError::Refused { why: "invalid_grant".to_owned() };
    assert_eq!(world.redeem(&code).await.unwrap_err(), refused);
    let (code, other) = (world.code().await, challenge(2));
    let redeemed = world.provider.redeem(&code, &world.challenge.nonce, &other.verifier, now()).await;
    assert_eq!(redeemed.unwrap_err(), refused);
}

#[tokio::test]
async fn a_client_that_is_not_known_is_told_so() {
    let mut world = World::new().await;
    let options = OidcOptions {
        issuer: world.simulator.issuer(),
        client_id: "countersign".to_owned(),
        client_secret: Some("wrong".into()),
        scopes: Vec::new(),
        redirect_url: REDIRECT.to_owned(),
        timeout: Duration::from_millis(500),
    };
    world.provider = OidcProvider::new(options).unwrap();
    let refused = world.redeem(&world.code().await).await.unwrap_err();
    assert_eq!(refused, ProviderError::Refused { why: "invalid_client".to_owned() });
}

#[tokio::test]
async fn a_token_with_a_flaw_is_not_accepted() {
    let world = World::new().await;
    for flaw in [
        TokenFlaw::OtherIssuer,
        TokenFlaw::OtherAudience,
        TokenFlaw::MoreAudiences,
        TokenFlaw::OtherNonce,
        TokenFlaw::NoNonce,
        TokenFlaw::Expired,
        TokenFlaw::OtherSignature,
        TokenFlaw::UnpublishedKey,
        TokenFlaw::SignedWithSecret,
        TokenFlaw::Unsigned,
        TokenFlaw::Absent,
    ] {
        world.simulator.set(OidcChange::Flaw { flaw });
        let why = why(world.redeem(&world.code().await).await);
        assert!(!why.contains(world.challenge.nonce.expose()), "{flaw:?}: {why}");
    }
    world.redeem(&world.code().await).await.unwrap();
}

#[tokio::test]
async fn time_is_what_the_caller_says() {
    let world = World::new().await;
    let (nonce, verifier) = (&world.challenge.nonce, &world.challenge.verifier);
    let late = now().plus(Millis::from_secs(301));
    let redeemed = world.provider.redeem(&world.code().await, nonce, verifier, late).await;
    assert!(why(redeemed).contains("Expired"));
}

#[tokio::test]
async fn a_new_key_is_fetched_and_a_withdrawn_one_is_not_trusted_for_long() {
    let world = World::new().await;
    world.redeem(&world.code().await).await.unwrap();
    world.simulator.set(OidcChange::RotateKey);
    world.redeem(&world.code().await).await.unwrap();
    assert_eq!(world.seen("/keys"), 2, "read again for the key that was not known");
    world.redeem(&world.code().await).await.unwrap();
    assert_eq!(world.seen("/keys"), 2);
    let later = now().plus(Millis::from_secs(3601));
    world.provider.authorization_url(&world.challenge, later).await.unwrap();
    assert_eq!(world.seen("/keys"), 3, "read again after a while");
}

#[tokio::test]
async fn a_provider_that_is_away_is_asked_again_later() {
    let world = World::new().await;
    let unavailable =
        |error: ProviderError| assert!(matches!(error, ProviderError::Unavailable { .. }), "{error:?}");
    world.simulator.fail_next("GET", "/.well-known/*", Behaviour::status(503));
    unavailable(world.provider.authorization_url(&world.challenge, now()).await.unwrap_err());
    world.simulator.fail_next("GET", "/keys", Behaviour::DropBeforeHandling);
    unavailable(world.provider.look().await.unwrap_err());
    for behaviour in [Behaviour::DropAfterHandling, Behaviour::Hang { for_ms: 5_000 }] {
        let code = world.code().await;
        world.simulator.fail_next("POST", "/token", behaviour);
        unavailable(world.redeem(&code).await.unwrap_err());
    }
    world.redeem(&world.code().await).await.unwrap();
}

#[tokio::test]
async fn a_provider_that_calls_itself_something_else_is_none_of_ours() {
    let world = World::new().await;
    let issuer = "https://evil.example".to_owned();
    world.simulator.set(OidcChange::RenameIssuer { issuer });
    let error = world.provider.look().await.unwrap_err();
    assert!(error.why().contains("unexpected issuer URI `https://evil.example`"), "{error:?}");
    assert!(world.provider.is_issuer(&world.simulator.issuer()));
    assert!(!world.provider.is_issuer("https://evil.example"));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let world = World::new().await;
    let message = Some("x".repeat(600_000));
    let big = Behaviour::Answer { status: 503, retry_after_s: None, message };
    world.simulator.fail_next("GET", "/.well-known/*", big);
    let error = world.provider.look().await.unwrap_err();
    assert!(error.why().contains("more than 524288 bytes"), "{error:?}");
}
