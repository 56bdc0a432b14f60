//! The pages that staff read, asked for in many variants on a store full of rows.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};

/// How many of each thing are drawn from the store.
const DRAWN: i64 = 300;

/// Where the REST surface is; all else are pages of the console.
const REST: &str = "/api/v1/";

/// Pages of one kind, by their paths.
#[derive(Clone, Debug)]
pub struct Pages {
    /// What they are.
    pub name: &'static str,
    /// What 99 of 100 have to be there within, in milliseconds.
    pub within_ms: f64,
    /// One variant after the other.
    pub paths: Vec<String>,
}

impl Pages {
    /// Pages that are there as quickly as all should be.
    fn of(name: &'static str, paths: Vec<String>) -> Self {
        Self { name, within_ms: 20.0, paths }
    }
}

/// Somebody who reads over HTTP.
#[derive(Clone)]
pub struct Reader {
    client: reqwest::Client,
    address: String,
    token: String,
}

impl Reader {
    /// Reads from this server with this token.
    pub fn new(address: &str, token: &str) -> Self {
        // The client wants to know its cryptography even where it speaks without. Whoever was first has installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { client: reqwest::Client::new(), address: address.to_owned(), token: token.to_owned() }
    }

    /// A page in full, which has to be there.
    ///
    /// # Errors
    /// The server doesn't answer, or refuses; the path is in the message.
    pub async fn read(&self, path: &str) -> Result<String> {
        let request = self.client.get(format!("{}{path}", self.address)).bearer_auth(&self.token);
        let response = request.send().await.with_context(|| path.to_owned())?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(status.is_success(), "{path}: {status} {body}");
        Ok(body)
    }

    /// The page of the REST surface and those after it, so many, where there are.
    async fn follow(&self, path: &str, pages: usize) -> Result<Vec<String>> {
        let path = &format!("{REST}{path}");
        let mut paths = vec![path.clone()];
        for _ in 1..pages {
            let page = self.read(paths.last().unwrap_or(path)).await?;
            let page: Value = serde_json::from_str(&page).with_context(|| path.clone())?;
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            let sign = if path.contains('?') { '&' } else { '?' };
            paths.push(format!("{path}{sign}cursor={cursor}"));
        }
        Ok(paths)
    }
}

/// What is in a store, drawn by chance.
struct Drawn {
    requests: Vec<String>,
    runs: Vec<String>,
    nightly: Vec<String>,
    projects: Vec<String>,
    agents: Vec<String>,
    numbered: Vec<String>,
}

impl Drawn {
    async fn from(url: &str) -> Result<Self> {
        let mut connection = PgConnection::connect(url).await?;
        let mut draw = async |query: &'static str| -> Result<Vec<String>> {
            let drawn: Vec<String> = sqlx::query_scalar(query).bind(DRAWN).fetch_all(&mut connection).await?;
            ensure!(!drawn.is_empty(), "the store is empty: fill it with `cargo xtask seed`");
            Ok(drawn)
        };
        Ok(Self {
            requests: draw("SELECT request_id FROM mcp_action_requests ORDER BY md5(request_id) LIMIT $1").await?,
            runs: draw("SELECT run_id FROM agent_sessions WHERE run_id LIKE 'run-%' ORDER BY md5(run_id) LIMIT $1").await?,
            nightly: draw("SELECT run_id FROM agent_sessions WHERE run_id LIKE 'nightly-%' ORDER BY md5(run_id) LIMIT $1").await?,
            projects: draw("SELECT DISTINCT project FROM agent_sessions LIMIT $1").await?,
            agents: draw("SELECT DISTINCT agent_key FROM agent_sessions LIMIT $1").await?,
            numbered: draw(
                "SELECT from_kind || '=' || replace(from_id, '#', '%23') FROM links WHERE from_kind IN ('issue', 'pr') \
                 ORDER BY md5(from_id) LIMIT $1",
            )
            .await?,
        })
    }
}

/// All kinds of pages, each in many variants: every filter alone, usual pairs, first and later pages.
///
/// # Errors
/// The store is empty, or the server doesn't answer.
pub async fn pages(url: &str, reader: &Reader) -> Result<Vec<Pages>> {
    let drawn = Drawn::from(url).await?;
    let mut pages = rest_pages(&drawn, reader).await?;
    pages.extend(console_pages(&drawn));
    Ok(pages)
}

async fn rest_pages(drawn: &Drawn, reader: &Reader) -> Result<Vec<Pages>> {
    let each = |form: &str, values: &[String]| each(&format!("{REST}{form}"), values);
    Ok(vec![
        Pages::of("list", lists(drawn, reader).await?),
        // A search may look for longer, and not for long: docs/adr/0021-no-search-looks-for-long.md.
        Pages { within_ms: 200.0, ..Pages::of("search", searches(drawn, reader).await?) },
        Pages::of("detail", each("approvals/{}", &drawn.requests)),
        Pages::of("runs", run_lists(drawn, reader).await?),
        Pages::of("run", each("runs/{}", &drawn.runs)),
        Pages::of("nightly run", each("runs/{}", &drawn.nightly)),
        Pages::of("trace", traces(drawn, &format!("{REST}trace"))),
        Pages::of("timeline", each("runs/{}/timeline", &drawn.runs)),
        Pages::of("events", events(drawn, reader).await?),
    ])
}

/// The same in the console, first pages only.
fn console_pages(drawn: &Drawn) -> Vec<Pages> {
    let list = |path: &str, filters: &[&str]| -> Vec<String> {
        let filtered = filters.iter().map(|filter| format!("{path}?{filter}"));
        let whole = std::iter::once(path.to_owned()).chain(filtered);
        whole.chain(each(&format!("{path}?project={{}}"), &drawn.projects)).collect()
    };
    vec![
        Pages::of("console: inbox", list("/", &["group=run", "environment=production"])),
        Pages::of("console: requests", list("/requests", &["state=failed", "environment=staging"])),
        Pages::of("console: request", each("/requests/{}", &drawn.requests)),
        Pages::of("console: runs", list("/runs", &["status=waiting"])),
        Pages::of("console: run", each("/runs/{}", &drawn.runs)),
        Pages::of("console: nightly run", each("/runs/{}", &drawn.nightly)),
        Pages::of("console: trace", traces(drawn, "/trace")),
        Pages::of("console: record", list("/audit", &["type=approval."])),
    ]
}

fn each(form: &str, values: &[String]) -> Vec<String> {
    values.iter().map(|value| form.replace("{}", value)).collect()
}

fn traces(drawn: &Drawn, path: &str) -> Vec<String> {
    interleaved(&[
        each(&format!("{path}?{{}}"), &drawn.numbered),
        each(&format!("{path}?run={{}}"), &drawn.runs),
        each(&format!("{path}?request={{}}"), &drawn.requests),
    ])
}

/// Each path of each list in turn, so that whoever begins at the front has met all of them soon.
fn interleaved(lists: &[Vec<String>]) -> Vec<String> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|place| lists.iter().filter_map(move |list| list.get(place)).cloned()).collect()
}

async fn lists(drawn: &Drawn, reader: &Reader) -> Result<Vec<String>> {
    const OVER: &str = "state=applied&state=answered&state=denied&state=expired&state=cancelled&state=failed";
    let mut lists = Vec::new();
    for fixed in [
        "approvals".to_owned(),
        "approvals?state=requested".to_owned(),
        "approvals?state=failed".to_owned(),
        "approvals?state=unknown".to_owned(),
        format!("approvals?{OVER}"),
        "approvals?environment=production".to_owned(),
        format!("approvals?environment=staging&{OVER}"),
        "approvals?environment=nowhere&state=applied".to_owned(),
        "approvals?tool=database.lifecycle".to_owned(),
        format!("approvals?tool=mcp_owner_feedback_request&{OVER}"),
        "approvals?tool=nobody.has.it&state=applied".to_owned(),
        format!("approvals?order=newest_first&{OVER}"),
        "approvals?order=newest_first&state=failed&environment=production".to_owned(),
        "approvals?order=newest_first&tool=nobody.has.it&state=applied".to_owned(),
        "approvals?tool=secret.sync.github_k8s&environment=production&state=denied".to_owned(),
    ] {
        lists.push(reader.follow(&fixed, 4).await?);
    }
    for project in drawn.projects.iter().take(40) {
        for more in [
            "",
            "&state=applied",
            "&state=expired&tool=secret.sync.github_k8s",
            "&environment=production&state=denied",
        ] {
            lists.push(reader.follow(&format!("approvals?project={project}{more}"), 2).await?);
        }
    }
    for run in drawn.runs.iter().take(40).chain(drawn.nightly.iter().take(10)) {
        lists.push(reader.follow(&format!("approvals?run={run}&{OVER}"), 3).await?);
    }
    Ok(interleaved(&lists))
}

async fn searches(drawn: &Drawn, reader: &Reader) -> Result<Vec<String>> {
    let mut lists = Vec::new();
    for words in [
        "database",
        "secret",
        "rotate",
        "audit",
        "signing key audit",
        "leaked",
        "orders",
        "prod",
        "bill eu",
        "dep region",
        "nothing-like-it",
        "mcp_owner_feedback_request",
        "a",
    ] {
        for states in ["", "&state=applied", "&state=denied&state=failed&order=newest_first"] {
            lists.push(reader.follow(&format!("approvals?q={}{states}", words.replace(' ', "+")), 3).await?);
        }
    }
    for id in drawn.requests.iter().take(40) {
        lists.push(vec![format!("{REST}approvals?q={}&state=applied&state=denied", &id[..23])]);
    }
    for run in drawn.runs.iter().take(40) {
        lists.push(vec![format!("{REST}approvals?q={run}&state=applied")]);
    }
    Ok(interleaved(&lists))
}

async fn run_lists(drawn: &Drawn, reader: &Reader) -> Result<Vec<String>> {
    let mut lists = Vec::new();
    for fixed in [
        "runs",
        "runs?status=waiting",
        "runs?status=running&status=waiting",
        "runs?status=finished",
        "runs?status=ending",
    ] {
        lists.push(reader.follow(fixed, 4).await?);
    }
    for project in drawn.projects.iter().take(40) {
        lists.push(reader.follow(&format!("runs?project={project}"), 2).await?);
        lists.push(vec![format!("{REST}runs?project={project}&status=finished")]);
    }
    for agent in &drawn.agents {
        lists.push(reader.follow(&format!("runs?agent_key={agent}"), 2).await?);
    }
    lists.push(vec![format!("{REST}runs?agent_key=nobody")]);
    Ok(interleaved(&lists))
}

async fn events(drawn: &Drawn, reader: &Reader) -> Result<Vec<String>> {
    let mut lists = Vec::new();
    for fixed in [
        "events",
        "events?type=approval.",
        "events?type=approval.failed",
        "events?type=policy.",
        "events?type=bypass.detected",
        "events?type=run.",
        "events?order=newest_first",
        "events?type=approval.&order=newest_first",
        "events?type=bypass.detected&order=newest_first",
    ] {
        lists.push(reader.follow(fixed, 4).await?);
    }
    for project in drawn.projects.iter().take(40) {
        lists.push(reader.follow(&format!("events?project={project}"), 2).await?);
        lists.push(vec![format!("{REST}events?project={project}&type=approval.denied")]);
        lists.push(vec![format!("{REST}events?project={project}&order=newest_first")]);
    }
    for run in drawn.runs.iter().take(40) {
        lists.push(vec![format!("{REST}events?run={run}")]);
        lists.push(vec![format!("{REST}events?run={run}&type=approval.")]);
    }
    for run in drawn.nightly.iter().take(10) {
        lists.push(reader.follow(&format!("events?run={run}"), 3).await?);
    }
    for id in drawn.requests.iter().take(40) {
        lists.push(vec![format!("{REST}events?request={id}")]);
    }
    Ok(interleaved(&lists))
}
