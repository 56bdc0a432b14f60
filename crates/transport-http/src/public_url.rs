//! Where browsers reach the server: the one source of every absolute address.
//!
//! What a request says of itself (`Host`, `X-Forwarded-*`) is never asked: whoever sends it may write anything.

use std::fmt;
use std::str::FromStr;

use axum::http::Uri;

/// The origin under which browsers reach the server, such as `https://countersign.example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

/// The text is no address under which browsers could reach the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no public URL: {why}")]
pub struct PublicUrlError {
    text: String,
    why: &'static str,
}

/// Hosts that browsers trust without TLS: the machine itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl PublicUrl {
    /// Reads the address. It has to be `https` unless its host is the machine itself, and to have no path: cookies with the prefix
    /// `__Host-` are those of a whole host.
    ///
    /// # Errors
    /// It is none, or not such a one.
    pub fn parse(text: &str) -> Result<Self, PublicUrlError> {
        let refuse = |why| PublicUrlError { text: text.to_owned(), why };
        let uri: Uri = text.parse().map_err(|_| refuse("it can't be read"))?;
        let scheme = uri.scheme_str().ok_or_else(|| refuse("it has no scheme"))?;
        let authority = uri.authority().ok_or_else(|| refuse("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("it names a user"));
        }
        let whole = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
        if !whole || text.contains('#') {
            return Err(refuse("it has to end with the host, or its port"));
        }
        let host = authority.host().to_ascii_lowercase();
        let default_port = match scheme {
            "https" => 443,
            "http" if LOOPBACK.contains(&host.as_str()) => 80,
            "http" => {
                return Err(refuse(
                    "it has to be `https` unless its host is `localhost`, `127.0.0.1` or `[::1]`",
                ));
            }
            _ => return Err(refuse("it has to be `https`")),
        };
        // Browsers leave a scheme's own port out of origins.
        let port = authority.port_u16().filter(|port| *port != default_port);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}{port}")))
    }

    /// The origin, as browsers send it.
    pub fn origin(&self) -> &str {
        &self.0
    }

    /// Whether only browsers on the machine itself reach the server by it.
    pub fn is_this_machine(&self) -> bool {
        let host = self.0.split_once("://").map_or("", |(_, authority)| authority);
        LOOPBACK.iter().any(|loopback| {
            host.strip_prefix(loopback).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        })
    }

    /// The address of a path, which begins with a slash.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_spelled_as_browsers_spell_it() {
        for (text, origin) in [
            ("https://countersign.example.org", "https://countersign.example.org"),
            ("https://Countersign.Example.ORG/", "https://countersign.example.org"),
            ("https://countersign.example.org:443", "https://countersign.example.org"),
            ("https://countersign.example.org:8443/", "https://countersign.example.org:8443"),
            ("http://localhost:7480", "http://localhost:7480"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:7480", "http://[::1]:7480"),
        ] {
            assert_eq!(PublicUrl::parse(text).unwrap().origin(), origin, "{text}");
        }
        assert_eq!(
            PublicUrl::parse("https://c.example/").unwrap().at("/sign-in"),
            "https://c.example/sign-in"
        );
        for (text, this) in [
            ("http://localhost", true),
            ("https://localhost:7480", true),
            ("http://[::1]:7480", true),
            ("https://localhost.example.org", false),
            ("https://127.0.0.1.example.org:7480", false),
        ] {
            assert_eq!(PublicUrl::parse(text).unwrap().is_this_machine(), this, "{text}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for text in [
            "",
            "countersign.example.org",
            "//countersign.example.org",
            "http://countersign.example.org",
            "http://localhost.example.org",
            "ftp://countersign.example.org",
            "https://user@countersign.example.org",
            "https://countersign.example.org/path",
            "https://countersign.example.org/?query",
            "https://countersign.example.org/#part",
        ] {
            assert!(PublicUrl::parse(text).is_err(), "{text}");
        }
    }
}
