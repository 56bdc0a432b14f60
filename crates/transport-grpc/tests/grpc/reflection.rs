//! Reflection and health need no token, and name every service.

use countersign_testkit::TestTool;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::support::{soon, started};

#[tokio::test]
async fn reflection_lists_all_services() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(server.channel.clone());
    let answers = client.server_reflection_info(tokio_stream::once(ask)).await.unwrap();
    let answer = soon(answers.into_inner().message()).await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(listed) = answer else { panic!("no list: {answer:?}") };
    let mut names: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "countersign.v1.AgentService",
            "countersign.v1.ApprovalService",
            "countersign.v1.AuditService",
            "countersign.v1.DatabaseService",
            "countersign.v1.PolicyService",
            "countersign.v1.RunService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
        ]
    );
}

#[tokio::test]
async fn health_says_what_is_served() {
    let (_world, server) = started(TestTool::writing(1)).await;
    let mut client = HealthClient::new(server.channel.clone());
    for service in ["", "countersign.v1.AgentService", "countersign.v1.AuditService"] {
        let answer = client.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving, "{service}");
    }
}
