//! Damaged rows name their table, column and key.

use countersign_kernel::{DatabaseName, Principal, RequestId, RunId};
use countersign_mcp_tools::ports::{DatabaseRegister, TargetErrorKind};
use countersign_usecases::commit::DatabaseWrite;
use countersign_usecases::port::{EventFilter, Ledger, Queries, RequestFilter, StoreError};
use countersign_usecases::record::{DatabaseRecord, PolicyRecord, PrincipalRecord, Stamp};

use super::support::{Bench, START, digest, event, new, records, request, request_id, run, sealed};

async fn filled() -> Bench {
    let bench = Bench::new().await;
    let mut commit = records(1);
    commit.runs = new(run("run-1"));
    commit.requests = new(request(1, "run-1", "a"));
    commit.sealed = vec![sealed(1, "c2VhbGVk")];
    commit.events = vec![event(1)];
    commit.databases = vec![DatabaseWrite::Insert(DatabaseRecord {
        server: "files".to_owned(),
        database_name: "orders".to_owned(),
        project: "shop".to_owned(),
        environment: "dev".to_owned(),
        state: "active".to_owned(),
        request_id: request_id(1),
        kept_as: None,
        original_name: None,
        database_id: None,
        keep_until: None,
        changed_at: Stamp(START),
    })];
    commit.policies = vec![PolicyRecord {
        number: 1,
        digest: digest("text"),
        text: "text".to_owned(),
        activated_at: Stamp(START),
        activated_by: "user:github:alice".to_owned(),
    }];
    commit.principals = vec![PrincipalRecord {
        principal: "user:github:alice".to_owned(),
        pseudonym: "not a pseudonym".to_owned(),
        first_seen_at: Stamp(START),
    }];
    bench.store.write(&commit).await.unwrap();
    bench
}

fn run_id() -> RunId {
    RunId::parse("run-1").unwrap()
}

fn request_1() -> RequestId {
    request_id(1).parse().unwrap()
}

fn place<T: std::fmt::Debug>(result: Result<T, StoreError>) -> (&'static str, &'static str, String) {
    match result {
        Err(StoreError::Corrupt { table, column, id, .. }) => (table, column, id),
        other => panic!("expected `Corrupt`, got {other:?}"),
    }
}

#[tokio::test]
async fn a_column_that_has_the_wrong_form_is_named() {
    let bench = filled().await;
    bench.vandalize("UPDATE agent_sessions SET registered_at = 'yesterday'").await.unwrap();
    let expected = ("agent_sessions", "registered_at", "run-1".to_owned());
    assert_eq!(place(bench.store.load_run(&run_id()).await), expected);
    assert_eq!(place(bench.store.load_request(request_1()).await), expected);
    assert_eq!(place(bench.store.find_run(&run_id()).await), expected);
    assert_eq!(place(bench.store.list_open_runs(None, 10).await), expected);
}

#[tokio::test]
async fn a_value_that_means_nothing_is_named() {
    let bench = filled().await;
    bench.vandalize("UPDATE mcp_action_requests SET state = 'dancing'").await.unwrap();
    let expected = ("mcp_action_requests", "state", request_id(1));
    assert_eq!(place(bench.store.load_request(request_1()).await), expected);
    assert_eq!(place(bench.store.find_request_status(request_1()).await), expected);
    let listed = bench.store.list_requests(&RequestFilter::default(), None, 10).await;
    assert_eq!(place(listed), expected);
    assert_eq!(place(bench.store.list_run_requests(&run_id(), None, 10).await), expected);
    assert_eq!(place(bench.store.list_awaited(&run_id()).await), expected);
    let counted = ("mcp_action_requests", "state", "run-1".to_owned());
    assert_eq!(place(bench.store.count_run_requests(&run_id()).await), counted);
}

#[tokio::test]
async fn each_kind_of_row_names_itself() {
    let bench = filled().await;
    let alice = Principal::parse("user:github:alice").unwrap();
    let expected = ("principals", "pseudonym", alice.to_string());
    assert_eq!(place(bench.store.find_pseudonym(&alice).await), expected);

    bench.vandalize("UPDATE sealed_values SET sealed_at = '2026-13-99T00:00:00.000000Z'").await.unwrap();
    let expected = ("sealed_values", "sealed_at", request_id(1));
    assert_eq!(place(bench.store.load_request(request_1()).await), expected);

    bench.vandalize("UPDATE policy_versions SET digest = 'md5:0'").await.unwrap();
    let expected = ("policy_versions", "digest", "1".to_owned());
    assert_eq!(place(bench.store.load_run(&run_id()).await), expected);

    bench.vandalize("DROP TRIGGER flow_events_are_not_changed").await.unwrap();
    bench.vandalize("UPDATE flow_events SET at = 'never'").await.unwrap();
    let expected = ("flow_events", "at", event(1).event_id);
    assert_eq!(place(bench.store.list_events(&EventFilter::default(), None, 10).await), expected);
    assert_eq!(place(bench.store.audit_backlog().await), expected);

    bench.vandalize("UPDATE project_databases SET state = 'lost'").await.unwrap();
    let owner = bench.store.find_owner("files", &DatabaseName::parse("orders").unwrap()).await.unwrap_err();
    assert_eq!(owner.kind, TargetErrorKind::Broken);
    for word in ["project_databases", "`state`", "`orders`"] {
        assert!(owner.message.contains(word), "{owner}");
    }
}

#[tokio::test]
async fn a_document_that_is_no_json_is_never_read_as_something_else() {
    let bench = filled().await;
    bench.vandalize("UPDATE mcp_action_requests SET payload_snapshot = '{broken'").await.unwrap();
    assert!(bench.store.load_request(request_1()).await.is_err());
}
