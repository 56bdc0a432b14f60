//! The surface over the in-memory ledger, with callers whose tokens are their names. Every answer is checked against the document.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use countersign_approvals::Percent;
use countersign_kernel::{Language, Millis, OutsideGroup, Proof, RequestId, RunId, Timestamp};
use countersign_mcp_tools::{OwnerFeedback, ToolRegistry};
use countersign_testkit::build::{principal, run_facts, run_id};
use countersign_testkit::{MemoryStore, SeededEntropy, TestIds, TestTool};
use countersign_transport_http::{
    ApiDeps, Browsers, HttpSettings, Metrics, Operations, PublicUrl, Readiness, ReadinessCheck, document,
    router,
};
use countersign_usecases::access::{
    BearerDirectory, BearerIdentity, Callers, Role, RunTokenVerifier, TokenRejection,
};
use countersign_usecases::call_tool::call_tool;
use countersign_usecases::policy_text::activate_policy;
use countersign_usecases::port::stopwatch::StoppedWatch;
use countersign_usecases::port::{
    Heard, Ids, IssuedToken, RunTokens, SessionStore as _, TokenError, Transcriber, TranscriberError,
};
use countersign_usecases::runs::register_run;
use countersign_usecases::seal::{MasterKey, Sealer};
use countersign_usecases::sign_in::session::SessionLimits;
use countersign_usecases::sign_in::{Person, Secret, Session, SignIn, Way};
use countersign_usecases::voice::{DictationLimits, Hearing, Recording};
use countersign_usecases::warrants::Unlogged;
use countersign_usecases::{Identity, Ports, Services, worker};
use countersign_waitstate::{RunFacts, RunLinks};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt as _;

/// The run of most tests.
pub(crate) const RUN: &str = "run-1";

/// The document, as the surface serves it.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// Run tokens anybody could make: `run-token.RUN`.
struct PlainTokens;

impl RunTokens for PlainTokens {
    fn issue(&self, run: &RunId, now: Timestamp) -> Result<IssuedToken, TokenError> {
        Ok(IssuedToken { token: format!("run-token.{run}"), expires_at: now.plus(Millis::from_secs(3600)) })
    }
}

impl RunTokenVerifier for PlainTokens {
    fn verify(&self, token: &str) -> Result<RunId, TokenRejection> {
        let run = token.strip_prefix("run-token.").ok_or(TokenRejection)?;
        RunId::parse(run).map_err(|_| TokenRejection)
    }
}

/// Bearer tokens are the names of their holders; each role also has a holder named like it.
struct Staff;

impl BearerDirectory for Staff {
    fn find(&self, token: &str) -> Option<BearerIdentity> {
        let (name, roles): (&str, &[Role]) = match token {
            "alice" => ("user:github:alice", &[Role::Viewer, Role::Approver]),
            "bob" => ("user:github:bob", &[Role::Approver]),
            "dana" => ("user:github:dana", &[Role::Approver]),
            "viewer" => ("user:github:vera", &[Role::Viewer]),
            "approver" => ("user:github:amy", &[Role::Approver]),
            "operator" => ("user:github:oscar", &[Role::Operator]),
            "auditor" => ("user:github:audrey", &[Role::Auditor]),
            "platform" => ("service:ci:platform", &[Role::Platform]),
            _ => return None,
        };
        Some(BearerIdentity { identity: identity(name), roles: BTreeSet::from_iter(roles.iter().copied()) })
    }
}

fn identity(name: &str) -> Identity {
    Identity::new(principal(name), Proof::BearerToken)
}

struct Quiet;

#[async_trait]
impl Readiness for Quiet {
    async fn check(&self) -> Vec<ReadinessCheck> {
        Vec::new()
    }
}

impl Metrics for Quiet {
    fn render(&self) -> String {
        String::new()
    }
}

/// How much may be said at once.
pub(crate) const SPEECH: DictationLimits = DictationLimits { max_bytes: 4_000, max_duration: Millis(10_000) };

/// A transcriber that hears what it is told to hear.
#[derive(Default)]
pub(crate) struct Ear(Mutex<Option<Result<Heard, TranscriberError>>>);

impl Ear {
    pub(crate) fn hears(&self, text: &str) {
        *self.0.lock().unwrap() = Some(Ok(Heard {
            text: text.to_owned(),
            provider: "acme".parse().unwrap(),
            model: "whisper-1".parse().unwrap(),
            language: Some("english".parse().unwrap()),
            confidence: Percent::new(93),
            duration: Some(Millis(1_480)),
        }));
    }

    pub(crate) fn fails(&self, error: TranscriberError) {
        *self.0.lock().unwrap() = Some(Err(error));
    }
}

#[async_trait]
impl Transcriber for Ear {
    async fn transcribe(&self, _: &Recording, _: Option<Language>) -> Result<Heard, TranscriberError> {
        self.0.lock().unwrap().clone().unwrap_or_else(|| {
            Err(TranscriberError::Unavailable { why: "nobody told the ear what to hear".to_owned() })
        })
    }
}

/// The surface and what is behind it.
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) tool: Arc<TestTool>,
    pub(crate) services: Arc<Services>,
    pub(crate) app: Router,
    pub(crate) ear: Arc<Ear>,
    ids: TestIds,
    entropy: SeededEntropy,
}

/// An answer, which has been held against the document.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// A world with the testkit's policy and the registered run.
pub(crate) async fn world() -> World {
    world_with(HttpSettings::default()).await
}

/// Where browsers reach the world.
pub(crate) const PUBLIC_URL: &str = "https://countersign.example";

/// How long sessions last in it.
pub(crate) const LIMITS: SessionLimits = SessionLimits {
    idle: Millis::from_secs(1_800),
    absolute: Millis::from_secs(43_200),
    rotate_after: Millis::from_secs(900),
};

pub(crate) async fn world_with(settings: HttpSettings) -> World {
    let people = ["dana", "erin"].map(|name| person(&format!("user:dev:{name}"), &[Role::Viewer]));
    world_of(settings, Some(Way::Development(people.to_vec()))).await
}

/// A world where people sign in like this, or not at all.
pub(crate) async fn world_of(settings: HttpSettings, way: Option<Way>) -> World {
    world_that(true, settings, way).await
}

/// A world that turns speech into text, or doesn't.
pub(crate) async fn world_that(hears: bool, settings: HttpSettings, way: Option<Way>) -> World {
    let store = MemoryStore::default();
    let tool = Arc::new(TestTool::writing(1));
    let mut tools = ToolRegistry::new();
    tools.register(tool.clone()).unwrap();
    tools.register(Arc::new(OwnerFeedback::new())).unwrap();
    let ports = Ports {
        ledger: Arc::new(store.clone()),
        work: Arc::new(store.clone()),
        queries: Arc::new(store.clone()),
        warrants: Arc::new(Unlogged::new(Arc::new(store.clone()))),
        tokens: Arc::new(PlainTokens),
        entropy: Arc::new(SeededEntropy::new(1)),
        wake: Arc::new(NoWake),
        stopwatch: Arc::new(StoppedWatch),
    };
    let keys = BTreeMap::from([("k1".to_owned(), MasterKey::new([7; 32]))]);
    let sealer = Sealer::new(keys, "k1".to_owned()).unwrap();
    let ear = Arc::new(Ear::default());
    let services = Services::new(ports, Arc::new(tools), sealer);
    let services = Arc::new(services.with_hearing(hears.then(|| Hearing::new(ear.clone(), SPEECH))));
    let browsers = way.map(|way| {
        let (store, entropy) = (Arc::new(store.clone()), Arc::new(SeededEntropy::new(3)));
        Browsers::new(SignIn { store, entropy, limits: LIMITS, way }, PublicUrl::parse(PUBLIC_URL).unwrap())
    });
    let deps = ApiDeps { browsers: browsers.unwrap_or_default(), ..deps(services.clone(), settings) };
    let ids = TestIds::new(5, store.clock().clone());
    let entropy = SeededEntropy::new(11);
    let world = World { store, tool, services, ear, app: router(operations(), deps), ids, entropy };
    activate_policy(&world.services, countersign_testkit::policy::TEXT, &identity("user:github:root"))
        .await
        .unwrap();
    world.register(RUN).await;
    world
}

/// What the surface works with, where callers' tokens are their names.
pub(crate) fn deps(services: Arc<Services>, settings: HttpSettings) -> ApiDeps {
    ApiDeps {
        services,
        callers: Callers { run_tokens: Arc::new(PlainTokens), bearers: Arc::new(Staff) },
        browsers: Browsers::default(),
        wake: watch::channel(0).1,
        entropy: Arc::new(SeededEntropy::new(2)),
        stopwatch: Arc::new(StoppedWatch),
        settings,
    }
}

pub(crate) fn operations() -> Operations {
    Operations { readiness: Arc::new(Quiet), metrics: Arc::new(Quiet) }
}

struct NoWake;

impl countersign_usecases::port::Wake for NoWake {
    fn wake(&self) {}
}

/// Somebody as a provider proves them.
pub(crate) fn person(name: &str, roles: &[Role]) -> Person {
    let roles = roles.iter().copied().collect();
    Person::new(principal(name), Proof::Oidc, Some("Dana <b>"), roles, BTreeSet::new())
}

/// A browser that is signed in.
pub(crate) struct Browser {
    /// The secret in its cookie.
    pub(crate) secret: Secret,
    /// What its pages send along.
    pub(crate) csrf: String,
}

impl Browser {
    /// The request as this browser sends it for a link or a form of our pages: without what a script would add.
    pub(crate) fn shows(&self, mut request: Request<Body>) -> Request<Body> {
        let headers = request.headers_mut();
        let cookie = format!("__Host-countersign={}", self.secret.expose());
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        headers.insert("sec-fetch-site", "same-origin".parse().unwrap());
        request
    }

    /// The request as this browser sends it from one of our pages.
    pub(crate) fn sends(&self, mut request: Request<Body>) -> Request<Body> {
        let headers = request.headers_mut();
        let cookie = format!("__Host-countersign={}", self.secret.expose());
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        if headers.get("sec-fetch-site").is_none() {
            headers.insert("sec-fetch-site", "same-origin".parse().unwrap());
            headers.insert(header::ORIGIN, PUBLIC_URL.parse().unwrap());
            headers.insert("x-csrf-token", self.csrf.parse().unwrap());
        }
        request
    }
}

impl World {
    /// A browser in which this person is signed in.
    pub(crate) async fn browser_of(&self, name: &str, roles: &[Role]) -> Browser {
        self.browser_in(name, roles, &[]).await
    }

    /// The same, of somebody who is in these outside groups.
    pub(crate) async fn browser_in(&self, name: &str, roles: &[Role], groups: &[&str]) -> Browser {
        let mut person = person(name, roles);
        person.identity.groups = groups.iter().map(|group| OutsideGroup::parse(group).unwrap()).collect();
        let (secret, csrf) = (Secret::draw(&self.entropy), Secret::draw(&self.entropy));
        let now = self.store.clock().now();
        let id = Ids::new(&self.entropy, now).session();
        let session = Session::begin(id, person, &secret, csrf.clone(), &LIMITS, now);
        self.store.insert_session(&session).await.unwrap();
        Browser { secret, csrf: csrf.masked(&self.entropy).expose().to_owned() }
    }

    pub(crate) async fn register(&self, run: &str) {
        let links = RunLinks { issue: Some(17), pull_request: None };
        register_run(&self.services, run_facts(run), links, &identity("service:ci:platform")).await.unwrap();
    }

    /// Registers a run that this person launched.
    pub(crate) async fn register_launched_by(&self, run: &str, who: &str) {
        let facts = RunFacts { launched_by: principal(who), ..run_facts(run) };
        let platform = identity("service:ci:platform");
        register_run(&self.services, facts, RunLinks::default(), &platform).await.unwrap();
    }

    /// The agent of another run asks for the thing of this name.
    pub(crate) async fn ask_of(&self, run: &str, name: &str) -> RequestId {
        let arguments = json!({"name": name, "environment": "dev"});
        call_tool(&self.services, &run_id(run), "test.write", &arguments).await.unwrap().request.unwrap()
    }

    /// The agent asks for the thing of this name in this environment.
    pub(crate) async fn ask_in(&self, environment: &str, name: &str) -> RequestId {
        // No two are asked for in one moment, so that their order is known.
        self.store.clock().advance(Millis(1));
        let arguments = json!({"name": name, "environment": environment});
        call_tool(&self.services, &run_id(RUN), "test.write", &arguments).await.unwrap().request.unwrap()
    }

    pub(crate) async fn ask(&self, name: &str) -> RequestId {
        self.ask_in("dev", name).await
    }

    /// The agent asks the owner.
    pub(crate) async fn question(&self) -> RequestId {
        self.question_of(RUN).await
    }

    /// The agent of another run asks the owner.
    pub(crate) async fn question_of(&self, run: &str) -> RequestId {
        let arguments = json!({"question": "Which colour should the door have?", "options": ["red", "blue"]});
        let asked = call_tool(&self.services, &run_id(run), "mcp_owner_feedback_request", &arguments).await;
        asked.unwrap().request.unwrap()
    }

    /// Does all work that is due, until none is.
    pub(crate) async fn work_off(&self) {
        for _ in 0..100 {
            let leases = worker::claim(&self.services, self.ids.worker(), 100).await.unwrap();
            if leases.is_empty() {
                return;
            }
            for lease in &leases {
                worker::work(&self.services, lease).await.unwrap();
            }
        }
        panic!("work never ends");
    }

    /// How many events of this type there are.
    pub(crate) fn count(&self, event_type: &str) -> usize {
        self.store.rows().events.iter().filter(|event| event.event_type == event_type).count()
    }

    pub(crate) async fn get(&self, who: &str, path: &str) -> Answered {
        self.send(call(Method::GET, who, path, None)).await
    }

    pub(crate) async fn post(&self, who: &str, path: &str, body: Value) -> Answered {
        self.send(call(Method::POST, who, path, Some(body))).await
    }

    /// The digest a decision has to name now.
    pub(crate) async fn digest(&self, id: RequestId) -> String {
        let shown = self.get("viewer", &format!("/api/v1/approvals/{id}")).await;
        shown.body["summary"]["plan_digest"].as_str().unwrap().to_owned()
    }

    /// This person decides on the request as it is.
    pub(crate) async fn decide(&self, who: &str, id: RequestId, decision: &str) -> Answered {
        let body = json!({"decision": decision, "seen_digest": self.digest(id).await, "reason": "so it is"});
        self.post(who, &format!("/api/v1/approvals/{id}/decision"), body).await
    }

    /// Sends a request; the answer has to be one that the document describes.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answered {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        let answered = Answered { status: parts.status, headers: parts.headers, body };
        check(&method, &path, &answered);
        answered
    }
}

/// A request of this caller; nobody's when the name is empty.
pub(crate) fn call(method: Method, who: &str, path: &str, body: Option<Value>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !who.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {who}"));
    }
    match body {
        None => request.body(Body::empty()).unwrap(),
        Some(body) => {
            let request = request.header(header::CONTENT_TYPE, "application/json");
            request.body(Body::from(body.to_string())).unwrap()
        }
    }
}

impl Answered {
    /// The refusal's code; the status has to be this one.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16) -> &str {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.body["request_id"], self.headers["x-request-id"].to_str().unwrap());
        self.body["code"].as_str().unwrap()
    }

    /// `in pointer: detail` of every violated field.
    pub(crate) fn fields(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("no fields in {:#}", self.body));
        errors
            .iter()
            .map(|one| format!("{} {}: {}", text(&one["in"]), text(&one["pointer"]), text(&one["detail"])))
            .collect()
    }

    #[track_caller]
    pub(crate) fn ok(&self) -> &Value {
        assert_eq!(self.status, StatusCode::OK, "{:#}", self.body);
        &self.body
    }
}

/// The operation that the document describes for a path, if any.
fn described<'d>(method: &Method, path: &str) -> Option<&'d Value> {
    let fits = |template: &str| {
        let (a, b): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || a.starts_with('{'))
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    // What is written out goes before a parameter.
    let found =
        paths.get(path).or_else(|| paths.iter().find(|(template, _)| fits(template)).map(|(_, item)| item));
    found.and_then(|item| item.get(method.as_str().to_lowercase()))
}

/// The schema with the components it leads to.
pub(crate) fn with_components(schema: &Value) -> Value {
    json!({"allOf": [schema], "components": DOCUMENT["components"]})
}

fn check(method: &Method, path: &str, answered: &Answered) {
    let status = answered.status.as_u16();
    let schema = match described(method, path) {
        Some(operation) => {
            let response = &operation["responses"][status.to_string()];
            assert!(response.is_object(), "{method} {path} answers {status}, which the document doesn't say");
            let kind = answered.headers[header::CONTENT_TYPE].to_str().unwrap();
            let schema = &response["content"][kind]["schema"];
            assert!(
                schema.is_object(),
                "{method} {path} answers {status} as {kind}, which the document doesn't say"
            );
            schema.clone()
        }
        None if status >= 400 => json!({"$ref": "#/components/schemas/ProblemBody"}),
        None => return,
    };
    let validator = jsonschema::validator_for(&with_components(&schema)).unwrap();
    let wrong: Vec<_> = validator.iter_errors(&answered.body).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{method} {path} {status}: {wrong:?}\n{:#}", answered.body);
}
