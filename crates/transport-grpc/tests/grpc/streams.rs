//! Streams: they hear of other replicas, end when the run or the server ends, and lose nothing when they are opened again.

use std::time::Duration;

use countersign_testkit::TestTool;
use countersign_transport_grpc::{GrpcSettings, v1};
use serde_json::json;
use tonic::Code;

use crate::story::{awaiting, next};
use crate::support::{RUN, Server, refused, registration, soon, started, token_of, with};

#[tokio::test]
async fn a_stream_hears_of_what_another_replica_committed() {
    let (world, server) = started(TestTool::writing(1)).await;
    let other = world.serve(50).await;
    let reply = server.ask("orders").await;
    let mut outcome = awaiting(&other, reply.request_id.as_ref().unwrap()).await;
    assert_eq!(next(&mut outcome).await.status(), v1::CallStatus::ApprovalRequired);
    server.decide("alice", &reply, v1::Decision::Approve).await.unwrap();
    world.work_off(&server).await;
    let mut statuses = vec![next(&mut outcome).await.status()];
    while *statuses.last().unwrap() != v1::CallStatus::Applied {
        statuses.push(next(&mut outcome).await.status());
    }
    assert!(
        matches!(statuses[..], [v1::CallStatus::Applied] | [v1::CallStatus::Executing, _]),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn a_stream_is_woken_by_commits_of_its_own_process() {
    let (world, _server) = started(TestTool::writing(1)).await;
    // Without being woken it would look again in a minute.
    let settings = GrpcSettings { poll_interval: Duration::from_secs(60), ..GrpcSettings::default() };
    let server = world.serve_with(70, settings).await;
    let reply = server.ask("orders").await;
    let mut outcome = awaiting(&server, reply.request_id.as_ref().unwrap()).await;
    next(&mut outcome).await;
    server.decide("alice", &reply, v1::Decision::Deny).await.unwrap();
    assert_eq!(next(&mut outcome).await.status(), v1::CallStatus::Denied);
}

#[tokio::test]
async fn a_stopping_server_ends_its_streams_and_the_next_one_goes_on() {
    let (world, mut server) = started(TestTool::writing(1)).await;
    let reply = server.ask("orders").await;
    let id = reply.request_id.clone().unwrap();
    let mut outcome = awaiting(&server, &id).await;
    next(&mut outcome).await;
    server.tell_to_stop();
    let status = soon(outcome.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let restarted = world.serve(60).await;
    restarted.decide("alice", &reply, v1::Decision::Approve).await.unwrap();
    world.work_off(&restarted).await;
    assert_eq!(next(&mut awaiting(&restarted, &id).await).await.status(), v1::CallStatus::Applied);
    restarted.stop().await;
}

#[tokio::test]
async fn a_stream_stops_when_its_run_ends() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let reply = server.ask("orders").await;
    let mut outcome = awaiting(&server, reply.request_id.as_ref().unwrap()).await;
    next(&mut outcome).await;
    finish(&server).await;
    refused(soon(outcome.message()).await, Code::Unauthenticated, "run_ended");
}

#[tokio::test]
async fn a_stream_of_another_runs_request_is_refused() {
    let (_world, server) = started(TestTool::writing(1)).await;
    server.register("run-2").await;
    let reply = server.ask("orders").await;
    let message = v1::AwaitOutcomeRequest { request_id: reply.request_id.unwrap() };
    let answer = server.agent().await_outcome(with("run-token.run-2", message)).await;
    refused(answer, Code::NotFound, "unknown_request");
}

#[tokio::test]
async fn approvals_are_watched_from_a_snapshot_on() {
    use v1::watch_approvals_response::Item;
    let (_world, server) = started(TestTool::writing(1)).await;
    let before = server.ask("before").await;
    let message = v1::WatchApprovalsRequest { project: Some("shop".to_owned()), ..Default::default() };
    let mut watched = server.approvals().watch_approvals(with("viewer", message)).await.unwrap().into_inner();
    let mut item = async || soon(watched.message()).await.unwrap().unwrap().item.unwrap();
    let Item::Approval(first) = item().await else { panic!("no snapshot") };
    assert_eq!(Some(&first.request_id), before.request_id.as_ref());
    assert_eq!(item().await, Item::SnapshotComplete(true));
    let later = server.ask("later").await;
    let Item::Approval(second) = item().await else { panic!("no change") };
    assert_eq!(Some(&second.request_id), later.request_id.as_ref());
    assert_eq!(second.state(), v1::RequestState::Requested);
    server.decide("alice", &before, v1::Decision::Deny).await.unwrap();
    let Item::Approval(denied) = item().await else { panic!("no change") };
    assert_eq!(denied.request_id, first.request_id);
    assert_eq!(denied.state(), v1::RequestState::Denied);
}

#[tokio::test]
async fn runs_are_watched_from_a_snapshot_on() {
    use v1::watch_runs_response::Item;
    let (_world, server) = started(TestTool::writing(1)).await;
    let mut watched =
        server.runs().watch_runs(with("viewer", Default::default())).await.unwrap().into_inner();
    let mut item = async || soon(watched.message()).await.unwrap().unwrap().item.unwrap();
    let Item::Run(first) = item().await else { panic!("no snapshot") };
    assert_eq!((first.run_id.as_str(), first.status()), (RUN, v1::RunStatus::Running));
    assert_eq!(item().await, Item::SnapshotComplete(true));
    server.runs().register_run(with("platform", registration("run-2"))).await.unwrap();
    let Item::Run(second) = item().await else { panic!("no change") };
    assert_eq!(second.run_id, "run-2");
    server.ask("orders").await;
    let Item::Run(waiting) = item().await else { panic!("no change") };
    assert_eq!((waiting.run_id.as_str(), waiting.status()), (RUN, v1::RunStatus::Waiting));
    assert_eq!(waiting.waits[0].wait_state, "waiting_mcp");
}

#[tokio::test]
async fn a_watched_run_shows_that_its_wait_goes_on_for_another_reason() {
    use v1::watch_runs_response::Item;
    let (world, server) = started(TestTool::writing(1)).await;
    let reply = server.ask("orders").await;
    let message = v1::WatchRunsRequest { project: Some("shop".to_owned()) };
    let mut watched = server.runs().watch_runs(with("viewer", message)).await.unwrap().into_inner();
    let mut reason = async || match soon(watched.message()).await.unwrap().unwrap().item.unwrap() {
        Item::Run(run) => run.waits[0].reason(),
        Item::SnapshotComplete(_) => v1::WaitReason::Unspecified,
    };
    assert_eq!((reason().await, reason().await), (v1::WaitReason::Approval, v1::WaitReason::Unspecified));
    server.decide("alice", &reply, v1::Decision::Approve).await.unwrap();
    assert_eq!(reason().await, v1::WaitReason::Execution);
    world.tool.set_world(json!({"state": "moved"}));
    world.work_off(&server).await;
    assert_eq!(reason().await, v1::WaitReason::Approval, "it drifted and asks again");
}

#[tokio::test]
async fn an_agent_holds_so_many_streams_and_no_more() {
    let (_world, server) = started(TestTool::writing(1)).await;
    server.register("run-2").await;
    let id = server.ask("orders").await.request_id.unwrap();
    let mut streams = Vec::new();
    for _ in 0..32 {
        streams.push(awaiting(&server, &id).await);
    }
    let message = v1::AwaitOutcomeRequest { request_id: id.clone() };
    let one_more = async || server.agent().await_outcome(with(&token_of(RUN), message.clone())).await;
    let details = refused(one_more().await, Code::ResourceExhausted, "too_many_streams");
    assert!(details.retry_info().is_some());
    // Nobody else is kept out: what is said to another run is about the request.
    let other = server.agent().await_outcome(with(&token_of("run-2"), message.clone())).await;
    refused(other, Code::NotFound, "unknown_request");
    next(&mut streams[0]).await;
    streams.pop();
    soon(async {
        while one_more().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_persons_watches_of_approvals_and_runs_count_together() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let approvals = async |who| server.approvals().watch_approvals(with(who, Default::default())).await;
    let runs = async |who| server.runs().watch_runs(with(who, Default::default())).await;
    let mut held = (Vec::new(), Vec::new());
    for _ in 0..16 {
        held.0.push(approvals("alice").await.unwrap());
        held.1.push(runs("alice").await.unwrap());
    }
    refused(approvals("alice").await, Code::ResourceExhausted, "too_many_streams");
    refused(runs("alice").await, Code::ResourceExhausted, "too_many_streams");
    approvals("viewer").await.unwrap();
    runs("platform").await.unwrap();
    // Other calls are none of this limit's business.
    server.runs().get_run(with("alice", v1::GetRunRequest { run_id: RUN.to_owned() })).await.unwrap();
}

async fn finish(server: &Server) {
    let message = v1::FinishRunRequest { run_id: RUN.to_owned(), reason: v1::FinishReason::Completed.into() };
    server.runs().finish_run(with("platform", message)).await.unwrap();
}
