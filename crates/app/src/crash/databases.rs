//! Around every operation on a database server.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::{DatabaseName, RequestId};
use countersign_mcp_tools::SecretValue;
use countersign_mcp_tools::ports::{
    Access, DatabaseReceipt, DatabaseSeen, DatabaseServer, LoginRoles, MarkedDatabase, RoleReceipt, RoleSeen,
    TargetError,
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

struct CrashRoles {
    inner: Arc<dyn LoginRoles>,
    points: Arc<CrashPoints>,
}

impl CrashServer {
    async fn around<T>(&self, what: &str, operation: impl Future<Output = T>) -> T {
        around(&self.points, what, operation).await
    }
}

impl CrashRoles {
    async fn around<T>(&self, what: &str, operation: impl Future<Output = T>) -> T {
        around(&self.points, what, operation).await
    }
}

async fn around<T>(points: &CrashPoints, what: &str, operation: impl Future<Output = T>) -> T {
    points.pass(&format!("database({what}).before"));
    let done = operation.await;
    points.pass(&format!("database({what}).after"));
    done
}

#[async_trait]
impl DatabaseServer for CrashServer {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn quarantine_days(&self) -> u32 {
        self.inner.quarantine_days()
    }

    fn roles(&self) -> Option<Arc<dyn LoginRoles>> {
        let inner = self.inner.roles()?;
        Some(Arc::new(CrashRoles { inner, points: self.points.clone() }))
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

#[async_trait]
impl LoginRoles for CrashRoles {
    async fn role_access(&self) -> Result<Access, TargetError> {
        self.around("role_access", self.inner.role_access()).await
    }

    async fn look_at_role(&self, role: &DatabaseName) -> Result<Option<RoleSeen>, TargetError> {
        self.around("look_at_role", self.inner.look_at_role(role)).await
    }

    async fn create_role(
        &self,
        role: &DatabaseName,
        password: &SecretValue,
        request: RequestId,
    ) -> Result<RoleReceipt, TargetError> {
        self.around("create_role", self.inner.create_role(role, password, request)).await
    }

    async fn create_private(
        &self,
        database: &DatabaseName,
        request: RequestId,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.around("create_private", self.inner.create_private(database, request)).await
    }

    async fn drop_role(&self, role: &DatabaseName, request: RequestId) -> Result<(), TargetError> {
        self.around("drop_role", self.inner.drop_role(role, request)).await
    }
}
