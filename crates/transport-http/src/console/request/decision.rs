//! The forms with which a person decides, answers, withdraws or settles. Each carries the digest of what is shown.

use countersign_approvals::{Choice, State, StateName};
use countersign_mcp_tools::Question;
use countersign_usecases::access::Role;
use maud::{Markup, html};

use super::dictation::Field;
use super::{Act, Shown};
use crate::console::parts::untrusted;

/// A field for words.
struct WordsField {
    /// What the words are for.
    act: Act,
    /// Its name in the form.
    name: &'static str,
    id: &'static str,
    rows: u32,
    /// The most characters.
    most: u32,
    required: bool,
    /// The id of what explains it.
    about: Option<&'static str>,
}

impl Shown<'_> {
    /// What a person is told after their own command, when that is what has become of it.
    pub(super) fn done(&self, what: &str) -> Option<&'static str> {
        let (words, own) = (self.words, self.view.standing.own_vote);
        let is = |state| self.request().state.name() == state;
        match what {
            "approved" if own == Some(Choice::Approve) => Some(words.done_approved()),
            "denied" if own == Some(Choice::Deny) || is(StateName::Denied) => Some(words.done_denied()),
            "answered" if is(StateName::Answered) => Some(words.done_answered()),
            "withdrawn" if is(StateName::Cancelled) => Some(words.done_withdrawn()),
            "settled" if is(StateName::Applied) || is(StateName::Failed) => Some(words.done_settled()),
            _ => None,
        }
    }

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
        let held = match self.draft.act {
            Some(Act::Decide | Act::Answer) => self.decides(),
            Some(Act::Settle) => self.settles(),
            Some(Act::Withdraw) => self.withdraws(),
            None => true,
        };
        let text = [&self.draft.reason, &self.draft.custom_text].into_iter().find(|text| !text.is_empty());
        let text = text.filter(|_| !held);
        html! {
            // Without any, the script puts there what it has kept, where no form is left for it.
            @if text.is_some() || !(self.decides() || self.settles() || self.withdraws()) {
                section data-typed hidden[text.is_none()] {
                    label for="typed" { (self.words.had_typed()) }
                    textarea id="typed" rows="3" readonly { (text.map_or("", String::as_str)) }
                }
            }
        }
    }

    /// Whether the one who looks may decide now.
    pub(super) fn decides(&self) -> bool {
        matches!(self.request().state, State::Requested { .. }) && self.view.standing.why_not.is_none()
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

    /// A field for words, with what was typed in it and what is wrong with that.
    fn words_field(&self, field: &WordsField) -> Markup {
        let WordsField { act, name, id, rows, most, required, about } = *field;
        let typed = match (self.draft.act == Some(act), name) {
            (false, _) => "",
            (true, "custom_text") => &self.draft.custom_text,
            (true, _) => &self.draft.reason,
        };
        let wrong =
            self.draft.wrong.iter().filter(|_| self.draft.act == Some(act)).find(|(path, _)| path == name);
        let wrong_id = format!("{id}-wrong");
        let described: Vec<&str> = about.into_iter().chain(wrong.map(|_| wrong_id.as_str())).collect();
        let described = (!described.is_empty()).then(|| described.join(" "));
        html! {
            textarea id=(id) name=(name) rows=(rows) maxlength=(most) required[required] aria-describedby=[described] aria-invalid=[wrong.map(|_| "true")] { (typed) }
            @if let Some((_, rule)) = wrong { p.wrong id=(wrong_id) { (rule) } }
        }
    }

    fn reason_field(&self) -> Markup {
        let words = self.words;
        let (act, about) = (Act::Decide, Some("reason-about"));
        html! {
            label for="reason" { (words.reason()) }
            p.small id="reason-about" { (words.reason_about()) }
            (self.words_field(&WordsField { act, name: "reason", id: "reason", rows: 3, most: 1_000, required: false, about }))
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
                    (self.words_field(&WordsField { act: Act::Answer, name: "custom_text", id: "custom_text", rows: 3, most: 4_000, required: true, about: None }))
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
                        (self.words_field(&WordsField { act: Act::Settle, name: "reason", id: "settle-reason", rows: 3, most: 1_000, required: true, about: None }))
                        p.buttons {
                            button name="verdict" value="applied" { (words.settle_applied()) }
                            button name="verdict" value="failed" { (words.settle_failed()) }
                        }
                    }
                }
            }
        }
    }

    fn withdraws(&self) -> bool {
        let open = matches!(self.request().state, State::Requested { .. } | State::Approved { .. });
        open && (self.visitor.has(Role::Operator) || self.view.standing.why_not.is_none())
    }

    fn withdraw_form(&self) -> Markup {
        let words = self.words;
        html! {
            @if self.withdraws() {
                details.withdraw open[self.draft.act == Some(Act::Withdraw)] {
                    summary { (words.withdraw()) }
                    p.small { (words.withdraw_about()) }
                    form method="post" action=(self.address("cancel")) data-keep {
                        (self.visitor.csrf_field())
                        label for="withdraw-reason" { (words.reason()) }
                        (self.words_field(&WordsField { act: Act::Withdraw, name: "reason", id: "withdraw-reason", rows: 2, most: 1_000, required: false, about: None }))
                        p.buttons { button.quiet { (words.withdraw()) } }
                    }
                }
            }
        }
    }
}
