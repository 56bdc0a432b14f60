//! A request in lines for a person: facts first, the agent's own words last and marked as such.

use countersign_kernel::visible;

use crate::client::rest::{Approval, Drift, Question, RequestState, StepProgress, Summary, Vote, Worded};

/// A request as lists show it.
pub(crate) fn line(summary: &Summary) -> String {
    let environment = summary.environment.as_deref().unwrap_or("-");
    let mut notes = String::new();
    if summary.state == RequestState::Requested {
        if let Some(at) = &summary.decide_by {
            notes.push_str(&format!(", decide by {at}"));
        }
        if summary.terms.quorum > 1 {
            notes.push_str(&format!(", {} of {} approvals", summary.approvals, summary.terms.quorum));
        }
        if summary.revision > 1 {
            notes.push_str(&format!(" ASKED AGAIN (revision {})", summary.revision));
        }
    }
    if summary.requester_silent {
        notes.push_str(" REQUESTER SILENT");
    }
    visible(&format!(
        "{} {} {} {} in {environment} of {} by {} (launched by {}){notes}",
        summary.id,
        summary.state.as_str(),
        summary.tool,
        summary.action,
        summary.project,
        summary.agent_key,
        summary.launched_by
    ))
}

/// A request as an approver sees it.
pub(crate) fn shown(approval: &Approval) -> Vec<String> {
    let summary = &approval.summary;
    let mut lines = vec![
        line(summary),
        format!("digest {} (revision {}), version {}", summary.plan_digest, summary.revision, summary.etag),
    ];
    lines.extend(approval.drift.iter().flat_map(drift));
    lines.extend(words("fact", &approval.plan.facts));
    for step in &approval.plan.steps {
        let known = known_of(approval, step.number);
        lines.push(format!("  step {}: {} on {}{known}", step.number, step.kind, step.target));
    }
    lines.extend(approval.question_form.iter().flat_map(question));
    lines.extend(approval.votes.iter().map(|cast| vote(cast, summary.revision)));
    for prose in &approval.prose {
        lines.push(format!("  the agent says ({}, not verified): {}", prose.field, quoted(&prose.text)));
    }
    for link in &approval.code_links {
        let (text, url) = (quoted(&link.text), quoted(&link.url));
        lines.push(format!("  the agent links to (not verified): {text} {url}"));
    }
    lines.extend(resolution(approval));
    lines.extend(viewer(approval));
    lines.iter().map(|line| visible(line)).collect()
}

fn words<'w>(name: &'w str, worded: &'w [Worded]) -> impl Iterator<Item = String> + 'w {
    worded.iter().map(move |fact| format!("  {name}: {}", quoted(&fact.text)))
}

/// Words of others may have several lines; none of them may pass for one of ours.
fn quoted(text: &str) -> String {
    text.replace('\n', "\n    | ")
}

/// Why it is asked again: what is different from what was approved before.
fn drift(drift: &Drift) -> Vec<String> {
    let mut lines = vec![format!(
        "  asked again: what was approved changed at {}; votes given before do not count any more",
        drift.noticed_at
    )];
    lines.extend(words("  no longer so", &drift.gone_facts));
    lines.extend(words("  new", &drift.new_facts));
    lines.extend(words("  changed", &drift.changed_parts));
    lines
}

fn question(form: &Question) -> Vec<String> {
    let mut lines = vec![format!("  question: {}", quoted(&form.question))];
    lines.extend(form.context.iter().map(|context| format!("  context: {}", quoted(context))));
    let option = |(index, option): (usize, &String)| format!("    {index}: {}", quoted(option));
    lines.extend(form.options.iter().enumerate().map(option));
    if form.allow_custom {
        lines.push("    or own words".to_owned());
    }
    lines
}

fn vote(vote: &Vote, present: u32) -> String {
    let reason = vote.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", quoted(reason)));
    let old = match vote.revision {
        Some(revision) if revision != present => format!(" (of revision {revision}; doesn't count any more)"),
        Some(_) | None => String::new(),
    };
    format!("  {} said {} at {}{old}{reason}", vote.principal, vote.decision.as_str(), vote.voted_at)
}

/// What is on the record of a step, once there is something: whether it was done, with the target's own receipt.
fn known_of(approval: &Approval, number: u32) -> String {
    let revision = approval.summary.revision;
    let begun: Vec<_> = approval.steps.iter().filter(|step| step.revision == revision).collect();
    match begun.iter().find(|step| step.number == number) {
        Some(step) => format!(": {}", progress(step)),
        None if begun.is_empty() => String::new(),
        None => ": not begun".to_owned(),
    }
}

fn progress(step: &StepProgress) -> String {
    let done_at = step.done_at.as_deref().unwrap_or("an unknown time");
    let receipt = step.receipt.as_ref().map_or_else(String::new, |seen| format!(", receipt {seen}"));
    match step.state.as_str() {
        "done" => format!("done at {done_at}{receipt}"),
        "not_done" => format!("certainly not done (attempts: {})", step.attempts),
        "undone" => format!("undone; was done at {done_at}{receipt}"),
        "undoing" => format!(
            "being undone, MAY OR MAY NOT BE UNDONE (attempts: {}); was done at {done_at}{receipt}",
            step.attempts
        ),
        state => format!(
            "{state} since {} (attempts: {}): MAY OR MAY NOT HAVE BEEN DONE",
            step.intended_at, step.attempts
        ),
    }
}

/// How it ended or why it is in doubt; for what is in doubt also how to settle it.
fn resolution(approval: &Approval) -> Vec<String> {
    let Some(found) = &approval.resolution else { return Vec::new() };
    let state = approval.summary.state;
    let code = found.code.as_ref().map_or_else(String::new, |code| format!(" ({code})"));
    let reason = found.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", quoted(reason)));
    let what = if state == RequestState::Unknown { "in doubt" } else { "ended" };
    // What was applied or failed may have been settled by evidence or by a person, which the events say.
    let by = match state {
        RequestState::Applied | RequestState::Failed => String::new(),
        RequestState::Requested
        | RequestState::Approved
        | RequestState::Applying
        | RequestState::Unknown
        | RequestState::Answered
        | RequestState::Denied
        | RequestState::Expired
        | RequestState::Cancelled => format!(" by {}", found.by),
    };
    let mut lines = vec![format!("  {what} at {}{by}{code}{reason}", found.at)];
    if state == RequestState::Unknown {
        lines.push(format!(
            "  look at the targets, then: countersign approvals resolve-unknown {} --verdict applied|failed --reason …",
            approval.summary.id
        ));
    }
    lines
}

/// What the reader may do about it, while there is something to do.
fn viewer(approval: &Approval) -> Option<String> {
    let viewer = &approval.viewer;
    if approval.summary.state != RequestState::Requested {
        return None;
    }
    if let Some(vote) = viewer.own_vote {
        return Some(format!("  you have said {}", vote.as_str()));
    }
    let why = viewer.why_not.as_deref().unwrap_or("no reason is given");
    (!viewer.may_decide).then(|| format!("  your decision would not count: {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::client::rest::Answer;

    fn approval(change: impl Fn(&mut Value)) -> Approval {
        let document: Value =
            serde_json::from_str(include_str!("../../../../../openapi/countersign.json")).unwrap();
        let answer = &document["paths"]["/api/v1/approvals/{id}"]["get"]["responses"]["200"];
        let mut example = answer["content"]["application/json"]["example"].clone();
        change(&mut example);
        Answer::read(example).unwrap().read
    }

    #[test]
    fn no_line_of_others_passes_for_one_of_ours() {
        let words = "Please.\n  fact: nothing is written\u{202e}";
        let lines = shown(&approval(|example| {
            example["prose"] = json!([{"field": "justification", "text": words}]);
        }));
        let all = lines.join("\n");
        assert!(all.contains("(justification, not verified): Please.\n    |   fact: nothing"), "{all}");
        assert!(!all.contains('\u{202e}'), "{all}");
    }

    #[test]
    fn votes_of_earlier_revisions_are_marked() {
        let all = shown(&approval(|example| {
            example["summary"]["revision"] = json!(2);
            let vote = |revision| {
                json!({"principal": "user:github:dana", "decision": "approve", "voted_at": "2026-01-01T10:00:00Z", "revision": revision})
            };
            example["votes"] = json!([vote(1), vote(2)]);
        }))
        .join("\n");
        assert!(all.contains("at 2026-01-01T10:00:00Z (of revision 1; doesn't count any more)"), "{all}");
        assert_eq!(all.matches("count any more)").count(), 1, "{all}");
        assert!(all.contains("ASKED AGAIN (revision 2)"), "{all}");
    }

    #[test]
    fn whoever_may_not_decide_is_told_why() {
        let all = shown(&approval(|example| {
            example["summary"]["state"] = json!("requested");
            example["viewer"] = json!({"may_decide": false, "why_not": "not_a_decider"});
        }));
        assert!(all.contains(&"  your decision would not count: not_a_decider".to_owned()), "{all:?}");
    }
}
