//! `/trace`: from an issue or a pull request through runs and requests to what was done, as a graph and as a list.

use axum::extract::State;
use axum::response::Response;
use countersign_approvals::{ActionRequest, StateName};
use countersign_kernel::{visible, visible_document};
use countersign_mcp_tools::Plan;
use countersign_usecases::look;
use maud::{Markup, html};

use super::layout::{self, Page, Section};
use super::parts::{badge, connection, errand, request_link, run_link, step_kind, time};
use super::visitor::Visitor;
use super::words::{Count, Words};
use crate::api::{Answer, Api, Fields, Problem, Sent, TRACE_KINDS, stream_place, trace_from};

pub(super) async fn show(State(api): State<Api>, visitor: Visitor, sent: Sent) -> Answer<Response> {
    let words = visitor.words();
    let title = words.trace().to_owned();
    let mut fields = Fields::of_page(sent, &[&TRACE_KINDS[..], &["kind", "of"]].concat());
    if let Some((kind, of)) = fields.text("of").and_then(|of| meant(fields.text("kind"), &of)) {
        fields.put(kind, of);
    }
    let Some(given) = TRACE_KINDS.into_iter().find(|kind| fields.text(kind).is_some()) else {
        fields.finish(Some(()))?;
        let body = html! { p { (words.trace_about()) } (form(words, "issue", "")) };
        return Ok(layout::page(&Page {
            visitor: &visitor,
            section: Section::Trace,
            title,
            follows: None,
            body,
        }));
    };
    let text = fields.text(given).unwrap_or_default();
    let from = trace_from(&mut fields);
    let from = fields.finish(from)?;
    let follows = stream_place(&api).await?;
    let trace = look::trace(api.services(), &from).await.map_err(|error| Problem::of(&error))?;
    let body = html! {
        (form(words, given, &text))
        div data-live="trace" {
            @if trace.runs.is_empty() && trace.links.is_empty() { div.empty { p.lead { (words.trace_nothing()) } } } @else {
                @if !trace.complete { p.notice { (words.trace_incomplete()) } }
                (graph(words, given, &text, &trace))
                (list(words, &trace, visitor.reads_record()))
            }
        }
    };
    Ok(layout::page(&Page {
        visitor: &visitor,
        section: Section::Trace,
        title,
        follows: Some(follows),
        body,
    }))
}

/// What the form means: the address of an issue or a pull request says by itself what it is.
fn meant(chosen: Option<String>, of: &str) -> Option<(&'static str, String)> {
    let of = of.trim();
    let chosen = || {
        TRACE_KINDS.into_iter().find(|kind| chosen.as_deref() == Some(kind)).map(|kind| (kind, of.to_owned()))
    };
    pasted(of).or_else(chosen)
}

/// `https://HOST/owner/name/issues/17` or `…/pull/17`, whatever comes behind it.
fn pasted(address: &str) -> Option<(&'static str, String)> {
    let mut parts = address.strip_prefix("https://")?.split(['/', '?', '#']).skip(1);
    let (owner, name) = (parts.next()?, parts.next()?);
    let kind = match parts.next()? {
        "issues" => "issue",
        "pull" => "pr",
        _ => return None,
    };
    Some((kind, format!("{owner}/{name}#{}", parts.next()?)))
}

fn form(words: Words, kind: &str, text: &str) -> Markup {
    let kinds = [
        ("issue", words.issue()),
        ("pr", words.pull_request()),
        ("run", words.run()),
        ("request", words.request()),
    ];
    html! {
        form.line method="get" action="/trace" {
            label { (words.trace_from()) " "
                select name="kind" { @for (value, label) in kinds { option value=(value) selected[value == kind] { (label) } } }
            }
            label { span.hidden { (words.trace_text()) } input name="of" value=(text) placeholder=(words.trace_text()) required autocomplete="off"; }
            button { (words.show()) }
        }
    }
}

/// Where it begins, its runs, their requests with what became of them: nested lists that the style draws as a graph.
fn graph(words: Words, kind: &str, text: &str, trace: &look::Trace) -> Markup {
    html! {
        section aria-labelledby="graph" {
            h2 id="graph" { (words.trace_graph()) }
            div.graph {
                div.node { (connection(words, kind, text)) }
                ul {
                    @for run in &trace.runs {
                        li {
                            div.node { (run_link(&run.facts.id)) " " span.badge data-state=(run.state.status().as_str()) { (words.run_status(run.state.status())) } }
                            ul {
                                @for request in trace.requests.iter().filter(|request| request.facts.run == run.facts.id) {
                                    li { div.node {
                                        (request_link(request.facts.id, &errand(words, request.facts.tool.as_str(), request.facts.action.as_str()))) " "
                                        (badge(words, request.state.name()))
                                    } (effects(words, request)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What a request did, or may have done: the targets of its steps.
fn effects(words: Words, request: &ActionRequest) -> Markup {
    let reached = match request.state.name() {
        StateName::Applied | StateName::Applying | StateName::Unknown => true,
        StateName::Requested
        | StateName::Approved
        | StateName::Answered
        | StateName::Denied
        | StateName::Expired
        | StateName::Cancelled
        | StateName::Failed => false,
    };
    let plan = Plan::from_json(&request.proposal.plan).ok().filter(|plan| reached && !plan.steps.is_empty());
    html! {
        @if let Some(plan) = plan {
            ul { @for step in &plan.steps { li { div.node { (step_kind(words, &step.kind)) " " code { (visible(&step.target)) } } } } }
        }
    }
}

fn list(words: Words, trace: &look::Trace, reads_record: bool) -> Markup {
    html! {
        section aria-labelledby="happened" {
            h2 id="happened" { (words.what_happened()) }
            p.small { (words.count(trace.runs.len(), Count::Runs)) ", " (words.count(trace.requests.len(), Count::Requests)) }
            ol.events {
                @for event in &trace.events {
                    li id={ "e-" (event.event_id) } {
                        @if reads_record { a href={ "/audit/" (event.event_id) } { (time(event.at.0)) } } @else { (time(event.at.0)) }
                        " " (words.event_named(&event.event_type))
                        @if let Some(request) = event.request_id.as_deref().and_then(|id| id.parse().ok()) { " · " (request_link(request, words.request())) }
                        " " span.small { (words.decided_by(words.actor(&event.actor_id))) }
                        @if let Some(receipts) = event.detail.get("receipts") { details { summary { (words.step_receipt()) } pre { (visible_document(receipts)) } } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_it_is_of() {
        for (address, meant) in [
            ("https://github.com/acme/shop/issues/17", Some(("issue", "acme/shop#17"))),
            ("https://git.example.org/acme/shop/pull/4/files?w=1#r2", Some(("pr", "acme/shop#4"))),
            ("https://github.com/acme/shop/issues", None),
            ("https://github.com/acme/shop/tree/main", None),
            ("acme/shop#17", None),
        ] {
            assert_eq!(pasted(address), meant.map(|(kind, of)| (kind, of.to_owned())), "{address}");
        }
    }

    #[test]
    fn else_what_was_chosen_counts() {
        let run = |of| meant(Some("run".to_owned()), of);
        assert_eq!(run(" run-1 "), Some(("run", "run-1".to_owned())));
        assert_eq!(run("https://github.com/acme/shop/issues/17"), Some(("issue", "acme/shop#17".to_owned())));
        assert_eq!(meant(Some("nonsense".to_owned()), "x"), None);
    }
}
