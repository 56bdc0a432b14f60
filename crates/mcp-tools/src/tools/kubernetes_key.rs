//! One key of a Kubernetes Secret that holds a generated value: looked at, written, found again, taken back and watched the same way by
//! every tool that writes one.
//!
//! The value is handed through and never kept. It is random, so that a key that holds it was written by us and by nobody since.

pub(crate) mod facts;
pub(crate) mod look;
pub(crate) mod place;
pub(crate) mod step;
pub(crate) mod undo;
pub(crate) mod watch;

pub(crate) use facts::KeyFact;
pub(crate) use look::{KubernetesSeen, Side};
pub(crate) use place::KeyPlace;
pub(crate) use step::{APPLY_KEY, Precondition};
