//! Makes `postgres:15-bookworm` available to testcontainers: the official image where a registry can be reached, else one built here
//! from a Debian mirror that behaves like it.
//!
//! Absent on purpose: any name of a mirror or registry. The mirror is what the machine's own apt uses.

mod apt;
mod build;

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    machine::{as_root, install_packages, is_root},
    shell, workspace,
};

/// The image that the tests name; testcontainers pulls only what is not there.
pub(crate) const NAME: &str = "postgres:15-bookworm";

const SOCKET: &str = "/var/run/docker.sock";
const DAEMON_STARTS_WITHIN: Duration = Duration::from_secs(60);
const REGISTRY_ANSWERS_WITHIN: Duration = Duration::from_secs(20);
const PULL_WITHIN: Duration = Duration::from_secs(600);

/// Arguments of `image`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install and start what is missing; without it that happens only as root on a machine with no Docker socket.
    #[arg(long)]
    pub(crate) install: bool,
}

/// Returns when Docker answers and has the image, or fails saying exactly what is missing.
pub(crate) fn ensure(install: bool) -> Result<()> {
    let may_install =
        install || (is_root() && !Path::new(SOCKET).exists() && shell::variable("DOCKER_HOST").is_none());
    ensure_daemon(may_install)?;
    if has_image() {
        return Ok(());
    }
    println!("image: `{NAME}` is not on this machine, asking the registry for it");
    if pull() {
        return Ok(());
    }
    println!("image: no registry gave it, building it from this machine's Debian mirror (about 80 s, once)");
    ensure_builder(may_install)?;
    build::build()?;
    if !has_image() {
        bail!("`{NAME}` was built but Docker doesn't list it");
    }
    Ok(())
}

fn ensure_daemon(may_install: bool) -> Result<()> {
    if daemon_answers() {
        return Ok(());
    }
    if !may_install {
        bail!("{}", what_docker_needs());
    }
    if !shell::has_program("dockerd") || !shell::has_program("docker") {
        install_packages("image", &["docker.io", "iptables"])?;
    }
    start_daemon()
}

fn what_docker_needs() -> String {
    let state =
        match (shell::variable("DOCKER_HOST"), Path::new(SOCKET).exists(), shell::has_program("docker")) {
            (Some(host), _, _) => format!("DOCKER_HOST is `{host}`, and no Docker daemon answers there"),
            (None, _, false) => "the program `docker` is not installed".to_owned(),
            (None, true, true) => {
                format!("no Docker daemon answers on `{SOCKET}` (is it running, and may you use it?)")
            }
            (None, false, true) => format!("there is no Docker socket at `{SOCKET}`"),
        };
    format!(
        "the tests run PostgreSQL in Docker, but {state}.\n\
         Needed: a running Docker daemon, with the image `{NAME}` or a way to get it (a registry, or a Debian mirror and debootstrap).\n\
         On Debian: `apt-get install docker.io iptables debootstrap`, then start `dockerd`.\n\
         Or let this tool do it: add `--install` to the command (as root, or with sudo); it announces each step."
    )
}

fn start_daemon() -> Result<()> {
    let log_path = workspace::target().join("dockerd.log");
    fs::create_dir_all(workspace::target())?;
    println!("image: starting dockerd in the background, its log is `{}`", log_path.display());
    let log = File::create(&log_path).with_context(|| format!("creating `{}`", log_path.display()))?;
    // A session of its own, so that the daemon outlives this command and Ctrl-C.
    let mut command = as_root("setsid");
    command.arg("dockerd").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().context("starting `dockerd`")?;
    if !shell::wait_until(DAEMON_STARTS_WITHIN, daemon_answers) {
        let log = fs::read_to_string(&log_path).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(15).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        bail!(
            "dockerd did not answer within {} s; its last words:\n{}",
            DAEMON_STARTS_WITHIN.as_secs(),
            tail.join("\n")
        );
    }
    Ok(())
}

fn ensure_builder(may_install: bool) -> Result<()> {
    if shell::has_program("debootstrap") {
        return Ok(());
    }
    if !may_install {
        bail!(
            "`{NAME}` is not on this machine, no registry gave it, and building it needs debootstrap.\n\
             Either `docker pull {NAME}` where a registry can be reached, or `apt-get install debootstrap`,\n\
             or add `--install` to the command."
        );
    }
    install_packages("image", &["debootstrap"])
}

fn daemon_answers() -> bool {
    shell::succeeds(Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]))
}

fn has_image() -> bool {
    shell::succeeds(Command::new("docker").args(["image", "inspect", "--format", "{{.Id}}", NAME]))
}

/// Pulls the image. A registry that can't be reached may also not refuse: when nothing is heard for a while, that is the answer.
fn pull() -> bool {
    let child = Command::new("docker")
        .args(["pull", NAME])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else { return false };
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    let heard = receiver.recv_timeout(REGISTRY_ANSWERS_WITHIN).is_ok();
    let done = heard && shell::wait_until(PULL_WITHIN, || !matches!(child.try_wait(), Ok(None)));
    if !done {
        // Already gone is as good as killed.
        let _ = child.kill();
    }
    child.wait().is_ok_and(|status| status.success())
}
