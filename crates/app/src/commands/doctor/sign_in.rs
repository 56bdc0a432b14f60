//! Signing in: whether what is configured fits together, and whether the provider is there and is the one it is said to be.

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
        SignInSetup::Oidc { provider, .. } => match provider.look().await {
            Ok(()) => findings.good(WHAT, format!("{} answers, and names itself so", setup.standing())),
            Err(error) => findings.bad(
                WHAT,
                format!("{}: {}", setup.standing(), error.why()),
                "check that the server reaches it, and that sign_in.oidc.issuer is spelled exactly as the provider spells it",
            ),
        },
    }
}
