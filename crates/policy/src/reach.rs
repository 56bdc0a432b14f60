//! Where rules reach on the axes whose values are all known: projects with their environments, tools with their actions, runtime modes.
//!
//! Kept as sets of bits, since every two rules of a text are compared.

use std::collections::BTreeMap;

use countersign_kernel::{ActionName, Environment, ProjectKey, RuntimeMode, ToolName};

use crate::catalog::{ActionTraits, ToolCatalog};
use crate::cell::Axis;
use crate::matching::Match;
use crate::project::Project;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    fn collect(values: impl Iterator<Item = bool>) -> Self {
        let mut words = Vec::new();
        for (index, value) in values.enumerate() {
            if index % 64 == 0 {
                words.push(0);
            }
            words[index / 64] |= u64::from(value) << (index % 64);
        }
        Self(words)
    }

    fn contains(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn covers(&self, inner: &Self) -> bool {
        self.0.iter().zip(&inner.0).all(|(outer, inner)| inner & !outer == 0)
    }

    fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect())
    }
}

/// A project with one of its environments, or with none.
pub(crate) type Place<'a> = (&'a ProjectKey, Option<&'a Environment>);

/// An action of a tool.
pub(crate) type Act<'a> = (&'a ToolName, &'a ActionName, ActionTraits);

/// All values of the known axes.
#[derive(Debug)]
pub(crate) struct Universe<'a> {
    places: Vec<Place<'a>>,
    acts: Vec<Act<'a>>,
}

const MODES: [RuntimeMode; 2] = [RuntimeMode::FullEnv, RuntimeMode::CodeOnly];

impl<'a> Universe<'a> {
    pub(crate) fn new(projects: &'a BTreeMap<ProjectKey, Project>, catalog: &'a ToolCatalog) -> Self {
        let places = projects.iter().flat_map(|(key, project)| {
            project.environments.iter().map(Some).chain([None]).map(move |environment| (key, environment))
        });
        let acts = catalog.tools().flat_map(|(tool, entry)| {
            entry.actions.iter().map(move |(action, traits)| (tool, action, *traits))
        });
        Self { places: places.collect(), acts: acts.collect() }
    }

    pub(crate) fn reach(&self, when: &Match) -> Reach {
        let on = |axis, value: Option<&str>| when.pattern(axis).matches(value);
        Reach {
            places: Bits::collect(self.places.iter().map(|(project, environment)| {
                on(Axis::Project, Some(project.as_str()))
                    && on(Axis::Environment, environment.map(Environment::as_str))
            })),
            acts: Bits::collect(self.acts.iter().map(|(tool, action, _)| {
                on(Axis::Tool, Some(tool.as_str())) && on(Axis::Action, Some(action.as_str()))
            })),
            modes: Bits::collect(MODES.iter().map(|mode| on(Axis::RuntimeMode, Some(mode.as_str())))),
        }
    }

    pub(crate) fn places(&self, reach: &Reach) -> impl Iterator<Item = Place<'a>> {
        self.places
            .iter()
            .enumerate()
            .filter(|(index, _)| reach.places.contains(*index))
            .map(|(_, place)| *place)
    }

    pub(crate) fn acts(&self, reach: &Reach) -> impl Iterator<Item = Act<'a>> {
        self.acts.iter().enumerate().filter(|(index, _)| reach.acts.contains(*index)).map(|(_, act)| *act)
    }

    pub(crate) fn modes(&self, reach: &Reach) -> impl Iterator<Item = RuntimeMode> {
        MODES.into_iter().enumerate().filter(|(index, _)| reach.modes.contains(*index)).map(|(_, mode)| mode)
    }
}

/// The part of the universe that a rule matches: every combination of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    places: Bits,
    acts: Bits,
    modes: Bits,
}

impl Reach {
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty() || self.acts.is_empty() || self.modes.is_empty()
    }

    pub(crate) fn covers(&self, inner: &Self) -> bool {
        self.places.covers(&inner.places) && self.acts.covers(&inner.acts) && self.modes.covers(&inner.modes)
    }

    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            places: self.places.and(&other.places),
            acts: self.acts.and(&other.acts),
            modes: self.modes.and(&other.modes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_more_than_one_word() {
        let even = Bits::collect((0..130).map(|n| n % 2 == 0));
        let all = Bits::collect((0..130).map(|_| true));
        let odd = Bits::collect((0..130).map(|n| n % 2 == 1));
        assert!(all.covers(&even) && !even.covers(&all));
        assert!(even.contains(128) && !even.contains(129) && !even.contains(1000));
        assert!(even.and(&odd).is_empty() && !even.and(&all).is_empty());
    }
}
