//! What people do: decide, withdraw, answer, settle, and decide several at once.

use axum::http::{Method, Request, header};
use countersign_kernel::{Millis, RequestId};
use countersign_mcp_tools::{ProbeOutcome, StepOutcome};
use serde_json::{Value, json};

use crate::support::{Answered, World, call, world};

fn with_header(
    mut request: Request<axum::body::Body>,
    name: &'static str,
    value: &str,
) -> Request<axum::body::Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

/// Decides on the version of this tag.
async fn decide_at(world: &World, who: &str, id: RequestId, tag: &str) -> Answered {
    let body = json!({"decision": "approve", "seen_digest": world.digest(id).await});
    let request = call(Method::POST, who, &format!("/api/v1/approvals/{id}/decision"), Some(body));
    world.send(with_header(request, "if-match", tag)).await
}

#[tokio::test]
async fn an_approval_is_counted_carried_out_and_shown() {
    let world = world().await;
    let id = world.ask("orders").await;
    let shown = world.get("alice", &format!("/api/v1/approvals/{id}")).await;
    assert_eq!(shown.ok()["viewer"], json!({"may_decide": true}));
    assert_eq!(shown.headers[header::ETAG], shown.body["summary"]["etag"].as_str().unwrap());
    let decided = world.decide("alice", id, "approve").await;
    assert_eq!(decided.ok()["repeated"], false);
    assert_eq!(decided.body["approval"]["state"], "approved");
    assert_eq!(decided.headers[header::ETAG], decided.body["approval"]["etag"].as_str().unwrap());
    world.work_off().await;
    let done = world.get("viewer", &format!("/api/v1/approvals/{id}")).await;
    assert_eq!(done.ok()["summary"]["state"], "applied");
    assert_eq!(done.body["votes"][0]["principal"], "user:github:alice");
    assert_eq!(done.body["steps"][0]["state"], "done");
    assert_eq!(done.body["viewer"], json!({"may_decide": false, "why_not": "role_required"}));
}

#[tokio::test]
async fn a_request_sent_again_is_answered_as_the_first_one_was() {
    let world = world().await;
    let id = world.ask("orders").await;
    let body = json!({"decision": "approve", "seen_digest": world.digest(id).await});
    let path = format!("/api/v1/approvals/{id}/decision");
    for repeated in [false, true] {
        let request = call(Method::POST, "alice", &path, Some(body.clone()));
        let answered = world.send(with_header(request, "idempotency-key", "k-1")).await;
        assert_eq!(answered.ok()["repeated"], repeated);
        assert_eq!(answered.headers["idempotency-key"], "k-1");
    }
    world.work_off().await;
    assert_eq!(world.post("alice", &path, body).await.ok()["repeated"], true, "also once it is done");
    assert_eq!((world.count("approval.approved"), world.tool.performed()), (1, vec![1]));
}

#[tokio::test]
async fn whoever_comes_too_late_is_told_who_decided_what_and_when() {
    let world = world().await;
    let id = world.ask("orders").await;
    world.decide("alice", id, "deny").await.ok();
    let late = world.decide("bob", id, "approve").await;
    assert_eq!(late.refused(409), "already_settled");
    let current = &late.body["current"];
    assert_eq!(
        (&current["state"], &current["resolution"]["by"]),
        (&json!("denied"), &json!("user:github:alice"))
    );
    assert_eq!(current["resolution"]["reason"], "so it is");
    assert_eq!(current["votes"][0]["decision"], "deny");
    assert!(current["votes"][0]["voted_at"].is_string());
    let other = world.ask("stock").await;
    world.decide("alice", other, "approve").await.ok();
    let late = world.decide("bob", other, "deny").await;
    assert_eq!(late.refused(409), "already_approved");
    assert_eq!(late.body["current"]["votes"][0]["principal"], "user:github:alice");
}

#[tokio::test]
async fn a_decision_on_another_plan_does_not_count() {
    let world = world().await;
    let id = world.ask("orders").await;
    let seen = format!("sha256:{}", "0".repeat(64));
    let body = json!({"decision": "approve", "seen_digest": seen});
    let refused = world.post("alice", &format!("/api/v1/approvals/{id}/decision"), body).await;
    assert_eq!(refused.refused(409), "plan_changed");
    assert_eq!(refused.body["current"]["plan_digest"], world.digest(id).await);
}

#[tokio::test]
async fn policy_says_whose_decision_counts() {
    let world = world().await;
    let id = world.ask("orders").await;
    assert_eq!(world.decide("approver", id, "approve").await.refused(403), "not_a_decider");
    assert_eq!(world.decide("dana", id, "approve").await.refused(403), "not_a_decider");
    assert_eq!(world.count("mcp.tool.rejected"), 2);
}

#[tokio::test]
async fn a_stale_version_is_refused_with_what_is_current() {
    let world = world().await;
    let id = world.ask_in("production", "orders").await;
    let seen = world.get("bob", &format!("/api/v1/approvals/{id}")).await.headers[header::ETAG]
        .to_str()
        .unwrap()
        .to_owned();
    decide_at(&world, "alice", id, &seen).await.ok();
    assert_eq!(decide_at(&world, "alice", id, &seen).await.ok()["repeated"], true, "a retry is no conflict");
    let stale = decide_at(&world, "bob", id, &seen).await;
    assert_eq!(stale.refused(412), "version_changed");
    assert_eq!(stale.body["current"]["votes"][0]["principal"], "user:github:alice");
    let now = stale.body["current"]["etag"].as_str().unwrap().to_owned();
    assert_eq!(decide_at(&world, "bob", id, &now).await.ok()["approval"]["state"], "approved");
    let any = world.ask("stock").await;
    assert_eq!(decide_at(&world, "bob", any, "*").await.ok()["repeated"], false);
    for no_tag in ["1-00", "\"1-00", "W/1"] {
        assert_eq!(decide_at(&world, "bob", any, no_tag).await.refused(400), "invalid_request", "{no_tag}");
    }
}

#[tokio::test]
async fn a_condition_holds_for_the_very_tag_and_for_any_of_a_list() {
    let world = world().await;
    let tag_of = async |id: RequestId| {
        let shown = world.get("bob", &format!("/api/v1/approvals/{id}")).await;
        shown.headers[header::ETAG].to_str().unwrap().to_owned()
    };
    let id = world.ask("orders").await;
    let tag = tag_of(id).await;
    let of_another_plan = "\"1-ffffffffffff\"".to_owned();
    let longer = format!("{}0\"", tag.trim_end_matches('"'));
    assert!(tag.starts_with("\"1-"));
    for other in [of_another_plan.clone(), longer, format!("W/{tag}"), "\"x\"".to_owned(), "\"1\"".to_owned()]
    {
        let refused = decide_at(&world, "alice", id, &other).await;
        assert_eq!(refused.refused(412), "version_changed", "{other}");
        assert_eq!(refused.body["current"]["etag"], tag.as_str());
    }
    assert_eq!(world.count("approval.approved"), 0);
    let any_of = format!("W/\"x\", {of_another_plan} ,{tag}");
    decide_at(&world, "alice", id, &any_of).await.ok();
    let nobody: RequestId = "01932d5e-7a00-7000-8000-000000000001".parse().unwrap();
    let body = json!({"decision": "approve", "seen_digest": world.digest(id).await});
    let request = call(Method::POST, "alice", &format!("/api/v1/approvals/{nobody}/decision"), Some(body));
    let unknown = world.send(with_header(request, "if-match", &tag)).await;
    assert_eq!(unknown.refused(404), "unknown_request");
}

#[tokio::test]
async fn a_batch_takes_no_condition_it_would_not_look_at() {
    let world = world().await;
    let id = world.ask("orders").await;
    let decision = json!({"id": id.to_string(), "decision": "deny", "seen_digest": world.digest(id).await});
    let body = json!({"decisions": [decision]});
    let request = call(Method::POST, "alice", "/api/v1/approvals/batch-decision", Some(body));
    let refused = world.send(with_header(request, "if-match", "\"1-ffffffffffff\"")).await;
    assert_eq!(refused.refused(400), "invalid_request");
    let rule = "is not taken here: each decision has its `seen_digest`";
    assert_eq!(refused.fields(), [format!("header /If-Match: {rule}")]);
    assert_eq!(world.count("approval.denied"), 0);
}

#[tokio::test]
async fn withdrawing_is_for_whom_policy_asks_and_for_operators() {
    let world = world().await;
    let (id, other) = (world.ask("orders").await, world.ask("stock").await);
    let cancel = |id: RequestId| format!("/api/v1/approvals/{id}/cancel");
    let body = json!({"reason": "not needed"});
    assert_eq!(world.post("approver", &cancel(id), body.clone()).await.refused(403), "not_a_decider");
    assert_eq!(world.post("alice", &cancel(id), body.clone()).await.ok()["approval"]["state"], "cancelled");
    assert_eq!(world.post("alice", &cancel(id), json!({})).await.ok()["repeated"], true);
    let late = world.post("operator", &cancel(id), json!({})).await;
    assert_eq!(late.refused(409), "already_settled");
    assert_eq!(late.body["current"]["resolution"]["reason"], "not needed");
    assert_eq!(
        world.post("operator", &cancel(other), json!({})).await.ok()["approval"]["state"],
        "cancelled"
    );
}

#[tokio::test]
async fn an_operator_settles_what_is_unknown_once() {
    let world = world().await;
    let id = world.ask("orders").await;
    world.decide("alice", id, "approve").await.ok();
    world
        .tool
        .script_step(1, StepOutcome::Unclear { code: "target_no_answer", message: "no answer".to_owned() });
    for retry in [false, true] {
        world.tool.script_probe(1, ProbeOutcome::CannotTell { why: "no telling".to_owned(), retry });
    }
    for _ in 0..2 {
        world.work_off().await;
        world.store.clock().advance(Millis::from_secs(1));
    }
    let path = format!("/api/v1/approvals/{id}/resolve-unknown");
    let body = json!({"verdict": "failed", "reason": "I looked myself"});
    let early = world.ask("stock").await;
    let refused =
        world.post("operator", &format!("/api/v1/approvals/{early}/resolve-unknown"), body.clone()).await;
    assert_eq!(refused.refused(409), "not_unknown");
    let settled = world.post("operator", &path, body.clone()).await;
    assert_eq!(
        (&settled.ok()["approval"]["state"], &settled.body["repeated"]),
        (&json!("failed"), &json!(false))
    );
    assert_eq!(world.post("operator", &path, body).await.ok()["repeated"], true);
    let other = json!({"verdict": "applied", "reason": "I looked as well"});
    assert_eq!(world.post("operator", &path, other).await.refused(409), "already_settled");
}

#[tokio::test]
async fn a_question_is_answered_by_option_or_in_own_words() {
    let world = world().await;
    let id = world.question().await;
    let shown = world.get("alice", &format!("/api/v1/approvals/{id}")).await;
    assert_eq!(shown.ok()["question_form"]["options"], json!(["red", "blue"]));
    let seen = world.digest(id).await;
    let path = format!("/api/v1/questions/{id}/answer");
    assert_eq!(world.decide("alice", id, "approve").await.refused(409), "is_a_question");
    let no_such = world.post("alice", &path, json!({"seen_digest": seen, "option_index": 3})).await;
    assert_eq!(no_such.refused(422), "no_such_option");
    let body = json!({"seen_digest": seen, "option_index": 1, "input_mode": "text"});
    let answered = world.post("alice", &path, body.clone()).await;
    assert_eq!(
        (&answered.ok()["approval"]["state"], &answered.body["repeated"]),
        (&json!("answered"), &json!(false))
    );
    assert_eq!(world.post("alice", &path, body).await.ok()["repeated"], true);
    let other = world.post("bob", &path, json!({"seen_digest": seen, "custom_text": "green"})).await;
    assert_eq!(other.refused(409), "already_settled");
    assert_eq!(other.body["current"]["resolution"]["reason"], "blue");
    let action = world.ask("orders").await;
    let seen = world.digest(action).await;
    let path = format!("/api/v1/questions/{action}/answer");
    let wrong = world.post("alice", &path, json!({"seen_digest": seen, "option_index": 0}));
    assert_eq!(wrong.await.refused(409), "not_a_question");
}

async fn batch(world: &World, who: &str, items: &[(RequestId, &str)]) -> Answered {
    let mut decisions = Vec::new();
    for (id, decision) in items {
        decisions.push(
            json!({"id": id.to_string(), "decision": decision, "seen_digest": world.digest(*id).await}),
        );
    }
    let body = json!({"decisions": decisions, "reason": "the release of today"});
    world.post(who, "/api/v1/approvals/batch-decision", body).await
}

#[tokio::test]
async fn a_batch_counts_in_the_order_it_was_sent() {
    let world = world().await;
    let (a, b) = (world.ask("orders").await, world.ask("stock").await);
    let decided = batch(&world, "alice", &[(b, "deny"), (a, "approve")]).await;
    let states: Vec<_> = decided.ok()["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["approval"]["id"], &one["approval"]["state"]))
        .collect();
    assert_eq!(
        states,
        [(&json!(b.to_string()), &json!("denied")), (&json!(a.to_string()), &json!("approved"))]
    );
    let again = batch(&world, "alice", &[(b, "deny"), (a, "approve")]).await;
    assert!(again.ok()["decisions"].as_array().unwrap().iter().all(|one| one["repeated"] == true));
}

#[tokio::test]
async fn a_batch_with_one_that_does_not_count_changes_nothing() {
    let world = world().await;
    let (a, b) = (world.ask("orders").await, world.ask("stock").await);
    world.decide("bob", b, "deny").await.ok();
    let refused = batch(&world, "alice", &[(a, "approve"), (b, "approve")]).await;
    assert_eq!(refused.refused(409), "batch_refused");
    let told = &refused.body["refused"];
    assert_eq!(told.as_array().unwrap().len(), 1);
    assert_eq!((&told[0]["pointer"], &told[0]["code"]), (&json!("/decisions/1"), &json!("already_settled")));
    assert_eq!(told[0]["current"]["resolution"]["by"], "user:github:bob");
    let shown = world.get("viewer", &format!("/api/v1/approvals/{a}")).await;
    assert_eq!(shown.ok()["summary"]["state"], "requested");
    let twice = batch(&world, "alice", &[(a, "approve"), (a, "deny")]).await;
    assert_eq!(twice.refused(422), "invalid_request");
    assert_eq!(twice.fields(), ["body /decisions/1/id: is decided twice in this batch"]);
    let outsider = batch(&world, "approver", &[(a, "approve")]).await;
    assert_eq!(
        (outsider.refused(409), &outsider.body["refused"][0]["code"]),
        ("batch_refused", &Value::from("not_a_decider"))
    );
}

/// Whoever launched the run that asks has no say in it, whichever way they say it.
#[tokio::test]
async fn nobody_decides_on_what_they_asked_for_themselves_by_any_route() {
    let world = world().await;
    world.ear.hears("yes");
    world.register_launched_by("run-own", "user:github:alice").await;
    let (id, question) = (world.ask_of("run-own", "orders").await, world.question_of("run-own").await);
    let (seen, seen_question) = (world.digest(id).await, world.digest(question).await);
    let approve = json!({"decision": "approve", "seen_digest": seen});
    let deny_question = json!({"decision": "deny", "seen_digest": seen_question});
    let answer = json!({"option_index": 0, "seen_digest": seen_question});
    let (request, asked) = (format!("/api/v1/approvals/{id}"), format!("/api/v1/questions/{question}"));
    let answers = [
        world.post("alice", &format!("{request}/decision"), approve).await,
        world.post("alice", &format!("/api/v1/approvals/{question}/decision"), deny_question).await,
        world.post("alice", &format!("{asked}/answer"), answer).await,
        world.say("alice", &format!("{request}/decision/voice")).await,
        world.say("alice", &format!("{asked}/answer/voice")).await,
    ];
    for answered in answers {
        assert_eq!(answered.refused(403), "requester_cannot_decide");
    }
    let other = world.ask("stock").await;
    let decisions = [(other, world.digest(other).await), (id, seen)]
        .map(|(id, seen)| json!({"id": id.to_string(), "decision": "approve", "seen_digest": seen}));
    let body = json!({"decisions": decisions});
    let refused = world.post("alice", "/api/v1/approvals/batch-decision", body).await;
    assert_eq!(refused.refused(409), "batch_refused");
    let told: Vec<_> = refused.body["refused"].as_array().unwrap().iter().collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["id"], &told[0]["code"]),
        (&json!(id.to_string()), &json!("requester_cannot_decide"))
    );
    for event in ["approval.approved", "approval.denied", "approval.answered"] {
        assert_eq!(world.count(event), 0, "{event}");
    }
}
