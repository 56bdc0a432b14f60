//! Databases in quarantine: restored by staff, dropped by time, never anything that isn't ours.

mod drift;
mod purge;
mod restore;
mod roles;
mod strays;

use std::sync::Arc;

use countersign_kernel::{DatabaseName, RequestId};
use countersign_testkit::TestTool;
use countersign_usecases::databases::{DatabaseError, restore_database};
use countersign_usecases::record::{DatabaseRecord, OwnerRow};
use serde_json::{Value, json};

use crate::support::databases::{DAYS, FakeServer};
use crate::support::{ALICE, CAROL, Setup, World, who};

const KEPT: &str = "_q_orders_16385";
const A_DAY: u64 = 86_400;
const RETENTION: u64 = A_DAY * DAYS as u64;

struct Stage {
    world: World,
    server: Arc<FakeServer>,
}

impl Stage {
    async fn new() -> Self {
        let server = Arc::new(FakeServer::default());
        let setup = Setup { databases: Some(server.clone()), ..Setup::default() };
        Self { world: World::with_tool(TestTool::writing(1), setup).await, server }
    }

    /// One where `orders` was created and deleted again, by approved requests.
    async fn quarantined() -> Self {
        let stage = Self::new().await;
        stage.done("create", "orders").await;
        stage.done("delete", "orders").await;
        assert_eq!(stage.server.names(), [KEPT]);
        stage
    }

    /// Asks for this; answers with the request. `drop` is a deletion for good.
    async fn asked(&self, action: &str, database: &str) -> RequestId {
        let mut arguments: Value = json!({
            "action": action, "environment": "dev", "database_name": database,
            "justification": "the new service needs it so",
        });
        if action == "drop" {
            arguments["action"] = json!("delete");
            arguments["delete_mode"] = json!("drop");
        }
        if matches!(action, "delete" | "drop") {
            arguments["confirm_delete"] = json!(true);
        }
        self.world.try_call("database.lifecycle", arguments).await.unwrap().request.unwrap()
    }

    async fn done(&self, action: &str, database: &str) {
        let id = self.asked(action, database).await;
        self.world.approve(id, ALICE).await.unwrap();
        self.world.work_off().await;
        assert_eq!(self.world.state(id).await, "applied", "{action} {database}");
    }

    fn rows(&self) -> Vec<DatabaseRecord> {
        self.world.rows().databases
    }

    /// The names and states of all owner rows.
    fn owned(&self) -> Vec<(String, String)> {
        self.rows().into_iter().map(|row| (row.database_name, row.state)).collect()
    }

    /// The types of all events about databases.
    fn events(&self) -> Vec<String> {
        let events = self.world.rows().events.into_iter().map(|event| event.event_type);
        events.filter(|event| event.starts_with("database.")).collect()
    }

    async fn restore(&self) -> Result<OwnerRow, DatabaseError> {
        self.restore_by(CAROL).await
    }

    async fn restore_by(&self, name: &str) -> Result<OwnerRow, DatabaseError> {
        let kept_as = DatabaseName::parse(KEPT).unwrap();
        let reason = countersign_testkit::build::words("the team still needs it");
        restore_database(&self.world.services, "main", &kept_as, &reason, &who(name)).await
    }
}

fn owned(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect()
}
