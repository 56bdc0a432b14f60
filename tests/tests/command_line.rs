//! What staff do by the command line, against real servers: list, look, decide, answer, withdraw, follow, wait; and what the exit codes say.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_suites::clients::{Agent, Parties, status_of};
use countersign_suites::process::{ServerProcess, Site, command_as};
use countersign_suites::store::{PgServer, Store};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

const ALICE: &str = "suite-approver-token";
const DANA: &str = "suite-second-approver-token";
const VIEWER: &str = "suite-viewer-token";

/// The exit codes of docs/command-line.md.
mod code {
    pub const DONE: i32 = 0;
    pub const USAGE: i32 = 2;
    pub const REFUSED: i32 = 3;
    pub const NOT_PERMITTED: i32 = 4;
    pub const NOT_FOUND: i32 = 5;
    pub const CONFLICT: i32 = 6;
    pub const UNAVAILABLE: i32 = 7;
    pub const TIME_OVER: i32 = 8;
    pub const DENIED: i32 = 10;
    pub const EXPIRED: i32 = 11;
    pub const CANCELLED: i32 = 12;
    pub const INTERRUPTED: i32 = 130;
}

/// Two owners, somebody who may only look, and an agent whose requests take both owners.
struct Scene {
    site: Site,
    server: ServerProcess,
    parties: Parties,
    agent: Agent,
}

/// How a command ended.
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Scene {
    async fn set(store: Store) -> Result<Self> {
        let site = prepared(store).await?;
        let server = site.start("server").await?;
        let parties = Parties::connect(&site.deployment(&server)).await?;
        let agent = parties.agent("cli-1", "patient", "run:ops").await?;
        Ok(Self { site, server, parties, agent })
    }

    /// The agent asks for a database of this name.
    async fn asked(&self, name: &str) -> Result<String> {
        asked(&self.agent, name).await
    }

    async fn asks_question(&self, question: &str) -> Result<String> {
        let arguments = json!({"question": question, "options": ["Canary first", "All at once"]});
        let reply = self.agent.call("mcp_owner_feedback_request", &arguments).await?;
        reply.request_id.context("a question is a request")
    }

    fn run(&self, token: &str, arguments: &[&str]) -> Result<Ended> {
        ended(&mut command_as(&self.server, token, arguments)?)
    }

    /// The same, which has to end with this code.
    fn ends(&self, token: &str, arguments: &[&str], code: i32) -> Result<Ended> {
        let ended = self.run(token, arguments)?;
        ensure!(
            ended.code == code,
            "{arguments:?} ended with {} instead of {code}:\n{}\n{}",
            ended.code,
            ended.out,
            ended.err
        );
        Ok(ended)
    }

    /// A request as `show --json` tells it.
    fn shown(&self, id: &str) -> Result<Value> {
        let shown = self.ends(ALICE, &["approvals", "show", id, "--json"], code::DONE)?;
        Ok(serde_json::from_str(&shown.out)?)
    }

    fn digest(&self, id: &str) -> Result<String> {
        Ok(text(&self.shown(id)?["summary"]["plan_digest"]))
    }
}

async fn prepared(store: Store) -> Result<Site> {
    let site = Site::prepare(store).await?;
    let identity = |name: &str, roles: &str, token: &str| {
        let hash = hex::encode(Sha256::digest(token.as_bytes()));
        format!(
            "\n[identities.{name}]\nprincipal = \"user:github:{name}\"\nroles = [{roles}]\ntoken_sha256 = \"{hash}\"\n"
        )
    };
    site.reconfigure(|text| {
        format!(
            "{text}{}{}",
            identity("dana", "\"approver\", \"viewer\"", DANA),
            identity("vera", "\"viewer\"", VIEWER)
        )
    })?;
    let policy = site.folder().join("policy.yaml");
    let written = std::fs::read_to_string(&policy)?;
    let both = written.replace("[\"user:github:alice\"]", "[\"user:github:alice\", \"user:github:dana\"]");
    ensure!(both != written, "the policy names alice");
    let careful = "  - id: careful-agents-take-two\n    match: { agent_key: careful }\n    approval: owner\n    quorum: 2\n";
    std::fs::write(&policy, format!("{both}{careful}"))?;
    Ok(site)
}

async fn asked(agent: &Agent, name: &str) -> Result<String> {
    let arguments = json!({
        "action": "create", "environment": "dev", "database_name": name, "justification": "For the suite of the command line.",
    });
    agent.call("database.lifecycle", &arguments).await?.request_id.context("a request")
}

fn ended(command: &mut Command) -> Result<Ended> {
    let output = command.output()?;
    Ok(Ended {
        code: output.status.code().context("the command was killed")?,
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn check(said: &str, parts: &[&str]) -> Result<()> {
    for part in parts {
        ensure!(said.contains(part), "`{part}` is not in:\n{said}");
    }
    Ok(())
}

async fn on_both_stores<F: Future<Output = Result<()>>>(name: &str, play: impl Fn(Store) -> F) -> Result<()> {
    play(Store::Sqlite).await.with_context(|| format!("`{name}` on SQLite"))?;
    let postgres = PgServer::start().await?;
    play(postgres.store(name).await?).await.with_context(|| format!("`{name}` on PostgreSQL"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_listed_shown_and_decided_by_command() -> Result<()> {
    on_both_stores("commanded", |store| async {
        let scene = Scene::set(store).await?;
        let names = ["cli_alpha", "cli_beta", "cli_gamma"];
        let mut ids = Vec::new();
        for name in names {
            ids.push(scene.asked(name).await?);
        }
        let listed = |more: &[&str]| -> Result<Value> {
            let command = [&["approvals", "list", "--json"], more].concat();
            Ok(serde_json::from_str(&scene.ends(VIEWER, &command, code::DONE)?.out)?)
        };
        let all = listed(&["--tool", "database.lifecycle", "--environment", "dev", "--run", "cli-1"])?;
        let found: Vec<_> =
            all["approvals"].as_array().context("a list")?.iter().map(|one| text(&one["id"])).collect();
        ensure!(found == ids && all.get("next_cursor").is_none(), "{all}");
        let first = listed(&["--limit", "2"])?;
        let rest = listed(&["--limit", "2", "--cursor", &text(&first["next_cursor"])])?;
        ensure!(rest["approvals"][0]["id"] == *ids[2] && rest.get("next_cursor").is_none(), "{rest}");
        ensure!(listed(&["--order", "newest-first", "--limit", "1"])?["approvals"][0]["id"] == *ids[2]);
        ensure!(listed(&["-q", "beta"])?["approvals"][0]["id"] == *ids[1]);
        ensure!(listed(&["--state", "denied", "--state", "applied"])?["approvals"] == json!([]));
        let plain = scene.ends(VIEWER, &["approvals", "list"], code::DONE)?.out;
        check(&plain, &[&ids[0], " requested ", "decide by 2"])?;

        let shown = scene.ends(ALICE, &["approvals", "show", &ids[0]], code::DONE)?.out;
        check(
            &shown,
            &["  fact: ", "  step 1: ", "(justification, not verified): For the suite", "version "],
        )?;
        let digest = scene.digest(&ids[0])?;
        check(&shown, &[&digest])?;
        let approve = ["approvals", "approve", &ids[0], "--digest", &digest, "--reason", "looks right"];
        check(&scene.ends(ALICE, &approve, code::DONE)?.out, &[&ids[0]])?;
        let again = scene.ends(ALICE, &[&approve[..], &["--json"]].concat(), code::DONE)?;
        ensure!(serde_json::from_str::<Value>(&again.out)?["repeated"] == true, "{}", again.out);
        let outcome = tokio::time::timeout(PATIENCE, scene.agent.outcome(&ids[0])).await??;
        ensure!(status_of(&outcome) == "applied", "came to {}", status_of(&outcome));

        let digest = scene.digest(&ids[1])?;
        let deny = ["approvals", "deny", &ids[1], "--digest", &digest, "--reason", "not today"];
        check(&scene.ends(DANA, &deny, code::DONE)?.out, &[" denied "])?;
        let late =
            scene.ends(ALICE, &["approvals", "approve", &ids[1], "--digest", &digest], code::CONFLICT)?;
        check(
            &late.err,
            &[
                "[already_settled]",
                "now it is denied",
                "user:github:dana said deny at 2",
                "by user:github:dana: not today",
            ],
        )?;
        ensure!(late.out.is_empty(), "{}", late.out);

        check(
            &scene.ends(ALICE, &["approvals", "cancel", &ids[2], "--reason", "no need"], code::DONE)?.out,
            &[" cancelled "],
        )?;
        scene.ends(DANA, &["approvals", "cancel", &ids[2]], code::CONFLICT)?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn several_are_decided_by_one_command_all_or_none() -> Result<()> {
    let scene = Scene::set(Store::Sqlite).await?;
    let (a, b) = (scene.asked("cli_one").await?, scene.asked("cli_two").await?);
    let (of_a, of_b) = (scene.digest(&a)?, scene.digest(&b)?);
    let decide = |digests: [&str; 2]| {
        ["approvals", "approve", &a, &b, "--digest", digests[0], "--digest", digests[1]].map(str::to_owned)
    };
    let run = |arguments: &[String], code| {
        let words: Vec<_> = arguments.iter().map(String::as_str).collect();
        scene.ends(ALICE, &words, code)
    };
    let swapped = run(&decide([&of_b, &of_a]), code::CONFLICT)?;
    check(&swapped.err, &["[batch_refused]", "[plan_changed]", &a, &b])?;
    for id in [&a, &b] {
        ensure!(scene.shown(id)?["summary"]["state"] == "requested");
    }
    let missing = scene.ends(ALICE, &["approvals", "approve", &a, &b, "--digest", &of_a], code::USAGE)?;
    check(&missing.err, &["one --digest for each request"])?;
    let decided = run(&decide([&of_a, &of_b]), code::DONE)?;
    ensure!(decided.out.lines().count() == 2, "{}", decided.out);
    check(&decided.out, &[&a, &b])?;
    for id in [&a, &b] {
        let outcome = tokio::time::timeout(PATIENCE, scene.agent.outcome(id)).await??;
        ensure!(status_of(&outcome) == "applied", "came to {}", status_of(&outcome));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_version_does_not_decide_by_command() -> Result<()> {
    let scene = Scene::set(Store::Sqlite).await?;
    let careful = scene.parties.agent("cli-careful", "careful", "run:ops").await?;
    let id = asked(&careful, "cli_careful").await?;
    let seen = scene.shown(&id)?["summary"].clone();
    let (digest, etag) = (text(&seen["plan_digest"]), text(&seen["etag"]));
    let approve = ["approvals", "approve", &id, "--digest", &digest, "--etag", &etag];
    check(&scene.ends(DANA, &approve, code::DONE)?.out, &[" requested ", "1 of 2 approvals"])?;
    let stale = scene.ends(ALICE, &approve, code::CONFLICT)?;
    check(&stale.err, &["[version_changed]", "now it is requested", "user:github:dana said approve at 2"])?;
    check(
        &scene.ends(ALICE, &["approvals", "show", &id], code::DONE)?.out,
        &["user:github:dana said approve at 2"],
    )?;
    // Without its quotes, as it is shown.
    let fresh = text(&scene.shown(&id)?["summary"]["etag"]).replace('"', "");
    let approve = ["approvals", "approve", &id, "--digest", &digest, "--etag", &fresh];
    scene.ends(ALICE, &approve, code::DONE)?;
    let outcome = tokio::time::timeout(PATIENCE, careful.outcome(&id)).await??;
    ensure!(status_of(&outcome) == "applied", "came to {}", status_of(&outcome));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_by_command() -> Result<()> {
    let scene = Scene::set(Store::Sqlite).await?;
    let by_option = scene.asks_question("How shall the checkout be rolled out?").await?;
    let shown = scene.ends(ALICE, &["approvals", "show", &by_option], code::DONE)?.out;
    check(
        &shown,
        &["question: How shall the checkout", "    0: Canary first", "    1: All at once", "or own words"],
    )?;
    let digest = scene.digest(&by_option)?;
    let answer = ["approvals", "answer", &by_option, "--digest", &digest];
    let wrong = scene.ends(ALICE, &[&answer[..], &["--option", "4"]].concat(), code::REFUSED)?;
    check(&wrong.err, &["[no_such_option]"])?;
    check(&scene.ends(ALICE, &[&answer[..], &["--option", "1"]].concat(), code::DONE)?.out, &[" answered "])?;

    let by_words = scene.asks_question("Which region shall come first, please?").await?;
    let digest = scene.digest(&by_words)?;
    let answer = ["approvals", "answer", &by_words, "--digest", &digest, "--text", "Frankfurt"];
    scene.ends(ALICE, &answer, code::DONE)?;
    let resolution = scene.shown(&by_words)?["resolution"].clone();
    ensure!(
        resolution["by"] == "user:github:alice" && text(&resolution["reason"]).contains("Frankfurt"),
        "{resolution}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_has_its_exit_code() -> Result<()> {
    let scene = Scene::set(Store::Sqlite).await?;
    let id = scene.asked("cli_wrong").await?;
    let digest = scene.digest(&id)?;
    let approve = ["approvals", "approve", &id, "--digest", &digest];

    let unseen = scene.ends(ALICE, &["approvals", "approve", &id], code::USAGE)?;
    check(&unseen.err, &["--digest DIGEST", "approvals show ID"])?;
    scene.ends(ALICE, &["approvals", "show", "17"], code::USAGE)?;
    scene.ends(ALICE, &["approvals", "list", "--server", "http://c.example.org"], code::USAGE)?;
    let nowhere = ["approvals", "list", "--ca-file", "/nonexistent/ca.pem"];
    check(&scene.ends(ALICE, &nowhere, code::USAGE)?.err, &["/nonexistent/ca.pem"])?;

    let long = "x".repeat(1001);
    let refused = scene.ends(ALICE, &[&approve[..], &["--reason", &long]].concat(), code::REFUSED)?;
    check(&refused.err, &["body `/reason`: ", "[invalid_request]"])?;
    let refused = scene.ends(
        ALICE,
        &["approvals", "list", "--cursor", "of-nothing", "--project", "No Name"],
        code::REFUSED,
    )?;
    check(&refused.err, &["query `/cursor`: ", "query `/project`: "])?;
    let json =
        scene.ends(ALICE, &["approvals", "list", "--cursor", "of-nothing", "--json"], code::REFUSED)?;
    ensure!(serde_json::from_str::<Value>(&json.err)?["errors"][0]["pointer"] == "/cursor", "{}", json.err);
    ensure!(json.out.is_empty(), "{}", json.out);

    check(
        &scene.ends("of-nobody", &["approvals", "list"], code::NOT_PERMITTED)?.err,
        &["[unauthenticated]"],
    )?;
    check(&scene.ends(VIEWER, &approve, code::NOT_PERMITTED)?.err, &["[role_required]"])?;
    let absent = "01932d5e-7a00-7000-8000-000000000001";
    check(&scene.ends(ALICE, &["approvals", "show", absent], code::NOT_FOUND)?.err, &["[unknown_request]"])?;
    let other = format!("sha256:{}", "0".repeat(64));
    let stale = scene.ends(ALICE, &["approvals", "approve", &id, "--digest", &other], code::CONFLICT)?;
    check(&stale.err, &["[plan_changed]", &digest])?;

    // The gRPC port answers, but not so.
    let grpc = scene.run(ALICE, &["approvals", "list", "--server", &scene.server.grpc])?;
    ensure!(grpc.code != code::DONE && grpc.err.contains(&scene.server.grpc), "{}", grpc.err);
    let Scene { server, site, .. } = scene;
    let mut gone = command_as(&server, ALICE, &["approvals", "list"])?;
    let mut watch = command_as(&server, ALICE, &["approvals", "watch"])?;
    server.kill()?;
    for command in [&mut gone, &mut watch] {
        let gone = ended(command)?;
        ensure!(gone.code == code::UNAVAILABLE, "{}: {}", gone.code, gone.err);
        check(&gone.err, &["cannot reach the server at `http://127.0.0.1:"])?;
    }
    drop(site);
    Ok(())
}

/// A command that goes on, and what it prints.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(server: &ServerProcess, arguments: &[&str]) -> Result<Self> {
        let mut child = command_as(server, ALICE, arguments)?.stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().context("an output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines })
    }

    /// Reads lines until one has this in it; all that were read.
    fn read_until(&self, wanted: &str) -> Result<Vec<String>> {
        let mut read: Vec<String> = Vec::new();
        while !read.last().is_some_and(|line| line.contains(wanted)) {
            let line = self.lines.recv_timeout(PATIENCE);
            read.push(line.with_context(|| format!("`{wanted}` did not come after {read:?}"))?);
        }
        Ok(read)
    }

    /// As somebody does who presses Ctrl-C.
    fn interrupt(&self) -> Result<()> {
        let told = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status()?;
        ensure!(told.success(), "the command can't be interrupted");
        Ok(())
    }

    fn code(mut self) -> Result<i32> {
        for _ in 0..300 {
            if let Some(status) = self.child.try_wait()? {
                return status.code().context("the command was killed");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        anyhow::bail!("the command does not end")
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_goes_on_where_it_was_when_a_server_comes_back() -> Result<()> {
    let postgres = PgServer::start().await?;
    let site = prepared(postgres.store("watched").await?).await?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let fixed = [("COUNTERSIGN_SERVER__HTTP_LISTEN", port.as_str())];
    let watched = site.start_with("watched", &fixed).await?;
    let other = site.start("other").await?;
    let parties = Parties::connect(&site.deployment(&other)).await?;
    let agent = parties.agent("cli-1", "patient", "run:ops").await?;
    let watching = Watching::start(&watched, &["approvals", "watch", "--json", "--project", "shop"])?;
    let elsewhere = Watching::start(&watched, &["approvals", "watch", "--type", "run."])?;

    // It begins now: something is told once it listens.
    let mut told = Vec::new();
    let first = asked(&agent, "cli_first").await?;
    let mut asked_before = 0;
    while told.is_empty() {
        asked_before += 1;
        asked(&agent, &format!("cli_before_{asked_before}")).await?;
        told.extend(watching.lines.recv_timeout(Duration::from_secs(2)).ok());
    }
    watched.kill()?;
    let missed = asked(&agent, "cli_missed").await?;
    let watched = site.start_with("watched", &fixed).await?;
    told.extend(watching.read_until(&missed)?);
    let last = asked(&agent, "cli_last").await?;
    told.extend(watching.read_until(&last)?);

    let changes = told.iter().map(|line| serde_json::from_str(line)).collect::<Result<Vec<Value>, _>>()?;
    let mut seen: Vec<_> = changes.iter().map(|change| text(&change["id"])).collect();
    let all = seen.len();
    seen.sort();
    seen.dedup();
    ensure!(seen.len() == all, "something was told twice: {told:?}");
    ensure!(changes.iter().all(|change| text(&change["type"]).starts_with("approval.")), "{told:?}");
    let places: Vec<_> = [&first, &missed, &last]
        .map(|id| changes.iter().position(|change| change["request_id"] == **id))
        .into_iter()
        .collect();
    ensure!(places[1] < places[2] && places[1].is_some(), "{told:?}");
    parties.finish("cli-1").await?;
    check(&elsewhere.read_until("run.")?.join("\n"), &["run cli-1"])?;
    for command in [watching, elsewhere] {
        command.interrupt()?;
        ensure!(command.code()? == code::DONE);
    }
    drop(watched);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_request_tells_by_its_exit_code_what_became_of_it() -> Result<()> {
    let scene = Scene::set(Store::Sqlite).await?;
    let wait = |id: &str, more: &[&str]| {
        Watching::start(&scene.server, &[&["approvals", "watch", id, "--until", "settled"], more].concat())
    };
    let applied = scene.asked("cli_applied").await?;
    let approve = ["approvals", "approve", &applied, "--digest", &scene.digest(&applied)?];
    let waiting = wait(&applied, &["--json"])?;
    scene.ends(ALICE, &approve, code::DONE)?;
    let told = waiting.read_until("\"plan\"")?;
    let last: Value = serde_json::from_str(told.last().context("an answer")?)?;
    ensure!(last["summary"]["state"] == "applied", "{last}");
    ensure!(waiting.code()? == code::DONE);
    ensure!(wait(&applied, &[])?.code()? == code::DONE, "what is over is not waited for");

    let denied = scene.asked("cli_denied").await?;
    let deny = ["approvals", "deny", &denied, "--digest", &scene.digest(&denied)?, "--reason", "no"];
    let waiting = wait(&denied, &[])?;
    scene.ends(ALICE, &deny, code::DONE)?;
    check(&waiting.read_until("ended at")?.join("\n"), &[" denied ", "by user:github:alice: no"])?;
    ensure!(waiting.code()? == code::DENIED);

    let cancelled = scene.asked("cli_cancelled").await?;
    let waiting = wait(&cancelled, &[])?;
    scene.agent.cancel(&cancelled, "changed my mind").await?;
    ensure!(waiting.code()? == code::CANCELLED);

    let hasty = scene.parties.agent("cli-hasty", "hasty", "run:ops").await?;
    let expired = asked(&hasty, "cli_expired").await?;
    ensure!(wait(&expired, &[])?.code()? == code::EXPIRED);

    let open = scene.asked("cli_open").await?;
    ensure!(wait(&open, &["--timeout-s", "1"])?.code()? == code::TIME_OVER);
    let waiting = wait(&open, &["--json"])?;
    scene.asked("cli_meanwhile").await?;
    std::thread::sleep(Duration::from_secs(2));
    waiting.interrupt()?;
    ensure!(waiting.code()? == code::INTERRUPTED);
    let watching = Watching::start(&scene.server, &["approvals", "watch", "--timeout-s", "1"])?;
    ensure!(watching.code()? == code::DONE);
    Ok(())
}
