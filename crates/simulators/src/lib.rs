//! Stand-ins for GitHub, Kubernetes, a provider of identities (OpenID Connect) and a transcriber that speak real HTTP, so that the real adapters and their real clients can be
//! tested and shown without an account or a cluster.
//!
//! Each simulator is strict about what the real service refuses, keeps a [`Journal`] of every effect it let happen
//! (with the plaintext the target would hold, which is how a test proves what arrived), and fails on command
//! ([`Behaviour`]): an error answer, a connection dropped before or after the write, a hang, a delay.
//!
//! Besides the service's own API every simulator answers under `/_simulator`:
//!
//! | request | does |
//! | --- | --- |
//! | `GET /_simulator/journal?after=N` | the effects with a number above `N` |
//! | `GET /_simulator/requests` | method, path and answered status of each request seen |
//! | `GET`, `POST`, `DELETE /_simulator/fail` | lists, adds, clears [`FaultRule`]s |
//! | `POST /_simulator/set` | changes the target by hand: [`GithubChange`], [`KubernetesChange`], [`OidcChange`], [`SpeechChange`] |
//!
//! A [`Proxy`] stands in front of any of them, or of a real PostgreSQL server, and cuts, delays and resets connections at a chosen request
//! or answer.
//!
//! Deliberately absent: TLS, persistence, authentication of `/_simulator` (the server listens on the loopback
//! interface only), and any part of the services' APIs that Countersign has no use for. What is absent is answered as
//! the service answers an unknown path, never with a made-up success.

mod clock;
mod faults;
mod github;
mod journal;
mod kubernetes;
mod oidc;
mod proxy;
mod server;
pub mod speech;

pub use faults::{Behaviour, FaultRule};
pub use github::{
    Access, GithubChange, GithubConfig, GithubGrant, GithubRepository, GithubSimulator, GithubToken,
};
pub use journal::{Effect, Journal, Target};
pub use kubernetes::{
    KubernetesChange, KubernetesConfig, KubernetesRule, KubernetesSimulator, KubernetesToken,
};
pub use oidc::{OidcChange, OidcConfig, OidcSimulator, TokenFlaw, UserInfo, UserInfoForm};
pub use proxy::{Passing, Protocol, Proxy, Tap, Verdict};
pub use server::{ChangeRefused, SeenRequest, StartError};
pub use speech::{SpeechChange, SpeechConfig, SpeechSimulator};
