//! Databases in quarantine, over the wire.

use countersign_audit::Pseudonym;
use countersign_kernel::{Actor, DatabaseName, Millis, RequestId, Timestamp};
use countersign_mcp_tools::ports::OwnedState;
use countersign_testkit::{SeededEntropy, TestTool};
use countersign_transport_grpc::v1::database_service_client::DatabaseServiceClient;
use countersign_transport_grpc::v1::{
    ListQuarantinedDatabasesRequest, QuarantineState, RestoreDatabaseRequest,
};
use countersign_usecases::commit::{DatabaseWrite, Draft, DraftContext};
use countersign_usecases::port::{Ids, Ledger as _};
use countersign_usecases::record::{Kept, OwnerRow};
use tonic::Code;

use crate::support::{Server, World, refused, started, with};

fn name(text: &str) -> DatabaseName {
    text.parse().unwrap()
}

async fn keep(world: &World, kept_as: &str, state: OwnedState) {
    let now = world.store.clock().now();
    let (entropy, actor) = (SeededEntropy::new(now.unix_micros().unsigned_abs()), Actor::system("test"));
    let context = DraftContext {
        ids: Ids::new(&entropy, now),
        now,
        pseudonym: Pseudonym::of_role(&actor).unwrap(),
        actor,
        policy: None,
        new_principal: None,
    };
    let row = OwnerRow {
        server: "main.eu".to_owned(),
        name: name(kept_as),
        project: "shop".parse().unwrap(),
        environment: "dev".parse().unwrap(),
        state,
        request: RequestId::from_parts(Timestamp::from_unix_micros(0), [5; 10]),
        kept: Some(Kept {
            kept_as: name(kept_as),
            original_name: name("orders"),
            database_id: "16384".to_owned(),
            until: now.plus(Millis::from_secs(604_800)),
        }),
        changed_at: now,
    };
    let mut draft = Draft::new(context);
    draft.write_database(DatabaseWrite::Insert((&row).into()));
    world.store.commit(draft.finish()).await.unwrap();
}

fn client(server: &Server) -> DatabaseServiceClient<tonic::transport::Channel> {
    DatabaseServiceClient::new(server.channel.clone())
}

#[tokio::test]
async fn what_is_kept_is_listed_page_by_page() {
    let (world, server) = started(TestTool::writing(1)).await;
    let states = [
        ("_q_a", OwnedState::Quarantined, QuarantineState::Kept),
        ("_q_b", OwnedState::Purging, QuarantineState::Purging),
        ("_q_c", OwnedState::Restoring, QuarantineState::Restoring),
    ];
    for (kept_as, state, _) in states {
        world.store.clock().advance(Millis(1));
        keep(&world, kept_as, state).await;
    }
    world.store.clock().advance(Millis(1));
    keep(&world, "used", OwnedState::Active).await;
    let mut listed = Vec::new();
    let mut page_token = String::new();
    for _ in 0..4 {
        let message = ListQuarantinedDatabasesRequest { page_size: 1, page_token: page_token.clone() };
        let page =
            client(&server).list_quarantined_databases(with("viewer", message)).await.unwrap().into_inner();
        listed.extend(page.databases);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let shown: Vec<_> = listed.iter().map(|row| (row.kept_as.as_str(), row.state())).collect();
    assert_eq!(shown, states.map(|(kept_as, _, state)| (kept_as, state)));
    let first = &listed[0];
    assert_eq!((first.server.as_str(), first.original_name.as_str()), ("main.eu", "orders"));
    assert!(first.keep_until.is_some());

    let message =
        ListQuarantinedDatabasesRequest { page_size: 501, page_token: "of another list".to_owned() };
    let answer = client(&server).list_quarantined_databases(with("viewer", message)).await;
    let status = refused(answer, Code::InvalidArgument, "invalid_request");
    let fields = status.bad_request().unwrap().field_violations.iter().map(|field| field.field.as_str());
    assert_eq!(fields.collect::<Vec<_>>(), ["page_token", "page_size"]);
}

#[tokio::test]
async fn a_restore_needs_a_kept_database_its_server_and_a_reason() {
    let (world, server) = started(TestTool::writing(1)).await;
    keep(&world, "_q_a", OwnedState::Quarantined).await;
    let restore = async |kept_as: &str, reason: &str| {
        let message = RestoreDatabaseRequest {
            server: "main.eu".to_owned(),
            kept_as: kept_as.to_owned(),
            reason: reason.to_owned(),
        };
        client(&server).restore_database(with("operator", message)).await
    };
    let good = "the team still needs it";
    let status = refused(restore("Q", "short").await, Code::InvalidArgument, "invalid_request");
    let fields = status.bad_request().unwrap().field_violations.iter().map(|field| field.field.as_str());
    assert_eq!(fields.collect::<Vec<_>>(), ["kept_as", "reason"]);
    refused(restore("_q_b", good).await, Code::NotFound, "database_not_kept");
    // This server has no database servers at all.
    refused(restore("_q_a", good).await, Code::Unavailable, "database_server_gone");
    world.store.clock().advance(Millis::from_secs(604_800));
    refused(restore("_q_a", good).await, Code::FailedPrecondition, "retention_over");
}
