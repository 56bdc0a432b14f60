//! Pieces that many pages are made of.

use countersign_approvals::{ActionRequest, State, StateName};
use countersign_kernel::terms::Terms;
use countersign_kernel::{Millis, RequestId, RunId, Timestamp, visible};
use countersign_mcp_tools::{Call, ControlTool, Fact, OwnershipChange, Plan, Reversibility, ToolRegistry};
use countersign_usecases::look::Listed;
use countersign_usecases::port::RequestFilter;
use countersign_usecases::record::LinkRecord;
use countersign_waitstate::Run;
use maud::{Markup, html};

use super::words::Words;
use crate::percent::encoded;

/// A moment: the script shows it in the reader's zone, and on hover exactly.
pub(super) fn time(at: Timestamp) -> Markup {
    let exact = at.to_string();
    html! { time datetime=(exact) title=(exact) data-moment { (minute(&exact)) " UTC" } }
}

/// `2026-11-25T09:00:00.000000Z` to the minute, without the letters.
fn minute(exact: &str) -> String {
    exact.get(..16).unwrap_or(exact).replace('T', " ")
}

/// How long ago a moment was; the script counts it up.
pub(super) fn ago(words: Words, at: Timestamp, now: Timestamp) -> Markup {
    let exact = at.to_string();
    html! { time datetime=(exact) title=(exact) data-since=(words.ago("{}")) { (words.ago(words.span(now.since(at)))) } }
}

/// How long there is until a moment; the script counts it down.
pub(super) fn countdown(words: Words, until: Timestamp, now: Timestamp) -> Markup {
    let exact = until.to_string();
    let left = until.since(now);
    let text = if left == Millis(0) { words.time_is_up().to_owned() } else { words.span(left) };
    let hurry = (left < Millis::from_secs(300)).then_some("");
    html! { time.countdown datetime=(exact) title=(exact) data-until data-hurry=[hurry] data-up=(words.time_is_up()) { (text) } }
}

/// Where a request stands.
pub(super) fn badge(words: Words, state: StateName) -> Markup {
    html! { span.badge data-state=(state.as_str()) { (words.state_name(state)) } }
}

/// A text of ours with names in it: what stands between back-quotes is code. Nothing in it is markup.
pub(super) fn worded(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 0 { (part) } @else { code { (part) } }
        }
    }
}

/// Words of somebody whom nobody vouches for: as they are, but for signs that hide or turn text.
pub(super) fn untrusted(text: &str) -> Markup {
    html! { bdi.untrusted { (visible(text)) } }
}

pub(super) fn request_link(id: RequestId, text: &str) -> Markup {
    html! { a href={ "/requests/" (id) } { (text) } }
}

/// The names that narrow a list of requests, as fields of a form.
pub(super) fn filter_fields(
    words: Words,
    tools: &ToolRegistry,
    filter: &RequestFilter,
    search: &str,
) -> Markup {
    let text = |value: Option<String>| value.unwrap_or_default();
    let fields = [
        ("q", words.search(), search.to_owned()),
        ("project", words.project(), text(filter.project.as_ref().map(ToString::to_string))),
        ("environment", words.environment(), text(filter.environment.as_ref().map(ToString::to_string))),
        ("tool", words.tool(), text(filter.tool.as_ref().map(ToString::to_string))),
        ("run", words.run(), text(filter.run.as_ref().map(ToString::to_string))),
    ];
    html! {
        @for (name, label, value) in &fields {
            label { (label) input name=(name) value=(value) autocomplete="off" list=[(*name == "tool").then_some("tools")]; }
        }
        datalist id="tools" { @for tool in tools.iter() { option value=(tool.descriptor().name) {} } }
    }
}

/// The same as a query; what says nothing is left out.
pub(super) fn filter_pairs(filter: &RequestFilter, search: &str) -> Vec<(&'static str, String)> {
    let RequestFilter { states: _, project, environment, tool, run, deciders: _, search: _, order: _ } =
        filter;
    let mut pairs = Vec::new();
    pairs.extend((!search.is_empty()).then(|| ("q", search.to_owned())));
    pairs.extend(project.as_ref().map(|name| ("project", name.to_string())));
    pairs.extend(environment.as_ref().map(|name| ("environment", name.to_string())));
    pairs.extend(tool.as_ref().map(|name| ("tool", name.to_string())));
    pairs.extend(run.as_ref().map(|name| ("run", name.to_string())));
    pairs
}

/// A path with a query.
pub(super) fn address(path: &str, pairs: &[(&'static str, String)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// Instead of an empty page of a search that has not come to its end.
pub(super) fn search_goes_on(words: Words, next: &str) -> Markup {
    html! {
        div.empty {
            p.lead { (words.nothing_so_far()) }
            p { a.button rel="next" href=(next) { (words.search_on()) } }
        }
    }
}

pub(super) fn run_link(id: &RunId) -> Markup {
    html! { a href={ "/runs/" (id) } { code { (id) } } }
}

/// What a request is about, in one line: the question, or the first of its facts.
pub(super) fn headline(
    request: &ActionRequest,
    call: &Call,
    plan: &Plan,
    tools: &ToolRegistry,
    words: Words,
) -> Markup {
    if let Some(asked) = &call.question {
        return untrusted(asked.question.as_str());
    }
    let tool = tools.find(&request.facts.tool);
    match plan.facts.first() {
        Some(first) => worded(&visible(&fact(first, tool.map(|tool| &**tool), words))),
        None => html! { code { (request.facts.tool) } " " (request.facts.action) },
    }
}

/// A fact as a sentence. A tool that is no longer registered leaves its code and parameters.
pub(super) fn fact(fact: &Fact, tool: Option<&dyn ControlTool>, words: Words) -> String {
    tool.map_or_else(|| fact.to_string(), |tool| tool.word(fact, words.0))
}

/// Whether something of it can't be taken back: what is written where nobody can read it, or a database that is given up.
pub(super) fn is_final(plan: &Plan) -> bool {
    let overwrites = plan.steps.iter().any(|step| match step.reversibility {
        Reversibility::WriteOnly => true,
        Reversibility::ReadBackAndFence | Reversibility::ReadBack => false,
    });
    let gives_up = plan.ownership.as_ref().is_some_and(|ownership| match ownership.change {
        OwnershipChange::Release => true,
        OwnershipChange::Reserve | OwnershipChange::Quarantine(_) => false,
    });
    overwrites || gives_up
}

/// Until when a request has to be decided or begun.
pub(super) fn due(request: &ActionRequest) -> Option<Timestamp> {
    match &request.state {
        State::Requested { decide_by } => Some(*decide_by),
        State::Approved { execute_by, .. } | State::Applying { execute_by, .. } => Some(*execute_by),
        State::Unknown { .. } | State::Settled(_) => None,
    }
}

/// A name and what it is.
pub(super) fn pair(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// What an action of a tool is for, in words where it is one of ours, else by its names.
pub(super) fn errand(words: Words, tool: &str, action: &str) -> String {
    words.errand(tool, action).map_or_else(|| format!("{tool} · {action}"), str::to_owned)
}

/// Whether it waits for the one who looks.
pub(super) fn waits_for(listed: &Listed) -> bool {
    let waits = listed.request.state.name() == StateName::Requested;
    waits && listed.standing.why_not.is_none() && listed.standing.own_vote.is_none()
}

/// Who is asked to decide.
pub(super) fn asked_of(words: Words, terms: &Terms) -> Markup {
    let groups = terms.deciders.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    html! { (words.approval_mode(terms.mode)) @if !groups.is_empty() { " (" (groups) ")" } }
}

/// What a step does, in words where it is one of ours, else by its name.
pub(super) fn step_kind(words: Words, kind: &str) -> Markup {
    html! { @match words.step_named(kind) { Some(told) => { (told) } None => { code { (visible(kind)) } } } }
}

/// The issue and the pull request that a run is about, each with what else is known of it here, and itself at the host of the code.
pub(super) fn about_run(words: Words, run: &Run, code_host: &str) -> Markup {
    let numbered = [
        ("issue", words.issue(), "issues", run.links.issue),
        ("pr", words.pull_request(), "pull", run.links.pull_request),
    ];
    let place =
        run.facts.repository.as_ref().map_or_else(|| run.facts.project.to_string(), ToString::to_string);
    let outside = run.facts.repository.as_ref().filter(|_| code_host.starts_with("https://"));
    html! {
        @for (kind, name, path, number) in numbered {
            @if let Some(number) = number {
                div { dt { (name) } dd {
                    a href=(address("/trace", &[(kind, format!("{place}#{number}"))])) { code { (place) "#" (number) } }
                    @if let Some(repository) = outside {
                        " · " a href={ (code_host) "/" (repository) "/" (path) "/" (number) } rel="noopener noreferrer" target="_blank" { (words.at_code_host()) }
                    }
                } }
            }
        }
    }
}

/// What something is connected with, as links to where more can be seen.
pub(super) fn connections(words: Words, links: &[LinkRecord], this: &str) -> Markup {
    let others = links.iter().map(|link| {
        if link.to_id == this { (&link.from_kind, &link.from_id) } else { (&link.to_kind, &link.to_id) }
    });
    let mut others: Vec<_> = others.filter(|(_, id)| *id != this).collect();
    others.sort_unstable();
    others.dedup();
    html! { ul.plain { @for (kind, id) in others { li { (connection(words, kind, id)) } } } }
}

/// One thing something is connected with.
pub(super) fn connection(words: Words, kind: &str, id: &str) -> Markup {
    let address = match kind {
        "issue" | "pr" => Some(format!("/trace?{kind}={}", encoded(id))),
        "run" => Some(format!("/runs/{}", encoded(id))),
        "request" => Some(format!("/requests/{}", encoded(id))),
        _ => None,
    };
    html! {
        span.kind { (words.link_kind(kind)) } " "
        @match address {
            Some(address) => { a href=(address) { code { (visible(id)) } } }
            None => { code { (visible(id)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_kernel::{DatabaseName, Environment, Language};
    use countersign_mcp_tools::{Ownership, Quarantine};

    use super::*;

    #[test]
    fn texts_never_become_markup() {
        let hostile = "<script>alert(1)</script> `a\u{202e}b` \"'&";
        assert_eq!(
            worded(&visible(hostile)).into_string(),
            "&lt;script&gt;alert(1)&lt;/script&gt; <code>a&lt;U+202E&gt;b</code> &quot;'&amp;"
        );
        assert_eq!(
            untrusted("</bdi><img src=x onerror=y>\u{200b}").into_string(),
            "<bdi class=\"untrusted\">&lt;/bdi&gt;&lt;img src=x onerror=y&gt;&lt;U+200B&gt;</bdi>"
        );
        assert!(
            !connection(Words(Language::English), "issue", "a/b#1\"><script>")
                .into_string()
                .contains("<script")
        );
    }

    #[test]
    fn a_database_that_is_given_up_cannot_be_had_back() {
        let kept = Quarantine {
            kept_as: DatabaseName::parse("_q_orders_16384").unwrap(),
            database_id: "16384".to_owned(),
            created_by: "018f5a3c-1111-7000-8000-000000000001".parse().unwrap(),
            days: 7,
        };
        let with = |change| {
            let (database, environment) =
                (DatabaseName::parse("orders").unwrap(), Environment::parse("dev").unwrap());
            let ownership = Ownership { server: "main".to_owned(), database, environment, change };
            Plan { ownership: Some(ownership), ..countersign_testkit::build::plan(&["database:main/orders"]) }
        };
        assert!(is_final(&with(OwnershipChange::Release)));
        assert!(!is_final(&with(OwnershipChange::Quarantine(kept))));
        assert!(!is_final(&with(OwnershipChange::Reserve)));
    }

    #[test]
    fn a_countdown_ends() {
        let words = Words(Language::English);
        let at = |seconds: i64| Timestamp::from_unix_micros(seconds * 1_000_000);
        assert!(countdown(words, at(10_000), at(2_800)).into_string().contains(">2 h</time>"));
        let up = countdown(words, at(10), at(20)).into_string();
        assert!(up.contains(">time is up</time>") && up.contains("data-hurry"), "{up}");
    }
}
