//! The store: one file, one writer, some readers.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_kernel::{Millis, Timestamp};
use countersign_usecases::commit::CommitRecords;
use countersign_usecases::port::StoreError;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use crate::clock::HostClock;
use crate::error::OpenError;
use crate::lock::FileLock;
use crate::prepared::Prepared;
use crate::writer::{Job, Reply, Writer};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How a store is opened. The defaults suit a single server.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// Connections that read, beside the one that writes.
    pub readers: u32,
    /// How long a statement waits for a lock, such as that of a backup.
    pub busy_timeout: Millis,
    /// How long a worker holds a work row before others may take it.
    pub lease: Millis,
    /// Jobs that may wait for the writer before callers are held back.
    pub queue_at_most: usize,
    /// Commits that may share one transaction.
    pub batch_at_most: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            readers: 4,
            busy_timeout: Millis::from_secs(5),
            lease: Millis::from_secs(30),
            queue_at_most: 1024,
            batch_at_most: 64,
        }
    }
}

/// Ledger, work queue, queries and register of databases in one SQLite file. Clones share it.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

struct Shared {
    readers: SqlitePool,
    jobs: mpsc::Sender<Job>,
    clock: Arc<HostClock>,
}

impl SqliteStore {
    /// Opens the file, making it and its tables where they are missing. Has to be called inside a tokio runtime; the store lives in it.
    ///
    /// `clock` is the host's: the time of snapshots, guards and due work comes from it.
    ///
    /// # Errors
    /// Another server has the file, it can't be opened, or its tables are those of a newer version.
    pub async fn open(
        path: impl AsRef<Path>,
        options: SqliteOptions,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        // Done with plain values, so that the future can be sent to other threads whatever the caller gave.
        Self::open_file(path.as_ref().to_owned(), options, HostClock::new(clock)).await
    }

    async fn open_file(path: PathBuf, options: SqliteOptions, clock: HostClock) -> Result<Self, OpenError> {
        let lock = FileLock::acquire(&path)?;
        let clock = Arc::new(clock);
        let unopened = |source| OpenError::Database { path: path.clone(), source };

        make_private(&path).map_err(|source| unopened(source.into()))?;
        let writing = connect_options(&path, options);
        let mut connection = SqliteConnection::connect_with(&writing).await.map_err(unopened)?;
        let migrated = MIGRATIONS.run_direct(None, &mut connection, false).await;
        migrated.map_err(|source| OpenError::Migrate { path: path.clone(), source })?;

        // Every connection must be able to recover the file, so readers are kept from writing by a pragma, not by how they open it.
        let reading = connect_options(&path, options).pragma("query_only", "ON");
        let pool = SqlitePoolOptions::new().max_connections(options.readers.max(1));
        let readers = pool.connect_with(reading).await.map_err(unopened)?;

        let (sender, jobs) = mpsc::channel(options.queue_at_most.max(1));
        let writer = Writer {
            connection,
            options: writing,
            jobs,
            clock: Arc::clone(&clock),
            lease: options.lease,
            busy_timeout: options.busy_timeout,
            batch_at_most: options.batch_at_most,
            lock,
        };
        tokio::spawn(writer.run());
        Ok(Self { shared: Arc::new(Shared { readers, jobs: sender, clock }) })
    }

    /// Writes what is queued, empties the write-ahead log and closes the file. Everything asked of this store or its clones afterwards is
    /// `Unavailable`.
    pub async fn close(&self) {
        self.shared.readers.close().await;
        let (done, closed) = oneshot::channel();
        if self.shared.jobs.send(Job::Close(done)).await.is_ok() {
            // An error says that the writer is gone already.
            let _ = closed.await;
        }
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.shared.readers
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub(crate) async fn write(&self, records: &CommitRecords) -> Result<(), StoreError> {
        let prepared = Box::new(Prepared::of(records)?);
        self.ask(|reply| Job::Commit(prepared, reply)).await
    }

    /// Gives the writer a job and waits for its answer.
    pub(crate) async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        if self.shared.jobs.send(job(reply)).await.is_err() {
            return Err(StoreError::Unavailable { message: "the store is closed".to_owned() });
        }
        // The writer answers every job it takes, so this is a writer that died, perhaps while it wrote.
        let died = |_| StoreError::Unknown { message: "the writer ended without an answer".to_owned() };
        answer.await.map_err(died)?
    }
}

/// Makes a missing file for its owner's eyes only: it will know who decided what. SQLite gives its side files the same permissions, and
/// an empty file is an empty database.
fn make_private(path: &Path) -> io::Result<()> {
    match File::options().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn connect_options(path: &Path, options: SqliteOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(options.busy_timeout.to_std())
        .pragma("secure_delete", "ON")
}
