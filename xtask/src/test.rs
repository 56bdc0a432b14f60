//! All tests, by cargo's own runner, with a time budget for each suite.
//!
//! One process for each suite, so that the tests in it share one PostgreSQL container; runners that start a process for each test would
//! start a container for each, too.

mod report;

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;

use crate::{
    image, shell,
    workspace::{self, FEATURES},
};
use report::{Report, Suite};

const TICK: Duration = Duration::from_millis(200);

/// Arguments of `test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install and start Docker and build the PostgreSQL image where they are missing.
    #[arg(long)]
    pub(crate) install: bool,
    /// Passed on to `cargo test`, such as `-p countersign-policy` or a part of a test's name.
    #[arg(last = true)]
    pub(crate) rest: Vec<String>,
}

/// Runs the tests and fails when one fails or a suite takes longer than its budget.
pub(crate) fn run(args: &Args) -> Result<()> {
    image::ensure(args.install)?;
    let selection = selection(&args.rest);
    if args.rest.is_empty() {
        // The suites start the server program, which `cargo test` alone would not build.
        shell::run(workspace::cargo().args(["build", "--all-targets"]).args(&selection))?;
    }
    let suites = compile(&selection)?;
    println!("\n{} suites; each has {} s, except:", suites.len(), report::DEFAULT_BUDGET_S);
    for (name, seconds) in report::BUDGETS_S {
        println!("  {name:<28} {seconds:>5} s");
    }
    let mut report = Report::new(suites);
    let start = shell::now();
    let status = watch(&mut report, &selection)?;
    println!("\n{}", report.render(start.elapsed()));
    if !status.success() || !report.passed() {
        bail!("tests failed");
    }
    Ok(())
}

/// What cargo is asked to build and run: everything, unless the arguments name packages themselves.
fn selection(rest: &[String]) -> Vec<String> {
    let names_packages =
        rest.iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package") || arg == "--workspace");
    let everything = ["--workspace", "--features", FEATURES].map(str::to_owned);
    let everything = if names_packages { Vec::new() } else { everything.to_vec() };
    everything.into_iter().chain(rest.iter().cloned()).collect()
}

/// Compiles the tests and tells which executable is which suite.
fn compile(selection: &[String]) -> Result<HashMap<String, Suite>> {
    let options = selection.split(|arg| arg == "--").next().unwrap_or_default();
    let mut command = workspace::cargo();
    command.args(["test", "--no-run", "--message-format=json-render-diagnostics"]).args(options);
    println!("$ {}", shell::shown(&command));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("starting cargo")?;
    let stdout = child.stdout.take().context("cargo has no output")?;
    let mut suites = HashMap::new();
    for message in Message::parse_stream(BufReader::new(stdout)) {
        let Message::CompilerArtifact(artifact) = message? else { continue };
        let Some(executable) = artifact.executable.filter(|_| artifact.profile.test) else { continue };
        let package =
            artifact.manifest_path.parent().and_then(|folder| folder.file_name()).unwrap_or_default();
        let name = if artifact.target.is_test() || artifact.target.is_bench() {
            format!("{package}::{}", artifact.target.name)
        } else {
            package.to_owned()
        };
        let file = executable.file_name().unwrap_or_default().to_owned();
        suites.insert(file, Suite { name, executable: Some(executable.into_std_path_buf()) });
    }
    if !child.wait()?.success() {
        bail!("the tests do not compile");
    }
    Ok(suites)
}

/// Runs cargo's runner, passes on what it says, and ends suites that are over their budget.
fn watch(report: &mut Report, selection: &[String]) -> Result<ExitStatus> {
    let mut command = workspace::cargo();
    command.env("CARGO_TERM_COLOR", "never");
    command.args(["test", "--no-fail-fast"]).args(selection);
    println!("\n$ {}", shell::shown(&command));
    let (mut child, lines) = start(&mut command)?;
    let start = shell::now();
    let mut status = None;
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => {
                println!("{line}");
                report.line(&line, start.elapsed());
            }
            // Servers that a killed suite left behind may keep the pipe open, so the end of cargo is the end.
            Err(RecvTimeoutError::Timeout) if status.is_some() => break,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if let Some(suite) = report.overdue(start.elapsed()) {
            println!("suite `{}` is over its budget, ending it", suite.name);
            end(&suite, &mut child);
        }
        status = status.or(child.try_wait()?);
    }
    Ok(child.wait()?)
}

/// Starts a program with stdout and stderr in one pipe: the names of suites come on one and their results on the other.
fn start(command: &mut Command) -> Result<(Child, Receiver<String>)> {
    let (reader, writer) = std::io::pipe()?;
    let child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .context("starting cargo")?;
    // The command keeps its ends of the pipe open otherwise, and the reader would never see the end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(reader).split(b'\n').map_while(std::io::Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
    Ok((child, receiver))
}

/// Ends the process of one suite, found by its executable; cargo then reports it as failed and goes on with the next.
fn end(suite: &Suite, cargo: &mut Child) {
    let pids = suite.executable.as_ref().map(processes_of).unwrap_or_default();
    if pids.is_empty() {
        // Doc-tests have no executable of their own. Already gone is as good as killed.
        let _ = cargo.kill();
    }
    for pid in pids {
        let _ = shell::succeeds(Command::new("kill").args(["-KILL", &pid]));
    }
}

fn processes_of(executable: &PathBuf) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let entries = entries.filter_map(Result::ok);
    let running =
        entries.filter(|entry| fs::read_link(entry.path().join("exe")).is_ok_and(|path| path == *executable));
    running.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn everything_is_selected_unless_packages_are_named() {
        assert_eq!(
            selection(&[]),
            words("--workspace --features countersign-app/demo,countersign-app/planted")
        );
        assert_eq!(
            selection(&words("some_test")),
            words("--workspace --features countersign-app/demo,countersign-app/planted some_test")
        );
        assert_eq!(
            selection(&words("-p countersign-policy -- --nocapture")),
            words("-p countersign-policy -- --nocapture")
        );
    }

    #[test]
    fn both_outputs_of_a_program_arrive_and_end() {
        let (mut child, lines) = start(Command::new("sh").args(["-c", "echo out; echo err >&2"])).unwrap();
        let mut found: Vec<String> = lines.iter().collect();
        found.sort();
        assert_eq!(found, ["err", "out"]);
        assert!(child.wait().unwrap().success());
    }
}
