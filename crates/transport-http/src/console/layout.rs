//! What all pages have in common.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use countersign_kernel::Language;
use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::visitor::{Keys, Look, Theme, Visitor};
use super::words::Words;
use crate::api::AsItIs;

/// Which of the main pages a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// What waits.
    Inbox,
    /// All requests, those that are over too.
    Requests,
    /// Numbers.
    Overview,
    /// Runs.
    Runs,
    /// Traces.
    Trace,
    /// The record.
    Audit,
    /// The policy.
    Policy,
    /// One's own session, which is not among the main pages.
    Account,
}

impl Section {
    const ALL: [Self; 7] =
        [Self::Inbox, Self::Requests, Self::Overview, Self::Runs, Self::Trace, Self::Audit, Self::Policy];

    const fn path(self) -> &'static str {
        match self {
            Self::Inbox => "/",
            Self::Requests => "/requests",
            Self::Overview => "/overview",
            Self::Runs => "/runs",
            Self::Trace => "/trace",
            Self::Audit => "/audit",
            Self::Policy => "/policy",
            Self::Account => "/account",
        }
    }

    const fn name(self, words: Words) -> &'static str {
        match self {
            Self::Inbox => words.inbox(),
            Self::Requests => words.requests(),
            Self::Overview => words.overview(),
            Self::Runs => words.runs(),
            Self::Trace => words.trace(),
            Self::Audit => words.audit(),
            Self::Policy => words.policy(),
            Self::Account => words.own_session(),
        }
    }
}

/// A page for somebody who was let in.
pub(super) struct Page<'p> {
    pub(super) visitor: &'p Visitor,
    pub(super) section: Section,
    pub(super) title: String,
    /// Where the stream begins that keeps the page up to date; none for pages that don't change.
    pub(super) follows: Option<String>,
    pub(super) body: Markup,
}

/// A page for anybody.
pub(super) struct Outside {
    pub(super) look: Look,
    pub(super) title: &'static str,
    pub(super) body: Markup,
}

/// The page, answered with 200.
pub(super) fn page(page: &Page<'_>) -> Response {
    page_with(StatusCode::OK, page)
}

/// The page, answered with this status: a refusal that shows what it is about.
pub(super) fn page_with(status: StatusCode, page: &Page<'_>) -> Response {
    let words = page.visitor.words();
    let markup = html! {
        (DOCTYPE)
        html lang=(words.0.tag()) data-theme=(page.visitor.look.theme.as_str()) {
            (head(words, &page.title))
            body data-follows=[page.follows.as_deref()] data-address=(page.visitor.address) data-keys=(page.visitor.look.keys.as_str()) data-who=(page.visitor.identity().principal) {
                a.skip href="#main" { (words.skip_to_content()) }
                header.top {
                    a.brand href="/" { "Countersign" }
                    nav aria-label=(words.main_pages()) {
                        ul {
                            @for section in Section::ALL.into_iter().filter(|section| *section != Section::Audit || page.visitor.reads_record()) {
                                li { a href=(section.path()) aria-current=[(section == page.section).then_some("page")] { (section.name(words)) } }
                            }
                        }
                    }
                    @if page.visitor.has_session() {
                        a.who href="/account" aria-current=[(page.section == Section::Account).then_some("page")] { (words.signed_in_as(page.visitor.name())) }
                    } @else { span.who { (words.signed_in_as(page.visitor.name())) } }
                }
                @if page.visitor.development { p.banner { (words.development()) } }
                main id="main" tabindex="-1" { h1 { (page.title) } (page.body) }
                (footer(page.visitor.look, &page.visitor.address))
                @if page.follows.is_some() {
                    p.live id="live" role="status" data-on=(words.live_on()) data-off=(words.live_off()) data-out=(words.live_out()) { (words.live_off()) }
                    p.hidden id="news" role="status" {}
                }
                (help(words))
            }
        }
    };
    let mut response = (status, Html(markup.into_string())).into_response();
    response.extensions_mut().insert(AsItIs);
    response
}

/// The same, answered with this status.
pub(super) fn outside_page(status: StatusCode, page: &Outside) -> Response {
    let mut response = (status, Html(outside(page).into_string())).into_response();
    response.extensions_mut().insert(AsItIs);
    response
}

/// A page for somebody who is not let in, or for whom something went wrong.
pub(super) fn outside(page: &Outside) -> Markup {
    let words = page.look.words;
    html! {
        (DOCTYPE)
        html lang=(words.0.tag()) data-theme=(page.look.theme.as_str()) {
            (head(words, page.title))
            body data-keys=(page.look.keys.as_str()) {
                header.top { a.brand href="/" { "Countersign" } }
                main id="main" { h1 { (page.title) } (page.body) }
                (footer(page.look, "/"))
            }
        }
    }
}

fn head(words: Words, title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (words.on_page(title)) }
            link rel="icon" href=(assets::ICON);
            link rel="stylesheet" href=(assets::STYLE);
            script src=(assets::SCRIPT) defer {}
        }
    }
}

fn footer(look: Look, address: &str) -> Markup {
    let words = look.words;
    html! {
        footer {
            form.settings method="post" action="/settings" {
                input type="hidden" name="return_to" value=(address);
                label { (words.language()) " "
                    select name="language" {
                        @for language in Language::ALL {
                            option value=(language.tag()) lang=(language.tag()) selected[language == words.0] { (own_name(language)) }
                        }
                    }
                }
                label { (words.theme()) " "
                    select name="theme" {
                        @for theme in Theme::ALL {
                            option value=(theme.as_str()) selected[theme == look.theme] { (theme_name(words, theme)) }
                        }
                    }
                }
                label { (words.keys()) " "
                    select name="keys" {
                        @for keys in Keys::ALL {
                            option value=(keys.as_str()) selected[keys == look.keys] { (keys_name(words, keys)) }
                        }
                    }
                }
                button.quiet { (words.apply()) }
                button.quiet id="show-keys" type="button" hidden { (words.key_list()) }
            }
        }
    }
}

const fn own_name(language: Language) -> &'static str {
    match language {
        Language::English => "English",
        Language::Russian => "Русский",
    }
}

const fn theme_name(words: Words, theme: Theme) -> &'static str {
    match theme {
        Theme::Auto => words.theme_auto(),
        Theme::Light => words.theme_light(),
        Theme::Dark => words.theme_dark(),
    }
}

const fn keys_name(words: Words, keys: Keys) -> &'static str {
    match keys {
        Keys::On => words.keys_on(),
        Keys::Off => words.keys_off(),
    }
}

/// The keys, shown by the script when somebody asks for them.
fn help(words: Words) -> Markup {
    let keys = [
        ("j", words.key_down()),
        ("k", words.key_up()),
        ("Enter", words.key_open()),
        ("x", words.key_select()),
        ("a", words.key_approve()),
        ("d", words.key_deny()),
        ("g", words.key_back()),
        ("?", words.key_help()),
    ];
    html! {
        dialog id="keys" aria-labelledby="keys-title" {
            h2 id="keys-title" { (words.keys()) }
            dl { @for (key, does) in keys { dt { kbd { (key) } } dd { (does) } } }
            form method="dialog" { button.quiet { (words.close()) } }
        }
    }
}
