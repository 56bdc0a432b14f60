//! `countersign databases`: what is in quarantine, and having it back.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use countersign_kernel::Timestamp;
use countersign_transport_grpc::v1::{QuarantineState, QuarantinedDatabase};

use super::say;
use crate::cli::DatabasesCommand;
use crate::client::grpc::Operator;

/// How often, and how many times, the command looks whether a database has its name back.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const LOOKS: u32 = 120;

pub(super) async fn run(command: DatabasesCommand) -> Result<ExitCode> {
    match command {
        DatabasesCommand::List { server } => {
            let kept = Operator::connect(&server).await?.quarantined().await?;
            if kept.is_empty() {
                say("no database is in quarantine");
            }
            for database in &kept {
                say(line(database));
            }
            Ok(ExitCode::SUCCESS)
        }
        DatabasesCommand::Restore { database_server, kept_as, reason, server } => {
            let mut operator = Operator::connect(&server).await?;
            let database = operator.restore(&database_server, &kept_as, &reason).await?;
            say(line(&database));
            restored(&mut operator, &database).await
        }
    }
}

/// Waits until the worker has done it, or has given up.
async fn restored(operator: &mut Operator, database: &QuarantinedDatabase) -> Result<ExitCode> {
    let (server, name) = (&database.server, &database.original_name);
    for _ in 0..LOOKS {
        tokio::time::sleep(LOOK_EVERY).await;
        let kept = operator.quarantined().await?;
        let same = |row: &&QuarantinedDatabase| row.server == *server && row.kept_as == database.kept_as;
        match kept.iter().find(same).map(QuarantinedDatabase::state) {
            None => {
                say(format!("database `{name}` on server `{server}` has its name back"));
                return Ok(ExitCode::SUCCESS);
            }
            Some(QuarantineState::Restoring) => {}
            Some(QuarantineState::Kept | QuarantineState::Purging | QuarantineState::Unspecified) => {
                say(format!("database `{name}` was not restored; the event `database.kept` says why"));
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    say("it takes longer; `countersign databases list` says how it stands");
    Ok(ExitCode::FAILURE)
}

fn line(database: &QuarantinedDatabase) -> String {
    let state = database.state().as_str_name().trim_start_matches("QUARANTINE_STATE_").to_ascii_lowercase();
    let until = database.keep_until.map_or_else(
        || "-".to_owned(),
        |at| Timestamp::from_unix_micros(at.seconds * 1_000_000 + i64::from(at.nanos / 1000)).to_string(),
    );
    format!(
        "{} {} {state}: `{}` of {} in {}, kept until {until}",
        database.server, database.kept_as, database.original_name, database.project, database.environment
    )
}
