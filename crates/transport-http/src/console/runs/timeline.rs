//! A run as a picture: when it worked, when it waited, what it asked for and when it gave signs of life.
//!
//! The same is said in words below it, so the picture has one label and nothing to operate.

use countersign_approvals::StateName;
use countersign_audit::EventType;
use countersign_kernel::{Millis, Timestamp};
use countersign_usecases::record::EventRecord;
use countersign_waitstate::{Run, RunState};
use maud::{Markup, html};

use crate::console::latest::Latest;
use crate::console::words::Words;

/// The width in the units of the picture; it is scaled to the page.
const WIDTH: f64 = 1000.0;

/// A stretch of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stretch {
    from: Timestamp,
    to: Timestamp,
    waiting: bool,
}

pub(super) fn picture(words: Words, run: &Run, past: &Latest, now: Timestamp) -> Markup {
    let Latest { events, cut } = past;
    let begin = events.first().filter(|_| *cut).map_or(run.registered_at, |first| first.at.0);
    let end = end_of(&run.state).unwrap_or(now);
    // What was before is not drawn; what was open then is what is open now, less what was opened since.
    let open = if *cut { run.waits.len().saturating_add_signed(-opened(events)) } else { 0 };
    let whole = end.since(begin).0.max(1);
    let place = |at: Timestamp| position(at.since(begin), whole);
    let marks = events.iter().filter_map(|event| Some((event, tone(event)?)));
    html! {
        figure.timeline {
            svg viewBox="0 0 1000 46" preserveAspectRatio="none" role="img" aria-label=(words.timeline()) {
                @for stretch in stretches(begin, end, open, events) {
                    @let (x, to) = (place(stretch.from), place(stretch.to));
                    rect class=(if stretch.waiting { "waiting" } else { "working" }) x=(x) y="12" width=((to - x).max(1.0)) height="22" {}
                }
                @for (event, tone) in marks { line class={ "mark " (tone) } x1=(place(event.at.0)) x2=(place(event.at.0)) y1="4" y2="42" { title { (words.event_named(&event.event_type)) } } }
                @if let Some(at) = run.last_heartbeat_at { circle class="heartbeat" cx=(place(at)) cy="23" r="4" { title { (words.last_heartbeat()) } } }
            }
            figcaption.small {
                @for (class, name) in legend(words) { span class={ "key " (class) } {} " " (name) " · " }
                (words.span(Millis(whole)))
            }
        }
    }
}

/// What stands for what.
fn legend(words: Words) -> [(&'static str, &'static str); 7] {
    [
        ("working", words.timeline_running()),
        ("waiting", words.timeline_waiting()),
        ("asked", words.timeline_asked()),
        ("good", words.timeline_good()),
        ("bad", words.timeline_bad()),
        ("unclear", words.timeline_unclear()),
        ("heartbeat", words.last_heartbeat()),
    ]
}

/// How a mark is drawn for what became of a request; nothing for what doesn't change how it stands. Events are called as the states they
/// lead to.
fn tone(event: &EventRecord) -> Option<&'static str> {
    if event.event_type == EventType::ApprovalDrifted.as_str() {
        return Some("asked");
    }
    match event.event_type.strip_prefix("approval.")?.parse::<StateName>().ok()? {
        StateName::Requested => Some("asked"),
        StateName::Approved | StateName::Answered | StateName::Applied => Some("good"),
        StateName::Denied | StateName::Expired | StateName::Cancelled | StateName::Failed => Some("bad"),
        StateName::Unknown => Some("unclear"),
        StateName::Applying => None,
    }
}

fn end_of(state: &RunState) -> Option<Timestamp> {
    match state {
        RunState::Live { .. } => None,
        RunState::Ending { since: at, .. } | RunState::Finished { at, .. } => Some(*at),
    }
}

/// From 0 to the width, to a tenth.
#[expect(
    clippy::cast_precision_loss,
    reason = "a picture is drawn to a tenth of a unit; spans are far below 2^52 ms"
)]
fn position(since: Millis, whole: u64) -> f64 {
    (since.0.min(whole) as f64 / whole as f64 * WIDTH * 10.0).round() / 10.0
}

/// By how many waits an event changes what is open.
fn opens(event: &EventRecord) -> isize {
    match event.event_type.as_str() {
        "run.wait.paused" => 1,
        "run.wait.resumed" => -1,
        _ => 0,
    }
}

/// How many more waits are open after these events than before.
fn opened(events: &[EventRecord]) -> isize {
    events.iter().map(opens).sum()
}

/// When it worked and when it waited: it waits from the first wait that opens to the last one that settles. So many waits are open when it
/// begins.
fn stretches(begin: Timestamp, end: Timestamp, mut open: usize, events: &[EventRecord]) -> Vec<Stretch> {
    let mut found = Vec::new();
    let mut from = begin;
    for event in events {
        let before = open;
        open = open.saturating_add_signed(opens(event));
        if (before == 0) != (open == 0) {
            found.push(Stretch { from, to: event.at.0, waiting: before > 0 });
            from = event.at.0;
        }
    }
    found.push(Stretch { from, to: end.max(from), waiting: open > 0 });
    found.retain(|stretch| stretch.to > stretch.from);
    found
}

#[cfg(test)]
mod tests {
    use countersign_usecases::record::Stamp;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_micros(second * 1_000_000)
    }

    fn event(second: i64, event_type: &str) -> EventRecord {
        EventRecord {
            event_id: String::new(),
            at: Stamp(at(second)),
            event_type: event_type.to_owned(),
            actor_kind: String::new(),
            actor_id: String::new(),
            actor_proof: String::new(),
            actor_pseudonym: String::new(),
            run_id: None,
            request_id: None,
            correlation_id: None,
            project: None,
            policy_digest: None,
            plan_digest: None,
            detail: serde_json::Value::Null,
            salt: String::new(),
            entry: String::new(),
        }
    }

    #[test]
    fn waits_that_overlap_are_one_stretch() {
        let events = [
            event(10, "run.wait.paused"),
            event(20, "run.wait.paused"),
            event(25, "approval.approved"),
            event(30, "run.wait.resumed"),
            event(40, "run.wait.resumed"),
            event(50, "run.wait.paused"),
        ];
        let drawn = |begin, open, events: &[EventRecord]| -> Vec<_> {
            let stretches = stretches(at(begin), at(60), open, events);
            stretches.into_iter().map(|one| (one.from, one.to, one.waiting)).collect()
        };
        let (last, waits) = ((at(40), at(50), false), (at(50), at(60), true));
        assert_eq!(drawn(0, 0, &events), [(at(0), at(10), false), (at(10), at(40), true), last, waits]);
        // Two were open when the third event happened, and one is now.
        assert_eq!(opened(&events[2..]), -1);
        assert_eq!(drawn(25, 2, &events[2..]), [(at(25), at(40), true), last, waits]);
    }

    #[test]
    fn marks_are_drawn_as_what_became_of_a_request() {
        for (event_type, drawn) in [
            (EventType::ApprovalRequested, Some("asked")),
            (EventType::ApprovalDrifted, Some("asked")),
            (EventType::ApprovalApplied, Some("good")),
            (EventType::ApprovalExpired, Some("bad")),
            (EventType::ApprovalUnknown, Some("unclear")),
            (EventType::ApprovalApplying, None),
            (EventType::ApprovalVoted, None),
            (EventType::RunWaitPaused, None),
        ] {
            assert_eq!(tone(&event(1, event_type.as_str())), drawn, "{event_type:?}");
        }
    }

    #[test]
    fn a_place_is_between_both_ends() {
        assert_eq!(
            (position(Millis(0), 300), position(Millis(100), 300), position(Millis(900), 300)),
            (0.0, 333.3, 1000.0)
        );
    }
}
