//! What changes the machine itself: packages, and the rights it takes. Each is announced.

use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;

/// Installs Debian packages; `who` is the step they are for.
pub(crate) fn install_packages(who: &str, packages: &[&str]) -> Result<()> {
    if !shell::has_program("apt-get") {
        bail!("this machine has no apt-get: install {} by its own means", packages.join(", "));
    }
    println!("{who}: installing {} with apt-get", packages.join(", "));
    shell::read(as_root("apt-get").args(["-qq", "update"]))?;
    let mut command = as_root("env");
    command.args([
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-qq",
        "install",
        "-y",
        "--no-install-recommends",
    ]);
    shell::read(command.args(packages)).map(drop)
}

/// The program with the rights to change the machine.
pub(crate) fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    command
}

pub(crate) fn is_root() -> bool {
    shell::read(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
