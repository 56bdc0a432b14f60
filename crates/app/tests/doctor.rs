//! `countersign doctor` as a process, against simulated targets: what is wrong is told, all of it in one run.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::path::Path;
use std::process::Command;

use countersign_simulators::{
    GithubConfig, GithubGrant, GithubRepository, GithubSimulator, GithubToken, KubernetesConfig,
    KubernetesRule, KubernetesSimulator, KubernetesToken, SpeechConfig, SpeechSimulator,
};

const POLICY: &str = r#"
version: 1
groups:
  owners: ["user:github:alice"]
projects:
  shop: { owners: [owners], repository: acme/shop, environments: [dev, production] }
  billing: { owners: [owners], repository: acme/billing, environments: [dev] }
defaults: { approval: owner, decide_within: 1h, execute_within: 15m, quorum: 1 }
"#;

const NAMESPACES: &str = r#"
[[targets.namespaces]]
environments = ["dev"]
namespaces = ["{project}-{environment}", "{project}-{environment}-*"]
[[targets.namespaces]]
environments = ["production"]
namespaces = ["live"]
[[targets.namespaces]]
environments = ["qa"]
namespaces = ["{project}-qa"]
"#;

/// A folder with everything that is right, and targets beside it.
struct Place {
    folder: tempfile::TempDir,
    github: GithubSimulator,
    kubernetes: KubernetesSimulator,
}

/// What the doctor said, and whether all was well.
struct Said {
    text: String,
    well: bool,
}

impl Place {
    async fn prepare(grants: Vec<GithubGrant>, rules: Vec<KubernetesRule>) -> Self {
        let repository = |name: &str, environments: &[&str]| GithubRepository {
            full_name: name.to_owned(),
            environments: environments.iter().map(|name| (*name).to_owned()).collect(),
        };
        let (token, login) = ("right".to_owned(), "bot".to_owned());
        let github = GithubSimulator::start(GithubConfig {
            tokens: vec![GithubToken { token: token.clone(), login, grants }],
            repositories: vec![
                repository("acme/shop", &["dev", "production"]),
                repository("acme/billing", &["dev"]),
            ],
            ..GithubConfig::default()
        });
        let kubernetes = KubernetesSimulator::start(KubernetesConfig {
            tokens: vec![KubernetesToken { token, username: "bot".to_owned(), rules }],
            namespaces: ["shop-dev", "billing-dev", "live"].map(str::to_owned).to_vec(),
            ..KubernetesConfig::default()
        });
        let folder = tempfile::tempdir().unwrap();
        let place = Self { folder, github: github.await.unwrap(), kubernetes: kubernetes.await.unwrap() };
        place.write("policy.yaml", POLICY);
        place.write("right", "right");
        place.write("master.key", &"5a".repeat(32));
        let run_key = countersign().args(["token", "run-key"]).output().unwrap();
        place.write("run-token.key", &String::from_utf8(run_key.stdout).unwrap());
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn targets(&self) -> String {
        let (github, kubernetes) = (self.github.url(), self.kubernetes.url());
        format!(
            "[targets.github]\nurl = '{github}'\ntoken = {{ file = 'right' }}\n\
             [targets.kubernetes]\naccess = 'url'\nurl = '{kubernetes}'\ntoken = {{ file = 'right' }}\n{NAMESPACES}\n\
             [targets.databases.files]\nkind = 'sqlite'\nenvironments = ['dev', 'production']\ndirectory = 'databases'\n"
        )
    }

    fn configuration(&self) -> String {
        format!(
            "[store]\nkind = 'sqlite'\npath = 'ledger.db'\n\
             [policy]\nbootstrap_file = 'policy.yaml'\n\
             [run_tokens]\nactive = 'k1'\nkeys = {{ k1 = {{ file = 'run-token.key' }} }}\n\
             [sealing]\nactive = 'm1'\nkeys = {{ m1 = {{ file = 'master.key' }} }}\n\
             [identities.alice]\nprincipal = 'user:github:alice'\nroles = ['approver']\ntoken_sha256 = '{}'\n{}",
            "00".repeat(32),
            self.targets()
        )
    }

    async fn doctor(&self, configuration: &str) -> Said {
        self.write("countersign.toml", configuration);
        let mut command = countersign();
        command.current_dir(self.path()).args(["doctor", "--config", "countersign.toml"]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
        Said { text, well: output.status.success() }
    }
}

impl Said {
    #[track_caller]
    fn says(&self, begins: &str) {
        assert!(self.text.lines().any(|line| line.starts_with(begins)), "not said: {begins}\n{}", self.text);
    }

    fn bad(&self) -> Vec<&str> {
        let bad = self.text.lines().filter_map(|line| line.strip_prefix("BAD   "));
        bad.map(|line| line.split(": ").next().unwrap_or_default()).collect()
    }
}

fn countersign() -> Command {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
}

fn full() -> Vec<GithubGrant> {
    vec![GithubGrant::full("acme/shop"), GithubGrant::full("acme/billing")]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_place_the_policy_leads_to_is_asked_about() {
    let place = Place::prepare(full(), vec![KubernetesRule::everything()]).await;
    let said = place.doctor(&place.configuration()).await;
    assert!(said.well, "{}", said.text);
    for what in [
        "store",
        "policy",
        "github acme/shop",
        "github acme/shop, environment dev",
        "github acme/shop, environment production",
        "github acme/billing",
        "github acme/billing, environment dev",
        "kubernetes",
        "kubernetes namespace shop-dev",
        "kubernetes namespace billing-dev",
        "kubernetes namespace live",
        "database server files",
    ] {
        said.says(&format!("ok    {what}: "));
    }
    said.says("note  database server files, login roles: there are none in files");
    said.says("note  kubernetes: `shop-dev-*` stands for any namespace of such a name: not asked about");
    said.says(
        "note  kubernetes: `{project}-qa`: no environment of the policy's projects falls under this rule",
    );
    assert_eq!(place.github.journal().effects().len() + place.kubernetes.journal().effects().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_found_in_the_place_they_are_missing_in() {
    let mut no_environments = GithubGrant::full("acme/shop");
    no_environments.environments = countersign_simulators::Access::None;
    let grants = vec![no_environments, GithubGrant::full("acme/billing")];
    let rules = ["shop-dev", "billing-dev"].map(KubernetesRule::sync_secrets).to_vec();
    let place = Place::prepare(grants, rules).await;
    let said = place.doctor(&place.configuration()).await;
    assert!(!said.well);
    let expected = [
        "github acme/shop, environment dev",
        "github acme/shop, environment production",
        "kubernetes namespace live",
    ];
    assert_eq!(said.bad(), expected, "{}", said.text);
    said.says("ok    github acme/shop: ");
    said.says("3 to mend");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_namespace_has_to_be_there_and_one_that_a_project_might_have_has_not() {
    let place = Place::prepare(full(), vec![KubernetesRule::everything()]).await;
    let configuration = place.configuration().replace("\"live\"", "\"alive\"");
    let more =
        POLICY.replace("acme/billing, environments: [dev]", "acme/billing, environments: [dev, staging]");
    place.write("policy.yaml", &more);
    let configuration = configuration.replace("[\"dev\"]", "[\"dev\", \"staging\"]");
    let said = place.doctor(&configuration).await;
    assert_eq!(said.bad(), ["kubernetes namespace alive"], "{}", said.text);
    said.says("note  kubernetes namespace billing-staging: is not there");
    said.says("note  github acme/billing, environment staging: is not there");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_told_in_one_run() {
    let place = Place::prepare(full(), vec![KubernetesRule::everything()]).await;
    place.write("master.key", "not a key");
    let gone = "127.0.0.1:1";
    let configuration = place
        .configuration()
        .replace("kind = 'sqlite'\npath = 'ledger.db'", "kind = 'postgres'\nurl = { file = 'store-url' }")
        .replace(&place.kubernetes.url(), &format!("http://{gone}"))
        .replace("[run_tokens]\nactive = 'k1'", "[run_tokens]\nactive = 'k2'")
        .replace("token_sha256 = '00", "token_sha256 = 'zz");
    place.write("store-url", &format!("postgres://nobody:nothing@{gone}/none"));
    let configuration = format!(
        "{configuration}[targets.databases.away]\nkind = 'postgres'\nenvironments = ['staging']\nurl = {{ file = 'store-url' }}\n"
    );
    let said = place.doctor(&configuration).await;
    assert!(!said.well);
    let expected =
        ["sealing.keys.m1", "run_tokens.active", "identities", "store", "kubernetes", "database server away"];
    assert_eq!(said.bad(), expected, "{}", said.text);
    // Each with what to do.
    assert_eq!(said.text.lines().filter(|line| line.starts_with("      -> ")).count(), expected.len());
    said.says("ok    database server files: ");
    said.says("ok    github acme/billing, environment dev: ");
    said.says("6 to mend");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_can_not_even_be_tried_hides_nothing_else() {
    let place = Place::prepare(full(), vec![KubernetesRule::everything()]).await;
    let github = format!("url = '{}'\ntoken = {{ file = 'right' }}", place.github.url());
    let configuration = place.configuration();
    let without_token = configuration.replace(&github, &github.replace("'right'", "'missing'"));
    assert_ne!(without_token, configuration);
    let said = place.doctor(&without_token.replace("'policy.yaml'", "'nowhere.yaml'")).await;
    assert!(!said.well);
    assert_eq!(said.bad(), ["targets", "policy"], "{}", said.text);
    said.says("BAD   targets: targets.github.token: cannot read the secret file `missing`");
    // Named whole, so that it can be asked about without a policy text.
    said.says("ok    kubernetes namespace live: ");
    said.says("note  kubernetes: `{project}-{environment}` can't be filled in without a policy text: not asked about");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_transcribes_is_asked_without_a_recording() {
    let place = Place::prepare(
        vec![GithubGrant::full("acme/shop"), GithubGrant::full("acme/billing")],
        vec![KubernetesRule::everything()],
    )
    .await;
    let plain = place.configuration();
    place.doctor(&plain).await.says("note  speech to text: not configured: nobody can dictate");
    let speech = SpeechSimulator::start(SpeechConfig::default()).await.unwrap();
    place.write("speech.key", "the key for speech");
    let with = |url: &str, key: &str| {
        format!(
            "{plain}[speech_to_text]\nname = 'acme'\nurl = '{url}'\nmodel = 'whisper-1'\napi_key = {{ file = '{key}' }}\n"
        )
    };
    let said = place.doctor(&with(&speech.url(), "speech.key")).await;
    said.says("ok    speech to text: `acme` at ");
    assert!(said.well && speech.asked().is_empty(), "{}", said.text);
    let wrong = place.doctor(&with(&speech.url(), "right")).await;
    assert_eq!((wrong.bad(), wrong.well), (vec!["speech to text"], false));
    assert!(wrong.text.contains("HTTP 401") && !wrong.text.contains("Bearer"), "{}", wrong.text);
    let elsewhere = place.doctor(&with("http://stt.example/v1", "speech.key")).await;
    elsewhere.says("BAD   speech to text: speech_to_text: url: `http://stt.example/v1` has to be `https`");
    let url = speech.url();
    speech.stop().await;
    assert_eq!(place.doctor(&with(&url, "speech.key")).await.bad(), ["speech to text"]);
}
