//! People sign in with a browser: attempts, sessions, and who may do what in one.
//!
//! Whoever wants in is sent to a provider of identities with an [`attempt::Attempt`] of their own, which is good for one answer and for
//! one browser. What the provider proves becomes a [`person::Person`], and that a [`session::Session`]: the browser keeps a secret, the store a hash of
//! it. Both live in the store, so that any replica can go on with what another began.
//!
//! **Architecture invariant:** how long a session lasts, when its secret changes and what a claim means is decided by pure functions over
//! values; the files named after what they do load, decide and write once.

pub mod attempt;
pub mod begin;
pub mod claims;
pub mod error;
pub mod finish;
pub mod person;
pub mod recognise;
pub mod return_to;
pub mod secret;
pub mod session;
pub mod sign_out;

use std::sync::Arc;

use crate::port::{Entropy, IdentityProvider, SessionStore};
use claims::ClaimRules;
use session::SessionLimits;

pub use attempt::Attempt;
pub use begin::{Begun, begin};
pub use error::SignInError;
pub use finish::{SignedIn, choose, finish};
pub use person::Person;
pub use recognise::{Recognised, recognise, recognise_page};
pub use return_to::ReturnTo;
pub use secret::{Masked, Secret};
pub use session::Session;
pub use sign_out::{sign_out, sign_out_everywhere};

/// What signing in works with. One per process; shared.
pub struct SignIn {
    /// Sessions and attempts.
    pub store: Arc<dyn SessionStore>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// How long sessions last.
    pub limits: SessionLimits,
    /// How people prove who they are.
    pub way: Way,
}

/// How people prove who they are. There is one way at a time: a development login beside a real one can't be said.
pub enum Way {
    /// A provider of OpenID Connect does it for us.
    Oidc {
        /// The provider.
        provider: Arc<dyn IdentityProvider>,
        /// What its claims mean here.
        rules: ClaimRules,
    },
    /// They don't: whoever reaches the server chooses one of these. For development, on the machine itself.
    Development(Vec<Person>),
}
