//! Configuration: one TOML file, then the environment. Every option is documented here and in docs/configuration.md.
//!
//! An option `store.pool_size` is overridden by the variable `COUNTERSIGN_STORE__POOL_SIZE`. Unknown options are errors. Secrets are
//! never options themselves: the options name a file or a variable that holds them.

#[cfg(test)]
mod documented;
pub mod embedded;
pub mod load;
pub mod secret;
pub mod sign_in;
pub mod speech_to_text;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;
#[cfg(test)]
use serde::Serialize;

use secret::SecretSource;
use sign_in::SignInConfig;
use speech_to_text::SpeechToTextConfig;

/// The whole configuration.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the server listens.
    #[serde(default)]
    pub server: ServerConfig,
    /// Limits and times of the gRPC surface.
    #[serde(default)]
    pub grpc: GrpcConfig,
    /// Limits and times of the REST surface.
    #[serde(default)]
    pub http: HttpConfig,
    /// Where state is kept.
    pub store: StoreConfig,
    /// The policy text.
    #[serde(default)]
    pub policy: PolicyConfig,
    /// Signing of run tokens.
    pub run_tokens: RunTokenConfig,
    /// Sealing of generated secret values.
    pub sealing: SealingConfig,
    /// People and services, by a name of their own.
    #[serde(default)]
    pub identities: BTreeMap<String, IdentityConfig>,
    /// Signing in with a browser. Nobody can without it.
    #[serde(default)]
    pub sign_in: Option<SignInConfig>,
    /// Turning speech into text. Nobody can dictate without it.
    #[serde(default)]
    pub speech_to_text: Option<SpeechToTextConfig>,
    /// The systems that control tools change.
    #[serde(default)]
    pub targets: TargetsConfig,
    /// The workers.
    #[serde(default)]
    pub workers: WorkerConfig,
    /// Watching targets for writes that bypassed Countersign.
    #[serde(default)]
    pub watch: WatchConfig,
    /// Logs.
    #[serde(default)]
    pub log: LogConfig,
}

/// Where the server listens.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port of gRPC. Default `127.0.0.1:7443`. TLS is ended in front of the server; see docs/operations.md.
    pub grpc_listen: SocketAddr,
    /// Address and port of the console, the REST surface, and of health, readiness and metrics. Default `127.0.0.1:7480`. A proxy in front
    /// lets callers through to what docs/operations.md lists only.
    pub http_listen: SocketAddr,
    /// Seconds that calls and work in flight get at shutdown. Default 20.
    pub shutdown_grace_s: u64,
}

/// Limits and times of the gRPC surface. None of them may be 0.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields, default)]
pub struct GrpcConfig {
    /// The largest message taken, in bytes. Default 1048576.
    pub max_message_bytes: NonZeroU32,
    /// Seconds a call may take to answer (a stream: to begin), at most. Default 30.
    pub call_timeout_s: NonZeroU32,
    /// Seconds between pings of an idle connection. Default 30.
    pub keep_alive_interval_s: NonZeroU32,
    /// Seconds a ping may stay unanswered before the connection is closed. Default 10.
    pub keep_alive_timeout_s: NonZeroU32,
    /// Milliseconds between looks of a stream, of REST too, for changes that other replicas made. Default 100.
    pub poll_ms: NonZeroU32,
    /// Seconds without a sign of life after which a requester is shown as silent. Default 300.
    pub requester_silent_after_s: NonZeroU32,
}

/// Limits and times of the REST surface. None of them may be 0.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// The largest body taken, in bytes. Default 1048576.
    pub max_body_bytes: NonZeroU32,
    /// Seconds a request may take to be answered, at most. Default 30.
    pub request_timeout_s: NonZeroU32,
    /// Requests one person or service may make in a minute at this replica. Default 600.
    pub requests_per_minute: NonZeroU32,
    /// Seconds after which a stream ends, so that its caller proves again who they are. Default 300.
    pub stream_duration_s: NonZeroU32,
    /// Where issues and pull requests are to be seen: pages of the console lead there. Default `https://github.com`; empty: nowhere.
    pub code_host: String,
}

/// Where state is kept.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "lowercase")]
pub enum StoreConfig {
    /// One file; one server.
    Sqlite {
        /// The file. Made when it isn't there.
        path: PathBuf,
        /// Seconds a lease of work lasts. Default 30.
        #[serde(default = "default_lease_s")]
        lease_s: u64,
    },
    /// A PostgreSQL server; many replicas side by side.
    Postgres {
        /// Holds the connection URL (`postgres://user:password@host/database`).
        url: SecretSource,
        /// Connections of this replica, at most. Default 16.
        #[serde(default = "default_pool_size")]
        pool_size: u32,
        /// Seconds a lease of work lasts. Default 30.
        #[serde(default = "default_lease_s")]
        lease_s: u64,
        /// A role every connection takes on, such as `countersign_app`, which can't change or delete events. None by default.
        #[serde(default)]
        role: Option<String>,
    },
}

fn default_pool_size() -> u32 {
    16
}

fn default_lease_s() -> u64 {
    30
}

/// The policy text.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// A text to activate when the server starts and no text is active yet. Later texts come by `countersign policy activate`.
    pub bootstrap_file: Option<PathBuf>,
}

/// Signing of run tokens (PASETO v4.public).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields)]
pub struct RunTokenConfig {
    /// The audience in every token. Default `countersign`.
    #[serde(default = "default_audience")]
    pub audience: String,
    /// Seconds a token is accepted. Default 3600.
    #[serde(default = "default_token_lifetime_s")]
    pub lifetime_s: u64,
    /// The id of the key that signs.
    pub active: String,
    /// All keys whose tokens are accepted, by id. Each is PASERK text, `k4.secret.…`; `countersign token run-key` makes one.
    pub keys: BTreeMap<String, SecretSource>,
}

fn default_audience() -> String {
    "countersign".to_owned()
}

fn default_token_lifetime_s() -> u64 {
    3600
}

/// Sealing of generated secret values.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields)]
pub struct SealingConfig {
    /// The id of the master key that seals.
    pub active: String,
    /// All master keys that can still be needed to open, by id. Each is 32 bytes in hex; `countersign token master-key` makes one.
    pub keys: BTreeMap<String, SecretSource>,
}

/// A person or service that holds a bearer token.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// The principal, such as `user:github:alice`.
    pub principal: String,
    /// What the principal may see and do: `viewer`, `approver`, `operator`, `auditor`, `platform`. Who decides a request is policy's word.
    pub roles: Vec<String>,
    /// SHA-256 of the bearer token, 64 hex digits; `countersign token new` makes token and hash.
    pub token_sha256: String,
}

/// The systems that control tools change. Tools whose targets are not configured are not registered.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields, default)]
pub struct TargetsConfig {
    /// Our field manager in Kubernetes. Default `countersign`.
    pub field_manager: String,
    /// Seconds one exchange with Kubernetes or GitHub may take, 1 to 60. Default 15. What GitHub did not answer is left alone as long before
    /// anybody looks for it: it may still arrive.
    pub timeout_s: u64,
    /// The Kubernetes cluster.
    pub kubernetes: Option<KubernetesConfig>,
    /// GitHub.
    pub github: Option<GithubConfig>,
    /// Namespaces that may be written to; what no rule allows is refused.
    pub namespaces: Vec<NamespaceRuleConfig>,
    /// Database servers, by the name that owner rows know. Each serves its environments.
    pub databases: BTreeMap<String, DatabaseConfig>,
}

/// The Kubernetes cluster.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields, tag = "access", rename_all = "snake_case")]
pub enum KubernetesConfig {
    /// The service account of the pod the server runs in.
    InCluster,
    /// A kubeconfig file.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context; the file's current one by default.
        #[serde(default)]
        context: Option<String>,
    },
    /// An address and a bearer token.
    Url {
        /// The API server's address.
        url: String,
        /// Holds the bearer token.
        token: SecretSource,
        /// The authority of the server's certificate, PEM; the system's by default.
        #[serde(default)]
        ca_file: Option<PathBuf>,
    },
}

/// GitHub.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields)]
pub struct GithubConfig {
    /// The API's address. Default `https://api.github.com`; a GitHub Enterprise Server has its own, `https://HOST/api/v3`.
    #[serde(default = "default_github_url")]
    pub url: String,
    /// Holds a token with write access to Actions secrets.
    pub token: SecretSource,
}

fn default_github_url() -> String {
    "https://api.github.com".to_owned()
}

/// Which namespaces may be written to in which environments.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields)]
pub struct NamespaceRuleConfig {
    /// The environments; all when empty.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Patterns: `*` matches any run of characters, `{project}` and `{environment}` stand for the call's own.
    pub namespaces: Vec<String>,
}

/// A database server.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "lowercase")]
pub enum DatabaseConfig {
    /// A PostgreSQL server, with credentials of its own.
    Postgres {
        /// The environments it serves.
        environments: Vec<String>,
        /// Holds the connection URL of a role with CREATEDB.
        url: SecretSource,
        /// Days a quarantined database is kept before it is dropped for good, 1 to 3650. Default 7.
        #[serde(default = "default_quarantine_days")]
        quarantine_days: u32,
    },
    /// A folder with one SQLite file per database: the embedded default.
    Sqlite {
        /// The environments it serves.
        environments: Vec<String>,
        /// The folder. Made when it isn't there.
        directory: PathBuf,
        /// Days a quarantined database is kept before it is deleted for good, 1 to 3650. Default 7.
        #[serde(default = "default_quarantine_days")]
        quarantine_days: u32,
    },
}

fn default_quarantine_days() -> u32 {
    7
}

/// The workers.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields, default)]
pub struct WorkerConfig {
    /// Pieces of work done at once by this replica. Default 8. With 0 this replica does none.
    pub at_once: u32,
    /// Milliseconds between looks at the queue when nothing wakes the workers. Default 75.
    pub poll_ms: u64,
}

/// Watching targets for writes that bypassed Countersign.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields, default)]
pub struct WatchConfig {
    /// Seconds between two looks at all targets, by one replica at a time. Default 300. With 0 this replica doesn't watch.
    pub interval_s: u64,
}

/// Logs.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `text` or `json`. Default `text`.
    pub format: LogFormat,
    /// Which parts log how much, such as `info,countersign=debug`. Default `info`.
    pub filter: String,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            grpc_listen: SocketAddr::from(([127, 0, 0, 1], 7443)),
            http_listen: SocketAddr::from(([127, 0, 0, 1], 7480)),
            shutdown_grace_s: 20,
        }
    }
}

/// A default that is not 0.
const fn positive(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            max_body_bytes: positive(1024 * 1024),
            request_timeout_s: positive(30),
            requests_per_minute: positive(600),
            stream_duration_s: positive(300),
            code_host: "https://github.com".to_owned(),
        }
    }
}

impl Default for GrpcConfig {
    fn default() -> Self {
        Self {
            max_message_bytes: positive(1024 * 1024),
            call_timeout_s: positive(30),
            keep_alive_interval_s: positive(30),
            keep_alive_timeout_s: positive(10),
            poll_ms: positive(100),
            requester_silent_after_s: positive(300),
        }
    }
}

impl Default for TargetsConfig {
    fn default() -> Self {
        Self {
            field_manager: "countersign".to_owned(),
            timeout_s: 15,
            kubernetes: None,
            github: None,
            namespaces: Vec::new(),
            databases: BTreeMap::new(),
        }
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self { at_once: 8, poll_ms: 75 }
    }
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self { interval_s: 300 }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}
