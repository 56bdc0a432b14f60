//! One database file: its marker, its side files, its end.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use countersign_kernel::RequestId;
use countersign_mcp_tools::ports::{TargetError, TargetErrorKind};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};
use tokio::fs;

use super::{failed, io_failed};

/// What SQLite adds to the name of a database: its write-ahead log, the index of that, its rollback journal.
const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];
/// `file(1)` and others tell by this number whose format a file has: "CSGN".
const APPLICATION_ID: u32 = 0x4353_474e;
/// How long to wait for somebody else's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct DatabaseFile {
    pub(super) path: PathBuf,
    /// How errors call it.
    pub(super) target: String,
}

/// What identifies this very file, not its name: its number in the file system, which a renaming keeps, and its marker, because a number
/// is given out again after a file is gone.
pub(super) fn identity(metadata: &Metadata, created_by: Option<RequestId>) -> String {
    use std::os::unix::fs::MetadataExt;
    let marker = created_by.map_or_else(|| "unmarked".to_owned(), |request| request.to_string());
    format!("{}:{marker}", metadata.ino())
}

impl DatabaseFile {
    /// The request that the file says it was made for. A file that is no database has none.
    pub(super) async fn marker(&self) -> Result<Option<RequestId>, TargetError> {
        let mut connection = match self.connect(SqliteConnectOptions::new().read_only(true)).await {
            Ok(connection) => connection,
            Err(error) if is_no_database(&error) => return Ok(None),
            Err(error) => return Err(self.refused(TargetErrorKind::Unreachable, &error)),
        };
        // The table is not part of any schema of ours, so these statements can't be checked when this is compiled.
        let marker = sqlx::query_scalar::<_, String>("SELECT request_id FROM countersign_marker LIMIT 1")
            .fetch_optional(&mut connection)
            .await;
        // Nothing was written, so nothing can be lost by closing.
        let _ = connection.close().await;
        match marker {
            Ok(marker) => Ok(marker.and_then(|text| text.parse().ok())),
            Err(error) if is_no_database(&error) || is_no_table(&error) => Ok(None),
            Err(error) => Err(self.refused(TargetErrorKind::Unreachable, &error)),
        }
    }

    /// Makes a new database with its marker, whole and on disk.
    pub(super) async fn make(&self, request: RequestId) -> Result<(), TargetError> {
        let options = SqliteConnectOptions::new()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Delete)
            .synchronous(SqliteSynchronous::Full)
            .pragma("application_id", APPLICATION_ID.to_string());
        let broken = |error: sqlx::Error| self.refused(TargetErrorKind::Broken, &error);
        let mut connection = self.connect(options).await.map_err(broken)?;
        sqlx::query("CREATE TABLE countersign_marker (request_id TEXT NOT NULL) STRICT")
            .execute(&mut connection)
            .await
            .map_err(broken)?;
        sqlx::query("INSERT INTO countersign_marker (request_id) VALUES (?1)")
            .bind(request.to_string())
            .execute(&mut connection)
            .await
            .map_err(broken)?;
        connection.close().await.map_err(broken)
    }

    /// Brings everything into the one file, and makes sure that nobody else has it open in a way SQLite can see: leaving the mode of the
    /// write-ahead log asks for exactly that.
    pub(super) async fn settle(&self) -> Result<(), TargetError> {
        let options = SqliteConnectOptions::new().journal_mode(SqliteJournalMode::Delete);
        let settled = async {
            let mut connection = self.connect(options).await?;
            sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await?;
            sqlx::query("ROLLBACK").execute(&mut connection).await?;
            connection.close().await
        };
        match settled.await {
            Ok(()) => Ok(()),
            Err(error) if is_busy(&error) => Err(failed(
                TargetErrorKind::Conflict,
                &self.target,
                "it is in use; close its connections first",
            )),
            Err(error) if is_no_database(&error) => {
                Err(failed(TargetErrorKind::Invalid, &self.target, "it is no SQLite database"))
            }
            Err(error) => Err(self.refused(TargetErrorKind::Unreachable, &error)),
        }
    }

    pub(super) async fn is_there(&self) -> Result<bool, TargetError> {
        fs::try_exists(&self.path)
            .await
            .map_err(|error| io_failed(TargetErrorKind::Unreachable, &self.target, "its file", &error))
    }

    /// Whether both names are of one file.
    pub(super) async fn is_same_as(&self, other: &Self) -> bool {
        use std::os::unix::fs::MetadataExt;
        match (fs::metadata(&self.path).await, fs::metadata(&other.path).await) {
            (Ok(mine), Ok(theirs)) => (mine.dev(), mine.ino()) == (theirs.dev(), theirs.ino()),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
        }
    }

    /// The bytes of the write-ahead log, if there is one.
    pub(super) async fn log_bytes(&self) -> u64 {
        fs::metadata(self.side_file("-wal")).await.map_or(0, |log| log.len())
    }

    /// Removes the file by its name.
    pub(super) async fn remove(&self) -> Result<(), TargetError> {
        self.remove_if_there(&self.path).await
    }

    pub(super) async fn remove_side_files(&self) -> Result<(), TargetError> {
        for suffix in SIDE_FILES {
            self.remove_if_there(&self.side_file(suffix)).await?;
        }
        Ok(())
    }

    pub(super) async fn remove_all(&self) -> Result<(), TargetError> {
        self.remove().await?;
        self.remove_side_files().await
    }

    async fn remove_if_there(&self, path: &PathBuf) -> Result<(), TargetError> {
        match fs::remove_file(path).await {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => {
                Err(io_failed(TargetErrorKind::Broken, &self.target, "its file can't be removed", &error))
            }
        }
    }

    fn side_file(&self, suffix: &str) -> PathBuf {
        let mut path = OsString::from(&self.path);
        path.push(suffix);
        PathBuf::from(path)
    }

    async fn connect(&self, options: SqliteConnectOptions) -> Result<SqliteConnection, sqlx::Error> {
        SqliteConnection::connect_with(&options.filename(&self.path).busy_timeout(BUSY_TIMEOUT)).await
    }

    fn refused(&self, otherwise: TargetErrorKind, error: &sqlx::Error) -> TargetError {
        let kind = match primary_code(error) {
            // Permission denied, read-only, disk full.
            Some(3 | 8 | 13) => TargetErrorKind::Forbidden,
            Some(_) | None => otherwise,
        };
        failed(kind, &self.target, error.to_string())
    }
}

/// SQLite's result code without its extension.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Busy or locked.
fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(5 | 6))
}

/// Not a database, or a damaged one: nothing of it can be read.
fn is_no_database(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(11 | 26))
}

/// The generic error of a statement that names what isn't there. The statement is fixed, so nothing else can be wrong with it.
fn is_no_table(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(1)
}
