//! The forms with which a person decides, answers, withdraws or settles. Each carries the digest of what is shown.

use countersign_approvals::{Choice, State};
use countersign_mcp_tools::Question;
use countersign_usecases::access::Role;
use maud::{Markup, html};

use super::Shown;
use super::dictation::Field;
use crate::console::parts::untrusted;
use crate::console::words::Words;

/// What a person is told after their own command.
pub(super) fn done(words: Words, what: &str) -> Option<&'static str> {
    match what {
        "approved" => Some(words.done_approved()),
        "denied" => Some(words.done_denied()),
        "answered" => Some(words.done_answered()),
        "withdrawn" => Some(words.done_withdrawn()),
        "settled" => Some(words.done_settled()),
        _ => None,
    }
}

impl Shown<'_> {
    /// What the one who looks may do now.
    pub(super) fn decision(&self) -> Markup {
        let words = self.words;
        let standing = &self.view.standing;
        let waits = matches!(self.request().state, State::Requested { .. });
        html! {
            @if let Some(own) = standing.own_vote {
                p.notice { (match own { Choice::Approve => words.you_decided_approve(), Choice::Deny => words.you_decided_deny() }) }
            }
            @if waits {
                section.decide id="decide" aria-labelledby="decide-title" {
                    h2 id="decide-title" { (if self.is_question() { words.your_answer() } else { words.decide() }) }
                    @match (standing.why_not, &self.view.call.question) {
                        (Some(code), _) => { p { (words.code(code).unwrap_or(code)) } }
                        (None, Some(question)) => { (self.answer_form(question)) }
                        (None, None) => { (self.decide_form()) }
                    }
                }
            }
            (self.settle_form())
            (self.typed())
            (self.withdraw_form())
        }
    }

    /// What they had typed, where no form is left that could hold it: somebody else was faster, and the words are still theirs.
    fn typed(&self) -> Markup {
        let decides =
            matches!(self.request().state, State::Requested { .. }) && self.view.standing.why_not.is_none();
        let text = [&self.draft.reason, &self.draft.custom_text].into_iter().find(|text| !text.is_empty());
        html! {
            @if let Some(text) = text.filter(|_| !decides && !self.settles()) {
                section {
                    label for="typed" { (self.words.had_typed()) }
                    textarea id="typed" rows="3" readonly { (text) }
                }
            }
        }
    }

    fn address(&self, command: &str) -> String {
        format!("/requests/{}/{command}", self.request().facts.id)
    }

    /// What was seen, and that a page of ours made the form.
    fn seen(&self) -> Markup {
        html! {
            input type="hidden" name="seen_digest" value=(self.request().proposal.plan_digest);
            (self.visitor.csrf_field())
        }
    }

    fn reason_field(&self) -> Markup {
        let words = self.words;
        html! {
            label for="reason" { (words.reason()) }
            p.small id="reason-about" { (words.reason_about()) }
            textarea id="reason" name="reason" rows="3" maxlength="1000" aria-describedby="reason-about" { (self.draft.reason) }
            (self.dictation(&Field { id: "reason", command: "decision", place: "approvals" }))
        }
    }

    fn decide_form(&self) -> Markup {
        let words = self.words;
        html! {
            form method="post" action=(self.address("decision")) data-keep {
                (self.seen())
                (self.reason_field())
                p.buttons {
                    button.approve name="decision" value="approve" data-key="a" { (words.approve()) }
                    button.deny name="decision" value="deny" data-key="d" { (words.deny()) }
                }
            }
        }
    }

    fn answer_form(&self, question: &Question) -> Markup {
        let words = self.words;
        html! {
            form.options method="post" action=(self.address("answer")) {
                (self.seen())
                @for (place, option) in question.options.iter().enumerate() {
                    button name="option_index" value=(place) data-chosen[self.draft.option.is_some() && self.draft.option == u32::try_from(place).ok()] {
                        span.hidden { (words.option(place + 1)) ": " } (untrusted(option.as_str()))
                    }
                }
            }
            @if question.allow_custom {
                form method="post" action=(self.address("answer")) data-keep {
                    (self.seen())
                    input type="hidden" name="input_mode" value="text";
                    label for="custom_text" { (words.own_words()) }
                    textarea id="custom_text" name="custom_text" rows="3" maxlength="4000" required { (self.draft.custom_text) }
                    (self.dictation(&Field { id: "custom_text", command: "answer", place: "questions" }))
                    p.buttons { button data-key="a" { (words.send_answer()) } }
                }
            }
            form method="post" action=(self.address("decision")) {
                (self.seen())
                p.buttons { button.quiet name="decision" value="deny" data-key="d" { (words.decline()) } }
            }
        }
    }

    fn settles(&self) -> bool {
        matches!(self.request().state, State::Unknown { .. }) && self.visitor.has(Role::Operator)
    }

    /// For operators: what came of an effect nobody could find out about.
    fn settle_form(&self) -> Markup {
        let words = self.words;
        html! {
            @if self.settles() {
                section.decide aria-labelledby="settle" {
                    h2 id="settle" { (words.settle()) }
                    p { (words.settle_about()) }
                    form method="post" action=(self.address("settle")) data-keep {
                        (self.visitor.csrf_field())
                        label for="settle-reason" { (words.settle_reason()) }
                        textarea id="settle-reason" name="reason" rows="3" maxlength="1000" required { (self.draft.reason) }
                        p.buttons {
                            button name="verdict" value="applied" { (words.settle_applied()) }
                            button name="verdict" value="failed" { (words.settle_failed()) }
                        }
                    }
                }
            }
        }
    }

    fn withdraw_form(&self) -> Markup {
        let words = self.words;
        let open = matches!(self.request().state, State::Requested { .. } | State::Approved { .. });
        let may = self.visitor.has(Role::Operator) || self.view.standing.why_not.is_none();
        html! {
            @if open && may {
                details.withdraw {
                    summary { (words.withdraw()) }
                    p.small { (words.withdraw_about()) }
                    form method="post" action=(self.address("cancel")) {
                        (self.visitor.csrf_field())
                        label for="withdraw-reason" { (words.reason()) }
                        textarea id="withdraw-reason" name="reason" rows="2" maxlength="1000" {}
                        p.buttons { button.quiet { (words.withdraw()) } }
                    }
                }
            }
        }
    }
}
