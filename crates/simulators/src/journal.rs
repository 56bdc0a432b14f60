//! The journal: every effect a simulator let happen, in order.
//!
//! Tests, the crash oracle and the canary search read it: an effect that is not here did not happen, and one that is
//! here twice happened twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Which simulator an effect happened in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The GitHub stand-in.
    Github,
    /// The Kubernetes stand-in.
    Kubernetes,
}

/// One change of a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Position in the journal, from 1, without gaps.
    pub n: u64,
    /// Where it happened.
    pub target: Target,
    /// What happened: `secret.created`, `secret.updated`, `secret.deleted`, `key.rotated`.
    pub action: String,
    /// Who did it: the login or user name of the token, or `by-hand` for `/_simulator/set` and its library call.
    pub actor: String,
    /// What it happened to: `owner/repo#NAME`, `owner/repo/environment#NAME`, `namespace/name`.
    pub place: String,
    /// What else is known of it, without any secret: status, manager, changed keys, annotations, resource version.
    pub detail: Value,
    /// The plaintext that the target holds after it, by secret name (GitHub) or changed key (Kubernetes).
    pub values: BTreeMap<String, Vec<u8>>,
}

/// UTF-8 values are written as text in `values`, others as base64 in `values_base64`.
impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = BTreeMap::new();
        let mut binary = BTreeMap::new();
        for (key, value) in &self.values {
            match std::str::from_utf8(value) {
                Ok(value) => text.insert(key.as_str(), value.to_owned()),
                Err(_) => binary.insert(key.as_str(), STANDARD.encode(value)),
            };
        }
        let mut out = serializer.serialize_struct("Effect", 8)?;
        out.serialize_field("n", &self.n)?;
        out.serialize_field("target", &self.target)?;
        out.serialize_field("action", &self.action)?;
        out.serialize_field("actor", &self.actor)?;
        out.serialize_field("place", &self.place)?;
        out.serialize_field("detail", &self.detail)?;
        out.serialize_field("values", &text)?;
        out.serialize_field("values_base64", &binary)?;
        out.end()
    }
}

/// An append-only list of effects, shared by clones.
///
/// Give the same journal to several simulators to see the order of their effects: `GithubConfig::journal`,
/// `KubernetesConfig::journal`.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    effects: Arc<Mutex<Vec<Effect>>>,
}

impl Journal {
    /// All effects, in order.
    pub fn effects(&self) -> Vec<Effect> {
        self.with(|effects| effects.clone())
    }

    /// The effects whose number is above `n`.
    pub fn after(&self, n: u64) -> Vec<Effect> {
        self.with(|effects| effects.iter().filter(|effect| effect.n > n).cloned().collect())
    }

    /// How many effects there are.
    pub fn len(&self) -> usize {
        self.with(|effects| effects.len())
    }

    /// Has nothing happened yet?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every plaintext that ever arrived, in order: what a search for leaks looks for.
    pub fn plaintexts(&self) -> Vec<Vec<u8>> {
        self.with(|effects| effects.iter().flat_map(|effect| effect.values.values().cloned()).collect())
    }

    pub(crate) fn append(&self, entry: Entry) {
        self.with(|effects| {
            let n = effects.len() as u64 + 1;
            let Entry { target, action, actor, place, detail, values } = entry;
            effects.push(Effect { n, target, action: action.to_owned(), actor, place, detail, values });
        });
    }

    fn with<T>(&self, read: impl FnOnce(&mut Vec<Effect>) -> T) -> T {
        read(&mut self.effects.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An effect before it has its number.
pub(crate) struct Entry {
    pub(crate) target: Target,
    pub(crate) action: &'static str,
    pub(crate) actor: String,
    pub(crate) place: String,
    pub(crate) detail: Value,
    pub(crate) values: BTreeMap<String, Vec<u8>>,
}
