//! `countersign guard`: print manifests for a cluster.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use countersign_adapters_k8s::guard::{
    AdmissionGuard, Manifests, NamespaceScope, Rights, ServiceAccountName,
};
use countersign_kernel::Namespace;

use super::say;
use crate::cli::{AdmissionArgs, GuardCommand, ManifestFormat, PrintArgs, RbacArgs};
use crate::config::load;

pub(super) fn run(command: &GuardCommand) -> Result<ExitCode> {
    match command {
        GuardCommand::Kubernetes(args) => print(&admission(args)?, &args.print),
        GuardCommand::Rbac(args) => print(&rights(args)?, &args.print),
    }
}

fn print(manifests: &Manifests, args: &PrintArgs) -> Result<ExitCode> {
    let text = match args.output {
        ManifestFormat::Yaml => manifests.to_yaml()?,
        ManifestFormat::Json => manifests.to_json()?,
    };
    say(text.trim_end());
    Ok(ExitCode::SUCCESS)
}

fn admission(args: &AdmissionArgs) -> Result<Manifests> {
    let namespaces = args.namespaces.iter().map(|name| {
        Namespace::parse(name)
            .with_context(|| format!("--namespace {name}: leave the option away to guard all namespaces"))
    });
    // What Kubernetes takes as a field manager
    // (`ValidateFieldManager` in apimachinery/pkg/apis/meta/v1/validation/validation.go).
    let usable = |c: char| !c.is_control();
    if args.field_manager.is_empty()
        || args.field_manager.chars().count() > 128
        || !args.field_manager.chars().all(usable)
    {
        bail!("--field-manager: expected 1 to 128 printable characters");
    }
    let guard = AdmissionGuard {
        service_account: account(&args.print)?,
        namespaces: namespaces.collect::<Result<_>>()?,
        field_manager: args.field_manager.clone(),
        cleaners: args.cleaners.clone(),
    };
    Ok(guard.manifests())
}

fn rights(args: &RbacArgs) -> Result<Manifests> {
    let patterns = match &args.config {
        None => args.namespaces.clone(),
        Some(file) => configured(file)?,
    };
    Ok(Rights { service_account: account(&args.print)?, scope: scope(&patterns)? }.manifests())
}

fn account(args: &PrintArgs) -> Result<ServiceAccountName> {
    args.service_account.parse().context("--service-account")
}

fn configured(file: &Path) -> Result<Vec<String>> {
    let config = load::from_file(file)?;
    let patterns: Vec<_> = config.targets.namespaces.into_iter().flat_map(|rule| rule.namespaces).collect();
    if patterns.is_empty() {
        bail!("`{}` has no targets.namespaces: Countersign may write to no namespace", file.display());
    }
    Ok(patterns)
}

/// Named namespaces, each once; or all, where one is a pattern.
fn scope(patterns: &[String]) -> Result<NamespaceScope> {
    if patterns.iter().any(|pattern| pattern.contains(['*', '{'])) {
        return Ok(NamespaceScope::All);
    }
    let mut namespaces: Vec<Namespace> = Vec::new();
    for pattern in patterns {
        let namespace = Namespace::parse(pattern).with_context(|| format!("namespace `{pattern}`"))?;
        if !namespaces.contains(&namespace) {
            namespaces.push(namespace);
        }
    }
    Ok(NamespaceScope::These(namespaces))
}
