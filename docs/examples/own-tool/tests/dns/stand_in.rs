//! A stand-in of the DNS service over real HTTP: versions, conditions, and faults on command.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, ETAG, HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The token it accepts.
pub const TOKEN: &str = "dns-stand-in-token";
/// The zone it serves.
pub const ZONE: &str = "staging.example.org";

/// How the next write ends.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The connection is cut before the write is handled.
    CutBefore,
    /// The write is handled, and the connection is cut before the answer.
    CutAfter,
    /// It is refused with this status, `Retry-After` in seconds.
    Answer(u16, Option<u32>),
}

/// The stand-in. Clones share it.
#[derive(Clone)]
pub struct DnsStandIn {
    state: Arc<Mutex<State>>,
    address: String,
}

#[derive(Default)]
struct State {
    /// By path; the version is the `ETag`.
    records: BTreeMap<String, (u64, Value)>,
    last_version: u64,
    /// Writes that happened: method and path.
    journal: Vec<String>,
    faults: VecDeque<Fault>,
    reads_fail: bool,
}

type Answer = Response<Full<Bytes>>;

impl DnsStandIn {
    /// Starts it on a free port of the loopback interface.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let this = Self { state: Arc::default(), address };
        let shared = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                let service = service_fn(move |request| {
                    let shared = shared.clone();
                    async move { shared.answer(request).await }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        this
    }

    /// An address at which nobody listens.
    pub async fn nobody() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// The writes that happened.
    pub fn writes(&self) -> Vec<String> {
        self.state().journal.clone()
    }

    /// What a record says.
    pub fn content(&self, name: &str, record_type: &str) -> Option<Value> {
        self.state().records.get(&path(name, record_type)).map(|(_, content)| content.clone())
    }

    /// Somebody changes a record by hand.
    pub fn change(&self, name: &str, record_type: &str, content: Value) {
        self.state().put(&path(name, record_type), content);
    }

    /// The next writes end like this, one after the other.
    pub fn fail_writes(&self, faults: &[Fault]) {
        self.state().faults.extend(faults);
    }

    /// Whether reading is answered with 503.
    pub fn fail_reads(&self, fail: bool) {
        self.state().reads_fail = fail;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, io::Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let mut state = self.state();
        let cut = || Err(io::Error::other("cut"));
        if parts.method == Method::GET && state.reads_fail {
            return Ok(refusal(503, "broken", None));
        }
        let fault = if parts.method == Method::GET { None } else { state.faults.pop_front() };
        match fault {
            Some(Fault::CutBefore) => return cut(),
            Some(Fault::Answer(status, retry_after)) => {
                return Ok(refusal(status, "on_command", retry_after));
            }
            Some(Fault::CutAfter) | None => {}
        }
        let handled = state.handle(&parts.method, parts.uri.path(), &parts.headers, &body);
        if matches!(fault, Some(Fault::CutAfter)) { cut() } else { Ok(handled) }
    }
}

impl State {
    fn handle(&mut self, method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
        let header = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        if header(AUTHORIZATION) != Some(format!("Bearer {TOKEN}")) {
            return refusal(401, "unauthorized", None);
        }
        if !path.starts_with(&format!("/v1/zones/{ZONE}/")) {
            return refusal(404, "zone_not_found", None);
        }
        let version = self.records.get(path).map(|(version, _)| etag(*version));
        if method == Method::GET {
            return match self.records.get(path) {
                Some((version, content)) => answer(200, content.clone(), &[(ETAG, &etag(*version))]),
                None => refusal(404, "record_not_found", None),
            };
        }
        let holds = match (header(IF_MATCH), header(IF_NONE_MATCH)) {
            (Some(expected), None) => version == Some(expected),
            (None, Some(any)) => any == "*" && version.is_none(),
            _ => return refusal(422, "condition_required", None),
        };
        if !holds {
            return refusal(412, "version_changed", None);
        }
        self.journal.push(format!("{method} {path}"));
        if method == Method::DELETE {
            self.records.remove(path);
            return answer(204, Value::Null, &[]);
        }
        let version = self.put(path, serde_json::from_slice(body).unwrap());
        answer(200, json!({}), &[(ETAG, &etag(version))])
    }

    fn put(&mut self, path: &str, content: Value) -> u64 {
        self.last_version += 1;
        self.records.insert(path.to_owned(), (self.last_version, content));
        self.last_version
    }
}

fn path(name: &str, record_type: &str) -> String {
    format!("/v1/zones/{ZONE}/records/{name}/{record_type}")
}

fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// A refusal repeats the token, as careless services do: nothing of that may get any further.
fn refusal(status: u16, code: &str, retry_after: Option<u32>) -> Answer {
    let message = format!("refused for Authorization: Bearer {TOKEN}");
    let retry_after = retry_after.map(|seconds| seconds.to_string());
    let headers: Vec<_> = retry_after.iter().map(|seconds| (RETRY_AFTER, seconds.as_str())).collect();
    answer(status, json!({"code": code, "message": message}), &headers)
}

fn answer(status: u16, body: Value, headers: &[(HeaderName, &str)]) -> Answer {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        answer.headers_mut().insert(name, value.parse().unwrap());
    }
    answer
}
