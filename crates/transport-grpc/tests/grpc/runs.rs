//! The life of a run as the platform leads it.

use countersign_kernel::Millis;
use countersign_testkit::TestTool;
use countersign_transport_grpc::v1;
use tonic::Code;

use crate::support::{RUN, fields_of, refused, registration, started, token_of, with};

#[tokio::test]
async fn registering_again_gives_a_new_token_for_the_same_run() {
    let (world, server) = started(TestTool::writing(1)).await;
    let again = server.runs().register_run(with("platform", registration(RUN))).await.unwrap().into_inner();
    assert!(again.repeated);
    assert_eq!(again.run_token, token_of(RUN));
    assert!(again.token_expires_at.is_some());
    let run = again.run.unwrap();
    assert_eq!(run.status(), v1::RunStatus::Running);
    assert_eq!((run.time_budget_ms, run.issue), (3_600_000, Some(17)));
    assert_eq!(run.launched_by, "user:github:dana");
    assert_eq!(world.store.rows().runs.len(), 1);
    let message = v1::RenewRunTokenRequest { run_id: RUN.to_owned() };
    let renewed = server.runs().renew_run_token(with("platform", message)).await.unwrap().into_inner();
    assert_eq!(renewed.run_token, token_of(RUN));
}

#[tokio::test]
async fn links_are_added_once_and_never_changed() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let link = |issue, pull_request| v1::LinkRunRequest { run_id: RUN.to_owned(), issue, pull_request };
    let linked = server.runs().link_run(with("platform", link(None, Some(40)))).await.unwrap().into_inner();
    let run = linked.run.unwrap();
    assert_eq!((run.issue, run.pull_request), (Some(17), Some(40)));
    let other = server.runs().link_run(with("platform", link(Some(18), None))).await;
    refused(other, Code::AlreadyExists, "run_linked_elsewhere");
    let nothing = server.runs().link_run(with("platform", link(None, None))).await;
    assert_eq!(
        fields_of(&refused(nothing, Code::InvalidArgument, "invalid_request")),
        ["issue: is required unless `pull_request` is given"]
    );
}

#[tokio::test]
async fn a_waiting_run_shows_its_wait_and_its_paused_budget() {
    let (world, server) = started(TestTool::writing(1)).await;
    world.store.clock().advance(Millis::from_secs(600));
    let reply = server.ask("orders").await;
    let message = v1::GetRunRequest { run_id: RUN.to_owned() };
    let found = server.runs().get_run(with("viewer", message.clone())).await.unwrap().into_inner();
    let run = found.run.unwrap();
    assert_eq!(run.status(), v1::RunStatus::Waiting);
    assert_eq!(run.budget_left_ms, Some(3_000_000));
    assert!(run.deadline_at.is_none() && run.waiting_since.is_some());
    assert_eq!(run.waits.len(), 1);
    assert_eq!(run.waits[0].reason(), v1::WaitReason::Approval);
    assert_eq!(found.requests.len(), 1);
    assert_eq!(found.requests[0].state(), v1::RequestState::Requested);
    assert!(found.links.iter().any(|link| link.to_id == "acme/shop#17" || link.from_id == "acme/shop#17"));

    server.decide("alice", &reply, v1::Decision::Deny).await.unwrap();
    let found = server.runs().get_run(with("viewer", message)).await.unwrap().into_inner();
    let run = found.run.unwrap();
    assert_eq!((run.status(), run.budget_left_ms), (v1::RunStatus::Running, None));
    let outcome = found.requests[0].outcome.as_ref().unwrap();
    assert_eq!(outcome.status(), v1::CallStatus::Denied);
    assert!(outcome.acknowledged_at.is_none());
}

#[tokio::test]
async fn a_run_is_told_with_all_of_its_requests() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let mut asked = Vec::new();
    // More than are read at once.
    for number in 0..502 {
        let reply = server.ask(&format!("n{number}")).await;
        server.decide("alice", &reply, v1::Decision::Deny).await.unwrap();
        asked.push(reply.request_id.unwrap());
    }
    let message = v1::GetRunRequest { run_id: RUN.to_owned() };
    let found = server.runs().get_run(with("viewer", message)).await.unwrap().into_inner();
    let mut told: Vec<_> = found.requests.into_iter().map(|request| request.request_id).collect();
    told.sort();
    asked.sort();
    assert_eq!(told, asked);
    assert_eq!(found.links.len(), 503);
}

#[tokio::test]
async fn a_finished_run_settles_its_requests_and_stays_finished() {
    let (world, server) = started(TestTool::writing(1)).await;
    let id = server.ask("orders").await.request_id.unwrap();
    let finish =
        |reason: v1::FinishReason| v1::FinishRunRequest { run_id: RUN.to_owned(), reason: reason.into() };
    for bad in [v1::FinishReason::Unspecified, v1::FinishReason::BudgetExhausted] {
        let refusal = server.runs().finish_run(with("platform", finish(bad))).await;
        refused(refusal, Code::InvalidArgument, "invalid_request");
    }
    let ending = server.runs().finish_run(with("platform", finish(v1::FinishReason::Stopped))).await.unwrap();
    assert_eq!(ending.into_inner().run.unwrap().status(), v1::RunStatus::Ending);
    world.work_off(&server).await;
    let summary = server.approval("viewer", &id).await.summary.unwrap();
    assert_eq!(summary.state(), v1::RequestState::Cancelled);
    let again =
        server.runs().finish_run(with("platform", finish(v1::FinishReason::Completed))).await.unwrap();
    let run = again.into_inner().run.unwrap();
    assert_eq!((run.status(), run.finish_reason()), (v1::RunStatus::Finished, v1::FinishReason::Stopped));
    let message = v1::RenewRunTokenRequest { run_id: RUN.to_owned() };
    let renewed = server.runs().renew_run_token(with("platform", message)).await;
    refused(renewed, Code::FailedPrecondition, "run_ended");
}
