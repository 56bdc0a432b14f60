//! Which GitHub, and as whom.

use std::time::Duration;

use octocrab::Octocrab;
use secrecy::SecretString;

/// What is needed to use one GitHub. Nothing has a default here: the program's configuration decides.
#[derive(Debug, Clone)]
pub struct GithubActionsSecretsConfig {
    /// `https://api.github.com`, or `https://HOST/api/v3` of a GitHub Enterprise Server.
    pub base_url: String,
    /// A token that may read environments and write secrets of the repositories concerned.
    pub token: SecretString,
    /// How long a connection may take to come up.
    pub connect_timeout: Duration,
    /// How long one whole exchange may take, connecting included.
    pub request_timeout: Duration,
}

/// The configuration leads to no usable client. Whether GitHub answers is not tried.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is no URL.
    #[error("`{url}` is not the URL of a GitHub API")]
    Url {
        /// The address.
        url: String,
    },
    /// The client could not be made of it: certificates, token.
    #[error("can't make a client for `{url}`")]
    Client {
        /// The address.
        url: String,
        /// What is wrong.
        #[source]
        source: Box<octocrab::Error>,
    },
}

pub(crate) fn client(config: &GithubActionsSecretsConfig) -> Result<Octocrab, ConnectError> {
    let url = || config.base_url.clone();
    let uri: http::Uri = config.base_url.parse().map_err(|_| ConnectError::Url { url: url() })?;
    if uri.scheme().is_none() || uri.authority().is_none() {
        return Err(ConnectError::Url { url: url() });
    }
    // The whole exchange is timed in one place, `exchange`; read and write limits would only blur which one was hit.
    Octocrab::builder()
        .base_uri(uri)
        .map(|builder| builder.personal_token(config.token.clone()))
        .map(|builder| builder.set_connect_timeout(Some(config.connect_timeout)))
        .and_then(|builder| builder.build())
        .map_err(|source| ConnectError::Client { url: url(), source: Box::new(source) })
}
