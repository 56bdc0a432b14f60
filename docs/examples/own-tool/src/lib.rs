//! A control tool of a platform team's own, complete: `dns.record` sets and deletes records of the zones of a project's environments, over
//! the REST API of the team's DNS service. docs/own-tool.md walks through it.
//!
//! | module | what it holds | rule it shows |
//! | --- | --- | --- |
//! | [`api`] | the client of the DNS service | every answer becomes one of the kinds of `TargetError`, honestly |
//! | `input` | what an agent may ask | everything that is wrong is said at once; equal wishes have equal input |
//! | `plan` | what would be done | pure; what has to hold goes into the plan, what changes by itself does not |
//! | `steps` | doing it, and looking whether it was done | only writes that can't happen twice; a probe never guesses |
//! | `tool` | the trait that the registry holds | |
//!
//! Deliberately absent: TXT records. Their values are often secrets (proofs of ownership, keys), and a call must hold none.

pub mod api;
mod input;
mod plan;
mod steps;
mod tool;

pub use input::Zones;
pub use tool::DnsRecords;
