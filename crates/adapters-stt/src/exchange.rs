//! Exchanges with the transcriber: bounded in time and size, without following redirects.

use std::time::Duration;

use http::StatusCode;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};

/// The most bytes of an answer: far more than anybody says in the time there is.
const MOST_BYTES: usize = 1024 * 1024;

/// An exchange came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// It could not be made, or took too long.
    #[error("{}", in_full(.0))]
    Failed(#[from] reqwest::Error),
    /// The answer is too big.
    #[error("the answer has more than {MOST_BYTES} bytes")]
    TooBig,
}

/// An error with what caused it: what reqwest says of itself is short. Addresses are ours, and hold no secret.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

/// A client that never leaves `https` once the transcriber is reached by it.
pub(crate) fn client(https_only: bool, timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(Policy::none())
        .https_only(https_only)
        .user_agent("countersign")
        .build()
}

/// Sends a request and reads its answer whole.
pub(crate) async fn exchange(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), ExchangeError> {
    let mut answer = request.send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(ExchangeError::TooBig);
        }
        body.extend_from_slice(&chunk);
    }
    Ok((answer.status(), body))
}
