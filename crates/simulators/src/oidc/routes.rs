//! The routes: metadata, keys, authorization, token, user-info.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded;

use super::keys::challenge_of;
use super::{Desk, Grant, Provider, TokenFlaw, UserInfo, UserInfoForm};
use crate::clock;

/// Seconds an identity token is good.
const LASTS_S: i64 = 300;

pub(super) fn api(provider: Provider) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/keys", get(keys))
        .route("/authorize", get(authorize))
        .route("/token", post(token))
        .route("/userinfo", get(user_info))
        .with_state(provider)
}

/// An error on command, in the shape of the token endpoint.
pub(super) fn on_command(status: StatusCode, _retry_after_s: Option<u32>, message: Option<&str>) -> Response {
    let error = if status.is_server_error() { "server_error" } else { "invalid_request" };
    (status, Json(json!({"error": error, "error_description": message.unwrap_or("on command")})))
        .into_response()
}

async fn metadata(State(provider): State<Provider>) -> Json<Value> {
    let desk = provider.lock();
    let issuer = &desk.issuer;
    let methods = match (&desk.config.client_secret, desk.config.secret_in_body) {
        (None, _) => "none",
        (Some(_), true) => "client_secret_post",
        (Some(_), false) => "client_secret_basic",
    };
    let mut metadata = json!({
        "issuer": desk.renamed.as_ref().unwrap_or(issuer),
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256"],
        "token_endpoint_auth_methods_supported": [methods],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    if desk.config.user_info.is_some() {
        metadata["userinfo_endpoint"] = json!(format!("{issuer}/userinfo"));
    }
    Json(metadata)
}

async fn keys(State(provider): State<Provider>) -> Json<Value> {
    Json(provider.lock().keys.published())
}

async fn authorize(State(provider): State<Provider>, RawQuery(query): RawQuery) -> Response {
    match authorize_by_query(&mut provider.lock(), &query.unwrap_or_default()) {
        Ok(location) => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
        Err(why) => (StatusCode::BAD_REQUEST, why).into_response(),
    }
}

/// What a query or a form says once. What comes twice is as good as absent (RFC 6749, section 3.1).
fn once<'f>(fields: &'f [(String, String)], name: &str) -> Option<&'f str> {
    let mut values = fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    values.next().filter(|_| values.next().is_none())
}

fn fields(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// Sends the browser back with a code. An address that is not registered is gone to by nobody.
pub(super) fn authorize_by_query(desk: &mut Desk, query: &str) -> Result<String, String> {
    let fields = fields(query);
    let asked = |name: &str| once(&fields, name);
    if asked("client_id") != Some(desk.config.client_id.as_str()) {
        return Err("unknown client".to_owned());
    }
    let redirect_uri = asked("redirect_uri").unwrap_or_default().to_owned();
    if !desk.config.redirect_uris.contains(&redirect_uri) {
        return Err("this redirect URI is not registered".to_owned());
    }
    let mut back = Url::parse(&redirect_uri).map_err(|error| error.to_string())?;
    let scopes = asked("scope").unwrap_or_default();
    let error = match asked("response_type") {
        Some("code") if !scopes.split(' ').any(|scope| scope == "openid") => Some("invalid_scope"),
        Some("code") if asked("code_challenge_method") != Some("S256") => Some("invalid_request"),
        Some("code") if asked("code_challenge").is_none_or(|challenge| challenge.len() != 43) => {
            Some("invalid_request")
        }
        Some("code") if std::mem::take(&mut desk.decline) => Some("access_denied"),
        Some("code") => None,
        Some(_) | None => Some("unsupported_response_type"),
    };
    let (name, value) = match error {
        Some(error) => ("error", error.to_owned()),
        None => ("code", desk.issue(query, &redirect_uri, &asked)),
    };
    back.query_pairs_mut().append_pair(name, &value);
    if let Some(state) = asked("state") {
        back.query_pairs_mut().append_pair("state", state);
    }
    back.query_pairs_mut().append_pair("iss", &desk.issuer);
    Ok(back.into())
}

impl Desk {
    /// A new code for what was asked.
    fn issue<'f>(
        &mut self,
        query: &str,
        redirect_uri: &str,
        asked: &dyn Fn(&str) -> Option<&'f str>,
    ) -> String {
        self.issued += 1;
        let code = format!("code-{}-{}", self.issued, challenge_of(query));
        let grant = Grant {
            redirect_uri: redirect_uri.to_owned(),
            challenge: asked("code_challenge").unwrap_or_default().to_owned(),
            nonce: asked("nonce").map(str::to_owned),
            claims: self.config.claims.clone(),
        };
        self.codes.insert(code.clone(), grant);
        code
    }
}

impl Desk {
    /// A new access token.
    fn give_access(&mut self, flaw: Option<TokenFlaw>) -> String {
        let end = if flaw == Some(TokenFlaw::UnsendableAccess) { "\r\nx: y" } else { "" };
        let access = format!("access-{}{end}", self.access.len() + 1);
        self.access.insert(access.clone());
        access
    }
}

async fn token(State(provider): State<Provider>, headers: HeaderMap, body: String) -> Response {
    let mut desk = provider.lock();
    let fields = fields(&body);
    let asked = |name: &str| once(&fields, name);
    let refuse = |status: StatusCode, error: &str| (status, Json(json!({"error": error}))).into_response();
    if !is_client(&desk, &headers, &fields) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    if asked("grant_type") != Some("authorization_code") {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    // A code is good once, whatever comes of it.
    let grant = asked("code").and_then(|code| desk.codes.remove(code));
    let fits = |grant: &Grant| {
        asked("redirect_uri") == Some(grant.redirect_uri.as_str())
            && asked("code_verifier").is_some_and(|verifier| challenge_of(verifier) == grant.challenge)
    };
    let Some(grant) = grant.filter(fits) else { return refuse(StatusCode::BAD_REQUEST, "invalid_grant") };
    let flaw = desk.flaw.take();
    let access = desk.give_access(flaw);
    let mut answer = json!({"access_token": access, "token_type": "Bearer", "expires_in": LASTS_S});
    if flaw != Some(TokenFlaw::Absent) {
        answer["id_token"] = json!(identity_token(&desk, &grant, flaw));
    }
    ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

fn is_client(desk: &Desk, headers: &HeaderMap, fields: &[(String, String)]) -> bool {
    let id = Some(desk.config.client_id.as_str());
    match &desk.config.client_secret {
        None => once(fields, "client_id") == id && once(fields, "client_secret").is_none(),
        Some(secret) if desk.config.secret_in_body => {
            once(fields, "client_id") == id && once(fields, "client_secret") == Some(secret.as_str())
        }
        Some(secret) => {
            // Both parts are encoded like a form before they are put together (RFC 6749, section 2.3.1).
            let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encoded(&desk.config.client_id), encoded(secret));
            let expected = format!("Basic {}", STANDARD.encode(pair));
            headers.get(header::AUTHORIZATION).is_some_and(|given| given.as_bytes() == expected.as_bytes())
        }
    }
}

/// Whoever shows an access token is told about its person (OpenID Connect Core 1.0, section 5.3).
async fn user_info(State(provider): State<Provider>, headers: HeaderMap) -> Response {
    let desk = provider.lock();
    let Some(UserInfo { claims, form }) = &desk.config.user_info else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let shown = headers.get(header::AUTHORIZATION).and_then(|shown| shown.to_str().ok());
    if !shown.and_then(|shown| shown.strip_prefix("Bearer ")).is_some_and(|token| desk.access.contains(token))
    {
        let challenge = [(header::WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#)];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    // One that is signed names who says it, and to whom (section 5.3.2).
    let mut signed = claims.clone();
    signed["iss"] = json!(desk.issuer);
    signed["aud"] = json!(desk.config.client_id);
    let token = match form {
        UserInfoForm::Json => return Json(claims).into_response(),
        UserInfoForm::Signed => desk.keys.sign(&signed),
        UserInfoForm::SignedOtherwise => desk.keys.sign_otherwise(&signed),
    };
    ([(header::CONTENT_TYPE, "application/jwt")], token).into_response()
}

fn identity_token(desk: &Desk, grant: &Grant, flaw: Option<TokenFlaw>) -> String {
    let now = clock::now().as_second();
    let mut claims = grant.claims.clone();
    claims["iss"] = json!(desk.issuer);
    claims["aud"] = json!(desk.config.client_id);
    claims["iat"] = json!(now);
    claims["exp"] = json!(now + LASTS_S);
    if let Some(nonce) = &grant.nonce {
        claims["nonce"] = json!(nonce);
    }
    let Some(flaw) = flaw else { return desk.keys.sign(&claims) };
    match flaw {
        TokenFlaw::OtherIssuer => claims["iss"] = json!("https://other.example"),
        TokenFlaw::OtherAudience => claims["aud"] = json!("another-client"),
        TokenFlaw::MoreAudiences => claims["aud"] = json!([desk.config.client_id, "another-client"]),
        TokenFlaw::OtherNonce => claims["nonce"] = json!("of another sign-in"),
        TokenFlaw::NoNonce => claims["nonce"] = Value::Null,
        TokenFlaw::Expired => claims["exp"] = json!(now - 60),
        TokenFlaw::OtherSignature => return desk.keys.sign_otherwise(&claims),
        TokenFlaw::UnpublishedKey => return desk.keys.sign_unpublished(&claims),
        TokenFlaw::SignedWithSecret => {
            return desk
                .keys
                .sign_with_secret(&claims, desk.config.client_secret.as_deref().unwrap_or_default());
        }
        TokenFlaw::Unsigned => return desk.keys.leave_unsigned(&claims),
        // Seen to by the caller.
        TokenFlaw::Absent | TokenFlaw::UnsendableAccess => {}
    }
    desk.keys.sign(&claims)
}
