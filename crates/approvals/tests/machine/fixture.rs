//! A project, its people, and requests brought to each state by the commands themselves.

use std::collections::{BTreeMap, BTreeSet};

use countersign_approvals::{
    ActionRequest, AnswerBallot, Ballot, CallKey, CancelledBy, Choice, Decided, InputMode, Progress,
    Proposal, QuestionForm, Reply, RequestEvent, RequestFacts, StepProgress, StepState, Transition, open,
};
use countersign_kernel::terms::Membership;
use countersign_kernel::{
    ActionName, AgentKey, ApprovalMode, CorrelationId, Digest, GroupName, Millis, OnRunEnd, OutsideGroup,
    Principal, ProjectKey, Proof, RedactedText, RequestId, RunId, SoleOwner, Terms, Timestamp, ToolName,
};
use serde_json::json;

/// When every request is opened.
pub(crate) const OPENED: Timestamp = Timestamp::from_unix_micros(1_700_000_000_000_000);
/// How long people have.
pub(crate) const DECIDE_WITHIN: Millis = Millis::from_secs(3600);
/// How long the executor has.
pub(crate) const EXECUTE_WITHIN: Millis = Millis::from_secs(900);

/// Launched the run; in the group where a test puts her there.
pub(crate) const ALICE: &str = "user:github:alice";
pub(crate) const BOB: &str = "user:github:bob";
pub(crate) const CAROL: &str = "user:github:carol";
pub(crate) const DAVE: &str = "user:github:dave";
/// In no group.
pub(crate) const EVE: &str = "user:github:eve";

/// So many seconds after the opening.
pub(crate) fn at(secs: u64) -> Timestamp {
    OPENED.plus(Millis::from_secs(secs))
}

pub(crate) fn person(name: &str) -> Principal {
    Principal::parse(name).unwrap()
}

pub(crate) fn text(words: &str) -> RedactedText {
    RedactedText::parse(words, 0, 1000).unwrap()
}

pub(crate) fn owners() -> Vec<GroupName> {
    vec![GroupName::parse("shop-owners").unwrap()]
}

/// Who is in which group, now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    pub(crate) people: BTreeMap<GroupName, BTreeSet<Principal>>,
    /// The outside group whose people own the project as well.
    pub(crate) outside: Option<OutsideGroup>,
    /// Whoever asks now has proved to be in it.
    pub(crate) asks: Option<Principal>,
}

impl Groups {
    /// The owners' group with these people, and another group with Eve.
    pub(crate) fn of(names: &[&str]) -> Self {
        let other = GroupName::parse("sre").unwrap();
        let mut groups = BTreeMap::from([(other, BTreeSet::from([person(EVE)]))]);
        groups.insert(owners().remove(0), names.iter().map(|name| person(name)).collect());
        Self { people: groups, outside: None, asks: None }
    }
}

impl Membership for Groups {
    fn is_member(&self, who: &Principal, groups: &[GroupName]) -> bool {
        groups.iter().any(|group| self.people.get(group).is_some_and(|people| people.contains(who)))
    }

    fn has_outside(&self, outside: &OutsideGroup, groups: &[GroupName]) -> bool {
        groups.contains(&owners()[0]) && self.outside.as_ref() == Some(outside)
    }

    fn proved_by(&self, who: &Principal, groups: &[GroupName]) -> Option<OutsideGroup> {
        let asks = self.asks.as_ref() == Some(who) && groups.contains(&owners()[0]);
        self.outside.clone().filter(|_| asks)
    }

    fn size(&self, groups: &[GroupName]) -> Option<usize> {
        let people = groups.iter().filter_map(|group| self.people.get(group)).flatten();
        self.outside.is_none().then(|| people.collect::<BTreeSet<_>>().len())
    }
}

/// Alice, Bob, Carol and Dave own the project.
pub(crate) fn everybody() -> Groups {
    Groups::of(&[ALICE, BOB, CAROL, DAVE])
}

pub(crate) fn terms(quorum: u32) -> Terms {
    Terms {
        mode: ApprovalMode::Owner,
        deciders: owners(),
        quorum,
        decide_within: DECIDE_WITHIN,
        execute_within: EXECUTE_WITHIN,
        sole_owner: SoleOwner::Deny,
        on_run_end: OnRunEnd::Cancel,
    }
}

pub(crate) fn terms_of_policy() -> Terms {
    Terms { mode: ApprovalMode::None, deciders: Vec::new(), ..terms(1) }
}

pub(crate) fn facts(question: Option<QuestionForm>) -> RequestFacts {
    RequestFacts {
        id: RequestId::from_parts(OPENED, [1; 10]),
        correlation_id: CorrelationId::from_parts(OPENED, [2; 10]),
        run: RunId::parse("run-1").unwrap(),
        project: ProjectKey::parse("shop").unwrap(),
        agent_key: AgentKey::parse("sre").unwrap(),
        launched_by: person(ALICE),
        tool: ToolName::parse("database.lifecycle").unwrap(),
        action: ActionName::parse("create").unwrap(),
        environment: None,
        intent_digest: Digest::of_bytes(b"intent"),
        call_key: CallKey::Intent,
        question,
        requested_at: OPENED,
    }
}

/// The digest of the plan of this number: what an approver of it has seen.
pub(crate) fn plan(number: u32) -> Digest {
    Digest::of_bytes(format!("plan {number}").as_bytes())
}

pub(crate) fn proposal(number: u32, terms: Terms) -> Proposal {
    Proposal {
        call: json!({ "database_name": "orders" }),
        plan: json!({ "number": number }),
        plan_digest: plan(number),
        terms,
        policy_digest: Digest::of_bytes(b"policy"),
    }
}

pub(crate) fn form() -> QuestionForm {
    QuestionForm { options: vec![text("blue"), text("green")], allow_custom: false }
}

pub(crate) fn ballot(who: &str, choice: Choice, seen: Digest) -> Ballot {
    Ballot {
        by: person(who),
        proof: Proof::BearerToken,
        choice,
        seen,
        reason: Some(text("looked at it")),
        input_mode: InputMode::Button,
    }
}

/// An approval of the first plan.
pub(crate) fn yes(who: &str) -> Ballot {
    ballot(who, Choice::Approve, plan(1))
}

/// A denial of the first plan.
pub(crate) fn no(who: &str) -> Ballot {
    ballot(who, Choice::Deny, plan(1))
}

pub(crate) fn reply(who: &str, reply: Reply) -> AnswerBallot {
    AnswerBallot {
        by: person(who),
        proof: Proof::BearerToken,
        seen: plan(1),
        reply,
        input_mode: InputMode::Text,
    }
}

/// What a decision that counts leads to.
pub(crate) fn counted(decided: Decided) -> Transition {
    match decided {
        Decided::Counted(transition) => transition,
        Decided::Repeat => panic!("taken for a repeat"),
    }
}

/// A request as its transition leaves it.
pub(crate) fn after(transition: &Transition) -> ActionRequest {
    transition.after().clone()
}

/// The steps of a plan of two, each in a state: `i`ntended, `n`ot done, `d`one, `u`ndoing, undone (`b`ack).
pub(crate) fn progress(states: &str) -> Progress {
    let step = |(number, state): (u32, char)| StepProgress {
        revision: 1,
        number,
        state: match state {
            'i' => StepState::Intended,
            'n' => StepState::NotDone,
            'd' => StepState::Done { receipt: json!({ "step": number }) },
            'u' => StepState::Undoing { receipt: json!({ "step": number }) },
            'b' => StepState::Undone { receipt: json!({ "step": number }) },
            other => panic!("no step is `{other}`"),
        },
        intended_at: at(20),
        done_at: matches!(state, 'd' | 'u' | 'b').then(|| at(25)),
        fence: 1,
        attempts: 1,
        quiet_until: None,
        failure: None,
    };
    Progress((1..).zip(states.chars()).map(step).collect())
}

/// How many steps the plan has.
pub(crate) const STEPS: u32 = 2;

pub(crate) fn requested(quorum: u32) -> ActionRequest {
    after(&open(facts(None), proposal(1, terms(quorum)), OPENED).unwrap())
}

pub(crate) fn question() -> ActionRequest {
    after(&open(facts(Some(form())), proposal(1, terms(1)), OPENED).unwrap())
}

/// Approved by Bob after 10 seconds.
pub(crate) fn approved() -> ActionRequest {
    after(&counted(requested(1).decide(yes(BOB), &everybody(), at(10)).unwrap()))
}

/// Approved by the policy itself.
pub(crate) fn by_policy() -> ActionRequest {
    after(&open(facts(None), proposal(1, terms_of_policy()), OPENED).unwrap())
}

pub(crate) fn applying() -> ActionRequest {
    after(&approved().start(at(20)).unwrap())
}

pub(crate) fn unknown() -> ActionRequest {
    after(&applying().give_up(&progress("di"), "target_silent", text("no answer"), at(30)).unwrap())
}

pub(crate) fn applied() -> ActionRequest {
    after(&applying().finish(&progress("dd"), STEPS, at(30)).unwrap())
}

/// Answered by Bob with the first option.
pub(crate) fn answered() -> ActionRequest {
    after(&counted(question().answer(reply(BOB, Reply::Option(0)), &everybody(), at(10)).unwrap()))
}

/// Denied by Bob.
pub(crate) fn denied() -> ActionRequest {
    after(&counted(requested(1).decide(no(BOB), &everybody(), at(10)).unwrap()))
}

pub(crate) fn expired() -> ActionRequest {
    after(&requested(1).expire_decision(at(3600)).unwrap())
}

pub(crate) fn cancelled() -> ActionRequest {
    after(&requested(1).cancel(CancelledBy::Agent, None, at(10)).unwrap())
}

/// Failed without having begun.
pub(crate) fn failed() -> ActionRequest {
    after(&requested(1).give_up_delivery(text("no route"), at(10)).unwrap())
}

/// The name of an event, as the domain page has it.
pub(crate) fn event_name(event: &RequestEvent) -> &'static str {
    match event {
        RequestEvent::Requested { .. } => "requested",
        RequestEvent::Voted { .. } => "voted",
        RequestEvent::Approved { .. } => "approved",
        RequestEvent::Denied { .. } => "denied",
        RequestEvent::Answered { .. } => "answered",
        RequestEvent::Expired { .. } => "expired",
        RequestEvent::Cancelled { .. } => "cancelled",
        RequestEvent::Drifted { .. } => "drifted",
        RequestEvent::Applying => "applying",
        RequestEvent::Applied { .. } => "applied",
        RequestEvent::Failed { .. } => "failed",
        RequestEvent::Unknown { .. } => "unknown",
    }
}
