//! Somebody who has proved who they are at a sign-in.

use std::collections::BTreeSet;

use countersign_kernel::{OutsideGroup, Principal, Proof};

use crate::access::{BearerIdentity, Role};
use crate::services::Identity;

/// The most characters of a display name; longer ones are cut.
const NAME_AT_MOST: usize = 128;

/// A person as a sign-in proved them. What they may do is settled then, and holds until the session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who, how that was proved, and the groups that the provider says they are in.
    pub identity: Identity,
    /// What they are called on screens. Never decided on.
    pub display_name: String,
    /// What they may see and do.
    pub roles: BTreeSet<Role>,
}

impl Person {
    /// A person; without a name to show, the principal's.
    pub fn new(
        principal: Principal,
        proof: Proof,
        display_name: Option<&str>,
        roles: BTreeSet<Role>,
        groups: BTreeSet<OutsideGroup>,
    ) -> Self {
        let name: String = display_name.unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
        let name: String = name.trim().chars().take(NAME_AT_MOST).collect();
        let display_name = if name.is_empty() { principal.to_string() } else { name };
        Self { identity: Identity { principal, proof, groups }, display_name, roles }
    }

    /// The same as the surfaces know callers: who, and in which roles.
    pub fn caller(&self) -> BearerIdentity {
        BearerIdentity { identity: self.identity.clone(), roles: self.roles.clone() }
    }
}
