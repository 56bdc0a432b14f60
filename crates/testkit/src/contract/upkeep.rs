//! Upkeep: wrapped keys are seen and replaced one by one, and old commits are forgotten, while everything else stays as it is.

use countersign_kernel::{Millis, RequestId};
use countersign_usecases::record::{SealedRecord, WrappedKeyRecord};

use super::StoreFixture;
use super::world::{World, sealed_for};

async fn with_sealed_values(world: &World, names: &[&str]) -> Vec<RequestId> {
    let run = world.register("run-1").await;
    world.open_sealed(&run, names).await
}

async fn all(world: &World) -> Vec<WrappedKeyRecord> {
    world.doors.upkeep.list_wrapped_keys(None, 500).await.unwrap()
}

/// Wrapped keys come in the order of request, revision and purpose; the next page begins after the last row of the one before.
pub async fn wrapped_keys_are_listed_in_order_and_paged(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    assert_eq!(all(&world).await, []);
    let ids = with_sealed_values(&world, &["x", "y", "z"]).await;
    let mut draft = world.draft().await;
    let now = draft.now();
    draft.seal(sealed_for(ids[1], 2, now));
    draft.seal(SealedRecord { purpose: "another".to_owned(), ..sealed_for(ids[1], 1, now) });
    world.commit(draft).await;

    let rows = all(&world).await;
    let keys: Vec<_> =
        rows.iter().map(|row| (row.request_id.parse().unwrap(), row.revision, &*row.purpose)).collect();
    let (generated, another) = ("generated", "another");
    let expected = [
        (ids[0], 1, generated),
        (ids[1], 1, another),
        (ids[1], 1, generated),
        (ids[1], 2, generated),
        (ids[2], 1, generated),
    ];
    assert_eq!(keys, expected);
    assert!(rows.iter().all(|row| row.master_key_id == "m1" && row.wrapped_key == "d3JhcHBlZA=="));

    let mut paged = Vec::new();
    loop {
        let page = world.doors.upkeep.list_wrapped_keys(paged.last(), 2).await.unwrap();
        assert!(page.len() <= 2);
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, rows);
}

/// Of several that read the same wrapped key one replaces it. Another one, or one of another master key, is not replaced.
pub async fn a_wrapped_key_is_replaced_once(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    with_sealed_values(&world, &["x"]).await;
    let found = all(&world).await.remove(0);
    let upkeep = &world.doors.upkeep;
    let others = [
        WrappedKeyRecord { wrapped_key: "b3RoZXI=".to_owned(), ..found.clone() },
        WrappedKeyRecord { master_key_id: "m0".to_owned(), ..found.clone() },
        WrappedKeyRecord { revision: 2, ..found.clone() },
        WrappedKeyRecord { purpose: "another".to_owned(), ..found.clone() },
    ];
    for other in others {
        assert!(!upkeep.replace_wrapped_key(&other, "m2", "bmV3").await.unwrap(), "{other:?}");
    }
    assert_eq!(all(&world).await, std::slice::from_ref(&found));

    assert!(upkeep.replace_wrapped_key(&found, "m2", "bmV3").await.unwrap());
    assert!(!upkeep.replace_wrapped_key(&found, "m3", "bmV3ZXI=").await.unwrap(), "somebody else was first");
    let (master_key_id, wrapped_key) = ("m2".to_owned(), "bmV3".to_owned());
    assert_eq!(all(&world).await, [WrappedKeyRecord { master_key_id, wrapped_key, ..found }]);
}

/// The sealed value, when it was made, the other rows and the request's version stay: an executor at work is not disturbed.
pub async fn a_replaced_wrapped_key_changes_nothing_else(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let ids = with_sealed_values(&world, &["x", "y"]).await;
    let (before, other) = (world.snapshot(ids[0]).await, world.snapshot(ids[1]).await);
    let found = all(&world).await.remove(0);
    assert!(world.doors.upkeep.replace_wrapped_key(&found, "m2", "bmV3").await.unwrap());
    let after = world.snapshot(ids[0]).await;
    let (master_key_id, wrapped_key) = ("m2".to_owned(), "bmV3".to_owned());
    assert_eq!(after.sealed, [SealedRecord { master_key_id, wrapped_key, ..before.sealed[0].clone() }]);
    assert_eq!((after.request, after.run), (before.request, before.run));
    assert_eq!(world.snapshot(ids[1]).await.sealed, other.sealed);
    world.cancel(ids[0]).await;
    assert!(world.snapshot(ids[0]).await.sealed.is_empty(), "it is erased as ever");
}

/// A request that settled since its row was read keeps nothing sealed.
pub async fn a_value_that_was_erased_is_not_wrapped_again(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let ids = with_sealed_values(&world, &["x"]).await;
    let found = all(&world).await.remove(0);
    world.cancel(ids[0]).await;
    assert!(!world.doors.upkeep.replace_wrapped_key(&found, "m2", "bmV3").await.unwrap());
    assert_eq!(all(&world).await, []);
}

/// Commits older than the given age are forgotten, the oldest first, no more than asked for; what they wrote stays.
pub async fn old_commits_are_forgotten_and_young_ones_kept(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let mut ids = Vec::new();
    for name in ["run-1", "run-2", "run-3"] {
        let draft = {
            let mut draft = world.draft().await;
            let run = countersign_waitstate::register(
                crate::build::run_facts(name),
                countersign_waitstate::RunLinks::default(),
                draft.now(),
            );
            draft.record_run(run).unwrap();
            draft
        };
        let commit = draft.finish();
        ids.push(commit.id());
        world.try_commit(commit).await.unwrap();
        if name != "run-3" {
            world.advance(Millis(1_500)).await;
        }
    }
    let upkeep = &world.doors.upkeep;
    let found = async || {
        let mut found = Vec::new();
        for id in &ids {
            found.push(world.doors.ledger.find_commit(*id).await.unwrap());
        }
        found
    };
    assert_eq!(upkeep.forget_commits(Millis::from_secs(3600), 10).await.unwrap(), 0);
    assert_eq!(found().await, [true, true, true]);
    assert_eq!(upkeep.forget_commits(Millis(1_400), 1).await.unwrap(), 1, "no more than asked for");
    assert_eq!(found().await, [false, true, true], "the oldest first");
    assert_eq!(upkeep.forget_commits(Millis(1_400), 10).await.unwrap(), 1);
    assert_eq!(found().await, [false, false, true], "the third is younger");
    assert_eq!(world.run(&crate::build::run_id("run-1")).await.version, 1, "what it wrote stays");
}
