//! `cargo xtask crash --random N`: two replicas on PostgreSQL under a steady mix of stories, killed at random moments, PostgreSQL too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::{JoinSet, LocalSet};

use super::arena::Arena;
use super::oracle::{Broken, Invariant, judge};
use super::plot::Plot;
use super::story::Story;
use crate::store::PgServer;

/// So many stories are told at once.
const TELLERS: usize = 16;

/// What a run of kills came to.
#[derive(Debug, Default)]
pub struct Toll {
    /// Servers killed.
    pub servers: usize,
    /// Kills of PostgreSQL.
    pub postgres: usize,
    /// Requests told to the end.
    pub requests: usize,
    /// What the oracle found.
    pub broken: Vec<String>,
    counts: BTreeMap<Invariant, usize>,
}

impl Toll {
    fn note(&mut self, story: &Story, broken: &[Broken]) {
        self.requests += 1;
        for broken in broken {
            *self.counts.entry(broken.invariant).or_insert(0) += 1;
            self.broken.push(format!("{} {}: {broken}", story.plot, story.tag));
        }
    }

    /// How often an invariant did not hold.
    pub fn count(&self, invariant: Invariant) -> usize {
        self.counts.get(&invariant).copied().unwrap_or(0)
    }

    /// With no failure among this many, the share of failures is below this with 95 % confidence (the rule of three).
    pub fn upper_bound(&self) -> f64 {
        3.0 / self.requests.max(1) as f64
    }
}

/// A small generator, so that a seed gives the same moments again: <https://prng.di.unimi.it/splitmix64.c>.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`.
    pub const fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// Kills so many servers, and PostgreSQL so often.
///
/// # Errors
/// A server or PostgreSQL doesn't come back, or a story is refused.
pub async fn run(kills: usize, postgres_kills: usize, seed: u64) -> Result<Toll> {
    let postgres = PgServer::start_to_be_killed().await?;
    let mut arena = Arena::open(postgres.store("random").await?, 2, &[]).await?;
    // A request is stuck when it is not settled a minute after the last kill: how far it comes between two kills, the machine decides.
    let over = Arc::clone(&arena.at_rest);
    over.store(false, Ordering::Relaxed);
    let numbers = Arc::new(AtomicUsize::new(0));
    let local = LocalSet::new();
    let playing = local.run_until(async {
        let mut tellers = JoinSet::new();
        for teller in 0..TELLERS {
            let guest = arena.guest(teller);
            let dice = Dice::of(seed ^ (teller as u64 + 1));
            tellers.spawn_local(tell(guest, dice, numbers.clone(), over.clone()));
        }
        let mut toll = Toll { servers: kills, postgres: postgres_kills, ..Toll::default() };
        kill(&mut arena, &postgres, kills, postgres_kills, seed).await?;
        over.store(true, Ordering::Relaxed);
        while let Some(told) = tellers.join_next().await {
            for (story, broken) in told?? {
                toll.note(&story, &broken);
            }
        }
        Ok(toll)
    });
    playing.await
}

async fn kill(
    arena: &mut Arena,
    postgres: &PgServer,
    kills: usize,
    postgres_kills: usize,
    seed: u64,
) -> Result<()> {
    let mut dice = Dice::of(seed);
    let every = kills.checked_div(postgres_kills).unwrap_or(usize::MAX).max(1);
    for number in 1..=kills {
        tokio::time::sleep(Duration::from_millis(100 + dice.below(1_400))).await;
        let index = usize::try_from(dice.below(arena.size() as u64))?;
        arena.kill(index)?;
        if number % every == 0 {
            postgres.kill_and_restart().await?;
        }
        arena.start_all().await.with_context(|| format!("after kill {number}"))?;
    }
    Ok(())
}

async fn tell(
    mut guest: Arena,
    mut dice: Dice,
    numbers: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
) -> Result<Vec<(Story, Vec<Broken>)>> {
    let mut told = Vec::new();
    let plots = Plot::all();
    while !over.load(Ordering::Relaxed) {
        let plot = plots[usize::try_from(dice.below(plots.len() as u64))?];
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let mut story = Story::new(plot, format!("r{number}x"));
        let broken = story
            .told(&mut guest)
            .await
            .map_or_else(|error| vec![Broken::untold(&error)], |seen| judge(&seen));
        story.tidy(&guest);
        told.push((story, broken));
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_moments_again() {
        let throw = |seed| {
            let mut dice = Dice::of(seed);
            (0..8).map(|_| dice.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(throw(7), throw(7));
        assert_ne!(throw(7), throw(8));
    }
}
