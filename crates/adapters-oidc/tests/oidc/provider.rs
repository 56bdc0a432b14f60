//! Codes, tokens, keys, and what is wrong with them.

use std::time::Duration;

use countersign_adapters_oidc::{OidcOptions, OidcProvider};
use countersign_kernel::Millis;
use countersign_simulators::{Behaviour, OidcChange, OidcConfig, TokenFlaw};
use countersign_usecases::port::{IdentityProvider, ProviderError, Returned};
use serde_json::json;

use crate::support::{REDIRECT, World, challenge, field, now, rules, why};

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
    let returned = Returned { verifier: &other.verifier, ..world.returned(&code) };
    let redeemed = world.provider.redeem(returned, &rules(), now()).await;
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
    let late = now().plus(Millis::from_secs(301));
    let redeemed = world.redeem_at(&world.code().await, late).await;
    assert!(why(redeemed).contains("Expired"));
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
