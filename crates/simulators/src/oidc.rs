//! The stand-in for a provider of identities: OpenID Connect discovery, the authorization code flow with PKCE, user-info, and signing
//! keys that change.
//!
//! What it refuses, and how, follows [OpenID Connect Core 1.0](https://openid.net/specs/openid-connect-core-1_0.html),
//! [Discovery 1.0](https://openid.net/specs/openid-connect-discovery-1_0.html), [RFC 6749](https://www.rfc-editor.org/rfc/rfc6749),
//! [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750) (bearer tokens), [RFC 7636](https://www.rfc-editor.org/rfc/rfc7636) (PKCE, S256 only)
//! and [RFC 9207](https://www.rfc-editor.org/rfc/rfc9207) (`iss` in the answer). Nobody types a password: whoever is at the browser is the person that was set last, and agrees to everything.
//!
//! It begins with an RSA key, as most providers sign with one (RS256), and rotates to keys on P-256 (ES256). On command its next identity
//! token has a flaw.

mod keys;
mod routes;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::faults::{Behaviour, FaultRule};
use crate::journal::Journal;
use crate::server::{ChangeRefused, SeenRequest, Server, Setup, StartError, set_answer};
use keys::Keys;

/// What the stand-in knows when it starts.
#[derive(Clone)]
pub struct OidcConfig {
    /// The port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// The one client.
    pub client_id: String,
    /// Its secret; none for a public client.
    pub client_secret: Option<String>,
    /// Where browsers may be sent back to.
    pub redirect_uris: Vec<String>,
    /// The claims of whoever is at the browser, `sub` among them, as the identity token has them.
    pub claims: Value,
    /// What the user-info endpoint says; none for a provider without one.
    pub user_info: Option<UserInfo>,
    /// Takes the client's secret in the body only, as some providers do.
    pub secret_in_body: bool,
}

impl Default for OidcConfig {
    fn default() -> Self {
        Self {
            port: 0,
            client_id: "countersign".to_owned(),
            client_secret: Some("the client's secret".to_owned()),
            redirect_uris: vec!["https://countersign.example/sign-in/callback".to_owned()],
            claims: json!({"sub": "dana", "name": "Dana", "groups": ["sre"]}),
            user_info: None,
            secret_in_body: false,
        }
    }
}

/// What the user-info endpoint says about whoever shows it an access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserInfo {
    /// The claims, `sub` among them.
    pub claims: Value,
    /// How they are said.
    pub form: UserInfoForm,
}

/// How claims are said at the user-info endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserInfoForm {
    /// As JSON.
    Json,
    /// As a JWT, signed with the key in use.
    Signed,
    /// As a JWT with the signature of another one.
    SignedOtherwise,
}

/// A change by hand.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum OidcChange {
    /// Somebody else sits down at the browser.
    Person {
        /// Their claims.
        claims: Value,
    },
    /// The user-info endpoint says something else, or is no longer there.
    UserInfo {
        /// What it says.
        user_info: Option<UserInfo>,
    },
    /// The person says no to the next request.
    Decline,
    /// Signs with a new key from now on, and publishes it; the old ones are withdrawn.
    RotateKey,
    /// The next identity token has this flaw.
    Flaw {
        /// Which.
        flaw: TokenFlaw,
    },
    /// Names the issuer otherwise in what it says about itself.
    RenameIssuer {
        /// The other name.
        issuer: String,
    },
}

/// What can be wrong with an identity token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenFlaw {
    /// Another issuer.
    OtherIssuer,
    /// For another client.
    OtherAudience,
    /// For us and another client that we know nothing of.
    MoreAudiences,
    /// The nonce of another sign-in.
    OtherNonce,
    /// No nonce.
    NoNonce,
    /// It ended a minute ago.
    Expired,
    /// The signature is another token's.
    OtherSignature,
    /// Signed with a key that is not published, under the name of one that is.
    UnpublishedKey,
    /// Signed with the client's secret (HS256).
    SignedWithSecret,
    /// `alg` is `none`.
    Unsigned,
    /// There is no identity token in the answer.
    Absent,
    /// The access token that comes with it can't be sent in a header.
    UnsendableAccess,
}

/// A running stand-in; dropping it stops it.
#[derive(Debug)]
pub struct OidcSimulator {
    server: Server,
    provider: Provider,
}

impl OidcSimulator {
    /// Starts on 127.0.0.1.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(config: OidcConfig) -> Result<Self, StartError> {
        let port = config.port;
        let provider = Provider { state: Arc::new(Mutex::new(Desk::new(config))) };
        let api = routes::api(provider.clone());
        let set = Router::new().route("/_simulator/set", post(set)).with_state(provider.clone());
        let setup = Setup { port, api, set, journal: Journal::default(), error_shape: routes::on_command };
        let server = Server::start(setup).await?;
        provider.lock().issuer = server.url();
        Ok(Self { server, provider })
    }

    /// The issuer, which is the base URL without a trailing slash.
    pub fn issuer(&self) -> String {
        self.server.url()
    }

    /// Every request seen so far.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.server.requests()
    }

    /// Fails the next request that matches; see [`FaultRule`] for the pattern.
    pub fn fail_next(&self, method: &str, path: &str, behaviour: Behaviour) {
        self.fail(FaultRule::next(method, path, behaviour));
    }

    /// Adds a rule.
    pub fn fail(&self, rule: FaultRule) {
        self.server.faults().add(rule);
    }

    /// Changes something by hand.
    pub fn set(&self, change: OidcChange) {
        self.provider.lock().change(change);
    }

    /// Where the person at the browser is sent back to when they open this address of ours: what a browser does, without one.
    ///
    /// # Errors
    /// Why the request is refused, as the page for the person says it.
    pub fn authorize(&self, url: &str) -> Result<String, String> {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        routes::authorize_by_query(&mut self.provider.lock(), query)
    }

    /// Stops, and returns once the port is closed.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// The state behind the routes, shared by clones.
#[derive(Clone, Debug)]
struct Provider {
    state: Arc<Mutex<Desk>>,
}

impl Provider {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that the stand-in knows.
struct Desk {
    config: OidcConfig,
    issuer: String,
    /// What it calls itself in its metadata, where that was changed.
    renamed: Option<String>,
    keys: Keys,
    codes: HashMap<String, Grant>,
    /// The access tokens that were given out.
    access: HashSet<String>,
    issued: u64,
    decline: bool,
    flaw: Option<TokenFlaw>,
}

/// What a code stands for.
struct Grant {
    redirect_uri: String,
    challenge: String,
    nonce: Option<String>,
    claims: Value,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Desk({}, {} codes)", self.issuer, self.codes.len())
    }
}

impl Desk {
    fn new(config: OidcConfig) -> Self {
        Self {
            config,
            issuer: String::new(),
            renamed: None,
            keys: Keys::first(),
            codes: HashMap::new(),
            access: HashSet::new(),
            issued: 0,
            decline: false,
            flaw: None,
        }
    }

    fn change(&mut self, change: OidcChange) {
        match change {
            OidcChange::Person { claims } => self.config.claims = claims,
            OidcChange::UserInfo { user_info } => self.config.user_info = user_info,
            OidcChange::Decline => self.decline = true,
            OidcChange::RotateKey => self.keys.rotate(),
            OidcChange::Flaw { flaw } => self.flaw = Some(flaw),
            OidcChange::RenameIssuer { issuer } => self.renamed = Some(issuer),
        }
    }
}

async fn set(State(provider): State<Provider>, Json(change): Json<OidcChange>) -> Response {
    provider.lock().change(change);
    set_answer(Ok::<(), ChangeRefused>(()))
}
