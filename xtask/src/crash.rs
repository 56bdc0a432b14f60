//! `cargo xtask crash`: the crash harness, and the check that nothing of it is in what is released.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::{
    image,
    programs::{self, Profile},
    shell,
    workspace::{self, RELEASE_FEATURES},
};

/// What only a server with crash points, or with a deliberate fault, has in it: the variables that it reads.
const MARKS: [&str; 2] = ["COUNTERSIGN_CRASH_FOLDER", "COUNTERSIGN_PLANT"];

/// Arguments of `crash`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Check that a server built without these features has no crash points and no planted faults in it.
    #[arg(long)]
    absent: bool,
    /// Passed on: `--points`, `--random N`, `--cut N`, `--planted`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Runs the harness.
pub(crate) fn run(args: &Args) -> Result<()> {
    if args.absent {
        return absent();
    }
    let rest: Vec<&str> = args.rest.iter().map(String::as_str).collect();
    play(&rest)
}

/// Runs the harness with these arguments.
pub(crate) fn play(arguments: &[&str]) -> Result<()> {
    image::ensure(false)?;
    let folder = programs::build(Profile::Debug, &["crash", "countersign"])?;
    shell::run(Command::new(folder.join("crash")).args(arguments))
}

/// Builds the server without crash points and with them, and looks for the marks in both: a mark that is nowhere would prove nothing. The
/// demo is in both, so that dependencies are compiled once; that it brings no crash points is a test of this module.
pub(crate) fn absent() -> Result<()> {
    let mut plain = workspace::cargo();
    let arguments =
        ["build", "--workspace", "--examples", "--features", RELEASE_FEATURES, "--bin", "countersign"];
    shell::run(plain.args(arguments))?;
    let server = workspace::target().join("debug").join("countersign");
    let found = marks_in(&server)?;
    if !found.is_empty() {
        bail!("a server without crash points holds {found:?}");
    }
    let folder = programs::build(Profile::Debug, &["countersign"])?;
    let found = marks_in(&folder.join("countersign"))?;
    if found != MARKS {
        bail!("a server with all features should hold {MARKS:?}, and holds {found:?}");
    }
    println!("no crash point and no planted fault is in a server that isn't built for them");
    Ok(())
}

fn marks_in(program: &Path) -> Result<Vec<&'static str>> {
    let bytes = fs::read(program).with_context(|| format!("reading `{}`", program.display()))?;
    Ok(MARKS.into_iter().filter(|mark| holds(&bytes, mark.as_bytes())).collect())
}

fn holds(bytes: &[u8], mark: &[u8]) -> bool {
    let Some((first, _)) = mark.split_first() else { return true };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = &rest[at..];
        if rest.starts_with(mark) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_wherever_it_stands() {
        assert!(holds(b"xxCOUCOUNTERSIGN_PLANT", b"COUNTERSIGN_PLANT"));
        assert!(!holds(b"COUNTERSIGN_PLAN", b"COUNTERSIGN_PLANT"));
    }

    #[test]
    fn no_feature_of_the_server_is_on_by_default() {
        let metadata = workspace::metadata().unwrap();
        let app = metadata.workspace_packages().into_iter().find(|package| package.name == "countersign-app");
        let features = &app.unwrap().features;
        assert!(features.contains_key("planted") && features.contains_key("crash"), "{features:?}");
        assert!(features.get("default").is_none_or(Vec::is_empty), "{features:?}");
        let demo: Vec<_> = features["demo"].iter().filter(|on| !on.starts_with("dep:")).collect();
        assert!(demo.is_empty(), "the demo turns on {demo:?}");
    }
}
