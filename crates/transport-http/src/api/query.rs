//! Parameters in paths, queries and headers: read field by field, so that one answer names all that is wrong.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use countersign_kernel::{ParseNameError, RedactedText, RequestId};
use countersign_usecases::paging::{self, Place as Spot};
use countersign_usecases::port::Order;
use countersign_usecases::search::{ParseSearchError, Search};

use super::Api;
use super::etag::Precondition;
use super::problem::{Answer, FieldProblem, Place, Problem, reference_token};

/// The query as it was sent.
pub(crate) struct Sent(Vec<(String, String)>);

impl FromRequestParts<Api> for Sent {
    type Rejection = Box<Problem>;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Self::Rejection> {
        let read = Query::<Vec<(String, String)>>::from_request_parts(parts, api).await;
        read.map(|Query(pairs)| Self(pairs)).map_err(|_| {
            Problem::refuse(
                "malformed_request",
                axum::http::StatusCode::BAD_REQUEST,
                "the query can't be read",
            )
        })
    }
}

pub(crate) const CURSOR_RULE: &str = "must be a `next_cursor` of this very list and filter";

/// Parameters under examination, with all that is wrong so far.
#[derive(Default)]
pub(crate) struct Fields {
    pairs: Vec<(String, String)>,
    wrong: Vec<FieldProblem>,
}

impl Sent {
    /// All values of a parameter that may come several times.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.clone()).collect()
    }
}

impl Fields {
    /// The same for a page: forms of browsers send fields that nobody has filled in, which say nothing.
    pub(crate) fn of_page(sent: Sent, once: &[&str]) -> Self {
        Self::of_page_with(sent, once, &[])
    }

    /// The same, some of whose parameters may come several times.
    pub(crate) fn of_page_with(mut sent: Sent, once: &[&str], many: &[&str]) -> Self {
        sent.0.retain(|(_, value)| !value.is_empty());
        Self::of(sent, once, many)
    }

    /// Adds a parameter: a form with a choice of what a text means says it by two others.
    pub(crate) fn put(&mut self, name: &str, value: String) {
        self.pairs.push((name.to_owned(), value));
    }

    /// Begins with a query of which these parameters are known; those in `many` may come several times.
    pub(crate) fn of(sent: Sent, once: &[&str], many: &[&str]) -> Self {
        let mut fields = Self { pairs: sent.0, wrong: Vec::new() };
        let mut seen: Vec<String> = Vec::new();
        for (name, _) in fields.pairs.clone() {
            if many.contains(&name.as_str()) {
                continue;
            }
            if !once.contains(&name.as_str()) {
                let known = [once, many].concat().join("`, `");
                let rule = if known.is_empty() {
                    "no parameter is known".to_owned()
                } else {
                    format!("is not known; known are `{known}`")
                };
                fields.violate(Place::Query, &shown(&name), rule);
            } else if seen.contains(&name) {
                fields.violate(Place::Query, &name, "is given more than once");
            }
            seen.push(name);
        }
        fields
    }

    /// The text of a parameter that is given.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone())
    }

    /// A patterned name that may be absent.
    pub(crate) fn name<T: FromStr<Err = ParseNameError>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        let parsed = text.parse::<T>();
        parsed
            .map_err(|error| {
                self.violate_with(Place::Query, name, format!("must be {}", error.expected()), &text)
            })
            .ok()
    }

    /// Words to search for. The text is not repeated when it is none: it may be anything.
    pub(crate) fn search(&mut self, name: &str) -> Option<Search> {
        let parsed = self.text(name)?.parse();
        parsed.map_err(|error: ParseSearchError| self.violate(Place::Query, name, error.to_string())).ok()
    }

    /// The id of a request, where one may be absent.
    pub(crate) fn request(&mut self, name: &str) -> Option<RequestId> {
        let text = self.text(name)?;
        self.parse_request(Place::Query, name, &text)
    }

    /// The id of a request in the path.
    pub(crate) fn request_in_path(&mut self, text: &str) -> Option<RequestId> {
        self.parse_request(Place::Path, "id", text)
    }

    /// A patterned name in the path.
    pub(crate) fn name_in_path<T: FromStr<Err = ParseNameError>>(&mut self, text: &str) -> Option<T> {
        let parsed = text.parse::<T>();
        parsed
            .map_err(|error| {
                self.violate_with(Place::Path, "id", format!("must be {}", error.expected()), text)
            })
            .ok()
    }

    fn parse_request(&mut self, place: Place, name: &str, text: &str) -> Option<RequestId> {
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.violate(place, name, "must be a UUID in its hyphenated form");
        }
        parsed
    }

    /// Each value of a parameter that may come several times, of these spellings.
    pub(crate) fn choices<T: Copy + Ord>(
        &mut self,
        name: &str,
        all: &[T],
        spelling: fn(T) -> &'static str,
    ) -> Vec<T> {
        let given: Vec<String> =
            self.pairs.iter().filter(|(n, _)| n == name).map(|(_, value)| value.clone()).collect();
        let mut chosen = Vec::new();
        for text in given {
            match all.iter().find(|choice| spelling(**choice) == text) {
                Some(choice) => chosen.push(*choice),
                None => {
                    let spellings: Vec<_> =
                        all.iter().map(|choice| format!("`{}`", spelling(*choice))).collect();
                    self.violate_with(
                        Place::Query,
                        name,
                        format!("must be one of {}", spellings.join(", ")),
                        &text,
                    );
                }
            }
        }
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }

    /// Which end of the list comes first: `default` when nothing is said.
    pub(crate) fn order(&mut self, default: Order) -> Order {
        self.choices("order", &Order::ALL, Order::as_str).first().copied().unwrap_or(default)
    }

    /// How many the page has at most: `default` when nothing is said.
    pub(crate) fn limit(&mut self, default: u32, most: u32) -> u32 {
        let Some(text) = self.text("limit") else { return default };
        match text.parse() {
            Ok(limit) if (1..=most).contains(&limit) => limit,
            Ok(_) | Err(_) => {
                self.violate_with(
                    Place::Query,
                    "limit",
                    format!("must be a whole number from 1 to {most}"),
                    &text,
                );
                default
            }
        }
    }

    /// Where the list that `scope` names goes on.
    pub(crate) fn cursor<P: Spot>(&mut self, scope: &str) -> Option<P> {
        let text = self.text("cursor")?;
        let place = paging::read_token(scope, &text);
        if place.is_none() {
            self.violate(Place::Query, "cursor", CURSOR_RULE);
        }
        place
    }

    /// The request of the path, and what `If-Match` insists on about it.
    pub(super) fn aim(&mut self, id: &str, headers: &HeaderMap) -> Option<(RequestId, Precondition)> {
        let precondition = Precondition::of(headers);
        if precondition.is_none() {
            self.violate(
                Place::Header,
                "If-Match",
                "must be the `ETag` of this request, a list of such, or `*`",
            );
        }
        Some((self.request_in_path(id)?, precondition?))
    }

    /// Adds a violation without repeating the value.
    pub(crate) fn violate(&mut self, place: Place, name: &str, rule: impl Into<String>) {
        self.wrong.push(wrong(place, name, rule));
    }

    fn violate_with(&mut self, place: Place, name: &str, rule: String, value: &str) {
        self.violate(place, name, rule);
        if let Some(last) = self.wrong.last_mut() {
            last.value = Some(shown(value));
        }
    }

    /// What was read, or everything that is wrong. `value` may be absent only when something has been found wrong.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Answer<T> {
        match value {
            Some(value) if self.wrong.is_empty() => Ok(value),
            Some(_) | None => Err(Problem::invalid(self.wrong)),
        }
    }

    /// The same together with what was read of a body.
    pub(crate) fn finish_with<T, B>(mut self, value: Option<T>, body: Answer<B>) -> Answer<(T, B)> {
        match (value, body) {
            (Some(value), Ok(body)) if self.wrong.is_empty() => Ok((value, body)),
            (_, Ok(_)) => Err(Problem::invalid(self.wrong)),
            (_, Err(problem)) => {
                self.wrong.extend(problem.fields());
                Err(Problem::invalid(self.wrong))
            }
        }
    }
}

/// The cursor has the form of one of this list, and the store knows it didn't give it out.
pub(crate) fn foreign_cursor() -> Box<Problem> {
    Problem::invalid(vec![wrong(Place::Query, "cursor", CURSOR_RULE)])
}

fn wrong(place: Place, name: &str, rule: impl Into<String>) -> FieldProblem {
    FieldProblem { r#in: place, pointer: reference_token(name), detail: rule.into(), value: None }
}

/// A value a caller may have mistaken for something else: short, and without what looks like a credential.
fn shown(text: &str) -> String {
    let redacted = RedactedText::parse(text, 0, usize::MAX).map(|text| text.to_string()).unwrap_or_default();
    redacted.chars().take(64).collect()
}
