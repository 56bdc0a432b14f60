//! The command line, as clap reads it.

mod guard;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
        server: ServerArgs,
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

/// Which server, and as whom.
#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// The server's gRPC address.
    #[arg(long, env = "COUNTERSIGN_SERVER", default_value = "http://127.0.0.1:7443")]
    pub server: String,
    /// A file that holds the bearer token; the variable COUNTERSIGN_TOKEN otherwise.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// Approval commands.
#[derive(Debug, Subcommand)]
pub enum ApprovalsCommand {
    /// List what waits for a decision.
    List {
        /// Only this project.
        #[arg(long)]
        project: Option<String>,
        /// The server.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show exactly what would be done.
    Show {
        /// The request.
        id: String,
        /// The server.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Approve the plan of this digest.
    Approve {
        /// The request.
        id: String,
        /// The decision.
        #[command(flatten)]
        decision: DecisionArgs,
    },
    /// Deny the plan of this digest.
    Deny {
        /// The request.
        id: String,
        /// The decision.
        #[command(flatten)]
        decision: DecisionArgs,
    },
    /// Answer a question.
    Answer {
        /// The request.
        id: String,
        /// The digest that `show` printed.
        #[arg(long)]
        digest: String,
        /// The number of an option, from 0.
        #[arg(long, required_unless_present = "text", conflicts_with = "text")]
        option: Option<u32>,
        /// Your own words.
        #[arg(long)]
        text: Option<String>,
        /// The server.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Settle an `unknown` request by your word, after looking at its targets: `show` says what is known of each step.
    ResolveUnknown {
        /// The request.
        id: String,
        /// What became of it: `applied` if everything was done, `failed` if nothing was done or all was undone.
        #[arg(long)]
        verdict: VerdictArg,
        /// How that is known, 1 to 1000 characters; kept with your name. Never write a secret here.
        #[arg(long)]
        reason: String,
        /// The server.
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// What became of an unknown request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerdictArg {
    /// It was done.
    Applied,
    /// It was not done, or was undone.
    Failed,
}

/// Database commands.
#[derive(Debug, Subcommand)]
pub enum DatabasesCommand {
    /// List the databases in quarantine, and until when each is kept.
    List {
        /// The server.
        #[command(flatten)]
        server: ServerArgs,
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
        server: ServerArgs,
    },
}

/// A decision.
#[derive(Debug, Args)]
pub struct DecisionArgs {
    /// The digest that `show` printed: what you saw is what you decide.
    #[arg(long)]
    pub digest: String,
    /// Why.
    #[arg(long, default_value = "")]
    pub reason: String,
    /// The server.
    #[command(flatten)]
    pub server: ServerArgs,
}
