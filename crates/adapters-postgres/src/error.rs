//! What the driver says, in the store's words.

use countersign_usecases::port::StoreError;
use serde::de::DeserializeOwned;
use sqlx::Error;
use sqlx::postgres::PgDatabaseError;

/// `query_canceled` (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
const CANCELLED: &str = "57014";

/// An error of anything but a COMMIT: nothing was written.
pub(crate) fn store_error(error: Error) -> StoreError {
    match error {
        Error::Database(database) => match database.try_downcast::<PgDatabaseError>() {
            Ok(refusal) => refused(&refusal),
            Err(other) => StoreError::Refused { message: other.to_string() },
        },
        lost if is_lost(&lost) => StoreError::Unavailable { message: lost.to_string() },
        defect => StoreError::Refused { message: defect.to_string() },
    }
}

/// An error of a COMMIT that was sent: without an answer, it may have been done.
pub(crate) fn commit_error(error: Error) -> StoreError {
    let unclear = match &error {
        // A server that shuts down may have written the commit before it cut the connection.
        Error::Database(database) => database.code().is_some_and(|code| is_gone(&code)),
        other => is_lost(other),
    };
    if unclear { StoreError::Unknown { message: error.to_string() } } else { store_error(error) }
}

/// Reads a document of rows.
pub(crate) fn read<T: DeserializeOwned>(
    document: &str,
    table: &'static str,
    id: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(document).map_err(|error| StoreError::Corrupt {
        table,
        column: "*",
        id: id.to_owned(),
        message: error.to_string(),
    })
}

/// Whether the connection or the pool failed, not the statement.
pub(crate) fn is_lost(error: &Error) -> bool {
    matches!(
        error,
        Error::Io(_)
            | Error::Tls(_)
            | Error::Protocol(_)
            | Error::PoolTimedOut
            | Error::PoolClosed
            | Error::WorkerCrashed
            | Error::BeginFailed
    )
}

/// Whether the server gave a statement up, because it took too long or somebody asked it to.
pub(crate) fn is_cancelled(error: &Error) -> bool {
    error.as_database_error().and_then(|refusal| refusal.code()).is_some_and(|code| code == CANCELLED)
}

/// Connection exceptions, and sessions that the server ended: by a shutdown, or because they were idle (not a statement that was cancelled).
fn is_gone(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "25P03" | "57P01" | "57P02" | "57P03" | "57P04" | "57P05")
}

fn refused(refusal: &PgDatabaseError) -> StoreError {
    let message = || refusal.to_string();
    match refusal.code() {
        "23505" => taken(refusal),
        // Serialization failure and deadlock: another transaction was first.
        code @ ("40001" | "40P01") => StoreError::Stale { what: "transaction", id: code.to_owned() },
        // No lock in time, statement cancelled or too slow, a standby that can't write (yet).
        "55P03" | CANCELLED | "25006" => StoreError::Unavailable { message: message() },
        // Out of connections, memory or disk; internal limits.
        code if is_gone(code) || code.starts_with("53") => StoreError::Unavailable { message: message() },
        _ => StoreError::Refused { message: message() },
    }
}

/// A key that is taken: who loads again will see by what. An event's key is a random id of ours, so a second one is a defect.
fn taken(refusal: &PgDatabaseError) -> StoreError {
    let values = refusal.detail().map(key_values).unwrap_or_default();
    let value = |index: usize| values.get(index).cloned().unwrap_or_default();
    let stale = |what, id| StoreError::Stale { what, id };
    match refusal.constraint() {
        Some("agent_sessions_pkey") => stale("agent_sessions", value(0)),
        Some("mcp_action_requests_pkey") => stale("mcp_action_requests", value(0)),
        // The last column is the intent's digest: the request that took it is not named by the database.
        Some("mcp_action_requests_open_intent") => stale("mcp_action_requests", value(3)),
        Some("call_keys_pkey") => stale("call_keys", value(2)),
        Some("action_steps_active_target") => stale("action_steps", value(0)),
        Some("sealed_values_pkey") => stale("sealed_values", value(0)),
        Some("run_outcomes_pkey") => stale("run_outcomes", value(1)),
        Some("project_databases_pkey") => stale("project_databases", value(1)),
        Some("policy_versions_pkey") => stale("policy_versions", value(0)),
        Some("principals_pkey") => stale("principals", value(0)),
        Some("principals_pseudonym_key") => stale("principals", value(0)),
        Some(_) | None => StoreError::Refused { message: refusal.to_string() },
    }
}

/// The values in `Key (a, b)=(x, y) already exists.` None of our keys holds a comma followed by a blank.
fn key_values(detail: &str) -> Vec<String> {
    let values = detail.split_once(")=(").and_then(|(_, rest)| rest.rsplit_once(')'));
    values.map(|(values, _)| values.split(", ").map(str::to_owned).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_taken_key_are_read_from_the_detail() {
        let detail = "Key (run_id, tool)=(run-1, database.lifecycle) already exists.";
        assert_eq!(key_values(detail), ["run-1", "database.lifecycle"]);
        assert_eq!(key_values("Key (target)=(a (b)) already exists."), ["a (b)"]);
        assert!(key_values("something else").is_empty());
    }

    #[test]
    fn a_lost_connection_is_unknown_only_at_commit() {
        let lost = || Error::Io(std::io::Error::other("cut"));
        assert!(matches!(store_error(lost()), StoreError::Unavailable { .. }));
        assert!(matches!(commit_error(lost()), StoreError::Unknown { .. }));
        assert!(matches!(commit_error(Error::RowNotFound), StoreError::Refused { .. }));
    }

    #[test]
    fn a_session_that_the_server_ended_is_told_from_a_statement_that_it_refused() {
        assert!(["08006", "25P03", "57P01", "57P03"].into_iter().all(is_gone));
        assert!(!["25006", "40001", "57014", "23505", "53300"].into_iter().any(is_gone));
    }

    #[test]
    fn an_unreadable_document_names_its_row() {
        let error = read::<u32>("\"x\"", "agent_sessions", "run-1").unwrap_err();
        assert!(
            error.to_string().starts_with("table `agent_sessions`, column `*`, row `run-1`: "),
            "{error}"
        );
    }
}
