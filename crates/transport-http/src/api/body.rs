//! Bodies: of the one media type, not too large, and JSON without a member given twice.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use countersign_kernel::Violations;
use http_body_util::LengthLimitError;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Api;
use super::problem::{Answer, Problem, of_body};

/// A body as it was read: some JSON value, of which nothing has been looked at yet.
pub(super) struct Body(pub(super) Value);

impl FromRequest<Api> for Body {
    type Rejection = Box<Problem>;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Self::Rejection> {
        let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = given.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            let detail = "the body has to be `application/json`";
            return Err(Problem::refuse(
                "unsupported_media_type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                detail,
            ));
        }
        let most = api.settings.max_body_bytes;
        let bytes = bytes(request.into_body(), most, too_large).await?;
        let read: Result<Strict, _> = serde_json::from_slice(&bytes);
        read.map(|value| Self(value.0)).map_err(|error| {
            // What serde says may repeat the body; where it is wrong is enough.
            let what = if error.is_data() { "it gives a member twice" } else { "it is not JSON" };
            let detail = format!("{what}, at line {} column {}", error.line(), error.column());
            Problem::refuse("malformed_request", StatusCode::BAD_REQUEST, detail)
        })
    }
}

/// A body to its end; one that has more than so many bytes is refused like this.
pub(crate) async fn bytes(
    body: axum::body::Body,
    most: usize,
    too_large: impl FnOnce(usize) -> Box<Problem>,
) -> Answer<Bytes> {
    to_bytes(body, most).await.map_err(|error| {
        if error.source().is_some_and(|source| source.is::<LengthLimitError>()) {
            return too_large(most);
        }
        Problem::refuse("malformed_request", StatusCode::BAD_REQUEST, "the body broke off")
    })
}

fn too_large(most: usize) -> Box<Problem> {
    let detail = format!("the body has more than {most} bytes");
    Problem::refuse("body_too_large", StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// What was read of a body, or all that is wrong with it.
pub(super) fn read<T>(result: Result<T, Violations>) -> Answer<T> {
    result.map_err(|violations| Problem::invalid(of_body(&violations)))
}

/// A JSON value no object of which gives a member twice: readers disagree about which of the two counts.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = BTreeMap::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, _>()? {
            if read.insert(name, value).is_some() {
                return Err(A::Error::custom("a member twice"));
            }
        }
        Ok(Value::Object(read.into_iter().collect::<Map<_, _>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_comes_as_it_is_but_for_members_given_twice() {
        let text = r#"{"a":[1,-2,1.5,{"b":null}],"c":"text","d":true}"#;
        let Strict(value) = serde_json::from_str(text).unwrap();
        assert_eq!(value, json!({"a": [1, -2, 1.5, {"b": null}], "c": "text", "d": true}));
        for bad in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"a":2}}]"#] {
            assert!(serde_json::from_str::<Strict>(bad).is_err_and(|error| error.is_data()), "{bad}");
        }
    }
}
