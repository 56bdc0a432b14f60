//! A hundred thousand random commands, each checked against the notes of an outsider.

use std::collections::BTreeMap;

use countersign_approvals::{
    ActionRequest, CancelledBy, Choice, Decided, Reply, SettledBy, StateName, Transition, Verdict, open,
};
use countersign_kernel::{ApprovalMode, Digest, Fault, Millis, SoleOwner, Terms, Timestamp};
use serde_json::json;

use crate::fixture::*;
use crate::model::Notes;

/// SplitMix64: the same sequence on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

const PEOPLE: [&str; 5] = [ALICE, BOB, CAROL, DAVE, EVE];
const COMMANDS: [&str; 15] = [
    "vote",
    "vote",
    "vote",
    "answer",
    "cancel",
    "expire_decision",
    "expire_execution",
    "give_up_delivery",
    "deny_by_policy",
    "fail_before_start",
    "drift",
    "start",
    "finish",
    "give_up",
    "settle_unknown",
];
const PROGRESS: [&str; 9] = ["", "i", "n", "d", "di", "dn", "dd", "nn", "dd"];

/// One request, its world, and what an outsider noted of it.
struct World {
    dice: Dice,
    now: Timestamp,
    groups: Groups,
    request: ActionRequest,
    notes: Notes,
    seen: BTreeMap<(&'static str, &'static str), u64>,
}

/// How a command ended: with a transition and the state it has to lead to, as a repeat, or refused.
type Ending = Result<Option<(Transition, StateName)>, &'static str>;

impl World {
    fn open(&mut self) {
        let question = self.dice.one_in(5);
        let terms = match (question, self.any_terms()) {
            (true, terms) => Terms { quorum: 1, ..terms },
            (false, terms) if self.dice.one_in(5) => Terms { mode: ApprovalMode::None, ..terms },
            (false, terms) => terms,
        };
        let opening = open(facts(question.then(form)), proposal(1, terms.clone()), OPENED).unwrap();
        self.notes = Notes::of(&terms, question);
        self.request = opening.after().clone();
        self.now = OPENED;
        self.groups = Groups::of(self.dice.of(&[&[ALICE][..], &[BOB], &[ALICE, BOB, CAROL], &PEOPLE[..4]]));
    }

    fn any_terms(&mut self) -> Terms {
        let sole_owner = self.dice.of(&[SoleOwner::Deny, SoleOwner::Deny, SoleOwner::Allow]);
        Terms { sole_owner, ..terms(self.dice.of(&[1, 1, 2, 3])) }
    }

    /// Time goes on, mostly a little, sometimes to the very edge of a deadline; people come and go.
    fn change(&mut self) {
        let edge = self.notes.execute_by().filter(|_| self.dice.one_in(2)).unwrap_or(self.notes.decide_by);
        let just_before = Timestamp::from_unix_micros(edge.unix_micros() - 1);
        self.now = match self.dice.below(40) {
            0 => self.now.max(edge),
            1 => self.now.max(just_before),
            _ => self.now.plus(Millis::from_secs(self.dice.below(60))),
        };
        if self.dice.one_in(10) {
            let who = person(self.dice.of(&PEOPLE[..4]));
            let group = self.groups.people.get_mut(&owners()[0]).unwrap();
            if !group.remove(&who) {
                group.insert(who);
            }
        }
    }

    /// Mostly what there is to see now.
    fn seen(&mut self) -> Digest {
        if self.dice.one_in(8) { plan(self.notes.plan + 1) } else { plan(self.notes.plan) }
    }

    fn vote(&mut self) -> Ending {
        let (who, seen) = (self.dice.of(&PEOPLE), self.seen());
        let choice = if self.dice.one_in(6) { Choice::Deny } else { Choice::Approve };
        let decided = self.request.decide(ballot(who, choice, seen), &self.groups, self.now);
        let fits = !self.notes.question || choice == Choice::Deny;
        let admits = fits && self.notes.admits(who, seen, &self.groups, self.now);
        match decided {
            Ok(Decided::Counted(transition)) => {
                assert!(admits, "the vote of {who} must not count");
                Ok(Some((transition, self.notes.vote(who, choice, &self.groups, self.now))))
            }
            Ok(Decided::Repeat) => {
                assert!(self.request.vote_of(&person(who)).is_some_and(|vote| vote.ballot.choice == choice));
                assert!(choice == Choice::Deny || self.notes.has_approved(who));
                Ok(None)
            }
            Err(refusal) => {
                assert!(!admits, "the vote of {who} has to count: {refusal}");
                Err(refusal.code())
            }
        }
    }

    fn answer(&mut self) -> Ending {
        let (who, seen) = (self.dice.of(&PEOPLE), self.seen());
        let option = self.dice.below(3);
        let mut ballot = reply(who, Reply::Option(u32::try_from(option).unwrap()));
        ballot.seen = seen;
        let admits =
            self.notes.question && option < 2 && self.notes.admits(who, seen, &self.groups, self.now);
        match self.request.answer(ballot, &self.groups, self.now) {
            Ok(Decided::Counted(transition)) => {
                assert!(admits, "the answer of {who} must not count");
                Ok(Some((transition, StateName::Answered)))
            }
            Ok(Decided::Repeat) => {
                assert_eq!(self.notes.state, StateName::Answered);
                Ok(None)
            }
            Err(refusal) => {
                assert!(!admits, "the answer of {who} has to count: {refusal}");
                Err(refusal.code())
            }
        }
    }

    /// A command that succeeds exactly when `may` says so.
    fn expect<E: Fault>(may: bool, result: Result<Transition, E>, to: StateName) -> Ending {
        match result {
            Ok(transition) => {
                assert!(may, "{} must be refused", event_name(transition.event()));
                Ok(Some((transition, to)))
            }
            Err(refusal) => {
                assert!(!may, "refused: {refusal}");
                Err(refusal.code())
            }
        }
    }

    fn end_unbegun(&mut self, command: &str) -> Ending {
        let (request, now) = (&self.request, self.now);
        let requested = self.notes.state == StateName::Requested;
        let approved = self.notes.state == StateName::Approved;
        let execution_over = self.notes.execute_by().is_some_and(|until| now >= until);
        match command {
            "cancel" => {
                let result = request.cancel(CancelledBy::Agent, None, now);
                Self::expect(requested || approved, result, StateName::Cancelled)
            }
            "expire_decision" => {
                let may = requested && now >= self.notes.decide_by;
                Self::expect(may, request.expire_decision(now), StateName::Expired)
            }
            "expire_execution" => {
                Self::expect(approved && execution_over, request.expire_execution(now), StateName::Expired)
            }
            "give_up_delivery" => {
                Self::expect(requested, request.give_up_delivery(text("no route"), now), StateName::Failed)
            }
            "deny_by_policy" => {
                Self::expect(approved, request.deny_by_policy(text("no more"), now), StateName::Denied)
            }
            "fail_before_start" => {
                let result = request.fail_before_start("not_ours", text("not ours"), now);
                Self::expect(approved, result, StateName::Failed)
            }
            other => panic!("nothing applies `{other}`"),
        }
    }

    fn drift(&mut self) -> Ending {
        let asks_again = self.dice.one_in(2);
        let terms = if asks_again { self.any_terms() } else { terms_of_policy() };
        let result = self.request.drift(proposal(self.notes.plan + 1, terms.clone()), self.now);
        let approved = self.notes.state == StateName::Approved;
        let to = if result.is_ok() { self.notes.drift(&terms, self.now) } else { self.notes.state };
        Self::expect(approved, result, to)
    }

    fn execute(&mut self, command: &str) -> Ending {
        let steps = self.dice.of(&PROGRESS);
        let (request, now) = (&self.request, self.now);
        let applying = self.notes.state == StateName::Applying;
        match command {
            "start" => {
                let in_time = self.notes.execute_by().is_some_and(|until| now < until);
                let may = self.notes.state == StateName::Approved && in_time;
                let result = request.start(now);
                let to = if result.is_ok() { self.notes.effect(request, now) } else { StateName::Applying };
                Self::expect(may, result, to)
            }
            "finish" => {
                let result = request.finish(&progress(steps), STEPS, now);
                Self::expect(applying && steps == "dd", result, StateName::Applied)
            }
            "give_up" => {
                let untouched = steps.chars().all(|step| step == 'n');
                let to = if untouched { StateName::Failed } else { StateName::Unknown };
                Self::expect(applying, request.give_up(&progress(steps), "refused", text("409"), now), to)
            }
            "settle_unknown" => {
                let applied = self.dice.one_in(2);
                let verdict = if applied { Verdict::Applied } else { Verdict::Failed };
                let to = if applied { StateName::Applied } else { StateName::Failed };
                let by = SettledBy::Probe { evidence: json!({}) };
                let result = self.request.settle_unknown(verdict, by, &progress(steps), now);
                Self::expect(self.notes.state == StateName::Unknown, result, to)
            }
            other => panic!("nothing applies `{other}`"),
        }
    }

    /// Half of the commands are those that lead on from here, so that far states are met often; the others are any.
    fn command(&mut self) -> &'static str {
        if self.dice.one_in(2) {
            return self.dice.of(&COMMANDS);
        }
        match self.notes.state {
            StateName::Requested if self.notes.question => "answer",
            StateName::Requested => "vote",
            StateName::Approved => self.dice.of(&["start", "drift", "drift"]),
            StateName::Applying => self.dice.of(&["finish", "give_up"]),
            StateName::Unknown => "settle_unknown",
            StateName::Answered => "answer",
            StateName::Applied
            | StateName::Denied
            | StateName::Expired
            | StateName::Cancelled
            | StateName::Failed => self.dice.of(&COMMANDS),
        }
    }

    fn step(&mut self) {
        self.change();
        let command = self.command();
        // What would end most requests at once comes seldom, so that long lives are seen too.
        let ends = matches!(command, "cancel" | "give_up_delivery" | "deny_by_policy" | "fail_before_start");
        if ends && !self.request.state.is_settled() && !self.dice.one_in(6) {
            return;
        }
        let ending = match command {
            "vote" => self.vote(),
            "answer" => self.answer(),
            "drift" => self.drift(),
            "start" | "finish" | "give_up" | "settle_unknown" => self.execute(command),
            other => self.end_unbegun(other),
        };
        let came = match ending {
            Ok(Some((transition, expected))) => {
                self.notes.check(&self.request, &transition, expected);
                self.request = transition.after().clone();
                expected.as_str()
            }
            Ok(None) => "repeat",
            Err(code) => code,
        };
        *self.seen.entry((command, came)).or_default() += 1;
        assert_eq!(self.request.state.name(), self.notes.state);
    }
}

#[test]
fn a_hundred_thousand_random_commands_keep_every_promise() {
    let opening = open(facts(None), proposal(1, terms(1)), OPENED).unwrap();
    let mut world = World {
        dice: Dice(20_240_607),
        now: OPENED,
        groups: Groups::default(),
        request: opening.after().clone(),
        notes: Notes::of(&terms(1), false),
        seen: BTreeMap::new(),
    };
    let mut commands = 0;
    while commands < 100_000 {
        world.open();
        // Some commands after the end, too: nothing may come of them.
        let mut after_end = 0;
        while after_end < 8 {
            let before: u64 = world.seen.values().sum();
            world.step();
            commands += world.seen.values().sum::<u64>() - before;
            after_end += u32::from(world.request.state.is_settled());
        }
    }
    check_coverage(&world.seen);
}

/// The sequences mean something only if they went everywhere.
fn check_coverage(seen: &BTreeMap<(&'static str, &'static str), u64>) {
    let wanted = [
        (
            "answer",
            "answered decision_too_late plan_changed not_a_decider requester_cannot_decide no_such_option",
        ),
        ("answer", "already_settled not_a_question repeat"),
        ("cancel", "cancelled already_executing already_settled"),
        ("deny_by_policy", "denied not_approved"),
        ("drift", "requested approved failed not_approved"),
        ("expire_decision", "expired not_due already_approved already_executing already_settled"),
        ("expire_execution", "expired not_due not_approved"),
        ("fail_before_start", "failed not_approved"),
        ("finish", "applied steps_left not_applying"),
        ("give_up", "failed unknown not_applying"),
        ("give_up_delivery", "failed already_approved already_executing already_settled"),
        ("settle_unknown", "applied failed not_unknown already_settled"),
        ("start", "applying execution_too_late not_approved"),
        (
            "vote",
            "requested approved denied repeat decision_too_late plan_changed not_a_decider is_a_question",
        ),
        ("vote", "requester_cannot_decide already_approved already_executing already_settled"),
    ];
    for (command, endings) in wanted {
        for ending in endings.split_whitespace() {
            let count =
                seen.iter().find(|(key, _)| key.0 == command && key.1 == ending).map_or(0, |(_, n)| *n);
            assert!(count >= 10, "`{command}` ended as `{ending}` {count} times: {seen:?}");
        }
    }
}
