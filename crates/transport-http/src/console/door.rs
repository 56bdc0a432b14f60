//! Pages around signing in: whom to be where nobody has to prove it, one's own session, and after it.

use axum::http::StatusCode;
use axum::response::Response;
use countersign_usecases::sign_in::{Person, Secret};
use maud::{Markup, html};

use super::layout::{self, Outside, Page, Section};
use super::parts::pair;
use super::visitor::{Look, Visitor};
use super::words::Words;
use crate::sign_in::{SIGN_IN, SignedIn};

/// Whom to be. The page says loudly that nobody proves it.
pub(crate) fn choice(look: Look, state: &Secret, people: &[Person]) -> Response {
    let words = look.words;
    let body = html! {
        p.banner role="alert" { (words.development()) }
        ul.plain.people {
            @for person in people {
                li {
                    form method="post" action="/sign-in/development" {
                        input type="hidden" name="state" value=(state.expose());
                        button name="principal" value=(person.identity.principal) { (person.display_name) }
                        " " code { (person.identity.principal) } " " (roles(words, person))
                    }
                }
            }
        }
    };
    layout::outside_page(StatusCode::OK, &Outside { look, title: words.sign_in(), body })
}

/// After signing out.
pub(crate) fn signed_out(look: Look) -> Response {
    let words = look.words;
    let body = html! {
        p.lead { (words.signed_out_about()) }
        p { a.button href=(SIGN_IN) { (words.sign_in()) } }
    };
    layout::outside_page(StatusCode::OK, &Outside { look, title: words.signed_out(), body })
}

/// Who one is, and the ways out.
pub(crate) fn account(visitor: &Visitor, signed_in: &SignedIn) -> Response {
    let (words, person) = (visitor.words(), signed_in.person());
    let body = html! {
        dl.facts {
            (pair(words.own_name(), &html! { (person.display_name) }))
            (pair(words.principal(), &html! { code { (person.identity.principal) } }))
            (pair(words.roles(), &roles(words, person)))
            (pair(words.groups(), &html! { @for group in &person.identity.groups { code { (group) } " " } }))
        }
        form method="post" action="/sign-out" {
            (signed_in.csrf_field())
            p.buttons {
                button { (words.sign_out()) }
                button.quiet name="everywhere" value="yes" { (words.sign_out_everywhere()) }
            }
        }
    };
    let title = words.own_session().to_owned();
    layout::page(&Page { visitor, section: Section::Account, title, follows: None, body })
}

fn roles(words: Words, person: &Person) -> Markup {
    html! { span.tags { @for role in &person.roles { span.tag { (words.role(*role)) } } } }
}
