//! What a rule matches: one pattern for each axis.

use std::fmt;

use crate::cell::{Axis, Cell};
use crate::glob::Glob;

/// How specific a pattern is, by the form it is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Form {
    Any,
    Glob,
    List,
    Exact,
}

/// How specific a rule is, axis by axis; compares as its author means it, first axis first.
pub(crate) type Specificity = [Form; 7];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// The axis is left out.
    #[default]
    Any,
    Exact(String),
    /// As written, without duplicates; at least one.
    List(Vec<String>),
    Glob(Glob),
    /// A glob over tools, with the canonical names of those that answer to it, if only by an alias.
    ToolGlob(Glob, Vec<String>),
}

impl Pattern {
    /// Whether it matches a value; `None` is a cell without a value on this axis, which only an absent pattern matches.
    pub(crate) fn matches(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Any, _) => true,
            (_, None) => false,
            (Self::Exact(own), Some(value)) => own == value,
            (Self::List(own) | Self::ToolGlob(_, own), Some(value)) => own.iter().any(|one| one == value),
            (Self::Glob(glob), Some(value)) => glob.matches(value),
        }
    }

    pub(crate) fn form(&self) -> Form {
        match self {
            Self::Any => Form::Any,
            Self::Exact(_) => Form::Exact,
            Self::List(_) => Form::List,
            Self::Glob(_) | Self::ToolGlob(..) => Form::Glob,
        }
    }

    /// The values it names one by one; none for a glob or an absent pattern.
    pub(crate) fn named(&self) -> &[String] {
        match self {
            Self::Exact(value) => std::slice::from_ref(value),
            Self::List(values) => values,
            Self::Any | Self::Glob(_) | Self::ToolGlob(..) => &[],
        }
    }

    /// A name that both match, on an axis where any name may occur; `sample` is any name at all.
    pub(crate) fn meet(&self, other: &Self, sample: &str) -> Option<String> {
        let among = |values: &[String], test: &Self| {
            values.iter().find(|value| test.matches(Some(value.as_str()))).cloned()
        };
        match (self, other) {
            (Self::Any, Self::Any) => Some(sample.to_owned()),
            (Self::Exact(value), test) | (test, Self::Exact(value)) => {
                among(std::slice::from_ref(value), test)
            }
            (Self::List(values) | Self::ToolGlob(_, values), test)
            | (test, Self::List(values) | Self::ToolGlob(_, values)) => among(values, test),
            (Self::Glob(glob), Self::Any) | (Self::Any, Self::Glob(glob)) => glob.example(),
            (Self::Glob(a), Self::Glob(b)) => a.meet(b),
        }
    }

    /// Whether it surely matches all that `inner` matches, on an axis where any name may occur. May say no where a closer look would
    /// say yes, never the reverse.
    pub(crate) fn surely_covers(&self, inner: &Self) -> bool {
        match (self, inner) {
            (Self::Any, _) => true,
            (Self::Glob(outer), Self::Any) => outer.surely_covers(&Glob::new("*")),
            (_, Self::Any) => false,
            (outer, Self::Exact(_) | Self::List(_)) => {
                inner.named().iter().all(|value| outer.matches(Some(value.as_str())))
            }
            (Self::Glob(outer), Self::Glob(inner) | Self::ToolGlob(inner, _)) => outer.surely_covers(inner),
            (Self::Exact(_) | Self::List(_) | Self::ToolGlob(..), Self::Glob(_) | Self::ToolGlob(..)) => {
                false
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("anything"),
            Self::Exact(value) => write!(f, "`{value}`"),
            Self::List(values) => write!(f, "one of `{}`", values.join("`, `")),
            Self::Glob(glob) | Self::ToolGlob(glob, _) => write!(f, "`{glob}`"),
        }
    }
}

/// One pattern for each axis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Match([Pattern; 7]);

impl Match {
    pub(crate) fn pattern(&self, axis: Axis) -> &Pattern {
        &self.0[axis as usize]
    }

    pub(crate) fn set(&mut self, axis: Axis, pattern: Pattern) {
        self.0[axis as usize] = pattern;
    }

    /// `Ok` if the cell matches, else the first axis on which it doesn't.
    pub(crate) fn check(&self, point: &Point<'_>) -> Result<(), Axis> {
        match Axis::ALL.into_iter().find(|axis| !self.pattern(*axis).matches(point.value(*axis))) {
            Some(axis) => Err(axis),
            None => Ok(()),
        }
    }

    pub(crate) fn specificity(&self) -> Specificity {
        Axis::ALL.map(|axis| self.pattern(axis).form())
    }
}

/// A cell whose tool goes by its canonical name, which rules are kept under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point<'a> {
    cell: &'a Cell,
    tool: &'a str,
}

impl<'a> Point<'a> {
    pub(crate) fn new(cell: &'a Cell, canonical_tool: &'a str) -> Self {
        Self { cell, tool: canonical_tool }
    }

    pub(crate) fn value(&self, axis: Axis) -> Option<&'a str> {
        if axis == Axis::Tool { Some(self.tool) } else { self.cell.value(axis) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[&str]) -> Pattern {
        Pattern::List(values.iter().map(|value| (*value).to_owned()).collect())
    }

    #[test]
    fn only_an_absent_pattern_matches_a_missing_value() {
        assert!(Pattern::Any.matches(None));
        for pattern in [Pattern::Exact("dev".into()), list(&["dev"]), Pattern::Glob(Glob::new("*"))] {
            assert!(!pattern.matches(None), "{pattern}");
        }
    }

    #[test]
    fn forms_are_ordered_by_specificity() {
        assert!(Form::Exact > Form::List && Form::List > Form::Glob && Form::Glob > Form::Any);
    }

    #[test]
    fn patterns_meet_and_cover() {
        let glob = |text: &str| Pattern::Glob(Glob::new(text));
        let exact = |text: &str| Pattern::Exact(text.to_owned());
        assert_eq!(list(&["a", "b"]).meet(&list(&["c", "b"]), "x").as_deref(), Some("b"));
        assert_eq!(glob("b*").meet(&list(&["a", "bc"]), "x").as_deref(), Some("bc"));
        assert_eq!(exact("a").meet(&Pattern::Any, "x").as_deref(), Some("a"));
        assert_eq!(Pattern::Any.meet(&Pattern::Any, "x").as_deref(), Some("x"));
        assert_eq!(exact("a").meet(&exact("b"), "x"), None);
        assert!(glob("run:*").surely_covers(&glob("run:ops*")));
        assert!(!glob("run:ops*").surely_covers(&glob("run:*")));
        assert!(glob("*").surely_covers(&Pattern::Any));
        assert!(list(&["a", "b"]).surely_covers(&exact("a")));
        assert!(!exact("a").surely_covers(&list(&["a", "b"])));
        assert!(!list(&["a"]).surely_covers(&Pattern::Any));
    }
}
