//! What the service refuses or can't answer.

use countersign_example_own_tool::api::{Content, DnsApi, Place};
use countersign_kernel::{Fault as _, Millis};
use countersign_mcp_tools::ports::TargetErrorKind as Kind;
use serde_json::json;

use crate::applied::API;
use crate::stand_in::{DnsStandIn, Fault, TOKEN, ZONE};
use crate::world::{World, delete, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_write_fails_with_a_code_and_without_our_token() {
    for (status, code) in [
        (401, "target_unauthorized"),
        (403, "target_forbidden"),
        (404, "target_not_found"),
        (412, "target_conflict"),
        (422, "target_invalid"),
    ] {
        let world = World::new().await;
        let id = world.asked(&upsert("192.0.2.7")).await;
        world.approve(id).await;
        world.dns.fail_writes(&[Fault::Answer(status, None)]);
        world.work(id).await;
        let outcome = world.outcome(id).await;
        assert_eq!(
            (outcome.status.as_str(), outcome.detail["code"].as_str()),
            ("failed", Some(code)),
            "{status}"
        );
        assert_eq!(world.dns.writes(), [""; 0]);
        let said = format!("{outcome:?} {}", world.record().await);
        assert!(said.contains("on_command"), "the service's words are kept: {said}");
        assert!(!said.contains(TOKEN), "the service repeated our token");
    }
}

/// What each answer to a write means. The executor would mend much of what is mapped wrongly here, so it is looked at by itself.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_its_kind() {
    let world = World::new().await;
    let place = Place { zone: ZONE.to_owned(), name: API.to_owned(), record_type: "A".to_owned() };
    let content = Content { values: vec!["192.0.2.7".to_owned()], ttl_s: 300, comment: String::new() };
    let api = |address: &str| DnsApi::new(address, TOKEN.into()).unwrap();
    let wait = Some(Millis::from_secs(3));
    for (fault, kind) in [
        (Fault::CutBefore, Kind::NoAnswer),
        (Fault::Answer(500, None), Kind::Broken),
        (Fault::Answer(503, None), Kind::Broken),
        (Fault::Answer(418, None), Kind::Broken),
        (Fault::Answer(409, None), Kind::Conflict),
        (Fault::Answer(400, None), Kind::Invalid),
        (Fault::Answer(429, Some(3)), Kind::RateLimited { retry_after: wait }),
        (Fault::Answer(429, None), Kind::RateLimited { retry_after: None }),
        (Fault::CutAfter, Kind::NoAnswer),
    ] {
        world.dns.fail_writes(&[fault]);
        let error = api(world.dns.address()).put(&place, &content, None).await.unwrap_err();
        assert_eq!(error.kind, kind, "{fault:?}");
        assert!(!error.message.contains(TOKEN), "the service repeated our token: {}", error.message);
    }
    assert_eq!(world.dns.writes().len(), 1, "the last one was handled");
    let error = api(&DnsStandIn::nobody().await).put(&place, &content, None).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable, "nobody listens there");
    let wrong = DnsApi::new(world.dns.address(), "another-token".into()).unwrap();
    assert_eq!(wrong.find(&place).await.unwrap_err().kind, Kind::Unauthorized);
    let elsewhere = Place { zone: "example.net".to_owned(), ..place };
    assert_eq!(api(world.dns.address()).find(&elsewhere).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_when_it_could_not_be_looked_and_nothing_is_done_blindly() {
    let world = World::new().await;
    world.dns.change(API, "A", json!({"values": ["198.51.100.1"], "ttl_s": 300}));
    world.dns.fail_reads(true);
    let id = world.asked(&upsert("192.0.2.7")).await;
    let plan = world.request(id).await.request.proposal.plan;
    assert_eq!(plan["facts"][0]["code"], "dns_not_looked_at");
    world.approve(id).await;
    world.dns.fail_reads(false);
    world.work(id).await;
    let request = world.request(id).await.request;
    assert_eq!((request.state.name().as_str(), request.revision), ("requested", 2), "asked again, now seen");
    assert_eq!(request.proposal.plan["facts"][0]["code"], "dns_record_replaced");
    assert_eq!(world.dns.writes(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_that_is_not_there() {
    let world = World::new().await;
    assert_eq!(world.call(&delete()).await.unwrap_err().code(), "dns_record_absent");
}
