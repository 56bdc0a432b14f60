//! Small pages: the choice of the development login, and why a sign-in came to nothing. No script, and the style in a file of its own.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_usecases::sign_in::{Person, Secret};
use maud::{DOCTYPE, Markup, html};

use super::SignedIn;
use super::routes::STYLE_PATH;
use crate::api::AsItIs;

/// A page, which is sent as it is whatever its status.
pub(crate) struct Page {
    /// The status.
    pub(crate) status: StatusCode,
    /// The whole document.
    pub(crate) document: Markup,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        let mut response = (self.status, kind, self.document.into_string()).into_response();
        response.extensions_mut().insert(AsItIs);
        response
    }
}

fn page(status: StatusCode, title: &str, body: Markup) -> Page {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Countersign" }
                link rel="stylesheet" href=(STYLE_PATH);
            }
            body { main { h1 { (title) } (body) } }
        }
    };
    Page { status, document }
}

/// What is shown wherever a development login is in use.
pub(crate) fn development_banner() -> Markup {
    html! {
        p class="banner" role="alert" {
            strong { "Development login." }
            " Nobody proves who they are here. Never use it for anything that matters."
        }
    }
}

/// Why a sign-in came to nothing.
pub(super) fn failed(status: StatusCode, code: &str, detail: &str) -> Page {
    page(
        status,
        "You are not signed in",
        html! {
            p { (detail) }
            p { a href=(super::SIGN_IN) { "Sign in" } }
            p class="code" { "Code: " code { (code) } }
        },
    )
}

/// After signing out.
pub(super) fn signed_out() -> Page {
    page(
        StatusCode::OK,
        "You are signed out",
        html! {
            p { "The provider of identities may still know you: sign out there as well on a machine that others use." }
            p { a href=(super::SIGN_IN) { "Sign in" } }
        },
    )
}

/// Whom to be.
pub(super) fn choice(state: &Secret, people: &[Person]) -> Page {
    page(
        StatusCode::OK,
        "Sign in",
        html! {
            (development_banner())
            ul {
                @for person in people {
                    li {
                        form method="post" action="/sign-in/development" {
                            input type="hidden" name="state" value=(state.expose());
                            button name="principal" value=(person.identity.principal) { (person.display_name) }
                            " "
                            code { (person.identity.principal) }
                            " "
                            @for role in &person.roles { span class="role" { (role.as_str()) } " " }
                        }
                    }
                }
            }
        },
    )
}

/// Who one is, and the ways out.
pub(super) fn account(signed_in: &SignedIn, development: bool) -> Page {
    let person = signed_in.person();
    page(
        StatusCode::OK,
        "Your session",
        html! {
            @if development { (development_banner()) }
            dl {
                dt { "Name" } dd { (person.display_name) }
                dt { "Principal" } dd { code { (person.identity.principal) } }
                dt { "Roles" } dd { @for role in &person.roles { span class="role" { (role.as_str()) } " " } }
                dt { "Groups" } dd { @for group in &person.identity.groups { code { (group) } " " } }
            }
            form method="post" action="/sign-out" {
                (signed_in.csrf_field())
                button { "Sign out" }
                " "
                button name="everywhere" value="yes" { "Sign out everywhere" }
            }
        },
    )
}
