//! A scratch PostgreSQL server in a container, for the commands that need one outside of the tests.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{image, shell};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A server with an empty database; the container is removed when this value goes.
pub(crate) struct Server {
    container: String,
    /// How to connect, as its superuser.
    pub(crate) url: String,
}

impl Server {
    /// Starts a server; the image has to be there.
    pub(crate) fn start() -> Result<Self> {
        Self::run(&["--label", "countersign=scratch"], &["-c", "fsync=off"])
    }

    /// Starts a server that stays, and tells how to connect to it. Its memory is a small server's.
    pub(crate) fn start_to_stay() -> Result<String> {
        let settings =
            ["shared_buffers=1GB", "max_wal_size=8GB", "maintenance_work_mem=512MB", "max_connections=100"];
        let settings: Vec<&str> = settings.iter().flat_map(|setting| ["-c", *setting]).collect();
        let options = ["--label", "countersign=seeded", "--shm-size=1g"];
        let server = Self::run(&options, &settings)?;
        println!(
            "{}\nIt stays until you remove it: docker rm --force --volumes {}",
            server.url,
            &server.container[..12.min(server.container.len())]
        );
        let url = server.url.clone();
        // Dropping it would remove the container.
        std::mem::forget(server);
        Ok(url)
    }

    fn run(options: &[&str], settings: &[&str]) -> Result<Self> {
        let mut command = Command::new("docker");
        command.args(["run", "--detach", "--rm", "--publish", "127.0.0.1::5432"]).args(options);
        command.args(["--env", "POSTGRES_PASSWORD=scratch", image::NAME]).args(settings);
        let mut server = Self { container: shell::read(&mut command)?.trim().to_owned(), url: String::new() };
        let port = server.port()?;
        server.url = format!("postgres://postgres:scratch@127.0.0.1:{port}/postgres");
        // The temporary server of the first start listens on the socket only, so TCP answers when the final one is up.
        let ready = || {
            let mut probe = Command::new("docker");
            probe.args(["exec", "--env", "PGPASSWORD=scratch", &server.container, "psql", "--no-psqlrc"]);
            shell::succeeds(probe.args([
                "--host",
                "127.0.0.1",
                "--username",
                "postgres",
                "--command",
                "SELECT 1",
            ]))
        };
        if !shell::wait_until(READY_WITHIN, ready) {
            bail!(
                "PostgreSQL in container `{}` did not answer within {} s",
                server.container,
                READY_WITHIN.as_secs()
            );
        }
        Ok(server)
    }

    fn port(&self) -> Result<u16> {
        let text = shell::read(Command::new("docker").args(["port", &self.container, "5432/tcp"]))?;
        let port = text.lines().next().and_then(|line| line.rsplit_once(':')).map(|(_, port)| port.trim());
        port.and_then(|port| port.parse().ok()).with_context(|| format!("no port in `{}`", text.trim()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // With --rm a stopped container is gone; nothing can be done here about one that doesn't stop.
        let _ = shell::succeeds(Command::new("docker").args(["rm", "--force", "--volumes", &self.container]));
    }
}
