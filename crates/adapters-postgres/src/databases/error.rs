//! What a target server says, in the words all targets share.

use countersign_mcp_tools::ports::{TargetError, TargetErrorKind};
use sqlx::Error;

/// No connection came about: nothing was asked of the server.
pub(super) fn connecting(target: String, error: &Error) -> TargetError {
    let kind = match code(error).as_deref() {
        Some("28P01" | "28000") => TargetErrorKind::Unauthorized,
        Some("42501") => TargetErrorKind::Forbidden,
        Some("3D000") => TargetErrorKind::NotFound,
        Some(_) | None => TargetErrorKind::Unreachable,
    };
    failed(kind, target, error)
}

/// A statement was sent.
pub(super) fn asking(target: String, error: &Error) -> TargetError {
    let kind = match code(error).as_deref() {
        Some(code) => refusal(code),
        // Without an answer of the server the statement may have been done.
        None => TargetErrorKind::NoAnswer,
    };
    failed(kind, target, error)
}

fn refusal(code: &str) -> TargetErrorKind {
    match code {
        "28P01" | "28000" => TargetErrorKind::Unauthorized,
        "42501" => TargetErrorKind::Forbidden,
        // Too many databases or connections of this role.
        "53400" => TargetErrorKind::Forbidden,
        "3D000" => TargetErrorKind::NotFound,
        // There is one of this name; somebody is connected to it; something depends on it.
        "42P04" | "42710" | "23505" | "55006" | "2BP01" => TargetErrorKind::Conflict,
        // The server goes down or the connection with it: before or after it was done.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" => TargetErrorKind::NoAnswer,
        code if code.starts_with("08") => TargetErrorKind::NoAnswer,
        // Syntax, names and values.
        code if code.starts_with("42") || code.starts_with("22") => TargetErrorKind::Invalid,
        _ => TargetErrorKind::Broken,
    }
}

fn code(error: &Error) -> Option<String> {
    error.as_database_error().and_then(|database| database.code()).map(|code| code.into_owned())
}

fn failed(kind: TargetErrorKind, target: String, error: &Error) -> TargetError {
    TargetError { kind, target, message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_one_meaning() {
        let cases = [
            ("28P01", TargetErrorKind::Unauthorized),
            ("42501", TargetErrorKind::Forbidden),
            ("3D000", TargetErrorKind::NotFound),
            ("42P04", TargetErrorKind::Conflict),
            ("55006", TargetErrorKind::Conflict),
            ("42710", TargetErrorKind::Conflict),
            ("23505", TargetErrorKind::Conflict),
            ("2BP01", TargetErrorKind::Conflict),
            ("57P01", TargetErrorKind::NoAnswer),
            ("08006", TargetErrorKind::NoAnswer),
            ("42601", TargetErrorKind::Invalid),
            ("22023", TargetErrorKind::Invalid),
            ("53100", TargetErrorKind::Broken),
            ("XX000", TargetErrorKind::Broken),
            ("57014", TargetErrorKind::Broken),
        ];
        for (code, kind) in cases {
            assert_eq!(refusal(code), kind, "{code}");
        }
    }

    #[test]
    fn a_lost_connection_is_unreachable_before_and_no_answer_after() {
        let lost = Error::Io(std::io::Error::other("cut"));
        assert_eq!(connecting("server".to_owned(), &lost).kind, TargetErrorKind::Unreachable);
        assert_eq!(asking("server".to_owned(), &lost).kind, TargetErrorKind::NoAnswer);
    }
}
