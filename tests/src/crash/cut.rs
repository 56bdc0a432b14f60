//! `cargo xtask crash --cut N`: the answers to writes are cut on their way back, once for each write.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use countersign_simulators::{Passing, Protocol, Proxy, Tap, Verdict};
use tokio::task::{JoinSet, LocalSet};

use super::arena::Arena;
use super::oracle::judge;
use super::plot::Plot;
use super::story::Story;
use crate::process::Site;
use crate::store::{PgServer, Store};

/// So many stories are told at once.
const TELLERS: usize = 12;

/// Cuts the answer to each write when it comes for the first time.
#[derive(Default)]
struct Scissors {
    seen: Mutex<BTreeSet<String>>,
    cuts: AtomicUsize,
}

impl Tap for Scissors {
    fn request(&self, _passing: &Passing) -> Verdict {
        Verdict::Pass
    }

    fn answer(&self, passing: &Passing) -> Verdict {
        if !is_write(passing) {
            return Verdict::Pass;
        }
        let write = format!("{} {}", passing.method, passing.path);
        let first = self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(write);
        if !first {
            return Verdict::Pass;
        }
        self.cuts.fetch_add(1, Ordering::Relaxed);
        Verdict::Cut
    }
}

/// Whether a target has changed by the time it answers. Only what names the story's own things: a bare `COMMIT` would be cut once and for all.
fn is_write(passing: &Passing) -> bool {
    match passing.method.as_str() {
        "SQL" => ["CREATE ", "COMMENT ", "ALTER ", "DROP "].iter().any(|word| passing.path.starts_with(word)),
        "PATCH" | "PUT" | "DELETE" => true,
        // Access reviews are asked by POST.
        _ => false,
    }
}

/// What cutting came to.
#[derive(Debug, Default)]
pub struct Cuts {
    /// Answers cut, by target.
    pub cut: Vec<(&'static str, usize)>,
    /// Requests told to the end.
    pub requests: usize,
    /// How many of them were `unknown` for a while.
    pub unknown: usize,
    /// What the oracle found.
    pub broken: Vec<String>,
}

/// Cuts at least so many answers of each target.
///
/// # Errors
/// A server or a proxy doesn't start, or a story is refused.
pub async fn run(each: usize) -> Result<Cuts> {
    let mut cuts = Cuts::default();
    let site = Site::prepare(Store::Sqlite).await?;
    let (kubernetes, github) = (Arc::new(Scissors::default()), Arc::new(Scissors::default()));
    let [first, second] = [
        in_front_of(Protocol::Http, &site.kubernetes.url(), &kubernetes).await?,
        in_front_of(Protocol::Http, &site.github.url(), &github).await?,
    ];
    let urls = [&first, &second].map(|proxy| format!("http://{}", proxy.address()));
    let variables = [
        ("COUNTERSIGN_TARGETS__KUBERNETES__URL", urls[0].as_str()),
        ("COUNTERSIGN_TARGETS__GITHUB__URL", urls[1].as_str()),
    ];
    let mut arena = Arena::on(site, 1, &variables).await?;
    let enough = || [&kubernetes, &github].iter().all(|scissors| scissors.count() >= each);
    tell_until(&mut arena, &["sync", "sync-taken-back"], &enough, &mut cuts).await?;
    cuts.cut.extend([("kubernetes", kubernetes.count()), ("github", github.count())]);

    let postgres = PgServer::start().await?;
    let site = Site::prepare(postgres.store("cut").await?).await?;
    let scissors = Arc::new(Scissors::default());
    let proxy = in_front_of(Protocol::Postgres, &postgres.address(), &scissors).await?;
    let file = site.folder().join("cut.url");
    let login = "postgres:postgres";
    std::fs::write(&file, format!("postgres://{login}@{}/postgres", proxy.address()))?;
    let file = file.to_string_lossy().into_owned();
    let variables = [("COUNTERSIGN_TARGETS__DATABASES__MAIN__URL__FILE", file.as_str())];
    let mut arena = Arena::on(site, 1, &variables).await?;
    tell_until(&mut arena, &["create", "delete", "drop"], &|| scissors.count() >= each, &mut cuts).await?;
    cuts.cut.push(("postgres", scissors.count()));
    Ok(cuts)
}

impl Scissors {
    fn count(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }
}

async fn in_front_of(protocol: Protocol, url: &str, scissors: &Arc<Scissors>) -> Result<Proxy> {
    let address = url.rsplit_once('@').map_or(url, |(_, address)| address);
    let address = address.rsplit_once("//").map_or(address, |(_, address)| address);
    Ok(Proxy::start(protocol, address.to_owned(), scissors.clone(), false).await?)
}

async fn tell_until(
    arena: &mut Arena,
    plots: &[&str],
    enough: &dyn Fn() -> bool,
    cuts: &mut Cuts,
) -> Result<()> {
    let plots: Vec<_> = plots.iter().filter_map(|name| Plot::named(name)).collect();
    let numbers = Arc::new(AtomicUsize::new(0));
    let over = Arc::new(AtomicUsize::new(0));
    let local = LocalSet::new();
    let telling = local.run_until(async {
        let mut tellers = JoinSet::new();
        for teller in 0..TELLERS {
            tellers.spawn_local(tell(arena.guest(teller), plots.clone(), numbers.clone(), over.clone()));
        }
        while !enough() && !tellers.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            arena.tend().await?;
        }
        over.store(1, Ordering::Relaxed);
        while let Some(told) = tellers.join_next().await {
            let told = told??;
            cuts.requests += told.requests;
            cuts.unknown += told.unknown;
            cuts.broken.extend(told.broken);
        }
        anyhow::Ok(())
    });
    telling.await
}

async fn tell(
    mut guest: Arena,
    plots: Vec<Plot>,
    numbers: Arc<AtomicUsize>,
    over: Arc<AtomicUsize>,
) -> Result<Cuts> {
    let mut cuts = Cuts::default();
    while over.load(Ordering::Relaxed) == 0 {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let mut story = Story::new(plots[number % plots.len()], format!("c{number}x"));
        story.prepare(&mut guest).await.with_context(|| format!("preparing {story:?}"))?;
        let evidence = story.play(&mut guest).await.with_context(|| format!("{story:?}"))?;
        story.tidy(&guest);
        cuts.requests += 1;
        cuts.unknown += usize::from(evidence.events.iter().any(|event| event == "approval.unknown"));
        let broken = judge(&evidence);
        cuts.broken.extend(broken.iter().map(|broken| format!("{} {}: {broken}", story.plot, story.tag)));
    }
    Ok(cuts)
}
