//! Checks by programs of others, which may be missing: buf, redocly and schemathesis for the contracts, Chromium for the console, cargo-deny for
//! what is linked.
//!
//! Pinned, so that a new release of theirs can't fail a change of ours. Where CI is set, a check that can't be made is a failure; elsewhere it
//! is said in a way that can't be missed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Error, Result, bail};

use crate::{
    browser, contract, machine, shell,
    steps::Done,
    workspace::{self, cargo},
};

const BUF: &str = "1.75.0";
const REDOCLY: &str = "2.77.0";
const CARGO_DENY: &str = "0.20.2";

/// Lints the contract and checks how it is laid out.
///
/// Not yet `buf breaking`: there is no released contract to compare with. It comes with the first release, against that release's tag;
/// the rules it will go by are in proto/buf.yaml already.
pub(crate) fn proto(install: bool) -> Result<Done> {
    let buf = match buf(install) {
        Ok(buf) => buf,
        Err(error) => return missing("the contract in proto/", &error),
    };
    let proto = workspace::root().join("proto");
    shell::run(Command::new(&buf).current_dir(&proto).arg("lint"))?;
    shell::run(Command::new(&buf).current_dir(&proto).args(["format", "-d", "--exit-code"]))?;
    Ok(Done::Checked)
}

/// The linter of the gRPC contract.
fn buf(install: bool) -> Result<PathBuf> {
    npm_program(install, "proto", "buf", "@bufbuild/buf", BUF)
}

/// Lints the OpenAPI document by the checker's own recommended rules.
pub(crate) fn openapi(install: bool) -> Result<Done> {
    let redocly = match npm_program(install, "openapi", "redocly", "@redocly/cli", REDOCLY) {
        Ok(redocly) => redocly,
        Err(error) => return missing("the document in openapi/", &error),
    };
    let mut lint = Command::new(&redocly);
    lint.current_dir(workspace::root())
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    shell::run(lint.args([
        "lint",
        "--extends=recommended",
        "--max-problems=50",
        "openapi/countersign.json",
    ]))?;
    Ok(Done::Checked)
}

/// Has schemathesis ask a server what the OpenAPI document allows, and more.
pub(crate) fn rest(install: bool) -> Result<Done> {
    match contract::rest::schemathesis(install) {
        Ok(schemathesis) => contract::rest::run(&schemathesis, &[]).map(|()| Done::Checked),
        Err(error) => missing("the REST surface against its document", &error),
    }
}

/// Has a real browser do what staff do.
pub(crate) fn browser(install: bool) -> Result<Done> {
    match browser::packages(install) {
        Ok(packages) => browser::test(&packages, &[]).map(|()| Done::Checked),
        Err(error) => missing("the console in a real browser", &error),
    }
}

/// A program out of its npm package, in a folder of its version below target; nothing is installed for the whole machine but npm itself.
fn npm_program(install: bool, step: &str, name: &str, package: &str, version: &str) -> Result<PathBuf> {
    let folder = workspace::target().join("tools").join(format!("{name}-{version}"));
    let program = folder.join("node_modules/.bin").join(name);
    if is_version(&program, version) {
        return Ok(program);
    }
    if !shell::has_program("npm") {
        if !(install || machine::is_root()) {
            bail!("npm is not installed: `apt-get install nodejs npm`, or add `--install` to the command");
        }
        machine::install_packages(step, &["nodejs", "npm"])?;
    }
    println!("{step}: installing {name} {version} into `{}`", folder.display());
    std::fs::create_dir_all(&folder)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "--prefix"]);
    shell::read(npm.arg(&folder).arg(format!("{package}@{version}")))?;
    if !is_version(&program, version) {
        bail!("npm installed {name}, but `{}` doesn't answer with its version {version}", program.display());
    }
    Ok(program)
}

/// Licences, bans and sources of everything that is linked. Advisories need a database from elsewhere; the other checks need nothing.
pub(crate) fn deny(install: bool) -> Result<Done> {
    if !shell::succeeds(cargo().args(["deny", "--version"])) {
        let package = format!("cargo-deny@{CARGO_DENY}");
        if !install {
            let how = format!(
                "`cargo install --locked {package}` (some minutes), or add `--install` to the command"
            );
            let why = Error::msg(format!("cargo-deny is not installed: {how}"));
            return missing("licences, bans and sources", &why);
        }
        println!("deny: installing {package}, which takes some minutes");
        shell::run(cargo().args(["install", "--locked", "--quiet", &package]))?;
    }
    // It looks at what other platforms link, too, which building here never downloads.
    shell::run(cargo().args(["fetch", "--locked", "--quiet"]))
        .context("fetching all crates for cargo-deny")?;
    shell::run(cargo().args(["deny", "--offline", "check", "bans", "licenses", "sources"]))?;
    Ok(Done::Checked)
}

fn is_version(program: &Path, version: &str) -> bool {
    shell::read(Command::new(program).arg("--version")).is_ok_and(|text| text.trim() == version)
}

/// A check could not be made, for this reason.
fn missing(what: &str, why: &Error) -> Result<Done> {
    left_out(what, why, shell::variable("CI").is_some())
}

fn left_out(what: &str, why: &Error, in_ci: bool) -> Result<Done> {
    if in_ci {
        bail!("{what} can't be checked, and CI is set: {why:#}");
    }
    println!("\n  !!! NOT CHECKED: {what}\n  !!! {why:#}\n");
    Ok(Done::LeftOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_can_not_be_made_is_left_out_but_not_in_ci() {
        let why = Error::msg("buf is not installed");
        assert_eq!(left_out("the contract", &why, false).unwrap(), Done::LeftOut);
        let error = left_out("the contract", &why, true).unwrap_err().to_string();
        assert_eq!(error, "the contract can't be checked, and CI is set: buf is not installed");
    }

    #[test]
    fn only_the_pinned_version_of_a_program_is_taken() {
        // Whatever this machine's `echo` answers stands for a version.
        let echo = Path::new("echo");
        let said = shell::read(Command::new(echo).arg("--version")).unwrap();
        assert!(is_version(echo, said.trim()));
        assert!(!is_version(echo, "1.2.3"));
        assert!(!is_version(Path::new("countersign-no-such-program"), "1.2.3"));
    }
}
