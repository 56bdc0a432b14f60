//! The options of `countersign approvals`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use countersign_kernel::{Digest, RequestId};

use crate::client::rest::{EntityTag, RequestState, ServerAddress};

/// Approval commands.
#[derive(Debug, Subcommand)]
pub enum ApprovalsCommand {
    /// List requests: what waits for a person, unless --state says otherwise.
    List(ListArgs),
    /// Show exactly what would be done.
    Show(ShowArgs),
    /// Approve exactly what was shown.
    Approve(DecisionArgs),
    /// Deny what was shown.
    Deny(DecisionArgs),
    /// Answer a question.
    Answer(AnswerArgs),
    /// Withdraw a request that has not begun.
    Cancel(CancelArgs),
    /// Settle an `unknown` request by your word, after looking at its targets: `show` says what is known of each step.
    ResolveUnknown(ResolveArgs),
    /// Follow what happens, as it happens.
    Watch(WatchArgs),
}

/// Which server, as whom, and in which form it answers.
#[derive(Clone, Debug, Args)]
pub struct StaffArgs {
    /// The server's address, the same as in a browser.
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_SERVER", default_value = "http://127.0.0.1:7480")]
    pub server: ServerAddress,
    /// A file that holds the bearer token; the variable COUNTERSIGN_TOKEN otherwise.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// One more authority whose word for the server's certificate is taken, in PEM.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// Send the token unencrypted to another machine. Only where nobody else can listen.
    #[arg(long)]
    pub plain_http: bool,
    /// Answer with the server's own JSON, one document a line.
    #[arg(long)]
    pub json: bool,
}

/// Which requests to list.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// In this state; several times for several. `requested` and `unknown` when left away.
    #[arg(long = "state", value_enum)]
    pub states: Vec<RequestState>,
    /// Of this project.
    #[arg(long)]
    pub project: Option<String>,
    /// In this environment.
    #[arg(long)]
    pub environment: Option<String>,
    /// Of this tool.
    #[arg(long)]
    pub tool: Option<String>,
    /// Of this run.
    #[arg(long)]
    pub run: Option<String>,
    /// Found by these words, each the beginning of a word of the request: of its agent, its targets, its facts.
    #[arg(short, long = "query", value_name = "WORDS")]
    pub query: Option<String>,
    /// Which come first.
    #[arg(long, value_enum, default_value_t = ListOrder::OldestFirst)]
    pub order: ListOrder,
    /// How many at most; all when left away.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Where to go on: the `next_cursor` of a list that had a limit, with the same filter.
    #[arg(long)]
    pub cursor: Option<String>,
    /// The server.
    #[command(flatten)]
    pub staff: StaffArgs,
}

/// Which come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListOrder {
    /// What has been there longest.
    OldestFirst,
    /// What came last.
    NewestFirst,
}

/// Which request to show.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The request.
    pub id: RequestId,
    /// The server.
    #[command(flatten)]
    pub staff: StaffArgs,
}

/// A decision.
#[derive(Debug, Args)]
pub struct DecisionArgs {
    /// The request. Several are decided together: all of the decisions count, or none.
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<RequestId>,
    /// The digest that `show` printed: what you saw is what you decide. For several requests one each, in their order. On a terminal it may
    /// be left away: then each request is shown, and you are asked.
    #[arg(long = "digest", value_name = "DIGEST")]
    pub digests: Vec<Digest>,
    /// The version that `show` printed: the decision doesn't count if anything has changed since, such as another person's vote.
    #[arg(long, value_name = "VERSION", requires = "digests")]
    pub etag: Option<EntityTag>,
    /// Why, at most 1000 characters; kept with your name.
    #[arg(long, default_value = "")]
    pub reason: String,
    /// The server.
    #[command(flatten)]
    pub staff: StaffArgs,
}

/// An answer.
#[derive(Debug, Args)]
pub struct AnswerArgs {
    /// The question.
    pub id: RequestId,
    /// The digest that `show` printed. On a terminal it may be left away: then the question is shown, and you are asked.
    #[arg(long)]
    pub digest: Option<Digest>,
    /// The version that `show` printed.
    #[arg(long, value_name = "VERSION", requires = "digest")]
    pub etag: Option<EntityTag>,
    /// The number of an option, from 0.
    #[arg(long, required_unless_present = "text", conflicts_with = "text")]
    pub option: Option<u32>,
    /// Your own words.
    #[arg(long)]
    pub text: Option<String>,
    /// The server.
    #[command(flatten)]
    pub staff: StaffArgs,
}

/// A withdrawal.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// The request.
    pub id: RequestId,
    /// Why, at most 1000 characters; kept with your name.
    #[arg(long, default_value = "")]
    pub reason: String,
    /// The version that `show` printed: nothing is withdrawn if anything has changed since.
    #[arg(long, value_name = "VERSION")]
    pub etag: Option<EntityTag>,
    /// The server.
    #[command(flatten)]
    pub staff: StaffArgs,
}

/// What a person found out.
#[derive(Debug, Args)]
pub struct ResolveArgs {
    /// The request.
    pub id: RequestId,
    /// What became of it: `applied` if everything was done, `failed` if nothing was done or all was undone.
    #[arg(long)]
    pub verdict: VerdictArg,
    /// How that is known, 1 to 1000 characters; kept with your name. Never write a secret here.
    #[arg(long)]
    pub reason: String,
    /// The version that `show` printed: nothing is settled if anything has changed since.
    #[arg(long, value_name = "VERSION")]
    pub etag: Option<EntityTag>,
    /// The server.
    #[command(flatten)]
    pub staff: StaffArgs,
}

/// What became of an unknown request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerdictArg {
    /// It was done.
    Applied,
    /// It was not done, or was undone.
    Failed,
}

/// What to follow, and how long.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Only this request.
    pub id: Option<RequestId>,
    /// Wait until this holds of the request; the exit code says what became of it.
    #[arg(long, value_enum, requires = "id")]
    pub until: Option<Until>,
    /// Stop after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub timeout_s: Option<u64>,
    /// Only this run.
    #[arg(long)]
    pub run: Option<String>,
    /// Only this project.
    #[arg(long)]
    pub project: Option<String>,
    /// Only what begins so, such as `approval.denied`; `""` for everything that is recorded.
    #[arg(long = "type", value_name = "BEGINNING", default_value = "approval.", conflicts_with = "until")]
    pub kind: String,
    /// The server.
    #[command(flatten)]
    pub staff: StaffArgs,
}

/// Until when to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Until {
    /// It doesn't wait for people any more.
    Decided,
    /// It is over: nothing about it will change.
    Settled,
}
