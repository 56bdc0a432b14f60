//! How to reach a cluster, and as whom.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use secrecy::SecretString;

/// What is needed to use one cluster. Nothing has a default here: the program's configuration decides.
#[derive(Debug, Clone)]
pub struct KubeSecretsConfig {
    /// Where the cluster is and how we prove who we are.
    pub access: ClusterAccess,
    /// The field manager that owns what we write; 1 to 128 characters.
    pub field_manager: String,
    /// How long a connection may take to come up.
    pub connect_timeout: Duration,
    /// How long one whole exchange may take, connecting included.
    pub request_timeout: Duration,
}

/// Where the cluster is and how we prove who we are.
#[derive(Debug, Clone)]
pub enum ClusterAccess {
    /// A kubeconfig file.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context in it; `None` for the current one.
        context: Option<String>,
    },
    /// The service account of the pod that we run in.
    InCluster,
    /// An address and a bearer token.
    Token {
        /// The API server's URL.
        url: String,
        /// The bearer token.
        token: SecretString,
        /// The authority of the server's certificate as PEM; `None` for the system's.
        ca_pem: Option<Vec<u8>>,
    },
}

/// The configuration leads to no usable client. Whether the cluster answers is not tried.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig can't be used.
    #[error("can't use kubeconfig `{path}`")]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<kube::config::KubeconfigError>,
    },
    /// There is no service account to use.
    #[error("can't use the pod's service account")]
    InCluster(#[source] Box<kube::config::InClusterError>),
    /// The address is no URL.
    #[error("`{url}` is not a URL of an API server")]
    Url {
        /// The address.
        url: String,
    },
    /// The certificate authority is no PEM.
    #[error("the certificate authority of `{url}` is not PEM")]
    CertificateAuthority {
        /// The API server it is for.
        url: String,
    },
    /// The client could not be made of it: certificates, keys, credentials.
    #[error("can't make a client for `{url}`")]
    Client {
        /// The API server.
        url: String,
        /// What is wrong.
        #[source]
        source: Box<kube::Error>,
    },
}

/// A client that neither retries nor waits for ever. Has to be called inside a tokio runtime.
pub(crate) async fn client(config: &KubeSecretsConfig) -> Result<Client, ConnectError> {
    let mut kube = match &config.access {
        ClusterAccess::Kubeconfig { path, context } => {
            let refused = |source| ConnectError::Kubeconfig { path: path.clone(), source: Box::new(source) };
            let file = Kubeconfig::read_from(path).map_err(refused)?;
            let options = KubeConfigOptions { context: context.clone(), cluster: None, user: None };
            Config::from_custom_kubeconfig(file, &options).await.map_err(refused)?
        }
        ClusterAccess::InCluster => {
            Config::incluster().map_err(|source| ConnectError::InCluster(Box::new(source)))?
        }
        ClusterAccess::Token { url, token, ca_pem } => direct(url, token, ca_pem.as_deref())?,
    };
    kube.default_retry = false;
    kube.connect_timeout = Some(config.connect_timeout);
    // The whole exchange is timed in one place, `exchange`; these two would only blur which limit was hit.
    kube.read_timeout = None;
    kube.write_timeout = None;
    let url = kube.cluster_url.to_string();
    Client::try_from(kube).map_err(|source| ConnectError::Client { url, source: Box::new(source) })
}

fn direct(url: &str, token: &SecretString, ca_pem: Option<&[u8]>) -> Result<Config, ConnectError> {
    let uri: http::Uri = url.parse().map_err(|_| ConnectError::Url { url: url.to_owned() })?;
    if uri.scheme().is_none() || uri.authority().is_none() {
        return Err(ConnectError::Url { url: url.to_owned() });
    }
    let mut config = Config::new(uri);
    config.auth_info.token = Some(token.clone());
    if let Some(pem) = ca_pem {
        config.root_cert =
            Some(certificates(pem).ok_or(ConnectError::CertificateAuthority { url: url.to_owned() })?);
    }
    Ok(config)
}

/// The DER bytes of each certificate in the text; `None` if there is none or one is broken.
fn certificates(pem: &[u8]) -> Option<Vec<Vec<u8>>> {
    use base64::Engine as _;
    let text = std::str::from_utf8(pem).ok()?;
    let mut found = Vec::new();
    for block in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let (body, _) = block.split_once("-----END CERTIFICATE-----")?;
        let body: String = body.split_whitespace().collect();
        found.push(base64::engine::general_purpose::STANDARD.decode(body).ok()?);
    }
    (!found.is_empty()).then_some(found)
}
