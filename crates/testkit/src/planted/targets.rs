//! Faults of what is written to targets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use countersign_kernel::{DatabaseName, Namespace, RequestId};
use countersign_mcp_tools::SecretValue;
use countersign_mcp_tools::ports::{
    Access, ApplyKey, DatabaseReceipt, DatabaseSeen, DatabaseServer, GithubReceipt, GithubSecretSeen,
    GithubSecrets, KubernetesReceipt, KubernetesSecrets, LoginRoles, MarkedDatabase, RemoveKey, SecretPlace,
    SecretSeen, TargetError, TargetErrorKind,
};

use super::Plant;

/// Bytes of this process's own, of the same length.
fn own_value(value: &SecretValue, pad: &[u8]) -> SecretValue {
    let mix = |(byte, pad): (&u8, &u8)| b'a' + (byte ^ pad) % 26;
    SecretValue::new(value.expose().iter().zip(pad.iter().cycle()).map(mix).collect())
}

/// A cluster with a fault.
pub struct PlantedKubernetes {
    inner: Arc<dyn KubernetesSecrets>,
    plant: Plant,
    pad: Vec<u8>,
    first_seen: Mutex<BTreeMap<String, Option<SecretSeen>>>,
}

impl PlantedKubernetes {
    /// This fault in front of this cluster; `pad` is random for each process.
    pub fn new(inner: Arc<dyn KubernetesSecrets>, plant: Plant, pad: Vec<u8>) -> Self {
        Self { inner, plant, pad, first_seen: Mutex::default() }
    }

    fn value(&self, value: &SecretValue) -> Option<SecretValue> {
        (self.plant == Plant::FreshRandomOnRetry).then(|| own_value(value, &self.pad))
    }
}

#[async_trait]
impl KubernetesSecrets for PlantedKubernetes {
    async fn look(&self, namespace: &Namespace, name: &str) -> Result<Option<SecretSeen>, TargetError> {
        let seen = self.inner.look(namespace, name).await?;
        if self.plant != Plant::IgnoreDrift {
            return Ok(seen);
        }
        let mut first = self.first_seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(first.entry(format!("{namespace}/{name}")).or_insert(seen).clone())
    }

    async fn access(&self, namespace: &Namespace, name: &str) -> Result<Access, TargetError> {
        self.inner.access(namespace, name).await
    }

    async fn apply_key<'a>(&self, write: ApplyKey<'a>) -> Result<KubernetesReceipt, TargetError> {
        let own = self.value(write.value);
        let write = ApplyKey { value: own.as_ref().unwrap_or(write.value), ..write };
        if self.plant != Plant::IgnoreDrift {
            return self.inner.apply_key(write).await;
        }
        let seen = self.inner.look(write.namespace, write.name).await?;
        let version = seen.map(|seen| seen.resource_version);
        self.inner.apply_key(ApplyKey { expected_version: version.as_deref(), ..write }).await
    }

    async fn remove_key<'a>(&self, write: RemoveKey<'a>) -> Result<KubernetesReceipt, TargetError> {
        self.inner.remove_key(write).await
    }

    async fn delete<'a>(
        &self,
        namespace: &'a Namespace,
        name: &'a str,
        expected: &'a KubernetesReceipt,
    ) -> Result<(), TargetError> {
        if self.plant == Plant::UndoWithoutDoing {
            return Ok(());
        }
        self.inner.delete(namespace, name, expected).await
    }

    async fn read_key<'a>(
        &self,
        namespace: &'a Namespace,
        name: &'a str,
        key: &'a str,
        expected_version: &'a str,
    ) -> Result<Option<SecretValue>, TargetError> {
        if self.plant != Plant::IgnoreDrift {
            return self.inner.read_key(namespace, name, key, expected_version).await;
        }
        let seen = self.inner.look(namespace, name).await?;
        let version = seen.map_or_else(|| expected_version.to_owned(), |seen| seen.resource_version);
        self.inner.read_key(namespace, name, key, &version).await
    }

    async fn holds<'a>(
        &self,
        namespace: &'a Namespace,
        name: &'a str,
        key: &'a str,
        value: &'a SecretValue,
    ) -> Result<Option<KubernetesReceipt>, TargetError> {
        let own = self.value(value);
        self.inner.holds(namespace, name, key, own.as_ref().unwrap_or(value)).await
    }
}

/// A GitHub with a fault.
pub struct PlantedGithub {
    inner: Arc<dyn GithubSecrets>,
    plant: Plant,
    pad: Vec<u8>,
}

impl PlantedGithub {
    /// This fault in front of this GitHub; `pad` is random for each process.
    pub fn new(inner: Arc<dyn GithubSecrets>, plant: Plant, pad: Vec<u8>) -> Self {
        Self { inner, plant, pad }
    }
}

#[async_trait]
impl GithubSecrets for PlantedGithub {
    async fn look(&self, place: &SecretPlace, name: &str) -> Result<Option<GithubSecretSeen>, TargetError> {
        self.inner.look(place, name).await
    }

    async fn access(&self, place: &SecretPlace) -> Result<Access, TargetError> {
        self.inner.access(place).await
    }

    async fn count(&self, place: &SecretPlace) -> Result<u32, TargetError> {
        self.inner.count(place).await
    }

    async fn put(
        &self,
        place: &SecretPlace,
        name: &str,
        value: &SecretValue,
    ) -> Result<GithubReceipt, TargetError> {
        if self.plant == Plant::ClaimWithoutDoing {
            return Ok(GithubReceipt { created: true, updated_at: None });
        }
        let own = (self.plant == Plant::FreshRandomOnRetry).then(|| own_value(value, &self.pad));
        let value = own.as_ref().unwrap_or(value);
        let put = self.inner.put(place, name, value).await;
        match &put {
            Err(error)
                if self.plant == Plant::RetryOnUnknown
                    && matches!(error.kind, TargetErrorKind::NoAnswer | TargetErrorKind::Broken) =>
            {
                self.inner.put(place, name, value).await
            }
            Ok(_) | Err(_) => put,
        }
    }
}

/// A database server with a fault.
pub struct PlantedServer {
    inner: Arc<dyn DatabaseServer>,
    plant: Plant,
}

impl PlantedServer {
    /// This fault in front of this server.
    pub fn new(inner: Arc<dyn DatabaseServer>, plant: Plant) -> Self {
        Self { inner, plant }
    }
}

#[async_trait]
impl DatabaseServer for PlantedServer {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn quarantine_days(&self) -> u32 {
        self.inner.quarantine_days()
    }

    fn roles(&self) -> Option<Arc<dyn LoginRoles>> {
        self.inner.roles()
    }

    async fn look(&self, database: &DatabaseName) -> Result<Option<DatabaseSeen>, TargetError> {
        let seen = self.inner.look(database).await?;
        let foreign = |seen: &DatabaseSeen| seen.created_by.is_none();
        Ok(seen.filter(|seen| self.plant != Plant::AdoptForeignDatabase || !foreign(seen)))
    }

    async fn list_marked(&self) -> Result<Vec<MarkedDatabase>, TargetError> {
        self.inner.list_marked().await
    }

    async fn access(&self) -> Result<Access, TargetError> {
        self.inner.access().await
    }

    async fn create(
        &self,
        database: &DatabaseName,
        request: RequestId,
    ) -> Result<DatabaseReceipt, TargetError> {
        let created = self.inner.create(database, request).await;
        match &created {
            Err(error)
                if self.plant == Plant::AdoptForeignDatabase && error.kind == TargetErrorKind::Conflict =>
            {
                let found = self.inner.look(database).await?;
                found.map(|seen| DatabaseReceipt { id: seen.id }).ok_or_else(|| error.clone())
            }
            Ok(_) | Err(_) => created,
        }
    }

    async fn quarantine(
        &self,
        database: &DatabaseName,
        kept_as: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.inner.quarantine(database, kept_as, expected_id).await
    }

    async fn restore(
        &self,
        kept_as: &DatabaseName,
        database: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.inner.restore(kept_as, database, expected_id).await
    }

    async fn drop_database(
        &self,
        database: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.inner.drop_database(database, expected_id).await
    }
}
