//! Lists, details, traces, events, policy.

use serde_json::{Value, json};

use crate::support::{RUN, world};

fn ids(page: &Value, list: &str) -> Vec<String> {
    page[list].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn requests_are_listed_page_by_page_and_filtered() {
    let world = world().await;
    let (a, b, c) = (world.ask("a").await, world.ask("b").await, world.ask_in("production", "c").await);
    let first = world.get("viewer", "/api/v1/approvals?limit=2").await;
    assert_eq!(ids(first.ok(), "approvals"), [a.to_string(), b.to_string()]);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let last = world.get("viewer", &format!("/api/v1/approvals?limit=2&cursor={cursor}")).await;
    assert_eq!((ids(last.ok(), "approvals"), last.body.get("next_cursor")), (vec![c.to_string()], None));
    world.decide("alice", a, "deny").await.ok();
    assert_eq!(
        ids(world.get("viewer", "/api/v1/approvals").await.ok(), "approvals").len(),
        2,
        "what waits for somebody"
    );
    let denied = world.get("viewer", "/api/v1/approvals?state=denied&state=applied").await;
    assert_eq!(ids(denied.ok(), "approvals"), [a.to_string()]);
    for (query, count) in [
        ("environment=production", 1),
        ("project=shop&tool=test.write", 2),
        ("run=run-2", 0),
        ("run=run-1", 2),
        ("q=because", 0),
        ("q=TEST.wr&environment=production", 1),
        ("q=acme/shop%2317", 2),
    ] {
        let found = world.get("viewer", &format!("/api/v1/approvals?{query}")).await;
        assert_eq!(ids(found.ok(), "approvals").len(), count, "{query}");
    }
}

#[tokio::test]
async fn runs_are_listed_newest_first_and_shown_with_everything() {
    let world = world().await;
    world.store.clock().advance(countersign_kernel::Millis(5));
    world.register("run-2").await;
    let id = world.ask("a").await;
    let first = world.get("viewer", "/api/v1/runs?limit=1").await;
    assert_eq!(ids(first.ok(), "runs"), ["run-2"]);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let next = world.get("viewer", &format!("/api/v1/runs?limit=1&cursor={cursor}")).await;
    assert_eq!(
        (ids(next.ok(), "runs"), &next.body["runs"][0]["status"]),
        (vec![RUN.to_owned()], &json!("waiting"))
    );
    assert_eq!(
        ids(world.get("viewer", "/api/v1/runs?status=running&agent_key=sre").await.ok(), "runs"),
        ["run-2"]
    );
    world.decide("alice", id, "deny").await.ok();
    let shown = world.get("viewer", &format!("/api/v1/runs/{RUN}")).await;
    assert_eq!(shown.ok()["requests"][0]["outcome"]["status"], "denied");
    assert_eq!(shown.body["unread"], shown.body["requests"], "nobody has read the outcome");
    assert_eq!(shown.body["request_counts"], json!([{"state": "denied", "count": 1}]));
    assert_eq!(shown.body.get("more_requests"), None);
    assert_eq!(shown.body["links"].as_array().unwrap().len(), 2);
    assert_eq!(world.get("viewer", "/api/v1/runs/nobody").await.refused(404), "unknown_run");
}

#[tokio::test]
async fn a_run_with_many_requests_shows_the_first_and_leads_to_the_rest() {
    let world = world().await;
    let mut asked = Vec::new();
    for number in 0..52 {
        let id = world.ask(&format!("n{number}")).await.to_string();
        world.post("operator", &format!("/api/v1/approvals/{id}/cancel"), json!({})).await.ok();
        asked.push(id);
    }
    asked.push(world.ask("the last").await.to_string());
    let shown = world.get("viewer", &format!("/api/v1/runs/{RUN}")).await;
    assert_eq!(ids(shown.ok(), "requests"), asked[..50]);
    assert_eq!(ids(&shown.body, "unread"), asked[..50], "the oldest outcomes");
    let counts = json!([{"state": "requested", "count": 1}, {"state": "cancelled", "count": 52}]);
    assert_eq!(shown.body["request_counts"], counts);
    assert_eq!(shown.body["links"].as_array().unwrap().len(), 54, "those of the requests, too");
    let rest = world.get("viewer", shown.body["more_requests"].as_str().unwrap()).await;
    assert_eq!(ids(rest.ok(), "approvals"), asked[50..]);
}

#[tokio::test]
async fn a_timeline_goes_on_where_it_ended() {
    let world = world().await;
    let id = world.ask("a").await;
    let types = |page: &Value| {
        page["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["type"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let first = world.get("viewer", &format!("/api/v1/runs/{RUN}/timeline")).await;
    assert!(types(first.ok()).contains(&"approval.requested".to_owned()));
    world.decide("alice", id, "deny").await.ok();
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let next = world.get("viewer", &format!("/api/v1/runs/{RUN}/timeline?cursor={cursor}")).await;
    assert_eq!(types(next.ok())[0], "approval.denied");
    assert_eq!(world.get("viewer", "/api/v1/runs/nobody/timeline").await.refused(404), "unknown_run");
}

#[tokio::test]
async fn a_trace_leads_from_the_issue_to_what_happened() {
    let world = world().await;
    let (id, other) = (world.ask("a").await, world.ask("b").await);
    world.decide("alice", id, "deny").await.ok();
    let by_issue = world.get("viewer", "/api/v1/trace?issue=acme/shop%2317").await;
    assert_eq!(
        (ids(by_issue.ok(), "runs"), &by_issue.body["complete"]),
        (vec![RUN.to_owned()], &json!(true))
    );
    assert_eq!(ids(&by_issue.body, "requests"), [id.to_string(), other.to_string()]);
    let by_run = world.get("viewer", &format!("/api/v1/trace?run={RUN}")).await;
    assert_eq!(by_run.ok()["events"], by_issue.body["events"]);
    let by_request = world.get("viewer", &format!("/api/v1/trace?request={id}")).await;
    assert_eq!(ids(by_request.ok(), "requests"), [id.to_string()]);
    assert!(
        by_request.body["events"]
            .as_array()
            .unwrap()
            .iter()
            .all(|event| event["request_id"] == id.to_string())
    );
    let by_pr = world.get("viewer", "/api/v1/trace?pr=acme/shop%2399").await;
    assert!(ids(by_pr.ok(), "runs").is_empty());
    assert_eq!(world.get("viewer", "/api/v1/trace?run=nobody").await.refused(404), "unknown_run");
    let nobody = "01932d5e-7a00-7000-8000-000000000001";
    assert_eq!(
        world.get("viewer", &format!("/api/v1/trace?request={nobody}")).await.refused(404),
        "unknown_request"
    );
}

#[tokio::test]
async fn what_changed_is_shown_to_those_who_are_asked_again() {
    let world = world().await;
    let id = world.ask("orders").await;
    let path = format!("/api/v1/approvals/{id}");
    assert!(world.get("viewer", &path).await.ok().get("drift").is_none(), "a first proposal");
    world.decide("alice", id, "approve").await.ok();
    world.tool.set_world(json!({"state": "moved \u{202e}"}));
    world.work_off().await;
    let shown = world.get("alice", &path).await;
    let drift = &shown.ok()["drift"];
    assert_eq!(
        (&shown.body["summary"]["state"], &shown.body["summary"]["revision"]),
        (&json!("requested"), &json!(2))
    );
    assert_eq!(drift["gone_facts"][0]["text"], r#"test_seen world={"state":"as it was"}"#);
    assert_eq!(drift["new_facts"], shown.body["plan"]["facts"]);
    assert_eq!(drift["changed_parts"], json!([]));
    assert!(drift["noticed_at"].is_string());
}

#[tokio::test]
async fn what_would_deceive_the_reader_is_made_visible_everywhere() {
    let world = world().await;
    let id = world.ask("orders").await;
    let body = json!({"decision": "deny", "seen_digest": world.digest(id).await, "reason": "no \u{202e}sey"});
    world.post("alice", &format!("/api/v1/approvals/{id}/decision"), body).await.ok();
    for path in [
        "events".to_owned(),
        format!("runs/{RUN}"),
        format!("runs/{RUN}/timeline"),
        format!("trace?run={RUN}"),
        format!("approvals/{id}"),
    ] {
        let shown = world.get("operator", &format!("/api/v1/{path}")).await.ok().to_string();
        assert!(shown.contains("no <U+202E>sey") && !shown.contains('\u{202e}'), "{path}: {shown}");
    }
}

#[tokio::test]
async fn events_are_listed_and_filtered() {
    let world = world().await;
    let id = world.ask("a").await;
    let found = world.get("auditor", &format!("/api/v1/events?request={id}&type=approval.")).await;
    assert_eq!(found.ok()["events"][0]["type"], "approval.requested");
    let first = world.get("auditor", "/api/v1/events?limit=1").await;
    let cursor = first.ok()["next_cursor"].as_str().unwrap();
    let second = world.get("auditor", &format!("/api/v1/events?limit=1&cursor={cursor}")).await;
    assert_ne!(first.body["events"][0]["id"], second.ok()["events"][0]["id"]);
}

#[tokio::test]
async fn the_policy_is_shown_and_explained() {
    let world = world().await;
    let text = world.get("viewer", "/api/v1/policy").await;
    assert_eq!(text.ok()["text"], countersign_testkit::policy::TEXT);
    let mut cell = json!({"project": "shop", "agent_key": "sre", "run_label": "run:ops", "runtime_mode": "full-env",
        "tool": "test.write", "action": "apply", "environment": "production"});
    let explained = world.post("viewer", "/api/v1/policy/explain", cell.clone()).await;
    assert_eq!(
        (&explained.ok()["terms"]["quorum"], &explained.body["guards"][0]["id"]),
        (&json!(2), &json!("production-needs-two"))
    );
    cell["runtime_mode"] = json!("code-only");
    let denied = world.post("viewer", "/api/v1/policy/explain", cell).await;
    assert!(denied.ok()["denial"]["code"].is_string());
}
