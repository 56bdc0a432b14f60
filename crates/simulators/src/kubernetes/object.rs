//! A Secret as it travels (JSON) and as it is kept.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::fields::{Content, Field, Leaf, Manager};
use super::status::{Cause, Refusal};

/// <https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size>
const MAX_DATA_BYTES: usize = 1024 * 1024;

const KEY_RULE: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                        'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

const NAME_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                         must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation \
                         is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// A kept Secret.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    /// 0 while it is only tried out (`dryRun=All`).
    pub(super) resource_version: u64,
    pub(super) created: Timestamp,
    pub(super) content: Content,
    pub(super) managers: Vec<Manager>,
}

impl Secret {
    pub(super) fn data(&self) -> BTreeMap<String, Vec<u8>> {
        data_of(&self.content)
    }

    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        for (field, leaf) in &self.content {
            if let (Field::Annotation(key), Leaf::Text(text)) = (field, leaf) {
                map.insert(key.clone(), text.clone());
            }
        }
        map
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        for (field, leaf) in &self.content {
            if let (Field::Label(key), Leaf::Text(text)) = (field, leaf) {
                map.insert(key.clone(), text.clone());
            }
        }
        map
    }

    pub(super) fn json(&self) -> Value {
        let mut metadata = json!({
            "name": self.name,
            "namespace": self.namespace,
            "uid": self.uid,
            "creationTimestamp": self.created.to_string(),
            "managedFields": self.managers.iter().map(Manager::json).collect::<Vec<_>>(),
        });
        if self.resource_version > 0 {
            metadata["resourceVersion"] = self.resource_version.to_string().into();
        }
        for (key, map) in [("labels", self.labels()), ("annotations", self.annotations())] {
            if !map.is_empty() {
                metadata[key] = json!(map);
            }
        }
        let mut out = json!({ "kind": "Secret", "apiVersion": "v1", "metadata": metadata });
        let data: Map<String, Value> =
            self.data().into_iter().map(|(key, value)| (key, STANDARD.encode(value).into())).collect();
        if !data.is_empty() {
            out["data"] = Value::Object(data);
        }
        out["type"] = kind_of(&self.content).into();
        if immutable(&self.content) {
            out["immutable"] = true.into();
        }
        out
    }
}

fn data_of(content: &Content) -> BTreeMap<String, Vec<u8>> {
    let mut map = BTreeMap::new();
    for (field, leaf) in content {
        if let (Field::Data(key), Leaf::Bytes(bytes)) = (field, leaf) {
            map.insert(key.clone(), bytes.clone());
        }
    }
    map
}

fn kind_of(content: &Content) -> &str {
    match content.get(&Field::Type) {
        Some(Leaf::Text(kind)) => kind,
        Some(Leaf::Bytes(_) | Leaf::Flag(_)) | None => "Opaque",
    }
}

fn immutable(content: &Content) -> bool {
    content.get(&Field::Immutable) == Some(&Leaf::Flag(true))
}

/// A Secret as a client sent it.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) uid: Option<String>,
    pub(super) resource_version: Option<String>,
    pub(super) content: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    api_version: Option<String>,
    kind: Option<String>,
    #[serde(default)]
    metadata: WireMetadata,
    r#type: Option<String>,
    immutable: Option<bool>,
    data: Option<BTreeMap<String, Option<String>>>,
    string_data: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMetadata {
    name: Option<String>,
    generate_name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    finalizers: Option<Vec<Value>>,
    owner_references: Option<Vec<Value>>,
    managed_fields: Option<Vec<Value>>,
}

/// Whether `metadata.managedFields` may be sent along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ManagedFields {
    /// Updates send back what they read; it is ignored.
    Ignored,
    /// An apply must not.
    Refused,
}

/// Reads a body that must be a Secret in this namespace. The name comes with it, for a create has it nowhere else.
pub(super) fn parse(
    body: &[u8],
    namespace: &str,
    managed_fields: ManagedFields,
) -> Result<(String, Draft), Refusal> {
    let wire: Wire = serde_json::from_slice(body).map_err(|error| {
        Refusal::bad_request(format!("error decoding the object: line {}: not a Secret", error.line()))
    })?;
    check_envelope(&wire, namespace, managed_fields)?;
    let mut content = Content::new();
    let metadata = wire.metadata;
    for (key, text) in metadata.labels.unwrap_or_default() {
        content.insert(Field::Label(key), Leaf::Text(text));
    }
    for (key, text) in metadata.annotations.unwrap_or_default() {
        content.insert(Field::Annotation(key), Leaf::Text(text));
    }
    if let Some(kind) = wire.r#type.filter(|kind| !kind.is_empty()) {
        content.insert(Field::Type, Leaf::Text(kind));
    }
    if let Some(flag) = wire.immutable {
        content.insert(Field::Immutable, Leaf::Flag(flag));
    }
    for (key, encoded) in wire.data.unwrap_or_default() {
        let bytes = STANDARD.decode(encoded.unwrap_or_default()).map_err(|_| {
            Refusal::bad_request(format!(
                "Secret in version \"v1\" cannot be handled: data.{key} is not base64"
            ))
        })?;
        content.insert(Field::Data(key), Leaf::Bytes(bytes));
    }
    for (key, text) in wire.string_data.unwrap_or_default() {
        content.insert(Field::StringData(key), Leaf::Bytes(text.into_bytes()));
    }
    let draft = Draft {
        uid: metadata.uid,
        // "0" and "" both mean: any version.
        resource_version: metadata.resource_version.filter(|version| !version.is_empty() && version != "0"),
        content,
    };
    Ok((metadata.name.unwrap_or_default(), draft))
}

fn check_envelope(wire: &Wire, namespace: &str, managed_fields: ManagedFields) -> Result<(), Refusal> {
    if wire.api_version.as_deref() != Some("v1") || wire.kind.as_deref() != Some("Secret") {
        let message = format!(
            "{:?} is not v1 Secret: apiVersion and kind are required",
            (wire.api_version.as_deref().unwrap_or(""), wire.kind.as_deref().unwrap_or(""))
        );
        return Err(Refusal::bad_request(message));
    }
    let metadata = &wire.metadata;
    if metadata.namespace.as_deref().is_some_and(|other| !other.is_empty() && other != namespace) {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if managed_fields == ManagedFields::Refused && metadata.managed_fields.is_some() {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    let set = |list: &Option<Vec<Value>>| list.as_ref().is_some_and(|list| !list.is_empty());
    if metadata.generate_name.is_some() || set(&metadata.finalizers) || set(&metadata.owner_references) {
        return Err(Refusal::bad_request(
            "generateName, finalizers and ownerReferences are not stood in for by this simulator",
        ));
    }
    Ok(())
}

/// RFC 7386 on the object as it is served.
pub(super) fn merge_patch(live: &Secret, patch: &[u8]) -> Result<Vec<u8>, Refusal> {
    let patch: Value =
        serde_json::from_slice(patch).map_err(|_| Refusal::bad_request("error decoding patch: not JSON"))?;
    let mut object = live.json();
    // Only a version or uid that the patch itself names is a precondition.
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
        metadata.remove("uid");
    }
    merge(&mut object, patch);
    Ok(object.to_string().into_bytes())
}

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    if let Some(target) = target.as_object_mut() {
        for (key, value) in patch {
            if value.is_null() {
                target.remove(&key);
            } else {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
    }
}

/// What decoding does in the real server: `stringData` overwrites `data`, and the type defaults to `Opaque`.
pub(super) fn settle(content: &mut Content) {
    let folded: Vec<(Field, Leaf)> = content
        .iter()
        .filter_map(|(field, leaf)| match field {
            Field::StringData(key) => Some((Field::Data(key.clone()), leaf.clone())),
            Field::Label(_) | Field::Annotation(_) | Field::Type | Field::Immutable | Field::Data(_) => None,
        })
        .collect();
    content.retain(|field, _| !matches!(field, Field::StringData(_)));
    content.extend(folded);
    content.entry(Field::Type).or_insert_with(|| Leaf::Text("Opaque".to_owned()));
}

/// The rules for a Secret and, given the one it replaces, for its change (`ValidateSecret`, `ValidateSecretUpdate`).
pub(super) fn validate(name: &str, new: &Content, old: Option<&Content>) -> Result<(), Refusal> {
    let mut causes = Vec::new();
    if let Some(old) = old {
        if kind_of(old) != kind_of(new) {
            causes.push(Cause::invalid("type", kind_of(new), "field is immutable"));
        }
        if immutable(old) {
            let why = "field is immutable when `immutable` is set";
            if !immutable(new) {
                causes.push(Cause::forbidden("immutable", why));
            }
            if data_of(old) != data_of(new) {
                causes.push(Cause::forbidden("data", why));
            }
        }
    } else if !is_subdomain(name) {
        causes.push(Cause::invalid("metadata.name", name, NAME_RULE));
    }
    let data = data_of(new);
    for key in data.keys() {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if key.is_empty() || key.len() > 253 || !key.bytes().all(known) {
            causes.push(Cause::invalid(&format!("data[{key}]"), key, KEY_RULE));
        }
    }
    if data.values().map(Vec::len).sum::<usize>() > MAX_DATA_BYTES {
        causes.push(Cause::too_long("data", MAX_DATA_BYTES));
    }
    if causes.is_empty() { Ok(()) } else { Err(Refusal::invalid("Secret", name, &causes)) }
}

fn is_subdomain(name: &str) -> bool {
    let label = |label: &str| {
        let edge =
            |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let bytes = label.as_bytes();
        let inner =
            bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-');
        inner && edge(bytes.first()) && edge(bytes.last())
    };
    name.len() <= 253 && name.split('.').all(label)
}
