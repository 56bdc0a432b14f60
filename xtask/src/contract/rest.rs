//! The REST surface against its own document, by schemathesis, as each role.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{
    machine,
    programs::{self, Profile},
    shell, workspace,
};

/// What is installed: schemathesis and all it needs, with exact versions.
const REQUIREMENTS: &str = include_str!("schemathesis.txt");

/// Runs schemathesis against a server of its own.
pub(crate) fn run(schemathesis: &Path, rest: &[String]) -> Result<()> {
    let folder = programs::build(Profile::Debug, &["rest-contract", "countersign"])?;
    let mut command = Command::new(folder.join("rest-contract"));
    command.arg("--schemathesis").arg(schemathesis);
    command.arg("--document").arg(workspace::root().join("openapi/countersign.json"));
    command.arg("--reports").arg(workspace::target().join("contract/rest"));
    shell::run(command.args(rest))
}

/// The program, in a folder of its version below target; nothing is installed for the whole machine but Python itself.
pub(crate) fn schemathesis(install: bool) -> Result<PathBuf> {
    let version = version()?;
    let folder = workspace::target().join("tools").join(format!("schemathesis-{version}"));
    let program = folder.join("bin/schemathesis");
    if is_version(&program, version) {
        return Ok(program);
    }
    ensure_python(install)?;
    println!("contract: installing schemathesis {version} into `{}`", folder.display());
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let requirements = folder.join("requirements.txt");
    std::fs::write(&requirements, REQUIREMENTS)?;
    let mut pip = Command::new(folder.join("bin/pip"));
    shell::run(
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements),
    )?;
    if !is_version(&program, version) {
        bail!(
            "pip installed schemathesis, but `{}` doesn't answer with its version {version}",
            program.display()
        );
    }
    Ok(program)
}

fn version() -> Result<&'static str> {
    match REQUIREMENTS.lines().find_map(|line| line.strip_prefix("schemathesis==")) {
        Some(version) => Ok(version),
        None => bail!("`schemathesis.txt` names no schemathesis"),
    }
}

fn is_version(program: &Path, version: &str) -> bool {
    shell::read(Command::new(program).arg("--version")).is_ok_and(|text| text.trim().ends_with(version))
}

/// A Python that can make environments: Debian keeps what that needs in a package of its own.
fn ensure_python(install: bool) -> Result<()> {
    if shell::succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
        return Ok(());
    }
    if !(install || machine::is_root()) {
        bail!(
            "python3 and its venv are needed: `apt-get install python3-venv`, or add `--install` to the command"
        );
    }
    machine::install_packages("contract", &["python3", "python3-venv"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_installed_has_an_exact_version() {
        assert!(version().is_ok());
        for line in REQUIREMENTS.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.split_once("==").is_some_and(|(_, version)| !version.is_empty()), "{line}");
        }
    }
}
