//! A hundred thousand random commands on runs, each checked against a stopwatch that somebody else holds.

use std::collections::BTreeMap;

use countersign_kernel::{Fault, Millis, Timestamp};
use countersign_waitstate::{
    Counted, FinishReason, Run, RunEvent, RunLinks, RunTransition, WaitReason, register,
};

use crate::fixture::*;

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
}

const REASONS: [WaitReason; 3] = [WaitReason::Approval, WaitReason::Execution, WaitReason::Question];
const HEARTBEAT: Timestamp = Timestamp::from_unix_micros(1_700_000_001_000_000);

/// What an outsider knows of one run: what is open, and a stopwatch that is stopped while anything is.
struct Notes {
    /// Open requests with the reason, oldest first.
    open: Vec<(u8, WaitReason)>,
    worked: Millis,
    ended: Option<FinishReason>,
    finished: bool,
    issue: Option<u64>,
    refusals: u64,
    told_refusals: u64,
    events: u64,
}

struct World {
    dice: Dice,
    now: Timestamp,
    run: Run,
    notes: Notes,
    seen: BTreeMap<(&'static str, &'static str), u64>,
}

type Ending = Result<Option<RunTransition>, &'static str>;

/// A command that succeeds exactly when `may` says so.
fn expect<T, E: Fault>(may: bool, result: Result<T, E>) -> Result<T, &'static str> {
    match result {
        Ok(done) => {
            assert!(may, "must be refused");
            Ok(done)
        }
        Err(refusal) => {
            assert!(!may, "refused: {refusal}");
            Err(refusal.code())
        }
    }
}

impl World {
    fn register(&mut self) {
        let mut run = after(&register(facts(), RunLinks::default(), REGISTERED));
        // The heartbeat is written past the machine; no transition may take it back or touch it.
        run.last_heartbeat_at = Some(HEARTBEAT);
        self.run = run;
        self.now = REGISTERED;
        self.notes = Notes::default();
    }

    fn live(&self) -> bool {
        self.notes.ended.is_none()
    }

    fn spent(&self) -> bool {
        self.notes.worked >= BUDGET
    }

    /// Time goes on; the stopwatch with it, unless the run waits or has ended.
    fn pass(&mut self) {
        let span =
            Millis(if self.dice.one_in(8) { self.dice.below(200_000) } else { self.dice.below(5_000) });
        self.now = self.now.plus(span);
        if self.live() && self.notes.open.is_empty() {
            self.notes.worked = Millis(self.notes.worked.0 + span.0);
        }
    }

    fn open(&mut self, number: u8) -> Ending {
        let reason = REASONS[usize::try_from(self.dice.below(3)).unwrap()];
        let known = self.notes.open.iter().any(|(open, _)| *open == number);
        let may = self.live() && !known;
        let transition = expect(may, self.run.open_wait(request(number), reason, self.now))?;
        self.notes.open.push((number, reason));
        match transition.event() {
            RunEvent::WaitPaused { open_waits, budget_left, .. } => {
                assert_eq!(*open_waits, self.notes.open.len());
                assert_eq!(*budget_left, self.left());
            }
            other => panic!("{other:?}"),
        }
        Ok(Some(transition))
    }

    fn change(&mut self, number: u8) -> Ending {
        let reason = REASONS[usize::try_from(self.dice.below(3)).unwrap()];
        let place = self.notes.open.iter().position(|(open, _)| *open == number);
        let changed = expect(place.is_some(), self.run.change_wait(request(number), reason))?;
        let wait = &mut self.notes.open[place.unwrap()];
        assert_eq!(changed.is_some(), wait.1 != reason);
        wait.1 = reason;
        Ok(changed)
    }

    fn close(&mut self, number: u8) -> Ending {
        let place = self.notes.open.iter().position(|(open, _)| *open == number);
        let transition = expect(place.is_some(), self.run.close_wait(request(number), self.now))?;
        self.notes.open.remove(place.unwrap());
        let open_waits = self.notes.open.len();
        assert_eq!(transition.event(), &RunEvent::WaitResumed { request: request(number), open_waits });
        Ok(Some(transition))
    }

    fn end(&mut self, reason: FinishReason) -> Ending {
        let due = reason != FinishReason::BudgetExhausted || (self.spent() && self.notes.open.is_empty());
        let transition = expect(self.live() && due, self.run.begin_end(reason, self.now))?;
        self.notes.ended = Some(reason);
        self.notes.finished = self.notes.open.is_empty();
        let name = if self.notes.finished { "finished" } else { "ending" };
        assert_eq!(event_name(transition.event()), name);
        Ok(Some(transition))
    }

    fn finish(&mut self) -> Ending {
        let may = !self.live() && !self.notes.finished && self.notes.open.is_empty();
        let transition = expect(may, self.run.finish(self.now))?;
        self.notes.finished = true;
        match transition.event() {
            RunEvent::Finished { reason, .. } => assert_eq!(Some(*reason), self.notes.ended),
            other => panic!("{other:?}"),
        }
        Ok(Some(transition))
    }

    fn refuse(&mut self) -> Ending {
        let (transition, refused) = expect(self.live(), self.run.count_refusal(self.now))?;
        self.notes.refusals += 1;
        if let Counted::Record { suppressed_before } = refused {
            self.notes.told_refusals += u64::from(suppressed_before) + 1;
            assert_eq!(self.notes.told_refusals, self.notes.refusals, "a refusal went uncounted");
        }
        Ok(Some(transition))
    }

    fn link(&mut self) -> Ending {
        let issue = self.dice.below(2) + 7;
        let elsewhere = self.notes.issue.is_some_and(|known| known != issue);
        let links = RunLinks { issue: Some(issue), pull_request: None };
        let linked = expect(self.live() && !elsewhere, self.run.link(&links))?;
        assert_eq!(linked.is_some(), self.notes.issue.is_none());
        self.notes.issue = Some(issue);
        Ok(linked)
    }

    fn left(&self) -> Millis {
        Millis(BUDGET.0.saturating_sub(self.notes.worked.0))
    }

    fn step(&mut self) {
        self.pass();
        let number = u8::try_from(self.dice.below(4)).unwrap();
        let (command, ending) = match self.dice.below(48) {
            0 => ("end", self.end(FinishReason::Completed)),
            1..=4 => ("end_spent", self.end(FinishReason::BudgetExhausted)),
            5..=7 => ("finish", self.finish()),
            8..=9 => ("link", self.link()),
            10..=19 => ("refuse", self.refuse()),
            20..=24 => ("change", self.change(number)),
            25..=34 => ("open", self.open(number)),
            _ => ("close", self.close(number)),
        };
        let came = match ending {
            Ok(Some(transition)) => {
                assert_eq!(transition.before_version(), Some(self.run.version));
                self.notes.events += 1;
                self.run = transition.after().clone();
                event_name(transition.event())
            }
            Ok(None) => "nothing",
            Err(code) => code,
        };
        *self.seen.entry((command, came)).or_default() += 1;
        self.check();
    }

    /// What holds after every command.
    fn check(&self) {
        let (run, notes) = (&self.run, &self.notes);
        assert_eq!(run.version, notes.events, "a version without an event, or an event without a version");
        let expected = match (self.live(), notes.open.is_empty(), notes.finished) {
            (true, true, _) => "working",
            (true, false, _) => "waiting",
            (false, _, false) => "ending",
            (false, _, true) => "finished",
        };
        assert_eq!(state_name(run), expected);
        let waits: Vec<_> = run.waits.iter().map(|wait| (wait.request, wait.reason)).collect();
        let open: Vec<_> = notes.open.iter().map(|(number, reason)| (request(*number), *reason)).collect();
        assert_eq!(waits, open, "the waits are what is open, oldest first");
        match run.deadline_at() {
            Some(deadline) => {
                assert!(run.waits.is_empty() && self.live(), "the budget runs while the run waits");
                assert_eq!(deadline.since(self.now), self.left(), "the stopwatch says otherwise");
            }
            None => {
                assert!(!run.waits.is_empty() || !self.live(), "the budget stands still while the run works")
            }
        }
        assert!(!notes.finished || run.waits.is_empty(), "a finished run still waits");
        assert_eq!(run.last_heartbeat_at, Some(HEARTBEAT));
        assert_eq!((&run.facts, run.links.issue), (&facts(), notes.issue));
    }
}

impl Default for Notes {
    fn default() -> Self {
        Self {
            open: Vec::new(),
            worked: Millis(0),
            ended: None,
            finished: false,
            issue: None,
            refusals: 0,
            told_refusals: 0,
            events: 1,
        }
    }
}

#[test]
fn a_hundred_thousand_random_commands_keep_the_stopwatch_right() {
    let mut world = World {
        dice: Dice(20_240_608),
        now: REGISTERED,
        run: working(),
        notes: Notes::default(),
        seen: BTreeMap::new(),
    };
    let mut commands = 0;
    while commands < 100_000 {
        world.register();
        let mut after_end = 0;
        while after_end < 10 {
            world.step();
            commands += 1;
            after_end += u32::from(world.notes.finished);
        }
    }
    check_coverage(&world.seen);
}

/// The sequences mean something only if they went everywhere.
fn check_coverage(seen: &BTreeMap<(&'static str, &'static str), u64>) {
    let wanted = [
        ("open", "wait_paused already_waiting run_ended"),
        ("change", "wait_changed nothing not_waiting"),
        ("close", "wait_resumed not_waiting"),
        ("end", "ending finished run_ended"),
        ("end_spent", "finished budget_left run_ended"),
        ("finish", "finished run_still_waiting run_not_ending"),
        ("refuse", "refusal_counted run_ended"),
        ("link", "linked nothing run_linked_elsewhere run_ended"),
    ];
    for (command, endings) in wanted {
        for ending in endings.split_whitespace() {
            let count = seen.get(&(command, ending)).copied().unwrap_or_default();
            assert!(count >= 10, "`{command}` ended as `{ending}` {count} times: {seen:?}");
        }
    }
}
