//! Databases in quarantine: staff has them restored, time drops them for good.
//!
//! Both are intended on the record before a server is written to (`restoring`, `purging`), and whoever finds the intention looks first
//! what became of it. Only the very database of the owner row is touched: same id on the server, same mark.

pub mod error;
pub mod purge;
pub mod restore;
mod worker;

pub use error::DatabaseError;
pub use purge::purge;
pub use restore::{restore, restore_database};

use std::sync::Arc;

use countersign_kernel::{DatabaseName, Environment};
use countersign_mcp_tools::ports::{DatabaseServer, DatabaseServers};

use crate::error::ServiceError;
use crate::record::OwnerRow;
use crate::services::Services;

/// No database servers: what services have until they are given some.
pub(crate) struct NoServers;

impl DatabaseServers for NoServers {
    fn find_server(&self, _environment: &Environment) -> Option<Arc<dyn DatabaseServer>> {
        None
    }

    fn list_servers(&self) -> Vec<Arc<dyn DatabaseServer>> {
        Vec::new()
    }
}

/// The databases that are kept, by server and name, after the given one.
///
/// # Errors
/// Storage can't be reached.
pub async fn list_kept(
    services: &Services,
    after: Option<(&str, &DatabaseName)>,
    limit: u32,
) -> Result<Vec<OwnerRow>, ServiceError> {
    Ok(services.queries().list_kept_databases(after, limit).await?)
}

/// The server of an owner row, if it is still configured under that name.
fn server_of(services: &Services, row: &OwnerRow) -> Option<Arc<dyn DatabaseServer>> {
    services.databases.find_server(&row.environment).filter(|server| server.name() == row.server)
}
