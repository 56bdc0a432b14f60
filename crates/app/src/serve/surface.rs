//! The settings of the surfaces, out of the configuration.

use std::num::NonZeroU32;
use std::time::Duration;

use countersign_kernel::Millis;
use countersign_transport_grpc::GrpcSettings;
use countersign_transport_http::HttpSettings;

use crate::config::{GrpcConfig, HttpConfig};

/// The options as the surface takes them.
pub(super) fn settings(config: &GrpcConfig) -> GrpcSettings {
    GrpcSettings {
        max_message_bytes: usize::try_from(config.max_message_bytes.get()).unwrap_or(usize::MAX),
        call_timeout: seconds(config.call_timeout_s),
        keep_alive_interval: seconds(config.keep_alive_interval_s),
        keep_alive_timeout: seconds(config.keep_alive_timeout_s),
        poll_interval: Duration::from_millis(u64::from(config.poll_ms.get())),
        requester_silent_after: Millis::from_secs(u64::from(config.requester_silent_after_s.get())),
    }
}

/// The options of REST as the surface takes them; when a requester counts as silent, and how often streams look, is said once, for both
/// surfaces.
pub(super) fn http_settings(config: &HttpConfig, grpc: &GrpcConfig) -> HttpSettings {
    let both = settings(grpc);
    HttpSettings {
        max_body_bytes: usize::try_from(config.max_body_bytes.get()).unwrap_or(usize::MAX),
        request_timeout: seconds(config.request_timeout_s),
        requests_per_minute: config.requests_per_minute,
        requester_silent_after: both.requester_silent_after,
        poll_interval: both.poll_interval,
        stream_duration: seconds(config.stream_duration_s),
        code_host: config.code_host.trim_end_matches('/').to_owned(),
    }
}

fn seconds(option: NonZeroU32) -> Duration {
    Duration::from_secs(u64::from(option.get()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    #[test]
    fn the_defaults_are_those_of_the_surface_itself() {
        assert_eq!(settings(&GrpcConfig::default()), GrpcSettings::default());
        assert_eq!(http_settings(&HttpConfig::default(), &GrpcConfig::default()), HttpSettings::default());
    }

    #[test]
    fn each_option_reaches_its_setting() {
        let config = load::from_text(
            r#"
            store = { kind = "sqlite", path = "x.db" }
            run_tokens = { active = "k1", keys = { k1 = { env = "K" } } }
            sealing = { active = "m1", keys = { m1 = { file = "m" } } }
            [grpc]
            max_message_bytes = 1
            call_timeout_s = 2
            keep_alive_interval_s = 3
            keep_alive_timeout_s = 4
            poll_ms = 5
            requester_silent_after_s = 6
            [http]
            max_body_bytes = 7
            request_timeout_s = 8
            requests_per_minute = 9
            stream_duration_s = 10
            code_host = "https://git.example.org/"
            "#,
        );
        let expected = GrpcSettings {
            max_message_bytes: 1,
            call_timeout: Duration::from_secs(2),
            keep_alive_interval: Duration::from_secs(3),
            keep_alive_timeout: Duration::from_secs(4),
            poll_interval: Duration::from_millis(5),
            requester_silent_after: Millis::from_secs(6),
        };
        let config = config.unwrap();
        assert_eq!(settings(&config.grpc), expected);
        let expected = HttpSettings {
            max_body_bytes: 7,
            request_timeout: Duration::from_secs(8),
            requests_per_minute: NonZeroU32::new(9).unwrap(),
            requester_silent_after: Millis::from_secs(6),
            poll_interval: Duration::from_millis(5),
            stream_duration: Duration::from_secs(10),
            code_host: "https://git.example.org".to_owned(),
        };
        assert_eq!(http_settings(&config.http, &config.grpc), expected);
    }

    #[test]
    fn none_of_them_may_be_zero() {
        let text = include_str!("../../../../docs/examples/countersign.toml");
        let zero = text.replace("call_timeout_s = 30", "call_timeout_s = 0");
        assert_ne!(zero, text);
        let error = format!("{:#}", load::from_text(&zero).unwrap_err());
        assert!(error.contains("nonzero") && error.contains("call_timeout_s"), "{error}");
    }
}
