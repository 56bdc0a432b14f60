//! Random sequences through the use cases, on a store and targets that fail now and then: what must always hold, holds after each.

mod actor;

use std::collections::BTreeMap;

use countersign_testkit::Rows;

use crate::support::check;
use actor::Actor;

/// How many different worlds are played.
const SEEDS: u64 = 24;

/// How many commands in each.
const COMMANDS: usize = 250;

/// Every state a request can end or stay in. All of them have to be reached, or the sequences would prove little.
const REACHED: [&str; 8] =
    ["applied", "answered", "denied", "expired", "cancelled", "failed", "unknown", "applying"];

#[tokio::test]
async fn what_must_always_hold_holds_after_every_command() {
    let mut reached: BTreeMap<String, usize> = BTreeMap::new();
    let mut events: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..SEEDS {
        let mut actor = Actor::new(seed).await;
        for command in 0..COMMANDS {
            let what = actor.act().await;
            let rows = actor.world.rows();
            let trespasses = actor.world.watched.trespasses();
            assert!(trespasses.is_empty(), "seed {seed}, command {command} ({what}): {trespasses:?}");
            holds(&actor, &rows);
            for request in &rows.requests {
                *reached.entry(request.state.clone()).or_default() += 1;
            }
        }
        for event in &actor.world.rows().events {
            *events.entry(event.event_type.clone()).or_default() += 1;
        }
    }
    for state in REACHED {
        assert!(reached.contains_key(state), "`{state}` was never reached: {reached:?}");
    }
    for event in
        ["approval.drifted", "approval.reused", "mcp.tool.rejected", "mcp.tool.dry_run", "run.finished"]
    {
        assert!(events.contains_key(event), "`{event}` never happened: {events:?}");
    }
}

fn holds(actor: &Actor, rows: &Rows) {
    check(rows);
    actor.check_budgets(rows);
    let journal = actor.world.tool.journal();
    for request in &rows.requests {
        let id = request.request_id.parse().unwrap();
        let effects = [journal.count_of(id, 1), journal.count_of(id, 2)];
        assert!(effects.iter().all(|count| *count <= 1), "an effect of {id} twice: {effects:?}");
        let question = request.tool == "mcp_owner_feedback_request";
        match request.state.as_str() {
            "applied" if !question => assert_eq!(effects, [1, 1], "{id} is applied"),
            "requested" | "approved" | "denied" | "expired" | "cancelled" | "answered" => {
                assert_eq!(effects, [0, 0], "{id} is {}", request.state);
            }
            "failed" if !actor.judged(&request.request_id) => {
                assert_eq!(effects, [0, 0], "{id} failed by itself");
            }
            _ => {}
        }
    }
}
