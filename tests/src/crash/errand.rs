//! What servers do without an agent asking for it: give a quarantined database its name back, drop one whose time is over, and notice what
//! was changed by hand. Told like stories, and judged at every death and in the end.

use anyhow::{Context, Result, ensure};
use countersign_simulators::KubernetesChange;

use super::arena::Arena;
use super::look;
use super::oracle::{Broken, Invariant, judge};
use super::plot::{Chore, Plot};
use super::story::Story;
use crate::clients::Parties;
use crate::process::Site;

/// The database server of the suites.
const SERVER: &str = "main";

/// What the work of the watcher is about.
const TARGETS: &str = "targets";

/// One thing that is to be done once.
#[derive(Clone, Debug)]
pub struct Errand {
    chore: Chore,
    /// The story that leaves behind what is to be worked on.
    before: Story,
    /// The request whose work it is about; empty until it is prepared.
    request_id: String,
    /// The name the database is kept under.
    kept_as: String,
}

impl Errand {
    /// An errand with names of its own.
    ///
    /// # Errors
    /// The story before it is not known.
    pub fn new(chore: Chore, tag: String) -> Result<Self> {
        let before = match chore {
            Chore::Restore | Chore::Purge => "delete",
            Chore::Watch => "sync",
        };
        let plot = Plot::named(before).with_context(|| format!("no story is called `{before}`"))?;
        let before = Story::new(plot, tag);
        Ok(Self { chore, before, request_id: String::new(), kept_as: String::new() })
    }

    /// Occurs in all its names.
    pub fn tag(&self) -> &str {
        &self.before.tag
    }

    /// Makes what is to be worked on.
    ///
    /// # Errors
    /// A server refuses, or the story before goes wrong.
    pub async fn prepare(&mut self, arena: &mut Arena) -> Result<()> {
        self.before.prepare(arena).await?;
        let evidence = self.before.play(arena).await?;
        let broken = judge(&evidence);
        ensure!(broken.is_empty(), "the story before {self:?}: {broken:?}");
        match self.chore {
            Chore::Watch => {
                self.request_id = evidence.resting.request_id.context("the story has a request")?;
            }
            Chore::Restore | Chore::Purge => {
                let request_id = evidence.resting.prepared.context("a request made the database")?;
                let mut kept = evidence.resting.databases.into_iter();
                let kept = kept.find(|kept| kept.made_for.as_ref() == Some(&request_id));
                self.kept_as = kept.context("the database is kept")?.name;
                self.request_id = request_id;
            }
        }
        Ok(())
    }

    /// Has it done, and judges what came of it.
    ///
    /// # Errors
    /// A server refuses, or the store or a target can't be read.
    pub async fn play(&self, arena: &mut Arena) -> Result<Vec<Broken>> {
        match self.chore {
            Chore::Restore => self.ask_to_restore(arena).await?,
            Chore::Purge => {
                look::let_retention_end(&arena.site, &self.kept_as).await?;
                // The databases of other tales keep their time.
                bring_forward(arena, "purge", &format!("{SERVER}/{}", self.kept_as)).await?;
            }
            Chore::Watch => {
                arena.site.kubernetes.set(KubernetesChange::PutSecret {
                    namespace: "shop-dev".to_owned(),
                    name: self.before.kubernetes_name(),
                    data: [("value".to_owned(), "by hand".to_owned())].into(),
                    manager: "somebody".to_owned(),
                })?;
                bring_forward(arena, "watch", TARGETS).await?;
            }
        }
        let mut broken = Vec::new();
        if !self.is_over_in_time(arena).await? {
            broken.push(self.broken(arena, Invariant::NothingStuck, "it never came to an end").await?);
        }
        if self.chore == Chore::Watch {
            // Another round must not tell the same again.
            bring_forward(arena, "watch", TARGETS).await?;
            ensure!(self.is_looked_at_again(arena).await?, "nobody looked a second time");
        }
        broken.extend(self.at_rest(arena).await?);
        broken.extend(self.wrong_events(arena).await?);
        Ok(broken)
    }

    /// Staff asks, as often as it takes: once it is on the record nobody asks again.
    async fn ask_to_restore(&self, arena: &mut Arena) -> Result<()> {
        let site = arena.site.clone();
        arena
            .insist("asking to restore", async |parties: &Parties| {
                match self.state(&site).await?.as_deref() {
                    Some("quarantined") => parties.restore(SERVER, &self.kept_as, "Wanted back.").await,
                    Some(_) | None => Ok(()),
                }
            })
            .await
    }

    async fn is_over_in_time(&self, arena: &mut Arena) -> Result<bool> {
        let site = arena.site.clone();
        let patience = arena.patience;
        let over = arena
            .until("seeing how it ends", patience, async |_: &Parties| {
                let over = match self.chore {
                    Chore::Restore => self.state(&site).await?.as_deref() == Some("active"),
                    Chore::Purge => self.state(&site).await?.is_none(),
                    Chore::Watch => !self.events(&site).await?.is_empty(),
                };
                Ok(over.then_some(()))
            })
            .await?;
        Ok(over.is_some())
    }

    async fn is_looked_at_again(&self, arena: &mut Arena) -> Result<bool> {
        let site = arena.site.clone();
        let patience = arena.patience;
        let looked = async |_: &Parties| Ok((!look::is_due(&site, "watch").await?).then_some(()));
        Ok(arena.until("the next round", patience, looked).await?.is_some())
    }

    /// What must hold at any moment, also while no server lives.
    ///
    /// # Errors
    /// The store or a target can't be read.
    pub async fn at_rest(&self, arena: &Arena) -> Result<Vec<Broken>> {
        let (state, names) = self.standing(arena).await?;
        let kept = names == [self.kept_as.clone()];
        let invariant = match (self.chore, state.as_deref()) {
            (Chore::Watch, _) => None,
            (Chore::Restore | Chore::Purge, Some("quarantined")) if !kept => {
                Some(Invariant::NoEffectWithoutApproval)
            }
            (Chore::Restore | Chore::Purge, Some("active")) if names != [self.before.database()] => {
                Some(Invariant::NoEffectLost)
            }
            (Chore::Restore, _) if names.len() != 1 => Some(Invariant::NoEffectLost),
            (Chore::Purge, None) if !names.is_empty() => Some(Invariant::NoEffectLost),
            (Chore::Restore | Chore::Purge, _) => None,
        };
        let what = format!("the databases are {names:?}");
        match invariant {
            None => Ok(Vec::new()),
            Some(invariant) => Ok(vec![self.broken(arena, invariant, &what).await?]),
        }
    }

    /// The state of the owner row, and the names of the databases that carry the request's mark, at one moment: another server may be at
    /// work while this looks.
    async fn standing(&self, arena: &Arena) -> Result<(Option<String>, Vec<String>)> {
        loop {
            let state = self.state(&arena.site).await?;
            let databases = look::databases(&arena.site).await?.into_iter();
            let mine = databases.filter(|other| other.made_for.as_ref() == Some(&self.request_id));
            let names = mine.map(|database| database.name).collect();
            if self.state(&arena.site).await? == state {
                return Ok((state, names));
            }
        }
    }

    async fn wrong_events(&self, arena: &Arena) -> Result<Option<Broken>> {
        let needed: &[&str] = match self.chore {
            Chore::Restore => &["database.restoring", "database.restored"],
            Chore::Purge => &["database.purging", "database.purged"],
            Chore::Watch => &["bypass.detected"],
        };
        if self.events(&arena.site).await? == needed {
            return Ok(None);
        }
        let invariant = Invariant::EventForEachTransition;
        self.broken(arena, invariant, &format!("not just {needed:?}")).await.map(Some)
    }

    async fn broken(&self, arena: &Arena, invariant: Invariant, what: &str) -> Result<Broken> {
        let (state, events) = (self.state(&arena.site).await?, self.events(&arena.site).await?);
        Ok(Broken { invariant, what: format!("{what}; owner row {state:?}, events {events:?}") })
    }

    /// The state of the database's owner row.
    async fn state(&self, site: &Site) -> Result<Option<String>> {
        let id = &self.request_id;
        let query = format!("SELECT CAST(state AS TEXT) FROM project_databases WHERE request_id = '{id}'");
        Ok(look::texts(site, query).await?.pop())
    }

    async fn events(&self, site: &Site) -> Result<Vec<String>> {
        let about = match self.chore {
            Chore::Watch => format!("event_type = 'bypass.detected' AND request_id = '{}'", self.request_id),
            Chore::Restore | Chore::Purge => {
                format!("event_type LIKE 'database.%' AND CAST(detail AS TEXT) LIKE '%{}%'", self.kept_as)
            }
        };
        look::texts(site, format!("SELECT event_type FROM flow_events WHERE {about} ORDER BY position")).await
    }

    /// Takes away what it left on the targets that hold only so many secrets.
    pub fn tidy(&self, arena: &Arena) {
        self.before.tidy(arena);
    }
}

/// Makes work due as soon as nobody is at it: whoever died in the middle holds its lease for a while.
async fn bring_forward(arena: &mut Arena, kind: &str, subject: &str) -> Result<()> {
    let (site, patience) = (arena.site.clone(), arena.patience);
    let forward = async |_: &Parties| Ok(look::bring_forward(&site, kind, subject).await?.then_some(()));
    let brought = arena.until("bringing work forward", patience, forward).await?;
    brought.with_context(|| format!("there is no work of kind `{kind}`, or somebody is at it for ever"))
}
