//! What an agent asks for, after parsing.

use std::collections::BTreeMap;
use std::fmt;

use countersign_kernel::{
    ActionName, CanonicalError, Digest, Environment, Namespace, Principal, ProjectKey, RedactedText,
    Repository, RunId, ToolName,
};
use serde_json::{Map, Value, json};

/// What a tool may know of the run that calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The run.
    pub run: RunId,
    /// Its project.
    pub project: ProjectKey,
    /// Its repository, if it has one.
    pub repository: Option<Repository>,
    /// Its Kubernetes namespace, if it has one.
    pub namespace: Option<Namespace>,
    /// The person or service that launched it.
    pub launched_by: Principal,
}

/// A caller's own idempotency key: 1 to 128 printable ASCII characters. Only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Takes the key, or nothing when it doesn't have the form above.
    pub fn parse(text: &str) -> Option<Self> {
        let good = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        good.then(|| Self(text.to_owned()))
    }

    /// SHA-256 of the key: what is stored and compared.
    pub fn hash(&self) -> Digest {
        Digest::of_bytes(self.0.as_bytes())
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(hidden)")
    }
}

/// A link an agent gives to the code it speaks of. Shown as text, never followed by Countersign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeLink {
    /// What it is.
    pub text: RedactedText,
    /// Where it is.
    pub url: RedactedText,
}

/// A question to the owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The question, 10 to 1000 characters.
    pub question: RedactedText,
    /// What one should know to answer, at most 2000 characters.
    pub context: Option<RedactedText>,
    /// 2 to 5 different options, 1 to 300 characters each.
    pub options: Vec<RedactedText>,
    /// Whether an answer in the owner's own words is welcome.
    pub allow_custom: bool,
}

/// One parsed call of a control tool.
///
/// `input` is what is wanted, typed by the tool's own schema version and free of prose; it alone (with tool and action) makes the intent
/// digest. `prose` are the agent's own words, already redacted: shown to approvers as untrusted, part of the plan digest only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The tool, by its canonical name.
    pub tool: ToolName,
    /// The version of the tool's input form that `input` follows.
    pub schema_version: u32,
    /// What it is asked to do.
    pub action: ActionName,
    /// The environment, for tools that have one.
    pub environment: Option<Environment>,
    /// What is wanted, as the tool's own versioned JSON. Holds no secret: no tool accepts one.
    pub input: Value,
    /// The agent's own words by field: `justification`, `risk_assessment`.
    pub prose: BTreeMap<String, RedactedText>,
    /// Links to code, at most five.
    pub links: Vec<CodeLink>,
    /// The question, for the tool that asks one.
    pub question: Option<Question>,
    /// The caller's own idempotency key.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Whether only to tell what would happen.
    pub dry_run: bool,
}

/// A stored document doesn't have the form it was written in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stored {what} has no valid `{field}`")]
pub struct DecodeError {
    what: &'static str,
    field: String,
}

impl DecodeError {
    /// An error about `field` of a stored `what`.
    pub fn new(what: &'static str, field: impl Into<String>) -> Self {
        Self { what, field: field.into() }
    }
}

impl Call {
    /// What is wanted: tool, action and typed input, without prose. Stable when the world or the policy text moves.
    ///
    /// # Errors
    /// The tool put something into `input` that canonical JSON has no form for.
    pub fn intent_digest(&self) -> Result<Digest, CanonicalError> {
        Digest::of_json(&json!({
            "tool": self.tool.as_str(), "action": self.action.as_str(),
            "environment": self.environment.as_ref().map(Environment::as_str),
            "input": self.input, "question": self.question.as_ref().map(question_json),
        }))
    }

    /// The call as it is stored (`payload_snapshot`). The idempotency key and the dry-run flag are not part of it.
    pub fn to_json(&self) -> Value {
        json!({
            "tool": self.tool.as_str(),
            "schema_version": self.schema_version,
            "action": self.action.as_str(),
            "environment": self.environment.as_ref().map(Environment::as_str),
            "input": self.input,
            "prose": prose_json(&self.prose),
            "links": self.links.iter().map(|link| json!({"text": link.text.as_str(), "url": link.url.as_str()}))
                .collect::<Vec<_>>(),
            "question": self.question.as_ref().map(question_json),
        })
    }

    /// Reads a stored call back.
    ///
    /// # Errors
    /// A member is missing or has the wrong form.
    pub fn from_json(stored: &Value) -> Result<Self, DecodeError> {
        let bad = |field: &str| DecodeError::new("call", field);
        let environment = match &stored["environment"] {
            Value::Null => None,
            value => Some(parsed(value).ok_or_else(|| bad("environment"))?),
        };
        let question = match &stored["question"] {
            Value::Null => None,
            value => Some(question_from(value)?),
        };
        let prose = stored["prose"].as_object().ok_or_else(|| bad("prose"))?;
        let links = stored["links"].as_array().ok_or_else(|| bad("links"))?;
        Ok(Self {
            tool: parsed(&stored["tool"]).ok_or_else(|| bad("tool"))?,
            schema_version: small(&stored["schema_version"]).ok_or_else(|| bad("schema_version"))?,
            action: parsed(&stored["action"]).ok_or_else(|| bad("action"))?,
            environment,
            input: stored["input"].clone(),
            prose: prose
                .iter()
                .map(|(field, value)| Some((field.clone(), text(value)?)))
                .collect::<Option<_>>()
                .ok_or_else(|| bad("prose"))?,
            links: links
                .iter()
                .map(|link| Some(CodeLink { text: text(&link["text"])?, url: text(&link["url"])? }))
                .collect::<Option<_>>()
                .ok_or_else(|| bad("links"))?,
            question,
            idempotency_key: None,
            dry_run: false,
        })
    }
}

fn prose_json(prose: &BTreeMap<String, RedactedText>) -> Value {
    Value::Object(
        prose
            .iter()
            .map(|(field, words)| (field.clone(), Value::from(words.as_str())))
            .collect::<Map<_, _>>(),
    )
}

fn question_json(question: &Question) -> Value {
    json!({
        "question": question.question.as_str(),
        "context": question.context.as_ref().map(RedactedText::as_str),
        "options": question.options.iter().map(RedactedText::as_str).collect::<Vec<_>>(),
        "allow_custom": question.allow_custom,
    })
}

fn question_from(stored: &Value) -> Result<Question, DecodeError> {
    let bad = |field: &str| DecodeError::new("question", field);
    let options = stored["options"].as_array().ok_or_else(|| bad("options"))?;
    Ok(Question {
        question: text(&stored["question"]).ok_or_else(|| bad("question"))?,
        context: text(&stored["context"]),
        options: options.iter().map(text).collect::<Option<_>>().ok_or_else(|| bad("options"))?,
        allow_custom: stored["allow_custom"].as_bool().ok_or_else(|| bad("allow_custom"))?,
    })
}

fn text(value: &Value) -> Option<RedactedText> {
    value.as_str().map(|text| RedactedText::from_storage(text.to_owned()))
}

pub(crate) fn parsed<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

pub(crate) fn small(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        let words = |text: &str| RedactedText::parse(text, 0, 1000).unwrap();
        Call {
            tool: ToolName::parse("a.tool").unwrap(),
            schema_version: 1,
            action: ActionName::parse("sync").unwrap(),
            environment: Some(Environment::parse("dev").unwrap()),
            input: json!({"name": "x"}),
            prose: BTreeMap::from([("justification".to_owned(), words("because"))]),
            links: vec![CodeLink { text: words("the change"), url: words("https://example.com/1") }],
            question: Some(Question {
                question: words("Which one should it be?"),
                context: None,
                options: vec![words("a"), words("b")],
                allow_custom: true,
            }),
            idempotency_key: None,
            dry_run: false,
        }
    }

    #[test]
    fn comes_back_from_storage_as_it_was() {
        assert_eq!(Call::from_json(&call().to_json()).unwrap(), call());
    }

    #[test]
    fn the_intent_does_not_depend_on_prose_or_key() {
        let mut other = call();
        other.prose.clear();
        other.links.clear();
        other.idempotency_key = IdempotencyKey::parse("k");
        assert_eq!(other.intent_digest().unwrap(), call().intent_digest().unwrap());
        other.input = json!({"name": "y"});
        assert_ne!(other.intent_digest().unwrap(), call().intent_digest().unwrap());
    }

    #[test]
    fn damage_is_named() {
        let mut stored = call().to_json();
        stored["prose"] = json!([]);
        assert_eq!(Call::from_json(&stored).unwrap_err().to_string(), "stored call has no valid `prose`");
    }
}
