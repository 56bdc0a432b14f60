//! The watcher goes through all targets there ever were: a page of them costs no more when there are very many.

use serde_json::Value;
use sqlx::PgPool;

use crate::story::Story;

const NEWEST: &str = include_str!("../../src/store/queries/list_newest_steps.sql");

/// How PostgreSQL would read the first page.
async fn plan(pool: &PgPool) -> String {
    let statement = format!("EXPLAIN (FORMAT JSON) {NEWEST}");
    let plan: Value = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
        .bind("")
        .bind(500_i64)
        .fetch_one(pool)
        .await
        .unwrap();
    plan.to_string()
}

#[tokio::test]
async fn a_page_of_targets_is_read_in_the_order_of_an_index() {
    let story = Story::new().await;
    let run = story.register("run-1").await;
    story.open(&run, "one").await;
    // Two steps on each of 10,000 targets.
    story
        .behind(
            "INSERT INTO action_steps (request_id, revision, step_number, kind, target, state, intended_at, fence, attempts)
             SELECT (SELECT request_id FROM mcp_action_requests), 1, n, 'test.write', 'target:' || n / 2, 'done',
                 now() - n * interval '1 second', 1, 1 FROM generate_series(0, 19999) AS n",
        )
        .await;
    story.behind("ANALYZE action_steps").await;
    let read = plan(story.store.pool()).await;
    assert!(read.contains("action_steps_newest") && !read.contains("Seq Scan"), "{read}");

    // Without the index it shows: so it would have been seen.
    story.behind("DROP INDEX action_steps_newest").await;
    let read = plan(story.store.pool()).await;
    assert!(read.contains("Seq Scan"), "{read}");
}
