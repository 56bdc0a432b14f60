//! Everything or nothing, rule by rule, with rows that no use case writes. What use cases can write is in the contract suite.

use countersign_kernel::{Digest, Millis, RunId};
use countersign_usecases::commit::{
    CommitRecords, DatabaseWrite, Guard, Mark, OutcomeMark, Versioned, WorkWrite,
};
use countersign_usecases::port::{Ledger, Queries, StoreError, WorkKind, WorkQueue, WorkSubject};
use countersign_usecases::record::{
    CallKeyRecord, DatabaseRecord, LinkRecord, OutcomeRecord, PolicyRecord, PrincipalRecord, RequestRecord,
    RunRecord, Stamp, StepRecord, VoteRecord, WaitRecord,
};
use serde_json::json;

use super::support::{
    Bench, START, digest, event, new, records, request, request_id, run, sealed, stale_what, worker,
};

fn key(request: u64) -> CallKeyRecord {
    CallKeyRecord {
        run_id: "run-1".to_owned(),
        tool: "database.lifecycle".to_owned(),
        key_hash: digest("key"),
        intent_digest: digest("a"),
        request_id: request_id(request),
        created_at: Stamp(START),
    }
}

fn outcome(request: u64) -> OutcomeRecord {
    OutcomeRecord {
        run_id: "run-1".to_owned(),
        request_id: request_id(request),
        status: "applied".to_owned(),
        next_action: "none".to_owned(),
        detail: json!({"receipts": [{"version": 3}]}),
        created_at: Stamp(START),
        acknowledged_at: None,
        undeliverable_at: None,
    }
}

fn step(request: u64, number: i64, state: &str) -> StepRecord {
    StepRecord {
        request_id: request_id(request),
        revision: 1,
        step_number: number,
        kind: "sqlite.create".to_owned(),
        target: "files/orders".to_owned(),
        state: state.to_owned(),
        intended_at: Stamp(START),
        done_at: (state == "done").then_some(Stamp(START)),
        receipt: (state == "done").then(|| json!({"id": "7"})),
        fence: 1,
        attempts: 1,
        quiet_until: None,
        failure_code: None,
        failure_message: None,
    }
}

fn database(state: &str) -> DatabaseRecord {
    DatabaseRecord {
        server: "files".to_owned(),
        database_name: "orders".to_owned(),
        project: "shop".to_owned(),
        environment: "dev".to_owned(),
        state: state.to_owned(),
        request_id: request_id(1),
        kept_as: None,
        original_name: None,
        database_id: None,
        keep_until: None,
        changed_at: Stamp(START),
    }
}

fn policy(number: i64) -> PolicyRecord {
    PolicyRecord {
        number,
        digest: digest("text"),
        text: "version: 1".to_owned(),
        activated_at: Stamp(START),
        activated_by: "user:github:alice".to_owned(),
    }
}

fn principal() -> PrincipalRecord {
    PrincipalRecord {
        principal: "user:github:alice".to_owned(),
        pseudonym: "p-1".to_owned(),
        first_seen_at: Stamp(START),
    }
}

fn keyed(number: u64) -> RequestRecord {
    RequestRecord {
        call_key_hash: Some(digest("key")),
        open_intent: false,
        ..request(number, "run-1", "keyed")
    }
}

/// Something in every table.
async fn filled() -> Bench {
    let bench = Bench::new().await;
    let commit = CommitRecords {
        runs: new(run("run-1")),
        requests: [new(request(1, "run-1", "a")), new(keyed(2))].concat(),
        call_keys: vec![key(2)],
        steps: vec![step(1, 1, "intended")],
        sealed: vec![sealed(1, "c2VhbGVk")],
        outcomes: vec![outcome(2)],
        databases: vec![DatabaseWrite::Insert(database("reserved"))],
        events: vec![event(1)],
        policies: vec![policy(1)],
        principals: vec![principal()],
        waits: vec![WaitRecord {
            run_id: "run-1".to_owned(),
            request_id: request_id(1),
            reason: "approval".to_owned(),
            wait_state: "waiting_mcp".to_owned(),
            opened_at: Stamp(START),
            closed_at: None,
        }],
        votes: vec![VoteRecord {
            request_id: request_id(1),
            revision: 1,
            principal: "user:github:alice".to_owned(),
            choice: "approve".to_owned(),
            seen_digest: digest("plan"),
            reason: Some("nul \u{0} and \u{1f600}".to_owned()),
            input_mode: "voice".to_owned(),
            proof: "bearer_token".to_owned(),
            voted_at: Stamp(START),
            as_sole_owner: true,
            by_group: Some("group:corp:sre".to_owned()),
            transcript: Some(transcript()),
        }],
        links: vec![link()],
        ..records(1)
    };
    bench.store.write(&commit).await.unwrap();
    bench
}

fn link() -> LinkRecord {
    LinkRecord {
        from_kind: "issue".to_owned(),
        from_id: "acme/shop#7".to_owned(),
        to_kind: "run".to_owned(),
        to_id: "run-1".to_owned(),
    }
}

/// A commit that could be written, but for what is done to it.
fn laden(spoil: impl FnOnce(&mut CommitRecords)) -> CommitRecords {
    let next = RunRecord { version: 2, ..run("run-1") };
    let mut commit = CommitRecords {
        runs: [vec![Versioned { expected: Some(1), row: next }], new(run("run-2"))].concat(),
        requests: new(request(3, "run-2", "b")),
        sealed: vec![sealed(3, "b3RoZXI=")],
        erased_requests: vec![request_id(1)],
        outcomes: vec![outcome(3)],
        databases: vec![DatabaseWrite::Update(database("active"))],
        events: vec![event(2)],
        work: vec![WorkWrite::Schedule {
            kind: WorkKind::Execute,
            subject: WorkSubject::from_storage(request_id(3)),
            due_at: Stamp(START),
        }],
        policies: vec![policy(2)],
        ..records(2)
    };
    commit.outcomes[0].run_id = "run-2".to_owned();
    spoil(&mut commit);
    commit
}

#[tokio::test]
async fn anything_that_stands_in_the_way_leaves_nothing_anywhere() {
    let bench = filled().await;
    let before = bench.dump().await;
    let stale_run = || Versioned { expected: Some(9), row: RunRecord { version: 10, ..run("run-1") } };
    let unknown_run = || Versioned { expected: Some(1), row: RunRecord { version: 2, ..run("run-7") } };
    let stale_request =
        || Versioned { expected: Some(9), row: RequestRecord { version: 10, ..request(1, "run-1", "a") } };
    let fence =
        Guard::Fence { kind: WorkKind::Execute, subject: WorkSubject::from_storage(request_id(1)), fence: 1 };
    let cases: Vec<(&str, String, CommitRecords)> = vec![
        ("run_live", "run-9".into(), laden(|c| c.guards.push(Guard::RunLive { run_id: "run-9".into() }))),
        ("fence", format!("execute {}", request_id(1)), laden(|c| c.guards.push(fence.clone()))),
        ("not_after", START.to_string(), laden(|c| c.guards.push(Guard::NotAfter { deadline: START }))),
        ("agent_sessions", "run-1".into(), laden(|c| c.runs[0] = stale_run())),
        ("agent_sessions", "run-7".into(), laden(|c| c.runs.push(unknown_run()))),
        ("agent_sessions", "run-1".into(), laden(|c| c.runs.extend(new(run("run-1"))))),
        ("mcp_action_requests", request_id(1), laden(|c| c.requests.push(stale_request()))),
        ("mcp_action_requests", request_id(1), laden(|c| c.requests.extend(new(request(1, "run-2", "c"))))),
        ("mcp_action_requests", request_id(4), laden(|c| c.requests.extend(new(request(4, "run-1", "a"))))),
        ("call_keys", digest("key"), laden(|c| c.call_keys.push(key(3)))),
        ("action_steps", "files/orders".into(), laden(|c| c.steps.push(step(3, 1, "intended")))),
        ("sealed_values", request_id(1), laden(|c| c.sealed.push(sealed(1, "c2VhbGVk")))),
        ("run_outcomes", request_id(2), laden(|c| c.outcomes.push(outcome(2)))),
        (
            "project_databases",
            "orders".into(),
            laden(|c| c.databases.push(DatabaseWrite::Insert(database("active")))),
        ),
        ("policy_versions", "1".into(), laden(|c| c.policies.push(policy(1)))),
        ("principals", "user:github:alice".into(), laden(|c| c.principals.push(principal()))),
    ];
    for (what, id, commit) in cases {
        let refused = stale_what(bench.store.write(&commit).await);
        assert_eq!(refused, (what, id.clone()));
        assert_eq!(bench.dump().await, before, "{what} `{id}` left something");
    }
    let again = laden(|c| c.events.push(event(1)));
    assert!(matches!(bench.store.write(&again).await, Err(StoreError::Refused { .. })));
    assert_eq!(bench.dump().await, before, "a repeated event left something");
    bench.store.write(&laden(|_| ())).await.unwrap();
    assert_ne!(bench.dump().await, before, "with nothing in its way it is written");
}

#[tokio::test]
async fn a_step_may_take_the_target_that_another_gives_up_in_the_same_commit() {
    let bench = filled().await;
    // The taker stands first, so it would be refused row by row.
    let commit = CommitRecords { steps: vec![step(1, 2, "intended"), step(1, 1, "done")], ..records(2) };
    bench.store.write(&commit).await.unwrap();
    let steps = bench.store.list_steps(request_id(1).parse().unwrap()).await.unwrap();
    assert_eq!(steps, [step(1, 1, "done"), step(1, 2, "intended")]);
}

#[tokio::test]
async fn a_request_may_take_the_intent_that_another_gives_up_in_the_same_commit() {
    let bench = filled().await;
    let settled = RequestRecord {
        state: "cancelled".to_owned(),
        decide_by: None,
        open_intent: false,
        state_detail: json!({"kind": "agent"}),
        version: 2,
        ..request(1, "run-1", "a")
    };
    let settled = vec![Versioned { expected: Some(1), row: settled }];
    let commit = CommitRecords { requests: [new(request(3, "run-1", "a")), settled].concat(), ..records(2) };
    bench.store.write(&commit).await.unwrap();
    assert_eq!(bench.count("SELECT count(*) FROM mcp_action_requests WHERE open_intent = 1").await, 1);
}

fn transcript() -> serde_json::Value {
    json!({
        "provider": "acme", "model": "whisper-1", "language": "english", "confidence_percent": 93,
        "audio_sha256": digest("recording"), "duration_ms": null,
    })
}

#[tokio::test]
async fn rows_come_back_as_they_were_written() {
    let bench = filled().await;
    let votes = bench.store.list_votes(request_id(1).parse().unwrap()).await.unwrap();
    assert_eq!(votes[0].reason.as_deref(), Some("nul \u{0} and \u{1f600}"));
    assert!(votes[0].as_sole_owner);
    assert_eq!(votes[0].transcript, Some(transcript()));
    let snapshot = bench.store.load_run(&RunId::parse("run-1").unwrap()).await.unwrap();
    assert_eq!(snapshot.unread[0].detail, outcome(2).detail);
    let loaded = bench.store.load_request(request_id(1).parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(RequestRecord::from(&loaded.request), request(1, "run-1", "a"));
    assert_eq!(RunRecord::from(&loaded.run).issue_number, Some(7));
    assert_eq!(loaded.sealed, [sealed(1, "c2VhbGVk")]);
    let digest: Digest = digest("text").parse().unwrap();
    assert_eq!(bench.store.load_policy(Some(digest)).await.unwrap().unwrap().text, "version: 1");
    assert_eq!(bench.store.list_links("run", &["run-1".to_owned()], 10).await.unwrap(), [link()]);
}

#[tokio::test]
async fn a_commit_keeps_the_sign_of_life_and_brings_none() {
    let bench = filled().await;
    let id = RunId::parse("run-1").unwrap();
    let mut other = run("run-5");
    other.last_heartbeat_at = Some(Stamp(START));
    bench.store.write(&CommitRecords { runs: new(other), ..records(2) }).await.unwrap();
    let unseen = bench.store.load_run(&RunId::parse("run-5").unwrap()).await.unwrap().run.unwrap();
    assert_eq!(unseen.last_heartbeat_at, None);

    assert!(bench.store.heartbeat(&id).await.unwrap());
    let seen = bench.store.load_run(&id).await.unwrap().run.unwrap().last_heartbeat_at;
    assert!(seen.is_some());
    let row = RunRecord { version: 2, last_heartbeat_at: None, ..run("run-1") };
    let update = CommitRecords { runs: vec![Versioned { expected: Some(1), row }], ..records(3) };
    bench.store.write(&update).await.unwrap();
    let after = bench.store.load_run(&id).await.unwrap().run.unwrap();
    assert_eq!((after.last_heartbeat_at, after.version), (seen, 2));
}

#[tokio::test]
async fn an_earlier_mark_on_an_outcome_stays() {
    let bench = filled().await;
    let mark = |number: u64, mark: Mark, later_ms: u64| CommitRecords {
        outcome_marks: vec![OutcomeMark {
            run_id: "run-1".to_owned(),
            request_id: request_id(2),
            mark,
            at: Stamp(START.plus(Millis(later_ms))),
        }],
        ..records(number)
    };
    for (number, kind, later_ms) in
        [(2, Mark::Acknowledged, 1), (3, Mark::Acknowledged, 2), (4, Mark::Undeliverable, 3)]
    {
        bench.store.write(&mark(number, kind, later_ms)).await.unwrap();
    }
    let id = RunId::parse("run-1").unwrap();
    let marked = bench.store.find_outcome(&id, request_id(2).parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(marked.acknowledged_at, Some(START.plus(Millis(1))));
    assert_eq!(marked.undeliverable_at, Some(START.plus(Millis(3))));
    assert!(bench.store.list_unread(&id, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn work_written_twice_in_a_commit_comes_to_what_was_said_last() {
    let bench = filled().await;
    let subject = || WorkSubject::from_storage("run-1".to_owned());
    let schedule = |later_ms: u64| WorkWrite::Schedule {
        kind: WorkKind::EndRun,
        subject: subject(),
        due_at: Stamp(START.plus(Millis(later_ms))),
    };
    let remove = || WorkWrite::Remove { kind: WorkKind::EndRun, subject: subject() };
    bench.store.write(&CommitRecords { work: vec![schedule(0)], ..records(2) }).await.unwrap();
    let lease = bench.store.claim(worker(1), &[WorkKind::EndRun], 5).await.unwrap().remove(0);
    // Rescheduled, it keeps its lease; removed and scheduled again, it begins anew.
    bench.store.write(&CommitRecords { work: vec![schedule(0), schedule(0)], ..records(3) }).await.unwrap();
    assert!(bench.store.claim(worker(2), &[WorkKind::EndRun], 5).await.unwrap().is_empty());
    assert!(bench.store.extend(&lease).await.is_ok());
    bench.store.write(&CommitRecords { work: vec![remove(), schedule(0)], ..records(4) }).await.unwrap();
    assert!(matches!(bench.store.extend(&lease).await, Err(StoreError::Stale { what: "work_items", .. })));
    let anew = bench.store.claim(worker(2), &[WorkKind::EndRun], 5).await.unwrap().remove(0);
    assert_eq!((anew.attempts, anew.fence), (1, lease.fence + 1));
    bench.store.write(&CommitRecords { work: vec![schedule(0), remove()], ..records(5) }).await.unwrap();
    bench.clock.advance(Millis::from_secs(3600));
    assert!(bench.store.claim(worker(3), &WorkKind::ALL, 5).await.unwrap().is_empty());
}
