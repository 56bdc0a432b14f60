//! `cargo xtask crash --planted`: servers with a deliberate fault. For each, the oracle or the contract suite has to notice, and to name
//! what doesn't hold. Each scene is also played without the fault, and then nothing may be found.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_kernel::Millis;
use countersign_simulators::{Behaviour, KubernetesChange};
use countersign_testkit::contract::{ContractClock, Doors, StoreFixture, atomic};
use countersign_testkit::planted::{Plant, PlantedLedger};
use countersign_testkit::{MemoryStore, TestClock};
use countersign_transport_grpc::v1::RequestState;
use tokio::task::{JoinSet, LocalSet};

use super::arena::Arena;
use super::look;
use super::oracle::{Broken, Invariant, judge};
use super::plot::Plot;
use super::story::{Story, is_settled};
use super::tale::Tale;
use crate::clients::Parties;
use crate::store::Store;

/// A server with a fault may never come to an end: this long is waited for one.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a scene found, with its fault and without.
#[derive(Debug)]
pub struct Found {
    /// The fault.
    pub plant: Plant,
    /// What the oracle found with the fault.
    pub with: Vec<Broken>,
    /// What it found without.
    pub without: Vec<Broken>,
}

impl Found {
    /// Whether the fault was noticed, and nothing else.
    pub fn is_caught(&self) -> bool {
        !self.with.is_empty() && self.without.is_empty()
    }
}

/// Plays the scenes of all faults, or of one.
///
/// # Errors
/// A scene can't be played.
pub async fn run(only: Option<Plant>) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let plants: Vec<_> =
        Plant::ALL.into_iter().filter(|plant| only.is_none_or(|only| only == *plant)).collect();
    // A few at once: most of the time is waiting.
    for some in plants.chunks(5) {
        let local = LocalSet::new();
        let played = local.run_until(async {
            let mut scenes = JoinSet::new();
            for plant in some.iter().copied() {
                scenes.spawn_local(async move {
                    let with = scene(plant, true).await.with_context(|| format!("with {plant}"))?;
                    let without = scene(plant, false).await.with_context(|| format!("without {plant}"))?;
                    anyhow::Ok(Found { plant, with, without })
                });
            }
            let mut played = Vec::new();
            while let Some(scene) = scenes.join_next().await {
                played.push(scene??);
            }
            anyhow::Ok(played)
        });
        found.extend(played.await?);
    }
    found.sort_by_key(|found| found.plant.as_str());
    Ok(found)
}

async fn scene(plant: Plant, planted: bool) -> Result<Vec<Broken>> {
    let fault = planted.then_some(plant);
    match plant {
        Plant::NoFence | Plant::FinishWithoutVersion => contract(plant, planted).await,
        Plant::FreshRandomOnRetry => told(fault, plot("sync")?, &["commit(step1.done).after#1"]).await,
        Plant::EffectBeforeCommit => {
            told(fault, plot("create")?, &["commit(approval.applying+step1.intended).before#1"]).await
        }
        Plant::LeaseWithoutDeadline => told(fault, plot("create")?, &["work(claim execute).after#1"]).await,
        Plant::ResumeBeforeSettled => unpaused(fault).await,
        Plant::ForgetToErase | Plant::LoseAnEvent | Plant::LoseTheOutcome | Plant::ClaimWithoutDoing => {
            told(fault, plot("sync")?, &[]).await
        }
        Plant::UndoWithoutDoing => told(fault, plot("sync-taken-back")?, &[]).await,
        Plant::RetryOnUnknown => cut(fault).await,
        Plant::AdoptForeignDatabase => foreign(fault).await,
        Plant::SkipDigestCheck => tampered(fault).await,
        Plant::IgnoreDrift => drifted(fault).await,
        Plant::SelfApproval => by_oneself(fault).await,
    }
}

fn plot(name: &str) -> Result<Plot> {
    Plot::named(name).with_context(|| format!("no story is called `{name}`"))
}

async fn arena(fault: Option<Plant>) -> Result<Arena> {
    let variables = fault.map(|plant| ("COUNTERSIGN_PLANT", plant.as_str()));
    let mut arena = Arena::open(Store::Sqlite, 1, variables.as_slice()).await?;
    arena.patience = PATIENCE;
    Ok(arena)
}

/// A story from call to outcome, with deaths at these points.
async fn told(fault: Option<Plant>, plot: Plot, deaths: &[&str]) -> Result<Vec<Broken>> {
    let mut arena = arena(fault).await?;
    let mut story = Story::new(plot, "planted".to_owned());
    story.prepare(&mut arena).await?;
    tell(&mut arena, &story, deaths).await
}

async fn tell(arena: &mut Arena, story: &Story, deaths: &[&str]) -> Result<Vec<Broken>> {
    let deaths: Vec<_> = deaths.iter().map(|point| (*point).to_owned()).collect();
    arena.arm(&deaths)?;
    arena.watch(Some(&Tale::Story(story.clone())));
    let evidence = story.play(arena).await?;
    ensure!(arena.deaths == names_of(&deaths), "died at {:?} instead of {deaths:?}", arena.deaths);
    let mut broken = arena.broken_at_death();
    broken.extend(judge(&evidence));
    Ok(broken)
}

fn names_of(points: &[String]) -> Vec<String> {
    points.iter().map(|point| point.split('#').next().unwrap_or_default().to_owned()).collect()
}

/// Only begun: a run that didn't wait can't be made to go on.
async fn unpaused(fault: Option<Plant>) -> Result<Vec<Broken>> {
    let mut arena = arena(fault).await?;
    let begun = Story::new(plot("sync")?, "planted".to_owned()).begin(&mut arena, "story").await?;
    let what = "the run did not wait while the request was open".to_owned();
    Ok(broken_if(!begun.paused, Invariant::RunResumedOnlyWhenSettled, what))
}

/// GitHub's answer to the write is cut.
async fn cut(fault: Option<Plant>) -> Result<Vec<Broken>> {
    let mut arena = arena(fault).await?;
    arena.site.github.fail_next("PUT", "/repos/acme/shop/**", Behaviour::DropAfterHandling);
    tell(&mut arena, &Story::new(plot("sync")?, "planted".to_owned()), &[]).await
}

/// Somebody else's database has the name.
async fn foreign(fault: Option<Plant>) -> Result<Vec<Broken>> {
    let mut arena = arena(fault).await?;
    let story = Story::new(plot("create")?, "planted".to_owned());
    look::make_foreign_database(&arena.site, &story.database()).await?;
    let Ok(begun) = story.begin(&mut arena, "story").await else { return Ok(Vec::new()) };
    story.decide(&mut arena, &begun).await?;
    let state = story.settled(&mut arena, &begun).await?;
    let what = format!("the request came to {state:?} beside {:?}", look::databases(&arena.site).await?);
    Ok(broken_if(state == Some(RequestState::Applied), Invariant::NoForeignDatabaseAdopted, what))
}

/// Somebody changes the stored plan between approval and execution.
async fn tampered(fault: Option<Plant>) -> Result<Vec<Broken>> {
    let mut arena = arena(fault).await?;
    let story = Story::new(plot("sync")?, "planted".to_owned());
    let begun = story.begin(&mut arena, "story").await?;
    arena.arm(&["work(claim execute).after#1".to_owned()])?;
    story.decide(&mut arena, &begun).await?;
    arena.await_death().await?;
    let (true_name, other) = (story.kubernetes_name(), "key-evil");
    look::tamper(&arena.site, &begun.request_id, &true_name, other).await?;
    arena.tend().await?;
    story.settled(&mut arena, &begun).await?;
    let effects = arena.site.journal.effects();
    let elsewhere = effects.iter().any(|effect| effect.place.contains(other));
    Ok(broken_if(elsewhere, Invariant::EffectIsWhatWasApproved, format!("{effects:?}")))
}

/// The Secret changes between approval and execution.
async fn drifted(fault: Option<Plant>) -> Result<Vec<Broken>> {
    let mut arena = arena(fault).await?;
    let story = Story::new(plot("sync")?, "planted".to_owned());
    let by_hand = |key: &str| KubernetesChange::PutSecret {
        namespace: "shop-dev".to_owned(),
        name: story.kubernetes_name(),
        data: [(key.to_owned(), "by hand".to_owned())].into(),
        manager: "somebody".to_owned(),
    };
    arena.site.kubernetes.set(by_hand("before"))?;
    let begun = story.begin(&mut arena, "story").await?;
    arena.site.kubernetes.set(by_hand("after"))?;
    story.decide(&mut arena, &begun).await?;
    let run_id = begun.run_id.clone();
    let asked_again = arena
        .until("seeing whether it drifts", PATIENCE, async |parties: &Parties| {
            let events = parties.events(&run_id).await?;
            let drifted = events.iter().any(|event| event.r#type == "approval.drifted");
            let settled = is_settled(parties.state(&begun.request_id).await?);
            Ok((drifted || settled).then_some(drifted))
        })
        .await?;
    let what = format!("asked again: {asked_again:?}, {:?}", arena.site.journal.effects());
    Ok(broken_if(asked_again != Some(true), Invariant::DriftIsNotOverwritten, what))
}

/// Whoever launched the run decides its request.
async fn by_oneself(fault: Option<Plant>) -> Result<Vec<Broken>> {
    let mut arena = arena(fault).await?;
    arena.launched_by = Some("user:github:alice".to_owned());
    let story = Story::new(plot("create")?, "planted".to_owned());
    let begun = story.begin(&mut arena, "story").await?;
    let decided = story.decide(&mut arena, &begun).await.is_ok();
    Ok(broken_if(decided, Invariant::NoSelfApproval, "the vote was counted".to_owned()))
}

fn broken_if(so: bool, invariant: Invariant, what: String) -> Vec<Broken> {
    so.then_some(Broken { invariant, what }).into_iter().collect()
}

/// A store in memory, with a fault in front of it.
struct Fixture(Option<Plant>);

struct Clock(TestClock);

#[async_trait::async_trait]
impl ContractClock for Clock {
    async fn advance(&self, span: Millis) {
        self.0.advance(span);
    }
}

#[async_trait::async_trait]
impl StoreFixture for Fixture {
    async fn fresh(&self) -> Doors {
        let clock = TestClock::ticking();
        let store = Arc::new(MemoryStore::with_lease(clock.clone(), Millis(1_000)));
        let ledger = match self.0 {
            None => store.clone() as _,
            Some(plant) => Arc::new(PlantedLedger::new(store.clone(), plant, None)) as _,
        };
        Doors::of(ledger, store.clone(), store.clone(), store.clone(), store.clone(), store, Clock(clock))
    }
}

/// The rule of the contract suite that the fault breaks.
async fn contract(plant: Plant, planted: bool) -> Result<Vec<Broken>> {
    let fixture = Fixture(planted.then_some(plant));
    let rule = tokio::spawn(async move {
        if plant == Plant::NoFence {
            atomic::a_fence_that_is_not_held_leaves_nothing(&fixture).await;
        } else {
            atomic::a_request_that_moved_leaves_nothing(&fixture).await;
        }
    });
    let broken = match rule.await {
        Ok(()) => false,
        Err(error) if error.is_panic() => true,
        Err(error) => return Err(error.into()),
    };
    let what = "the rule of the contract suite fails: a stale commit was written".to_owned();
    Ok(broken_if(broken, Invariant::OnlyTheNewestWrites, what))
}
