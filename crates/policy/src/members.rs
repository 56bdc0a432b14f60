//! Who belongs to the groups of a text: people and services by name, and outside groups.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use countersign_kernel::{GroupName, OutsideGroup, ParseNameError, Principal};

/// All groups of a text.
pub(crate) type Groups = BTreeMap<GroupName, Members>;

/// The members of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    pub(crate) named: BTreeSet<Principal>,
    /// Whoever proves one of these when signing in is a member.
    pub(crate) outside: BTreeSet<OutsideGroup>,
}

/// One member, as the text spells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Member {
    Named(Principal),
    Outside(OutsideGroup),
}

impl FromStr for Member {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("group:") {
            OutsideGroup::parse(text).map(Self::Outside)
        } else {
            Principal::parse(text).map(Self::Named)
        }
    }
}

impl FromIterator<Member> for Members {
    fn from_iter<I: IntoIterator<Item = Member>>(members: I) -> Self {
        let mut read = Self::default();
        for member in members {
            match member {
                Member::Named(principal) => read.named.insert(principal),
                Member::Outside(group) => read.outside.insert(group),
            };
        }
        read
    }
}

/// How many different principals the groups have together. `None` when an outside group is among them: nobody here can count those.
pub(crate) fn people(all: &Groups, groups: &[GroupName]) -> Option<usize> {
    let members: Vec<_> = groups.iter().filter_map(|group| all.get(group)).collect();
    let countable = members.iter().all(|members| members.outside.is_empty());
    countable.then(|| members.iter().flat_map(|members| &members.named).collect::<BTreeSet<_>>().len())
}
