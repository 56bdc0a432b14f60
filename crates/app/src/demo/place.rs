//! Where the demo plays: a folder that goes with it, simulators, tokens, a configuration.

use std::net::TcpListener;
use std::path::Path;

use anyhow::{Context, Result};
use countersign_simulators::{
    GithubConfig, GithubGrant, GithubRepository, GithubSimulator, GithubToken, Journal,
};
use countersign_simulators::{KubernetesConfig, KubernetesRule, KubernetesSimulator, KubernetesToken};
use countersign_simulators::{SpeechConfig, SpeechSimulator};

use crate::commands::{Bearer as NewToken, say};
use crate::config::{Config, load};
use crate::{master_keys, run_tokens};

/// The policy of the demo: owners decide, `sre` syncs secrets to dev at once, and nobody waits long for `qa`.
const POLICY: &str = include_str!("policy.yaml");

/// The repository of the demo's project.
pub(super) const REPOSITORY: &str = "acme/shop";

/// What is heard, whatever is said: the simulator understands nothing.
const HEARS: &str = "Whatever was said: this is what the simulator hears.";

/// Everything the demo stands on. Dropping it removes the folder and stops the simulators.
pub(super) struct Place {
    folder: tempfile::TempDir,
    pub(super) journal: Journal,
    github: GithubSimulator,
    kubernetes: KubernetesSimulator,
    speech: SpeechSimulator,
    grpc_port: u16,
    http_port: u16,
    pub(super) owner: NewToken,
    pub(super) platform: NewToken,
}

impl Place {
    pub(super) async fn prepare() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("countersign-demo-").tempdir()?;
        let journal = Journal::default();
        let github = GithubSimulator::start(GithubConfig {
            journal: journal.clone(),
            tokens: vec![GithubToken {
                token: "demo-github-token".to_owned(),
                login: "countersign-bot".to_owned(),
                grants: vec![GithubGrant::full(REPOSITORY)],
            }],
            repositories: vec![GithubRepository {
                full_name: REPOSITORY.to_owned(),
                environments: vec!["dev".to_owned(), "staging".to_owned()],
            }],
            ..GithubConfig::default()
        })
        .await?;
        let kubernetes = KubernetesSimulator::start(KubernetesConfig {
            journal: journal.clone(),
            tokens: vec![KubernetesToken {
                token: "demo-kubernetes-token".to_owned(),
                username: "system:serviceaccount:countersign:countersign".to_owned(),
                rules: vec![KubernetesRule::everything()],
            }],
            namespaces: vec!["shop-dev".to_owned(), "shop-staging".to_owned()],
            ..KubernetesConfig::default()
        })
        .await?;
        let speech = SpeechSimulator::start(SpeechConfig {
            api_key: Some("demo-speech-key".to_owned()),
            otherwise: HEARS.to_owned(),
            ..SpeechConfig::default()
        })
        .await?;
        let place = Self {
            folder,
            journal,
            github,
            kubernetes,
            speech,
            grpc_port: free_port()?,
            http_port: free_port()?,
            owner: NewToken::generate(),
            platform: NewToken::generate(),
        };
        place.write_files()?;
        Ok(place)
    }

    pub(super) fn grpc_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc_port)
    }

    pub(super) fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http_port)
    }

    pub(super) fn config(&self) -> Result<Config> {
        load::from_file(&self.folder.path().join("countersign.toml"))
    }

    pub(super) fn tell_how_to_act(&self) {
        let folder = self.folder.path().display();
        say("\nThe server stays until you press Ctrl-C. In a browser, as Alice or as Bob:");
        say(format!("  {}/", self.http_url()));
        say("There you can dictate, too; a simulator hears the same words whatever you say.");
        say("In another terminal:");
        say(format!(
            "  export COUNTERSIGN_SERVER={} COUNTERSIGN_TOKEN=$(cat {folder}/owner.token)",
            self.http_url()
        ));
        say("  cargo run -p countersign-app --features demo -- approvals list");
        say("  cargo run -p countersign-app --features demo -- approvals approve ID    # shows it, and asks");
        say("  cargo run -p countersign-app --features demo -- approvals watch");
        say(format!("Configuration, policy and tokens are in {folder}; health and metrics at"));
        say(format!("  http://127.0.0.1:{0}/readyz  http://127.0.0.1:{0}/metrics", self.http_port));
        say(format!("The simulators' journals: {}/_simulator/journal", self.github.url()));
    }

    fn write_files(&self) -> Result<()> {
        let write = |name: &str, text: &str| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))
        };
        write("policy.yaml", POLICY)?;
        write("run-token.key", &run_tokens::generate_key()?)?;
        write("master.key", &master_keys::generate_key())?;
        write("github.token", "demo-github-token")?;
        write("kubernetes.token", "demo-kubernetes-token")?;
        write("speech.key", "demo-speech-key")?;
        write("owner.token", &self.owner.token)?;
        write("platform.token", &self.platform.token)?;
        write("countersign.toml", &self.configuration(self.folder.path()))
    }

    fn configuration(&self, folder: &Path) -> String {
        format!(
            include_str!("countersign.toml"),
            folder = folder.display(),
            grpc_port = self.grpc_port,
            http_port = self.http_port,
            owner_hash = self.owner.hash,
            platform_hash = self.platform.hash,
            github = self.github.url(),
            kubernetes = self.kubernetes.url(),
            speech = self.speech.url(),
        )
    }
}

/// A port nobody listens on now. Somebody else may take it before the server does; then the demo says so and can be run again.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
