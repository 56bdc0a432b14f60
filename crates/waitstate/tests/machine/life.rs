//! Registering again, linking, waits in their order, and the end.

use countersign_kernel::{
    AgentKey, Fault, Kind, Millis, Namespace, Principal, ProjectKey, Repository, RunLabel, RuntimeMode,
};
use countersign_waitstate::{FinishReason, RunEvent, RunFacts, RunLinks, RunState, WaitReason};

use crate::fixture::*;

#[test]
fn registering_again_means_the_same_facts_all_of_them() {
    assert_eq!(working().check_same(&facts()), Ok(()));
    let others = [
        (RunFacts { agent_key: AgentKey::parse("dev").unwrap(), ..facts() }, "agent_key"),
        (RunFacts { run_label: RunLabel::parse("run:dev").unwrap(), ..facts() }, "run_label"),
        (RunFacts { runtime_mode: RuntimeMode::CodeOnly, ..facts() }, "runtime_mode"),
        (RunFacts { project: ProjectKey::parse("blog").unwrap(), ..facts() }, "project"),
        (RunFacts { repository: Some(Repository::parse("acme/blog").unwrap()), ..facts() }, "repository"),
        (RunFacts { repository: None, ..facts() }, "repository"),
        (RunFacts { namespace: Some(Namespace::parse("shop").unwrap()), ..facts() }, "namespace"),
        (RunFacts { launched_by: Principal::parse("user:github:bob").unwrap(), ..facts() }, "launched_by"),
        (RunFacts { budget: Millis::from_secs(601), ..facts() }, "time budget"),
    ];
    for (other, field) in others {
        let refusal = working().check_same(&other).unwrap_err();
        assert_eq!((refusal.code(), refusal.kind()), ("run_exists", Kind::AlreadyExists));
        assert_eq!(refusal.to_string(), format!("run `run-1` is already registered with another {field}"));
    }
}

#[test]
fn a_link_is_added_once_and_never_changed() {
    let linked = working().link(&RunLinks { issue: None, pull_request: Some(9) }).unwrap().unwrap();
    assert_eq!(linked.event(), &RunEvent::Linked);
    assert_eq!(linked.after().links, RunLinks { issue: Some(7), pull_request: Some(9) });
    let again = linked.after().link(&RunLinks { issue: Some(7), pull_request: Some(9) });
    assert_eq!(again, Ok(None));
    assert_eq!(linked.after().link(&RunLinks::default()), Ok(None));
    let refusal = linked.after().link(&RunLinks { issue: None, pull_request: Some(10) }).unwrap_err();
    assert_eq!(refusal.code(), "run_linked_elsewhere");
    assert_eq!(refusal.to_string(), "run `run-1` is already linked to pull request 9");
    let refusal = working().link(&RunLinks { issue: Some(8), pull_request: Some(9) }).unwrap_err();
    assert_eq!(refusal.to_string(), "run `run-1` is already linked to issue 7");
}

#[test]
fn the_oldest_wait_stands_first() {
    let run = after(&waiting_for_two().open_wait(request(3), WaitReason::Execution, at(160)).unwrap());
    let run = after(&run.change_wait(request(2), WaitReason::Approval).unwrap().unwrap());
    let run = after(&run.close_wait(request(1), at(170)).unwrap());
    let waits: Vec<_> = run.waits.iter().map(|wait| (wait.request, wait.reason, wait.opened_at)).collect();
    let expected =
        [(request(2), WaitReason::Approval, at(150)), (request(3), WaitReason::Execution, at(160))];
    assert_eq!(waits, expected);
}

#[test]
fn a_wait_goes_on_for_another_reason_without_beginning_anew() {
    let change = waiting().change_wait(request(1), WaitReason::Execution).unwrap().unwrap();
    let reason = WaitReason::Execution;
    assert_eq!(change.event(), &RunEvent::WaitChanged { request: request(1), reason });
    assert_eq!(change.after().state, waiting().state);
    assert_eq!((change.after().waits[0].reason, change.after().waits[0].opened_at), (reason, at(100)));
}

#[test]
fn the_end_waits_for_what_is_open() {
    let end = waiting_for_two().begin_end(FinishReason::Failed, at(200)).unwrap();
    let reason = FinishReason::Failed;
    assert_eq!(end.event(), &RunEvent::Ending { reason });
    assert_eq!(end.after().state, RunState::Ending { since: at(200), reason });
    let run = after(&end.after().close_wait(request(1), at(210)).unwrap());
    let refusal = run.finish(at(215)).unwrap_err();
    assert_eq!(refusal.to_string(), "run `run-1` still waits for 1 requests");
    let run = after(&run.close_wait(request(2), at(220)).unwrap());
    // Closing the last wait of an ending run gives it no time to work.
    assert_eq!(run.state, RunState::Ending { since: at(200), reason });
    let finish = run.finish(at(230)).unwrap();
    assert_eq!(finish.after().state, RunState::Finished { at: at(230), reason });
    assert_eq!(
        finish.event(),
        &RunEvent::Finished { reason, suppressed_refusals: 0, suppressed_idle_calls: 0 }
    );
}

#[test]
fn a_run_that_waits_for_nothing_is_finished_at_once() {
    let end = working().begin_end(FinishReason::Completed, at(50)).unwrap();
    let reason = FinishReason::Completed;
    assert_eq!(end.after().state, RunState::Finished { at: at(50), reason });
    assert_eq!(end.event(), &RunEvent::Finished { reason, suppressed_refusals: 0, suppressed_idle_calls: 0 });
}
