//! What can be set about the REST surface.

use std::num::NonZeroU32;
use std::time::Duration;

use countersign_kernel::Millis;

/// Limits and times of the REST surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// The largest body taken, in bytes. Default 1 MiB.
    pub max_body_bytes: usize,
    /// The longest a request may take to be answered. Default 30 s.
    pub request_timeout: Duration,
    /// How many requests one person or service may make in a minute; as many may come at once after a quiet minute. Default 600.
    pub requests_per_minute: NonZeroU32,
    /// After how long without a sign of life a requester is marked as silent. Default 5 min.
    pub requester_silent_after: Millis,
    /// How long streams wait between looks for what other replicas wrote. Default 100 ms.
    pub poll_interval: Duration,
    /// After how long a stream ends, so that its caller proves again who they are. Default 5 min.
    pub stream_duration: Duration,
    /// Where issues and pull requests are to be seen, such as `https://github.com`: pages lead there. Empty: they lead nowhere outside.
    pub code_host: String,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            max_body_bytes: 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            requests_per_minute: const { NonZeroU32::new(600).unwrap() },
            requester_silent_after: Millis::from_secs(300),
            poll_interval: Duration::from_millis(100),
            stream_duration: Duration::from_secs(300),
            code_host: "https://github.com".to_owned(),
        }
    }
}
