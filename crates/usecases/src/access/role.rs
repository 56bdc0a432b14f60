//! Roles: what the holder of a bearer token may see and do.

use std::str::FromStr;

/// What a bearer token's holder may see and do. Whose decision counts is policy's business, not a role's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees approvals and runs.
    Viewer,
    /// Decides, answers and withdraws, where policy asks for it.
    Approver,
    /// Keeps it running: activates policy texts, settles what is unknown, withdraws any request, restores databases.
    Operator,
    /// Reads the audited events.
    Auditor,
    /// Launches agents: registers and ends their runs.
    Platform,
}

/// The text is not a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role: expected `viewer`, `approver`, `operator`, `auditor` or `platform`")]
pub struct ParseRoleError(String);

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Approver, Self::Operator, Self::Auditor, Self::Platform];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Approver => "approver",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Platform => "platform",
        }
    }
}

impl FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| ParseRoleError(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_one_spelling() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("Viewer".parse::<Role>().is_err());
    }
}
