//! Exchanges with the provider: bounded in time and size, without following redirects.

use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;

/// The most bytes of an answer: far more than the keys of a big provider.
const MOST_BYTES: usize = 512 * 1024;

/// An exchange came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// It could not be made, or took too long.
    #[error("{}", in_full(.0))]
    Failed(#[from] reqwest::Error),
    /// The answer is too big.
    #[error("the answer has more than {MOST_BYTES} bytes")]
    TooBig,
    /// The answer can't be taken apart.
    #[error("the answer can't be read: {0}")]
    Unreadable(#[from] http::Error),
}

/// An error with what caused it: what reqwest and openidconnect say of themselves is short.
pub(crate) fn in_full(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

/// The client of one provider, shared by clones.
#[derive(Clone)]
pub(crate) struct Http(reqwest::Client);

impl Http {
    /// A client that never leaves `https` once the provider is reached by it.
    pub(crate) fn new(https_only: bool, timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout)
            .redirect(Policy::none())
            .https_only(https_only)
            .user_agent("countersign")
            .build()?;
        Ok(Self(client))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ExchangeError> {
        let mut answer = self.0.execute(request.try_into()?).await?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(ExchangeError::TooBig);
            }
            body.extend_from_slice(&chunk);
        }
        let mut made = http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            made = made.header(name, value);
        }
        Ok(made.body(body)?)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = ExchangeError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ExchangeError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
