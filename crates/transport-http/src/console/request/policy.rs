//! Why somebody is asked: the rule that applies, and what made it stricter.

use countersign_kernel::{Fault as _, Kind};
use countersign_policy::{Cell, Explanation, RuleRef};
use countersign_usecases::policy_text::explain_policy;
use maud::{Markup, html};

use super::Shown;
use crate::api::{Answer, Problem};
use crate::console::parts::worded;

impl Shown<'_> {
    /// What the policy of this moment says of the call. Without a policy there is nothing to explain.
    pub(super) async fn why(&self) -> Answer<Markup> {
        let (facts, run) = (&self.request().facts, &self.view.snapshot.run.facts);
        let cell = Cell {
            project: facts.project.clone(),
            agent_key: facts.agent_key.clone(),
            run_label: run.run_label.clone(),
            runtime_mode: run.runtime_mode,
            tool: facts.tool.clone(),
            action: facts.action.clone(),
            environment: facts.environment.clone(),
        };
        match explain_policy(self.api.services(), &cell).await {
            Ok(explained) => Ok(self.explained(&explained)),
            Err(error) if error.kind() == Kind::Denied => Ok(html! {}),
            Err(error) => Err(Problem::of(&error)),
        }
    }

    fn explained(&self, explained: &Explanation) -> Markup {
        let words = self.words;
        let changed = explained.policy != self.request().proposal.policy_digest;
        html! {
            section aria-labelledby="why" {
                h2 id="why" { (words.why_asked()) }
                @if changed { p.notice { (words.policy_has_changed()) } }
                @if let Some(base) = &explained.base {
                    p {
                        (words.by_grant()) ": "
                        @match &base.rule {
                            RuleRef::Grant(id) => { (rule(words.grant(), &id.to_string())) }
                            RuleRef::Defaults => { (words.rule_defaults()) }
                            RuleRef::ToolDefault => { (words.rule_tool_default()) }
                        }
                        @if let Some(line) = base.line { " (" (words.rule_line(line)) ")" }
                    }
                }
                @if explained.guards.is_empty() { p { (words.no_guards()) } } @else {
                    p { (words.by_guards()) ":" }
                    ul {
                        @for guard in &explained.guards {
                            li {
                                (rule(words.guard(), &guard.id.to_string())) " (" (words.rule_line(guard.line)) ")"
                                @if let Some(approval) = &guard.approval { ", " code { (approval.as_str()) } }
                                @if let Some(quorum) = guard.quorum { ", " (words.needs(quorum)) }
                                @if let Some(span) = guard.decide_within { ", " (words.within(words.span(span))) }
                            }
                        }
                    }
                }
                @if !explained.losers.is_empty() {
                    details {
                        summary { (words.other_rules()) }
                        ul { @for loser in &explained.losers { li { (rule(words.rule_kind(loser.kind), &loser.id.to_string())) ": " (worded(&words.lost(&loser.why))) } } }
                    }
                }
            }
        }
    }
}

fn rule(kind: &str, id: &str) -> Markup {
    html! { span.kind { (kind) } " " code { (id) } }
}
