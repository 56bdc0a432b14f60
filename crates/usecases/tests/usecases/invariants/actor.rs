//! Everybody at once: agents, people, the platform, workers, the clock and bad luck, as a seed says.

use std::collections::{BTreeMap, BTreeSet};

use countersign_approvals::{Choice, InputMode, Reply, State, Verdict};
use countersign_kernel::{Digest, Millis, RequestId, RunId};
use countersign_testkit::build::{LAUNCHER, run_facts, run_id, words};
use countersign_testkit::policy::TEXT;
use countersign_testkit::{CommitFault, Rows, SeededEntropy, TestTool};
use countersign_usecases::call_tool::call_tool;
use countersign_usecases::decisions::answer::GivenAnswer;
use countersign_usecases::decisions::{CancelBy, answer_question, cancel_request, resolve_unknown};
use countersign_usecases::outcomes::acknowledge_outcome;
use countersign_usecases::port::Lease;
use countersign_usecases::runs::{finish_run, register_run};
use countersign_usecases::worker;
use countersign_waitstate::FinishReason;
use serde_json::json;

use crate::support::mocks::{permanent, transient, unclear};
use crate::support::{ALICE, BOB, CAROL, RUN, Setup, World, platform, texts, who};

pub(super) struct Actor {
    pub(super) world: World,
    dice: SeededEntropy,
    /// The run that calls now, and how many there were.
    run: String,
    runs: u32,
    /// How long each run was running, as the clock went.
    spent: BTreeMap<String, u64>,
    judged: BTreeSet<String>,
    /// Leases of workers that were slow or died.
    stalled: Vec<Lease>,
}

impl Actor {
    pub(super) async fn new(seed: u64) -> Self {
        let tool = TestTool::writing(2).with_secret(24);
        let world = World::with_tool(tool, Setup::default()).await;
        let spent = BTreeMap::from([(RUN.to_owned(), 0)]);
        Self {
            world,
            dice: SeededEntropy::new(seed),
            run: RUN.to_owned(),
            runs: 1,
            spent,
            judged: BTreeSet::new(),
            stalled: Vec::new(),
        }
    }

    /// Whether a person said what became of this request: they may be wrong.
    pub(super) fn judged(&self, request: &str) -> bool {
        self.judged.contains(request)
    }

    /// A run's budget is spent by running alone, whatever it waited for.
    pub(super) fn check_budgets(&self, rows: &Rows) {
        let now = self.world.clock.now();
        for run in &rows.runs {
            let left = 3_600_000_u64.saturating_sub(self.spent[&run.run_id]);
            match run.status.as_str() {
                "running" => {
                    assert_eq!(
                        run.deadline_at.unwrap().0.since(now),
                        Millis(left),
                        "budget of {}",
                        run.run_id
                    );
                }
                "waiting" => {
                    assert_eq!(run.budget_left_ms, i64::try_from(left).ok(), "budget of {}", run.run_id);
                }
                _ => {}
            }
        }
    }

    /// Does something, and says what.
    pub(super) async fn act(&mut self) -> &'static str {
        match self.dice.below(100) {
            0..12 => self.call().await,
            12..14 => self.ask().await,
            14..38 => self.decide().await,
            38..40 => self.cancel().await,
            40..62 => self.work().await,
            62..65 => self.stall().await,
            65..78 => self.wait(),
            78..84 => self.bad_luck(),
            84..88 => self.bad_store(),
            88..91 => self.settle_doubt().await,
            91..95 => self.acknowledge().await,
            95..97 => self.change_policy().await,
            97..99 => self.change_world(),
            _ if self.dice.below(3) == 0 => self.end_run().await,
            _ => "nothing",
        }
    }

    fn id(&self) -> RunId {
        run_id(&self.run)
    }

    fn one_of<T: Copy>(&self, choices: &[T]) -> T {
        choices[usize::try_from(self.dice.below(choices.len() as u64)).unwrap()]
    }

    /// One of the requests, the later ones more often.
    fn some_request(&self) -> Option<RequestId> {
        let rows = self.world.rows();
        let recent = rows.requests.iter().rev().take(if self.dice.below(4) == 0 { 100 } else { 4 });
        let recent: Vec<_> = recent.map(|row| row.request_id.parse().unwrap()).collect();
        if recent.is_empty() { None } else { Some(self.one_of(&recent)) }
    }

    async fn call(&self) -> &'static str {
        let mut arguments = json!({
            "name": self.one_of(&["a", "b", "c"]),
            "environment": self.one_of(&["dev", "dev", "staging", "production", "moon"]),
            "dry_run": self.dice.below(10) == 0,
        });
        if self.dice.below(4) == 0 {
            arguments["idempotency_key"] = json!(self.one_of(&["k1", "k2"]));
        }
        let _answer = call_tool(&self.world.services, &self.id(), "test.write", &arguments).await;
        "call"
    }

    async fn ask(&self) -> &'static str {
        let ask = json!({"question": "Which one should it be now?", "options": ["one", "two"]});
        let _answer = call_tool(&self.world.services, &self.id(), "mcp_owner_feedback_request", &ask).await;
        "ask"
    }

    async fn decide(&self) -> &'static str {
        let Some(id) = self.some_request() else { return "nothing to decide" };
        let request = self.world.request(id).await;
        let by = self.one_of(&[ALICE, ALICE, BOB, BOB, CAROL, CAROL, LAUNCHER]);
        let seen =
            if self.dice.below(10) == 0 { Digest::of_bytes(b"?") } else { request.proposal.plan_digest };
        if request.facts.question.is_some() {
            let reply = Reply::Option(self.one_of(&[0, 1, 2]));
            let given = GivenAnswer { seen, reply, input_mode: InputMode::Button };
            let _answer = answer_question(&self.world.services, id, &given, &who(by)).await;
        } else {
            let choice = if self.dice.below(8) == 0 { Choice::Deny } else { Choice::Approve };
            let _answer = self.world.decide(id, choice, seen, by).await;
        }
        "decide"
    }

    async fn cancel(&self) -> &'static str {
        let Some(id) = self.some_request() else { return "nothing to cancel" };
        let by = match self.dice.below(2) {
            0 => CancelBy::Agent(self.id()),
            _ => CancelBy::Staff(who(ALICE)),
        };
        let _answer = cancel_request(&self.world.services, id, None, &by).await;
        "cancel"
    }

    async fn work(&mut self) -> &'static str {
        if self.dice.below(6) == 0 && !self.stalled.is_empty() {
            // One that was slow comes back: its lease may be somebody else's by now.
            let lease = self.stalled.remove(0);
            let _done = worker::work(&self.world.services, &lease).await;
            return "work late";
        }
        for lease in self.world.claim().await {
            let _done = worker::work(&self.world.services, &lease).await;
        }
        "work"
    }

    async fn stall(&mut self) -> &'static str {
        let leases = self.world.claim().await;
        self.stalled.extend(leases);
        "stall"
    }

    fn wait(&mut self) -> &'static str {
        let millis = self.one_of(&[1, 1000, 5000, 31_000, 31_000, 120_000, 600_000]);
        for run in self.world.rows().runs.iter().filter(|run| run.status == "running") {
            *self.spent.get_mut(&run.run_id).unwrap() += millis;
        }
        self.world.clock.advance(Millis(millis));
        "wait"
    }

    fn bad_luck(&self) -> &'static str {
        let step = self.one_of(&[1, 2]);
        match self.dice.below(6) {
            0 | 1 => self.world.tool.script_step(step, transient()),
            2 => self.world.tool.script_step(step, unclear()),
            3 => self.world.tool.script_step_with_effect(step, unclear()),
            4 => self.world.tool.script_step(step, permanent()),
            _ => self.world.tool.script_probe(step, cannot_tell(self.dice.below(2) == 0)),
        }
        "bad luck"
    }

    fn bad_store(&self) -> &'static str {
        let faults = [
            CommitFault::Stale,
            CommitFault::Unavailable,
            CommitFault::UnknownWritten,
            CommitFault::UnknownNotWritten,
        ];
        self.world.store.fail_next_commit(self.one_of(&faults));
        "bad store"
    }

    async fn settle_doubt(&mut self) -> &'static str {
        let Some(id) = self.some_request() else { return "no doubt" };
        if !matches!(self.world.request(id).await.state, State::Unknown { .. }) {
            return "no doubt";
        }
        let journal = self.world.tool.journal();
        let all_done = [1, 2].into_iter().all(|step| journal.count_of(id, step) == 1);
        let verdict = if all_done { Verdict::Applied } else { Verdict::Failed };
        self.judged.insert(id.to_string());
        let _answer = resolve_unknown(&self.world.services, id, verdict, &words("seen"), &who(ALICE)).await;
        "settle doubt"
    }

    async fn acknowledge(&self) -> &'static str {
        let Some(id) = self.some_request() else { return "nothing to acknowledge" };
        let _answer = acknowledge_outcome(&self.world.services, &self.id(), id).await;
        "acknowledge"
    }

    async fn change_policy(&self) -> &'static str {
        let text = match self.dice.below(5) {
            0 => texts::staging_needs_nobody(),
            1 => texts::everything_needs_two(),
            2 => texts::runs_end_by_executing(),
            3 => texts::nothing_goes(),
            _ => TEXT.to_owned(),
        };
        let by = who("user:github:root");
        let _answer =
            countersign_usecases::policy_text::activate_policy(&self.world.services, &text, &by).await;
        "change policy"
    }

    async fn end_run(&mut self) -> &'static str {
        let reason = FinishReason::Completed;
        let _answer = finish_run(&self.world.services, &self.id(), reason, &platform()).await;
        self.runs += 1;
        let next = format!("run-{}", self.runs);
        let facts = run_facts(&next);
        let registered = register_run(&self.world.services, facts, Default::default(), &platform()).await;
        if self.world.rows().runs.iter().any(|run| run.run_id == next) {
            self.spent.insert(next.clone(), 0);
        }
        if registered.is_ok() {
            self.run = next;
        }
        "end run"
    }

    fn change_world(&self) -> &'static str {
        self.world.tool.set_world(json!({"state": self.dice.below(3)}));
        "change world"
    }
}

fn cannot_tell(retry: bool) -> countersign_mcp_tools::ProbeOutcome {
    countersign_mcp_tools::ProbeOutcome::CannotTell { why: "not now".to_owned(), retry }
}
