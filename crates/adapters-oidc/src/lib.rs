//! OpenID Connect: a provider that proves who people are, by the authorization code flow with PKCE.
//!
//! [`OidcProvider`] discovers the provider when it is first needed, and again after a while or when a token is signed with a key it has
//! not seen; so a server starts while the provider is away, and a key that was withdrawn is not trusted for long. While the provider is
//! away, what it said last is held on to for a day at most. Exchanges are bounded in time and size, follow no redirect, and leave `https`
//! never.
//!
//! **Architecture invariant:** nothing is decided here: what a claim means is said by `countersign_usecases::sign_in::claims`, and what
//! time it is comes with each call.
//!
//! Deliberately absent: access and refresh tokens (nothing is asked of the provider after the sign-in), encrypted identity tokens,
//! signatures by the client's secret (HS256), the user-info endpoint, logout at the provider.

mod exchange;
mod metadata;
mod provider;

pub use provider::{OidcOptions, OidcProvider, OptionsError};
