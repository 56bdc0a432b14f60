//! Sessions of people, and their attempts to sign in.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_kernel::{Digest, Millis, OutsideGroup, Principal, Proof, Timestamp};
use countersign_usecases::access::Role;
use countersign_usecases::port::StoreError;
use countersign_usecases::sign_in::begin::Next;
use countersign_usecases::sign_in::finish::Brought;
use countersign_usecases::sign_in::session::{Previous, SessionLimits};
use countersign_usecases::sign_in::{
    Attempt, Person, ReturnTo, Secret, Session, SignIn, Way, begin, choose, recognise, sign_out,
    sign_out_everywhere,
};

use super::StoreFixture;
use super::world::{World, assert_stale};
use crate::SeededEntropy;

const LIMITS: SessionLimits = SessionLimits {
    idle: Millis::from_secs(1_800),
    absolute: Millis::from_secs(3_600),
    rotate_after: Millis::from_secs(900),
};

fn person(name: &str) -> Person {
    let principal = Principal::parse(name).unwrap();
    let groups = ["group:corp:sre", "group:corp:/staff/all"].map(|name| OutsideGroup::parse(name).unwrap());
    let roles = BTreeSet::from([Role::Viewer, Role::Approver]);
    Person::new(principal, Proof::Oidc, Some("Dana \u{201c}D\u{201d}"), roles, BTreeSet::from(groups))
}

fn secret(world: &World) -> Secret {
    Secret::draw(&world.entropy)
}

async fn session(world: &World, who: &str, secret: &Secret) -> Session {
    let now = world.now().await;
    let csrf = Secret::draw(&world.entropy);
    Session::begin(world.ids(now).session(), person(who), secret, csrf, &LIMITS, now)
}

async fn kept(world: &World, who: &str) -> (Session, Secret) {
    let secret = secret(world);
    let session = session(world, who, &secret).await;
    world.doors.sessions.insert_session(&session).await.unwrap();
    (session, secret)
}

async fn found(world: &World, secret: &Secret) -> Option<Session> {
    world.doors.sessions.load_session(&secret.hash()).await.unwrap().session
}

/// A session comes back with everything it was kept with, by the hash of its secret and by that of the one before, and by nothing else.
pub async fn a_session_comes_back_by_its_secret_and_by_the_one_before(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (first, old) = kept(&world, "user:corp:dana").await;
    kept(&world, "user:corp:erin").await;
    let before = world.now().await;
    let snapshot = world.doors.sessions.load_session(&old.hash()).await.unwrap();
    assert!(before <= snapshot.now && snapshot.now <= world.now().await, "the store's time comes along");
    assert_eq!(snapshot.session.as_ref(), Some(&first));
    let new = secret(&world);
    assert_eq!(found(&world, &new).await, None);

    let rotated = first.with_new_secret(&new, old.hash(), snapshot.now);
    world.doors.sessions.update_session(&rotated).await.unwrap();
    assert_eq!(found(&world, &new).await.as_ref(), Some(&rotated));
    assert_eq!(found(&world, &old).await.as_ref(), Some(&rotated));
    let previous = Some(Previous { secret: old.hash(), good_until: Some(snapshot.now.plus(Millis(5))) });
    let seen = Session { previous, version: 3, ..rotated };
    world.doors.sessions.update_session(&seen).await.unwrap();
    assert_eq!(found(&world, &old).await, Some(seen));
}

/// A change counts for the version it was decided on.
pub async fn a_session_changes_one_version_at_a_time(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (session, secret) = kept(&world, "user:corp:dana").await;
    let now = world.now().await;
    let revoked = session.revoked(now);
    world.doors.sessions.update_session(&revoked).await.unwrap();
    let used = Session { last_used_at: now, version: 2, ..session.clone() };
    assert_stale(world.doors.sessions.update_session(&used).await, "staff_sessions");
    assert_eq!(found(&world, &secret).await, Some(revoked), "nobody takes a sign-out back");
    let unknown = Session { id: world.ids(now).session(), ..used };
    assert_stale(world.doors.sessions.update_session(&unknown).await, "staff_sessions");
}

/// A secret opens one session.
pub async fn no_two_sessions_share_a_secret(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (first, secret) = kept(&world, "user:corp:dana").await;
    let second = session(&world, "user:corp:mallory", &secret).await;
    let refused = world.doors.sessions.insert_session(&second).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    assert_eq!(found(&world, &secret).await, Some(first));
}

/// All sessions of a principal end, each once; nobody else's does.
pub async fn all_sessions_of_a_principal_are_ended_at_once(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (dana, danas) = kept(&world, "user:corp:dana").await;
    let (_, again) = kept(&world, "user:corp:dana").await;
    let (erin, erins) = kept(&world, "user:corp:erin").await;
    let who = &dana.person.identity.principal;
    let before = world.now().await;
    assert_eq!(sign_out_everywhere(&*world.doors.sessions, who).await.unwrap(), 2);
    assert_eq!(sign_out_everywhere(&*world.doors.sessions, who).await.unwrap(), 0);
    for secret in [&danas, &again] {
        let ended = found(&world, secret).await.unwrap();
        let at = ended.revoked_at.unwrap();
        assert!(before <= at && at <= world.now().await, "it is the store's time");
        assert_eq!(ended.version, 2);
    }
    assert_eq!(found(&world, &erins).await, Some(erin));
}

fn attempt(state: &Secret, browser: &Secret, until: Timestamp, world: &World) -> Attempt {
    Attempt {
        state: state.hash(),
        browser: browser.hash(),
        nonce: secret(world),
        verifier: secret(world),
        return_to: ReturnTo::of(Some("/approvals?state=requested")),
        expires_at: until,
    }
}

/// An attempt is given to the browser that began it, once, however many ask at the same time.
pub async fn an_attempt_is_taken_once_and_by_its_own_browser(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let (state, browser, other) = (secret(&world), secret(&world), secret(&world));
    let until = world.now().await.plus(Millis::from_secs(600));
    let begun = attempt(&state, &browser, until, &world);
    world.doors.sessions.insert_attempt(&begun).await.unwrap();
    let take = async |state: Digest, browser: Digest| {
        world.doors.sessions.take_attempt(&state, &browser).await.unwrap().attempt
    };
    assert_eq!(take(state.hash(), other.hash()).await, None, "another browser's answer");
    assert_eq!(take(other.hash(), browser.hash()).await, None, "another state");
    let tries = (0..8).map(|_| {
        let (sessions, state, browser) = (Arc::clone(&world.doors.sessions), state.hash(), browser.hash());
        tokio::spawn(async move { sessions.take_attempt(&state, &browser).await.unwrap().attempt })
    });
    let mut taken = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        taken.extend(one.await.unwrap());
    }
    assert_eq!(taken, [begun], "one of them got it");
}

/// Sessions and attempts are erased once their end has come, no more at once than asked for.
pub async fn what_has_ended_is_erased_and_nothing_else(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let now = world.now().await;
    let mut secrets = Vec::new();
    for ends in [Millis(1), Millis(2), Millis::from_secs(3_600)] {
        let secret = secret(&world);
        let session = Session { ends_at: now.plus(ends), ..session(&world, "user:corp:dana", &secret).await };
        world.doors.sessions.insert_session(&session).await.unwrap();
        secrets.push(secret);
    }
    let (early, late, browser) = (secret(&world), secret(&world), secret(&world));
    for (state, until) in [(&early, Millis(1)), (&late, Millis::from_secs(600))] {
        let begun = attempt(state, &browser, now.plus(until), &world);
        world.doors.sessions.insert_attempt(&begun).await.unwrap();
    }
    world.advance(Millis(5)).await;
    assert_eq!(world.doors.sessions.forget_ended(1).await.unwrap(), 2, "one of each, the earliest");
    assert_eq!(found(&world, &secrets[0]).await, None);
    assert!(found(&world, &secrets[1]).await.is_some());
    assert_eq!(world.doors.sessions.forget_ended(10).await.unwrap(), 1);
    assert_eq!(world.doors.sessions.forget_ended(10).await.unwrap(), 0);
    assert!(found(&world, &secrets[2]).await.is_some());
    let left = world.doors.sessions.take_attempt(&late.hash(), &browser.hash()).await.unwrap();
    assert!(left.attempt.is_some());
}

fn sign_in(world: &World, rotate_after: Millis) -> SignIn {
    SignIn {
        store: Arc::clone(&world.doors.sessions),
        entropy: Arc::new(SeededEntropy::new(7)),
        limits: SessionLimits { rotate_after, ..LIMITS },
        way: Way::Development(vec![person("user:dev:dana"), person("user:dev:erin")]),
    }
}

async fn signed_in(sign_in: &SignIn, who: &str, session: Option<&Secret>) -> Secret {
    let begun = begin(sign_in, ReturnTo::front(), None).await.unwrap();
    let Next::Choose { state, .. } = begun.next else { panic!("a development login lets choose") };
    let brought = Brought { state: &state, browser: &begun.browser, session };
    let signed_in = choose(sign_in, brought, &Principal::parse(who).unwrap()).await.unwrap();
    let twice = choose(sign_in, brought, &Principal::parse(who).unwrap()).await.unwrap_err();
    assert_eq!(countersign_kernel::Fault::code(&twice), "sign_in_expired", "an answer counts once");
    signed_in.secret
}

/// The use cases on this store: each sign-in has a secret of its own and ends the session before; a sign-out ends one for good.
pub async fn people_sign_in_and_out_again(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let sign_in = sign_in(&world, LIMITS.rotate_after);
    let who = async |secret: &Secret| {
        let recognised = recognise(&sign_in, secret).await.ok()?;
        assert!(recognised.new_secret.is_none());
        Some(recognised.session.person.identity.principal.to_string())
    };
    let first = signed_in(&sign_in, "user:dev:dana", None).await;
    assert_eq!(who(&first).await.as_deref(), Some("user:dev:dana"));
    let second = signed_in(&sign_in, "user:dev:erin", Some(&first)).await;
    assert_ne!(first, second);
    assert_eq!(who(&first).await, None, "a sign-in ends the session that the browser had");
    assert_eq!(who(&second).await.as_deref(), Some("user:dev:erin"));
    sign_out(&sign_in, &second).await.unwrap();
    sign_out(&sign_in, &second).await.unwrap();
    assert_eq!(who(&second).await, None);
    assert_eq!(who(&secret(&world)).await, None);
}

/// Of requests that come at once when a new secret is due, one gets it and all are let through; the old one goes on until it was used.
pub async fn requests_at_once_get_one_new_secret(fixture: &dyn StoreFixture) {
    let world = World::of(fixture).await;
    let sign_in = Arc::new(sign_in(&world, Millis(0)));
    let old = signed_in(&sign_in, "user:dev:dana", None).await;
    let tries = (0..6).map(|_| {
        let (sign_in, old) = (Arc::clone(&sign_in), old.clone());
        tokio::spawn(async move { recognise(&sign_in, &old).await.unwrap().new_secret })
    });
    let mut new = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        new.extend(one.await.unwrap());
    }
    assert_eq!(new.len(), 1, "one new secret: {new:?}");
    assert!(recognise(&sign_in, &old).await.unwrap().new_secret.is_none(), "the answer may be under way");
    recognise(&sign_in, &new[0]).await.unwrap();
    let previous = found(&world, &new[0]).await.unwrap().previous.unwrap();
    assert!(previous.good_until.is_some(), "its end is settled by the first use of the new one");
}
