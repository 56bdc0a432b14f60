//! What is stated about the Secret and the key.

use countersign_kernel::RequestId;
use serde_json::json;

use super::{KeyPlace, KubernetesSeen};
use crate::plan::Fact;
use crate::tools::facts::fact_codes;

/// The most key names a fact lists.
const LISTED_KEYS: usize = 20;

fact_codes! {
    /// The facts of one key.
    KeyFact {
        SecretCreated: "kubernetes_secret_created"
            en "The Kubernetes Secret `{namespace}/{name}` does not exist; it will be created with the key `{key}`."
            ru "Kubernetes Secret `{namespace}/{name}` ещё нет; он будет создан с ключом `{key}`.",
        KeyAdded: "kubernetes_key_added"
            en "The Kubernetes Secret `{namespace}/{name}` exists without the key `{key}`; the key will be added."
            ru "Kubernetes Secret `{namespace}/{name}` существует без ключа `{key}`; ключ будет добавлен.",
        KeyReplaced: "kubernetes_key_replaced"
            en "The key `{key}` of the Kubernetes Secret `{namespace}/{name}` exists; its value will be replaced."
            ru "Ключ `{key}` в Kubernetes Secret `{namespace}/{name}` существует; его значение будет заменено.",
        OtherKeysStay: "kubernetes_other_keys_stay"
            en "The other keys of the Kubernetes Secret stay as they are: {keys}."
            ru "Остальные ключи Kubernetes Secret останутся как есть: {keys}.",
        ManyOtherKeysStay: "kubernetes_many_other_keys_stay"
            en "The other keys of the Kubernetes Secret stay as they are: {keys} and {more} more."
            ru "Остальные ключи Kubernetes Secret останутся как есть: {keys} и ещё {more}.",
        SecretType: "kubernetes_secret_type"
            en "The Kubernetes Secret is of type `{secret_type}`, not `Opaque`."
            ru "Тип этого Kubernetes Secret — `{secret_type}`, а не `Opaque`.",
        WrittenBefore: "kubernetes_written_before"
            en "Countersign wrote the Kubernetes Secret before, for request {request}."
            ru "Countersign уже записывал этот Kubernetes Secret, по запросу {request}.",
    }
}

/// What becomes of the Secret.
pub(crate) fn facts(place: &KeyPlace, secret: Option<&KubernetesSeen>) -> Vec<Fact> {
    let params = json!({ "namespace": place.namespace.as_str(), "name": place.name, "key": place.key });
    let Some(secret) = secret else { return vec![KeyFact::SecretCreated.with(params)] };
    let others: Vec<&str> =
        secret.keys.iter().map(|(name, _)| name.as_str()).filter(|name| *name != place.key).collect();
    let replaced = others.len() < secret.keys.len();
    let code = if replaced { KeyFact::KeyReplaced } else { KeyFact::KeyAdded };
    let mut facts = vec![code.with(params)];
    facts.extend(others_stay(&others));
    if secret.secret_type != "Opaque" {
        facts.push(KeyFact::SecretType.with(json!({ "secret_type": secret.secret_type })));
    }
    // The annotation is anybody's to write: it is repeated only when it has the form of a request's id.
    if let Some(request) = secret.written_by.as_ref().and_then(|text| text.parse::<RequestId>().ok()) {
        facts.push(KeyFact::WrittenBefore.with(json!({ "request": request.to_string() })));
    }
    facts
}

fn others_stay(others: &[&str]) -> Option<Fact> {
    let keys: Vec<_> = others.iter().take(LISTED_KEYS).map(|key| format!("`{key}`")).collect();
    match others.len() {
        0 => None,
        1..=LISTED_KEYS => Some(KeyFact::OtherKeysStay.with(json!({ "keys": keys }))),
        all => Some(KeyFact::ManyOtherKeysStay.with(json!({ "keys": keys, "more": all - LISTED_KEYS }))),
    }
}
