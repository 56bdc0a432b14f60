//! Signing in through a provider, and sessions as time passes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use countersign_kernel::{Fault, Kind, Millis, Principal, Timestamp};
use countersign_testkit::{MemoryStore, SeededEntropy};
use countersign_usecases::access::Role;
use countersign_usecases::port::{Challenge, IdentityProvider, ProviderError, Returned, SessionStore};
use countersign_usecases::sign_in::begin::Next;
use countersign_usecases::sign_in::claims::{ClaimPath, ClaimRules};
use countersign_usecases::sign_in::finish::{Brought, ProviderAnswer};
use countersign_usecases::sign_in::session::SessionLimits;
use countersign_usecases::sign_in::{
    Recognised, ReturnTo, Secret, SignIn, SignInError, SignedIn, Way, begin, choose, finish, recognise,
    recognise_page, sign_out,
};
use countersign_usecases::upkeep::forget_ended_sessions;
use serde_json::{Value, json};

const MINUTE: Millis = Millis::from_secs(60);

const LIMITS: SessionLimits = SessionLimits {
    idle: Millis::from_secs(30 * 60),
    absolute: Millis::from_secs(8 * 3600),
    rotate_after: Millis::from_secs(15 * 60),
};

/// Remembers what it was sent, and gives the claims for the one code it knows.
struct Provider {
    claims: Value,
    sent: Mutex<Vec<Challenge>>,
}

#[async_trait]
impl IdentityProvider for Provider {
    async fn authorization_url(
        &self,
        challenge: &Challenge,
        _now: Timestamp,
    ) -> Result<String, ProviderError> {
        self.sent.lock().unwrap().push(challenge.clone());
        Ok(format!("https://id.example/authorize?state={}", challenge.state.expose()))
    }

    async fn redeem(
        &self,
        returned: Returned<'_>,
        _rules: &ClaimRules,
        _now: Timestamp,
    ) -> Result<Value, ProviderError> {
        let (sent, Returned { code, nonce, verifier }) = (self.sent.lock().unwrap(), returned);
        if code == "good" && sent.iter().any(|one| one.nonce == *nonce && one.verifier == *verifier) {
            Ok(self.claims.clone())
        } else {
            Err(ProviderError::Refused { why: "invalid_grant".to_owned() })
        }
    }

    fn is_issuer(&self, issuer: &str) -> bool {
        issuer == "https://id.example"
    }
}

struct World {
    store: MemoryStore,
    sign_in: SignIn,
}

impl World {
    fn new(claims: Value) -> Self {
        let store = MemoryStore::default();
        let rules = ClaimRules {
            provider: "corp".to_owned(),
            principal: ClaimPath("sub".to_owned()),
            people: BTreeMap::new(),
            groups: Some(ClaimPath("groups".to_owned())),
            roles: BTreeMap::from([("sre".to_owned(), BTreeSet::from([Role::Approver]))]),
        };
        let provider = Arc::new(Provider { claims, sent: Mutex::default() });
        let sign_in = SignIn {
            store: Arc::new(store.clone()),
            entropy: Arc::new(SeededEntropy::new(3)),
            limits: LIMITS,
            way: Way::Oidc { provider, rules },
        };
        Self { store, sign_in }
    }

    fn dana() -> Self {
        Self::new(json!({"sub": "dana", "groups": ["sre"]}))
    }

    async fn begin(&self, return_to: &str) -> (Secret, Secret) {
        let begun = begin(&self.sign_in, ReturnTo::of(Some(return_to)), None).await.unwrap();
        let Next::To(url) = begun.next else { panic!("a provider is gone to") };
        let state = url.strip_prefix("https://id.example/authorize?state=").unwrap();
        (Secret::parse(state).unwrap(), begun.browser)
    }

    async fn finish(&self, state: &Secret, browser: &Secret, code: &str) -> Result<SignedIn, SignInError> {
        let answer = ProviderAnswer { code: Ok(code), issuer: None };
        finish(&self.sign_in, Brought { state, browser, session: None }, answer).await
    }

    async fn signed_in(&self) -> Secret {
        let (state, browser) = self.begin("/").await;
        self.finish(&state, &browser, "good").await.unwrap().secret
    }

    async fn recognise(&self, secret: &Secret) -> Result<Recognised, SignInError> {
        recognise(&self.sign_in, secret).await
    }

    fn advance(&self, span: Millis) {
        self.store.clock().advance(span);
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, SignInError>) -> (&'static str, Kind) {
    let error = result.unwrap_err();
    (error.code(), error.kind())
}

#[tokio::test]
async fn a_person_signs_in_and_comes_back_to_where_they_wanted() {
    let world = World::dana();
    let (state, browser) = world.begin("/approvals/7").await;
    let signed_in = world.finish(&state, &browser, "good").await.unwrap();
    assert_eq!(signed_in.return_to.as_str(), "/approvals/7");
    let recognised = world.recognise(&signed_in.secret).await.unwrap();
    assert_eq!(recognised.session, signed_in.session);
    let person = recognised.session.person;
    assert_eq!(person.caller().identity.principal.as_str(), "user:corp:dana");
    assert_eq!(person.caller().roles, BTreeSet::from([Role::Approver]));
}

#[tokio::test]
async fn an_answer_counts_once_in_time_and_in_its_own_browser() {
    let world = World::dana();
    let (state, browser) = world.begin("/").await;
    let (other_state, other_browser) = world.begin("/").await;
    for (state, browser) in [(&state, &other_browser), (&other_state, &browser)] {
        assert_eq!(code(world.finish(state, browser, "good").await), ("sign_in_expired", Kind::Invalid));
    }
    world.finish(&state, &browser, "good").await.unwrap();
    assert_eq!(code(world.finish(&state, &browser, "good").await).0, "sign_in_expired");
    world.advance(Millis::from_secs(599));
    let (late, browser) = world.begin("/").await;
    world.advance(Millis::from_secs(600));
    assert_eq!(code(world.finish(&late, &browser, "good").await).0, "sign_in_expired");
}

#[tokio::test]
async fn a_bad_answer_uses_the_attempt_up() {
    let world = World::dana();
    let (state, browser) = world.begin("/").await;
    assert_eq!(code(world.finish(&state, &browser, "stolen").await), ("identity_not_proved", Kind::Denied));
    assert_eq!(code(world.finish(&state, &browser, "good").await).0, "sign_in_expired");
}

#[tokio::test]
async fn what_the_provider_declines_or_another_one_says_is_no_sign_in() {
    let world = World::dana();
    for (answer, expected) in [
        (ProviderAnswer { code: Err("access_denied"), issuer: None }, "`access_denied`"),
        (ProviderAnswer { code: Err("<script>"), issuer: None }, "`unknown_error`"),
        (ProviderAnswer { code: Ok("good"), issuer: Some("https://evil.example") }, "not accepted"),
    ] {
        let (state, browser) = world.begin("/").await;
        let brought = Brought { state: &state, browser: &browser, session: None };
        let error = finish(&world.sign_in, brought, answer).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Denied);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let (state, browser) = world.begin("/").await;
    let brought = Brought { state: &state, browser: &browser, session: None };
    let answer = ProviderAnswer { code: Ok("good"), issuer: Some("https://id.example") };
    finish(&world.sign_in, brought, answer).await.unwrap();
    let erin = Principal::parse("user:dev:erin").unwrap();
    assert_eq!(code(choose(&world.sign_in, brought, &erin).await), ("sign_in_not_offered", Kind::NotFound));
}

#[tokio::test]
async fn whoever_has_no_role_has_no_session() {
    let world = World::new(json!({"sub": "dana", "groups": ["sales"]}));
    let (state, browser) = world.begin("/").await;
    assert_eq!(code(world.finish(&state, &browser, "good").await), ("no_role", Kind::Denied));
    assert_eq!(world.store.forget_ended(10).await.unwrap(), 0);
    world.advance(Millis::from_secs(9 * 3600));
    assert_eq!(world.store.forget_ended(10).await.unwrap(), 0, "no session was kept");
}

#[tokio::test]
async fn what_a_page_does_by_itself_keeps_nobody_signed_in() {
    let world = World::dana();
    let secret = world.signed_in().await;
    for _ in 0..2 {
        world.advance(Millis(14 * MINUTE.0));
        assert!(recognise_page(&world.sign_in, &secret).await.unwrap().new_secret.is_none());
    }
    world.advance(Millis(2 * MINUTE.0));
    let over = recognise_page(&world.sign_in, &secret).await.map(|_| ());
    assert_eq!(over.unwrap_err().code(), "not_signed_in");
    assert_eq!(code(world.recognise(&secret).await).0, "not_signed_in");
}

#[tokio::test]
async fn a_page_shows_that_its_browser_has_the_new_secret() {
    let world = World::dana();
    let old = world.signed_in().await;
    world.advance(Millis(16 * MINUTE.0));
    let new = world.recognise(&old).await.unwrap().new_secret.unwrap();
    recognise_page(&world.sign_in, &new).await.unwrap();
    world.advance(Millis(2 * MINUTE.0));
    let copied = recognise_page(&world.sign_in, &old).await.map(|_| ());
    assert_eq!(copied.unwrap_err().code(), "not_signed_in", "the one before is good for a moment only");
    world.recognise(&new).await.unwrap();
}

#[tokio::test]
async fn a_session_goes_on_while_it_is_used_and_not_for_ever() {
    let world = World::dana();
    let mut secret = world.signed_in().await;
    let mut secrets = 1;
    for minute in (20..480).step_by(20) {
        world.advance(Millis(20 * MINUTE.0));
        let recognised =
            world.recognise(&secret).await.unwrap_or_else(|error| panic!("{minute} min: {error}"));
        if let Some(new) = recognised.new_secret {
            secrets += 1;
            secret = new;
        }
    }
    assert!(secrets > 10, "{secrets} secrets");
    world.advance(Millis(20 * MINUTE.0));
    assert_eq!(code(world.recognise(&secret).await), ("not_signed_in", Kind::Unauthenticated));
    assert_eq!(forget_ended_sessions(&world.store).await.unwrap(), 1);
    assert_eq!(code(world.recognise(&secret).await).0, "not_signed_in");
}

#[tokio::test]
async fn a_session_that_nobody_uses_is_over() {
    let world = World::dana();
    let secret = world.signed_in().await;
    world.advance(Millis(30 * MINUTE.0));
    assert_eq!(code(world.recognise(&secret).await).0, "not_signed_in");
}

#[tokio::test]
async fn a_stolen_secret_dies_when_its_owner_goes_on() {
    let world = World::dana();
    let stolen = world.signed_in().await;
    world.advance(Millis(15 * MINUTE.0));
    let owners = world.recognise(&stolen).await.unwrap().new_secret.unwrap();
    world.recognise(&owners).await.unwrap();
    world.advance(MINUTE);
    assert_eq!(code(world.recognise(&stolen).await).0, "not_signed_in");
    world.recognise(&owners).await.unwrap();
    sign_out(&world.sign_in, &owners).await.unwrap();
    assert_eq!(code(world.recognise(&owners).await).0, "not_signed_in");
}

#[tokio::test]
async fn a_store_that_is_gone_is_not_the_end_of_a_session() {
    let world = World::dana();
    let secret = world.signed_in().await;
    world.store.set_unreachable(true);
    assert_eq!(code(world.recognise(&secret).await), ("store_unavailable", Kind::Unavailable));
    world.store.set_unreachable(false);
    world.recognise(&secret).await.unwrap();
}
