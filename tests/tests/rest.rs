//! Staff work over HTTP against real servers on both stores: list, look, decide, see the outcome; several at once, all or nothing.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_simulators::Behaviour;
use countersign_simulators::speech::samples;
use countersign_suites::clients::{Agent, Parties, status_of};
use countersign_suites::deployment::Deployment;
use countersign_suites::process::{ServerProcess, Site};
use countersign_suites::store::{PgServer, Store};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

async fn on_both_stores<F: Future<Output = Result<()>>>(name: &str, play: impl Fn(Store) -> F) -> Result<()> {
    play(Store::Sqlite).await.with_context(|| format!("`{name}` on SQLite"))?;
    let postgres = PgServer::start().await?;
    play(postgres.store(name).await?).await.with_context(|| format!("`{name}` on PostgreSQL"))
}

/// A server, an agent of one run, and the approver with nothing but HTTP.
struct Scene {
    site: Site,
    server: ServerProcess,
    parties: Parties,
    deployment: Deployment,
    agent: Agent,
    client: reqwest::Client,
}

/// An answer.
struct Answered {
    status: u16,
    body: Value,
}

impl Scene {
    async fn set(store: Store) -> Result<Self> {
        // The client wants to know its cryptography even where it speaks without. Whoever was first has installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let site = Site::prepare(store).await?;
        let server = site.start("server").await?;
        let deployment = site.deployment(&server);
        let parties = Parties::connect(&deployment).await?;
        let agent = parties.agent("rest-1", "patient", "run:ops").await?;
        Ok(Self { site, server, parties, deployment, agent, client: reqwest::Client::new() })
    }

    /// The agent asks for a database of this name.
    async fn asked(&self, agent: &Agent, name: &str) -> Result<String> {
        let arguments = json!({"action": "create", "environment": "dev", "database_name": name, "justification": "For the suite over HTTP."});
        agent.call("database.lifecycle", &arguments).await?.request_id.context("a request")
    }

    async fn get(&self, path: &str) -> Result<Answered> {
        self.send(self.client.get(format!("{}/api/v1/{path}", self.server.http))).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Answered> {
        let request = self.client.post(format!("{}/api/v1/{path}", self.server.http));
        self.send(request.header("content-type", "application/json").body(body.to_string())).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answered> {
        let response = request.bearer_auth(&self.deployment.approver_token).send().await?;
        let status = response.status().as_u16();
        Ok(Answered { status, body: serde_json::from_str(&response.text().await?)? })
    }

    /// What a decision has to name.
    async fn digest(&self, id: &str) -> Result<Value> {
        Ok(self.get(&format!("approvals/{id}")).await?.body["summary"]["plan_digest"].clone())
    }

    async fn outcome(&self, agent: &Agent, id: &str) -> Result<String> {
        Ok(status_of(&tokio::time::timeout(PATIENCE, agent.outcome(id)).await??))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_list_look_approve_and_see_the_outcome_over_http() -> Result<()> {
    on_both_stores("rest", |store| async {
        let scene = Scene::set(store).await?;
        let nobody = scene.client.get(format!("{}/api/v1/approvals", scene.server.http)).send().await?;
        ensure!(nobody.status() == 401 && nobody.headers()["content-type"] == "application/problem+json");
        let id = scene.asked(&scene.agent, "rest_orders").await?;
        let listed = scene.get("approvals?environment=dev&limit=1").await?;
        ensure!(listed.body["approvals"][0]["id"] == id, "{}", listed.body);
        let shown = scene.get(&format!("approvals/{id}")).await?;
        ensure!(shown.body["viewer"]["may_decide"] == true, "{}", shown.body);
        let body = json!({"decision": "approve", "seen_digest": shown.body["summary"]["plan_digest"], "reason": "looks right"});
        let decided = scene.post(&format!("approvals/{id}/decision"), &body).await?;
        ensure!((decided.status, &decided.body["repeated"]) == (200, &json!(false)), "{}", decided.body);
        ensure!(scene.outcome(&scene.agent, &id).await? == "applied");
        let again = scene.post(&format!("approvals/{id}/decision"), &body).await?;
        ensure!((again.status, &again.body["repeated"]) == (200, &json!(true)), "{}", again.body);
        let late = json!({"decision": "deny", "seen_digest": body["seen_digest"]});
        let late = scene.post(&format!("approvals/{id}/decision"), &late).await?;
        ensure!((late.status, &late.body["code"]) == (409, &json!("already_settled")), "{}", late.body);
        ensure!(late.body["current"]["votes"][0]["decision"] == "approve", "{}", late.body);
        let run = scene.get("runs/rest-1").await?;
        ensure!(run.body["requests"][0]["outcome"]["status"] == "applied", "{}", run.body);
        ensure!(scene.get("runs?limit=1").await?.body["runs"][0]["id"] == "rest-1");
        let trace = scene.get(&format!("trace?request={id}")).await?;
        let types: Vec<_> = trace.body["events"].as_array().context("events")?.iter().map(|event| &event["type"]).collect();
        ensure!(types.contains(&&json!("approval.approved")) && types.contains(&&json!("approval.applied")), "{types:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_over_two_runs_counts_all_or_nothing_over_http() -> Result<()> {
    on_both_stores("batch", |store| async {
        let scene = Scene::set(store).await?;
        let other = scene.parties.agent("rest-2", "patient", "run:ops").await?;
        let (a, b) = (scene.asked(&scene.agent, "rest_a").await?, scene.asked(&other, "rest_b").await?);
        let stale = format!("sha256:{}", "0".repeat(64));
        let item = |id: &str, seen: Value| json!({"id": id, "decision": "approve", "seen_digest": seen});
        let half = json!({"decisions": [item(&a, scene.digest(&a).await?), item(&b, json!(stale))]});
        let refused = scene.post("approvals/batch-decision", &half).await?;
        ensure!(
            (refused.status, &refused.body["code"]) == (409, &json!("batch_refused")),
            "{}",
            refused.body
        );
        ensure!(refused.body["refused"][0]["code"] == "plan_changed", "{}", refused.body);
        for id in [&a, &b] {
            let shown = scene.get(&format!("approvals/{id}")).await?;
            ensure!(
                shown.body["summary"]["state"] == "requested" && shown.body["votes"] == json!([]),
                "{}",
                shown.body
            );
        }
        let both =
            json!({"decisions": [item(&b, scene.digest(&b).await?), item(&a, scene.digest(&a).await?)]});
        let decided = scene.post("approvals/batch-decision", &both).await?;
        ensure!(
            decided.status == 200 && decided.body["decisions"][0]["approval"]["id"] == b,
            "{}",
            decided.body
        );
        ensure!(
            scene.outcome(&scene.agent, &a).await? == "applied"
                && scene.outcome(&other, &b).await? == "applied"
        );
        Ok(())
    })
    .await
}

impl Scene {
    /// The approver says what is in the recorded sample.
    async fn says(&self, path: &str) -> Result<Answered> {
        let request = self.client.post(format!("{}/api/v1/{path}?language=en", self.server.http));
        self.send(request.header("content-type", "audio/wav").body(samples::ENGLISH)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_a_denial_and_an_answer_are_dictated_over_http() -> Result<()> {
    on_both_stores("voice", |store| async {
        let scene = Scene::set(store).await?;
        let id = scene.asked(&scene.agent, "rest_spoken").await?;
        let heard = scene.says(&format!("approvals/{id}/decision/voice")).await?;
        ensure!((heard.status, &heard.body["text"]) == (200, &json!(samples::ENGLISH_WORDS)), "{}", heard.body);
        let shown = scene.get(&format!("approvals/{id}")).await?;
        ensure!(shown.body["summary"]["state"] == "requested", "nothing counts yet: {}", shown.body);
        let deny = json!({
            "decision": "deny", "seen_digest": heard.body["plan_digest"], "reason": heard.body["text"],
            "transcript_proof": heard.body["transcript_proof"],
        });
        let denied = scene.post(&format!("approvals/{id}/decision"), &deny).await?;
        ensure!(denied.status == 200, "{}", denied.body);
        ensure!(scene.outcome(&scene.agent, &id).await? == "denied");
        let vote = scene.get(&format!("approvals/{id}")).await?.body["votes"][0].clone();
        let details = json!({
            "provider": "suite", "model": "whisper-1", "language": "english", "confidence_percent": 90,
            "audio_sha256": format!("sha256:{}", hex::encode(Sha256::digest(samples::ENGLISH))), "duration_ms": 1674,
        });
        ensure!((&vote["input_mode"], &vote["transcript"]) == (&json!("voice"), &details), "{vote}");
        let events = scene.get(&format!("events?request={id}&type=approval.denied")).await?;
        ensure!(events.body["events"][0]["detail"]["transcript"] == details, "{}", events.body);

        let ask = json!({"question": "When may it be released?", "options": ["today", "tomorrow"]});
        let question = scene.agent.call("mcp_owner_feedback_request", &ask).await?.request_id.context("a request")?;
        let heard = scene.says(&format!("questions/{question}/answer/voice")).await?;
        let answer = json!({
            "seen_digest": heard.body["plan_digest"], "custom_text": heard.body["text"],
            "transcript_proof": heard.body["transcript_proof"],
        });
        let answered = scene.post(&format!("questions/{question}/answer"), &answer).await?;
        ensure!(answered.status == 200, "{}", answered.body);
        ensure!(scene.outcome(&scene.agent, &question).await? == "answered");
        let told = scene.get(&format!("events?request={question}&type=approval.answered")).await?;
        let detail = &told.body["events"][0]["detail"];
        ensure!(detail["input_mode"] == "voice" && detail["transcript"] == details, "{detail}");

        scene.site.speech.fail_next("POST", "/v1/audio/transcriptions", Behaviour::status(503));
        let other = scene.asked(&scene.agent, "rest_unheard").await?;
        let away = scene.says(&format!("approvals/{other}/decision/voice")).await?;
        ensure!((away.status, &away.body["code"]) == (503, &json!("transcriber_unavailable")), "{}", away.body);
        Ok(())
    })
    .await
}

/// Reads the stream until this text has come.
async fn read_until(stream: &mut reqwest::Response, wanted: &str) -> Result<String> {
    let mut text = String::new();
    while !text.contains(wanted) {
        let chunk = tokio::time::timeout(PATIENCE, stream.chunk()).await.context(wanted.to_owned())??;
        text.push_str(std::str::from_utf8(&chunk.context("the stream has ended")?)?);
    }
    Ok(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_follows_the_other_replica() -> Result<()> {
    let postgres = PgServer::start().await?;
    let scene = Scene::set(postgres.store("streamed").await?).await?;
    let other = scene.site.start("other").await?;
    let stream = scene.client.get(format!("{}/api/v1/stream?type=approval.", other.http));
    let mut stream = stream.bearer_auth(&scene.deployment.approver_token).send().await?;
    read_until(&mut stream, "event: ready").await?;
    let id = scene.asked(&scene.agent, "rest_streamed").await?;
    let told = read_until(&mut stream, "\"type\":\"approval.requested\"").await?;
    ensure!(told.contains(&id), "{told}");
    let body = json!({"decision": "deny", "seen_digest": scene.digest(&id).await?, "reason": "not today"});
    ensure!(scene.post(&format!("approvals/{id}/decision"), &body).await?.status == 200);
    read_until(&mut stream, "\"type\":\"approval.denied\"").await?;
    Ok(())
}
