//! Who may decide: those whom the active policy names, and whoever asks now and has proved to be in an outside group that it takes.

use countersign_kernel::terms::Membership;
use countersign_kernel::{GroupName, OutsideGroup, Principal};
use countersign_policy::CompiledPolicy;

use crate::services::Identity;

/// The policy's word on membership, while this person asks.
pub(crate) struct Electors<'e> {
    pub(crate) policy: &'e CompiledPolicy,
    pub(crate) asks: &'e Identity,
}

impl Membership for Electors<'_> {
    fn is_member(&self, who: &Principal, groups: &[GroupName]) -> bool {
        self.policy.is_member(who, groups)
    }

    fn has_outside(&self, outside: &OutsideGroup, groups: &[GroupName]) -> bool {
        self.policy.has_outside(outside, groups)
    }

    fn proved_by(&self, who: &Principal, groups: &[GroupName]) -> Option<OutsideGroup> {
        let proved = self.asks.groups.iter().filter(|_| *who == self.asks.principal);
        proved.into_iter().find(|outside| self.policy.has_outside(outside, groups)).cloned()
    }

    fn size(&self, groups: &[GroupName]) -> Option<usize> {
        self.policy.size(groups)
    }
}
