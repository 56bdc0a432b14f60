//! The tool over mocked servers and a mocked register.

mod credentials;
mod input;
mod plan;
mod renamed;
mod steps;
mod survey;
mod watch;

use std::sync::Arc;

use countersign_kernel::{DatabaseName, Environment, ProjectKey};
use serde_json::{Value, json};

use super::*;
use crate::ports::database::{MockDatabaseRegister, MockDatabaseServer};
use crate::ports::{Access, DatabaseSeen, DatabaseServer, OwnedDatabase, OwnedState};
use crate::tools::samples::{caller, dev, request};

/// One server for `dev`, none for anything else.
struct OneServer(Arc<MockDatabaseServer>);

impl DatabaseServers for OneServer {
    fn find_server(&self, environment: &Environment) -> Option<Arc<dyn DatabaseServer>> {
        (*environment == dev()).then(|| self.0.clone() as Arc<dyn DatabaseServer>)
    }

    fn list_servers(&self) -> Vec<Arc<dyn DatabaseServer>> {
        vec![self.0.clone()]
    }
}

/// A server without login roles.
fn server_named(name: &str) -> MockDatabaseServer {
    let mut server = server_without_word_of_roles(name);
    server.expect_roles().returning(|| None);
    server
}

fn server_without_word_of_roles(name: &str) -> MockDatabaseServer {
    let mut server = MockDatabaseServer::new();
    server.expect_name().return_const(name.to_owned());
    server.expect_quarantine_days().return_const(7_u32);
    server
}

fn server() -> MockDatabaseServer {
    server_named("main")
}

fn tool_over(server: MockDatabaseServer, register: MockDatabaseRegister) -> DatabaseLifecycle {
    DatabaseLifecycle::new(Arc::new(OneServer(Arc::new(server))), Arc::new(register))
}

/// The tool over a server and a register that must not be asked.
fn tool() -> DatabaseLifecycle {
    tool_over(server(), MockDatabaseRegister::new())
}

fn good(action: &str) -> Value {
    json!({
        "action": action, "environment": "dev", "database_name": "orders",
        "justification": "the new service needs it",
    })
}

fn call_of(given: &Value) -> Call {
    tool().parse(given, &caller()).unwrap()
}

fn create() -> Call {
    call_of(&good("create"))
}

fn describe() -> Call {
    call_of(&good("describe"))
}

fn delete(mode: &str) -> Call {
    let mut given = good("delete");
    given["confirm_delete"] = json!(true);
    given["delete_mode"] = json!(mode);
    call_of(&given)
}

fn orders() -> DatabaseName {
    DatabaseName::parse("orders").unwrap()
}

/// A database, created for the request of this number.
fn database(id: &str, created_by: Option<u8>) -> DatabaseSeen {
    DatabaseSeen {
        id: id.to_owned(),
        created_by: created_by.map(request),
        size_bytes: 7_500_000,
        connections: 3,
    }
}

/// An owner row of the caller's project, of the request of this number.
fn owner(state: OwnedState, created_by: u8) -> OwnedDatabase {
    OwnedDatabase { project: caller().project, environment: dev(), state, request: request(created_by) }
}

fn foreign_owner() -> OwnedDatabase {
    OwnedDatabase { project: ProjectKey::parse("billing").unwrap(), ..owner(OwnedState::Active, 5) }
}

/// A server that lets us look and holds this, and a register that says that.
fn world(there: Option<DatabaseSeen>, owner: Option<OwnedDatabase>) -> DatabaseLifecycle {
    let mut server = server();
    server.expect_access().returning(|| Ok(Access::Allowed));
    server.expect_list_marked().returning(|| Ok(Vec::new()));
    server.expect_look().withf(|database| *database == orders()).times(1).return_once(move |_| Ok(there));
    let mut register = MockDatabaseRegister::new();
    register
        .expect_find_owner()
        .withf(|server, database| server == "main" && *database == orders())
        .times(1)
        .return_once(move |_, _| Ok(owner));
    tool_over(server, register)
}

async fn planned(
    call: &Call,
    there: Option<DatabaseSeen>,
    owner: Option<OwnedDatabase>,
) -> Result<Plan, PlanRefusal> {
    let tool = world(there, owner);
    let observed = tool.observe(&caller(), call).await;
    tool.plan(&caller(), call, &observed)
}
