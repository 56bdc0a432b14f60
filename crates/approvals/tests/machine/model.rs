//! What must be true of a request, kept by other means than the code's: from the commands that were accepted, not from its fields.

use std::collections::BTreeMap;

use countersign_approvals::{ActionRequest, Choice, StateName, Transition};
use countersign_kernel::terms::Membership;
use countersign_kernel::{ApprovalMode, Digest, Principal, SoleOwner, Terms, Timestamp};

use crate::fixture::*;

/// The approval that an effect needs: of which plan, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Approval {
    plan: Digest,
    until: Timestamp,
}

/// One request's history, as an outsider would note it down.
pub(crate) struct Notes {
    pub(crate) question: bool,
    terms: Terms,
    pub(crate) plan: u32,
    pub(crate) decide_by: Timestamp,
    pub(crate) state: StateName,
    votes: BTreeMap<Principal, Choice>,
    approval: Option<Approval>,
    drifts: u32,
    effects: u32,
    events: u64,
}

impl Notes {
    pub(crate) fn of(terms: &Terms, question: bool) -> Self {
        let by_policy = terms.mode == ApprovalMode::None;
        Self {
            question,
            terms: terms.clone(),
            plan: 1,
            decide_by: OPENED.plus(DECIDE_WITHIN),
            state: if by_policy { StateName::Approved } else { StateName::Requested },
            votes: BTreeMap::new(),
            approval: by_policy.then(|| Approval { plan: plan(1), until: OPENED.plus(EXECUTE_WITHIN) }),
            drifts: 0,
            effects: 0,
            events: 1,
        }
    }

    pub(crate) fn execute_by(&self) -> Option<Timestamp> {
        self.approval.map(|approval| approval.until)
    }

    /// Whether this person may decide now, as the domain page says it.
    fn may_decide(&self, who: &str, groups: &Groups) -> bool {
        let member = groups.is_member(&person(who), &owners());
        let alone = groups.size(&owners()) == Some(1);
        member && (who != ALICE || (self.terms.sole_owner == SoleOwner::Allow && alone))
    }

    /// Whether a vote or answer has to count (or be a repeat) rather than be refused.
    pub(crate) fn admits(&self, who: &str, seen: Digest, groups: &Groups, now: Timestamp) -> bool {
        self.state == StateName::Requested
            && now < self.decide_by
            && seen == plan(self.plan)
            && self.may_decide(who, groups)
    }

    /// Notes an accepted vote and says what has to come of it.
    pub(crate) fn vote(&mut self, who: &str, choice: Choice, groups: &Groups, now: Timestamp) -> StateName {
        self.votes.insert(person(who), choice);
        if choice == Choice::Deny {
            return StateName::Denied;
        }
        let counting = |(who, choice): (&Principal, &Choice)| {
            *choice == Choice::Approve && self.may_decide(who.as_str(), groups)
        };
        let approvals = self.votes.iter().filter(|vote| counting(*vote)).count();
        if approvals < usize::try_from(self.terms.quorum).unwrap() {
            return StateName::Requested;
        }
        self.approval = Some(Approval { plan: plan(self.plan), until: now.plus(EXECUTE_WITHIN) });
        StateName::Approved
    }

    /// Whether this person already approved what is asked now.
    pub(crate) fn has_approved(&self, who: &str) -> bool {
        self.votes.get(&person(who)) == Some(&Choice::Approve)
    }

    /// Notes a changed plan and says what has to come of it.
    pub(crate) fn drift(&mut self, terms: &Terms, now: Timestamp) -> StateName {
        if self.drifts == 3 {
            return StateName::Failed;
        }
        self.drifts += 1;
        self.plan += 1;
        self.votes.clear();
        self.terms = terms.clone();
        if terms.mode != ApprovalMode::None {
            self.approval = None;
            self.decide_by = now.plus(DECIDE_WITHIN);
            StateName::Requested
        } else {
            self.approval = self.approval.map(|approval| Approval { plan: plan(self.plan), ..approval });
            StateName::Approved
        }
    }

    /// Notes an effect: it needs an approval of this very plan that still holds, and happens once.
    pub(crate) fn effect(&mut self, request: &ActionRequest, now: Timestamp) -> StateName {
        let approval = self.approval.expect("an effect without an approval");
        assert_eq!(approval.plan, request.proposal.plan_digest, "an effect that nobody approved");
        assert!(now < approval.until, "an effect after its time");
        self.effects += 1;
        assert_eq!(self.effects, 1, "an effect begun twice");
        StateName::Applying
    }

    /// Checks a transition against everything noted, and takes its state over.
    pub(crate) fn check(&mut self, before: &ActionRequest, transition: &Transition, expected: StateName) {
        let after = transition.after();
        assert!(
            !before.state.is_settled(),
            "{} left {}",
            event_name(transition.event()),
            before.state.name()
        );
        assert_eq!(after.state.name(), expected, "by {}", event_name(transition.event()));
        self.events += 1;
        assert_eq!(after.version, self.events, "a version without an event, or an event without a version");
        assert_eq!(transition.before_version(), Some(before.version));
        assert_eq!((&after.facts, after.revision), (&before.facts, self.drifts + 1));
        assert_eq!(after.proposal.plan_digest, plan(self.plan));
        let event = event_name(transition.event());
        assert!(allowed(before.state.name().as_str(), event, expected.as_str()), "{event} to {expected}");
        let voters: Vec<_> = after.votes.iter().map(|vote| &vote.ballot.by).collect();
        let noted = self.votes.keys().filter(|who| voters.contains(who)).count();
        assert_eq!((voters.len(), noted), (self.votes.len(), self.votes.len()), "votes lost or made up");
        assert!(after.votes.iter().all(|vote| vote.revision == after.revision));
        self.state = expected;
    }
}

/// The arrows of the domain page.
fn allowed(from: &str, event: &str, to: &str) -> bool {
    matches!(
        (from, event, to),
        ("requested", "voted", "requested")
            | ("requested", "approved", "approved")
            | ("requested", "answered", "answered")
            | ("requested" | "approved", "denied", "denied")
            | ("requested" | "approved", "expired", "expired")
            | ("requested" | "approved", "cancelled", "cancelled")
            | ("requested" | "approved" | "applying" | "unknown", "failed", "failed")
            | ("approved", "drifted", "requested" | "approved")
            | ("approved", "applying", "applying")
            | ("applying" | "unknown", "applied", "applied")
            | ("applying", "unknown", "unknown")
    )
}
