//! OpenID Connect: a provider that proves who people are, by the authorization code flow with PKCE.
//!
//! [`OidcProvider`] discovers the provider when it is first needed, and again after a while or when a token is signed with a key it has
//! not seen; so a server starts while the provider is away, and a key that was withdrawn is not trusted for long. While the provider is
//! away, what it said last is held on to for a day at most. Exchanges are bounded in time and size, follow no redirect, and leave `https`
//! never.
//!
//! Where the identity token says too little, the user-info endpoint is asked with the access token, which is then forgotten.
//!
//! **Architecture invariant:** nothing is decided here: what a claim means, which are needed, and which goes before which is said by
//! `countersign_usecases::sign_in::claims`, and what time it is comes with each call.
//!
//! Deliberately absent: refresh tokens (nothing is asked of the provider after the sign-in), encrypted tokens and answers, signatures by
//! the client's secret (HS256), claims that are told elsewhere than at the provider (aggregated and distributed ones), logout at the
//! provider.

mod exchange;
mod metadata;
mod provider;
mod user_info;

pub use provider::{OidcOptions, OidcProvider, OptionsError};
