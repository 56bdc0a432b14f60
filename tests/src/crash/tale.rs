//! A story or an errand: what a server can die in the middle of.

use anyhow::Result;

use super::arena::Arena;
use super::errand::Errand;
use super::oracle::{Broken, judge, judge_resting};
use super::plot::Theme;
use super::story::Story;

/// Something with a beginning and an end, and names of its own.
#[derive(Clone, Debug)]
pub enum Tale {
    /// A request of an agent.
    Story(Story),
    /// Something servers do by themselves, or for staff.
    Errand(Errand),
}

impl Tale {
    /// A tale about this.
    ///
    /// # Errors
    /// What has to be told before it is not known.
    pub fn of(theme: Theme, tag: String) -> Result<Self> {
        Ok(match theme {
            Theme::Request(plot) => Self::Story(Story::new(plot, tag)),
            Theme::Chore(chore) => Self::Errand(Errand::new(chore, tag)?),
        })
    }

    /// Occurs in all its names.
    pub fn tag(&self) -> &str {
        match self {
            Self::Story(story) => &story.tag,
            Self::Errand(errand) => errand.tag(),
        }
    }

    /// Makes what it begins with.
    ///
    /// # Errors
    /// A server refuses.
    pub async fn prepare(&mut self, arena: &mut Arena) -> Result<()> {
        match self {
            Self::Story(story) => story.prepare(arena).await,
            Self::Errand(errand) => errand.prepare(arena).await,
        }
    }

    /// Plays it to the end, and judges it.
    ///
    /// # Errors
    /// A server refuses, or the store or a target can't be read.
    pub async fn play(&self, arena: &mut Arena) -> Result<Vec<Broken>> {
        match self {
            Self::Story(story) => Ok(judge(&story.play(arena).await?)),
            Self::Errand(errand) => errand.play(arena).await,
        }
    }

    /// What does not hold at a moment in the middle.
    ///
    /// # Errors
    /// The store or a target can't be read.
    pub async fn at_rest(&self, arena: &Arena) -> Result<Vec<Broken>> {
        match self {
            Self::Story(story) => Ok(judge_resting(&story.rest(arena, None).await?)),
            Self::Errand(errand) => errand.at_rest(arena).await,
        }
    }

    /// Takes away what it left on the targets that hold only so many secrets.
    pub fn tidy(&self, arena: &Arena) {
        match self {
            Self::Story(story) => story.tidy(arena),
            Self::Errand(errand) => errand.tidy(arena),
        }
    }
}
