//! `cargo xtask crash --points`: every crash point of every action, first and second attempt, one and two replicas.
//!
//! A dry run of each story tells which points it passes. Then, for each of them, a server dies there in the middle of a story of its own,
//! is replaced, and the oracle judges. Where the recovery passes the same point again, a second story has the successor die there too.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::Mutex;
use tokio::task::{JoinSet, LocalSet};

use super::arena::Arena;
use super::look;
use super::oracle::Broken;
use super::plot::Theme;
use super::tale::Tale;
use crate::store::{PgServer, Store};

/// How often a story is played again when nobody died at its point: timers and a busy machine decide about some.
const TRIES: usize = 4;

/// With so many stories gone wrong on one arena the others are not told.
const MOST_WRONG: usize = 10;

/// Servers that watch their targets: by themselves once when they start, and then when they are told to.
const WATCH: (&str, &str) = ("COUNTERSIGN_WATCH__INTERVAL_S", "86400");

/// Stories played at once.
#[derive(Clone, Copy, Debug)]
pub struct Width {
    /// On SQLite, one server each.
    pub alone: usize,
    /// On PostgreSQL, two servers each.
    pub pairs: usize,
}

/// How many servers share the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replicas {
    /// One, on SQLite; started again when it dies.
    One,
    /// Two, on PostgreSQL; the other goes on when one dies.
    Two,
}

/// A place in a story where a server dies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Task {
    theme: Theme,
    point: String,
}

/// What came of all stories.
#[derive(Debug, Default)]
pub struct Tally {
    /// Stories in which a server died where it was to, by theme, replicas and attempt.
    pub played: BTreeMap<(Theme, Replicas, u8), usize>,
    /// Stories that the oracle found something wrong with.
    pub wrong: Vec<String>,
    /// Points that no server died at, although a dry run had passed them.
    pub missed: Vec<String>,
}

impl Tally {
    fn merge(&mut self, other: Self) {
        for (key, count) in other.played {
            *self.played.entry(key).or_insert(0) += count;
        }
        self.wrong.extend(other.wrong);
        self.missed.extend(other.missed);
    }

    /// How many servers were to die and did.
    pub fn total(&self) -> usize {
        self.played.values().sum()
    }
}

/// Goes through all points of all actions.
///
/// # Errors
/// A server doesn't start, or refuses what a story needs.
pub async fn run(width: Width, only: Option<&str>) -> Result<Tally> {
    let mut tally = Tally::default();
    for watching in [false, true] {
        let variables: &[_] = if watching { &[WATCH] } else { &[] };
        let themes = themes(Replicas::One, watching, only);
        if width.alone > 0 && !themes.is_empty() {
            let open = async |_| Arena::open(Store::Sqlite, 1, variables).await;
            tally.merge(some(Replicas::One, &themes, width.alone, &open).await?);
        }
        let themes = self::themes(Replicas::Two, watching, only);
        if width.pairs > 0 && !themes.is_empty() {
            // One for those who watch and one for the others, whose databases are on no record of the watchers'.
            let postgres = PgServer::start().await?;
            let open = async |number| {
                Arena::open(postgres.store(&format!("crash{number}")).await?, 2, variables).await
            };
            tally.merge(some(Replicas::Two, &themes, width.pairs, &open).await?);
        }
    }
    Ok(tally)
}

fn themes(replicas: Replicas, watching: bool, only: Option<&str>) -> Vec<Theme> {
    let fits = |theme: &Theme| replicas == Replicas::Two || theme.needs_no_roles();
    let told = |theme: &Theme| theme.needs_the_watcher() == watching && fits(theme);
    let wanted = |theme: &Theme| told(theme) && only.is_none_or(|only| only == theme.name());
    Theme::all().into_iter().filter(wanted).collect()
}

async fn some(
    replicas: Replicas,
    themes: &[Theme],
    width: usize,
    open: &impl AsyncFn(usize) -> Result<Arena>,
) -> Result<Tally> {
    let mut arena = open(0).await?;
    let mut tasks = VecDeque::new();
    for theme in themes.iter().copied() {
        for point in discover(&mut arena, theme).await? {
            tasks.push_back(Task { theme, point });
        }
    }
    let tasks = Arc::new(Mutex::new(tasks));
    let numbers = Arc::new(AtomicUsize::new(0));
    // On this thread: the stories only wait, and what they borrow need not be shared.
    let local = LocalSet::new();
    let playing = local.run_until(async {
        let mut hands = JoinSet::new();
        hands.spawn_local(work(arena, replicas, Arc::clone(&tasks), Arc::clone(&numbers)));
        for number in 1..width {
            let arena = open(number).await?;
            hands.spawn_local(work(arena, replicas, Arc::clone(&tasks), Arc::clone(&numbers)));
        }
        let mut tally = Tally::default();
        while let Some(done) = hands.join_next().await {
            tally.merge(done??);
        }
        Ok(tally)
    });
    playing.await
}

/// The points of a story, in order, each with its number: `commit(…).before#1`. Nothing may have gone around them.
///
/// # Errors
/// The story fails without anybody dying, or something was written or sent past the points.
pub async fn discover(arena: &mut Arena, theme: Theme) -> Result<Vec<String>> {
    let mut tale = Tale::of(theme, format!("dry{}", theme.name().replace('-', "")))?;
    tale.prepare(arena).await?;
    // What others do at the same time may have a point too many, and never one too few.
    arena.arm(&[])?;
    let before = Traffic::of(arena).await?;
    let broken = tale.play(arena).await?;
    ensure!(broken.is_empty(), "{theme} without a death: {}", listed(&broken));
    let after = Traffic::of(arena).await?;
    let passed = arena.passed()?;
    before.check(&after, &passed)?;
    tale.tidy(arena);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let numbered = passed.iter().map(|name| {
        let count = seen.entry(name).or_insert(0);
        *count += 1;
        format!("{name}#{count}")
    });
    let points: Vec<_> = numbered.filter(|point| is_of_interest(theme, point)).collect();
    ensure!(!points.is_empty(), "{theme} passes no point that it is told for");
    Ok(points)
}

/// Whether this story is told with a death at this point. A timer prolongs leases, as often as the machine is slow: the story of the slow target
/// passes that for certain, the first time, and every other by chance.
fn is_of_interest(theme: Theme, point: &str) -> bool {
    let by_timer = point.starts_with("work(extend");
    if theme.is_about_time() { by_timer && point.ends_with("#1") } else { !by_timer }
}

/// What the store and the targets saw.
struct Traffic {
    commits: u64,
    leases: u64,
    kubernetes: usize,
    github: usize,
}

impl Traffic {
    async fn of(arena: &Arena) -> Result<Self> {
        let number = |query: &str| look::number(&arena.site, query.to_owned());
        let leases = match arena.site.store() {
            Store::Sqlite => "SELECT CAST(max(highest) AS TEXT) FROM work_fence",
            Store::Postgres { .. } => {
                "SELECT CAST(CASE WHEN is_called THEN last_value ELSE 0 END AS TEXT) FROM work_fence"
            }
        };
        Ok(Self {
            commits: number("SELECT CAST(count(*) AS TEXT) FROM commits").await?,
            leases: number(leases).await?,
            kubernetes: arena.site.kubernetes.requests().len(),
            github: arena.site.github.requests().len(),
        })
    }

    /// Every commit, lease and request that happened since has its point.
    fn check(&self, after: &Self, passed: &[String]) -> Result<()> {
        let points = |begin: &str, end: &str| {
            passed.iter().filter(|name| name.starts_with(begin) && name.ends_with(end)).count()
        };
        let seen = [
            ("commits", usize::try_from(after.commits - self.commits)?, points("commit(", ".after")),
            ("leases", usize::try_from(after.leases - self.leases)?, points("work(claim", ".after")),
            ("requests to Kubernetes", after.kubernetes - self.kubernetes, points("kubernetes(", ".before")),
            ("requests to GitHub", after.github - self.github, points("github(", ".before")),
        ];
        for (what, happened, points) in seen {
            ensure!(happened <= points, "{happened} {what}, and {points} points: something goes around them");
        }
        Ok(())
    }
}

async fn work(
    mut arena: Arena,
    replicas: Replicas,
    tasks: Arc<Mutex<VecDeque<Task>>>,
    numbers: Arc<AtomicUsize>,
) -> Result<Tally> {
    let mut tally = Tally::default();
    loop {
        let Some(task) = tasks.lock().await.pop_front() else { return Ok(tally) };
        let again = attempt(&mut arena, &task, replicas, 1, &numbers, &mut tally).await?;
        if again {
            attempt(&mut arena, &task, replicas, 2, &numbers, &mut tally).await?;
        }
    }
}

/// Plays a story in which a server dies at the point, `deaths` times. Whether the recovery passed the point again.
async fn attempt(
    arena: &mut Arena,
    task: &Task,
    replicas: Replicas,
    deaths: u8,
    numbers: &AtomicUsize,
    tally: &mut Tally,
) -> Result<bool> {
    let (name, _) = task.point.rsplit_once('#').context("a point has a number")?;
    for _ in 0..TRIES {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let mut tale = Tale::of(task.theme, format!("s{number}x{}", replicas as u8))?;
        tale.prepare(arena).await.with_context(|| format!("preparing {task:?}"))?;
        // A successor counts from one.
        let mut points = vec![task.point.clone()];
        points.extend((deaths == 2).then(|| format!("{name}#1")));
        arena.arm(&points)?;
        arena.watch(Some(&tale));
        let played = tale.play(arena).await;
        if arena.deaths.len() < usize::from(deaths) {
            // The last points are passed while the end is already seen.
            tokio::time::sleep(Duration::from_millis(200)).await;
            arena.tend().await?;
        }
        let (died, at_death) = (arena.deaths.len(), arena.broken_at_death());
        let after = arena.passed_again(name)?;
        arena.watch(None);
        arena.arm(&[])?;
        arena.start_all().await?;
        // A story that can't be told to its end is one that went wrong: the others are told all the same.
        let mut broken = played.unwrap_or_else(|error| vec![Broken::untold(&error)]);
        broken.extend(at_death);
        tale.tidy(arena);
        if !broken.is_empty() {
            let logs = arena.keep_logs(tale.tag())?;
            tally.wrong.push(format!("{task:?} {replicas:?} death {deaths}: {}; {logs}", listed(&broken)));
            ensure!(tally.wrong.len() < MOST_WRONG, "too much is wrong: {}", tally.wrong.join("\n"));
        }
        // The other server may have died of the same before it was told otherwise.
        if died >= usize::from(deaths) {
            *tally.played.entry((task.theme, replicas, deaths)).or_insert(0) += 1;
            return Ok(after);
        }
    }
    // Where the recovery passed the point by chance only, there is no second attempt to speak of.
    if deaths == 1 {
        tally.missed.push(format!("{task:?} {replicas:?}"));
    }
    Ok(false)
}

fn listed(broken: &[Broken]) -> String {
    broken.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Fails unless every point was recovered from.
///
/// # Errors
/// Names the stories that went wrong and the points nobody died at.
pub fn check(tally: &Tally) -> Result<()> {
    if tally.wrong.is_empty() && tally.missed.is_empty() {
        return Ok(());
    }
    bail!("{}\nnobody died at: {:?}", tally.wrong.join("\n"), tally.missed)
}
