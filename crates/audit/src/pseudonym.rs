//! What the log calls those who act.

use std::fmt;
use std::str::FromStr;

use countersign_kernel::{Actor, ActorKind, AgentKey};

/// The longest role of a part of Countersign.
const MAX_ROLE_BYTES: usize = 64;

/// What the log calls an actor. For people and services `p_` and 32 hex digits, drawn once and mapped to the name in the database, where
/// the mapping can be erased. Agents, the policy and Countersign's own parts are nobody: `agent:KEY`, `policy`, `system:ROLE`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym(String);

/// The text is not a pseudonym. It isn't repeated: it may be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a pseudonym is `p_` and 32 lower-case hex digits, `agent:KEY`, `system:ROLE` or `policy`")]
pub struct ParsePseudonymError;

impl Pseudonym {
    /// The pseudonym of a person or service, of bytes that were drawn for it.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(format!("p_{}", hex::encode(bytes)))
    }

    /// The pseudonym of an actor that is nobody; `None` for people and services, and for whatever doesn't have the form of a role, since
    /// it might be a name.
    pub fn of_role(actor: &Actor) -> Option<Self> {
        match actor.kind {
            ActorKind::Agent => Self::parse(&format!("agent:{}", actor.id)).ok(),
            ActorKind::System => Self::parse(&format!("system:{}", actor.id)).ok(),
            ActorKind::Policy => Some(Self("policy".to_owned())),
            ActorKind::Staff | ActorKind::Platform => None,
        }
    }

    /// Takes a pseudonym back from storage or from an entry.
    ///
    /// # Errors
    /// The text doesn't have one of the four forms.
    pub fn parse(text: &str) -> Result<Self, ParsePseudonymError> {
        let well_formed = match text.split_once(':') {
            Some(("agent", key)) => AgentKey::parse(key).is_ok(),
            Some(("system", role)) => is_role(role),
            Some(_) => false,
            None => text == "policy" || text.strip_prefix("p_").is_some_and(is_drawn),
        };
        if well_formed { Ok(Self(text.to_owned())) } else { Err(ParsePseudonymError) }
    }

    /// Whether it stands for a person or service.
    pub fn is_drawn(&self) -> bool {
        self.0.starts_with("p_")
    }

    /// The pseudonym as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_drawn(digits: &str) -> bool {
    digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
}

fn is_role(role: &str) -> bool {
    (1..=MAX_ROLE_BYTES).contains(&role.len())
        && role.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Pseudonym {
    type Err = ParsePseudonymError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_kernel::{Principal, Proof};

    fn actor(kind: ActorKind, id: &str) -> Actor {
        Actor { kind, id: id.to_owned(), proof: Proof::Process }
    }

    #[test]
    fn roles_stand_as_they_are() {
        let of = |kind, id| Pseudonym::of_role(&actor(kind, id)).map(|p| p.as_str().to_owned());
        assert_eq!(of(ActorKind::Agent, "sre").as_deref(), Some("agent:sre"));
        assert_eq!(of(ActorKind::System, "executor").as_deref(), Some("system:executor"));
        assert_eq!(of(ActorKind::Policy, "sha256:whatever").as_deref(), Some("policy"));
    }

    #[test]
    fn people_and_services_get_no_role() {
        let alice = Principal::parse("user:github:alice").unwrap();
        assert_eq!(Pseudonym::of_role(&Actor::staff(&alice, Proof::BearerToken)), None);
        assert_eq!(Pseudonym::of_role(&actor(ActorKind::Platform, "service:ci:launcher")), None);
    }

    #[test]
    fn what_may_be_a_name_is_not_taken_for_a_role() {
        for id in ["", "user:github:alice", "Alice Example", "alice@example.org"] {
            assert_eq!(Pseudonym::of_role(&actor(ActorKind::Agent, id)), None, "{id}");
            assert_eq!(Pseudonym::of_role(&actor(ActorKind::System, id)), None, "{id}");
        }
    }

    #[test]
    fn has_four_forms() {
        let drawn = Pseudonym::from_random([0x0f; 16]);
        assert_eq!(drawn.as_str(), "p_0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f");
        assert!(drawn.is_drawn());
        for good in [drawn.as_str(), "agent:sre", "system:executor", "policy"] {
            assert_eq!(good.parse::<Pseudonym>().unwrap().as_str(), good);
        }
        let upper = drawn.as_str().to_uppercase();
        let bad = [
            "",
            "p_",
            "p_0f",
            &upper,
            "p_0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0F",
            "user:github:alice",
            "agent:",
            "alice",
        ];
        for bad in bad {
            let error = bad.parse::<Pseudonym>().unwrap_err();
            assert!(
                bad.is_empty() || bad == "p_" || bad == "agent:" || !error.to_string().contains(bad),
                "{bad}"
            );
        }
    }
}
