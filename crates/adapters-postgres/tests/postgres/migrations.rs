//! Migrations on an empty database, twice, at once, and by somebody who may not make roles.

use countersign_adapters_postgres::{migrate, pending_migrations};
use sqlx::{AssertSqlSafe, PgPool};

use crate::postgres_server::Database;

#[tokio::test]
async fn several_servers_may_migrate_at_once_and_again() {
    let database = Database::empty().await;
    let pool = database.pool().await;
    let pending = pending_migrations(&pool).await.unwrap();
    assert_eq!(pending.first(), Some(&1), "{pending:?}");
    let (one, two) = tokio::join!(migrate(&pool), migrate(&pool));
    one.unwrap();
    two.unwrap();
    assert_eq!(pending_migrations(&pool).await.unwrap(), [0_i64; 0]);
    migrate(&pool).await.unwrap();
}

#[tokio::test]
async fn an_owner_who_may_not_make_roles_can_migrate() {
    let database = Database::empty().await;
    let admin = database.pool().await;
    let name = &database.name;
    let setup = format!(
        "CREATE ROLE plain_{name} LOGIN PASSWORD 'plain'; ALTER DATABASE {name} OWNER TO plain_{name}"
    );
    sqlx::raw_sql(AssertSqlSafe(setup)).execute(&admin).await.unwrap();
    let url = format!("postgres://plain_{name}:plain@{}/{name}", database.authority);
    let pool = PgPool::connect(&url).await.unwrap();
    migrate(&pool).await.unwrap();
    let may: bool =
        sqlx::query_scalar("SELECT has_table_privilege('countersign_app', 'flow_events', 'INSERT')")
            .fetch_one(&admin)
            .await
            .unwrap();
    assert!(may, "roles that are there get their grants");
}

#[tokio::test]
async fn the_copies_that_are_embedded_are_the_migrations() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = |folder: std::path::PathBuf| {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "sql"))
            .map(|path| (path.file_name().unwrap().to_owned(), std::fs::read(&path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let source = files(root.join("../../migrations/postgres"));
    assert!(!source.is_empty());
    assert_eq!(files(root.join("migrations")), source);
}
