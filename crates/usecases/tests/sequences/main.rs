//! Requests and their run together, through random commands and the rows of their commits: what the domains promise one by one has to
//! hold of what is written. The store here is nothing but rows; every command begins by reading them back.
#![expect(clippy::unwrap_used, reason = "a test's own fixtures are well-formed")]

mod rows;

use std::collections::BTreeMap;

use countersign_approvals::{
    ActionRequest, AnswerBallot, Ballot, CallKey, CancelledBy, Choice, Decided, InputMode, Progress,
    Proposal, QuestionForm, Reply, RequestFacts, SettledBy, StepProgress, StepState, Transition, Verdict,
    open,
};
use countersign_audit::Pseudonym;
use countersign_kernel::terms::Membership;
use countersign_kernel::{
    Actor, ApprovalMode, Digest, GroupName, Millis, OutsideGroup, Principal, Proof, RedactedText, Terms,
    Timestamp,
};
use countersign_testkit::build;
use countersign_testkit::entropy::SeededEntropy;
use countersign_usecases::commit::{Draft, DraftContext, DraftError};
use countersign_usecases::port::{Ids, WorkKind, WorkSubject};
use countersign_waitstate::{FinishReason, Run, RunLinks, register};
use serde_json::json;

use crate::rows::Rows;

const START: Timestamp = Timestamp::from_unix_micros(1_700_000_000_000_000);
const OWNERS: [&str; 3] = ["user:github:ann", "user:github:ben", "user:github:cleo"];

struct Owners;

impl Membership for Owners {
    fn is_member(&self, who: &Principal, _groups: &[GroupName]) -> bool {
        OWNERS.contains(&who.as_str())
    }

    fn has_outside(&self, _outside: &OutsideGroup, _groups: &[GroupName]) -> bool {
        false
    }

    fn proved_by(&self, _who: &Principal, _groups: &[GroupName]) -> Option<OutsideGroup> {
        None
    }

    fn size(&self, _groups: &[GroupName]) -> Option<usize> {
        Some(OWNERS.len())
    }
}

struct World {
    entropy: SeededEntropy,
    now: Timestamp,
    rows: Rows,
    seen: BTreeMap<String, u64>,
}

impl World {
    fn of<T: Clone>(&self, choices: &[T]) -> T {
        choices[usize::try_from(self.entropy.below(choices.len() as u64)).unwrap()].clone()
    }

    fn one_in(&self, n: u64) -> bool {
        self.entropy.below(n) == 0
    }

    fn draft(&self, run: Option<&Run>) -> Draft<'_> {
        let actor = Actor::system("test");
        let context = DraftContext {
            ids: Ids::new(&self.entropy, self.now),
            now: self.now,
            pseudonym: Pseudonym::of_role(&actor).unwrap(),
            actor,
            policy: Some(Digest::of_bytes(b"policy")),
            new_principal: None,
        };
        match run {
            Some(run) => Draft::about(context, run),
            None => Draft::new(context),
        }
    }

    fn register(&mut self) {
        self.rows = Rows::default();
        self.now = START;
        let mut draft = self.draft(None);
        draft.record_run(register(build::run_facts("run-1"), RunLinks::default(), START)).unwrap();
        let commit = draft.finish();
        self.rows.write(&commit);
    }

    fn terms(&self) -> Terms {
        let mode = self.of(&[ApprovalMode::Owner, ApprovalMode::Owner, ApprovalMode::None]);
        let deciders = if mode == ApprovalMode::None { Vec::new() } else { build::terms().deciders };
        Terms { mode, deciders, quorum: self.of(&[1, 1, 2]), ..build::terms() }
    }

    fn proposal(&self, terms: Terms, question: bool) -> Proposal {
        let call = if question { build::question_call("Shall it go on?") } else { build::call("x") };
        let mut call = call.to_json();
        if question {
            call["question"]["options"] = json!(["yes", "no"]);
            call["question"]["allow_custom"] = json!(false);
        }
        Proposal {
            call,
            plan: build::plan(&["test:x"]).to_json(),
            plan_digest: Digest::of_bytes(&self.entropy.below(u64::MAX).to_le_bytes()),
            terms,
            policy_digest: Digest::of_bytes(b"policy"),
        }
    }

    fn open(&self, run: &Run) -> Option<Transition> {
        let question = self.one_in(4);
        let terms = if question { build::terms() } else { self.terms() };
        let ids = Ids::new(&self.entropy, self.now);
        let options = ["yes", "no"].map(build::words).to_vec();
        let facts = RequestFacts {
            id: ids.request(),
            correlation_id: ids.correlation(),
            run: run.facts.id.clone(),
            project: run.facts.project.clone(),
            agent_key: run.facts.agent_key.clone(),
            launched_by: run.facts.launched_by.clone(),
            tool: build::tool_name("test.write"),
            action: build::action_name("apply"),
            environment: None,
            intent_digest: Digest::of_bytes(&ids.bytes::<8>()),
            call_key: CallKey::Intent,
            question: question.then_some(QuestionForm { options, allow_custom: false }),
            requested_at: self.now,
        };
        open(facts, self.proposal(terms, question), self.now).ok()
    }

    fn decide(&self, request: &ActionRequest) -> Option<Transition> {
        let by = build::principal(self.of(&OWNERS));
        let (seen, proof) = (request.proposal.plan_digest, Proof::BearerToken);
        let question = request.facts.question.is_some();
        let decided = if question && !self.one_in(5) {
            let ballot =
                AnswerBallot { by, proof, seen, reply: Reply::Option(0), input_mode: InputMode::Button };
            request.answer(ballot, &Owners, self.now)
        } else {
            let choice = if question || self.one_in(6) { Choice::Deny } else { Choice::Approve };
            let ballot = Ballot { by, proof, choice, seen, reason: None, input_mode: InputMode::Button };
            request.decide(ballot, &Owners, self.now)
        };
        match decided.ok()? {
            Decided::Counted(transition) => Some(transition),
            Decided::Repeat => None,
        }
    }

    fn progress(&self, request: &ActionRequest) -> Progress {
        let state = self.of(&[
            StepState::Intended,
            StepState::NotDone,
            StepState::Done { receipt: json!({ "version": 1 }) },
            StepState::Done { receipt: json!({ "version": 1 }) },
            StepState::Undoing { receipt: json!({ "version": 1 }) },
            StepState::Undone { receipt: json!({ "version": 1 }) },
        ]);
        let (revision, intended_at) = (request.revision, self.now);
        Progress(vec![StepProgress {
            revision,
            number: 1,
            state,
            intended_at,
            done_at: None,
            fence: 1,
            attempts: 1,
            quiet_until: None,
            failure: None,
        }])
    }

    fn execute(&self, request: &ActionRequest) -> Option<Transition> {
        let (now, why) = (self.now, || RedactedText::from_storage("why".to_owned()));
        let progress = self.progress(request);
        let by = SettledBy::Probe { evidence: json!({}) };
        match self.entropy.below(12) {
            0 => request.cancel(CancelledBy::Agent, None, now).ok(),
            1 => request.fail_before_start("not_ours", why(), now).ok(),
            2 => request.deny_by_policy(why(), now).ok(),
            3 => request.drift(self.proposal(self.terms(), false), now).ok(),
            4..=6 => request.start(now).ok(),
            7 => request.give_up(&progress, "refused", why(), now).ok(),
            8..=9 => request.finish(&progress, 1, now).ok(),
            10 => request.settle_unknown(Verdict::Applied, by, &progress, now).ok(),
            _ => request.settle_unknown(Verdict::Failed, by, &progress, now).ok(),
        }
    }

    fn change_request(&self) -> Option<Transition> {
        let open: Vec<_> = self.rows.waits.values().filter(|wait| wait.closed_at.is_none()).collect();
        let any: Vec<_> = self.rows.waits.values().collect();
        let among = if open.is_empty() || self.one_in(10) { any } else { open };
        if among.is_empty() {
            return None;
        }
        let request = self.rows.request(&self.of(&among).request_id);
        let expired = request.expire_decision(self.now).or_else(|_| request.expire_execution(self.now)).ok();
        expired.or_else(|| if self.one_in(2) { self.decide(&request) } else { self.execute(&request) })
    }

    /// One command: `true` when it led to a commit.
    fn step(&mut self) -> bool {
        self.now = self.now.plus(Millis::from_secs(self.of(&[1, 5, 30, 300])));
        let run = self.rows.run();
        let mut draft = self.draft(Some(&run));
        let opens =
            self.rows.waits.values().filter(|wait| wait.closed_at.is_none()).count() < 4 && self.one_in(4);
        let mut request = None;
        let recorded = if self.one_in(60) {
            let reason = self.of(&[FinishReason::Completed, FinishReason::BudgetExhausted]);
            let Ok(end) = run.begin_end(reason, self.now) else { return false };
            draft.record_run(end)
        } else {
            let change = if opens { self.open(&run) } else { self.change_request() };
            let Some(transition) = change else { return false };
            request = Some(transition.after().clone());
            draft.record(transition)
        };
        match recorded {
            Ok(()) => {}
            Err(DraftError::Run(_)) => {
                assert!(opens && !run.is_live(), "a request's change that its run can't follow");
                return false;
            }
            Err(error @ (DraftError::Entry(_) | DraftError::Plan(_))) => panic!("{error}"),
        }
        let run = draft.run().cloned();
        let commit = draft.finish();
        let before = self.rows.events.len();
        self.rows.write(&commit);
        // What is read back is what was decided, to the last vote.
        assert_eq!(Some(self.rows.run()), run);
        if let Some(request) = request {
            assert_eq!(self.rows.request(&request.facts.id.to_string()), request);
        }
        for event in &self.rows.events[before..] {
            *self.seen.entry(event.event_type.clone()).or_default() += 1;
        }
        self.rows.check();
        true
    }
}

#[test]
fn what_is_committed_keeps_every_promise() {
    let mut world = World {
        entropy: SeededEntropy::new(20_240_609),
        now: START,
        rows: Rows::default(),
        seen: BTreeMap::new(),
    };
    let mut commits = 0;
    while commits < COMMITS {
        world.register();
        let mut idle = 0;
        while idle < 40 {
            let committed = world.step();
            commits += u32::from(committed);
            idle = if committed { 0 } else { idle + 1 };
        }
    }
    let wanted = "approval.requested approval.voted approval.approved approval.denied approval.answered approval.expired \
                  approval.cancelled approval.drifted approval.applying approval.applied approval.failed approval.unknown \
                  mcp.tool.approval_pending mcp.tool.succeeded mcp.tool.failed run.wait.paused run.wait.resumed run.finished";
    for event in wanted.split_whitespace() {
        let count = world.seen.get(event).copied().unwrap_or_default();
        assert!(count >= 20, "`{event}` came {count} times: {:?}", world.seen);
    }
}

/// Commits, each decided from rows that the one before it left.
const COMMITS: u32 = 8_000;

#[test]
fn a_run_that_has_ended_opens_no_request() {
    let mut world =
        World { entropy: SeededEntropy::new(1), now: START, rows: Rows::default(), seen: BTreeMap::new() };
    world.register();
    let mut draft = world.draft(Some(&world.rows.run()));
    draft.record_run(world.rows.run().begin_end(FinishReason::Completed, START).unwrap()).unwrap();
    let commit = draft.finish();
    world.rows.write(&commit);
    let run = world.rows.run();
    let request = open_request(&world, &run);
    let mut draft = world.draft(Some(&run));
    assert!(matches!(draft.record(request), Err(DraftError::Run(_))));
    assert_eq!(world.rows.due(WorkKind::EndRun, WorkSubject::run(&run.facts.id).as_str()), None);
}

fn open_request(world: &World, run: &Run) -> Transition {
    loop {
        if let Some(request) = world.open(run) {
            return request;
        }
    }
}
