//! Signing in, out of the configuration: the provider or the development login, and what must not go together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use countersign_adapters_oidc::{OidcOptions, OidcProvider};
use countersign_kernel::{Millis, Principal, Proof};
use countersign_transport_http::{Browsers, CALLBACK, PublicUrl};
use countersign_usecases::access::Role;
use countersign_usecases::port::SessionStore;
use countersign_usecases::sign_in::claims::{ClaimPath, ClaimRules};
use countersign_usecases::sign_in::session::SessionLimits;
use countersign_usecases::sign_in::{Person, SignIn, Way};

use crate::ambient::OsEntropy;
use crate::config::Config;
use crate::config::sign_in::{DevelopmentConfig, OidcConfig, SignInConfig};

/// How long one exchange with a provider may take.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(10);

/// What is configured, checked; nothing has been asked of a provider.
pub enum SignInSetup {
    /// Nobody signs in with a browser.
    Off,
    /// A provider proves who people are.
    Oidc {
        /// Where browsers reach the server.
        public_url: PublicUrl,
        /// How long sessions last.
        limits: SessionLimits,
        /// The provider.
        provider: Arc<OidcProvider>,
        /// What its claims mean.
        rules: ClaimRules,
        /// The issuer, for people who read.
        issuer: String,
    },
    /// Nothing proves who people are.
    Development {
        /// Where browsers reach the server.
        public_url: PublicUrl,
        /// How long sessions last.
        limits: SessionLimits,
        /// Whom one can be.
        people: Vec<Person>,
    },
}

impl SignInSetup {
    /// Reads what is configured.
    ///
    /// # Errors
    /// Something of it is not usable; the message names the option.
    pub fn from_config(config: &Config) -> Result<Self> {
        match &config.sign_in {
            None => Ok(Self::Off),
            Some(sign_in) => read(config, sign_in).context("sign_in"),
        }
    }

    /// What the surface lets browsers do.
    pub fn browsers(self, store: Arc<dyn SessionStore>) -> Browsers {
        let (public_url, limits, way) = match self {
            Self::Off => return Browsers::default(),
            Self::Oidc { public_url, limits, provider, rules, .. } => {
                (public_url, limits, Way::Oidc { provider, rules })
            }
            Self::Development { public_url, limits, people } => {
                (public_url, limits, Way::Development(people))
            }
        };
        Browsers::new(SignIn { store, entropy: Arc::new(OsEntropy), limits, way }, public_url)
    }

    /// What there is, in words.
    pub fn standing(&self) -> String {
        match self {
            Self::Off => "nobody signs in with a browser".to_owned(),
            Self::Oidc { issuer, .. } => format!("OpenID Connect at `{issuer}`"),
            Self::Development { people, .. } => format!(
                "DEVELOPMENT LOGIN: whoever reaches this server is any of {} people, without proof",
                people.len()
            ),
        }
    }
}

fn read(config: &Config, sign_in: &SignInConfig) -> Result<SignInSetup> {
    let public_url = PublicUrl::parse(&sign_in.public_url).context("public_url")?;
    let limits = limits(sign_in)?;
    match (&sign_in.oidc, &sign_in.development) {
        (Some(oidc), None) => {
            let (provider, rules) = read_oidc(oidc, &public_url).context("oidc")?;
            let issuer = oidc.issuer.clone();
            Ok(SignInSetup::Oidc { public_url, limits, provider: Arc::new(provider), rules, issuer })
        }
        (None, Some(development)) => {
            ensure!(
                config.server.http_listen.ip().is_loopback() && public_url.is_this_machine(),
                "development: a login without proof is for the machine itself: server.http_listen has to be a loopback address, and \
                 public_url `http://localhost:PORT` or the like"
            );
            let people = read_people(development).context("development")?;
            Ok(SignInSetup::Development { public_url, limits, people })
        }
        (Some(_), Some(_)) => {
            bail!("development: a login without proof beside `oidc` would be a way around it")
        }
        (None, None) => bail!("neither `oidc` nor `development` is there: nobody could sign in"),
    }
}

fn limits(config: &SignInConfig) -> Result<SessionLimits> {
    let minutes = |number: u32| Millis::from_secs(u64::from(number) * 60);
    let limits = SessionLimits {
        idle: minutes(config.idle_minutes.get()),
        absolute: Millis::from_secs(u64::from(config.absolute_hours.get()) * 3_600),
        rotate_after: minutes(config.rotation_minutes.get()),
    };
    ensure!(config.absolute_hours.get() <= 24 * 30, "absolute_hours must be at most 720, which is 30 days");
    ensure!(limits.idle <= limits.absolute, "idle_minutes must not be more than absolute_hours");
    Ok(limits)
}

fn read_oidc(config: &OidcConfig, public_url: &PublicUrl) -> Result<(OidcProvider, ClaimRules)> {
    let named = Principal::parse(&format!("user:{}:x", config.name)).is_ok() && !config.name.contains(':');
    ensure!(named, "name: `{}` can't name a provider: 1 to 32 of `a-z 0-9 -` can", config.name);
    ensure!(
        config.issuer.starts_with("https://") || is_of_this_machine(&config.issuer),
        "issuer: `{}` has to be `https` unless it is on the machine itself",
        config.issuer
    );
    let mut roles: BTreeMap<String, BTreeSet<Role>> = BTreeMap::new();
    for (number, group) in config.groups.iter().enumerate() {
        let read = read_roles(&group.roles).with_context(|| format!("groups[{number}]"))?;
        roles.entry(group.group.clone()).or_default().extend(read);
    }
    ensure!(!roles.is_empty(), "groups: without any, nobody has a role, and nobody is let in");
    let secret =
        config.client_secret.as_ref().map(|secret| secret.read().context("client_secret")).transpose()?;
    let provider = OidcProvider::new(OidcOptions {
        issuer: config.issuer.clone(),
        client_id: config.client_id.clone(),
        client_secret: secret,
        scopes: config.scopes.clone(),
        redirect_url: public_url.at(CALLBACK),
        timeout: PROVIDER_TIMEOUT,
    })?;
    let rules = ClaimRules {
        provider: config.name.clone(),
        principal: ClaimPath(config.principal_claim.clone()),
        people: read_known(config)?,
        groups: Some(ClaimPath(config.groups_claim.clone())),
        roles,
    };
    Ok((provider, rules))
}

/// Whom the provider knows by another name. A name that the provider's own claims make is not given to anybody else: that would be two people
/// under one name.
///
/// # Errors
/// A name is none of a person, is the provider's own to give, or a claim is there twice.
pub fn read_known(config: &OidcConfig) -> Result<BTreeMap<String, Principal>> {
    let mut known = BTreeMap::new();
    for (number, one) in config.people.iter().enumerate() {
        let at = || format!("people[{number}]");
        let principal = Principal::parse(&one.principal).with_context(at)?;
        let text = principal.to_string();
        ensure!(text.starts_with("user:"), "{}: `{text}` is no person: `user:…` is", at());
        ensure!(
            !text.starts_with(&format!("user:{}:", config.name)),
            "{}: `{text}` is how the provider's own claims name people, and may be somebody else",
            at()
        );
        ensure!(
            known.insert(one.claim.clone(), principal).is_none(),
            "{}: `{}` is there twice",
            at(),
            one.claim
        );
    }
    Ok(known)
}

/// Whether an address is on the machine itself, where nobody listens in.
pub fn is_of_this_machine(url: &str) -> bool {
    let host = url.strip_prefix("http://").unwrap_or_default().split('/').next().unwrap_or_default();
    PublicUrl::parse(&format!("http://{host}")).is_ok_and(|url| url.is_this_machine())
}

fn read_people(config: &DevelopmentConfig) -> Result<Vec<Person>> {
    ensure!(!config.people.is_empty(), "people: there is nobody to be");
    let mut people: Vec<Person> = Vec::new();
    for (number, one) in config.people.iter().enumerate() {
        let at = || format!("people[{number}]");
        let principal = Principal::parse(&one.principal).with_context(at)?;
        if people.iter().any(|known| known.identity.principal == principal) {
            bail!("{}: `{principal}` is there twice", at());
        }
        let roles = read_roles(&one.roles).with_context(at)?;
        people.push(Person::new(principal, Proof::Development, one.name.as_deref(), roles, BTreeSet::new()));
    }
    Ok(people)
}

/// Roles of people. Launching runs is a platform's, which has a token.
fn read_roles(roles: &[String]) -> Result<BTreeSet<Role>> {
    let read = |role: &String| match role.parse::<Role>().context("roles")? {
        Role::Platform => {
            bail!("roles: `platform` is for services with a token, not for people with a browser")
        }
        role @ (Role::Viewer | Role::Approver | Role::Operator | Role::Auditor) => Ok(role),
    };
    let roles = roles.iter().map(read).collect::<Result<BTreeSet<_>>>()?;
    ensure!(!roles.is_empty(), "roles: there is none");
    Ok(roles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    const BASE: &str = r#"
        store = { kind = "sqlite", path = "x.db" }
        run_tokens = { active = "k1", keys = { k1 = { env = "K" } } }
        sealing = { active = "m1", keys = { m1 = { file = "m" } } }
    "#;

    const OIDC: &str = r#"
        [sign_in.oidc]
        name = "corp"
        issuer = "https://id.example.org/realms/staff"
        client_id = "countersign"
        groups_claim = "groups"
        groups = [{ group = "sre", roles = ["approver"] }, { group = "sre", roles = ["viewer"] }]
    "#;

    const DEVELOPMENT: &str = r#"
        [sign_in.development]
        people = [{ principal = "user:dev:alice", name = "Alice", roles = ["approver"] }]
    "#;

    fn setup(text: &str) -> Result<SignInSetup> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        SignInSetup::from_config(&load::from_text(&format!("{BASE}\n{text}")).unwrap())
    }

    fn oidc(text: &str) -> Result<SignInSetup> {
        setup(&format!("[sign_in]\npublic_url = \"https://c.example.org\"\n{text}"))
    }

    fn development(listen: &str, public_url: &str) -> Result<SignInSetup> {
        setup(&format!(
            "[server]\nhttp_listen = \"{listen}\"\n[sign_in]\npublic_url = \"{public_url}\"\n{DEVELOPMENT}"
        ))
    }

    #[track_caller]
    fn refused(setup: Result<SignInSetup>, words: &str) {
        let error = format!("{:#}", setup.err().expect("it is refused"));
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn a_provider_is_read_with_its_defaults() {
        let SignInSetup::Oidc { public_url, limits, rules, .. } = oidc(OIDC).unwrap() else {
            panic!("a provider")
        };
        assert_eq!(public_url.origin(), "https://c.example.org");
        let expected = (Millis::from_secs(1_800), Millis::from_secs(43_200), Millis::from_secs(900));
        assert_eq!((limits.idle, limits.absolute, limits.rotate_after), expected);
        assert_eq!(rules.principal, ClaimPath("sub".to_owned()));
        assert_eq!(rules.roles["sre"], BTreeSet::from([Role::Viewer, Role::Approver]));
        assert!(matches!(setup("").unwrap(), SignInSetup::Off));
    }

    #[test]
    fn people_have_one_name() {
        let with = |people: &str| {
            oidc(&OIDC.replace("groups_claim", &format!("people = [{people}]\n        groups_claim")))
        };
        let alice = r#"{ claim = "8c1f", principal = "user:github:alice" }"#;
        let SignInSetup::Oidc { rules, .. } = with(alice).unwrap() else { panic!("a provider") };
        assert_eq!(rules.people["8c1f"].to_string(), "user:github:alice");
        refused(with(&format!("{alice}, {alice}")), "people[1]: `8c1f` is there twice");
        refused(with(r#"{ claim = "x", principal = "user:corp:bob" }"#), "may be somebody else");
        refused(with(r#"{ claim = "x", principal = "service:ci:x" }"#), "is no person");
        refused(with(r#"{ claim = "x", principal = "alice" }"#), "people[0]");
    }

    #[test]
    fn a_development_login_is_for_the_machine_itself() {
        let SignInSetup::Development { people, .. } =
            development("127.0.0.1:7480", "http://localhost:7480").unwrap()
        else {
            panic!("a development login")
        };
        assert_eq!(
            (people[0].display_name.as_str(), people[0].identity.proof),
            ("Alice", Proof::Development)
        );
        for (listen, public_url) in [
            ("0.0.0.0:7480", "http://localhost:7480"),
            ("10.0.0.7:7480", "http://localhost:7480"),
            ("[::]:7480", "http://localhost:7480"),
            ("127.0.0.1:7480", "https://c.example.org"),
        ] {
            refused(development(listen, public_url), "for the machine itself");
        }
    }

    #[test]
    fn there_is_one_way_to_sign_in() {
        refused(oidc(&format!("{OIDC}{DEVELOPMENT}")), "beside `oidc`");
        refused(oidc(""), "nobody could sign in");
    }

    #[test]
    fn what_is_not_usable_is_named() {
        for (option, other, words) in [
            ("\"corp\"", "\"Corp\"", "sign_in: oidc: name"),
            ("\"corp\"", "\"a:b\"", "sign_in: oidc: name"),
            ("https://id.example.org", "http://id.example.org", "sign_in: oidc: issuer"),
            ("[\"approver\"]", "[\"platform\"]", "groups[0]: roles: `platform`"),
            ("[\"viewer\"]", "[]", "groups[1]: roles: there is none"),
            ("[\"viewer\"]", "[\"root\"]", "groups[1]: roles: `root`"),
        ] {
            let text = OIDC.replace(option, other);
            assert_ne!(text, OIDC);
            refused(oidc(&text), words);
        }
        let public_url = |url: &str| setup(&format!("[sign_in]\npublic_url = \"{url}\"\n{OIDC}"));
        refused(public_url("http://c.example.org"), "sign_in: public_url");
        refused(oidc(&format!("idle_minutes = 721\n{OIDC}")), "idle_minutes");
        refused(oidc(&format!("absolute_hours = 721\n{OIDC}")), "absolute_hours");
        assert!(oidc(&OIDC.replace("https://id.example.org", "http://127.0.0.1:8080")).is_ok());
    }
}
