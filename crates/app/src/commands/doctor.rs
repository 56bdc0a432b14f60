//! `countersign doctor`: look at everything a server needs, and say what to do about what is wrong.

use std::process::ExitCode;

use anyhow::Result;
use countersign_kernel::{DatabaseName, Namespace, Repository};
use countersign_mcp_tools::ports::{Access, SecretPlace, TargetError, TargetErrorKind};
use countersign_usecases::policy_text;

use super::say;
use crate::ambient;
use crate::config::Config;
use crate::wiring::{Wired, wire};

/// The host's clock may differ from the database's by so much before it matters for tokens.
const CLOCK_SLACK_MS: u64 = 2_000;

struct Findings {
    bad: u32,
}

impl Findings {
    fn good(&self, what: &str, seen: impl std::fmt::Display) {
        say(format!("ok    {what}: {seen}"));
    }

    fn note(&self, what: &str, seen: impl std::fmt::Display) {
        say(format!("note  {what}: {seen}"));
    }

    fn bad(&mut self, what: &str, seen: impl std::fmt::Display, advice: &str) {
        self.bad += 1;
        say(format!("BAD   {what}: {seen}\n      -> {advice}"));
    }
}

pub(super) async fn run(config: &Config) -> Result<ExitCode> {
    let mut findings = Findings { bad: 0 };
    findings.good("configuration", "read");
    let wired = match wire(config).await {
        Ok(wired) => wired,
        Err(error) => {
            let advice =
                "mend the option it names; for a new PostgreSQL store run `countersign migrate` first";
            findings.bad("start", format!("{error:#}"), advice);
            return Ok(ExitCode::FAILURE);
        }
    };
    look_at_store(&wired, &mut findings).await;
    look_at_policy(&wired, config, &mut findings).await;
    look_at_targets(&wired, &mut findings).await;
    let standing = wired.services.warrant_standing();
    findings.note(
        "warrants",
        format!(
            "{standing}: approvals are believed on the database's word; there is no transparency log yet"
        ),
    );
    if config.identities.is_empty() {
        let advice = "make one with `countersign token new` and put its lines into the configuration";
        findings.bad("identities", "nobody can decide or register runs", advice);
    }
    wired.stores.close().await;
    if findings.bad == 0 {
        say("\nall is well");
        Ok(ExitCode::SUCCESS)
    } else {
        say(format!("\n{} to mend", findings.bad));
        Ok(ExitCode::FAILURE)
    }
}

async fn look_at_store(wired: &Wired, findings: &mut Findings) {
    match wired.services.queries().ping().await {
        Err(error) => {
            findings.bad("store", error, "check that the database runs and that store.url leads to it");
        }
        Ok(now) => {
            findings.good("store", "answers");
            let host = ambient::host_now();
            let apart = host.since(now).0.max(now.since(host).0);
            if apart > CLOCK_SLACK_MS {
                let seen = format!("the host and the database are {apart} ms apart");
                findings.bad(
                    "clock",
                    seen,
                    "synchronise both with NTP; tokens begin and end by the host's clock",
                );
            } else {
                findings.good("clock", format!("the host and the database agree within {apart} ms"));
            }
        }
    }
}

async fn look_at_policy(wired: &Wired, config: &Config, findings: &mut Findings) {
    match wired.stores.ledger.load_policy(None).await {
        Err(error) => findings.bad("policy", error, "see store"),
        Ok(None) => match &config.policy.bootstrap_file {
            Some(file) => {
                findings.note(
                    "policy",
                    format!("none is active; `{}` will be at the first start", file.display()),
                );
            }
            None => findings.bad(
                "policy",
                "none is active: everything is refused",
                "set policy.bootstrap_file, or run `countersign policy activate FILE`",
            ),
        },
        Ok(Some(text)) => match policy_text::active_policy(&wired.services).await {
            Ok(_) => findings.good("policy", format!("number {}, {}", text.stamp.number, text.stamp.digest)),
            Err(error) => findings.bad(
                "policy",
                error,
                "the text names tools whose targets are not configured here, or vice versa: mend either",
            ),
        },
    }
}

async fn look_at_targets(wired: &Wired, findings: &mut Findings) {
    let projects: Vec<Repository> = match policy_text::active_policy(&wired.services).await {
        Ok(policy) => policy.projects().map(|(_, project)| project.repository.clone()).collect(),
        Err(_) => Vec::new(),
    };
    match &wired.targets.github {
        None => findings.note("github", "not configured: secret.sync.github_k8s is not offered"),
        Some(_) if projects.is_empty() => {
            findings.note("github", "no project of the policy names a repository")
        }
        Some(github) => {
            for repository in projects {
                let what = format!("github {repository}");
                let place = SecretPlace { repository, environment: None };
                report(findings, &what, github.access(&place).await);
            }
        }
    }
    match &wired.targets.kubernetes {
        None => findings.note("kubernetes", "not configured: secret.sync.github_k8s is not offered"),
        Some(kubernetes) => match Namespace::parse("default") {
            Ok(namespace) => {
                let access = kubernetes.access(&namespace, "countersign-doctor").await;
                // Least privilege has no rights in `default`; that the cluster answered is what counts here.
                match access {
                    Ok(Access::Allowed) => findings.good("kubernetes", "answers"),
                    Ok(Access::Refused { .. }) => findings.good("kubernetes", "answers and knows us"),
                    Err(error) => report(findings, "kubernetes", Err(error)),
                }
            }
            Err(error) => findings.bad("kubernetes", error, "report this"),
        },
    }
    for (environment, server) in wired.targets.databases.iter() {
        let what = format!("databases of {environment} on {}", server.name());
        report(findings, &what, server.access().await);
        if let Ok(name) = DatabaseName::parse("countersign_doctor")
            && let Err(error) = server.look(&name).await
        {
            report(findings, &what, Err(error));
        }
    }
}

fn report(findings: &mut Findings, what: &str, access: Result<Access, TargetError>) {
    match access {
        Ok(Access::Allowed) => findings.good(what, "answers, and our credentials suffice"),
        Ok(Access::Refused { why }) => {
            findings.bad(what, why, "give our credentials the rights docs/operations.md lists");
        }
        Err(error) => {
            let advice = match error.kind {
                TargetErrorKind::Unreachable | TargetErrorKind::NoAnswer => {
                    "check the address and that the network lets us through"
                }
                TargetErrorKind::Unauthorized => "the credentials are not accepted: replace them",
                TargetErrorKind::Forbidden => "give our credentials the rights docs/operations.md lists",
                TargetErrorKind::NotFound => "check the names in the configuration and the policy text",
                TargetErrorKind::Conflict
                | TargetErrorKind::Invalid
                | TargetErrorKind::RateLimited { .. }
                | TargetErrorKind::Broken => "try again; if it stays so, look at the target's own logs",
            };
            findings.bad(what, error, advice);
        }
    }
}
