//! `cargo xtask crash --cut N`: the answers to writes are kept back, once for each write: the connection is closed, or reset, after the
//! target has handled the write, or the answer comes when nobody waits for it any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use countersign_simulators::{Passing, Protocol, Proxy, Tap, Verdict};
use tokio::task::{JoinSet, LocalSet};

use super::arena::Arena;
use super::oracle::{Broken, judge};
use super::plot::Plot;
use super::story::Story;
use crate::process::Site;
use crate::store::{PgServer, Store};

/// So many stories are told at once.
const TELLERS: usize = 12;

/// Every so many answers comes too late instead of not at all.
const LATE_EVERY: usize = 8;

/// Longer than a server waits for an answer here.
const LATE_MS: u64 = 3_000;

/// Keeps back the answer to each write when it comes for the first time.
#[derive(Default)]
struct Scissors {
    seen: Mutex<BTreeSet<String>>,
    kept_back: AtomicUsize,
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
        let number = self.kept_back.fetch_add(1, Ordering::Relaxed) + 1;
        if number.is_multiple_of(LATE_EVERY) { Verdict::Delay { for_ms: LATE_MS } } else { Verdict::Cut }
    }
}

/// Whether a target has changed by the time it answers. Only what names the story's own things: a bare `COMMIT` would be cut once and for all.
fn is_write(passing: &Passing) -> bool {
    match passing.method.as_str() {
        "SQL" => ["CREATE ", "COMMENT ", "ALTER ", "DROP ", "BEGIN; CREATE "]
            .iter()
            .any(|word| passing.path.starts_with(word)),
        "PATCH" | "PUT" | "DELETE" => true,
        // Access reviews are asked by POST.
        _ => false,
    }
}

/// How answers to one target were kept back.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeptBack {
    /// The connection was closed in order.
    pub closed: usize,
    /// The connection was reset.
    pub reset: usize,
    /// It came when nobody waited for it any more.
    pub late: usize,
}

impl KeptBack {
    /// All together.
    pub const fn total(self) -> usize {
        self.closed + self.reset + self.late
    }

    fn add(&mut self, number: usize, resetting: bool) {
        let late = number / LATE_EVERY;
        self.late += late;
        *(if resetting { &mut self.reset } else { &mut self.closed }) += number - late;
    }
}

/// What cutting came to.
#[derive(Debug, Default)]
pub struct Cuts {
    /// The answers kept back, by target.
    pub kept_back: BTreeMap<&'static str, KeptBack>,
    /// Requests told to the end.
    pub requests: usize,
    /// How many of them were `unknown` for a while.
    pub unknown: usize,
    /// What the oracle found.
    pub broken: Vec<String>,
}

/// Keeps back at least so many answers of each target: half of them on connections that close, half on connections that are reset.
///
/// # Errors
/// A server or a proxy doesn't start, or a story is refused.
pub async fn run(each: usize) -> Result<Cuts> {
    let mut cuts = Cuts::default();
    for resetting in [false, true] {
        // One each: stories of both are called the same, and their databases stay.
        let postgres = PgServer::start().await?;
        secrets(each.div_ceil(2), resetting, &mut cuts).await?;
        databases(&postgres, each.div_ceil(2), resetting, &mut cuts).await?;
    }
    Ok(cuts)
}

async fn secrets(each: usize, resetting: bool, cuts: &mut Cuts) -> Result<()> {
    let site = Site::prepare(Store::Sqlite).await?;
    let (kubernetes, github) = (Arc::new(Scissors::default()), Arc::new(Scissors::default()));
    let [first, second] = [
        in_front_of(Protocol::Http, &site.kubernetes.url(), &kubernetes, resetting).await?,
        in_front_of(Protocol::Http, &site.github.url(), &github, resetting).await?,
    ];
    let urls = [&first, &second].map(|proxy| format!("http://{}", proxy.address()));
    let variables = [
        ("COUNTERSIGN_TARGETS__KUBERNETES__URL", urls[0].as_str()),
        ("COUNTERSIGN_TARGETS__GITHUB__URL", urls[1].as_str()),
    ];
    let mut arena = Arena::on(site, 1, &variables).await?;
    let enough = || [&kubernetes, &github].iter().all(|scissors| scissors.count() >= each);
    tell_until(&mut arena, &["sync", "sync-taken-back"], &enough, cuts).await?;
    for (target, scissors) in [("kubernetes", kubernetes), ("github", github)] {
        cuts.kept_back.entry(target).or_default().add(scissors.count(), resetting);
    }
    Ok(())
}

async fn databases(postgres: &PgServer, each: usize, resetting: bool, cuts: &mut Cuts) -> Result<()> {
    let site = Site::prepare(postgres.store(&format!("cut_{resetting}")).await?).await?;
    let scissors = Arc::new(Scissors::default());
    let proxy = in_front_of(Protocol::Postgres, &postgres.address(), &scissors, resetting).await?;
    let file = site.folder().join("cut.url");
    let login = "postgres:postgres";
    std::fs::write(&file, format!("postgres://{login}@{}/postgres", proxy.address()))?;
    let file = file.to_string_lossy().into_owned();
    let variables = [("COUNTERSIGN_TARGETS__DATABASES__MAIN__URL__FILE", file.as_str())];
    let mut arena = Arena::on(site, 1, &variables).await?;
    tell_until(
        &mut arena,
        &["create", "create-with-role", "delete", "drop"],
        &|| scissors.count() >= each,
        cuts,
    )
    .await?;
    cuts.kept_back.entry("postgres").or_default().add(scissors.count(), resetting);
    Ok(())
}

impl Scissors {
    fn count(&self) -> usize {
        self.kept_back.load(Ordering::Relaxed)
    }
}

async fn in_front_of(
    protocol: Protocol,
    url: &str,
    scissors: &Arc<Scissors>,
    resetting: bool,
) -> Result<Proxy> {
    let address = url.rsplit_once('@').map_or(url, |(_, address)| address);
    let address = address.rsplit_once("//").map_or(address, |(_, address)| address);
    Ok(Proxy::start(protocol, address.to_owned(), scissors.clone(), resetting).await?)
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
        let told = story.told(&mut guest).await;
        story.tidy(&guest);
        cuts.requests += 1;
        let broken = match told {
            Err(error) => vec![Broken::untold(&error)],
            Ok(evidence) => {
                cuts.unknown += usize::from(evidence.events.iter().any(|event| event == "approval.unknown"));
                judge(&evidence)
            }
        };
        cuts.broken.extend(broken.iter().map(|broken| format!("{} {}: {broken}", story.plot, story.tag)));
    }
    Ok(cuts)
}
