//! Claims that are told beside the identity token.

use countersign_simulators::{Behaviour, OidcChange, OidcConfig, TokenFlaw, UserInfo, UserInfoForm};
use countersign_usecases::port::ProviderError;
use serde_json::{Value, json};

use crate::support::{World, unavailable, why};

const PATH: &str = "/userinfo";

/// A provider whose identity tokens have these claims, and that tells those at its user-info endpoint.
async fn world_of(claims: Value, beside: Value, form: UserInfoForm) -> World {
    let user_info = Some(UserInfo { claims: beside, form });
    World::with(OidcConfig { claims, user_info, ..OidcConfig::default() }).await
}

/// A provider whose identity tokens say who somebody is, and nothing else.
async fn thin(form: UserInfoForm) -> World {
    let beside =
        json!({"sub": "dana", "name": "Dana", "groups": ["sre"], "realm_access": {"roles": ["root"]}});
    world_of(json!({"sub": "dana"}), beside, form).await
}

/// A provider whose identity tokens say all but what somebody is called.
async fn nameless() -> World {
    let (claims, beside) =
        (json!({"sub": "dana", "groups": ["sre"]}), json!({"sub": "dana", "name": "Dana"}));
    world_of(claims, beside, UserInfoForm::Json).await
}

#[tokio::test]
async fn claims_that_are_told_beside_the_token_count_as_its_own() {
    for form in [UserInfoForm::Json, UserInfoForm::Signed] {
        let world = thin(form).await;
        let claims = world.redeem(&world.code().await).await.unwrap();
        assert_eq!((&claims["sub"], &claims["name"]), (&json!("dana"), &json!("Dana")), "{form:?}");
        assert_eq!(claims["groups"], json!(["sre"]), "{form:?}");
        assert_eq!(claims["realm_access"], json!({"roles": ["root"]}), "{form:?}: they come along whole");
        assert_eq!(claims["aud"], "countersign", "{form:?}: what the token says stays");
        assert_eq!(world.seen(PATH), 1, "{form:?}");
    }
}

#[tokio::test]
async fn a_provider_is_not_asked_for_what_its_token_says() {
    let claims = json!({"sub": "dana", "name": "Dana", "groups": ["sre"]});
    let beside = json!({"sub": "dana", "name": "Mallory", "groups": ["root"]});
    let world = world_of(claims, beside, UserInfoForm::Json).await;
    assert_eq!(world.redeem(&world.code().await).await.unwrap()["groups"], json!(["sre"]));
    assert_eq!(world.seen(PATH), 0);
}

#[tokio::test]
async fn the_token_goes_before_what_is_told_beside_it() {
    let claims = json!({"sub": "dana", "name": "Dana", "email": "dana@example.org"});
    let beside = json!({
        "sub": "dana", "name": "Mallory", "groups": ["sre"], "nonce": "another's", "exp": 1,
        "email": "boss@example.org", "email_verified": true
    });
    let world = world_of(claims, beside, UserInfoForm::Json).await;
    let claims = world.redeem(&world.code().await).await.unwrap();
    assert_eq!((&claims["name"], &claims["groups"]), (&json!("Dana"), &json!(["sre"])));
    assert_eq!(claims["nonce"], world.challenge.nonce.expose());
    assert!(claims["exp"].as_i64().unwrap() > 1);
    assert_eq!((&claims["email"], claims.get("email_verified")), (&json!("dana@example.org"), None));
}

#[tokio::test]
async fn what_is_told_about_somebody_else_is_refused() {
    let others = json!({"sub": "mallory", "name": "Dana", "groups": ["sre"]});
    for form in [UserInfoForm::Json, UserInfoForm::Signed] {
        for claims in [json!({"sub": "dana"}), json!({"sub": "dana", "groups": ["sre"]})] {
            let world = world_of(claims, others.clone(), form).await;
            let why = why(world.redeem(&world.code().await).await);
            assert!(why.contains("about somebody else"), "{form:?}: {why}");
        }
    }
    let nobodys = json!({"name": "Dana", "groups": ["sre"]});
    let world = world_of(json!({"sub": "dana"}), nobodys, UserInfoForm::Json).await;
    assert!(why(world.redeem(&world.code().await).await).contains("can't be read"));
}

#[tokio::test]
async fn what_is_signed_has_to_be_signed_by_the_provider_and_by_rs256() {
    let world = thin(UserInfoForm::SignedOtherwise).await;
    let told = why(world.redeem(&world.code().await).await);
    assert!(told.starts_with("its user-info: ") && told.contains("verification failed"), "{told}");
    let world = thin(UserInfoForm::Signed).await;
    world.simulator.set(OidcChange::RotateKey);
    let told = why(world.redeem(&world.code().await).await);
    assert!(told.contains("algorithm `ES256` is not one of: RS256"), "{told}");
}

#[tokio::test]
async fn a_provider_that_says_no_more_or_tells_nothing_beside_gives_what_there_is() {
    let world = world_of(json!({"sub": "dana"}), json!({"sub": "dana"}), UserInfoForm::Json).await;
    assert_eq!(world.redeem(&world.code().await).await.unwrap().get("groups"), None);
    let world = World::with(OidcConfig { claims: json!({"sub": "dana"}), ..OidcConfig::default() }).await;
    assert_eq!(world.redeem(&world.code().await).await.unwrap()["sub"], "dana");
    assert_eq!(world.seen(PATH), 0, "there is no such endpoint");
}

#[tokio::test]
async fn nobody_gets_in_whose_groups_cannot_be_asked_for() {
    let world = thin(UserInfoForm::Json).await;
    for behaviour in [
        Behaviour::status(503),
        Behaviour::DropAfterHandling,
        Behaviour::Hang { for_ms: 5_000 },
        Behaviour::Answer { status: 503, retry_after_s: None, message: Some("x".repeat(600_000)) },
    ] {
        let code = world.code().await;
        world.simulator.fail_next("GET", PATH, behaviour);
        assert!(unavailable(world.redeem(&code).await).starts_with("its user-info: "));
    }
    let code = world.code().await;
    world.simulator.fail_next("GET", PATH, Behaviour::status(403));
    let refused = world.redeem(&code).await.unwrap_err();
    assert_eq!(refused, ProviderError::Refused { why: "its user-info: 403 Forbidden".to_owned() });
    world.redeem(&world.code().await).await.unwrap();
}

#[tokio::test]
async fn nobody_is_kept_out_for_want_of_a_name() {
    let world = nameless().await;
    assert_eq!(world.redeem(&world.code().await).await.unwrap()["name"], "Dana");
    for status in [503, 403] {
        let code = world.code().await;
        world.simulator.fail_next("GET", PATH, Behaviour::status(status));
        let claims = world.redeem(&code).await.unwrap();
        assert_eq!((&claims["groups"], claims.get("name")), (&json!(["sre"]), None), "{status}");
    }
}

#[tokio::test]
async fn an_access_token_that_cannot_be_sent_is_not() {
    let world = thin(UserInfoForm::Json).await;
    world.simulator.set(OidcChange::Flaw { flaw: TokenFlaw::UnsendableAccess });
    assert!(why(world.redeem(&world.code().await).await).contains("can't be sent"));
    assert_eq!(world.seen(PATH), 0);
}
