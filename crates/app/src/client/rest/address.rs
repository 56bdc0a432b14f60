//! Where a server is reached: the one address of pages and REST.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

/// The address of a server, with the path under which a proxy keeps it, if it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress(Url);

/// The text is no address of a server. It isn't repeated: it may hold a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(&'static str);

impl ServerAddress {
    /// The address of an operation: what stands below `/api/v1`, part by part.
    pub(crate) fn of(&self, parts: &[&str]) -> Url {
        let mut url = self.0.clone();
        // INVARIANT: the schemes that are read have hosts, and so paths of parts.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]).extend(parts);
        }
        url
    }

    /// Whether nobody on the way can read what is sent: it is encrypted, or stays on the machine itself.
    pub(crate) fn is_private(&self) -> bool {
        self.0.scheme() == "https" || self.is_this_machine()
    }

    /// Whether the server is on the machine itself.
    pub(crate) fn is_this_machine(&self) -> bool {
        matches!(self.0.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
    }
}

impl FromStr for ServerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url: Url =
            text.parse().map_err(|_| AddressError("it has to be like `https://countersign.example.org`"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(AddressError("it has to begin with `https://`, or `http://` on the machine itself"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError("it names a user: the token goes into COUNTERSIGN_TOKEN or a file"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError("it has to end with the host, its port, or a path"));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_stand_below_the_address_whatever_its_path() {
        for (address, url) in [
            ("http://127.0.0.1:7480", "http://127.0.0.1:7480/api/v1/approvals/x%2Fy"),
            ("https://c.example.org/", "https://c.example.org/api/v1/approvals/x%2Fy"),
            ("https://c.example.org/gate", "https://c.example.org/gate/api/v1/approvals/x%2Fy"),
        ] {
            let address: ServerAddress = address.parse().unwrap();
            assert_eq!(address.of(&["approvals", "x/y"]).as_str(), url);
        }
    }

    #[test]
    fn only_what_is_encrypted_or_stays_here_is_private() {
        for (address, private) in [
            ("https://c.example.org", true),
            ("http://localhost:7480", true),
            ("http://127.0.0.1:7480", true),
            ("http://[::1]:7480", true),
            ("http://c.example.org", false),
            ("http://localhost.example.org", false),
            ("http://127.0.0.1.example.org", false),
        ] {
            assert_eq!(address.parse::<ServerAddress>().unwrap().is_private(), private, "{address}");
        }
    }

    #[test]
    fn other_texts_are_refused_without_being_repeated() {
        for text in [
            "",
            "c.example.org",
            "localhost:7480",
            "ftp://c.example.org",
            "unix:/run/countersign",
            "https://alice:hunter2@c.example.org",
            "https://c.example.org/?token=hunter2",
            "https://c.example.org/#hunter2",
        ] {
            let error = text.parse::<ServerAddress>().unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
