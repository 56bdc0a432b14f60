//! PostgreSQL databases as **targets**: servers that belong to projects, on which a control tool creates, quarantines and drops databases.
//!
//! Apart from the store: other servers, other credentials, connections of its own. Each operation opens one and closes it, so that no
//! idle connection holds the rights of an administrator, and a refused connection is known at once.

mod error;
mod roles;
mod server;
mod session;

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_kernel::Environment;
use countersign_mcp_tools::ports::{DatabaseServer, DatabaseServers};

pub use server::{DatabaseServerOptions, PgDatabaseServer, ServerUrlError};

/// Which server serves which environment.
#[derive(Clone, Debug, Default)]
pub struct PgDatabases {
    servers: BTreeMap<Environment, Arc<PgDatabaseServer>>,
}

impl PgDatabases {
    /// These servers; one may serve several environments.
    pub fn new(servers: impl IntoIterator<Item = (Environment, Arc<PgDatabaseServer>)>) -> Self {
        Self { servers: servers.into_iter().collect() }
    }
}

impl DatabaseServers for PgDatabases {
    fn find_server(&self, environment: &Environment) -> Option<Arc<dyn DatabaseServer>> {
        let server = Arc::clone(self.servers.get(environment)?);
        Some(server)
    }

    fn list_servers(&self) -> Vec<Arc<dyn DatabaseServer>> {
        let named = self
            .servers
            .values()
            .map(|server| (server.name(), Arc::clone(server) as Arc<dyn DatabaseServer>));
        named.collect::<BTreeMap<_, _>>().into_values().collect()
    }
}
