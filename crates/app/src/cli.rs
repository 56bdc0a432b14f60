//! The command line, as clap reads it.

mod approvals;
mod guard;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use approvals::{
    AnswerArgs, ApprovalsCommand, CancelArgs, DecisionArgs, ListArgs, ListOrder, ResolveArgs, ShowArgs,
    StaffArgs, Until, VerdictArg, WatchArgs,
};
pub use guard::{AdmissionArgs, GuardCommand, ManifestFormat, PrintArgs, RbacArgs};

/// The control plane between agents and privileged operations.
#[derive(Debug, Parser)]
#[command(name = "countersign", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    Serve(ConfigArgs),
    /// Bring the store's tables up to this version.
    Migrate(ConfigArgs),
    /// Check, explain or activate a policy text.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Make tokens and keys.
    #[command(subcommand)]
    Token(TokenCommand),
    /// See and rotate the master keys that seal secret values, in the configured store.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// End sessions of people who have signed in with a browser, in the configured store.
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// See and decide what waits.
    #[command(subcommand)]
    Approvals(ApprovalsCommand),
    /// Print manifests that keep others away from what Countersign manages, and Countersign from what it doesn't.
    #[command(subcommand)]
    Guard(GuardCommand),
    /// See and restore databases in quarantine.
    #[command(subcommand)]
    Databases(DatabasesCommand),
    /// Look at configuration, store, targets and warrants, and say what to do.
    Doctor(ConfigArgs),
    /// Print what makes a shell complete this command line.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Play the whole story on a server of its own, with simulated targets.
    #[cfg(feature = "demo")]
    Demo {
        /// Leave the server running, and print how to act on it by hand.
        #[arg(long)]
        stay: bool,
    },
}

/// Which configuration.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ConfigArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_CONFIG")]
    pub config: Option<PathBuf>,
    /// Keep everything in this folder, SQLite included; made on the first start.
    #[arg(long, value_name = "DIR")]
    pub embedded: Option<PathBuf>,
}

/// Policy commands.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check a text without a server.
    Check {
        /// The text.
        file: PathBuf,
    },
    /// Say what a text answers to one cell, and why; without a server.
    Explain {
        /// The text.
        file: PathBuf,
        /// The cell.
        #[command(flatten)]
        cell: CellArgs,
    },
    /// Make a text the active one on all replicas.
    Activate {
        /// The text.
        file: PathBuf,
        /// The server.
        #[command(flatten)]
        server: GrpcArgs,
    },
}

/// One cell of the matrix.
#[derive(Debug, Args)]
pub struct CellArgs {
    /// The project.
    #[arg(long)]
    pub project: String,
    /// The kind of agent.
    #[arg(long)]
    pub agent_key: String,
    /// What the run is for.
    #[arg(long)]
    pub run_label: String,
    /// `full-env` or `code-only`.
    #[arg(long, default_value = "full-env")]
    pub runtime_mode: String,
    /// The tool.
    #[arg(long)]
    pub tool: String,
    /// The action.
    #[arg(long)]
    pub action: String,
    /// The environment, for tools that have one.
    #[arg(long)]
    pub environment: Option<String>,
}

/// Token commands.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a bearer token and print the configuration lines for it.
    New {
        /// Whose, such as `user:github:alice`.
        #[arg(long)]
        principal: String,
        /// What its holder may see and do; several times for several.
        #[arg(long = "role", required = true)]
        roles: Vec<String>,
    },
    /// Make a key that signs run tokens.
    RunKey,
    /// Make a master key that seals secret values.
    MasterKey,
}

/// Master key commands.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Say how many sealed values need which master key. Fails when one is needed that is not configured.
    Status(ConfigArgs),
    /// Wrap what an older master key wraps anew, under the active one. Fails when something still needs an older one afterwards.
    Rewrap(ConfigArgs),
}

/// Session commands.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// End all sessions of a person, wherever they are signed in.
    End {
        /// Whose, such as `user:corp:alice`.
        principal: String,
        /// Which configuration.
        #[command(flatten)]
        config: ConfigArgs,
    },
}

/// Which server, and as whom, for what only gRPC offers.
#[derive(Clone, Debug, Args)]
pub struct GrpcArgs {
    /// The server's gRPC address.
    #[arg(
        long,
        value_name = "URL",
        env = "COUNTERSIGN_GRPC_SERVER",
        default_value = "http://127.0.0.1:7443"
    )]
    pub server: String,
    /// A file that holds the bearer token; the variable COUNTERSIGN_TOKEN otherwise.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// Database commands.
#[derive(Debug, Subcommand)]
pub enum DatabasesCommand {
    /// List the databases in quarantine, and until when each is kept.
    List {
        /// The server.
        #[command(flatten)]
        server: GrpcArgs,
    },
    /// Give a quarantined database its name back and open it to connections.
    Restore {
        /// The configured name of the database server.
        database_server: String,
        /// The name the database is kept under, as `list` prints it.
        kept_as: String,
        /// Why; it is audited.
        #[arg(long)]
        reason: String,
        /// The server.
        #[command(flatten)]
        server: GrpcArgs,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f";
    const ID: &str = "01932d5e-7a00-7000-8000-000000000001";

    fn parsed(line: &str) -> Result<ApprovalsCommand, String> {
        let words = ["countersign", "approvals"].into_iter().chain(line.split_whitespace());
        match Cli::try_parse_from(words).map(|cli| cli.command) {
            Ok(Command::Approvals(command)) => Ok(command),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => {
                assert_eq!(error.exit_code(), 2);
                Err(error.to_string())
            }
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_decision_names_requests_and_what_was_seen_of_each() {
        let one = parsed(&format!("approve {ID} --digest {DIGEST} --etag 3-4f4f")).unwrap();
        let ApprovalsCommand::Approve(one) = one else { panic!("{one:?}") };
        assert_eq!((one.ids.len(), one.digests.len(), one.reason.as_str()), (1, 1, ""));
        let two = parsed(&format!("deny {ID} {ID} --digest {DIGEST} --digest {DIGEST} --reason no")).unwrap();
        let ApprovalsCommand::Deny(two) = two else { panic!("{two:?}") };
        assert_eq!((two.ids.len(), two.digests.len(), two.reason.as_str()), (2, 2, "no"));
    }

    #[test]
    fn what_is_malformed_is_refused_before_anything_is_sent() {
        for (line, named) in [
            ("approve", "<ID>"),
            ("approve 17", "17"),
            ("show ../runs", "../runs"),
            (&format!("approve {ID} --digest sha256:4f"), "sha256:4f"),
            (&format!("approve {ID} --etag 3-4f4f"), "--digest"),
            (&format!("answer {ID} --digest {DIGEST}"), "--option"),
            (&format!("answer {ID} --option 0 --text yes"), "--text"),
            (&format!("resolve-unknown {ID} --verdict perhaps --reason x"), "applied, failed"),
            ("list --state open", "open"),
            ("list --limit 0", "--limit"),
            ("list --server ftp://c.example.org", "https://"),
            ("watch --until settled", "ID"),
            (&format!("watch {ID} --until settled --type run."), "--type"),
        ] {
            let said = parsed(line).unwrap_err();
            assert!(said.contains(named), "`{line}`: `{named}` is not in:\n{said}");
        }
    }

    #[test]
    fn a_credential_in_an_address_is_not_used() {
        let said = parsed("list --server https://alice:hunter2@c.example.org").unwrap_err();
        assert!(said.contains("COUNTERSIGN_TOKEN"), "{said}");
    }
}
