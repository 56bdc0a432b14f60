//! Around every operation on a database server.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::{DatabaseName, RequestId};
use countersign_mcp_tools::ports::{
    Access, DatabaseReceipt, DatabaseSeen, DatabaseServer, MarkedDatabase, TargetError,
};

use super::CrashPoints;
use crate::targets::Targets;

/// Puts points around all configured servers.
pub fn decorate(targets: &mut Targets, points: &Arc<CrashPoints>) {
    let around = |server| Arc::new(CrashServer { inner: server, points: points.clone() }) as _;
    targets.databases = Arc::new(targets.databases.map(around));
}

struct CrashServer {
    inner: Arc<dyn DatabaseServer>,
    points: Arc<CrashPoints>,
}

impl CrashServer {
    async fn around<T>(&self, what: &str, operation: impl Future<Output = T>) -> T {
        self.points.pass(&format!("database({what}).before"));
        let done = operation.await;
        self.points.pass(&format!("database({what}).after"));
        done
    }
}

#[async_trait]
impl DatabaseServer for CrashServer {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn quarantine_days(&self) -> u32 {
        self.inner.quarantine_days()
    }

    async fn look(&self, database: &DatabaseName) -> Result<Option<DatabaseSeen>, TargetError> {
        self.around("look", self.inner.look(database)).await
    }

    async fn list_marked(&self) -> Result<Vec<MarkedDatabase>, TargetError> {
        self.around("list_marked", self.inner.list_marked()).await
    }

    async fn access(&self) -> Result<Access, TargetError> {
        self.around("access", self.inner.access()).await
    }

    async fn create(
        &self,
        database: &DatabaseName,
        request: RequestId,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.around("create", self.inner.create(database, request)).await
    }

    async fn quarantine(
        &self,
        database: &DatabaseName,
        kept_as: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.around("quarantine", self.inner.quarantine(database, kept_as, expected_id)).await
    }

    async fn restore(
        &self,
        kept_as: &DatabaseName,
        database: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.around("restore", self.inner.restore(kept_as, database, expected_id)).await
    }

    async fn drop_database(
        &self,
        database: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.around("drop", self.inner.drop_database(database, expected_id)).await
    }
}
