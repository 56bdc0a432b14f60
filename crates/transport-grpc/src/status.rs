//! Faults as gRPC statuses: one exhaustive map, with the rich details every refusal carries.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign_kernel::{Fault, Kind, Violations};
use countersign_usecases::is_for_the_log;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The domain of all our codes in `google.rpc.ErrorInfo`.
const DOMAIN: &str = "countersign";

/// Names one call, in its answer's `x-request-id`, in errors and in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallId(pub(crate) Arc<str>);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The message is wrong, whatever the state of things.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request is wrong: {0}")]
pub(crate) struct InvalidRequest(pub(crate) Violations);

impl Fault for InvalidRequest {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn code(&self) -> &'static str {
        "invalid_request"
    }

    fn violations(&self) -> Option<&Violations> {
        Some(&self.0)
    }
}

/// The status of each kind of fault.
const fn code_of(kind: Kind) -> Code {
    match kind {
        Kind::Invalid => Code::InvalidArgument,
        Kind::Unauthenticated => Code::Unauthenticated,
        Kind::Denied => Code::PermissionDenied,
        Kind::NotFound => Code::NotFound,
        Kind::AlreadyExists => Code::AlreadyExists,
        Kind::Conflict => Code::FailedPrecondition,
        Kind::Busy => Code::Aborted,
        Kind::Exhausted => Code::ResourceExhausted,
        Kind::Unavailable => Code::Unavailable,
        Kind::Internal => Code::Internal,
    }
}

/// After how long trying again is sensible.
const fn retry_after(kind: Kind) -> Option<Duration> {
    match kind {
        Kind::Busy => Some(Duration::from_millis(100)),
        Kind::Unavailable | Kind::Exhausted => Some(Duration::from_secs(1)),
        Kind::Invalid
        | Kind::Unauthenticated
        | Kind::Denied
        | Kind::NotFound
        | Kind::AlreadyExists
        | Kind::Conflict
        | Kind::Internal => None,
    }
}

/// A refusal as the caller gets it. What is wrong with ourselves, or with the store, is logged here, and hidden from the caller.
pub(crate) fn refuse(fault: &dyn Fault, call: &CallId) -> Status {
    refuse_as(fault.kind(), fault, call)
}

/// The same for a fault that means another kind on this surface.
pub(crate) fn refuse_as(kind: Kind, fault: &dyn Fault, call: &CallId) -> Status {
    let message = match kind {
        Kind::Internal => {
            tracing::error!(request_id = %call, code = fault.code(), error = %fault, "a call failed for an internal reason");
            format!("an internal error; the server's log says more under request id `{call}`")
        }
        Kind::Unavailable => {
            tracing::warn!(request_id = %call, code = fault.code(), error = %fault, "a call failed because something is unavailable");
            if is_for_the_log(fault) {
                format!(
                    "the store is not available now; the server's log says more under request id `{call}`"
                )
            } else {
                fault.to_string()
            }
        }
        Kind::Invalid
        | Kind::Unauthenticated
        | Kind::Denied
        | Kind::NotFound
        | Kind::AlreadyExists
        | Kind::Conflict
        | Kind::Busy
        | Kind::Exhausted => fault.to_string(),
    };
    let mut details = ErrorDetails::new();
    details.set_error_info(fault.code(), DOMAIN, HashMap::new());
    details.set_request_info(call.0.as_ref(), "");
    if let Some(violations) = fault.violations() {
        list(violations, &mut details);
    }
    if let Some(delay) = retry_after(kind) {
        details.set_retry_info(Some(delay));
    }
    Status::with_error_details(code_of(kind), shortened(message, MOST_MESSAGE_CHARS), details)
}

/// A status travels in headers, of which many clients take no more than 8 KiB in all: what is said is kept well below.
const MOST_MESSAGE_CHARS: usize = 500;
const MOST_RULE_CHARS: usize = 300;
const MOST_FIELDS_BYTES: usize = 3500;

/// Every violated field, as far as it fits; then how many more there are.
fn list(violations: &Violations, details: &mut ErrorDetails) {
    let mut room = MOST_FIELDS_BYTES;
    let mut left_off = 0;
    for violation in violations.iter() {
        let description = match &violation.value {
            None => violation.rule.clone(),
            Some(value) => format!("{} (got `{value}`)", violation.rule),
        };
        let description = shortened(description, MOST_RULE_CHARS);
        let path = shortened(violation.path.clone(), MOST_RULE_CHARS);
        // Each takes some bytes of its own around its two texts.
        let size = path.len() + description.len() + 8;
        if left_off > 0 || size > room {
            left_off += 1;
            continue;
        }
        room -= size;
        details.add_bad_request_violation(path, description);
    }
    if left_off > 0 {
        details.add_bad_request_violation("…", format!("{left_off} more, left off for their length"));
    }
}

fn shortened(text: String, most: usize) -> String {
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    use countersign_usecases::ServiceError;
    use countersign_usecases::port::StoreError;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the words of the fault")]
    struct Of(Kind);

    impl Fault for Of {
        fn kind(&self) -> Kind {
            self.0
        }

        fn code(&self) -> &'static str {
            "of_a_test"
        }
    }

    fn call() -> CallId {
        CallId("call-1".into())
    }

    #[test]
    fn every_kind_has_its_status() {
        // The table of 05-style, by hand.
        let table = [
            (Kind::Invalid, Code::InvalidArgument, false),
            (Kind::Unauthenticated, Code::Unauthenticated, false),
            (Kind::Denied, Code::PermissionDenied, false),
            (Kind::NotFound, Code::NotFound, false),
            (Kind::AlreadyExists, Code::AlreadyExists, false),
            (Kind::Conflict, Code::FailedPrecondition, false),
            (Kind::Busy, Code::Aborted, true),
            (Kind::Exhausted, Code::ResourceExhausted, true),
            (Kind::Unavailable, Code::Unavailable, true),
            (Kind::Internal, Code::Internal, false),
        ];
        for (kind, code, retry) in table {
            let status = refuse(&Of(kind), &call());
            assert_eq!(status.code(), code, "{kind:?}");
            let details = status.get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!((info.reason.as_str(), info.domain.as_str()), ("of_a_test", "countersign"));
            assert_eq!(details.request_info().unwrap().request_id, "call-1");
            assert_eq!(details.retry_info().is_some(), retry, "{kind:?}");
        }
    }

    #[test]
    fn what_a_driver_said_is_for_the_log() {
        let lost = StoreError::Unavailable { message: "10.0.0.7:5432 refused user `app`".to_owned() };
        let status = refuse(&ServiceError::from(lost), &call());
        assert!(!status.message().contains("10.0.0.7") && status.message().contains("call-1"), "{status:?}");
        assert_eq!(refuse(&Of(Kind::Unavailable), &call()).message(), "the words of the fault");
    }

    #[test]
    fn an_internal_error_hides_its_source() {
        let status = refuse(&Of(Kind::Internal), &call());
        assert_eq!(
            status.message(),
            "an internal error; the server's log says more under request id `call-1`"
        );
    }

    #[test]
    fn every_violated_field_is_listed() {
        let mut violations = Violations::new();
        violations.add("reason", "must have at most 1000 characters");
        violations.add_with_value("project", "must be a key", "A B");
        let status = refuse(&InvalidRequest(violations), &call());
        let details = status.get_error_details();
        let fields: Vec<_> = details
            .bad_request()
            .unwrap()
            .field_violations
            .iter()
            .map(|field| (field.field.as_str(), field.description.as_str()))
            .collect();
        assert_eq!(
            fields,
            [("reason", "must have at most 1000 characters"), ("project", "must be a key (got `A B`)")]
        );
    }

    #[test]
    fn what_would_not_fit_is_counted() {
        let mut violations = Violations::new();
        for number in 0..200 {
            violations.add(format!("field_{number}"), "must be something that is said at some length");
        }
        let status = refuse(&InvalidRequest(violations), &call());
        let fields = status.get_error_details().bad_request().unwrap().field_violations.clone();
        assert!((20..100).contains(&fields.len()), "{}", fields.len());
        let listed = fields.len() - 1;
        assert_eq!(fields[0].field, "field_0");
        assert_eq!(fields[listed].description, format!("{} more, left off for their length", 200 - listed));
        assert!(status.details().len() < 6000 && status.message().chars().count() <= 501);
    }
}
