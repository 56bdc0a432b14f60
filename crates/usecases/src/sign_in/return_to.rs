//! Where a browser goes after a sign-in: a path of this very site, and nothing else.

use std::fmt;

/// The most characters of a path.
const AT_MOST: usize = 1024;

/// A path with its query on our own site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// The front page.
    pub fn front() -> Self {
        Self("/".to_owned())
    }

    /// The path that was asked for, or the front page when it is none of ours.
    ///
    /// Browsers read `//host`, `/\host` and paths with tabs or line ends in them as addresses of other sites. The pages of the sign-in
    /// itself are no places to come back to.
    pub fn of(asked: Option<&str>) -> Self {
        match asked {
            Some(path) if is_ours(path) => Self(path.to_owned()),
            Some(_) | None => Self::front(),
        }
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_ours(path: &str) -> bool {
    let graphic = path.len() <= AT_MOST && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let of_the_sign_in = path == "/sign-out" || path == "/sign-in" || path.starts_with("/sign-in/");
    let of_the_sign_in = of_the_sign_in || path.starts_with("/sign-in?");
    graphic && path.starts_with('/') && !path.starts_with("//") && !of_the_sign_in
}

impl fmt::Display for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_this_site_are_taken() {
        for path in
            ["/", "/approvals", "/approvals/1?tab=votes#top", "/a//b", "/sign-ins", "/%2F%2Fevil.example"]
        {
            assert_eq!(ReturnTo::of(Some(path)).as_str(), path);
        }
    }

    #[test]
    fn everything_else_is_the_front_page() {
        let others = [
            "",
            "approvals",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x=y",
            "/\u{2044}evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "/sign-in",
            "/sign-in?return_to=/",
            "/sign-in/callback",
            "/sign-out",
        ];
        for other in others {
            assert_eq!(ReturnTo::of(Some(other)), ReturnTo::front(), "{other:?}");
        }
        assert_eq!(ReturnTo::of(Some(&format!("/{}", "a".repeat(AT_MOST)))), ReturnTo::front());
        assert_eq!(ReturnTo::of(None), ReturnTo::front());
    }
}
