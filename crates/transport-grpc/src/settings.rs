//! What can be set about the surface.

use std::time::Duration;

use countersign_kernel::Millis;

/// Limits and times of the gRPC surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcSettings {
    /// The largest message taken, in bytes; larger ones are refused with `OUT_OF_RANGE`. Default 1 MiB.
    pub max_message_bytes: usize,
    /// The longest a call may take to answer (a stream: to begin). A shorter `grpc-timeout` of the caller wins. Default 30 s.
    pub call_timeout: Duration,
    /// How often an idle connection is pinged. Default 30 s.
    pub keep_alive_interval: Duration,
    /// How long a ping may stay unanswered before the connection is closed. Default 10 s.
    pub keep_alive_timeout: Duration,
    /// How often streams look for changes other replicas made. Default 100 ms.
    pub poll_interval: Duration,
    /// After how long without a sign of life a requester is marked as silent. Default 5 min.
    pub requester_silent_after: Millis,
}

impl Default for GrpcSettings {
    fn default() -> Self {
        Self {
            max_message_bytes: 1024 * 1024,
            call_timeout: Duration::from_secs(30),
            keep_alive_interval: Duration::from_secs(30),
            keep_alive_timeout: Duration::from_secs(10),
            poll_interval: Duration::from_millis(100),
            requester_silent_after: Millis::from_secs(300),
        }
    }
}
