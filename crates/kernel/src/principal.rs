//! Who acts: principals, and actors with the way their identity was proved.

use std::fmt;
use std::str::FromStr;

use crate::name::ParseNameError;

/// One person or service, whatever the channel, as `kind:issuer:name`: `user:github:alice`, `service:ci:deployer`.
///
/// The kind is `user` or `service`; issuer is 1 to 32 of `a-z 0-9 -`; name is 1 to 128 printable ASCII characters without blanks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(String);

const EXPECTED: &str = "`user:ISSUER:NAME` or `service:ISSUER:NAME`";

impl Principal {
    /// Checks and takes the name of a principal.
    ///
    /// # Errors
    /// The text doesn't have the form above.
    pub fn parse(text: &str) -> Result<Self, ParseNameError> {
        let mut parts = text.splitn(3, ':');
        let kind = parts.next().unwrap_or_default();
        let issuer = parts.next().unwrap_or_default();
        let name = parts.next().unwrap_or_default();
        let well_formed = matches!(kind, "user" | "service")
            && is_issuer(issuer)
            && (1..=128).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_graphic());
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseNameError::new("a principal", EXPECTED, text))
        }
    }

    /// The principal as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Principal {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// A group outside of Countersign, as a provider of identities named it at a sign-in: `group:ISSUER:NAME`, such as
/// `group:keycloak:/staff/sre`.
///
/// Issuer is that of the provider's principals; name is 1 to 128 printable ASCII characters, blanks only between others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutsideGroup(String);

const GROUP_EXPECTED: &str = "`group:ISSUER:NAME`";

impl OutsideGroup {
    /// Checks and takes the name of an outside group.
    ///
    /// # Errors
    /// The text doesn't have the form above.
    pub fn parse(text: &str) -> Result<Self, ParseNameError> {
        let mut parts = text.splitn(3, ':');
        let kind = parts.next().unwrap_or_default();
        let issuer = parts.next().unwrap_or_default();
        let name = parts.next().unwrap_or_default();
        let well_formed = kind == "group"
            && is_issuer(issuer)
            && (1..=128).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
            && name.trim() == name;
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseNameError::new("an outside group", GROUP_EXPECTED, text))
        }
    }

    /// The group as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OutsideGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OutsideGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for OutsideGroup {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Whether a text can stand for who names principals and groups.
fn is_issuer(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// What kind of party acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActorKind {
    /// An agent, through its run.
    Agent,
    /// A person or service of the staff side.
    Staff,
    /// The platform that launches runs.
    Platform,
    /// The policy, deciding by itself.
    Policy,
    /// Countersign's own workers.
    System,
}

impl ActorKind {
    /// The kind's one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Staff => "staff",
            Self::Platform => "platform",
            Self::Policy => "policy",
            Self::System => "system",
        }
    }
}

impl FromStr for ActorKind {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "agent" => Ok(Self::Agent),
            "staff" => Ok(Self::Staff),
            "platform" => Ok(Self::Platform),
            "policy" => Ok(Self::Policy),
            "system" => Ok(Self::System),
            other => Err(ParseNameError::new(
                "an actor kind",
                "`agent`, `staff`, `platform`, `policy` or `system`",
                other,
            )),
        }
    }
}

/// How an actor's identity was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// A signed run token.
    RunToken,
    /// A bearer token of a person or service, stored as a hash.
    BearerToken,
    /// A sign-in at an OpenID Connect provider.
    Oidc,
    /// A choice from the list of the development login: nothing was proved at all.
    Development,
    /// The process itself: workers, and commands run on the server's own host.
    Process,
}

impl Proof {
    /// The proof's one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RunToken => "run_token",
            Self::BearerToken => "bearer_token",
            Self::Oidc => "oidc",
            Self::Development => "development",
            Self::Process => "process",
        }
    }
}

impl FromStr for Proof {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "run_token" => Ok(Self::RunToken),
            "bearer_token" => Ok(Self::BearerToken),
            "oidc" => Ok(Self::Oidc),
            "development" => Ok(Self::Development),
            "process" => Ok(Self::Process),
            other => Err(ParseNameError::new(
                "a proof",
                "`run_token`, `bearer_token`, `oidc`, `development` or `process`",
                other,
            )),
        }
    }
}

/// A party that acted, as events record it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What kind of party.
    pub kind: ActorKind,
    /// Which one: an agent key, a principal, a worker's role, a policy digest.
    pub id: String,
    /// How its identity was proved.
    pub proof: Proof,
}

impl Actor {
    /// A part of Countersign itself, named by its role (`executor`, `sweeper`).
    pub fn system(role: &str) -> Self {
        Self { kind: ActorKind::System, id: role.to_owned(), proof: Proof::Process }
    }

    /// A person or service that proved itself by `proof`.
    pub fn staff(principal: &Principal, proof: Proof) -> Self {
        Self { kind: ActorKind::Staff, id: principal.to_string(), proof }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_have_three_parts() {
        for good in ["user:github:alice", "service:ci:deploy:eu", "user:oidc-1:a@b.example"] {
            assert_eq!(Principal::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "alice", "user:github", "user:github:", "robot:x:y", "user:GitHub:a", "user:x:a b"] {
            assert!(Principal::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn outside_groups_are_named_by_their_provider() {
        for good in ["group:keycloak:/staff/sre", "group:ad-1:Domain Admins", "group:github:acme:sre"] {
            assert_eq!(OutsideGroup::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "sre", "group:keycloak", "group:keycloak:", "user:x:y", "group:x: y", "group:x:y\n"] {
            assert!(OutsideGroup::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn proofs_have_one_spelling() {
        let all = [Proof::RunToken, Proof::BearerToken, Proof::Oidc, Proof::Development, Proof::Process];
        for proof in all {
            assert_eq!(proof.as_str().parse(), Ok(proof));
        }
        assert!("OIDC".parse::<Proof>().is_err());
    }
}
