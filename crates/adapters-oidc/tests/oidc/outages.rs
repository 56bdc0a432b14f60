//! What the provider says about itself: when it is asked again, and what holds while it can't be.

use std::time::Duration;

use countersign_kernel::{Millis, Timestamp};
use countersign_simulators::{Behaviour, FaultRule, OidcChange};
use countersign_usecases::port::ProviderError;
use tokio::join;

use crate::support::{METADATA, World, now, unavailable};

/// How long a failure is remembered: five seconds, beyond the half that asking may take in these tests.
const REMEMBERED: Millis = Millis(5_500);

fn after(span: Millis) -> Timestamp {
    now().plus(span)
}

impl World {
    /// The provider is away for so many questions about itself.
    fn away(&self, times: u32, behaviour: Behaviour) {
        self.simulator.fail(FaultRule { times, ..FaultRule::next("GET", METADATA, behaviour) });
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_asked_again_later() {
    let world = World::new().await;
    world.away(1, Behaviour::status(503));
    unavailable(world.url_at(now()).await);
    world.simulator.fail_next("GET", "/keys", Behaviour::DropBeforeHandling);
    unavailable(world.provider.look().await);
    let later = after(REMEMBERED);
    for behaviour in [Behaviour::DropAfterHandling, Behaviour::Hang { for_ms: 5_000 }] {
        let code = world.code_at(later).await;
        world.simulator.fail_next("POST", "/token", behaviour);
        unavailable(world.redeem_at(&code, later).await);
    }
    world.redeem_at(&world.code_at(later).await, later).await.unwrap();
}

#[tokio::test]
async fn a_new_key_is_fetched_and_a_withdrawn_one_is_not_trusted_for_long() {
    let world = World::new().await;
    world.redeem(&world.code().await).await.unwrap();
    world.simulator.set(OidcChange::RotateKey);
    world.redeem(&world.code().await).await.unwrap();
    assert_eq!(world.seen("/keys"), 2, "read again for the key that was not known");
    world.redeem(&world.code().await).await.unwrap();
    assert_eq!(world.seen("/keys"), 2);
    world.url_at(after(Millis::from_secs(3601))).await.unwrap();
    assert_eq!(world.seen("/keys"), 3, "read again after a while");
}

#[tokio::test]
async fn whoever_waited_for_an_answer_that_did_not_come_is_told_so_at_once() {
    let world = World::new().await;
    world.away(9, Behaviour::Hang { for_ms: 60_000 });
    let begun = now();
    let (one, two, three) = join!(world.url_at(begun), world.url_at(begun), world.url_at(after(Millis(400))));
    for url in [one, two, three] {
        unavailable(url);
    }
    assert_eq!(world.seen(METADATA), 1, "one asked for all of them");
    unavailable(world.url_at(begun.plus(Millis(5_400))).await);
    assert_eq!(world.seen(METADATA), 1, "and is remembered to have asked in vain");
    unavailable(world.url_at(begun.plus(REMEMBERED)).await);
    assert_eq!(world.seen(METADATA), 2, "but not for long");
}

#[tokio::test]
async fn one_asks_for_all_who_begin_at_once() {
    let world = World::new().await;
    world.away(1, Behaviour::Delay { for_ms: 100 });
    let (one, two, three) = join!(world.url_at(now()), world.url_at(now()), world.url_at(now()));
    for url in [one, two, three] {
        url.unwrap();
    }
    assert_eq!((world.seen(METADATA), world.seen("/keys")), (1, 1));
}

#[tokio::test]
async fn all_that_is_asked_is_asked_within_one_timeout() {
    let world = World::new().await;
    for path in [METADATA, "/keys"] {
        world.simulator.fail_next("GET", path, Behaviour::Delay { for_ms: 300 });
    }
    unavailable(world.url_at(now()).await);
}

#[tokio::test]
async fn whoever_gives_up_does_not_end_what_others_wait_for() {
    let world = World::new().await;
    world.away(1, Behaviour::Delay { for_ms: 200 });
    let given_up = tokio::time::timeout(Duration::from_millis(50), world.url_at(now())).await;
    given_up.unwrap_err();
    world.url_at(now()).await.unwrap();
    assert_eq!(world.seen(METADATA), 1, "the question of whoever gave up was answered");
}

#[tokio::test]
async fn what_a_provider_said_is_held_on_to_for_a_day_while_it_is_away() {
    let world = World::new().await;
    let begun = now();
    world.url_at(begun).await.unwrap();
    world.simulator.set(OidcChange::RotateKey);
    world.simulator.fail_next("GET", "/keys", Behaviour::status(503));
    let cut = FaultRule::next("GET", "/keys", Behaviour::DropBeforeHandling);
    world.simulator.fail(FaultRule { times: 2, ..cut });
    for later in [Millis::from_secs(3_601), Millis(Millis::from_days(1).0 - 1)] {
        world.url_at(begun.plus(later)).await.unwrap();
    }
    assert_eq!(world.seen("/keys"), 3, "it is asked each time");
    let day = begun.plus(Millis::from_days(1));
    unavailable(world.url_at(day).await);
    unavailable(world.url_at(day.plus(REMEMBERED)).await);
    world.url_at(begun.plus(Millis::from_days(2))).await.unwrap();
    assert_eq!(world.seen("/keys"), 5, "and is back");
}

#[tokio::test]
async fn a_provider_that_says_something_else_is_not_away() {
    let world = World::new().await;
    world.url_at(now()).await.unwrap();
    world.simulator.set(OidcChange::RenameIssuer { issuer: "https://evil.example".to_owned() });
    let later = after(Millis::from_secs(3_601));
    assert!(unavailable(world.url_at(later).await).contains("https://evil.example"));
    assert!(unavailable(world.url_at(later).await).contains("https://evil.example"), "nor a moment later");
}

#[tokio::test]
async fn a_key_that_is_not_known_is_not_asked_for_again_and_again() {
    let world = World::new().await;
    let begun = now();
    world.redeem_at(&world.code_at(begun).await, begun).await.unwrap();
    world.simulator.set(OidcChange::RotateKey);
    world.redeem_at(&world.code_at(begun).await, begun).await.unwrap();
    world.simulator.set(OidcChange::RotateKey);
    world.simulator.set(OidcChange::RotateKey);
    let soon = begun.plus(Millis(9_999));
    let error = world.redeem_at(&world.code_at(soon).await, soon).await.unwrap_err();
    assert!(matches!(error, ProviderError::NotAccepted { .. }), "{error:?}");
    assert_eq!(world.seen("/keys"), 2);
    let later = begun.plus(Millis(10_000));
    world.redeem_at(&world.code_at(later).await, later).await.unwrap();
    assert_eq!(world.seen("/keys"), 3);
}

#[tokio::test]
async fn a_key_that_cannot_be_asked_for_proves_nothing() {
    let world = World::new().await;
    world.redeem(&world.code().await).await.unwrap();
    world.simulator.set(OidcChange::RotateKey);
    let (one, two) = (world.code().await, world.code().await);
    world.simulator.fail_next("GET", "/keys", Behaviour::status(503));
    unavailable(world.redeem(&one).await);
    unavailable(world.redeem(&two).await);
    assert_eq!(world.seen(METADATA), 2, "nobody asks again at once");
    let later = after(REMEMBERED);
    world.redeem_at(&world.code_at(later).await, later).await.unwrap();
}
