//! The client of the DNS service, and what its answers mean.
//!
//! Records have versions (`ETag`), and every write names the one it replaces (`If-Match`, or `If-None-Match: *` for none): a write that
//! arrives late or twice is refused by the service. Each record has a comment; ours names the request that wrote it.

use std::time::Duration;

use countersign_kernel::{Millis, RedactedText};
use countersign_mcp_tools::ports::{TargetError, TargetErrorKind};
use reqwest::header::{ETAG, HeaderMap, IF_MATCH, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

/// No answer for so long is none. An executor's lease is prolonged meanwhile.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The most characters kept of what the service says.
const MESSAGE_LENGTH: usize = 300;

/// Which record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The zone, such as `staging.example.org`.
    pub zone: String,
    /// The full name, in the zone.
    pub name: String,
    /// `A`, `AAAA` or `CNAME`.
    pub record_type: String,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Its values, in order.
    pub values: Vec<String>,
    /// How long it may be cached, in seconds.
    pub ttl_s: u32,
    /// A remark that resolvers don't see.
    #[serde(default)]
    pub comment: String,
}

/// A record that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it says.
    pub content: Content,
    /// Its version.
    pub etag: String,
}

/// The DNS service.
pub struct DnsApi {
    client: Client,
    base: String,
    token: SecretString,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    #[serde(default)]
    message: String,
}

impl DnsApi {
    /// A client of the service at this address, such as `https://dns.example.org`.
    ///
    /// # Errors
    /// The system's certificates can't be used.
    pub fn new(base: &str, token: SecretString) -> Result<Self, reqwest::Error> {
        let client = Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned(), token })
    }

    /// The record, if it is there.
    ///
    /// # Errors
    /// The service did not say. Reading changes nothing, whatever the kind.
    pub async fn find(&self, place: &Place) -> Result<Option<Found>, TargetError> {
        let answer = send(place, self.request(Method::GET, place)).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            let (kind, code, said) = refusal(answer).await;
            return if code == "record_not_found" { Ok(None) } else { Err(place.error(kind, said)) };
        }
        let answer = accepted(place, answer).await?;
        let etag = etag(answer.headers());
        let content =
            answer.json().await.map_err(|error| place.error(no_answer(&error), error.to_string()))?;
        match etag {
            Some(etag) => Ok(Some(Found { content, etag })),
            None => Err(place.error(TargetErrorKind::Broken, "the answer has no version".to_owned())),
        }
    }

    /// Writes a record in place of the version that is expected, or where none is expected; says its new version.
    ///
    /// # Errors
    /// The service refused, or did not answer: then it may have been written.
    pub async fn put(
        &self,
        place: &Place,
        content: &Content,
        expected: Option<&str>,
    ) -> Result<String, TargetError> {
        let request = self.request(Method::PUT, place).json(content);
        let request = match expected {
            Some(etag) => request.header(IF_MATCH, etag),
            None => request.header(IF_NONE_MATCH, "*"),
        };
        let answer = accepted(place, send(place, request).await?).await?;
        // Written, and yet without a version to put into the receipt: a probe will find it.
        etag(answer.headers())
            .ok_or_else(|| place.error(TargetErrorKind::NoAnswer, "the answer has no version".to_owned()))
    }

    /// Deletes the version that is expected.
    ///
    /// # Errors
    /// As [`DnsApi::put`].
    pub async fn delete(&self, place: &Place, expected: &str) -> Result<(), TargetError> {
        let request = self.request(Method::DELETE, place).header(IF_MATCH, expected);
        accepted(place, send(place, request).await?).await.map(|_| ())
    }

    fn request(&self, method: Method, place: &Place) -> RequestBuilder {
        let Place { zone, name, record_type } = place;
        let url = format!("{}/v1/zones/{zone}/records/{name}/{record_type}", self.base);
        self.client.request(method, url).bearer_auth(self.token.expose_secret())
    }
}

impl Place {
    /// The place in words and as the target of a step: what no two active steps may share.
    pub fn target(&self) -> String {
        format!("dns:{}/{}", self.name, self.record_type)
    }

    /// An error about this place. What the service said is redacted: it might repeat our own token.
    fn error(&self, kind: TargetErrorKind, said: String) -> TargetError {
        let cut: String = said.chars().take(MESSAGE_LENGTH).collect();
        let message = RedactedText::parse(&cut, 0, MESSAGE_LENGTH)
            .map_or_else(|_| String::new(), |text| text.to_string());
        TargetError { kind, target: self.target(), message }
    }
}

/// Sends a request. A connection that was never made is another thing than an answer that never came.
async fn send(place: &Place, request: RequestBuilder) -> Result<Response, TargetError> {
    request.send().await.map_err(|error| {
        let kind = if error.is_connect() { TargetErrorKind::Unreachable } else { no_answer(&error) };
        // The URL holds no secret, and says nothing that the place does not.
        place.error(kind, error.without_url().to_string())
    })
}

fn no_answer(error: &reqwest::Error) -> TargetErrorKind {
    // A request that could not even be built was never sent.
    if error.is_builder() { TargetErrorKind::Invalid } else { TargetErrorKind::NoAnswer }
}

async fn accepted(place: &Place, answer: Response) -> Result<Response, TargetError> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    let (kind, _, said) = refusal(answer).await;
    Err(place.error(kind, said))
}

/// What a refusal means, with the service's own code and words. There is a branch for everything: a status that nobody thought of is
/// taken for one after which a write may have happened.
async fn refusal(answer: Response) -> (TargetErrorKind, String, String) {
    let status = answer.status();
    let retry_after = retry_after(answer.headers());
    let kind = match status.as_u16() {
        401 => TargetErrorKind::Unauthorized,
        403 => TargetErrorKind::Forbidden,
        404 => TargetErrorKind::NotFound,
        409 | 412 => TargetErrorKind::Conflict,
        400 | 422 => TargetErrorKind::Invalid,
        429 => TargetErrorKind::RateLimited { retry_after },
        _ => TargetErrorKind::Broken,
    };
    let Refusal { code, message } = answer
        .json()
        .await
        .unwrap_or_else(|_| Refusal { code: String::new(), message: "no explanation".to_owned() });
    let said = format!("{} {code}: {message}", status.as_u16());
    (kind, code, said)
}

fn retry_after(headers: &HeaderMap) -> Option<Millis> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Millis::from_secs(seconds))
}

fn etag(headers: &HeaderMap) -> Option<String> {
    headers.get(ETAG)?.to_str().ok().map(str::to_owned)
}
