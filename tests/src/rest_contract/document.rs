//! The OpenAPI document, as far as it says who may ask for what.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The document.
#[derive(Clone, Debug)]
pub struct Contract {
    document: Value,
    operations: Vec<Operation>,
}

/// One operation of it.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// Its method, in capitals.
    pub method: String,
    /// Its path, with parameters in braces.
    pub path: String,
    roles: BTreeSet<String>,
}

impl Operation {
    /// Whether this role may ask for it.
    pub fn may(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// Whether it is about requests by their ids: looking at one, and everything that is done about it.
    pub fn is_on_desk(&self) -> bool {
        ["/api/v1/approvals/", "/api/v1/questions/"].iter().any(|place| self.path.starts_with(place))
    }
}

impl Contract {
    /// Reads it.
    ///
    /// # Errors
    /// There is no such file, it is not JSON, or an operation doesn't say who may ask for it.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("reading `{}`", file.display()))?;
        let document: Value = serde_json::from_str(&text)?;
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().context("the document has paths")? {
            for (method, operation) in item.as_object().context("a path has operations")? {
                let id = operation["operationId"].as_str().context("an operation has an id")?;
                let description = operation["description"].as_str().unwrap_or_default();
                let (_, roles) =
                    description.rsplit_once("Roles: ").with_context(|| format!("`{id}` names no roles"))?;
                let roles = roles.split(['`', ',', ' ', '.']).filter(|word| !word.is_empty());
                operations.push(Operation {
                    id: id.to_owned(),
                    method: method.to_uppercase(),
                    path: path.clone(),
                    roles: roles.map(str::to_owned).collect(),
                });
            }
        }
        Ok(Self { document, operations })
    }

    /// Writes it down for schemathesis, which would fill up the bodies of links with members of its own.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write(&self, file: &Path) -> Result<()> {
        let mut document = self.document.clone();
        let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
        let operations = paths.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut());
        for operation in operations {
            let links = operation.pointer_mut("/responses/200/links").and_then(Value::as_object_mut);
            for link in links.into_iter().flat_map(|links| links.values_mut()) {
                if link.get("requestBody").is_some() {
                    link["x-schemathesis"] = json!({"merge_body": false});
                }
            }
        }
        Ok(std::fs::write(file, document.to_string())?)
    }

    /// Every operation.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter()
    }
}
