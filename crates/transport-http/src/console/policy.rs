//! `/policy`: the active text.

use axum::extract::State;
use axum::response::Response;
use countersign_kernel::{Fault as _, Kind, visible};
use countersign_usecases::policy_text::active_text;
use maud::{Markup, html};

use super::layout::{self, Page, Section};
use super::parts::time;
use super::visitor::Visitor;
use crate::api::{Answer, Api, Fields, Problem, Sent, stream_place};

pub(super) async fn show(State(api): State<Api>, visitor: Visitor, sent: Sent) -> Answer<Response> {
    Fields::of_page(sent, &[]).finish(Some(()))?;
    let follows = Some(stream_place(&api).await?);
    let words = visitor.words();
    let body: Markup = match active_text(api.services()).await {
        Ok(text) => html! {
            h2 { (words.policy_active()) }
            p { (words.policy_number(text.stamp.number)) " · " (time(text.activated_at)) " · " code { (text.stamp.digest) } }
            pre.policy tabindex="0" aria-label=(words.policy_active()) { (visible(&text.text)) }
        },
        Err(error) if error.kind() == Kind::Denied => html! { div.empty { p.lead { (words.no_policy()) } } },
        Err(error) => return Err(Problem::of(&error)),
    };
    let title = words.policy().to_owned();
    Ok(layout::page(&Page {
        visitor: &visitor,
        section: Section::Policy,
        title,
        follows,
        body: html! { div data-live="policy" { (body) } },
    }))
}
