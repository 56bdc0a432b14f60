//! Who looks at a page, in which language and theme.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use countersign_kernel::Language;
use countersign_usecases::Identity;
use countersign_usecases::access::{Access, BearerIdentity, Operation, Role};
use maud::{Markup, html};

use super::words::Words;
use crate::api::{Api, Problem, Staff};
use crate::cookie;
use crate::sign_in::SignedIn;

/// The cookie that holds the chosen language.
pub(super) const LANGUAGE: &str = "countersign-language";
/// The cookie that holds the chosen theme.
pub(super) const THEME: &str = "countersign-theme";
/// The cookie that holds whether single keys do something.
pub(super) const KEYS: &str = "countersign-keys";

/// How light a page is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the system has it.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    pub(super) const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }
}

/// Whether single keys do something. Whoever speaks to their machine, or presses keys by chance, has them off (WCAG 2.1.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Keys {
    /// They do.
    #[default]
    On,
    /// They don't.
    Off,
}

impl Keys {
    pub(super) const ALL: [Self; 2] = [Self::On, Self::Off];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|keys| keys.as_str() == text)
    }
}

/// How pages are to be shown, whoever looks at them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(super) words: Words,
    pub(super) theme: Theme,
    pub(super) keys: Keys,
}

impl Look {
    /// As the visitor has chosen, or as their browser says.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let chosen = cookie::values(headers, LANGUAGE).next().and_then(|tag| tag.parse().ok());
        let language = chosen.or_else(|| accepted(headers)).unwrap_or_default();
        Self {
            words: Words(language),
            theme: cookie::values(headers, THEME).next().and_then(Theme::parse).unwrap_or_default(),
            keys: cookie::values(headers, KEYS).next().and_then(Keys::parse).unwrap_or_default(),
        }
    }
}

/// Somebody the gate has let in, looking at a page.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    staff: Staff,
    signed_in: Option<SignedIn>,
    /// Whether nobody has to prove anything here, which every page says.
    pub(super) development: bool,
    pub(super) look: Look,
    /// Where the page they look at is to be had, with its query.
    pub(super) address: String,
}

impl Visitor {
    pub(super) fn words(&self) -> Words {
        self.look.words
    }

    pub(super) fn bearer(&self) -> &BearerIdentity {
        self.staff.bearer()
    }

    pub(super) fn identity(&self) -> &Identity {
        self.staff.identity()
    }

    /// What proves that a form was made by a page of ours. A bearer token needs none: no browser sends it by itself.
    pub(super) fn csrf_field(&self) -> Markup {
        self.signed_in.as_ref().map_or_else(|| html! {}, SignedIn::csrf_field)
    }

    /// What they are called.
    pub(super) fn name(&self) -> String {
        match &self.signed_in {
            Some(signed_in) => signed_in.person().display_name.to_string(),
            None => self.identity().principal.to_string(),
        }
    }

    /// Whether they have a session, which has a page of its own.
    pub(super) fn has_session(&self) -> bool {
        self.signed_in.is_some()
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.bearer().roles.contains(&role)
    }

    /// Whether they may read the record.
    pub(super) fn reads_record(&self) -> bool {
        match Operation::ListEvents.access() {
            Access::AnyOf(roles) => roles.iter().any(|role| self.has(*role)),
            Access::Public => true,
            Access::Run { .. } => false,
        }
    }

    /// The same person, looking at a page that is to be had there: what a command answers with has no address of its own.
    pub(super) fn at(&self, address: String) -> Self {
        Self { address, ..self.clone() }
    }
}

impl FromRequestParts<Api> for Visitor {
    type Rejection = Box<Problem>;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Self::Rejection> {
        let staff = Staff::from_request_parts(parts, api).await?;
        let address = parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
        let signed_in = parts.extensions.get::<SignedIn>().cloned();
        let development = api.browsers().are_developers();
        Ok(Self { staff, signed_in, development, look: Look::of(&parts.headers), address })
    }
}

/// The first language of `Accept-Language` that there is; weights are rare and left aside, browsers list what they like best first.
fn accepted(headers: &HeaderMap) -> Option<Language> {
    let ranges = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?.split(',');
    let tags =
        ranges.map(|range| range.split([';', '-']).next().unwrap_or_default().trim().to_ascii_lowercase());
    tags.filter_map(|tag| tag.parse().ok()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(headers: &[(header::HeaderName, &str)]) -> Look {
        Look::of(&headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect())
    }

    #[test]
    fn the_language_is_the_chosen_one_or_the_browsers() {
        let of = |headers: &[_]| look(headers).words.0;
        assert_eq!(of(&[]), Language::English);
        assert_eq!(of(&[(header::ACCEPT_LANGUAGE, "de-CH, ru-RU;q=0.9, en;q=0.8")]), Language::Russian);
        assert_eq!(
            of(&[(header::ACCEPT_LANGUAGE, "ru"), (header::COOKIE, "a=b; countersign-language=en")]),
            Language::English
        );
        assert_eq!(of(&[(header::COOKIE, "countersign-language=xx")]), Language::English);
        assert_eq!(look(&[(header::COOKIE, "countersign-theme=dark; x")]).theme, Theme::Dark);
        assert_eq!(look(&[(header::COOKIE, "countersign-theme=pink")]).theme, Theme::Auto);
        assert_eq!(look(&[]).keys, Keys::On);
        assert_eq!(look(&[(header::COOKIE, "countersign-keys=off")]).keys, Keys::Off);
    }
}
