//! A ledger around the in-memory one that keeps every commit, lets other tasks in between, and does something at the worst moment.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use countersign_audit::Pseudonym;
use countersign_kernel::{CommitId, DatabaseName, Digest, Principal, RequestId, RunId};
use countersign_testkit::MemoryStore;
use countersign_usecases::commit::{Commit, CommitRecords};
use countersign_usecases::port::{
    CallLookup, CallSnapshot, DatabaseSnapshot, Ledger, PolicyText, RequestSnapshot, RunSnapshot, StoreError,
};

type Hook = Box<dyn FnOnce() + Send>;
type Alter = Box<dyn Fn(&mut RequestSnapshot) + Send>;

/// The ledger.
pub(crate) struct HookedLedger {
    inner: MemoryStore,
    written: Mutex<Vec<CommitRecords>>,
    before_commit: Mutex<Vec<(usize, Hook)>>,
    after_commit: Mutex<Option<Hook>>,
    alter: Mutex<Option<Alter>>,
    failing_look_ups: AtomicU32,
    loads: AtomicU32,
    without_policy: AtomicBool,
}

impl HookedLedger {
    pub(crate) fn new(inner: MemoryStore) -> Self {
        Self {
            inner,
            written: Mutex::default(),
            before_commit: Mutex::default(),
            after_commit: Mutex::default(),
            alter: Mutex::default(),
            failing_look_ups: AtomicU32::new(0),
            loads: AtomicU32::new(0),
            without_policy: AtomicBool::new(false),
        }
    }

    /// Does this once, right before the next commit is written.
    pub(crate) fn before_next_commit(&self, hook: impl FnOnce() + Send + 'static) {
        self.before_commit_number(1, hook);
    }

    /// Does this once, right before the commit of this number from now on, the next one being 1.
    pub(crate) fn before_commit_number(&self, number: usize, hook: impl FnOnce() + Send + 'static) {
        lock(&self.before_commit).push((number, Box::new(hook)));
    }

    /// Does this once, right after the next commit was written and before its caller knows.
    pub(crate) fn after_next_commit(&self, hook: impl FnOnce() + Send + 'static) {
        *lock(&self.after_commit) = Some(Box::new(hook));
    }

    fn hooks_of_this_commit(&self) -> Vec<Hook> {
        let waiting = std::mem::take(&mut *lock(&self.before_commit));
        let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(number, _)| *number == 1);
        *lock(&self.before_commit) = later.into_iter().map(|(number, hook)| (number - 1, hook)).collect();
        now.into_iter().map(|(_, hook)| hook).collect()
    }

    /// From now on shows requests otherwise than they are stored.
    pub(crate) fn show_requests_as(&self, alter: impl Fn(&mut RequestSnapshot) + Send + 'static) {
        *lock(&self.alter) = Some(Box::new(alter));
    }

    /// The next so many look-ups of commits fail.
    pub(crate) fn fail_look_ups(&self, count: u32) {
        self.failing_look_ups.store(count, Ordering::SeqCst);
    }

    /// From now on no policy text is active.
    pub(crate) fn forget_policy(&self) {
        self.without_policy.store(true, Ordering::SeqCst);
    }

    /// How often a request was loaded.
    pub(crate) fn loads(&self) -> u32 {
        self.loads.load(Ordering::SeqCst)
    }

    /// All commits that were written, in order.
    pub(crate) fn written(&self) -> Vec<CommitRecords> {
        lock(&self.written).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

#[async_trait]
impl Ledger for HookedLedger {
    async fn load_call(&self, run: &RunId, lookup: &CallLookup) -> Result<CallSnapshot, StoreError> {
        let mut snapshot = self.inner.load_call(run, lookup).await?;
        if self.without_policy.load(Ordering::SeqCst) {
            snapshot.policy = None;
        }
        // Everybody who runs at the same time loads before anybody commits.
        tokio::task::yield_now().await;
        Ok(snapshot)
    }

    async fn load_request(&self, id: RequestId) -> Result<Option<RequestSnapshot>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let mut snapshot = self.inner.load_request(id).await?;
        if let (Some(snapshot), Some(alter)) = (&mut snapshot, &*lock(&self.alter)) {
            alter(snapshot);
        }
        if let Some(snapshot) = snapshot.as_mut().filter(|_| self.without_policy.load(Ordering::SeqCst)) {
            snapshot.policy = None;
        }
        tokio::task::yield_now().await;
        Ok(snapshot)
    }

    async fn load_run(&self, id: &RunId) -> Result<RunSnapshot, StoreError> {
        self.inner.load_run(id).await
    }

    async fn load_database(&self, server: &str, name: &DatabaseName) -> Result<DatabaseSnapshot, StoreError> {
        self.inner.load_database(server, name).await
    }

    async fn load_policy(&self, digest: Option<Digest>) -> Result<Option<PolicyText>, StoreError> {
        self.inner.load_policy(digest).await
    }

    async fn find_pseudonym(&self, principal: &Principal) -> Result<Option<Pseudonym>, StoreError> {
        self.inner.find_pseudonym(principal).await
    }

    async fn approval_on_record(&self, request: RequestId, plan: Digest) -> Result<bool, StoreError> {
        self.inner.approval_on_record(request, plan).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        for hook in self.hooks_of_this_commit() {
            hook();
        }
        let records = commit.records().clone();
        let outcome = self.inner.commit(commit).await;
        if outcome.is_ok() {
            lock(&self.written).push(records);
            let hook = lock(&self.after_commit).take();
            if let Some(hook) = hook {
                hook();
            }
        }
        outcome
    }

    async fn find_commit(&self, id: CommitId) -> Result<bool, StoreError> {
        let failing =
            self.failing_look_ups.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match failing {
            Ok(_) => Err(StoreError::Unavailable { message: "the test made the look-up fail".to_owned() }),
            Err(_) => self.inner.find_commit(id).await,
        }
    }

    async fn heartbeat(&self, run: &RunId) -> Result<bool, StoreError> {
        self.inner.heartbeat(run).await
    }
}
