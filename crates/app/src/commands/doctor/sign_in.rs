//! Signing in: whether what is configured fits together, and whether the provider is there and is the one it is said to be.

use countersign_adapters_oidc::OidcProvider;
use countersign_usecases::sign_in::claims::ClaimRules;

use super::findings::Findings;
use crate::config::Config;
use crate::sign_in::SignInSetup;

const WHAT: &str = "sign-in";

pub(super) async fn look(config: &Config, findings: &mut Findings) {
    let setup = match SignInSetup::from_config(config) {
        Ok(setup) => setup,
        Err(error) => {
            findings.bad(
                WHAT,
                format!("{error:#}"),
                "mend the option it names; docs/configuration.md lists them",
            );
            return;
        }
    };
    match &setup {
        SignInSetup::Off | SignInSetup::Development { .. } => findings.note(WHAT, setup.standing()),
        SignInSetup::Oidc { provider, rules, .. } => {
            for name in second_names(config, rules) {
                findings.note(
                    WHAT,
                    format!(
                        "`{name}` has a token, and nobody who signs in is called so: should they sign in, they would be two people; \
                         sign_in.oidc.people says who is who"
                    ),
                );
            }
            look_at_provider(provider, &setup, findings).await;
        }
    }
}

/// People with a token whom no sign-in can become.
fn second_names(config: &Config, rules: &ClaimRules) -> Vec<String> {
    let own = format!("user:{}:", rules.provider);
    let known = |name: &str| rules.people.values().any(|principal| principal.to_string() == name);
    let names = config.identities.values().map(|identity| identity.principal.clone());
    names.filter(|name| name.starts_with("user:") && !name.starts_with(&own) && !known(name)).collect()
}

async fn look_at_provider(provider: &OidcProvider, setup: &SignInSetup, findings: &mut Findings) {
    match provider.look().await {
        Ok(()) => findings.good(WHAT, format!("{} answers, and names itself so", setup.standing())),
        Err(error) => findings.bad(
            WHAT,
            format!("{}: {}", setup.standing(), error.why()),
            "check that the server reaches it, and that sign_in.oidc.issuer is spelled exactly as the provider spells it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use countersign_usecases::sign_in::claims::ClaimPath;

    use super::*;
    use crate::config::load;
    use crate::sign_in::read_known;

    #[test]
    fn people_with_a_token_whom_no_sign_in_can_become_are_named() {
        let text = include_str!("../../../../../docs/examples/countersign.toml");
        let names = |text: &str| {
            let config = load::from_text(text).unwrap();
            let rules = ClaimRules {
                provider: "corp".to_owned(),
                principal: ClaimPath("sub".to_owned()),
                people: read_known(config.sign_in.as_ref().unwrap().oidc.as_ref().unwrap()).unwrap(),
                groups: None,
                roles: BTreeMap::new(),
            };
            second_names(&config, &rules)
        };
        assert_eq!(names(text), Vec::<String>::new(), "the example says who Alice is");
        let unsaid = text.replace("people = [{ claim", "# people = [{ claim");
        assert_ne!(unsaid, text);
        assert_eq!(names(&unsaid), ["user:github:alice"]);
    }
}
