//! The approval matrix: parse, check, compile, evaluate, explain.
//!
//! One YAML text says who has to agree before an agent's action runs. [`CompiledPolicy::compile`] reads it with the position of every
//! word, reports every error at once, refuses a text in which two rules clash, and gives an immutable value that answers one
//! [`Cell`] of the matrix with [`Terms`](countersign_kernel::Terms) or a refusal, and can say why.
//!
//! All words are read as text, exactly as written: there are no YAML booleans, dates or numbers in disguise. Anchors, aliases, tags and
//! further documents are refused, so that the text a reviewer reads is the text that counts.
//!
//! **Architecture invariant:** no files, no network, no clock, no storage. The text comes in as a string, which version of it is active is
//! known elsewhere, and the absence of any policy is the caller's to refuse.

pub mod answer;
pub mod catalog;
pub mod cell;
pub mod explain;
pub mod notice;
pub mod policy;
pub mod project;
pub mod rule;

mod analysis;
mod document;
mod evaluate;
mod glob;
mod limits;
mod matching;
mod members;
mod reach;
mod read;
mod read_match;
mod read_rule;
mod words;
mod yaml;

pub use answer::{Answer, DenyReason, RuleRef};
pub use catalog::{ActionTraits, ToolCatalog};
pub use cell::{Axis, Cell};
pub use explain::{AppliedGuard, BaseRule, Explanation, Loser, Lost};
pub use notice::{PolicyErrors, PolicyNotice};
pub use policy::{Compiled, CompiledPolicy};
pub use project::Project;
pub use rule::{Approval, RuleId, RuleKind};
