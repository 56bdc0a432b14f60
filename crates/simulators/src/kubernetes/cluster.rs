//! What the stand-in holds: namespaces and Secrets; and the path every write takes: authorize, merge, validate, store,
//! record.

use std::collections::BTreeMap;

use serde_json::json;

use crate::clock;
use crate::journal::{Entry, Journal, Target};
use crate::server::ChangeRefused;

use super::access::{Action, Caller, Tokens};
use super::fields::{self, Author, Content, Field, Leaf, Merged};
use super::object::{self, Draft, Secret};
use super::status::{Cause, Refusal};
use super::{KubernetesChange, KubernetesConfig};

pub(super) const BY_HAND: &str = "by-hand";

const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

/// Everything.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) tokens: Tokens,
    journal: Journal,
    namespaces: BTreeMap<String, Namespace>,
    secrets: BTreeMap<(String, String), Secret>,
    /// Grows with every stored write, whatever it is to.
    version: u64,
    uids: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Namespace {
    pub(super) uid: String,
    pub(super) created: jiff::Timestamp,
    pub(super) resource_version: u64,
    secret_quota: Option<usize>,
}

/// One write by a client.
#[derive(Clone, Copy)]
pub(super) struct Write<'a> {
    pub(super) caller: &'a Caller,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) manager: &'a str,
    pub(super) dry_run: bool,
}

impl Write<'_> {
    fn author(&self) -> Author<'_> {
        Author { manager: self.manager, time: clock::now() }
    }

    fn key(&self) -> (String, String) {
        (self.namespace.to_owned(), self.name.to_owned())
    }
}

impl Cluster {
    pub(super) fn new(config: KubernetesConfig) -> Self {
        let KubernetesConfig { port: _, journal, tokens, namespaces } = config;
        let mut cluster = Self {
            tokens: Tokens::new(tokens),
            journal,
            namespaces: BTreeMap::new(),
            secrets: BTreeMap::new(),
            version: 1_000,
            uids: 0,
        };
        for namespace in namespaces {
            cluster.add_namespace(&namespace);
        }
        cluster
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn namespaces(&self) -> impl Iterator<Item = (&String, &Namespace)> {
        self.namespaces.iter()
    }

    pub(super) fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get(name)
    }

    pub(super) fn secrets_in(&self, namespace: &str) -> impl Iterator<Item = &Secret> {
        self.secrets.values().filter(move |secret| secret.namespace == namespace)
    }

    pub(super) fn find(&self, namespace: &str, name: &str) -> Option<&Secret> {
        self.secrets.get(&(namespace.to_owned(), name.to_owned()))
    }

    pub(super) fn plaintexts(&self, namespace: &str, name: &str) -> Option<BTreeMap<String, Vec<u8>>> {
        self.find(namespace, name).map(Secret::data)
    }

    /// Server-side apply. The flag says whether it created the Secret.
    pub(super) fn apply(
        &mut self,
        write: Write<'_>,
        draft: Draft,
        force: bool,
    ) -> Result<(Secret, bool), Refusal> {
        let Some(live) = self.secrets.get(&write.key()).cloned() else {
            if let Some(uid) = &draft.uid {
                let why = format!(
                    "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                );
                return Err(Refusal::conflict(write.name, &why));
            }
            write.caller.require(&Action {
                verb: "create",
                resource: "secrets",
                namespace: write.namespace,
                name: write.name,
            })?;
            let merged = fields::apply((&Content::new(), &[]), &draft.content, write.author(), force)
                .map_err(|conflicts| Refusal::apply_conflict(&conflicts))?;
            return self.store_new(write, merged).map(|secret| (secret, true));
        };
        let merged = fields::apply((&live.content, &live.managers), &draft.content, write.author(), force)
            .map_err(|conflicts| Refusal::apply_conflict(&conflicts))?;
        self.store_over(write, &live, &draft, merged).map(|secret| (secret, false))
    }

    /// `POST`.
    pub(super) fn create(&mut self, write: Write<'_>, mut draft: Draft) -> Result<Secret, Refusal> {
        if self.secrets.contains_key(&write.key()) {
            return Err(Refusal::already_exists(write.name));
        }
        if draft.resource_version.is_some() {
            return Err(Refusal::bad_request("resourceVersion should not be set on objects to be created"));
        }
        object::settle(&mut draft.content);
        let merged = fields::update((&Content::new(), &[]), draft.content, write.author());
        self.store_new(write, merged)
    }

    /// `PUT`, and `PATCH` with a merge patch once it is merged.
    pub(super) fn replace(&mut self, write: Write<'_>, mut draft: Draft) -> Result<Secret, Refusal> {
        let live = self.secrets.get(&write.key()).cloned();
        let live = live.ok_or_else(|| Refusal::not_found("secrets", write.name))?;
        object::settle(&mut draft.content);
        let content = std::mem::take(&mut draft.content);
        let merged = fields::update((&live.content, &live.managers), content, write.author());
        self.store_over(write, &live, &draft, merged)
    }

    /// `DELETE`, with the preconditions of its options.
    pub(super) fn delete(
        &mut self,
        write: Write<'_>,
        uid: Option<&str>,
        resource_version: Option<&str>,
    ) -> Result<Secret, Refusal> {
        let live = self.secrets.get(&write.key()).cloned();
        let live = live.ok_or_else(|| Refusal::not_found("secrets", write.name))?;
        if let Some(uid) = uid.filter(|uid| *uid != live.uid) {
            let why = format!(
                "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been \
                 deleted and then recreated",
                live.uid
            );
            return Err(Refusal::conflict(write.name, &why));
        }
        let version = live.resource_version.to_string();
        if let Some(wanted) = resource_version.filter(|wanted| *wanted != version) {
            let why = format!(
                "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
                 ({version}). The object might have been modified"
            );
            return Err(Refusal::conflict(write.name, &why));
        }
        if !write.dry_run {
            self.version += 1;
            self.secrets.remove(&write.key());
            self.record("secret.deleted", write, &live, &live.data());
        }
        Ok(live)
    }

    fn store_new(&mut self, write: Write<'_>, mut merged: Merged) -> Result<Secret, Refusal> {
        let namespace = self.namespaces.get(write.namespace);
        let namespace = namespace.ok_or_else(|| Refusal::not_found("namespaces", write.namespace))?;
        object::settle(&mut merged.content);
        object::validate(write.name, &merged.content, None)?;
        let used = self.secrets_in(write.namespace).count();
        if let Some(limit) = namespace.secret_quota.filter(|limit| used >= *limit) {
            let why = format!(
                "exceeded quota: secrets, requested: secrets=1, used: secrets={used}, limited: secrets={limit}"
            );
            return Err(Refusal::forbidden("secrets", write.name, &why));
        }
        let mut secret = Secret {
            namespace: write.namespace.to_owned(),
            name: write.name.to_owned(),
            uid: self.uid(),
            resource_version: 0,
            created: clock::now(),
            content: merged.content,
            managers: merged.managers,
        };
        if !write.dry_run {
            self.version += 1;
            secret.resource_version = self.version;
            self.secrets.insert(write.key(), secret.clone());
            self.record("secret.created", write, &secret, &BTreeMap::new());
        }
        Ok(secret)
    }

    /// Checks what the caller believes about the live object, then replaces it. A write that changes nothing but times
    /// leaves the object and its version as they are.
    fn store_over(
        &mut self,
        write: Write<'_>,
        live: &Secret,
        belief: &Draft,
        mut merged: Merged,
    ) -> Result<Secret, Refusal> {
        let version = live.resource_version.to_string();
        if belief.resource_version.as_ref().is_some_and(|believed| *believed != version) {
            return Err(Refusal::conflict(write.name, MODIFIED));
        }
        if let Some(uid) = belief.uid.as_ref().filter(|uid| **uid != live.uid) {
            let cause = Cause::invalid("metadata.uid", uid, "field is immutable");
            return Err(Refusal::invalid("Secret", write.name, &[cause]));
        }
        object::settle(&mut merged.content);
        object::validate(write.name, &merged.content, Some(&live.content))?;
        if merged.content == live.content && merged.managers == live.managers {
            return Ok(live.clone());
        }
        let mut secret = Secret { content: merged.content, managers: merged.managers, ..live.clone() };
        if !write.dry_run {
            self.version += 1;
            secret.resource_version = self.version;
            self.secrets.insert(write.key(), secret.clone());
            self.record("secret.updated", write, &secret, &live.data());
        }
        Ok(secret)
    }

    pub(super) fn change(&mut self, change: KubernetesChange) -> Result<(), ChangeRefused> {
        match change {
            KubernetesChange::AddNamespace { namespace } => {
                self.add_namespace(&namespace);
                Ok(())
            }
            KubernetesChange::RemoveNamespace { namespace } => {
                self.secrets.retain(|(place, _), _| *place != namespace);
                self.namespaces.remove(&namespace).map(|_| ()).ok_or_else(|| missing("namespace", &namespace))
            }
            KubernetesChange::PutSecret { namespace, name, data, manager } => {
                self.put_by_hand(&namespace, &name, data, &manager)
            }
            KubernetesChange::DeleteSecret { namespace, name } => {
                let caller = by_hand();
                self.delete(hand(&caller, (&namespace, &name), BY_HAND), None, None)
                    .map_err(|_| missing("secret", &name))?;
                Ok(())
            }
            KubernetesChange::MakeImmutable { namespace, name } => {
                let live = self.find(&namespace, &name).ok_or_else(|| missing("secret", &name))?;
                let mut content = live.content.clone();
                content.insert(Field::Immutable, Leaf::Flag(true));
                self.replace_by_hand((&namespace, &name), content, BY_HAND)
            }
            KubernetesChange::SetQuota { namespace, secrets } => {
                let found = self.namespaces.get_mut(&namespace);
                found.ok_or_else(|| missing("namespace", &namespace))?.secret_quota = secrets;
                Ok(())
            }
            KubernetesChange::RevokeToken { username } => {
                self.tokens.revoke(&username).then_some(()).ok_or_else(|| missing("token", &username))
            }
        }
    }

    fn add_namespace(&mut self, name: &str) {
        if self.namespaces.contains_key(name) {
            return;
        }
        self.version += 1;
        let namespace = Namespace {
            uid: self.uid(),
            created: clock::now(),
            resource_version: self.version,
            secret_quota: None,
        };
        self.namespaces.insert(name.to_owned(), namespace);
    }

    fn put_by_hand(
        &mut self,
        namespace: &str,
        name: &str,
        data: BTreeMap<String, String>,
        manager: &str,
    ) -> Result<(), ChangeRefused> {
        let live = self.find(namespace, name).map(|secret| secret.content.clone());
        let exists = live.is_some();
        let mut content = live.unwrap_or_default();
        for (key, value) in data {
            content.insert(Field::Data(key), Leaf::Bytes(value.into_bytes()));
        }
        if exists {
            return self.replace_by_hand((namespace, name), content, manager);
        }
        let caller = by_hand();
        let draft = Draft { uid: None, resource_version: None, content };
        self.create(hand(&caller, (namespace, name), manager), draft)
            .map_err(|_| missing("namespace", namespace))?;
        Ok(())
    }

    fn replace_by_hand(
        &mut self,
        place: (&str, &str),
        content: Content,
        manager: &str,
    ) -> Result<(), ChangeRefused> {
        let caller = by_hand();
        let draft = Draft { uid: None, resource_version: None, content };
        self.replace(hand(&caller, place, manager), draft)
            .map_err(|_| missing("secret that may be changed,", place.1))?;
        Ok(())
    }

    fn uid(&mut self) -> String {
        self.uids += 1;
        format!("5ec4e7a0-0000-4000-8000-{:012x}", self.uids)
    }

    /// Records a stored write with the plaintext of the keys that it changed.
    fn record(
        &self,
        action: &'static str,
        write: Write<'_>,
        secret: &Secret,
        before: &BTreeMap<String, Vec<u8>>,
    ) {
        let after = if action == "secret.deleted" { BTreeMap::new() } else { secret.data() };
        let removed: Vec<String> = before.keys().filter(|key| !after.contains_key(*key)).cloned().collect();
        let values: BTreeMap<String, Vec<u8>> =
            after.into_iter().filter(|(key, value)| before.get(key) != Some(value)).collect();
        self.journal.append(Entry {
            target: Target::Kubernetes,
            action,
            actor: write.caller.username.clone(),
            place: format!("{}/{}", write.namespace, write.name),
            detail: json!({
                "manager": write.manager,
                "changed_keys": values.keys().collect::<Vec<_>>(),
                "removed_keys": removed,
                "annotations": secret.annotations(),
                "resource_version": secret.resource_version.to_string(),
                "uid": secret.uid,
            }),
            values,
        });
    }
}

fn by_hand() -> Caller {
    Caller::unbounded(BY_HAND)
}

fn hand<'a>(caller: &'a Caller, (namespace, name): (&'a str, &'a str), manager: &'a str) -> Write<'a> {
    Write { caller, namespace, name, manager, dry_run: false }
}

fn missing(what: &'static str, name: &str) -> ChangeRefused {
    ChangeRefused { what, name: name.to_owned() }
}
