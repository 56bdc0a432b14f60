//! What the stand-in holds: repositories, environments, key pairs, secrets; and the rules for writing them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::SecretKey;
use crypto_box::aead::OsRng;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock;
use crate::journal::{Entry, Journal, Target};
use crate::server::ChangeRefused;

use super::access::Doorkeeper;
use super::answers::{Refusal, Reply};
use super::{GithubChange, GithubConfig};

/// <https://docs.github.com/en/actions/reference/security/secrets>: 48 KB a secret, 100 a repository, 100 an
/// environment.
const MAX_SECRET_BYTES: usize = 48 * 1024;
const MAX_SECRETS: usize = 100;

/// Key ids look like this one.
const FIRST_KEY_ID: u64 = 568_250_167_242_549_743;

const BY_HAND: &str = "by-hand";

/// Everything.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) doorkeeper: Doorkeeper,
    journal: Journal,
    repositories: BTreeMap<String, Repository>,
    numbers: Numbers,
    pub(super) requests: u64,
}

/// Names of repositories and environments are not case sensitive; the map's key is lower case, the fields are as given.
#[derive(Debug)]
pub(super) struct Repository {
    pub(super) id: u64,
    pub(super) full_name: String,
    pub(super) archived: bool,
    pub(super) vault: Vault,
    pub(super) environments: BTreeMap<String, Environment>,
}

#[derive(Debug)]
pub(super) struct Environment {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) vault: Vault,
    pub(super) created: Timestamp,
}

/// The secrets of one place, and the key pair that values for it are sealed with.
pub(super) struct Vault {
    pub(super) key_id: String,
    key: SecretKey,
    pub(super) secrets: BTreeMap<String, StoredSecret>,
}

/// Neither keys nor values.
impl std::fmt::Debug for Vault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Vault").field("key_id", &self.key_id).field("names", &self.secrets.keys()).finish()
    }
}

pub(super) struct StoredSecret {
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    value: Vec<u8>,
}

#[derive(Debug)]
struct Numbers {
    next_id: u64,
    next_key: u64,
}

impl Numbers {
    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn vault(&mut self) -> Vault {
        Vault { key_id: self.key_id(), key: SecretKey::generate(&mut OsRng), secrets: BTreeMap::new() }
    }

    fn key_id(&mut self) -> String {
        self.next_key += 1;
        (FIRST_KEY_ID + self.next_key).to_string()
    }
}

impl Vault {
    pub(super) fn public_key(&self) -> Value {
        json!({ "key_id": self.key_id, "key": STANDARD.encode(self.key.public_key().as_bytes()) })
    }

    pub(super) fn describe(&self, name: &str) -> Option<Value> {
        let name = name.to_ascii_uppercase();
        self.secrets.get(&name).map(|secret| {
            json!({
                "name": name,
                "created_at": secret.created.to_string(),
                "updated_at": secret.updated.to_string(),
            })
        })
    }

    /// Stores the value; was there none before?
    fn store(&mut self, name: &str, value: Vec<u8>) -> bool {
        let now = clock::now();
        let created = self.secrets.get(name).map_or(now, |secret| secret.created);
        self.secrets.insert(name.to_owned(), StoredSecret { created, updated: now, value }).is_none()
    }

    fn open(&self, write: &SecretWrite) -> Result<Vec<u8>, Refusal> {
        if write.key_id != self.key_id {
            let message = format!("Bad request - key_id {} is not the current public key", write.key_id);
            return Err(Refusal::invalid(message));
        }
        // Wording seen in https://github.com/integrations/terraform-provider-github/issues/2315
        let improper = "Bad request - validation failed due to an improperly encrypted secret";
        let sealed = STANDARD.decode(&write.encrypted_value).map_err(|_| Refusal::invalid(improper))?;
        let value = self.key.unseal(&sealed).map_err(|_| Refusal::invalid(improper))?;
        if value.len() > MAX_SECRET_BYTES {
            return Err(Refusal::invalid(format!("Secret value is larger than {MAX_SECRET_BYTES} bytes")));
        }
        Ok(value)
    }
}

/// The body of a `PUT`, its two fields present and well formed.
pub(super) struct SecretWrite {
    pub(super) encrypted_value: String,
    pub(super) key_id: String,
}

/// A repository, or one of its environments.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) repository: String,
    pub(super) environment: Option<String>,
}

impl Hub {
    pub(super) fn new(config: GithubConfig) -> Self {
        let GithubConfig { port: _, journal, tokens, repositories, rate_limit } = config;
        let mut hub = Self {
            doorkeeper: Doorkeeper::new(rate_limit, tokens),
            journal,
            repositories: BTreeMap::new(),
            numbers: Numbers { next_id: 1_000, next_key: 0 },
            requests: 0,
        };
        for repository in repositories {
            hub.add_repository(&repository.full_name);
            for environment in &repository.environments {
                hub.add_environment(&repository.full_name, environment);
            }
        }
        hub
    }

    pub(super) fn repository(&self, full_name: &str) -> Option<&Repository> {
        self.repositories.get(&full_name.to_ascii_lowercase())
    }

    pub(super) fn vault(&self, place: &Place) -> Option<&Vault> {
        let repository = self.repository(&place.repository)?;
        match &place.environment {
            None => Some(&repository.vault),
            Some(name) => {
                repository.environments.get(&name.to_lowercase()).map(|environment| &environment.vault)
            }
        }
    }

    fn vault_mut(&mut self, place: &Place) -> Option<&mut Vault> {
        let repository = self.repositories.get_mut(&place.repository.to_ascii_lowercase())?;
        match &place.environment {
            None => Some(&mut repository.vault),
            Some(name) => repository
                .environments
                .get_mut(&name.to_lowercase())
                .map(|environment| &mut environment.vault),
        }
    }

    /// A client's `PUT`: 201 for a new secret, 204 for one that was there.
    pub(super) fn write(
        &mut self,
        actor: &str,
        place: &Place,
        name: &str,
        write: &SecretWrite,
    ) -> Result<Reply, Refusal> {
        check_name(name)?;
        let name = name.to_ascii_uppercase();
        let vault = self.vault_mut(place).ok_or_else(Refusal::not_found)?;
        let value = vault.open(write)?;
        if !vault.secrets.contains_key(&name) && vault.secrets.len() >= MAX_SECRETS {
            return Err(Refusal::invalid(format!("There can be no more than {MAX_SECRETS} secrets here")));
        }
        let created = vault.store(&name, value.clone());
        self.record(actor, place, &name, created, Some(value));
        Ok(if created { Reply::created() } else { Reply::no_content() })
    }

    /// A client's `DELETE`.
    pub(super) fn delete(&mut self, actor: &str, place: &Place, name: &str) -> Result<Reply, Refusal> {
        let name = name.to_ascii_uppercase();
        let vault = self.vault_mut(place).ok_or_else(Refusal::not_found)?;
        vault.secrets.remove(&name).ok_or_else(Refusal::not_found)?;
        self.record(actor, place, &name, false, None);
        Ok(Reply::no_content())
    }

    pub(super) fn plaintexts(
        &self,
        repository: &str,
        environment: Option<&str>,
    ) -> Option<BTreeMap<String, Vec<u8>>> {
        let place = Place { repository: repository.to_owned(), environment: environment.map(str::to_owned) };
        let vault = self.vault(&place)?;
        Some(vault.secrets.iter().map(|(name, secret)| (name.clone(), secret.value.clone())).collect())
    }

    pub(super) fn change(&mut self, change: GithubChange) -> Result<(), ChangeRefused> {
        match change {
            GithubChange::AddRepository { repository } => {
                self.add_repository(&repository);
                Ok(())
            }
            GithubChange::AddEnvironment { repository, environment } => {
                if !self.add_environment(&repository, &environment) {
                    return Err(missing("repository", &repository));
                }
                Ok(())
            }
            GithubChange::RemoveEnvironment { repository, environment } => {
                let found = self.repository_mut(&repository)?;
                let removed = found.environments.remove(&environment.to_lowercase());
                removed.map(|_| ()).ok_or_else(|| missing("environment", &environment))
            }
            GithubChange::Archive { repository, archived } => {
                self.repository_mut(&repository)?.archived = archived;
                Ok(())
            }
            GithubChange::PutSecret { repository, environment, name, value } => {
                self.put_by_hand(&Place { repository, environment }, &name, value.into_bytes())
            }
            GithubChange::DeleteSecret { repository, environment, name } => {
                let place = Place { repository, environment };
                self.delete(BY_HAND, &place, &name).map_err(|_| missing("secret", &name))?;
                Ok(())
            }
            GithubChange::RotateKey { repository, environment } => {
                self.rotate(&Place { repository, environment })
            }
            GithubChange::RevokeToken { login } => {
                self.doorkeeper.revoke(&login).then_some(()).ok_or_else(|| missing("token", &login))
            }
            GithubChange::SetRemaining { login, remaining } => {
                let found = self.doorkeeper.set_remaining(&login, remaining);
                found.then_some(()).ok_or_else(|| missing("token", &login))
            }
        }
    }

    fn add_repository(&mut self, full_name: &str) {
        let key = full_name.to_ascii_lowercase();
        if self.repositories.contains_key(&key) {
            return;
        }
        let repository = Repository {
            id: self.numbers.id(),
            full_name: full_name.to_owned(),
            archived: false,
            vault: self.numbers.vault(),
            environments: BTreeMap::new(),
        };
        self.repositories.insert(key, repository);
    }

    fn add_environment(&mut self, repository: &str, name: &str) -> bool {
        let (id, vault) = (self.numbers.id(), self.numbers.vault());
        let Some(repository) = self.repositories.get_mut(&repository.to_ascii_lowercase()) else {
            return false;
        };
        let environment = Environment { id, name: name.to_owned(), vault, created: clock::now() };
        repository.environments.entry(name.to_lowercase()).or_insert(environment);
        true
    }

    fn put_by_hand(&mut self, place: &Place, name: &str, value: Vec<u8>) -> Result<(), ChangeRefused> {
        let name = name.to_ascii_uppercase();
        let vault = self.vault_mut(place).ok_or_else(|| missing("place", &describe(place)))?;
        let created = vault.store(&name, value.clone());
        self.record(BY_HAND, place, &name, created, Some(value));
        Ok(())
    }

    fn rotate(&mut self, place: &Place) -> Result<(), ChangeRefused> {
        let key_id = self.numbers.key_id();
        let vault = self.vault_mut(place).ok_or_else(|| missing("place", &describe(place)))?;
        vault.key_id = key_id.clone();
        vault.key = SecretKey::generate(&mut OsRng);
        self.journal.append(Entry {
            target: Target::Github,
            action: "key.rotated",
            actor: BY_HAND.to_owned(),
            place: describe(place),
            detail: json!({ "key_id": key_id }),
            values: BTreeMap::new(),
        });
        Ok(())
    }

    fn repository_mut(&mut self, full_name: &str) -> Result<&mut Repository, ChangeRefused> {
        let found = self.repositories.get_mut(&full_name.to_ascii_lowercase());
        found.ok_or_else(|| missing("repository", full_name))
    }

    fn record(&self, actor: &str, place: &Place, name: &str, created: bool, value: Option<Vec<u8>>) {
        let (action, status) = match (&value, created) {
            (None, _) => ("secret.deleted", 204),
            (Some(_), true) => ("secret.created", 201),
            (Some(_), false) => ("secret.updated", 204),
        };
        self.journal.append(Entry {
            target: Target::Github,
            action,
            actor: actor.to_owned(),
            place: format!("{}#{name}", describe(place)),
            detail: json!({ "status": status }),
            values: value.into_iter().map(|value| (name.to_owned(), value)).collect(),
        });
    }
}

fn describe(place: &Place) -> String {
    match &place.environment {
        None => place.repository.clone(),
        Some(environment) => format!("{}/{environment}", place.repository),
    }
}

fn missing(what: &'static str, name: &str) -> ChangeRefused {
    ChangeRefused { what, name: name.to_owned() }
}

/// <https://docs.github.com/en/actions/reference/security/secrets#naming-your-secrets>
fn check_name(name: &str) -> Result<(), Refusal> {
    let first_ok = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest_ok = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !first_ok || !rest_ok {
        return Err(Refusal::invalid(
            "Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). Spaces \
             are not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_).",
        ));
    }
    if name.to_ascii_uppercase().starts_with("GITHUB_") {
        return Err(Refusal::invalid("Secret names must not start with GITHUB_."));
    }
    Ok(())
}
