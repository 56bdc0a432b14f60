//! Patterned names: the axes of the policy matrix and the names of things in targets. Each is checked once, when it is parsed.

use std::fmt;
use std::str::FromStr;

/// A name doesn't have the form its kind asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: expected {expected}")]
pub struct ParseNameError {
    what: &'static str,
    expected: &'static str,
    text: String,
}

impl ParseNameError {
    /// An error about `text`, of which at most 64 characters are repeated.
    pub fn new(what: &'static str, expected: &'static str, text: &str) -> Self {
        Self { what, expected, text: text.chars().take(64).collect() }
    }

    /// What was expected, as a rule a caller can show beside the field.
    pub fn expected(&self) -> &'static str {
        self.expected
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks and takes the name.
            ///
            /// # Errors
            /// The text doesn't have the form this kind of name asks for.
            pub fn parse(text: &str) -> Result<Self, ParseNameError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(ParseNameError::new($what, $expected, text))
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseNameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }
    };
}

/// 1 to `max` bytes, beginning with a letter or digit, then `extra` characters are allowed too.
fn key(text: &str, max: usize, extra: &[u8]) -> bool {
    text.len() <= max
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || extra.contains(&b))
}

/// A DNS label (RFC 1123): what Kubernetes asks of a namespace's name.
fn dns_label(text: &str) -> bool {
    key(text, 63, b"-") && !text.ends_with('-')
}

fn repository(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.len() <= 100
            && part != "."
            && part != ".."
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    text.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
}

fn database(text: &str) -> bool {
    text.len() <= 63
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

name!(
    /// The kind of agent that runs: `sre`, `dev`, `qa`.
    AgentKey, "an agent key", "1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit",
    |text| key(text, 64, b"._-")
);
name!(
    /// What the run is for: `run:dev`, `run:ops:revise`.
    RunLabel, "a run label", "1 to 64 of `a-z 0-9 . _ : -`, beginning with a letter or digit",
    |text| key(text, 64, b"._:-")
);
name!(
    /// A project of the policy text.
    ProjectKey, "a project key", "1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit",
    |text| key(text, 64, b"._-")
);
name!(
    /// A control tool: `secret.sync.github_k8s`.
    ToolName, "a tool name", "1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit",
    |text| key(text, 64, b"._-")
);
name!(
    /// What a tool is asked to do: `sync`, `create`, `delete`.
    ActionName, "an action name", "1 to 32 of `a-z 0-9 _ -`, beginning with a letter or digit",
    |text| key(text, 32, b"_-")
);
name!(
    /// A deployment environment of a project: `dev`, `staging`, `production`.
    Environment, "an environment", "1 to 63 of `a-z 0-9 _ -`, beginning with a letter or digit",
    |text| key(text, 63, b"_-")
);
name!(
    /// A named group of approvers in the policy text.
    GroupName, "a group name", "1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit",
    |text| key(text, 64, b"._-")
);
name!(
    /// A Kubernetes namespace (RFC 1123 label).
    Namespace, "a namespace", "an RFC 1123 label: 1 to 63 of `a-z 0-9 -`, beginning and ending with a letter or digit",
    dns_label
);
name!(
    /// A source repository as `owner/name`.
    Repository, "a repository", "`owner/name`",
    repository
);
name!(
    /// A database on a server Countersign manages.
    DatabaseName, "a database name", "`^[a-z_][a-z0-9_]{0,62}$`",
    database
);

/// What an agent's run is able to reach by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuntimeMode {
    /// The run works inside a full environment.
    FullEnv,
    /// The run sees the code and nothing else.
    CodeOnly,
}

impl RuntimeMode {
    /// The mode's one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FullEnv => "full-env",
            Self::CodeOnly => "code-only",
        }
    }
}

impl fmt::Display for RuntimeMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RuntimeMode {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "full-env" => Ok(Self::FullEnv),
            "code-only" => Ok(Self::CodeOnly),
            other => Err(ParseNameError::new("a runtime mode", "`full-env` or `code-only`", other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_what_the_domain_uses() {
        assert!(AgentKey::parse("sre").is_ok());
        assert!(RunLabel::parse("run:ops:revise").is_ok());
        assert!(ToolName::parse("secret.sync.github_k8s").is_ok());
        assert!(Repository::parse("acme/shop").is_ok());
        assert!(DatabaseName::parse("_orders_2").is_ok());
        assert!(Namespace::parse("shop-dev").is_ok());
    }

    #[test]
    fn names_refuse_the_rest_and_say_what_was_expected() {
        assert!(AgentKey::parse("").is_err());
        assert!(RunLabel::parse("Run:Dev").is_err());
        assert!(Repository::parse("acme").is_err());
        assert!(Repository::parse("acme/..").is_err());
        assert!(DatabaseName::parse("1st").is_err());
        assert!(Namespace::parse("shop-").is_err());
        let error = ActionName::parse("a b").unwrap_err().to_string();
        assert!(error.starts_with("`a b` is not an action name: expected 1 to 32"), "{error}");
    }
}
