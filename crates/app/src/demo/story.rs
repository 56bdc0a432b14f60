//! The story: every tool asked for; one applied, one denied, one expired, a question answered, a repeated call, a dry run.

use anyhow::{Context, Result, ensure};
use countersign_transport_grpc::client::{Bearer, from_struct};
use countersign_transport_grpc::v1::{CallReply, CallStatus};
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::agent::{Agent, Platform, events};
use super::place::Place;
use crate::client::rest::{Choice, Reply, Seen, Staff};
use crate::commands::{say, shown};

const SYNC: &str = "secret.sync.github_k8s";
const DATABASE: &str = "database.lifecycle";
const ASK: &str = "mcp_owner_feedback_request";

struct Story {
    agent: Agent,
    owner: Staff,
}

pub(super) async fn tell(
    place: &Place,
    channel: Channel,
    platform: &mut Platform,
    owner: Staff,
) -> Result<()> {
    say("The platform registers a run of the agent `sre`, launched by bob, for issue acme/shop#17.");
    let token = platform.register("demo-run-1").await?;
    let mut story = Story { agent: Agent::on(channel.clone(), Bearer::new(&token)?), owner };
    story.dry_run().await?;
    story.sync_is_approved_and_applied().await?;
    ensure!(place.journal.len() == 2, "the secret was written once to each target");
    story.database_is_created_and_described().await?;
    story.delete_is_denied().await?;
    story.staging_expires().await?;
    story.question_is_answered().await?;
    tell_effects(place);
    tell_events(channel, Bearer::new(&place.owner.token)?).await
}

/// Leaves a secret to decide and a question to answer.
pub(super) async fn leave_open(channel: Channel, mut platform: Platform) -> Result<()> {
    chapter("For you to decide: the agent of another run asks for a secret, and has a question");
    let token = platform.register("demo-run-2").await?;
    let mut agent = Agent::on(channel, Bearer::new(&token)?);
    let mut arguments = sync_arguments();
    arguments["github_secret_name"] = json!("SHOP_OTHER_KEY");
    arguments["kubernetes_secret_name"] = json!("shop-other");
    say(format!("agent <- {}", told(&agent.call(SYNC, &arguments).await?)));
    let question = json!({"question": "Shall we try this on staging next?", "options": ["Yes", "Not yet"]});
    say(format!("agent <- {}", told(&agent.call(ASK, &question).await?)));
    Ok(())
}

impl Story {
    async fn dry_run(&mut self) -> Result<()> {
        chapter("A dry run: the agent asks what syncing a secret would do");
        let mut arguments = sync_arguments();
        arguments["dry_run"] = json!(true);
        let reply = self.asks(SYNC, &arguments).await?;
        let preview = reply.preview.context("a dry run has a preview")?;
        for fact in preview.plan.into_iter().flat_map(|plan| plan.facts) {
            say(format!("  would: {}", fact.text));
        }
        Ok(())
    }

    async fn sync_is_approved_and_applied(&mut self) -> Result<()> {
        chapter("The agent asks for the secret; alice approves exactly what she sees; it is applied");
        let reply = self.asks(SYNC, &sync_arguments()).await?;
        let again = self.asks(SYNC, &sync_arguments()).await?;
        ensure!(again.reused && again.request_id == reply.request_id, "a repeated call meets its request");
        say("  (the repeated call met the same request)");
        self.decides(&reply, Choice::Approve, "rotation agreed in #17").await?;
        self.hears(&reply, CallStatus::Applied).await
    }

    async fn database_is_created_and_described(&mut self) -> Result<()> {
        chapter(
            "The agent asks for a database; alice approves; the agent has it described, which needs nobody",
        );
        let create = json!({
            "action": "create", "environment": "dev", "database_name": "orders",
            "justification": "The order service needs its own store.",
        });
        let reply = self.asks(DATABASE, &create).await?;
        self.decides(&reply, Choice::Approve, "").await?;
        self.hears(&reply, CallStatus::Applied).await?;
        let describe = json!({
            "action": "describe", "environment": "dev", "database_name": "orders",
            "justification": "Checking that it is there.",
        });
        let described = self.asks(DATABASE, &describe).await?;
        ensure!(status(&described) == CallStatus::Described, "a description completes inside the call");
        Ok(())
    }

    async fn delete_is_denied(&mut self) -> Result<()> {
        chapter("The agent asks to delete it; alice says no, with a reason");
        let delete = json!({
            "action": "delete", "environment": "dev", "database_name": "orders", "confirm_delete": true,
            "justification": "It looks unused to me right now.",
        });
        let reply = self.asks(DATABASE, &delete).await?;
        self.decides(&reply, Choice::Deny, "It was created a minute ago; leave it.").await?;
        self.hears(&reply, CallStatus::Denied).await
    }

    async fn staging_expires(&mut self) -> Result<()> {
        chapter("Nobody decides about staging within the two seconds its policy gives");
        let create = json!({
            "action": "create", "environment": "staging", "database_name": "orders",
            "justification": "Staging needs the same store.",
        });
        let reply = self.asks(DATABASE, &create).await?;
        self.hears(&reply, CallStatus::Expired).await
    }

    async fn question_is_answered(&mut self) -> Result<()> {
        chapter("The agent asks a question; alice answers");
        let question = json!({
            "question": "How shall the new checkout be rolled out?",
            "options": ["Canary, 5 % first", "All at once"],
        });
        let reply = self.asks(ASK, &question).await?;
        let id = reply.request_id.clone().context("a question is a request")?;
        let seen = self.sees(&id).await?;
        self.owner.answer(&seen, &Reply::Option(0)).await?;
        say("alice answers: option 0");
        self.hears(&reply, CallStatus::Answered).await
    }

    async fn asks(&mut self, tool: &str, arguments: &Value) -> Result<CallReply> {
        say(format!("agent -> {tool} {arguments}"));
        let reply = self.agent.call(tool, arguments).await?;
        say(format!("agent <- {}", told(&reply)));
        Ok(reply)
    }

    /// Shows the request as alice sees it, and returns what she saw.
    async fn sees(&mut self, id: &str) -> Result<Seen> {
        let id = id.parse()?;
        let approval = self.owner.approval(id).await?.read;
        say("alice sees:");
        for line in shown(&approval) {
            say(format!("  | {line}"));
        }
        Ok(Seen { id, digest: approval.summary.plan_digest, etag: Some(approval.summary.etag) })
    }

    async fn decides(&mut self, reply: &CallReply, choice: Choice, reason: &str) -> Result<()> {
        let id = reply.request_id.clone().context("there is a request to decide")?;
        let seen = self.sees(&id).await?;
        self.owner.decide(&seen, choice, reason).await?;
        say(format!("alice decides: {}", choice.as_str()));
        Ok(())
    }

    async fn hears(&mut self, reply: &CallReply, expected: CallStatus) -> Result<()> {
        let id = reply.request_id.clone().context("there is a request to wait for")?;
        let outcome = self.agent.outcome(&id).await?;
        say(format!("agent <- {}", told(&outcome)));
        let status = status(&outcome);
        ensure!(status == expected, "expected {}, heard {}", expected.as_str_name(), status.as_str_name());
        self.agent.acknowledge(&id).await
    }
}

fn sync_arguments() -> Value {
    json!({
        "environment": "dev", "github_secret_name": "SHOP_API_KEY", "kubernetes_secret_name": "shop-api",
        "justification": "The API key is due for rotation, see issue 17.",
    })
}

fn status(reply: &CallReply) -> CallStatus {
    CallStatus::try_from(reply.status).unwrap_or(CallStatus::Unspecified)
}

fn told(reply: &CallReply) -> String {
    let mut text = status(reply).as_str_name().trim_start_matches("CALL_STATUS_").to_ascii_lowercase();
    if let Some(id) = &reply.request_id {
        text.push_str(&format!(" {id}"));
    }
    if let Some(detail) = reply.detail.as_ref().filter(|detail| !detail.fields.is_empty()) {
        text.push_str(&format!(" {}", from_struct(detail)));
    }
    text
}

fn chapter(title: &str) {
    say(format!("\n== {title}"));
}

fn tell_effects(place: &Place) {
    chapter("What the targets saw: each effect once, after its approval");
    for effect in place.journal.effects() {
        say(format!(
            "  {} {:?} {} {} by {}",
            effect.n, effect.target, effect.action, effect.place, effect.actor
        ));
    }
}

async fn tell_events(channel: Channel, bearer: Bearer) -> Result<()> {
    chapter("What the audit log says");
    for event in events(channel, bearer).await? {
        let request = event.request_id.as_deref().unwrap_or("-");
        say(format!("  {:<26} {:<36} {}", event.r#type, request, event.actor_id));
    }
    Ok(())
}
