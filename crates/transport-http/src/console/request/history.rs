//! Who decided what, how far the steps came, and what happened.

use countersign_approvals::Vote;
use countersign_kernel::{visible, visible_document};
use maud::{Markup, html};

use super::Shown;
use crate::api::{Answer, unreadable};
use crate::console::parts::{address, request_link, step_kind, time, untrusted};

/// How far back the page looks at each target.
const BEFORE: u32 = 6;

impl Shown<'_> {
    pub(super) fn votes(&self) -> Markup {
        let (words, revision) = (self.words, self.request().revision);
        let (now, before): (Vec<_>, Vec<_>) =
            self.view.votes.iter().partition(|vote| vote.revision == revision);
        html! {
            @if !self.is_question() {
                section aria-labelledby="votes" {
                    h2 id="votes" { (words.votes()) }
                    @if now.is_empty() { p { (words.no_votes()) } } @else { ul.plain { @for vote in now { (self.vote(vote)) } } }
                    @if !before.is_empty() {
                        p.small { (words.earlier_votes()) }
                        ul.plain.void { @for vote in before { (self.vote(vote)) } }
                    }
                }
            }
        }
    }

    fn vote(&self, vote: &Vote) -> Markup {
        let (words, ballot) = (self.words, &vote.ballot);
        html! {
            li {
                strong { (words.choice(ballot.choice)) } " · " (ballot.by) " · " (time(vote.at)) " · " (words.input_mode(&ballot.input_mode))
                @if vote.as_sole_owner { " · " (words.votes_as_sole_owner()) }
                @if let Some(reason) = &ballot.reason { blockquote { (untrusted(reason.as_str())) } }
                (self.spoken(&ballot.input_mode))
            }
        }
    }

    /// The steps that were begun.
    pub(super) fn progress(&self) -> Markup {
        let (words, steps) = (self.words, &self.view.steps);
        html! {
            @if !steps.is_empty() {
                section aria-labelledby="progress" {
                    h2 id="progress" { (words.step_progress()) }
                    div.scroll tabindex="0" role="region" aria-label=(words.step_progress()) {
                        table {
                            thead { tr { th scope="col" { (words.step_target()) } th scope="col" { (words.state()) } th scope="col" { (words.when()) } th scope="col" { (words.attempts()) } th scope="col" { (words.step_receipt()) } } }
                            tbody {
                                @for step in steps {
                                    tr {
                                        td { code { (visible(&step.target)) } }
                                        td { (words.step_state(&step.state)) }
                                        td { (time(step.done_at.unwrap_or(step.intended_at).0)) }
                                        td { (step.attempts) }
                                        td { @if let Some(receipt) = &step.receipt { code.receipt { (visible_document(receipt)) } } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// What other requests did to the targets of this one.
    pub(super) async fn targets(&self) -> Answer<Markup> {
        let words = self.words;
        let (this, queries) = (self.request().facts.id.to_string(), self.api.services().queries());
        let mut told = Vec::new();
        for step in &self.view.plan.steps {
            let before = queries.list_steps_on(&step.target, BEFORE).await.map_err(unreadable)?;
            told.push((
                &step.target,
                before.into_iter().filter(|row| row.request_id != this).collect::<Vec<_>>(),
            ));
        }
        told.retain(|(_, before)| !before.is_empty());
        Ok(html! {
            @if !told.is_empty() {
                section aria-labelledby="targets" {
                    h2 id="targets" { (words.target_history()) }
                    @for (target, before) in &told {
                        h3 { code { (visible(target)) } }
                        ul {
                            @for row in before {
                                li {
                                    (time(row.done_at.unwrap_or(row.intended_at).0)) " " (step_kind(words, &row.kind)) " " (words.step_state(&row.state))
                                    @if let Ok(id) = row.request_id.parse() { " · " (request_link(id, words.request())) }
                                }
                            }
                        }
                    }
                }
            }
        })
    }

    /// What happened, in order.
    pub(super) fn history(&self) -> Markup {
        let words = self.words;
        html! {
            section aria-labelledby="history" {
                h2 id="history" { (words.what_happened()) }
                @if self.past.cut {
                    p {
                        (words.latest_events_only())
                        @if self.visitor.reads_record() {
                            " " a href=(address("/audit", &[("request", self.request().facts.id.to_string())])) { (words.all_that_happened()) }
                        }
                    }
                }
                ol.events {
                    @for event in &self.past.events {
                        li { (time(event.at.0)) " " (words.event_named(&event.event_type)) " " span.small { (words.decided_by(words.actor(&event.actor_id))) } }
                    }
                }
            }
        }
    }
}
