//! Servers that die, and are started again: what the stories are played on.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::Instant;
use tonic::{Code, Status};

use super::oracle::Broken;
use super::tale::Tale;
use crate::clients::Parties;
use crate::process::{ServerProcess, Site};
use crate::store::Store;

/// A request that is unsettled after so long, with targets that are well, is stuck.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Seconds a lease lasts here: what a successor of a dead server waits for.
pub const LEASE_S: &str = "2";

/// Seconds one exchange with a target may take here: so long an attempt that GitHub never answered is left alone.
const TIMEOUT_S: &str = "2";

/// Nobody watches the targets, unless an arena is told otherwise.
const WATCH_S: &str = "0";

/// How long between two looks at something that is waited for.
const TICK: Duration = Duration::from_millis(150);

/// What is done about a server that died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Successor {
    /// It is started again.
    Itself,
    /// The others go on; it is started again when none is left.
    TheOthers,
}

/// One server of an arena.
struct Replica {
    name: String,
    folder: PathBuf,
    process: Option<ServerProcess>,
    variables: Vec<(String, String)>,
}

/// A site with its servers.
pub struct Arena {
    /// The site.
    pub site: Arc<Site>,
    replicas: Vec<Replica>,
    /// Where the living servers are; shared with guests.
    addresses: Arc<Mutex<Vec<String>>>,
    turn: usize,
    successor: Successor,
    /// The points that the next servers die at, the next one last.
    deaths_to_come: Vec<String>,
    /// The points that servers died at since the last arming.
    pub deaths: Vec<String>,
    /// How long a request may take to settle.
    pub patience: Duration,
    /// Whether servers are left alone. As long as they are not, patience does not run out.
    pub at_rest: Arc<AtomicBool>,
    /// Who launches the runs, when it isn't who usually does.
    pub launched_by: Option<String>,
    armings: u32,
    parties: Option<Parties>,
    /// The tale that is being told, and what the oracle found wrong with it at a death.
    watched: Option<Tale>,
    broken_at_death: Vec<Broken>,
    /// How many points were passed when the last server died.
    passed_at_death: Vec<String>,
}

impl Arena {
    /// Starts so many servers on a store, with these options beside the usual ones.
    ///
    /// # Errors
    /// A server doesn't start; its log is in the message.
    pub async fn open(store: Store, replicas: usize, variables: &[(&str, &str)]) -> Result<Self> {
        Self::on(Site::prepare(store).await?, replicas, variables).await
    }

    /// The same on a site that is prepared.
    ///
    /// # Errors
    /// As [`Arena::open`].
    pub async fn on(site: Site, replicas: usize, variables: &[(&str, &str)]) -> Result<Self> {
        let successor = if replicas == 1 { Successor::Itself } else { Successor::TheOthers };
        let mut arena = Self::empty(Arc::new(site), successor, Arc::default());
        for number in 0..replicas {
            let name = format!("replica{number}");
            let folder = arena.site.folder().join(&name);
            std::fs::create_dir_all(&folder)?;
            // The first one is woken by the calls it takes; the others look rarely, so that the story is the first one's.
            let poll_ms = if number == 0 { "150" } else { "500" };
            let usual = [
                ("COUNTERSIGN_CRASH_FOLDER", folder.to_string_lossy().into_owned()),
                ("COUNTERSIGN_LOG__FILTER", "info".to_owned()),
                ("COUNTERSIGN_STORE__LEASE_S", LEASE_S.to_owned()),
                ("COUNTERSIGN_TARGETS__TIMEOUT_S", TIMEOUT_S.to_owned()),
                ("COUNTERSIGN_WATCH__INTERVAL_S", WATCH_S.to_owned()),
                ("COUNTERSIGN_WORKERS__POLL_MS", poll_ms.to_owned()),
            ];
            let own = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
            let variables = usual.into_iter().chain(own).map(|(name, value)| (name.to_owned(), value));
            arena.replicas.push(Replica { name, folder, process: None, variables: variables.collect() });
        }
        arena.start_all().await?;
        Ok(arena)
    }

    /// Somebody who tells stories on the same servers, and leaves it to others to start them.
    pub fn guest(&self, turn: usize) -> Self {
        let guest = Self::empty(self.site.clone(), Successor::TheOthers, self.addresses.clone());
        Self { turn, patience: self.patience, at_rest: Arc::clone(&self.at_rest), ..guest }
    }

    fn empty(site: Arc<Site>, successor: Successor, addresses: Arc<Mutex<Vec<String>>>) -> Self {
        Self {
            site,
            replicas: Vec::new(),
            addresses,
            turn: 0,
            successor,
            deaths_to_come: Vec::new(),
            deaths: Vec::new(),
            patience: PATIENCE,
            at_rest: Arc::new(AtomicBool::new(true)),
            launched_by: None,
            armings: 0,
            parties: None,
            watched: None,
            broken_at_death: Vec::new(),
            passed_at_death: Vec::new(),
        }
    }

    /// Kills a server, as `kill -9` does.
    ///
    /// # Errors
    /// It can't be killed.
    pub fn kill(&mut self, index: usize) -> Result<()> {
        let killed = self.replicas[index].process.take().map_or(Ok(()), ServerProcess::kill);
        self.publish();
        killed
    }

    /// How many servers there are, dead or alive.
    pub fn size(&self) -> usize {
        self.replicas.len()
    }

    /// Guests have no servers, and say nothing of those of others.
    fn publish(&self) {
        if self.replicas.is_empty() {
            return;
        }
        let alive = self.replicas.iter().filter_map(|replica| replica.process.as_ref());
        let addresses = alive.map(|process| process.grpc.clone()).collect();
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// Has the next servers die at these points, one after the other, and forgets what was passed so far.
    ///
    /// # Errors
    /// The servers' folders can't be written.
    pub fn arm(&mut self, points: &[String]) -> Result<()> {
        self.deaths.clear();
        self.passed_at_death.clear();
        self.deaths_to_come = points.iter().rev().cloned().collect();
        for replica in &self.replicas {
            std::fs::write(replica.folder.join("passed"), "")?;
        }
        self.aim()
    }

    /// The points passed since the last arming, by whichever server, each with how often it was passed before.
    ///
    /// # Errors
    /// The servers' folders can't be read.
    pub fn passed(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for replica in &self.replicas {
            let text = std::fs::read_to_string(replica.folder.join("passed")).unwrap_or_default();
            lines.extend(text.lines().map(str::to_owned));
        }
        Ok(lines)
    }

    /// Has the oracle look at this tale whenever a server dies.
    pub fn watch(&mut self, tale: Option<&Tale>) {
        self.watched = tale.cloned();
        self.broken_at_death.clear();
    }

    /// What the oracle found at deaths.
    pub fn broken_at_death(&mut self) -> Vec<Broken> {
        std::mem::take(&mut self.broken_at_death)
    }

    /// Whether a point was passed again after the last death.
    ///
    /// # Errors
    /// The servers' folders can't be read.
    pub fn passed_again(&self, name: &str) -> Result<bool> {
        let count = |names: &[String]| names.iter().filter(|other| *other == name).count();
        Ok(count(&self.passed()?) > count(&self.passed_at_death))
    }

    /// What became of the servers since the last look; dead ones are replaced as agreed.
    ///
    /// # Errors
    /// A server died that was not to, or can't be started again.
    pub async fn tend(&mut self) -> Result<()> {
        for index in 0..self.replicas.len() {
            let replica = &mut self.replicas[index];
            let ended = match &mut replica.process {
                None => false,
                Some(process) => process.has_ended()?,
            };
            if ended {
                replica.process = None;
                self.parties = None;
                let died = std::fs::read_to_string(replica.folder.join("died")).unwrap_or_default();
                let Some(point) = died.lines().last() else {
                    bail!("a server ended by itself: {}", self.log_of(index));
                };
                self.deaths.push(point.to_owned());
                std::fs::remove_file(replica.folder.join("died"))?;
                self.passed_at_death = self.passed()?;
                self.deaths_to_come.pop();
                self.aim()?;
                if let Some(tale) = self.watched.clone() {
                    let broken = tale.at_rest(self).await?;
                    self.broken_at_death.extend(broken);
                }
            }
        }
        self.publish();
        let alive = self.replicas.iter().any(|replica| replica.process.is_some());
        match self.successor {
            Successor::Itself => self.start_all().await,
            Successor::TheOthers if !alive => self.start_all().await,
            Successor::TheOthers => Ok(()),
        }
    }

    /// Waits until a server has died, and leaves it so.
    ///
    /// # Errors
    /// None dies.
    pub async fn await_death(&mut self) -> Result<()> {
        let until = Instant::now() + self.patience;
        while Instant::now() < until {
            for replica in &mut self.replicas {
                if let Some(process) = &mut replica.process
                    && process.has_ended()?
                {
                    return Ok(());
                }
            }
            tokio::time::sleep(TICK).await;
        }
        bail!("no server died")
    }

    /// Starts every server that isn't there.
    ///
    /// # Errors
    /// A server doesn't start; its log is in the message.
    pub async fn start_all(&mut self) -> Result<()> {
        for replica in &mut self.replicas {
            if replica.process.is_none() {
                let variables: Vec<_> =
                    replica.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                replica.process = Some(self.site.start_with(&replica.name, &variables).await?);
            }
        }
        self.publish();
        Ok(())
    }

    /// Does something as often as it takes: servers die meanwhile, and come again. What the server refuses for good ends it at once.
    ///
    /// # Errors
    /// It was refused, or never succeeded.
    pub async fn insist<T>(&mut self, what: &str, attempt: impl AsyncFn(&Parties) -> Result<T>) -> Result<T> {
        let mut until = Instant::now() + self.patience;
        loop {
            let tried = match self.connected().await {
                Ok(parties) => attempt(&parties).await,
                Err(error) => Err(error),
            };
            match tried {
                Ok(done) => return Ok(done),
                Err(error) if is_final(&error) => return Err(error).with_context(|| what.to_owned()),
                Err(error) if Instant::now() > until => {
                    return Err(error).with_context(|| format!("never: {what}"));
                }
                Err(_) => {
                    until = self.extended(until);
                    self.parties = None;
                    tokio::time::sleep(TICK).await;
                    self.tend().await?;
                }
            }
        }
    }

    /// Looks again and again until something is there; `None` when it never is.
    ///
    /// # Errors
    /// The server refuses to show it.
    pub async fn until<T>(
        &mut self,
        what: &str,
        patience: Duration,
        look: impl AsyncFn(&Parties) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let mut until = Instant::now() + patience;
        while Instant::now() < until {
            until = self.extended(until);
            if let Some(found) = self.insist(what, &look).await? {
                return Ok(Some(found));
            }
            tokio::time::sleep(TICK).await;
            self.tend().await?;
        }
        Ok(None)
    }

    /// Until when somebody waits who would wait until then if all were well.
    fn extended(&self, until: Instant) -> Instant {
        if self.at_rest.load(Ordering::Relaxed) { until } else { until.max(Instant::now() + self.patience) }
    }

    async fn connected(&mut self) -> Result<Parties> {
        if self.parties.is_none() {
            let addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let address = addresses.get(self.turn % addresses.len().max(1)).context("no server lives")?;
            let mut deployment = self.site.deployment_at(address);
            if let Some(launched_by) = &self.launched_by {
                deployment.launched_by.clone_from(launched_by);
            }
            self.parties = Some(Parties::connect(&deployment).await?);
        }
        self.parties.clone().context("just connected")
    }

    /// Tells every server the point that the next one to die dies at.
    fn aim(&mut self) -> Result<()> {
        self.armings += 1;
        let point = self.deaths_to_come.last().map(|point| format!("{point}\t{}", self.armings));
        for replica in &self.replicas {
            // Replaced as a whole: a server reads it at any moment.
            let new = replica.folder.join("armed.new");
            std::fs::write(&new, point.as_deref().unwrap_or_default())?;
            std::fs::rename(new, replica.folder.join("armed"))?;
        }
        Ok(())
    }

    fn log_of(&self, index: usize) -> String {
        let log = self.site.folder().join(format!("{}.log", self.replicas[index].name));
        std::fs::read_to_string(log).unwrap_or_default()
    }

    /// Keeps the logs of all servers beside the programs, and tells where.
    ///
    /// # Errors
    /// They can't be written.
    pub fn keep_logs(&self, name: &str) -> Result<String> {
        let here = std::env::current_exe()?;
        let folder = here.parent().context("a program lies in a folder")?.join("crash-logs");
        std::fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{name}.log"));
        let logs: String = (0..self.replicas.len()).map(|index| self.log_of(index)).collect();
        std::fs::write(&file, logs)?;
        Ok(file.to_string_lossy().into_owned())
    }
}

/// Whether asking again can't help.
fn is_final(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Status>().is_some_and(|status| {
        matches!(
            status.code(),
            Code::InvalidArgument
                | Code::PermissionDenied
                | Code::FailedPrecondition
                | Code::Unauthenticated
                | Code::Unimplemented
        )
    })
}
