//! Real server processes: the built binary, a folder of its own, simulators beside it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use countersign_simulators::{
    GithubConfig, GithubGrant, GithubRepository, GithubSimulator, GithubToken, Journal, KubernetesConfig,
    KubernetesRule, KubernetesSimulator, KubernetesToken, SpeechConfig, SpeechSimulator,
};
use sha2::{Digest as _, Sha256};

use crate::deployment::Deployment;
use crate::store::Store;

/// The policy of the suites' own servers.
const POLICY: &str = include_str!("process/policy.yaml");

/// More than a suite of an hour makes. At GitHub's own limit servers rightly wait for the next hour.
const REQUESTS_AN_HOUR: u32 = 10_000_000;

/// Simulated targets, the folder with keys and configuration, and the servers started on them.
pub struct Site {
    folder: tempfile::TempDir,
    store: Store,
    /// What the targets saw, in order.
    pub journal: Journal,
    /// The GitHub stand-in.
    pub github: GithubSimulator,
    /// The Kubernetes stand-in.
    pub kubernetes: KubernetesSimulator,
    /// The stand-in for a transcriber.
    pub speech: SpeechSimulator,
}

/// A running server. Killed when dropped.
pub struct ServerProcess {
    child: Child,
    /// Its gRPC address.
    pub grpc: String,
    /// Its address of REST, health and metrics.
    pub http: String,
    /// The file its log goes to.
    pub log: PathBuf,
}

impl Site {
    /// Prepares a site on a store.
    ///
    /// # Errors
    /// The folder can't be written or the simulators can't listen.
    pub async fn prepare(store: Store) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let journal = Journal::default();
        let github = GithubSimulator::start(GithubConfig {
            journal: journal.clone(),
            tokens: vec![GithubToken {
                token: "suite-github".to_owned(),
                login: "countersign-bot".to_owned(),
                grants: vec![GithubGrant::full("acme/shop")],
            }],
            repositories: vec![GithubRepository {
                full_name: "acme/shop".to_owned(),
                environments: vec!["dev".to_owned()],
            }],
            rate_limit: REQUESTS_AN_HOUR,
            ..GithubConfig::default()
        })
        .await?;
        let kubernetes = KubernetesSimulator::start(KubernetesConfig {
            journal: journal.clone(),
            tokens: vec![KubernetesToken {
                token: "suite-kubernetes".to_owned(),
                username: "countersign".to_owned(),
                rules: vec![KubernetesRule::everything()],
            }],
            namespaces: vec!["shop-dev".to_owned()],
            ..KubernetesConfig::default()
        })
        .await?;
        let speech = SpeechSimulator::start(SpeechConfig::default()).await?;
        let site = Self { folder, store, journal, github, kubernetes, speech };
        site.write_files()?;
        Ok(site)
    }

    /// The store it is on.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Where this site's files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a server and waits until it listens. Several on one site are replicas.
    ///
    /// # Errors
    /// The binary is not built, or the server ends before it listens; its log is in the message.
    pub async fn start(&self, name: &str) -> Result<ServerProcess> {
        self.start_with(name, &[]).await
    }

    /// Starts a server with options overridden by variables, and waits until it listens.
    ///
    /// # Errors
    /// As [`Site::start`].
    pub async fn start_with(&self, name: &str, variables: &[(&str, &str)]) -> Result<ServerProcess> {
        let log = self.folder.path().join(format!("{name}.log"));
        let binary = binary()?;
        let config = self.folder.path().join("countersign.toml");
        // Appended: what a server said before it died is kept when it is started again.
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let mut child = Command::new(&binary)
            .args(["serve", "--config"])
            .arg(&config)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start `{}`", binary.display()))?;
        let stdout = child.stdout.take().context("the server has a standard output")?;
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        })
        .await??;
        let address =
            |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key)).map(str::to_owned);
        let (Some(grpc), Some(http)) = (address("grpc="), address("http=")) else {
            let _ = child.kill();
            bail!("the server did not start: {}", std::fs::read_to_string(&log).unwrap_or_default());
        };
        Ok(ServerProcess { child, grpc, http, log })
    }

    /// Runs another command of the binary on this site's configuration.
    ///
    /// # Errors
    /// The binary is not built, or the command fails; what it said is in the message.
    pub fn command(&self, arguments: &[&str]) -> Result<String> {
        let config = self.folder.path().join("countersign.toml");
        said(Command::new(binary()?).args(arguments).arg("--config").arg(config))
    }

    /// Runs a command of the binary as the approver of this site, against one of its servers.
    ///
    /// # Errors
    /// As [`Site::command`].
    pub fn staff_command(&self, server: &ServerProcess, arguments: &[&str]) -> Result<String> {
        said(&mut command_as(server, "suite-approver-token", arguments)?)
    }

    /// Changes the configuration that servers and commands started from now on read.
    ///
    /// # Errors
    /// The file can't be read or written.
    pub fn reconfigure(&self, change: impl Fn(&str) -> String) -> Result<()> {
        let config = self.folder.path().join("countersign.toml");
        let text = std::fs::read_to_string(&config)?;
        Ok(std::fs::write(&config, change(&text))?)
    }

    /// What a suite has to know of a server of this site.
    pub fn deployment(&self, server: &ServerProcess) -> Deployment {
        self.deployment_at(&server.grpc)
    }

    /// The same for a server at this address.
    pub fn deployment_at(&self, address: &str) -> Deployment {
        let text = |words: &str| words.to_owned();
        Deployment {
            server: text(address),
            platform_token: text("suite-platform-token"),
            approver_token: text("suite-approver-token"),
            project: text("shop"),
            repository: text("acme/shop"),
            namespace: text("shop-dev"),
            environment: text("dev"),
            launched_by: text("user:github:bob"),
            patient_agent_key: text("patient"),
            hasty_agent_key: text("hasty"),
            guarded_run_label: text("run:guarded"),
        }
    }

    fn write_files(&self) -> Result<()> {
        let folder = self.folder.path();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text);
        let run_key = Command::new(binary()?).args(["token", "run-key"]).output()?;
        write("run-token.key", &String::from_utf8(run_key.stdout)?)?;
        write("master.key", &"5a".repeat(32))?;
        write("policy.yaml", POLICY)?;
        write("github.token", "suite-github")?;
        write("kubernetes.token", "suite-kubernetes")?;
        write("speech.key", "the key for speech")?;
        let hash = |token: &str| hex::encode(Sha256::digest(token.as_bytes()));
        let config = format!(
            include_str!("process/countersign.toml"),
            folder = folder.display(),
            store = self.store.configuration(folder)?,
            databases = self.store.databases(folder)?,
            approver = hash("suite-approver-token"),
            platform = hash("suite-platform-token"),
            github = self.github.url(),
            kubernetes = self.kubernetes.url(),
            speech = self.speech.url(),
        );
        write("countersign.toml", &config)?;
        if self.store.needs_migration() {
            self.command(&["migrate"])?;
        }
        Ok(())
    }
}

impl ServerProcess {
    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is over, by itself or not.
    ///
    /// # Errors
    /// The system doesn't tell.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Kills the server at once, as `kill -9` does, and waits until it is gone.
    ///
    /// # Errors
    /// The process can't be killed.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command of the binary, to be run with this token against a server.
///
/// # Errors
/// The binary is not built.
pub fn command_as(server: &ServerProcess, token: &str, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.args(arguments).env("COUNTERSIGN_SERVER", &server.http);
    command.env("COUNTERSIGN_GRPC_SERVER", &server.grpc).env("COUNTERSIGN_TOKEN", token);
    command.stdin(Stdio::null());
    Ok(command)
}

/// What a command said on its standard output.
fn said(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(said)
    } else {
        bail!("{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr))
    }
}

/// The built binary lies beside the folder of the test programs.
fn binary() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let built = here.ancestors().map(|folder| folder.join("countersign")).find(|file| file.is_file());
    built.context("the server is not built: run `cargo build -p countersign-app` first")
}
