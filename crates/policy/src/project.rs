//! A project of the policy text.

use countersign_kernel::{Environment, GroupName, OnRunEnd, Repository, SoleOwner};

/// What the policy text says of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The groups that own it; sorted, at least one.
    pub owners: Vec<GroupName>,
    /// Its source repository.
    pub repository: Repository,
    /// Its environments, in the order of the text; at least one.
    pub environments: Vec<Environment>,
    /// Whether the launcher of a run may decide as the only owner; `deny` unless the text says otherwise.
    pub sole_owner: SoleOwner,
    /// What becomes of open requests at the end of a run; `cancel` unless the text says otherwise.
    pub on_run_end: OnRunEnd,
}
