//! Signing in and out with a browser, and what keeps other sites, old secrets and forged headers out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use countersign_kernel::{Millis, Proof, Timestamp};
use countersign_transport_http::HttpSettings;
use countersign_usecases::Identity;
use countersign_usecases::access::Role;
use countersign_usecases::policy_text::activate_policy;
use countersign_usecases::port::{Challenge, IdentityProvider, ProviderError, Returned};
use countersign_usecases::sign_in::claims::{ClaimPath, ClaimRules};
use countersign_usecases::sign_in::{Secret, Way};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{Browser, PUBLIC_URL, World, call, world, world_of};

/// An answer as a browser sees it.
struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Seen {
    fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }

    /// The cookie of this name: its value, and its flags.
    fn cookie(&self, name: &str) -> Option<(String, BTreeSet<String>)> {
        let lines = self.headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap());
        let mut found = lines.filter_map(|line| {
            let (pair, flags) = line.split_once("; ")?;
            let (known, value) = pair.split_once('=')?;
            let flags = flags.split("; ").map(str::to_owned).collect();
            (known == name).then(|| (value.to_owned(), flags))
        });
        let cookie = found.next();
        assert!(found.next().is_none(), "one cookie of a name");
        cookie
    }

    /// The value of a hidden field of the page.
    fn field(&self, name: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

async fn see(world: &World, request: Request<Body>) -> Seen {
    let (parts, body) = world.app.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    Seen { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

fn get(path: &str, cookies: &str) -> Request<Body> {
    let request = Request::get(path).header(header::COOKIE, cookies);
    request.body(Body::empty()).unwrap()
}

fn form(path: &str, cookies: &str, fields: &str) -> Request<Body> {
    let request = Request::post(path)
        .header(header::COOKIE, cookies)
        .header(header::ORIGIN, PUBLIC_URL)
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    request.body(Body::from(fields.to_owned())).unwrap()
}

const SESSION: &str = "__Host-countersign";
const ATTEMPT: &str = "__Host-countersign-sign-in";

/// Begins a development login: the browser's cookie and the page's state.
async fn begun(world: &World, query: &str) -> (String, String) {
    let page = see(world, get(&format!("/sign-in{query}"), "")).await;
    assert_eq!(page.status, StatusCode::OK);
    (format!("{ATTEMPT}={}", page.cookie(ATTEMPT).unwrap().0), page.field("state"))
}

async fn chosen(world: &World, cookies: &str, state: &str) -> Seen {
    see(world, form("/sign-in/development", cookies, &format!("state={state}&principal=user%3Adev%3Adana")))
        .await
}

#[tokio::test]
async fn a_developer_signs_in_and_gets_a_cookie_that_only_we_see() {
    let world = world().await;
    let (cookie, state) = begun(&world, "?return_to=/approvals%3Fstate%3Drequested").await;
    let signed_in = chosen(&world, &cookie, &state).await;
    assert_eq!(
        (signed_in.status, signed_in.location()),
        (StatusCode::SEE_OTHER, "/approvals?state=requested")
    );
    let (secret, flags) = signed_in.cookie(SESSION).unwrap();
    let expected = ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"].map(str::to_owned);
    assert_eq!(flags, BTreeSet::from(expected), "no domain, so that it is ours alone");
    let page = see(&world, get("/account", &format!("{SESSION}={secret}"))).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("user:dev:dana") && page.text.contains("Development login:"), "{}", page.text);
    assert!(page.text.contains("Dana &lt;b&gt;") && !page.text.contains("<b>"), "names are text");
}

#[tokio::test]
async fn a_sign_in_ends_the_session_that_the_browser_had_and_takes_no_secret_from_it() {
    let world = world().await;
    let planted = world.browser_of("user:corp:mallory", &[Role::Viewer]).await;
    let own = "a".repeat(43);
    for secret in [planted.secret.expose(), &own] {
        let (cookie, state) = begun(&world, "").await;
        let signed_in = chosen(&world, &format!("{cookie}; {SESSION}={secret}"), &state).await;
        let (new, _) = signed_in.cookie(SESSION).unwrap();
        assert_ne!(new, *secret);
        let old = get("/api/v1/policy", &format!("{SESSION}={secret}"));
        assert_eq!(world.send(old).await.refused(401), "not_signed_in");
    }
}

#[tokio::test]
async fn an_answer_of_another_browser_or_a_second_one_is_no_sign_in() {
    let world = world().await;
    let (cookie, state) = begun(&world, "").await;
    let (other, _) = begun(&world, "").await;
    for cookies in [other.as_str(), ""] {
        let refused = chosen(&world, cookies, &state).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text.contains("sign_in_expired") && refused.cookie(SESSION).is_none());
    }
    assert_eq!(chosen(&world, &cookie, &state).await.status, StatusCode::SEE_OTHER);
    assert_eq!(chosen(&world, &cookie, &state).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn two_tabs_of_one_browser_can_sign_in_at_once() {
    let world = world().await;
    let (cookie, first) = begun(&world, "").await;
    let second = see(&world, get("/sign-in", &cookie)).await;
    assert_eq!(format!("{ATTEMPT}={}", second.cookie(ATTEMPT).unwrap().0), cookie);
    assert_eq!(chosen(&world, &cookie, &first).await.status, StatusCode::SEE_OTHER);
    assert_eq!(chosen(&world, &cookie, &second.field("state")).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_login_from_another_site_is_refused() {
    let world = world().await;
    let (cookie, state) = begun(&world, "").await;
    let mut forged =
        form("/sign-in/development", &cookie, &format!("state={state}&principal=user%3Adev%3Adana"));
    forged.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().unwrap());
    let refused = see(&world, forged).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("request_forged"));
}

#[tokio::test]
async fn nobody_is_sent_to_another_site_after_signing_in() {
    let world = world().await;
    for elsewhere in [
        "https://evil.example",
        "//evil.example",
        "/%5Cevil.example",
        "%2F%2Fevil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
        "/sign-in",
        "/x&return_to=/y",
    ] {
        let (cookie, state) = begun(&world, &format!("?return_to={elsewhere}")).await;
        assert_eq!(chosen(&world, &cookie, &state).await.location(), "/", "{elsewhere}");
    }
}

/// A decision as a browser sends it, changed a little.
async fn decided(world: &World, browser: &Browser, change: impl FnOnce(&mut HeaderMap)) -> (u16, Value) {
    let id = world.ask("orders").await;
    let body = json!({"decision": "deny", "seen_digest": world.digest(id).await});
    let path = format!("/api/v1/approvals/{id}/decision");
    let mut request = browser.sends(call(Method::POST, "", &path, Some(body)));
    change(request.headers_mut());
    let answered = world.send(request).await;
    (answered.status.as_u16(), answered.body["code"].clone())
}

#[tokio::test]
async fn what_changes_something_has_to_come_from_our_own_pages() {
    let world = world().await;
    let browser = world.browser_of("user:github:alice", &[Role::Approver]).await;
    let other = world.browser_of("user:github:alice", &[Role::Approver]).await;
    let forged = (403, Value::from("request_forged"));
    let set = |name: &'static str, value: &str| {
        let value = value.parse().unwrap();
        move |headers: &mut HeaderMap| drop(headers.insert(name, value))
    };
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(decided(&world, &browser, set("sec-fetch-site", site)).await, forged, "{site}");
    }
    for origin in ["https://evil.example", "null", "http://countersign.example"] {
        assert_eq!(decided(&world, &browser, set("origin", origin)).await, forged, "{origin}");
    }
    // Whatever a proxy or a client says about the host changes nothing.
    let as_evil = |headers: &mut HeaderMap| {
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "host=evil.example;proto=https"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
    };
    assert_eq!(decided(&world, &browser, as_evil).await, forged);
    assert_eq!(decided(&world, &browser, |headers| drop(headers.remove("x-csrf-token"))).await, forged);
    assert_eq!(
        decided(&world, &browser, set("x-csrf-token", &other.csrf)).await,
        forged,
        "another session's"
    );
    // An old browser says nothing about where it comes from; the token does.
    let silent = |headers: &mut HeaderMap| {
        headers.remove("sec-fetch-site");
        headers.remove("origin");
    };
    assert_eq!(decided(&world, &browser, silent).await.0, 200);
    assert_eq!(decided(&world, &browser, |_| {}).await.0, 200);
}

#[tokio::test]
async fn the_token_of_a_session_is_another_text_on_every_page_and_each_is_good() {
    let world = world().await;
    let browser = world.browser_of("user:github:alice", &[Role::Approver]).await;
    let cookies = format!("{SESSION}={}", browser.secret.expose());
    let mut shown = BTreeSet::new();
    for _ in 0..3 {
        shown.insert(see(&world, get("/account", &cookies)).await.field("csrf_token"));
    }
    assert_eq!(shown.len(), 3, "the same bytes in every compressed page can be found out");
    let bare = Secret::unmask(&browser.csrf).unwrap();
    for token in &shown {
        assert!(!token.contains(bare.expose()));
        let token = token.parse().unwrap();
        let with = |headers: &mut HeaderMap| drop(headers.insert("x-csrf-token", token));
        assert_eq!(decided(&world, &browser, with).await.0, 200);
    }
    let bare = bare.expose().parse().unwrap();
    let without_mask = |headers: &mut HeaderMap| drop(headers.insert("x-csrf-token", bare));
    assert_eq!(decided(&world, &browser, without_mask).await, (403, Value::from("request_forged")));
}

#[tokio::test]
async fn a_program_with_a_token_is_asked_for_nothing_more() {
    let world = world().await;
    let id = world.ask("orders").await;
    world.decide("alice", id, "deny").await.ok();
}

#[tokio::test]
async fn a_token_and_a_session_at_once_are_refused() {
    let world = world().await;
    let browser = world.browser_of("user:github:alice", &[Role::Viewer]).await;
    let request = browser.sends(call(Method::GET, "alice", "/api/v1/policy", None));
    assert_eq!(world.send(request).await.refused(400), "two_credentials");
    let mut request = call(Method::GET, "alice", "/api/v1/policy", None);
    request.headers_mut().insert(header::COOKIE, format!("{SESSION}=nonsense").parse().unwrap());
    assert_eq!(world.send(request).await.refused(400), "two_credentials", "a bad one is one");
}

#[tokio::test]
async fn a_credential_in_an_address_is_refused_whoever_sends_it() {
    let world = world().await;
    for name in [
        "access_token",
        "run_token",
        "bearer_token",
        "id_token",
        "token",
        "jwt",
        "api_key",
        "API-Key",
        "X-API-Key",
        "apikey",
        "client_secret",
        "private_key",
        "csrf_token",
        "%74oken",
        "auth",
    ] {
        for path in ["/sign-in", "/elsewhere", "/runs"] {
            let refused = world.page("alice", &format!("{path}?x=1&{name}=alice")).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path} {name}");
            assert!(refused.text("p.lead").contains("An address must not hold what proves who you are"));
            assert!(!refused.source.contains("=alice"));
        }
        for path in ["/api/v1/policy", "/api/v1/docs"] {
            let refused = world.get("alice", &format!("{path}?x=1&{name}=alice")).await;
            assert_eq!(refused.refused(400), "credential_in_url", "{path} {name}");
            assert!(!refused.body.to_string().contains("=alice"));
        }
    }
    world.get("alice", "/api/v1/events?type=x").await;
}

#[tokio::test]
async fn a_cookie_of_another_host_of_the_domain_locks_nobody_out() {
    let world = world().await;
    let browser = world.browser_of("user:github:alice", &[Role::Viewer]).await;
    let ours = format!("{SESSION}={}", browser.secret.expose());
    for others in [&b"x=\xfc; "[..], b"\xff\xff\xff; ", "umlaut=\u{fc}; ".as_bytes()] {
        let mut request = get("/api/v1/policy", "");
        let line = [others, ours.as_bytes()].concat();
        request.headers_mut().insert(header::COOKIE, HeaderValue::from_bytes(&line).unwrap());
        assert_eq!(see(&world, request).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn an_open_page_keeps_nobody_signed_in() {
    let world = world().await;
    let browser = world.browser_of("user:github:alice", &[Role::Viewer]).await;
    let cookie = format!("{SESSION}={}", browser.secret.expose());
    for minutes in [20, 9] {
        world.store.clock().advance(Millis::from_secs(minutes * 60));
        let mut refresh = get("/", &cookie);
        refresh.headers_mut().insert("x-refresh", "1".parse().unwrap());
        let read = see(&world, refresh).await;
        assert_eq!((read.status, read.cookie(SESSION)), (StatusCode::OK, None));
    }
    world.store.clock().advance(Millis::from_secs(60));
    assert_eq!(
        see(&world, get("/", &cookie)).await.status,
        StatusCode::SEE_OTHER,
        "half an hour without a person"
    );
}

#[tokio::test]
async fn a_secret_is_replaced_under_way_without_signing_anybody_out() {
    let world = world().await;
    let browser = world.browser_of("user:github:alice", &[Role::Viewer]).await;
    let ask = |secret: &Secret| get("/api/v1/policy", &format!("{SESSION}={}", secret.expose()));
    assert!(see(&world, ask(&browser.secret)).await.cookie(SESSION).is_none());
    world.store.clock().advance(Millis::from_secs(900));
    let renewed = see(&world, ask(&browser.secret)).await;
    let new = Secret::parse(&renewed.cookie(SESSION).unwrap().0).unwrap();
    assert_eq!(see(&world, ask(&browser.secret)).await.status, StatusCode::OK, "a request under way");
    assert_eq!(see(&world, ask(&new)).await.status, StatusCode::OK);
    world.store.clock().advance(Millis::from_secs(60));
    let late = see(&world, ask(&browser.secret)).await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED);
    assert!(late.cookie(SESSION).is_none(), "a late request doesn't take the new cookie away");
    assert_eq!(see(&world, ask(&new)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_out_takes_the_token_and_ends_the_session() {
    let world = world().await;
    let (first, second) = (
        world.browser_of("user:github:alice", &[Role::Viewer]).await,
        world.browser_of("user:github:alice", &[Role::Viewer]).await,
    );
    let cookies = |browser: &Browser| format!("{SESSION}={}", browser.secret.expose());
    let still_in = async |browser: &Browser| {
        see(&world, get("/account", &cookies(browser))).await.status == StatusCode::OK
    };
    let refused = see(&world, form("/sign-out", &cookies(&first), "csrf_token=guessed")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(still_in(&first).await);
    let out = see(&world, form("/sign-out", &cookies(&first), &format!("csrf_token={}", first.csrf))).await;
    assert_eq!((out.status, out.location()), (StatusCode::SEE_OTHER, "/sign-in/signed-out"));
    let (value, flags) = out.cookie(SESSION).unwrap();
    assert!(value.is_empty() && flags.contains("Max-Age=0") && flags.contains("Secure"));
    assert!(!still_in(&first).await && still_in(&second).await);
    let third = world.browser_of("user:github:alice", &[Role::Viewer]).await;
    let everywhere = format!("csrf_token={}&everywhere=yes", third.csrf);
    see(&world, form("/sign-out", &cookies(&third), &everywhere)).await;
    assert!(!still_in(&second).await && !still_in(&third).await);
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_sent_there_and_comes_back() {
    let world = world().await;
    let sent = see(&world, get("/account?tab=1", &format!("{SESSION}={}", "a".repeat(43)))).await;
    assert_eq!(
        (sent.status, sent.location()),
        (StatusCode::SEE_OTHER, "/sign-in?return_to=%2Faccount%3Ftab%3D1")
    );
    let mut forged = get("/account", "");
    for name in ["host", "x-forwarded-host"] {
        forged.headers_mut().insert(name, "evil.example".parse().unwrap());
    }
    assert_eq!(see(&world, forged).await.location(), "/sign-in?return_to=%2Faccount");
    let by_token = see(&world, call(Method::GET, "viewer", "/account", None)).await;
    assert_eq!(by_token.location(), "/sign-in?return_to=%2Faccount", "a token is no session");
}

#[tokio::test]
async fn the_person_who_launched_a_run_does_not_decide_by_a_session_either() {
    let world = world().await;
    let launcher = countersign_testkit::build::run_facts("run-1").launched_by.to_string();
    // An owner, so that nothing but having launched the run is in the way.
    let text = countersign_testkit::policy::TEXT.replace("user:github:bob", &launcher);
    let root = countersign_testkit::build::principal("user:github:root");
    let root = Identity::new(root, Proof::BearerToken);
    activate_policy(&world.services, &text, &root).await.unwrap();
    let id = world.ask("orders").await;
    let browser = world.browser_of(&launcher, &[Role::Approver]).await;
    let body = json!({"decision": "approve", "seen_digest": world.digest(id).await});
    let request = call(Method::POST, "", &format!("/api/v1/approvals/{id}/decision"), Some(body));
    assert_eq!(world.send(browser.sends(request)).await.refused(403), "requester_cannot_decide");
}

#[tokio::test]
async fn whoever_proved_a_group_of_the_policy_decides_and_the_vote_says_so() {
    let world = world().await;
    let text = countersign_testkit::policy::TEXT.replace("\"user:github:bob\"]", "\"group:corp:sre\"]");
    let root = Identity::new(countersign_testkit::build::principal("user:github:root"), Proof::BearerToken);
    activate_policy(&world.services, &text, &root).await.unwrap();
    let id = world.ask("orders").await;
    let body = json!({"decision": "deny", "seen_digest": world.digest(id).await});
    let path = format!("/api/v1/approvals/{id}/decision");
    let by = async |groups: &[&str]| {
        let browser = world.browser_in("user:corp:erin", &[Role::Approver], groups).await;
        world.send(browser.sends(call(Method::POST, "", &path, Some(body.clone())))).await
    };
    assert_eq!(by(&["group:corp:sales"]).await.refused(403), "not_a_decider");
    by(&["group:corp:sre"]).await.ok();
    let shown = world.get("viewer", &format!("/api/v1/approvals/{id}")).await;
    assert_eq!(shown.ok()["votes"][0]["by_group"], "group:corp:sre");
}

#[tokio::test]
async fn every_answer_tells_browsers_what_not_to_do() {
    let world = world().await;
    for path in [
        "/healthz",
        "/metrics",
        "/sign-in",
        "/account",
        "/api/v1/policy",
        "/elsewhere",
        "/sign-in/sign_in.css",
    ] {
        let seen = see(&world, get(path, "")).await;
        let policy = seen.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(seen.headers[name], value, "{path}");
        }
        assert!(seen.headers["permissions-policy"].to_str().unwrap().starts_with("microphone=(self)"));
        assert!(!seen.text.contains("<script>") && !seen.text.contains(" style="), "{path}");
    }
    let docs = see(&world, get("/api/v1/docs", "")).await;
    assert!(
        docs.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("form-action 'none'"),
        "stricter stays"
    );
}

/// Sends browsers to `https://id.example`, and knows one code.
struct Provider;

#[async_trait]
impl IdentityProvider for Provider {
    async fn authorization_url(
        &self,
        challenge: &Challenge,
        _now: Timestamp,
    ) -> Result<String, ProviderError> {
        Ok(format!("https://id.example/authorize?state={}", challenge.state.expose()))
    }

    async fn redeem(
        &self,
        returned: Returned<'_>,
        _: &ClaimRules,
        _: Timestamp,
    ) -> Result<Value, ProviderError> {
        match returned.code {
            "good" => Ok(json!({"sub": "dana", "groups": ["sre"]})),
            "stranger" => Ok(json!({"sub": "mallory", "groups": []})),
            "away" => Err(ProviderError::Unavailable { why: "10.0.0.7 refused".to_owned() }),
            _ => Err(ProviderError::NotAccepted { why: "the signature is wrong".to_owned() }),
        }
    }

    fn is_issuer(&self, issuer: &str) -> bool {
        issuer == "https://id.example"
    }
}

async fn with_provider() -> World {
    let rules = ClaimRules {
        provider: "corp".to_owned(),
        principal: ClaimPath("sub".to_owned()),
        people: BTreeMap::new(),
        groups: Some(ClaimPath("groups".to_owned())),
        roles: BTreeMap::from([("sre".to_owned(), BTreeSet::from([Role::Viewer]))]),
    };
    world_of(HttpSettings::default(), Some(Way::Oidc { provider: Arc::new(Provider), rules })).await
}

/// The browser goes to the provider: its cookie, and the state.
async fn gone(world: &World) -> (String, String) {
    let sent = see(world, get("/sign-in?return_to=/runs", "")).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let state = sent.location().strip_prefix("https://id.example/authorize?state=").unwrap().to_owned();
    let (secret, flags) = sent.cookie(ATTEMPT).unwrap();
    assert!(
        ["HttpOnly", "Max-Age=600", "Path=/", "SameSite=Lax", "Secure"]
            .iter()
            .all(|flag| flags.contains(*flag))
    );
    (format!("{ATTEMPT}={secret}"), state)
}

#[tokio::test]
async fn a_person_comes_back_from_the_provider() {
    let world = with_provider().await;
    let (cookie, state) = gone(&world).await;
    let path = format!("/sign-in/callback?code=good&state={state}&iss=https%3A%2F%2Fid.example");
    let back = see(&world, get(&path, &cookie)).await;
    assert_eq!((back.status, back.location()), (StatusCode::SEE_OTHER, "/runs"));
    let secret = back.cookie(SESSION).unwrap().0;
    world.send(get("/api/v1/runs", &format!("{SESSION}={secret}"))).await.ok();
    assert!(see(&world, get(&path, &cookie)).await.cookie(SESSION).is_none(), "an answer counts once");
}

#[tokio::test]
async fn what_goes_wrong_at_the_provider_is_a_page() {
    let world = with_provider().await;
    for (query, status, code) in [
        ("code=forged", 403, "identity_not_proved"),
        ("code=stranger", 403, "no_role"),
        ("code=away", 503, "provider_unavailable"),
        ("error=access_denied", 403, "sign_in_declined"),
        ("code=good&error=access_denied", 403, "sign_in_declined"),
        ("code=good&code=good", 403, "sign_in_declined"),
        ("code=good&iss=https%3A%2F%2Fevil.example", 403, "identity_not_proved"),
        ("code=good&state=x", 422, "sign_in_expired"),
    ] {
        let (cookie, state) = gone(&world).await;
        let seen = see(&world, get(&format!("/sign-in/callback?{query}&state={state}"), &cookie)).await;
        assert_eq!(seen.status.as_u16(), status, "{query}");
        assert_eq!(seen.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(seen.text.contains(code) && !seen.text.contains("10.0.0.7"), "{query}: {}", seen.text);
        assert!(seen.cookie(SESSION).is_none() && !seen.text.contains("<script>"), "{query}");
    }
    let choice = form("/sign-in/development", "", "state=x&principal=user%3Adev%3Adana");
    assert!(see(&world, choice).await.cookie(SESSION).is_none(), "no development login beside a provider");
}

#[tokio::test]
async fn without_a_way_to_sign_in_there_is_none() {
    let world = world_of(HttpSettings::default(), None).await;
    let seen = see(&world, get("/sign-in", "")).await;
    assert_eq!(seen.status, StatusCode::NOT_FOUND);
    assert!(seen.text.contains("sign_in_not_offered"));
    let browser = world.browser_of("user:github:alice", &[Role::Viewer]).await;
    let request = browser.sends(call(Method::GET, "", "/api/v1/policy", None));
    assert_eq!(world.send(request).await.refused(401), "not_signed_in");
}
