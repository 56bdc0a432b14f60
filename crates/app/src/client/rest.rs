//! The client of REST: what staff do about requests.
//!
//! What is read of an answer is typed and read once; the document itself is kept for whoever asks for JSON. The token goes into a header and
//! nowhere else, and no redirect is followed, so that it reaches nobody but the server that was named.

mod address;
mod answers;
mod failure;
mod feed;

use std::time::Duration;

use countersign_kernel::{Digest, RequestId};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MATCH, LOCATION, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use super::token_of;
use crate::cli::{StaffArgs, VerdictArg};
pub use address::ServerAddress;
use answers::Page;
pub(crate) use answers::{
    Answer, Approval, Change, Choice, Committed, CommittedBatch, Drift, Question, StepProgress, Summary,
    Vote, Worded,
};
pub use answers::{EntityTag, RequestState};
use failure::in_full;
pub(crate) use failure::{Failure, Refusal};
pub(crate) use feed::{Feed, News};

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How long a server may be silent: streams say every 15 seconds that they are there.
const SILENT_WITHIN: Duration = Duration::from_secs(45);

/// The most bytes of an answer: far more than the largest page.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A person or a script of the staff.
#[derive(Clone)]
pub(crate) struct Staff {
    client: Client,
    server: ServerAddress,
}

/// One page of requests.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The requests, oldest first.
    pub(crate) approvals: Vec<Answer<Summary>>,
    /// Where to go on; none on the last page.
    pub(crate) next_cursor: Option<String>,
}

/// What a decision says beside yes or no.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The request.
    pub(crate) id: RequestId,
    /// The digest of the plan that was shown.
    pub(crate) digest: Digest,
    /// The version that was shown, where it was.
    pub(crate) etag: Option<EntityTag>,
}

/// An answer to a question.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// The option at this place, from 0.
    Option(u32),
    /// Own words.
    Text(String),
}

impl Staff {
    /// Somebody with the token of a file or of the variable COUNTERSIGN_TOKEN.
    pub(crate) fn of(args: &StaffArgs) -> Result<Self, Failure> {
        if !args.server.is_private() && !args.plain_http {
            let server = &args.server;
            return Err(Failure::Usage(format!(
                "`{server}` would get the token unencrypted: use https, or --plain-http where nobody else can listen"
            )));
        }
        let token = token_of(args.token_file.as_deref());
        let token = token.map_err(|error| Failure::Usage(format!("{error:#}")))?;
        let bearer = bearer(&token)?;
        let server = args.server.clone();
        let client = match &args.ca_file {
            None => client(&server, bearer, Vec::new()).map_err(|error| Failure::Here(in_full(error)))?,
            Some(path) => {
                let unusable = |why: String| Failure::Usage(format!("--ca-file `{}`: {why}", path.display()));
                let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
                let roots = roots(&pem).map_err(unusable)?;
                client(&server, bearer, roots).map_err(|error| unusable(in_full(error)))?
            }
        };
        Ok(Self { client, server })
    }

    /// Somebody with this token, at this server.
    #[cfg(any(feature = "demo", test))]
    pub(crate) fn at(server: ServerAddress, token: &str) -> Result<Self, Failure> {
        let client = client(&server, bearer(token)?, Vec::new());
        Ok(Self { client: client.map_err(|error| Failure::Here(in_full(error)))?, server })
    }

    /// One page of requests.
    pub(crate) async fn page(&self, query: &[(&str, String)]) -> Result<Listed, Failure> {
        let mut url = self.server.of(&["approvals"]);
        add_query(&mut url, query);
        let Page { approvals, next_cursor } = self.exchange(self.client.get(url)).await?.read;
        let approvals = approvals.into_iter().map(|summary| self.read(summary));
        Ok(Listed { approvals: approvals.collect::<Result<_, _>>()?, next_cursor })
    }

    /// Exactly what would be done.
    pub(crate) async fn approval(&self, id: RequestId) -> Result<Answer<Approval>, Failure> {
        self.exchange(self.client.get(self.server.of(&["approvals", &id.to_string()]))).await
    }

    /// Approves or denies the plan that was shown.
    pub(crate) async fn decide(
        &self,
        seen: &Seen,
        choice: Choice,
        reason: &str,
    ) -> Result<Answer<Committed>, Failure> {
        let body = json!({
            "decision": choice, "reason": reason, "seen_digest": seen.digest.to_string(), "input_mode": "button",
        });
        self.command(&["approvals", &seen.id.to_string(), "decision"], &body, seen.etag.as_ref()).await
    }

    /// Approves or denies several, all of them or none.
    pub(crate) async fn decide_all(
        &self,
        seen: &[Seen],
        choice: Choice,
        reason: &str,
    ) -> Result<Answer<CommittedBatch>, Failure> {
        let decision = |seen: &Seen| json!({"id": seen.id.to_string(), "decision": choice, "seen_digest": seen.digest.to_string()});
        let decisions: Vec<_> = seen.iter().map(decision).collect();
        let body = json!({"decisions": decisions, "reason": reason, "input_mode": "button"});
        self.command(&["approvals", "batch-decision"], &body, None).await
    }

    /// Answers a question.
    pub(crate) async fn answer(&self, seen: &Seen, reply: &Reply) -> Result<Answer<Committed>, Failure> {
        let mut body = json!({"seen_digest": seen.digest.to_string()});
        match reply {
            Reply::Option(index) => {
                body["option_index"] = json!(index);
                body["input_mode"] = json!("button");
            }
            Reply::Text(words) => {
                body["custom_text"] = json!(words);
                body["input_mode"] = json!("text");
            }
        }
        self.command(&["questions", &seen.id.to_string(), "answer"], &body, seen.etag.as_ref()).await
    }

    /// Withdraws a request that has not begun.
    pub(crate) async fn cancel(
        &self,
        id: RequestId,
        reason: &str,
        etag: Option<&EntityTag>,
    ) -> Result<Answer<Committed>, Failure> {
        self.command(&["approvals", &id.to_string(), "cancel"], &json!({"reason": reason}), etag).await
    }

    /// Settles a request whose effect could not be known.
    pub(crate) async fn resolve_unknown(
        &self,
        id: RequestId,
        verdict: VerdictArg,
        reason: &str,
        etag: Option<&EntityTag>,
    ) -> Result<Answer<Committed>, Failure> {
        let verdict = match verdict {
            VerdictArg::Applied => "applied",
            VerdictArg::Failed => "failed",
        };
        let body = json!({"verdict": verdict, "reason": reason});
        self.command(&["approvals", &id.to_string(), "resolve-unknown"], &body, etag).await
    }

    /// Opens the stream of what happens, after this place if one is given.
    async fn stream(&self, query: &[(&str, String)], after: Option<&str>) -> Result<Response, Failure> {
        let mut url = self.server.of(&["stream"]);
        add_query(&mut url, query);
        let mut request = self.client.get(url).header(ACCEPT, "text/event-stream");
        if let Some(place) = after {
            request = request.header("last-event-id", place);
        }
        let response = self.sent(request).await?;
        let given = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        match given {
            Some(form) if form.starts_with("text/event-stream") => Ok(response),
            Some(_) | None => Err(self.foreign("its stream is none", false)),
        }
    }

    async fn command<T: for<'de> Deserialize<'de>>(
        &self,
        parts: &[&str],
        body: &Value,
        etag: Option<&EntityTag>,
    ) -> Result<Answer<T>, Failure> {
        let mut request = self.client.post(self.server.of(parts)).json(body);
        if let Some(etag) = etag {
            request = request.header(IF_MATCH, etag.quoted());
        }
        self.exchange(request).await
    }

    async fn exchange<T: for<'de> Deserialize<'de>>(
        &self,
        request: RequestBuilder,
    ) -> Result<Answer<T>, Failure> {
        let response = self.sent(request.header(ACCEPT, "application/json")).await?;
        let document = self.document(response).await?;
        self.read(document)
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, document: Value) -> Result<Answer<T>, Failure> {
        let read = Answer::read(document);
        read.map_err(|error| self.foreign(format!("its answer has another form: {error}"), false))
    }

    /// The answer to a request, unless it is a refusal.
    async fn sent(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refused(response).await) }
    }

    async fn refused(&self, response: Response) -> Failure {
        let (status, headers) = (response.status(), response.headers().clone());
        let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        if header(CONTENT_TYPE) == Some("application/problem+json") {
            let read = self.document(response).await.map(Answer::read);
            if let Ok(Ok(problem)) = read {
                let retry_after_s = header(RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
                return Failure::Refused(Box::new(Refusal { problem, retry_after_s }));
            }
        }
        let led = header(LOCATION).map_or_else(String::new, |place| format!(", and leads to `{place}`"));
        let passing = matches!(
            status,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        );
        self.foreign(format!("it answers {status}{led}"), passing)
    }

    /// The JSON of an answer, read to its end.
    async fn document(&self, mut response: Response) -> Result<Value, Failure> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(self.foreign(format!("its answer has more than {MOST_BYTES} bytes"), false));
            }
            bytes.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&bytes).map_err(|_| self.foreign("its answer is not JSON", false))
    }

    fn unreachable(&self, error: reqwest::Error) -> Failure {
        Failure::Unreachable { server: self.server.clone(), why: in_full(error) }
    }

    fn foreign(&self, what: impl Into<String>, passing: bool) -> Failure {
        Failure::Foreign { server: self.server.clone(), what: what.into(), passing }
    }
}

fn bearer(token: &str) -> Result<HeaderValue, Failure> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| Failure::Usage("the token holds characters that no header takes".to_owned()))?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

/// A client for one server, which is also known by certificates of these authorities.
fn client(
    server: &ServerAddress,
    bearer: HeaderValue,
    roots: Vec<Certificate>,
) -> Result<Client, reqwest::Error> {
    let mut builder = Client::builder()
        .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
        .connect_timeout(CONNECT_WITHIN)
        .read_timeout(SILENT_WITHIN)
        .redirect(Policy::none())
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")));
    if server.is_this_machine() {
        // What stays on the machine goes to no proxy that happens to be configured.
        builder = builder.no_proxy();
    }
    if !roots.is_empty() {
        builder = builder.tls_certs_merge(roots);
    }
    builder.build()
}

fn add_query(url: &mut Url, query: &[(&str, String)]) {
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
}

/// The certificates of a file.
fn roots(pem: &[u8]) -> Result<Vec<Certificate>, String> {
    match Certificate::from_pem_bundle(pem) {
        Ok(roots) if roots.is_empty() => Err("it holds no certificate".to_owned()),
        Ok(roots) => Ok(roots),
        Err(error) => Err(in_full(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(server: &str) -> StaffArgs {
        StaffArgs {
            server: server.parse().unwrap(),
            token_file: Some("/nonexistent/token".into()),
            ca_file: None,
            plain_http: false,
            json: false,
        }
    }

    #[test]
    fn a_token_is_not_sent_where_others_could_read_it() {
        let said =
            |args: &StaffArgs| Staff::of(args).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said(&args("http://c.example.org")).contains("unencrypted"));
        // These get as far as the token, which isn't there.
        assert!(said(&args("https://c.example.org")).contains("token file"));
        assert!(said(&args("http://127.0.0.1:7480")).contains("token file"));
        let allowed = StaffArgs { plain_http: true, ..args("http://c.example.org") };
        assert!(said(&allowed).contains("token file"));
    }

    #[test]
    fn a_file_without_a_certificate_is_no_authority() {
        // The client wants to know its cryptography even where it speaks without.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let (token, ca) = (folder.path().join("token"), folder.path().join("ca.pem"));
        std::fs::write(&token, "of-a-test\n").unwrap();
        for pem in ["", "-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&ca, pem).unwrap();
            let (token_file, ca_file) = (Some(token.clone()), Some(ca.clone()));
            let args = StaffArgs { token_file, ca_file, ..args("https://c.example.org") };
            let said = Staff::of(&args).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains("--ca-file") && said.contains("ca.pem"), "{pem:?}: {said}");
        }
        let args = StaffArgs { token_file: Some(token), ..args("https://c.example.org") };
        assert!(Staff::of(&args).is_ok());
    }
}
