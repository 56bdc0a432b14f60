//! What clients of this surface share: the bearer token on every call, JSON documents as messages, refusals in words.

use prost_types::Struct;
use serde_json::Value;
use tonic::metadata::errors::InvalidMetadataValue;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use crate::convert::json;

/// Adds a bearer token to every call. The token is not shown by `Debug` and not put into header tables.
#[derive(Clone, Debug)]
pub struct Bearer(MetadataValue<Ascii>);

/// A channel that adds a bearer token.
pub type Authorized = InterceptedService<Channel, Bearer>;

impl Bearer {
    /// A holder of this token.
    ///
    /// # Errors
    /// The token holds characters that no header takes.
    pub fn new(token: &str) -> Result<Self, InvalidMetadataValue> {
        let mut value: MetadataValue<Ascii> = format!("Bearer {token}").parse()?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A JSON document as a message. What is no object becomes one with the member `value`.
pub fn to_struct(document: &Value) -> Struct {
    json::document(document)
}

/// A message as the JSON document it stands for; numbers that are no exact integers become null.
pub fn from_struct(message: &Struct) -> Value {
    json::arguments(Some(message.clone())).unwrap_or(Value::Null)
}

/// The stable code of a refusal, if the server gave one.
pub fn code_of(status: &Status) -> Option<String> {
    status.get_error_details().error_info().map(|info| info.reason.clone())
}

/// A refusal in words: the message, the stable code and every offending field.
pub fn explained(status: &Status) -> String {
    let details = status.get_error_details();
    let mut text = status.message().to_owned();
    if let Some(info) = details.error_info() {
        text.push_str(&format!(" [{}]", info.reason));
    }
    if let Some(bad) = details.bad_request() {
        for violation in &bad.field_violations {
            text.push_str(&format!("\n  {}: {}", violation.field, violation.description));
        }
    }
    text
}
