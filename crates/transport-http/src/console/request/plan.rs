//! What would be done: facts, steps, and what has changed since it was approved before.

use countersign_kernel::visible;
use countersign_mcp_tools::ControlTool;
use maud::{Markup, html};

use super::Shown;
use crate::console::parts::{fact, step_kind, time, untrusted, worded};

impl Shown<'_> {
    fn tool(&self) -> Option<&dyn ControlTool> {
        self.api.services().tools().find(&self.request().facts.tool).map(|tool| &**tool)
    }

    fn facts(&self, facts: &[countersign_mcp_tools::Fact]) -> Markup {
        let sentence = |stated| worded(&visible(&fact(stated, self.tool(), self.words)));
        html! { ul { @for stated in facts { li { (sentence(stated)) } } } }
    }

    /// Why it is asked again.
    pub(super) fn drift(&self) -> Markup {
        let words = self.words;
        html! {
            @if let Some(drift) = &self.view.drift {
                section.drift aria-labelledby="drift" {
                    h2 id="drift" { (words.changed_since()) }
                    p.small { (time(drift.noticed_at)) }
                    div.before-after {
                        @if !drift.changes.gone.is_empty() { div.before { h3 { (words.not_any_more()) } (self.facts(&drift.changes.gone)) } }
                        @if !drift.changes.new.is_empty() { div.after { h3 { (words.now_so()) } (self.facts(&drift.changes.new)) } }
                    }
                    @if !drift.changes.parts.is_empty() {
                        ul { @for part in &drift.changes.parts { li { (worded(&visible(&part.word(words.0)))) } } }
                    }
                }
            }
        }
    }

    /// What will change, as facts and as steps.
    pub(super) fn plan(&self) -> Markup {
        let (words, plan) = (self.words, &self.view.plan);
        html! {
            section aria-labelledby="plan" {
                h2 id="plan" { (words.what_will_happen()) }
                (self.facts(&plan.facts))
                @if plan.steps.is_empty() { p { (words.no_steps()) } } @else {
                    div.scroll tabindex="0" role="region" aria-label=(words.steps()) {
                        table {
                            thead { tr { th scope="col" { "№" } th scope="col" { (words.step_kind()) } th scope="col" { (words.step_target()) } th scope="col" { (words.step_back()) } } }
                            tbody {
                                @for step in &plan.steps {
                                    tr {
                                        td { (step.number) }
                                        td { (step_kind(words, &step.kind)) }
                                        td { code { (visible(&step.target)) } }
                                        td { (words.reversibility(step.reversibility)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The question, as it is put.
    pub(super) fn asked(&self) -> Markup {
        let words = self.words;
        html! {
            @if let Some(context) = self.view.call.question.as_ref().and_then(|asked| asked.context.as_ref()) {
                section.agent aria-labelledby="context" {
                    h2 id="context" { (words.context()) }
                    blockquote { (untrusted(context.as_str())) }
                }
            }
        }
    }
}
