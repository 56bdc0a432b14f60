//! Deciding: votes, answers, withdrawal, and the clock to decide.

use countersign_kernel::terms::Membership;
use countersign_kernel::{Digest, OutsideGroup, Principal, RedactedText, SoleOwner, Timestamp};

use crate::ballot::{Answer, AnswerBallot, Ballot, Choice, Reply, Vote};
use crate::error::{DecideError, StateError, not_requested};
use crate::event::{Decider, RequestEvent, Transition};
use crate::request::ActionRequest;
use crate::state::{CancelledBy, ExpiredPhase, Settled, State};

/// What a ballot came to.
#[must_use = "a decision changes nothing until its transition is recorded in a commit"]
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "made once per decision and moved once")]
pub enum Decided {
    /// It counts.
    Counted(Transition),
    /// The same person said the same before: nothing changes, and nothing more is recorded.
    Repeat,
}

impl ActionRequest {
    /// Counts a decision. One deny ends the request; enough approvals by people who are members *now* approve it.
    ///
    /// # Errors
    /// The state, the clock, the plan shown or the person forbids it.
    pub fn decide(
        &self,
        ballot: Ballot,
        members: &dyn Membership,
        now: Timestamp,
    ) -> Result<Decided, DecideError> {
        // A question can be declined, but yes is no answer to it.
        if self.facts.question.is_some() && ballot.choice == Choice::Approve {
            return Err(DecideError::IsQuestion { id: self.facts.id });
        }
        let State::Requested { decide_by } = &self.state else {
            return if self.repeats(&ballot) {
                Ok(Decided::Repeat)
            } else {
                Err(not_requested(self.facts.id, &self.state).into())
            };
        };
        self.check_in_time(*decide_by, now)?;
        self.check_seen(ballot.seen)?;
        let by_group = self.check_member(&ballot.by, members)?;
        let as_sole_owner = self.check_requester(&ballot.by, members)?;
        let approved_before =
            self.vote_of(&ballot.by).is_some_and(|vote| vote.ballot.choice == Choice::Approve);
        let vote = Vote { ballot, revision: self.revision, at: now, as_sole_owner, by_group };
        let counted = self.count(vote, members, now);
        // The same yes again changes nothing, unless it is the one that was missing by now: somebody may have come back to the group.
        let still_short = matches!(counted.event(), RequestEvent::Voted { .. });
        Ok(if approved_before && still_short { Decided::Repeat } else { Decided::Counted(counted) })
    }

    /// Settles a question by an answer.
    ///
    /// # Errors
    /// It is no question, the state, the clock, the question shown or the person forbids it, or the reply doesn't fit the question.
    pub fn answer(
        &self,
        ballot: AnswerBallot,
        members: &dyn Membership,
        now: Timestamp,
    ) -> Result<Decided, DecideError> {
        let id = self.facts.id;
        let Some(form) = &self.facts.question else {
            return Err(DecideError::NotAQuestion { id });
        };
        let answer = match ballot.reply {
            Reply::Option(index) => {
                let text = usize::try_from(index).ok().and_then(|place| form.options.get(place));
                let count = u32::try_from(form.options.len()).unwrap_or(u32::MAX);
                let text = text.ok_or(DecideError::NoSuchOption { id, index, count })?.clone();
                Answer::Option { index, text, input_mode: ballot.input_mode }
            }
            Reply::Custom(_) if !form.allow_custom => return Err(DecideError::CustomNotAllowed { id }),
            Reply::Custom(text) => Answer::Custom { text, input_mode: ballot.input_mode },
        };
        let State::Requested { decide_by } = &self.state else {
            return match &self.state {
                State::Settled(Settled::Answered { by, answer: given, .. })
                    if *by == ballot.by && *given == answer =>
                {
                    Ok(Decided::Repeat)
                }
                State::Requested { .. }
                | State::Approved { .. }
                | State::Applying { .. }
                | State::Unknown { .. }
                | State::Settled(_) => Err(not_requested(id, &self.state).into()),
            };
        };
        self.check_in_time(*decide_by, now)?;
        self.check_seen(ballot.seen)?;
        let by_group = self.check_member(&ballot.by, members)?;
        let as_sole_owner = self.check_requester(&ballot.by, members)?;
        let by = ballot.by;
        let settled = Settled::Answered { at: now, by: by.clone(), answer: answer.clone() };
        let event = RequestEvent::Answered { by, answer, as_sole_owner, by_group };
        Ok(Decided::Counted(self.become_settled(settled, event)))
    }

    /// Whether this person's word on the request would be heard now: for what comes before a decision, such as dictating its reason.
    ///
    /// # Errors
    /// The state, the clock or the person forbids it.
    pub fn hears(
        &self,
        who: &Principal,
        members: &dyn Membership,
        now: Timestamp,
    ) -> Result<(), DecideError> {
        let State::Requested { decide_by } = &self.state else {
            return Err(not_requested(self.facts.id, &self.state).into());
        };
        self.check_in_time(*decide_by, now)?;
        self.check_member(who, members)?;
        self.check_requester(who, members).map(|_| ())
    }

    /// The same for an answer in own words.
    ///
    /// # Errors
    /// It is no question, takes no own words, or the state, the clock or the person forbids it.
    pub fn hears_own_words(
        &self,
        who: &Principal,
        members: &dyn Membership,
        now: Timestamp,
    ) -> Result<(), DecideError> {
        let id = self.facts.id;
        match &self.facts.question {
            None => Err(DecideError::NotAQuestion { id }),
            Some(form) if !form.allow_custom => Err(DecideError::CustomNotAllowed { id }),
            Some(_) => self.hears(who, members, now),
        }
    }

    /// Refuses a request whose approval policy no longer allows.
    ///
    /// # Errors
    /// It is not `approved`.
    pub fn deny_by_policy(&self, reason: RedactedText, now: Timestamp) -> Result<Transition, StateError> {
        self.approved_until()?;
        let settled = Settled::Denied { at: now, by: Decider::Policy, reason: Some(reason.clone()) };
        Ok(self.become_settled(settled, RequestEvent::Denied { vote: None, reason: Some(reason) }))
    }

    /// Withdraws a request that has not begun.
    ///
    /// # Errors
    /// It is being executed, in doubt, or over.
    pub fn cancel(
        &self,
        by: CancelledBy,
        reason: Option<RedactedText>,
        now: Timestamp,
    ) -> Result<Transition, StateError> {
        match &self.state {
            State::Requested { .. } | State::Approved { .. } => {
                let settled = Settled::Cancelled { at: now, by: by.clone(), reason: reason.clone() };
                Ok(self.become_settled(settled, RequestEvent::Cancelled { by, reason }))
            }
            State::Applying { .. } | State::Unknown { .. } | State::Settled(_) => {
                Err(not_requested(self.facts.id, &self.state))
            }
        }
    }

    /// Withdraws a request on the word of a person who stands in no other relation to it: only one of those whom policy asks may.
    ///
    /// The launcher of the run may, where policy asks them too: taking back one's own wish decides nothing in one's own favour.
    ///
    /// # Errors
    /// It has begun or is over, or policy does not ask this person.
    pub fn withdraw(
        &self,
        who: &Principal,
        reason: Option<RedactedText>,
        members: &dyn Membership,
        now: Timestamp,
    ) -> Result<Transition, DecideError> {
        let transition = self.cancel(CancelledBy::Staff(who.clone()), reason, now)?;
        self.check_member(who, members)?;
        Ok(transition)
    }

    /// Ends a request nobody decided in time.
    ///
    /// # Errors
    /// It is not `requested`, or there is time left.
    pub fn expire_decision(&self, now: Timestamp) -> Result<Transition, StateError> {
        let State::Requested { decide_by } = &self.state else {
            return Err(not_requested(self.facts.id, &self.state));
        };
        if now < *decide_by {
            return Err(StateError::NotDue { id: self.facts.id, until: *decide_by });
        }
        Ok(self.expired(ExpiredPhase::Undecided, now))
    }

    /// Ends a request that can reach no approver any more.
    ///
    /// # Errors
    /// It is not `requested`.
    pub fn give_up_delivery(&self, reason: RedactedText, now: Timestamp) -> Result<Transition, StateError> {
        match &self.state {
            State::Requested { .. } => Ok(self.failed("undeliverable", reason, now)),
            State::Approved { .. } | State::Applying { .. } | State::Unknown { .. } | State::Settled(_) => {
                Err(not_requested(self.facts.id, &self.state))
            }
        }
    }

    fn repeats(&self, ballot: &Ballot) -> bool {
        self.vote_of(&ballot.by)
            .is_some_and(|vote| vote.ballot.choice == ballot.choice && vote.ballot.seen == ballot.seen)
    }

    fn check_in_time(&self, decide_by: Timestamp, now: Timestamp) -> Result<(), DecideError> {
        if now < decide_by { Ok(()) } else { Err(DecideError::Late { id: self.facts.id, until: decide_by }) }
    }

    fn check_seen(&self, seen: Digest) -> Result<(), DecideError> {
        let current = self.proposal.plan_digest;
        if seen == current {
            Ok(())
        } else {
            Err(DecideError::OtherPlan { id: self.facts.id, seen, current, revision: self.revision })
        }
    }

    /// Whether the person may decide although they may have launched the run; `Ok(true)` when only as the project's sole owner.
    fn check_requester(&self, who: &Principal, members: &dyn Membership) -> Result<bool, DecideError> {
        let terms = &self.proposal.terms;
        if *who != self.facts.launched_by {
            return Ok(false);
        }
        match terms.sole_owner {
            SoleOwner::Allow if members.size(&terms.deciders) == Some(1) => Ok(true),
            SoleOwner::Allow | SoleOwner::Deny => {
                Err(DecideError::Requester { id: self.facts.id, who: who.clone() })
            }
        }
    }

    /// Whether the person who asks now is one of those who decide, and by which outside group if not by name.
    fn check_member(
        &self,
        who: &Principal,
        members: &dyn Membership,
    ) -> Result<Option<OutsideGroup>, DecideError> {
        let deciders = &self.proposal.terms.deciders;
        if members.is_member(who, deciders) {
            return Ok(None);
        }
        let proved = members.proved_by(who, deciders);
        proved.map(Some).ok_or_else(|| DecideError::NotADecider { id: self.facts.id, who: who.clone() })
    }

    /// Whether a vote that was cast still counts: the policy names the voter or the outside group of the vote, and the voter is not the
    /// requester, or is the only owner still.
    fn still_counts(&self, vote: &Vote, members: &dyn Membership) -> bool {
        let (who, deciders) = (&vote.ballot.by, &self.proposal.terms.deciders);
        let by_group = vote.by_group.as_ref().is_some_and(|group| members.has_outside(group, deciders));
        (members.is_member(who, deciders) || by_group) && self.check_requester(who, members).is_ok()
    }

    fn count(&self, vote: Vote, members: &dyn Membership, now: Timestamp) -> Transition {
        let mut after = self.clone();
        after.votes.retain(|other| other.ballot.by != vote.ballot.by);
        after.votes.push(vote.clone());
        match vote.ballot.choice {
            Choice::Deny => {
                let by = Decider::Principal(vote.ballot.by.clone());
                let reason = vote.ballot.reason.clone();
                after.state = State::Settled(Settled::Denied { at: now, by, reason: reason.clone() });
                Transition::of(self, after, RequestEvent::Denied { vote: Some(vote), reason })
            }
            Choice::Approve => {
                // Every earlier voter is asked about again: one who has left the group since doesn't count, nor does the launcher who
                // could vote as the sole owner and isn't the only one any more. Who has left an outside group since can't be asked: what
                // they proved when they voted holds as long as the policy takes the group.
                let counted = after.approvals().filter(|vote| self.still_counts(vote, members)).count();
                let approvals = u32::try_from(counted).unwrap_or(u32::MAX);
                if approvals < self.proposal.terms.quorum {
                    return Transition::of(self, after, RequestEvent::Voted { vote, approvals });
                }
                let execute_by = now.plus(self.proposal.terms.execute_within);
                after.state = State::Approved { approved_at: now, execute_by };
                Transition::of(self, after, RequestEvent::Approved { vote: Some(vote), execute_by })
            }
        }
    }

    pub(crate) fn become_settled(&self, settled: Settled, event: RequestEvent) -> Transition {
        let after = Self { state: State::Settled(settled), ..self.clone() };
        Transition::of(self, after, event)
    }

    pub(crate) fn expired(&self, phase: ExpiredPhase, now: Timestamp) -> Transition {
        self.become_settled(Settled::Expired { at: now, phase }, RequestEvent::Expired { phase })
    }
}
