//! Everything wrong with a request is said at once, field by field.

use axum::body::Body;
use axum::http::{Method, Request, header};
use countersign_testkit::build::run_id;
use countersign_usecases::paging;
use countersign_usecases::port::{EventCursor, EventFilter};
use serde_json::json;

use crate::support::{Answered, World, call, world};

async fn raw(world: &World, path: &str, content_type: Option<&str>, body: impl Into<Body>) -> Answered {
    let mut request = Request::post(path).header(header::AUTHORIZATION, "Bearer alice");
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    world.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn every_wrong_field_is_named_with_its_pointer() {
    let world = world().await;
    let body = json!({
        "decision": "maybe", "seen_digest": "sha256:xyz", "reason": "x".repeat(1001), "input_mode": "smoke", "identity": "me",
    });
    let told = world.post("alice", "/api/v1/approvals/17/decision", body).await;
    assert_eq!(told.refused(400), "invalid_request");
    assert_eq!(
        told.fields(),
        [
            "path /id: must be a UUID in its hyphenated form",
            "body /identity: is not a field here; the fields are decision, reason, seen_digest, input_mode, transcript_proof",
            "body /decision: must be one of `approve`, `deny`",
            "body /seen_digest: must be `sha256:` and 64 lower-case hex digits",
            "body /reason: must have at most 1000 characters",
            "body /input_mode: must be one of `button`, `text`, `voice`",
        ]
    );
    assert_eq!(told.body["errors"][2]["value"], "maybe");
    let nothing =
        world.post("alice", "/api/v1/approvals/batch-decision", json!({"decisions": [{}, 7]})).await;
    assert_eq!(nothing.refused(422), "invalid_request");
    assert_eq!(
        nothing.fields(),
        [
            "body /decisions/0/id: is required",
            "body /decisions/0/decision: is required",
            "body /decisions/0/seen_digest: is required",
            "body /decisions/1: must be an object",
        ]
    );
}

#[tokio::test]
async fn a_name_with_signs_of_a_path_in_it_is_one_part_of_its_pointer() {
    let world = world().await;
    let body = json!({"decisions": [{"a.b[0]/c~": 1}], "": 2});
    let told = world.post("alice", "/api/v1/approvals/batch-decision", body).await;
    let fields = told.fields();
    assert!(fields[0].starts_with("body /: is not a field here"), "{fields:?}");
    assert!(
        fields.iter().any(|field| field.starts_with("body /decisions/0/a.b[0]~1c~0: is not")),
        "{fields:?}"
    );
    let told = world.get("alice", "/api/v1/policy?a/b=1").await;
    assert_eq!(told.fields(), ["query /a~1b: no parameter is known"]);
}

#[tokio::test]
async fn a_cursor_of_another_store_is_the_fault_of_its_field() {
    let world = world().await;
    for (path, scope) in [
        ("events?", format!("rest events {:?}", EventFilter::default())),
        ("runs/run-1/timeline?", format!("rest timeline {:?}", Some(run_id("run-1")))),
    ] {
        let foreign = paging::token(&scope, &EventCursor("7:12".to_owned()));
        let told = world.get("operator", &format!("/api/v1/{path}cursor={foreign}")).await;
        assert_eq!(told.refused(400), "invalid_request");
        assert_eq!(told.fields(), ["query /cursor: must be a `next_cursor` of this very list and filter"]);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_called_too_large() {
    let world = world().await;
    let broken = [Ok(b"{".to_vec()), Err(std::io::Error::other("the line is dead"))];
    let body = Body::from_stream(tokio_stream::iter(broken));
    let told = raw(&world, "/api/v1/policy/explain", Some("application/json"), body).await;
    assert_eq!(
        (told.refused(400), &told.body["detail"]),
        ("malformed_request", &json!("the body broke off"))
    );
}

#[tokio::test]
async fn values_that_look_like_credentials_are_not_repeated() {
    let world = world().await;
    let token = "ghp_abcdefghijklmnop0123456789ABCDEF";
    let told = world.get("alice", &format!("/api/v1/approvals?project={token}&{token}=1")).await;
    assert_eq!(told.refused(400), "invalid_request");
    assert!(!told.body.to_string().contains("ghp_"), "{:#}", told.body);
}

#[tokio::test]
async fn filters_and_pages_are_checked() {
    let world = world().await;
    world.ask("a").await;
    world.ask("b").await;
    let told = world
        .get("alice", "/api/v1/approvals?status=x&state=done&project=A%20B&run=&limit=501&limit=1")
        .await;
    assert_eq!(told.refused(400), "invalid_request");
    let fields = told.fields();
    assert_eq!(fields.len(), 6, "{fields:?}");
    assert!(fields[0].starts_with("query /status: is not known; known are `project`"), "{fields:?}");
    assert_eq!(fields[1], "query /limit: is given more than once");
    assert!(fields[2].starts_with("query /state: must be one of `requested`, `approved`"), "{fields:?}");
    assert_eq!(fields[5], "query /limit: must be a whole number from 1 to 500");
    let page = world.get("alice", "/api/v1/approvals?limit=1").await;
    let cursor = page.ok()["next_cursor"].as_str().unwrap();
    let rule = "query /cursor: must be a `next_cursor` of this very list and filter";
    for elsewhere in ["approvals?project=shop&", "approvals?state=denied&", "runs?", "runs/run-1/timeline?"] {
        let refused = world.get("alice", &format!("/api/v1/{elsewhere}cursor={cursor}")).await;
        assert_eq!(
            (refused.refused(400), refused.fields()),
            ("invalid_request", vec![rule.to_owned()]),
            "{elsewhere}"
        );
    }
    for bad in ["", "x", &cursor[1..], &format!("{cursor}0")] {
        assert_eq!(
            world.get("alice", &format!("/api/v1/approvals?cursor={bad}")).await.refused(400),
            "invalid_request",
            "{bad}"
        );
    }
    assert_eq!(world.get("alice", "/api/v1/policy?verbose=1").await.refused(400), "invalid_request");
    let type_rule = world.get("auditor", "/api/v1/events?type=Approval").await;
    assert_eq!(type_rule.fields(), ["query /type: must be at most 64 of `a-z . _`"]);
    for bad in ["", "run=run-1&pr=acme/shop%231", "issue=17"] {
        assert_eq!(
            world.get("alice", &format!("/api/v1/trace?{bad}")).await.refused(400),
            "invalid_request",
            "{bad}"
        );
    }
}

#[tokio::test]
async fn bodies_have_one_type_one_form_and_a_limit() {
    let world = world().await;
    let id = world.ask("orders").await;
    let path = format!("/api/v1/approvals/{id}/decision");
    for kind in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonp")]
    {
        assert_eq!(raw(&world, &path, kind, "{}").await.refused(415), "unsupported_media_type", "{kind:?}");
    }
    let json = Some("Application/JSON; charset=utf-8");
    for bad in ["", "{", "nonsense", r#"{"decision":"deny","decision":"approve"}"#] {
        assert_eq!(raw(&world, &path, json, bad).await.refused(400), "malformed_request", "{bad}");
    }
    for other in ["[]", "null", "7", "\"text\""] {
        let told = raw(&world, &path, json, other).await;
        assert_eq!(
            (told.refused(422), told.fields()),
            ("invalid_request", vec!["body : must be an object".to_owned()]),
            "{other}"
        );
    }
    let large = format!("{{\"reason\":\"{}\"}}", "x".repeat(1024 * 1024));
    assert_eq!(raw(&world, &path, json, large).await.refused(413), "body_too_large");
    let binary = raw(&world, &path, json, vec![0xff, 0xfe, 0x00]).await;
    assert_eq!(binary.refused(400), "malformed_request");
    let answer = world
        .post(
            "alice",
            &format!("/api/v1/questions/{id}/answer"),
            json!({"option_index": 1, "custom_text": "x"}),
        )
        .await;
    assert_eq!(
        answer.fields(),
        ["body /seen_digest: is required", "body /custom_text: excludes `option_index`: give one of the two",]
    );
}

#[tokio::test]
async fn a_search_has_words_and_an_end() {
    let world = world().await;
    let nine = "a.b.c.d.e.f.g.h.i";
    for bad in ["", "%20-%23", nine, &"x".repeat(101)] {
        let told = world.get("viewer", &format!("/api/v1/approvals?q={bad}")).await;
        assert_eq!(told.refused(400), "invalid_request");
        let rule = "must have at most 100 characters and 1 to 8 words of letters and digits";
        assert_eq!(told.fields(), [format!("query /q: {rule}")]);
        assert!(told.body["errors"][0].get("value").is_none(), "it may be anything");
    }
    world.get("viewer", "/api/v1/approvals?q=a.b.c.d.e.f.g.h.a").await.ok();
}

#[tokio::test]
async fn headers_are_checked() {
    let world = world().await;
    let id = world.ask("orders").await;
    let body = json!({"decision": "deny", "seen_digest": world.digest(id).await});
    let mut request = call(Method::POST, "alice", &format!("/api/v1/approvals/{id}/decision"), Some(body));
    for tag in ["\"1-00\"", "*"] {
        request.headers_mut().append(header::IF_MATCH, tag.parse().unwrap());
    }
    let told = world.send(request).await;
    assert_eq!(told.refused(400), "invalid_request");
    let rule = "must be the `ETag` of this request, a list of such, or `*`";
    assert_eq!(told.fields(), [format!("header /If-Match: {rule}")], "`*` stands alone");
    let mut request = call(Method::GET, "alice", "/api/v1/policy", None);
    request.headers_mut().insert(header::ACCEPT, "text/html, application/xml;q=0.9".parse().unwrap());
    assert_eq!(world.send(request).await.refused(406), "not_acceptable");
    let mut request = call(Method::GET, "alice", "/api/v1/policy", None);
    request.headers_mut().insert(header::ACCEPT, "text/html, */*;q=0.1".parse().unwrap());
    world.send(request).await.ok();
    let mut request = call(Method::POST, "alice", "/api/v1/policy/explain", Some(json!({})));
    request.headers_mut().insert("idempotency-key", "two words".parse().unwrap());
    let told = world.send(request).await;
    assert_eq!(told.refused(400), "invalid_request");
    assert_eq!(
        told.fields(),
        ["header /Idempotency-Key: must be 1 to 128 printable ASCII characters without blanks"]
    );
}
