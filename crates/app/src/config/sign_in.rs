//! The options of signing in.

use std::num::NonZeroU32;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;
#[cfg(test)]
use serde::Serialize;

use super::secret::SecretSource;

/// How people with browsers sign in: exactly one of `oidc` and `development`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields)]
pub struct SignInConfig {
    /// Where browsers reach the server, such as `https://countersign.example.org`: every absolute address is made of it, and nothing that a
    /// request says. `https` unless the host is the machine itself; without a path.
    pub public_url: String,
    /// Minutes without a request after which a session is over. Default 30.
    #[serde(default = "default_idle_minutes")]
    pub idle_minutes: NonZeroU32,
    /// Hours after which a session is over however busy it is. Default 12.
    #[serde(default = "default_absolute_hours")]
    pub absolute_hours: NonZeroU32,
    /// Minutes after which a session's secret is replaced. Default 15.
    #[serde(default = "default_rotation_minutes")]
    pub rotation_minutes: NonZeroU32,
    /// A provider of OpenID Connect.
    #[serde(default)]
    pub oidc: Option<OidcConfig>,
    /// A list of people to choose from, without any proof.
    #[serde(default)]
    pub development: Option<DevelopmentConfig>,
}

const fn minutes(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

fn default_idle_minutes() -> NonZeroU32 {
    minutes(30)
}

fn default_absolute_hours() -> NonZeroU32 {
    minutes(12)
}

fn default_rotation_minutes() -> NonZeroU32 {
    minutes(15)
}

/// A provider of OpenID Connect.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// What principals and groups name it by: `user:NAME:…`, `group:NAME:…`. 1 to 32 of `a-z 0-9 -`.
    pub name: String,
    /// The issuer, exactly as the provider spells it.
    pub issuer: String,
    /// Our name at the provider.
    pub client_id: String,
    /// Holds our secret at the provider. None for a public client.
    #[serde(default)]
    pub client_secret: Option<SecretSource>,
    /// What is asked for beside `openid`. Default `profile` and `email`.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// The claim that names a person; with dots, the way to it. Default `sub`, the one that never changes hands.
    #[serde(default = "default_principal_claim")]
    pub principal_claim: String,
    /// People who are known here by another name than that claim makes. None by default.
    #[serde(default)]
    pub people: Vec<KnownPerson>,
    /// The claim that lists a person's groups, such as `groups` or `realm_access.roles`.
    pub groups_claim: String,
    /// The roles that groups give. Whoever has none is not let in.
    pub groups: Vec<GroupConfig>,
}

fn default_scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).to_vec()
}

fn default_principal_claim() -> String {
    "sub".to_owned()
}

/// Somebody whom the platform, a token or a policy text knows by another name than the provider does.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields)]
pub struct KnownPerson {
    /// The value of `principal_claim`.
    pub claim: String,
    /// Who that is here, such as `user:github:alice`.
    pub principal: String,
}

/// The roles that a group gives.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields)]
pub struct GroupConfig {
    /// The group, as the provider spells it.
    pub group: String,
    /// Any of `viewer`, `approver`, `operator`, `auditor`.
    pub roles: Vec<String>,
}

/// The development login. It works only while `server.http_listen` and `public_url` are those of the machine itself.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields)]
pub struct DevelopmentConfig {
    /// Whom one can be.
    pub people: Vec<DeveloperConfig>,
}

/// Somebody whom one can be.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, Serialize))]
#[serde(deny_unknown_fields)]
pub struct DeveloperConfig {
    /// The principal, such as `user:dev:alice`.
    pub principal: String,
    /// What they are called on screens; the principal by default.
    #[serde(default)]
    pub name: Option<String>,
    /// Any of `viewer`, `approver`, `operator`, `auditor`.
    pub roles: Vec<String>,
}
