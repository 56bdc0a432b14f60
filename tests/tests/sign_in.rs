//! A person signs in through a provider of identities over real HTTP, at real servers on both stores: one replica begins, another finishes.

use anyhow::{Context, Result, ensure};
use countersign_simulators::{OidcConfig, OidcSimulator};
use countersign_suites::process::{ServerProcess, Site};
use countersign_suites::store::{PgServer, Store};
use reqwest::{Client, Response};
use serde_json::Value;

/// What browsers would see; the servers' own addresses are nobody's business.
const PUBLIC_URL: &str = "https://countersign.example";

struct Scene {
    site: Site,
    provider: OidcSimulator,
    client: Client,
}

impl Scene {
    async fn set(store: Store) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let site = Site::prepare(store).await?;
        let provider = OidcSimulator::start(OidcConfig::default()).await?;
        let secret = site.folder().join("oidc.secret");
        std::fs::write(&secret, "the client's secret")?;
        let sign_in = format!(
            r#"
[sign_in]
public_url = "{PUBLIC_URL}"
[sign_in.oidc]
name = "corp"
issuer = "{}"
client_id = "countersign"
client_secret = {{ file = "{}" }}
groups_claim = "groups"
groups = [{{ group = "sre", roles = ["viewer", "approver"] }}]
"#,
            provider.issuer(),
            secret.display()
        );
        site.reconfigure(|text| format!("{text}{sign_in}"))?;
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { site, provider, client })
    }

    async fn get(&self, url: &str, cookies: &str) -> Result<Response> {
        Ok(self.client.get(url).header("cookie", cookies).send().await?)
    }
}

/// The cookie that an answer sets, as it is sent back.
fn cookie(answer: &Response, name: &str) -> Result<String> {
    let lines = answer.headers().get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.filter_map(|line| line.split(';').next());
    let found = pairs.find(|pair| pair.split_once('=').is_some_and(|(known, _)| known == name));
    found.map(str::to_owned).with_context(|| format!("a cookie `{name}`"))
}

fn location(answer: &Response) -> Result<&str> {
    answer.headers().get("location").and_then(|value| value.to_str().ok()).context("a location")
}

/// Begins at one server and finishes at another; gives the session's cookie.
async fn signed_in(scene: &Scene, begins: &ServerProcess, finishes: &ServerProcess) -> Result<String> {
    let sent = scene.get(&format!("{}/sign-in?return_to=/account", begins.http), "").await?;
    let attempt = cookie(&sent, "__Host-countersign-sign-in")?;
    let back = scene.provider.authorize(location(&sent)?).map_err(anyhow::Error::msg)?;
    let path = back.strip_prefix(PUBLIC_URL).context("the provider sends browsers to the public URL")?;
    let done = scene.get(&format!("{}{path}", finishes.http), &attempt).await?;
    ensure!(location(&done)? == "/account", "back to where they wanted");
    let again = scene.get(&format!("{}{path}", begins.http), &attempt).await?;
    ensure!(again.status().as_u16() == 422, "an answer counts once, wherever: {}", again.status());
    cookie(&done, "__Host-countersign")
}

/// Everything about a session, at two servers that may be one.
async fn play(scene: &Scene, first: &ServerProcess, second: &ServerProcess) -> Result<()> {
    let session = signed_in(scene, first, second).await?;
    for server in [first, second] {
        let policy = scene.get(&format!("{}/api/v1/policy", server.http), &session).await?;
        ensure!(policy.status().is_success(), "the session is known to both: {}", policy.status());
        let page = scene.get(&format!("{}/account", server.http), &session).await?.text().await?;
        ensure!(page.contains("user:corp:dana") && page.contains("group:corp:sre"), "{page}");
    }
    let page = scene.get(&format!("{}/account", first.http), &session).await?.text().await?;
    let (_, rest) = page.split_once("name=\"csrf_token\" value=\"").context("a token in the form")?;
    let token = rest.split('"').next().unwrap_or_default();
    let out = scene.client.post(format!("{}/sign-out", second.http)).header("cookie", &session);
    let out = out.header("origin", PUBLIC_URL).header("x-csrf-token", token).send().await?;
    ensure!(out.status().as_u16() == 303, "signed out: {}", out.status());
    let refused = scene.get(&format!("{}/api/v1/policy", first.http), &session).await?;
    ensure!(refused.status().as_u16() == 401, "at once, everywhere: {}", refused.status());
    let ready: Value =
        serde_json::from_str(&scene.get(&format!("{}/readyz", first.http), "").await?.text().await?)?;
    ensure!(
        ready.to_string().contains(&format!("OpenID Connect at `{}`", scene.provider.issuer())),
        "{ready}"
    );
    Ok(())
}

/// No log holds a cookie, a code, a state or a token, though it says everything there is to say.
fn nothing_leaked(server: &ServerProcess, session: &str) -> Result<()> {
    let log = std::fs::read_to_string(&server.log)?;
    let secret = session.split_once('=').map_or(session, |(_, secret)| secret);
    ensure!(!log.contains(secret), "the log holds a session's secret");
    ensure!(!log.contains("code=code-"), "the log holds a code");
    ensure!(!log.contains("eyJ"), "the log holds a token");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_at_a_server_on_sqlite() -> Result<()> {
    let scene = Scene::set(Store::Sqlite).await?;
    let server = scene.site.start("server").await?;
    play(&scene, &server, &server).await?;
    let session = signed_in(&scene, &server, &server).await?;
    nothing_leaked(&server, &session)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_begins_a_sign_in_and_another_finishes_it() -> Result<()> {
    let postgres = PgServer::start().await?;
    let scene = Scene::set(postgres.store("sign_in").await?).await?;
    let (first, second) = (scene.site.start("first").await?, scene.site.start("second").await?);
    play(&scene, &first, &second).await?;
    let session = signed_in(&scene, &second, &first).await?;
    scene.site.command(&["sessions", "end", "user:corp:dana"])?;
    let refused = scene.get(&format!("{}/api/v1/policy", second.http), &session).await?;
    ensure!(refused.status().as_u16() == 401, "ended by command: {}", refused.status());
    nothing_leaked(&first, &session)?;
    nothing_leaked(&second, &session)
}
