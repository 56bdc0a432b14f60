//! Upkeep: rotating the master key while requests are under way, and forgetting old commits.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use countersign_audit::Pseudonym;
use countersign_kernel::{Actor, Millis, RequestId, Timestamp};
use countersign_mcp_tools::{SecretSpec, StepOutcome};
use countersign_testkit::build::words;
use countersign_testkit::{MemoryStore, SeededEntropy, TestTool};
use countersign_usecases::commit::{Commit, Draft, DraftContext};
use countersign_usecases::master_keys::{KeyUse, Rewrapped, key_uses, rewrap_all};
use countersign_usecases::port::{Ids, Ledger, StoreError, Upkeep};
use countersign_usecases::record::WrappedKeyRecord;
use countersign_usecases::seal::{MasterKey, SealError, Sealer};
use countersign_usecases::upkeep::{COMMITS_KEPT, forget_old_commits};

use crate::support::{World, check};

/// The world's services seal with `k1`.
fn sealer(active: &str, ids: &[(&str, u8)]) -> Sealer {
    let keys = ids.iter().map(|(id, byte)| ((*id).to_owned(), MasterKey::new([*byte; 32])));
    Sealer::new(keys.collect::<BTreeMap<_, _>>(), active.to_owned()).unwrap()
}

fn both() -> Sealer {
    sealer("k2", &[("k1", 7), ("k2", 8)])
}

async fn rewrapped(store: &dyn Upkeep, sealer: &Sealer) -> Rewrapped {
    rewrap_all(store, sealer, &SeededEntropy::new(5)).await.unwrap()
}

fn used(values: u64, oldest: &[RequestId]) -> KeyUse {
    KeyUse { values, oldest: oldest.iter().map(ToString::to_string).collect() }
}

fn context(entropy: &SeededEntropy, now: Timestamp) -> DraftContext<'_> {
    let actor = Actor::system("test");
    let pseudonym = Pseudonym::of_role(&actor).unwrap();
    DraftContext { ids: Ids::new(entropy, now), now, actor, pseudonym, policy: None, new_principal: None }
}

/// A store that is gone after so many keys were replaced, and in which somebody else commits right before the first.
struct Disturbed {
    store: MemoryStore,
    gone_after: AtomicU32,
    commit: Mutex<Option<Commit>>,
}

impl Disturbed {
    fn new(world: &World, gone_after: u32, commit: Option<Commit>) -> Self {
        Self { store: world.store.clone(), gone_after: gone_after.into(), commit: Mutex::new(commit) }
    }
}

#[async_trait]
impl Upkeep for Disturbed {
    async fn list_wrapped_keys(
        &self,
        after: Option<&WrappedKeyRecord>,
        limit: u32,
    ) -> Result<Vec<WrappedKeyRecord>, StoreError> {
        self.store.list_wrapped_keys(after, limit).await
    }

    async fn replace_wrapped_key(
        &self,
        found: &WrappedKeyRecord,
        master_key_id: &str,
        wrapped_key: &str,
    ) -> Result<bool, StoreError> {
        let commit = self.commit.lock().unwrap().take();
        if let Some(commit) = commit {
            self.store.commit(commit).await?;
        }
        if self.gone_after.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Err(StoreError::Unavailable { message: "gone".to_owned() });
        }
        self.store.replace_wrapped_key(found, master_key_id, wrapped_key).await
    }

    async fn forget_commits(&self, older_than: Millis, at_most: u32) -> Result<u64, StoreError> {
        self.store.forget_commits(older_than, at_most).await
    }
}

/// A world with this many requests whose first step has not been done yet, and whose secret is sealed.
async fn sealing(names: &[&str]) -> (World, Vec<RequestId>) {
    let world = World::with_tool(TestTool::writing(2).with_secret(24), Default::default()).await;
    let mut ids = Vec::new();
    for name in names {
        let later = StepOutcome::Transient {
            code: "target_unreachable",
            message: "away".to_owned(),
            retry_after: None,
        };
        world.tool.script_step(1, later);
        ids.push(world.approved(name).await);
        world.work_off().await;
    }
    ids.sort();
    assert_eq!(world.rows().sealed.len(), names.len());
    (world, ids)
}

#[tokio::test]
async fn a_request_under_way_goes_on_with_a_server_that_knows_only_the_new_master_key() {
    let (world, ids) = sealing(&["a"]).await;
    assert_eq!(key_uses(&world.store).await.unwrap(), BTreeMap::from([("k1".to_owned(), used(1, &ids))]));
    assert_eq!(rewrapped(&world.store, &both()).await, Rewrapped { rewrapped: 1, ..Rewrapped::default() });
    assert_eq!(key_uses(&world.store).await.unwrap(), BTreeMap::from([("k2".to_owned(), used(1, &ids))]));

    let replica = world.replica_without_key();
    for _ in 0..10 {
        world.pass_with(&replica, 2).await;
    }
    assert_eq!(world.state(ids[0]).await, "applied");
    let effects = world.tool.journal().effects();
    assert!(effects.len() == 2 && effects[0].secret.is_some() && effects[0].secret == effects[1].secret);
    assert_eq!(key_uses(&world.store).await.unwrap(), BTreeMap::new());
    check(&world.rows());
}

#[tokio::test]
async fn rewrapping_again_changes_nothing_and_a_value_stays_sealed_as_it_is() {
    let (world, _) = sealing(&["a", "b"]).await;
    let before = world.rows().sealed;
    assert_eq!(rewrapped(&world.store, &both()).await.rewrapped, 2);
    let after = world.rows().sealed;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((&before.sealed_value, before.sealed_at), (&after.sealed_value, after.sealed_at));
        assert_ne!(before.wrapped_key, after.wrapped_key);
    }
    assert_eq!(rewrapped(&world.store, &both()).await, Rewrapped::default());
    assert_eq!(world.rows().sealed, after);
}

#[tokio::test]
async fn what_needs_a_master_key_that_is_not_configured_is_left_and_named() {
    let (world, ids) = sealing(&["a", "b"]).await;
    let before = world.rows().sealed;
    let done = rewrapped(&world.store, &sealer("k2", &[("k2", 8)])).await;
    assert_eq!((done.rewrapped, done.overtaken), (0, 0));
    let left: Vec<_> = done.left.into_iter().map(|left| (left.request_id, left.why)).collect();
    let why = SealError::UnknownKey("k1".to_owned());
    assert_eq!(left, [(ids[0].to_string(), why.clone()), (ids[1].to_string(), why)]);
    // A key of that id which is not the one that wrapped it does no harm either.
    let done = rewrapped(&world.store, &sealer("k2", &[("k1", 9), ("k2", 8)])).await;
    assert!(done.rewrapped == 0 && done.left.iter().all(|left| matches!(left.why, SealError::Damaged(_))));
    assert_eq!(world.rows().sealed, before);
}

/// What a run that was cut off did not reach is done by the next one.
#[tokio::test]
async fn a_run_that_was_cut_off_is_finished_by_the_next() {
    let (world, ids) = sealing(&["a", "b", "c"]).await;
    let disturbed = Disturbed::new(&world, 1, None);
    let cut = rewrap_all(&disturbed, &both(), &SeededEntropy::new(5)).await.unwrap_err();
    assert!(matches!(cut, StoreError::Unavailable { .. }));
    let uses = key_uses(&world.store).await.unwrap();
    let expected = [("k1".to_owned(), used(2, &ids[1..])), ("k2".to_owned(), used(1, &ids[..1]))];
    assert_eq!(uses, BTreeMap::from(expected));
    assert_eq!(rewrapped(&world.store, &both()).await.rewrapped, 2);
    assert_eq!(key_uses(&world.store).await.unwrap()["k2"].values, 3);
}

/// A server that still seals with the old key while values are wrapped anew: what it made meanwhile is found by the same run, even where
/// its row stands before those that were read already.
#[tokio::test]
async fn what_is_sealed_with_the_old_key_meanwhile_is_found_in_the_same_run() {
    let (world, requests) = sealing(&["a"]).await;
    let (entropy, now) = (SeededEntropy::new(6), world.clock.now());
    let first = RequestId::from_parts(Timestamp::from_unix_micros(0), [0; 10]);
    let old = sealer("k1", &[("k1", 7)]);
    let mut draft = Draft::new(context(&entropy, now));
    draft.seal(old.generate(&entropy, SecretSpec { length: 20 }, first, 1, now).unwrap());
    let disturbed = Disturbed::new(&world, u32::MAX, Some(draft.finish()));
    let done = rewrap_all(&disturbed, &both(), &SeededEntropy::new(5)).await.unwrap();
    assert_eq!((done.rewrapped, done.left.len()), (2, 0));
    assert_eq!(key_uses(&world.store).await.unwrap()["k2"], used(2, &[first, requests[0]]));
}

#[tokio::test]
async fn a_value_that_is_erased_meanwhile_is_no_error() {
    let (world, ids) = sealing(&["a", "b"]).await;
    let snapshot = world.store.load_request(ids[0]).await.unwrap().unwrap();
    let entropy = SeededEntropy::new(6);
    let mut draft = Draft::about(context(&entropy, snapshot.now), &snapshot.run);
    let failed = snapshot.request.give_up(&snapshot.progress, "target_invalid", words("no"), snapshot.now);
    draft.record(failed.unwrap()).unwrap();
    let disturbed = Disturbed::new(&world, u32::MAX, Some(draft.finish()));
    let done = rewrap_all(&disturbed, &both(), &SeededEntropy::new(5)).await.unwrap();
    assert_eq!((done.rewrapped, done.overtaken, done.left.len()), (1, 1, 0));
    assert_eq!(
        key_uses(&world.store).await.unwrap(),
        BTreeMap::from([("k2".to_owned(), used(1, &ids[1..]))])
    );
}

#[tokio::test]
async fn commits_are_forgotten_after_a_day_and_not_before() {
    let world = World::new(1).await;
    assert_eq!(forget_old_commits(&world.store).await.unwrap(), 0);
    assert_eq!(COMMITS_KEPT, Millis(86_400_000));
    world.clock.advance(COMMITS_KEPT);
    assert_eq!(forget_old_commits(&world.store).await.unwrap(), 0, "a day is not more than a day");
    world.clock.advance(Millis(1));
    world.call("a").await;
    let forgotten = forget_old_commits(&world.store).await.unwrap();
    assert!(forgotten > 1, "those that made the world: {forgotten}");
    assert_eq!(forget_old_commits(&world.store).await.unwrap(), 0, "the young one is kept");
    world.clock.advance(Millis(COMMITS_KEPT.0 + 1));
    assert_eq!(forget_old_commits(&world.store).await.unwrap(), 1);
    check(&world.rows());
}
