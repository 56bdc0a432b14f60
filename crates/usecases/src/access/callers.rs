//! Who calls: what a server has to bring to know its callers, and how a transport finds out whether it may let one in.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_kernel::{Fault, Kind, RunId};

use super::role::Role;
use super::{Access, Operation};
use crate::services::Identity;

/// A run token was not accepted. Says nothing that helps a forger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run token is not accepted")]
pub struct TokenRejection;

/// Verifies run tokens: signature, audience, time. Whether the run still lives is asked elsewhere.
pub trait RunTokenVerifier: Send + Sync {
    /// The run a token was issued for.
    ///
    /// # Errors
    /// The token is malformed, of another key or audience, or out of its time.
    fn verify(&self, token: &str) -> Result<RunId, TokenRejection>;
}

/// A person or service that holds a bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BearerIdentity {
    /// Who, and how that was proved.
    pub identity: Identity,
    /// What they may see and do.
    pub roles: BTreeSet<Role>,
}

/// Knows the people and services that hold bearer tokens.
pub trait BearerDirectory: Send + Sync {
    /// Who holds this token.
    fn find(&self, token: &str) -> Option<BearerIdentity>;
}

/// Why a caller was not let in. Says nothing of whether a token is almost right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// There is no token.
    #[error("the call has no bearer token in `authorization`")]
    NoToken,
    /// The token is nobody's.
    #[error("the token is not accepted")]
    UnknownToken,
    /// The token is good, and of the other kind.
    #[error("this operation takes {takes}, not {got}")]
    WrongKind {
        /// The kind the operation takes.
        takes: &'static str,
        /// The kind that came.
        got: &'static str,
    },
    /// The token's holder has none of the roles.
    #[error("this operation needs one of the roles {}", list(.needs))]
    RoleRequired {
        /// The roles, of which one is needed.
        needs: &'static [Role],
    },
}

fn list(roles: &[Role]) -> String {
    roles.iter().map(|role| format!("`{}`", role.as_str())).collect::<Vec<_>>().join(", ")
}

impl Fault for AccessError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoToken | Self::UnknownToken => Kind::Unauthenticated,
            Self::WrongKind { .. } | Self::RoleRequired { .. } => Kind::Denied,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoToken | Self::UnknownToken => "unauthenticated",
            Self::WrongKind { .. } => "wrong_token_kind",
            Self::RoleRequired { .. } => "role_required",
        }
    }
}

/// What a transport knows callers by.
#[derive(Clone)]
pub struct Callers {
    /// Knows run tokens.
    pub run_tokens: Arc<dyn RunTokenVerifier>,
    /// Knows the tokens of people and services.
    pub bearers: Arc<dyn BearerDirectory>,
}

impl Callers {
    /// The run whose token this is.
    ///
    /// # Errors
    /// There is no token, it is nobody's, or it is not a run's.
    pub fn run(&self, token: Option<&str>) -> Result<RunId, AccessError> {
        let token = token.ok_or(AccessError::NoToken)?;
        self.run_tokens.verify(token).map_err(|_| match self.bearers.find(token) {
            Some(_) => AccessError::WrongKind { takes: "a run token", got: "a bearer token" },
            None => AccessError::UnknownToken,
        })
    }

    /// The person or service whose token this is.
    ///
    /// # Errors
    /// There is no token, it is nobody's, or it is a run's.
    pub fn bearer(&self, token: Option<&str>) -> Result<BearerIdentity, AccessError> {
        let token = token.ok_or(AccessError::NoToken)?;
        self.bearers.find(token).ok_or_else(|| match self.run_tokens.verify(token) {
            Ok(_) => AccessError::WrongKind { takes: "a bearer token", got: "a run token" },
            Err(_) => AccessError::UnknownToken,
        })
    }
}

impl BearerIdentity {
    /// Lets in whoever has one of the roles.
    ///
    /// # Errors
    /// The holder has none of them.
    pub fn with_role(self, needs: &'static [Role]) -> Result<Self, AccessError> {
        if needs.iter().any(|role| self.roles.contains(role)) {
            Ok(self)
        } else {
            Err(AccessError::RoleRequired { needs })
        }
    }

    /// Whether they may ask for this by their roles.
    pub fn may(&self, operation: Operation) -> bool {
        match operation.access() {
            Access::AnyOf(needs) => needs.iter().any(|role| self.roles.contains(role)),
            Access::Public => true,
            Access::Run { .. } => false,
        }
    }
}

/// The token of an `authorization` header or metadata entry (`Bearer TOKEN`).
pub fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_what_follows_the_scheme() {
        assert_eq!(bearer_token("Bearer abc"), Some("abc"));
        assert_eq!(bearer_token("bEARER  abc "), Some("abc"));
        for bad in ["", "abc", "Bearer", "Bearer  ", "Basic abc"] {
            assert_eq!(bearer_token(bad), None, "`{bad}`");
        }
    }
}
