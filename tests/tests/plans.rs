//! No page reads a large table from one end to the other: the pages are asked for at a real server on a store of many rows, more than
//! once each, so that PostgreSQL has settled on its plans, and the plans are taken from its own log.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use countersign_suites::plans::{Explained, explain, large_tables};
use countersign_suites::process::Site;
use countersign_suites::reads::{Reader, pages};
use countersign_suites::seed::{KINDS, Size, fill};
use countersign_suites::store::{PgServer, Store};
use sqlx::{Connection as _, PgConnection, raw_sql};

const SIZE: Size = Size { requests: 30_000, events: 150_000, seed: 7 };

/// A table of more rows than this is large.
const LARGE: u32 = 10_000;

/// After five times PostgreSQL may plan a statement once for all.
const TIMES: usize = 7;

/// Of the paths of each kind of page so many are asked for. They are mixed, so that all variants are among them.
const PATHS: usize = 130;

/// Of the console's pages so many: they need the same statements, and few others.
const CONSOLE_PATHS: usize = 20;

/// Every statement that a page needs, by a part of its text. Each has to have been seen, or the test would prove little.
const READ: [(&str, &str); 20] = [
    ("list of requests", "Each state is read by itself, in the order of an index"),
    ("search in the order of the list", "of the next $11 of that list"),
    ("search by the index of words", "States are taken together"),
    ("detail", "The request $1 with its votes, steps and sealed values"),
    ("votes", "FROM approval_votes AS v WHERE v.request_id = $1"),
    ("steps", "FROM action_steps AS s WHERE s.request_id = $1"),
    ("links", "Links that touch things of kind $1"),
    ("list of runs", "Runs with their open waits, newest first"),
    ("run", "The run $1 with its open waits"),
    ("requests of a run", "Requests of run $1 as its page shows them, each with its outcome"),
    ("requests of a run by state", "WHERE run_id = $1 GROUP BY state"),
    ("unread of a run", "whose outcome is not acknowledged, as its page shows them"),
    ("events", "Events after ($1, $2) of run $3"),
    ("events of types", "Each type is read by itself"),
    ("events backwards", "Events before ($1, $2), the newest first"),
    ("event horizon", "FROM flow_events WHERE xid >= pg_snapshot_xmin"),
    ("awaited of a run", "that are not over, or whose outcome is not acknowledged"),
    ("steps on a target", "FROM action_steps WHERE target COLLATE"),
    ("how deciding went", "How deciding went since $1"),
    ("clock", "clock_timestamp()"),
];

struct Scene {
    postgres: PgServer,
    url: String,
    site: Site,
    large: BTreeSet<String>,
}

impl Scene {
    async fn set() -> Result<Self> {
        let postgres = PgServer::start().await?;
        let store = postgres.store("plans").await?;
        let Store::Postgres { url } = store.clone() else { anyhow::bail!("the store is PostgreSQL's") };
        fill(&url, SIZE, &mut |_| {}).await?;
        let large = large_tables(&url, LARGE).await?;
        for table in [
            "mcp_action_requests",
            "request_search",
            "flow_events",
            "links",
            "run_outcomes",
            "run_waits",
            "action_steps",
        ] {
            ensure!(large.contains(table), "{table} is not large; these are: {large:?}");
        }
        explain(&url).await?;
        Ok(Self { postgres, url, site: Site::prepare(store).await?, large })
    }

    /// Everything that was carried out since so many bytes of the log, while pages of these kinds were asked for; of all when none is named.
    async fn read_all(&self, name: &str, kinds: &[&str]) -> Result<Vec<Explained>> {
        let before = self.postgres.log().await?.len();
        // One connection: its log lines come one after the other. The watcher looks at targets, which nobody has here.
        let variables = [
            ("COUNTERSIGN_STORE__POOL_SIZE", "1"),
            ("COUNTERSIGN_HTTP__REQUESTS_PER_MINUTE", "1000000"),
            ("COUNTERSIGN_WATCH__INTERVAL_S", "0"),
            ("COUNTERSIGN_LOG__FILTER", "warn"),
        ];
        let server = self.site.start_with(name, &variables).await?;
        let deployment = self.site.deployment(&server);
        let reader = Reader::new(&server.http, &deployment.approver_token);
        for pages in pages(&self.url, &reader).await? {
            if !kinds.is_empty() && !kinds.contains(&pages.name) {
                continue;
            }
            let most = if pages.name.starts_with("console") { CONSOLE_PATHS } else { PATHS };
            for path in pages.paths.iter().take(most) {
                reader.read(path).await?;
            }
            // The first variants again, by now with whatever plan PostgreSQL keeps.
            for _ in 0..TIMES {
                for path in pages.paths.iter().take(8) {
                    reader.read(path).await?;
                }
            }
        }
        let parties = countersign_suites::clients::Parties::connect(&deployment).await?;
        let agent = parties.agent("plans-agent", "patient", "run:ops").await?;
        for _ in 0..TIMES {
            agent.outcomes().await?;
            reader.read("/overview").await?;
        }
        drop(server);
        let log = self.postgres.log().await?;
        Ok(Explained::all(&String::from_utf8_lossy(&log[before..])))
    }

    /// What was read from end to end although it is large, by statement.
    fn trespasses(&self, explained: &[Explained]) -> BTreeMap<String, BTreeSet<String>> {
        let mut trespasses = BTreeMap::new();
        for one in explained {
            let scanned: BTreeSet<String> = one.scanned().intersection(&self.large).cloned().collect();
            if !scanned.is_empty() {
                trespasses.insert(one.text.clone(), scanned);
            }
        }
        trespasses
    }
}

#[tokio::test]
async fn no_page_reads_a_large_table_from_end_to_end() -> Result<()> {
    let scene = Scene::set().await?;
    let explained = scene.read_all("with", &[]).await?;
    for (what, text) in READ {
        let count = explained.iter().filter(|one| one.text.contains(text)).count();
        ensure!(count >= TIMES, "{what}: seen {count} times");
    }
    let trespasses = scene.trespasses(&explained);
    ensure!(trespasses.is_empty(), "{trespasses:#?}");

    // Without an index it shows: so it would have been seen.
    let mut connection = PgConnection::connect(&scene.url).await?;
    raw_sql("DROP INDEX mcp_action_requests_by_run").execute(&mut connection).await?;
    let trespasses = scene.trespasses(&scene.read_all("without", &["run"]).await?);
    let seen = trespasses.iter().any(|(statement, scanned)| {
        statement.contains("GROUP BY state") && scanned.contains("mcp_action_requests")
    });
    ensure!(seen, "no scan is seen without the index: {trespasses:#?}");
    Ok(())
}

#[tokio::test]
async fn what_is_filled_in_depends_on_the_seed_alone() -> Result<()> {
    let postgres = PgServer::start().await?;
    let mut contents = Vec::new();
    for (name, seed) in [("one", 1), ("again", 1), ("two", 2)] {
        let Store::Postgres { url } = postgres.store(name).await? else {
            anyhow::bail!("the store is PostgreSQL's")
        };
        fill(&url, Size { requests: 1_000, events: 5_000, seed }, &mut |_| {}).await?;
        let mut connection = PgConnection::connect(&url).await?;
        let states: Vec<String> = sqlx::query_scalar(
            "SELECT q.intent_digest || q.project || q.state || q.agent_key || q.run_id FROM mcp_action_requests AS q \
             JOIN request_search USING (request_id) ORDER BY 1",
        )
        .fetch_all(&mut connection)
        .await?;
        let events: i64 =
            sqlx::query_scalar("SELECT count(*) FROM flow_events").fetch_one(&mut connection).await?;
        ensure!(states.len() == 1_000 + KINDS.len(), "{} requests", states.len());
        ensure!((5_000..6_000).contains(&events), "{events} events");
        contents.push(states.into_iter().filter(|state| !state.contains("zzrun")).collect::<Vec<_>>());
    }
    ensure!(contents[0] == contents[1], "the same seed fills in the same");
    ensure!(contents[0] != contents[2], "another seed fills in something else");
    Ok(())
}
