//! Holds what speaks a protocol against the description of it.
//!
//! `rest`: our own surface, which schemathesis asks everything its document allows, and much that it doesn't.
//!
//! `github`: an adapter against its target's own description of its API: a validator serves the description, refuses every request that
//! it doesn't allow, and answers with its examples. Not part of `ci`: it needs node and some 450 MB from npm. It takes a minute once those
//! are there.

mod description;
pub(crate) mod rest;

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{
    shell,
    workspace::{self, FEATURES},
};

/// What is installed, with exact versions: GitHub's description, and what serves and validates it.
const PACKAGES: [(&str, &str); 2] = [("@octokit/openapi", "23.0.2"), ("@stoplight/prism-cli", "5.16.0")];

/// GitHub's description inside its package.
const DESCRIPTION: &str = "node_modules/@octokit/openapi/generated/api.github.com.json";

/// The paths that the adapter uses, without which the description takes minutes to load.
const PATHS: [&str; 5] = [
    "/rate_limit",
    "/repos/{owner}/{repo}/actions/secrets/public-key",
    "/repos/{owner}/{repo}/actions/secrets/{secret_name}",
    "/repos/{owner}/{repo}/environments/{environment_name}/secrets/public-key",
    "/repos/{owner}/{repo}/environments/{environment_name}/secrets/{secret_name}",
];

/// How long the validator may take to listen.
const START: Duration = Duration::from_secs(60);

/// Arguments of `contract`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to hold against its description.
    target: Target,
    /// Install node and npm, or Python, where they are missing (Debian, as root).
    #[arg(long)]
    install: bool,
    /// Passed on, for `rest`: `--requests N`, `--seed N`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    Github,
    Rest,
}

/// Holds it against its description.
pub(crate) fn run(args: &Args) -> Result<()> {
    match args.target {
        Target::Github if !args.rest.is_empty() => bail!("`github` takes nothing more: {:?}", args.rest),
        Target::Github => github(args.install),
        Target::Rest => rest::run(&rest::schemathesis(args.install)?, &args.rest),
    }
}

fn github(install: bool) -> Result<()> {
    ensure_node(install)?;
    let folder = workspace::target().join("contract/github");
    ensure_packages(&folder)?;
    let whole = fs::read_to_string(folder.join(DESCRIPTION)).context("reading GitHub's description")?;
    let cut = description::cut(&whole, &PATHS)?;
    fs::write(folder.join("github.json"), cut)?;
    let (validator, url) = serve(&folder)?;
    let mut command = workspace::cargo();
    command.env("COUNTERSIGN_TEST_GITHUB_DESCRIPTION", &url);
    // The same selection as all other commands, so that nothing is compiled anew for other features.
    command.args(["test", "--workspace", "--features", FEATURES, "--test", "actions_secrets", "described"]);
    let outcome = shell::run(&mut command);
    drop(validator);
    outcome.with_context(|| format!("the validator's log is `{}`", folder.join("validator.log").display()))
}

fn ensure_node(install: bool) -> Result<()> {
    if shell::has_program("node") && shell::has_program("npm") {
        return Ok(());
    }
    if !install {
        bail!("node and npm are needed; `--install` installs them on Debian");
    }
    shell::run(Command::new("apt-get").args(["update", "--quiet"]))?;
    shell::run(Command::new("apt-get").args(["install", "-y", "--no-install-recommends", "nodejs", "npm"]))
}

/// Installs the packages unless just these versions are there.
fn ensure_packages(folder: &Path) -> Result<()> {
    if PACKAGES.iter().all(|(name, version)| installed(folder, name).as_deref() == Some(*version)) {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join("package.json"), r#"{"private": true}"#)?;
    let mut command = Command::new("npm");
    command.current_dir(folder).args(["install", "--no-audit", "--no-fund", "--ignore-scripts"]);
    command.arg("--save-exact").args(PACKAGES.map(|(name, version)| format!("{name}@{version}")));
    shell::run(&mut command)
}

fn installed(folder: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join("node_modules").join(name).join("package.json")).ok()?;
    let package: serde_json::Value = serde_json::from_str(&text).ok()?;
    package["version"].as_str().map(str::to_owned)
}

/// A validator that is stopped when it is dropped.
struct Validator(Child);

impl Drop for Validator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(folder: &Path) -> Result<(Validator, String)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let log = fs::File::create(folder.join("validator.log"))?;
    let script: PathBuf = folder.join("node_modules/@stoplight/prism-cli/dist/index.js");
    let mut command = Command::new("node");
    // `--errors`: a request that the description doesn't allow is answered with 422 instead of an example.
    command.arg(script).args(["mock", "--errors", "--host", "127.0.0.1", "--port", &port.to_string()]);
    command.arg(folder.join("github.json")).stdin(Stdio::null()).stderr(log.try_clone()?).stdout(log);
    println!("$ {}", shell::shown(&command));
    let mut validator = Validator(command.spawn().context("starting the validator")?);
    let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    let mut over = false;
    let ready = shell::wait_until(START, || {
        over = matches!(validator.0.try_wait(), Ok(Some(_)));
        over || listens()
    });
    if !ready || over {
        let said = fs::read_to_string(folder.join("validator.log")).unwrap_or_default();
        bail!("the validator does not listen: {said}");
    }
    Ok((validator, format!("http://127.0.0.1:{port}")))
}
