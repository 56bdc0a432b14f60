//! The oracle: what must hold of every request, whatever died on the way. Pure: it judges what was gathered.

use std::fmt;

use countersign_simulators::{Effect, Target};

use super::look::Database;
use super::plot::Plot;

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Whatever was done was approved, and intended on the record, before.
    NoEffectWithoutApproval,
    /// Nothing was done to one place twice.
    NoEffectTwice,
    /// What is `applied` was done; what is `failed` was not.
    NoEffectLost,
    /// What was done is what was approved, where it was approved.
    EffectIsWhatWasApproved,
    /// Both targets hold the same bytes.
    SameSecretOnBothTargets,
    /// A database that somebody else made is left alone.
    NoForeignDatabaseAdopted,
    /// What changed since the approval isn't overwritten.
    DriftIsNotOverwritten,
    /// Whoever asked doesn't decide.
    NoSelfApproval,
    /// With targets that are well a request settles within a minute.
    NothingStuck,
    /// No sealed value outlives its request.
    NoSealedValueLeft,
    /// Each transition has one event.
    EventForEachTransition,
    /// A run waits while its request is open, and goes on once it is settled.
    RunResumedOnlyWhenSettled,
    /// What the request came to is in the run's inbox, once.
    OutcomeInInbox,
    /// A worker that lost its lease, or knows an old version, writes nothing.
    OnlyTheNewestWrites,
}

impl Invariant {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoEffectWithoutApproval => "no_effect_without_approval",
            Self::NoEffectTwice => "no_effect_twice",
            Self::NoEffectLost => "no_effect_lost",
            Self::EffectIsWhatWasApproved => "effect_is_what_was_approved",
            Self::SameSecretOnBothTargets => "same_secret_on_both_targets",
            Self::NoForeignDatabaseAdopted => "no_foreign_database_adopted",
            Self::DriftIsNotOverwritten => "drift_is_not_overwritten",
            Self::NoSelfApproval => "no_self_approval",
            Self::NothingStuck => "nothing_stuck",
            Self::NoSealedValueLeft => "no_sealed_value_left",
            Self::EventForEachTransition => "event_for_each_transition",
            Self::RunResumedOnlyWhenSettled => "run_resumed_only_when_settled",
            Self::OutcomeInInbox => "outcome_in_inbox",
            Self::OnlyTheNewestWrites => "only_the_newest_writes",
        }
    }
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub invariant: Invariant,
    /// What was seen.
    pub what: String,
}

impl Broken {
    /// A tale that could not be told to its end: something never came that it waited for.
    pub fn untold(error: &anyhow::Error) -> Self {
        Self {
            invariant: Invariant::NothingStuck,
            what: format!("it could not be told to its end: {error:#}"),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant.name(), self.what)
    }
}

/// What store and targets hold, at any moment, also while no server lives.
#[derive(Clone, Debug)]
pub struct Resting {
    /// What the story is about.
    pub plot: Plot,
    /// The request, once it is known.
    pub request_id: Option<String>,
    /// The request that made the database to work on.
    pub prepared: Option<String>,
    /// The database's name.
    pub database: String,
    /// The request's state in the store; none before it is there.
    pub stored: Option<String>,
    /// What the simulators let happen at the request's places.
    pub effects: Vec<Effect>,
    /// The databases whose names are the story's.
    pub databases: Vec<Database>,
    /// Whether the login role that the story is about is there, with a mark.
    pub has_role: bool,
}

/// Everything that is known of a request at the end.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What store and targets hold.
    pub resting: Resting,
    /// The state it is settled in; none when it never was.
    pub state: Option<String>,
    /// The types of its and its run's events, in order.
    pub events: Vec<String>,
    /// Whether the run waited for it when it was open.
    pub paused_while_open: bool,
    /// The run's open waits.
    pub waits: usize,
    /// Whether the run's budget runs.
    pub budget_runs: bool,
    /// Its outcomes in the inbox.
    pub outcomes: Vec<String>,
    /// How many sealed values it has.
    pub sealed: u64,
}

/// What is written to the targets of an action, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Secrets,
    SecretsAndBack,
    DatabaseMade,
    DatabaseWithRole,
    DatabaseKept,
    DatabaseGone,
    Nothing,
}

impl Resting {
    fn expected(&self) -> Expected {
        match self.plot.name() {
            "sync-taken-back" => Expected::SecretsAndBack,
            "sync" | "sync-slow" => Expected::Secrets,
            "create" => Expected::DatabaseMade,
            "create-with-role" => Expected::DatabaseWithRole,
            "delete" => Expected::DatabaseKept,
            "drop" => Expected::DatabaseGone,
            _ => Expected::Nothing,
        }
    }

    fn is_there(&self) -> bool {
        self.databases.iter().any(|database| database.name == self.database)
    }

    /// Whether anything was ever done to a target, also if it was taken back since.
    fn touched(&self) -> bool {
        self.done().0 || !self.effects.is_empty()
    }

    /// Whether anything that was done to a target stands, and whether all of it does.
    fn done(&self) -> (bool, bool) {
        let kept =
            self.databases.iter().any(|other| other.name != self.database && other.made_for == self.prepared);
        match self.expected() {
            Expected::Secrets => {
                let at = |target| self.effects.iter().any(|effect| effect.target == target);
                let (one, other) = (at(Target::Kubernetes), at(Target::Github));
                (one || other, one && other)
            }
            Expected::SecretsAndBack => {
                let taken_back = self.effects.iter().filter(|effect| is_removal(effect)).count();
                (self.effects.len() != 2 * taken_back, false)
            }
            Expected::DatabaseWithRole => {
                let parts = [self.is_there(), self.has_role, !self.effects.is_empty()];
                (parts.contains(&true), !parts.contains(&false))
            }
            Expected::DatabaseMade => (self.is_there(), self.is_there()),
            Expected::DatabaseKept => (!self.is_there(), !self.is_there() && kept),
            Expected::DatabaseGone => (!self.is_there(), !self.is_there() && !kept),
            Expected::Nothing => (!self.effects.is_empty(), true),
        }
    }
}

/// What must hold at any moment, also right after a death: nothing was done that the store doesn't say may have been.
pub fn judge_resting(resting: &Resting) -> Vec<Broken> {
    let may_be_done = ["applying", "unknown", "applied", "failed"];
    let stored = resting.stored.as_deref().unwrap_or("not there");
    let mut found = Vec::new();
    if resting.touched() && !may_be_done.contains(&stored) {
        let what = format!("something was done while the request was {stored}: {:?}", resting.effects);
        found.push(Broken { invariant: Invariant::NoEffectWithoutApproval, what });
    }
    found.extend(twice(resting));
    found
}

/// What must hold in the end.
pub fn judge(evidence: &Evidence) -> Vec<Broken> {
    let expected = evidence.resting.plot.ending();
    let Some(state) = evidence.state.as_deref() else {
        let stored = evidence.resting.stored.as_deref().unwrap_or("not there");
        let what = format!("still {stored}, events {:?}", evidence.events);
        let stuck = Broken { invariant: Invariant::NothingStuck, what };
        return not_paused(evidence).into_iter().chain([stuck]).collect();
    };
    let mut found = judge_resting(&evidence.resting);
    found.extend(approved_before(evidence));
    found.extend(lost(evidence, state, expected));
    found.extend(same_bytes(&evidence.resting));
    if evidence.sealed > 0 {
        let what = format!("{} after it was {state}", evidence.sealed);
        found.push(Broken { invariant: Invariant::NoSealedValueLeft, what });
    }
    found.extend(events(evidence, state));
    found.extend(not_paused(evidence).or_else(|| resumed(evidence, state)));
    if evidence.outcomes != [state] {
        let what = format!("{:?} for a request that is {state}", evidence.outcomes);
        found.push(Broken { invariant: Invariant::OutcomeInInbox, what });
    }
    found
}

fn is_removal(effect: &Effect) -> bool {
    effect.action == "secret.deleted"
}

fn twice(resting: &Resting) -> Vec<Broken> {
    let mut found = Vec::new();
    let may_be_taken_back = resting.expected() == Expected::SecretsAndBack;
    for target in [Target::Kubernetes, Target::Github] {
        let at = resting.effects.iter().filter(|effect| effect.target == target);
        let (back, there): (Vec<_>, Vec<_>) = at.partition(|effect| may_be_taken_back && is_removal(effect));
        if there.len() > 1 || back.len() > 1 {
            let what = format!("several effects on {target:?}: {:?}", resting.effects);
            found.push(Broken { invariant: Invariant::NoEffectTwice, what });
        }
    }
    let made = |request: &Option<String>| {
        resting.databases.iter().filter(|other| request.is_some() && other.made_for == *request).count()
    };
    if made(&resting.request_id) > 1 || made(&resting.prepared) > 1 {
        let what = format!("one request made several databases: {:?}", resting.databases);
        found.push(Broken { invariant: Invariant::NoEffectTwice, what });
    }
    found
}

fn approved_before(evidence: &Evidence) -> Option<Broken> {
    let position = |name: &str| evidence.events.iter().position(|event| event == name);
    let approved = position("approval.approved")
        .is_some_and(|approved| position("approval.applying").is_none_or(|applying| approved < applying));
    let done = evidence.resting.touched() && evidence.resting.expected() != Expected::Nothing;
    (done && !approved).then(|| Broken {
        invariant: Invariant::NoEffectWithoutApproval,
        what: format!("done, and the log says {:?}", evidence.events),
    })
}

fn lost(evidence: &Evidence, state: &str, expected: &str) -> Option<Broken> {
    let (some, all) = evidence.resting.done();
    let what = match state {
        "applied" if !all => "applied, and not all of it is there",
        "failed" | "denied" | "expired" | "cancelled" if some => "not applied, and some of it is there",
        _ if state != expected => "it did not come to what it should have",
        _ => return None,
    };
    let seen = &evidence.resting;
    let what = format!("{what}: {state}, {:?}, {:?}", seen.effects, seen.databases);
    Some(Broken { invariant: Invariant::NoEffectLost, what })
}

fn same_bytes(resting: &Resting) -> Option<Broken> {
    let values: Vec<_> = resting.effects.iter().flat_map(|effect| effect.values.values()).collect();
    let differ = values.windows(2).any(|pair| pair[0] != pair[1]);
    differ.then(|| Broken {
        invariant: Invariant::SameSecretOnBothTargets,
        // The values are simulated, and still not shown.
        what: format!("{} values at {} places differ", values.len(), resting.effects.len()),
    })
}

fn events(evidence: &Evidence, state: &str) -> Option<Broken> {
    let settled = format!("approval.{state}");
    let mut needed = vec!["approval.requested", "run.wait.paused", settled.as_str(), "run.wait.resumed"];
    match state {
        "answered" => {}
        "applied" | "failed" => needed.extend(["approval.approved", "approval.applying"]),
        _ => {}
    }
    let count = |name: &str| evidence.events.iter().filter(|event| *event == name).count();
    // Whoever is asked again approves again.
    let times = |name: &str| if name == "approval.approved" { 1 + count("approval.drifted") } else { 1 };
    let wrong: Vec<_> = needed.into_iter().filter(|name| count(name) != times(name)).collect();
    (!wrong.is_empty()).then(|| Broken {
        invariant: Invariant::EventForEachTransition,
        what: format!("{wrong:?} not exactly once in {:?}", evidence.events),
    })
}

fn not_paused(evidence: &Evidence) -> Option<Broken> {
    (!evidence.paused_while_open).then(|| Broken {
        invariant: Invariant::RunResumedOnlyWhenSettled,
        what: "the run did not wait while the request was open".to_owned(),
    })
}

fn resumed(evidence: &Evidence, state: &str) -> Option<Broken> {
    let last = |name: &str| evidence.events.iter().rposition(|event| event == name);
    let in_order = match (last(&format!("approval.{state}")), last("run.wait.resumed")) {
        (Some(settled), Some(resumed)) => settled < resumed,
        (Some(_), None) | (None, Some(_)) | (None, None) => false,
    };
    let what = if evidence.waits > 0 || !evidence.budget_runs {
        "the run still waits"
    } else if !in_order {
        "the run went on before the request was settled"
    } else {
        return None;
    };
    let what = format!("{what}: {:?}", evidence.events);
    Some(Broken { invariant: Invariant::RunResumedOnlyWhenSettled, what })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn effect(target: Target, value: &str) -> Effect {
        let values = [("value".to_owned(), value.as_bytes().to_vec())].into();
        let text = |text: &str| text.to_owned();
        let (action, actor, place) = (text("secret.created"), text("countersign"), text("place"));
        Effect { n: 1, target, action, actor, place, detail: Value::Null, values }
    }

    /// A sync that went well.
    fn well() -> Evidence {
        let events = ["requested", "approved", "applying", "applied"].map(|name| format!("approval.{name}"));
        let mut events = events.to_vec();
        events.insert(1, "run.wait.paused".to_owned());
        events.push("run.wait.resumed".to_owned());
        Evidence {
            resting: Resting {
                plot: Plot::named("sync").unwrap(),
                request_id: Some("r".to_owned()),
                prepared: None,
                database: "db".to_owned(),
                stored: Some("applied".to_owned()),
                effects: vec![effect(Target::Kubernetes, "v"), effect(Target::Github, "v")],
                databases: Vec::new(),
                has_role: false,
            },
            state: Some("applied".to_owned()),
            events,
            paused_while_open: true,
            waits: 0,
            budget_runs: true,
            outcomes: vec!["applied".to_owned()],
            sealed: 0,
        }
    }

    /// What is found when one thing is otherwise.
    fn found(change: impl FnOnce(&mut Evidence)) -> Vec<Invariant> {
        let mut evidence = well();
        change(&mut evidence);
        judge(&evidence).into_iter().map(|broken| broken.invariant).collect()
    }

    #[test]
    fn what_went_well_is_left_alone() {
        assert_eq!(found(|_| ()), []);
    }

    #[test]
    fn what_is_taken_back_leaves_nothing_and_is_taken_back_once() {
        let removal = || Effect { action: "secret.deleted".to_owned(), ..effect(Target::Kubernetes, "v") };
        let judged = |effects: Vec<Effect>| {
            let mut evidence = well();
            evidence.resting.plot = Plot::TakenBack;
            evidence.resting.effects = effects;
            evidence.resting.stored = Some("failed".to_owned());
            evidence.state = Some("failed".to_owned());
            evidence.outcomes = vec!["failed".to_owned()];
            evidence.events.iter_mut().filter(|event| *event == "approval.applied").for_each(|event| {
                "approval.failed".clone_into(event);
            });
            judge(&evidence).into_iter().map(|broken| broken.invariant).collect::<Vec<_>>()
        };
        let written = || effect(Target::Kubernetes, "v");
        assert_eq!(judged(vec![written(), removal()]), []);
        assert_eq!(judged(vec![written()]), [Invariant::NoEffectLost]);
        let again = vec![written(), removal(), written(), removal()];
        assert_eq!(judged(again), [Invariant::NoEffectTwice]);
    }

    #[test]
    fn each_thing_that_is_wrong_has_its_name() {
        assert_eq!(found(|seen| seen.state = None), [Invariant::NothingStuck]);
        assert_eq!(found(|seen| seen.sealed = 1), [Invariant::NoSealedValueLeft]);
        assert_eq!(found(|seen| seen.outcomes.clear()), [Invariant::OutcomeInInbox]);
        assert_eq!(found(|seen| seen.waits = 1), [Invariant::RunResumedOnlyWhenSettled]);
        assert_eq!(found(|seen| seen.paused_while_open = false), [Invariant::RunResumedOnlyWhenSettled]);
        let pop = |seen: &mut Evidence| drop(seen.resting.effects.pop());
        assert_eq!(found(pop), [Invariant::NoEffectLost]);
        let again = |seen: &mut Evidence| seen.resting.effects.push(effect(Target::Github, "v"));
        assert_eq!(found(again), [Invariant::NoEffectTwice]);
        let other = |seen: &mut Evidence| seen.resting.effects[1] = effect(Target::Github, "w");
        assert_eq!(found(other), [Invariant::SameSecretOnBothTargets]);
        let early = |seen: &mut Evidence| seen.resting.stored = Some("approved".to_owned());
        assert_eq!(found(early), [Invariant::NoEffectWithoutApproval]);
        let untold = |seen: &mut Evidence| seen.events.retain(|event| event != "approval.applying");
        assert_eq!(found(untold), [Invariant::EventForEachTransition]);
        let unapproved = |seen: &mut Evidence| seen.events.retain(|event| event != "approval.approved");
        assert_eq!(
            found(unapproved),
            [Invariant::NoEffectWithoutApproval, Invariant::EventForEachTransition]
        );
        let resumed = |seen: &mut Evidence| seen.events.rotate_right(1);
        assert_eq!(found(resumed), [Invariant::RunResumedOnlyWhenSettled]);
    }
}
