//! The options of `countersign guard`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Guard commands.
#[derive(Debug, Subcommand)]
pub enum GuardCommand {
    /// An admission policy: nobody but Countersign writes a Secret that Countersign manages.
    Kubernetes(AdmissionArgs),
    /// Countersign's service account with the rights it needs and no others.
    Rbac(RbacArgs),
}

/// What every guard command is told.
#[derive(Debug, Args)]
pub struct PrintArgs {
    /// Print the manifests. Nothing is ever sent to a cluster.
    #[arg(long, required = true)]
    pub print: bool,
    /// Countersign's service account, as `namespace/name`.
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "countersign/countersign")]
    pub service_account: String,
    /// How to print them.
    #[arg(long, value_enum, default_value_t = ManifestFormat::Yaml)]
    pub output: ManifestFormat,
}

/// How manifests are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ManifestFormat {
    /// One document for each manifest.
    Yaml,
    /// One list of all.
    Json,
}

/// The admission policy.
#[derive(Debug, Args)]
pub struct AdmissionArgs {
    /// What to print.
    #[command(flatten)]
    pub print: PrintArgs,
    /// A namespace the policy is about; several times for several, all when left away.
    #[arg(long = "namespace", value_name = "NAMESPACE")]
    pub namespaces: Vec<String>,
    /// The field manager of the configuration (`targets.field_manager`).
    #[arg(long, default_value = "countersign")]
    pub field_manager: String,
    /// One more user who may delete managed Secrets, beside Kubernetes' namespace controller and garbage collector.
    #[arg(long = "cleaner", value_name = "USERNAME")]
    pub cleaners: Vec<String>,
}

/// The rights.
#[derive(Debug, Args)]
pub struct RbacArgs {
    /// What to print.
    #[command(flatten)]
    pub print: PrintArgs,
    /// A namespace, or a pattern as in `targets.namespaces`; several times for several.
    #[arg(long = "namespace", value_name = "PATTERN", required_unless_present = "config")]
    pub namespaces: Vec<String>,
    /// Take the namespaces from this configuration file.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_CONFIG", conflicts_with = "namespaces")]
    pub config: Option<PathBuf>,
}
