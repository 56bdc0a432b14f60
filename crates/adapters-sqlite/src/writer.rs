//! The one task that writes.
//!
//! Callers' jobs queue up while a transaction is being written; what is waiting then forms the next one. No timer holds a commit back.
//! Two commits that touch one row never share a transaction, and when anything in a shared one fails, it is rolled back and each commit
//! is written alone, so that every caller gets the answer of its own commit.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use countersign_kernel::{Millis, WorkerId};
use countersign_usecases::port::{Lease, StoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::clock::HostClock;
use crate::error::store_error;
use crate::lock::FileLock;
use crate::prepared::Prepared;
use crate::{sessions, upkeep, work_queue, write};

/// Where the answer to a job goes. A caller that has gone away doesn't stop its job.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What callers ask of the writer.
pub(crate) enum Job {
    Commit(Box<Prepared>, Reply<()>),
    Claim { worker: WorkerId, kinds: String, at_most: u32, reply: Reply<Vec<Lease>> },
    Extend(Lease, Reply<Lease>),
    Release(Lease, Millis, Reply<()>),
    Heartbeat(String, Reply<bool>),
    Rewrap(Box<upkeep::Rewrap>, Reply<bool>),
    Forget { older_than: Millis, at_most: u32, reply: Reply<u64> },
    Sessions(Box<sessions::SessionWrite>, Reply<sessions::SessionsWritten>),
    Close(oneshot::Sender<()>),
}

/// After erasing secrets the log is emptied when nobody waits, or after so many transactions.
const TRANSACTIONS_BEFORE_EMPTYING: u32 = 32;
/// How long all writing may stand still for readers that need the log at that moment.
const EMPTYING_TIMEOUT_MS: u64 = 50;
/// When to try again where they needed it longer.
const EMPTYING_PAUSE: Duration = Duration::from_secs(1);

pub(crate) struct Writer {
    pub(crate) connection: SqliteConnection,
    pub(crate) options: SqliteConnectOptions,
    pub(crate) jobs: mpsc::Receiver<Job>,
    pub(crate) clock: Arc<HostClock>,
    pub(crate) lease: Millis,
    pub(crate) busy_timeout: Millis,
    pub(crate) batch_at_most: usize,
    /// Held until the connection is closed.
    pub(crate) lock: FileLock,
}

/// What the task remembers between transactions.
struct State {
    writer: Writer,
    waiting: VecDeque<Job>,
    /// A transaction ended in a way that leaves the connection in doubt.
    in_doubt: bool,
    /// Set while bytes of erased secrets are still in the write-ahead log.
    erased: Option<Erased>,
}

#[derive(Clone, Copy, Default)]
struct Erased {
    /// Transactions since then, or since the log could not be emptied.
    transactions: u32,
    /// Readers needed the log when it was to be emptied.
    put_off: bool,
}

impl Writer {
    /// Works until closed, or until every store is gone.
    pub(crate) async fn run(self) {
        // A process that was killed may have left erased bytes in the log.
        let erased = Some(Erased::default());
        let mut state = State { writer: self, waiting: VecDeque::new(), in_doubt: false, erased };
        let closed = loop {
            match state.next_job().await {
                Some(Job::Close(done)) => break Some(done),
                None => break None,
                Some(Job::Commit(first, reply)) => state.write_batch(first, reply).await,
                Some(other) => state.do_alone(other).await,
            }
        };
        state.refuse_the_rest().await;
        state.empty_log().await;
        let Writer { connection, lock, .. } = state.writer;
        if let Err(error) = connection.close().await {
            tracing::warn!(%error, "the SQLite file could not be closed cleanly; it is recovered when it is opened next");
        }
        drop(lock);
        // Nobody may be waiting any more.
        let _ = closed.map(|done| done.send(()));
    }
}

impl State {
    async fn next_job(&mut self) -> Option<Job> {
        while let Ok(job) = self.writer.jobs.try_recv() {
            self.waiting.push_back(job);
        }
        let may_empty = |erased: Erased| {
            erased.transactions >= TRANSACTIONS_BEFORE_EMPTYING
                || (self.waiting.is_empty() && !erased.put_off)
        };
        if self.erased.is_some_and(may_empty) {
            self.empty_log().await;
        }
        if let Some(job) = self.waiting.pop_front() {
            return Some(job);
        }
        loop {
            if self.erased.is_none() {
                return self.writer.jobs.recv().await;
            }
            match tokio::time::timeout(EMPTYING_PAUSE, self.writer.jobs.recv()).await {
                Ok(job) => return job,
                Err(_) => self.empty_log().await,
            }
        }
    }

    /// Tells those who came too late that nothing was written for them.
    async fn refuse_the_rest(&mut self) {
        self.writer.jobs.close();
        while let Some(job) = self.waiting.pop_front().or(self.writer.jobs.try_recv().ok()) {
            refuse(job, StoreError::Unavailable { message: "the store is closed".to_owned() });
        }
    }

    /// Writes this commit and all waiting ones that may share its transaction.
    async fn write_batch(&mut self, first: Box<Prepared>, reply: Reply<()>) {
        let mut batch = vec![(first, reply)];
        let mut together: Option<Prepared> = None;
        let mut others = VecDeque::with_capacity(self.waiting.len());
        for job in self.waiting.drain(..) {
            match job {
                Job::Commit(commit, reply)
                    if batch.len() < self.writer.batch_at_most
                        && !together.as_ref().unwrap_or(&batch[0].0).collides(&commit) =>
                {
                    together.get_or_insert_with(|| (*batch[0].0).clone()).absorb(&commit);
                    batch.push((commit, reply));
                }
                other => others.push_back(other),
            }
        }
        self.waiting = others;
        let shared = match &together {
            Some(together) => Some(self.write(together).await),
            None => None,
        };
        match shared {
            // Whether it was written is in doubt: each caller has to look for its own commit.
            Some(Err(StoreError::Unknown { message })) => {
                for (_, reply) in batch {
                    answer(reply, Err(StoreError::Unknown { message: message.clone() }));
                }
            }
            Some(Ok(write::Written::Now)) => batch.into_iter().for_each(|(_, reply)| answer(reply, Ok(()))),
            Some(Ok(write::Written::Before) | Err(_)) | None => {
                for (commit, reply) in batch {
                    let written = self.write(&commit).await.map(|_| ());
                    answer(reply, written);
                }
            }
        }
    }

    async fn do_alone(&mut self, job: Job) {
        if let Err(error) = self.mend().await {
            return refuse(job, store_error(error));
        }
        let connection = &mut self.writer.connection;
        let clock = &self.writer.clock;
        match job {
            Job::Claim { worker, kinds, at_most, reply } => {
                let terms = work_queue::Terms { worker, kinds, at_most, lasts: self.writer.lease };
                answer(reply, work_queue::claim(connection, clock, &terms).await);
            }
            Job::Extend(lease, reply) => answer(reply, work_queue::extend(connection, clock, &lease).await),
            Job::Release(lease, after, reply) => {
                answer(reply, work_queue::release(connection, clock, &lease, after).await);
            }
            Job::Heartbeat(run, reply) => answer(reply, write::heartbeat(connection, clock, &run).await),
            Job::Rewrap(rewrap, reply) => {
                let replaced = upkeep::replace(connection, &rewrap).await;
                // The old wrapped key is a secret too, as long as the old master key is known to anybody.
                self.erased = Some(Erased::default());
                answer(reply, replaced);
            }
            Job::Forget { older_than, at_most, reply } => {
                answer(reply, upkeep::forget(connection, clock, older_than, at_most).await);
            }
            Job::Sessions(change, reply) => answer(reply, sessions::write(connection, clock, &change).await),
            // These two never come here.
            Job::Commit(..) | Job::Close(_) => {}
        }
    }

    /// One transaction: all of it, or nothing.
    async fn write(&mut self, commit: &Prepared) -> Result<write::Written, StoreError> {
        self.mend().await.map_err(store_error)?;
        if let Some(erased) = &mut self.erased {
            erased.transactions += 1;
        }
        let begun = self.writer.connection.begin_with("BEGIN IMMEDIATE").await;
        let mut transaction = begun.map_err(store_error)?;
        let now = self.writer.clock.now();
        match write::write(&mut transaction, commit, now).await {
            Ok(write::Written::Now) => match transaction.commit().await {
                Ok(()) => {
                    if commit.erases() {
                        self.erased = Some(Erased::default());
                    }
                    Ok(write::Written::Now)
                }
                Err(error) => {
                    self.in_doubt = true;
                    Err(StoreError::Unknown { message: error.to_string() })
                }
            },
            unwritten => {
                self.in_doubt |= transaction.rollback().await.is_err();
                unwritten
            }
        }
    }

    /// Takes a fresh connection when the last transaction did not end cleanly.
    async fn mend(&mut self) -> Result<(), sqlx::Error> {
        if self.in_doubt {
            self.writer.connection = SqliteConnection::connect_with(&self.writer.options).await?;
            self.in_doubt = false;
        }
        Ok(())
    }

    /// Moves the write-ahead log into the file and cuts it to nothing, so that erased values are gone from both. Readers that still look
    /// at an older snapshot put it off.
    async fn empty_log(&mut self) {
        match self.try_empty_log().await {
            Ok(true) => self.erased = None,
            Ok(false) => tracing::debug!("readers still need the write-ahead log; it is emptied later"),
            Err(error) => {
                self.in_doubt = true;
                tracing::warn!(%error, "the write-ahead log could not be emptied; it is tried again")
            }
        }
        self.erased = self.erased.map(|_| Erased { transactions: 0, put_off: true });
    }

    async fn try_empty_log(&mut self) -> Result<bool, sqlx::Error> {
        // Whatever leaves this half-way leaves the connection in doubt, and a fresh one has its timeout again.
        self.mend().await?;
        let connection = &mut self.writer.connection;
        set_busy_timeout(connection, EMPTYING_TIMEOUT_MS).await?;
        let (busy, _, _): (i64, i64, i64) =
            sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await?;
        set_busy_timeout(connection, self.writer.busy_timeout.0).await?;
        Ok(busy == 0)
    }
}

async fn set_busy_timeout(connection: &mut SqliteConnection, timeout_ms: u64) -> Result<(), sqlx::Error> {
    // Pragmas take no parameters; a number is all that gets into this text.
    let pragma = AssertSqlSafe(format!("PRAGMA busy_timeout = {timeout_ms}"));
    sqlx::query(pragma).execute(connection).await?;
    Ok(())
}

fn answer<T>(reply: Reply<T>, result: Result<T, StoreError>) {
    // A caller that has gone away does not want to know.
    let _ = reply.send(result);
}

fn refuse(job: Job, error: StoreError) {
    match job {
        Job::Commit(_, reply) | Job::Release(_, _, reply) => answer(reply, Err(error)),
        Job::Claim { reply, .. } => answer(reply, Err(error)),
        Job::Extend(_, reply) => answer(reply, Err(error)),
        Job::Heartbeat(_, reply) | Job::Rewrap(_, reply) => answer(reply, Err(error)),
        Job::Forget { reply, .. } => answer(reply, Err(error)),
        Job::Sessions(_, reply) => answer(reply, Err(error)),
        Job::Close(done) => drop(done),
    }
}
