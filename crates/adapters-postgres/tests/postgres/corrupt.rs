//! Rows that somebody damaged: the error names table, column and key.

use countersign_usecases::port::{Ledger, Queries, StoreError};

use crate::story::Story;

#[track_caller]
fn corrupt<T: std::fmt::Debug>(result: Result<T, StoreError>) -> (&'static str, &'static str, String) {
    match result {
        Err(StoreError::Corrupt { table, column, id, .. }) => (table, column, id),
        other => panic!("expected `Corrupt`, got {other:?}"),
    }
}

#[tokio::test]
async fn a_damaged_value_is_named_by_table_column_and_key() {
    let story = Story::new().await;
    let run = story.register("run-1").await;
    let id = story.open(&run, "a").await;
    assert_eq!(story.behind("UPDATE mcp_action_requests SET plan_digest = 'sha256:short'").await, 1);
    let expected = ("mcp_action_requests", "plan_digest", id.to_string());
    assert_eq!(corrupt(story.store.load_request(id).await), expected);
    assert_eq!(corrupt(story.store.list_awaited(&run).await), expected);

    assert_eq!(story.behind("UPDATE agent_sessions SET budget_left_ms = -1").await, 1);
    assert_eq!(
        corrupt(story.store.find_run(&run).await),
        ("agent_sessions", "budget_left_ms", "run-1".to_owned())
    );
}

#[tokio::test]
async fn a_row_of_another_shape_is_named_by_table_and_key() {
    let story = Story::new().await;
    let run = story.register("run-1").await;
    story.behind("ALTER TABLE agent_sessions DROP COLUMN refusals_recorded").await;
    assert_eq!(corrupt(story.store.load_run(&run).await), ("agent_sessions", "*", "run-1".to_owned()));
}

#[tokio::test]
async fn the_database_refuses_words_it_does_not_know() {
    let story = Story::new().await;
    let run = story.register("run-1").await;
    story.open(&run, "a").await;
    let pool = story.database.pool().await;
    for sql in [
        "UPDATE agent_sessions SET status = 'sleeping'",
        "UPDATE agent_sessions SET deadline_at = now(), status = 'waiting'",
        "UPDATE mcp_action_requests SET state = 'maybe'",
        "UPDATE run_waits SET wait_state = 'waiting'",
    ] {
        let refused = sqlx::query(sql).execute(&pool).await.unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("23514"), "{sql}: {refused}");
    }
}
