//! Around every request to a target, at the wire: each target is reached through a proxy inside this process, so that a client that sends
//! a request nobody thought of passes a point all the same.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use countersign_simulators::{Passing, Protocol, Proxy, Tap, Verdict};
use secrecy::ExposeSecret as _;

use super::{CrashPoints, keep};
use crate::config::secret::SecretSource;
use crate::config::{DatabaseConfig, KubernetesConfig, TargetsConfig};

struct CrashTap {
    target: String,
    points: Arc<CrashPoints>,
}

impl Tap for CrashTap {
    fn request(&self, passing: &Passing) -> Verdict {
        self.points.pass(&format!("{}({}).before", self.target, name_of(passing)));
        Verdict::Pass
    }

    fn answer(&self, passing: &Passing) -> Verdict {
        self.points.pass(&format!("{}({}).after", self.target, name_of(passing)));
        Verdict::Pass
    }
}

/// What stays the same when the story is played again with other names.
fn name_of(passing: &Passing) -> String {
    if passing.method == "SQL" {
        let words: Vec<_> = passing.path.split_whitespace().take(2).collect();
        return words.join(" ");
    }
    let mut after_secrets = false;
    let segments = passing.path.split('/').map(|segment| {
        let shown = if after_secrets && segment != "public-key" { "*" } else { segment };
        after_secrets = segment == "secrets";
        shown
    });
    format!("{} {}", passing.method, segments.collect::<Vec<_>>().join("/"))
}

/// The same targets, reached through proxies.
///
/// # Errors
/// A target is configured in a way that no proxy can stand in: a server with crash points must have no way around them.
pub async fn tapped(config: &TargetsConfig, points: &Arc<CrashPoints>) -> Result<TargetsConfig> {
    let mut tapped = config.clone();
    match &mut tapped.kubernetes {
        None => {}
        Some(KubernetesConfig::Url { url, .. }) => *url = http("kubernetes", url, points).await?,
        Some(KubernetesConfig::InCluster | KubernetesConfig::Kubeconfig { .. }) => {
            bail!("targets.kubernetes: with crash points only `access = \"url\"` is possible")
        }
    }
    if let Some(github) = &mut tapped.github {
        github.url = http("github", &github.url, points).await?;
    }
    for (name, database) in &mut tapped.databases {
        match database {
            // Operations on files are no requests; the points around the port are all there are.
            DatabaseConfig::Sqlite { .. } => {}
            DatabaseConfig::Postgres { url, .. } => *url = postgres(name, url, points).await?,
        }
    }
    Ok(tapped)
}

async fn http(target: &str, url: &str, points: &Arc<CrashPoints>) -> Result<String> {
    let upstream = url
        .strip_prefix("http://")
        .with_context(|| format!("targets.{target}: crash points need an `http://` address, not `{url}`"))?;
    let address = stand_in(Protocol::Http, target, upstream.trim_end_matches('/'), points).await?;
    Ok(format!("http://{address}"))
}

async fn postgres(name: &str, url: &SecretSource, points: &Arc<CrashPoints>) -> Result<SecretSource> {
    let url = url.read().with_context(|| format!("targets.databases.{name}"))?;
    let url = url.expose_secret();
    let (before, rest) = url.rsplit_once('@').context("the URL names a user")?;
    let (upstream, database) = rest.split_once('/').context("the URL names a database")?;
    let address = stand_in(Protocol::Postgres, "postgres", upstream, points).await?;
    let file = points.folder.join(format!("{name}-{}.url", std::process::id()));
    std::fs::write(&file, format!("{before}@{address}/{database}?sslmode=disable"))?;
    Ok(SecretSource::File(file))
}

async fn stand_in(
    protocol: Protocol,
    target: &str,
    upstream: &str,
    points: &Arc<CrashPoints>,
) -> Result<std::net::SocketAddr> {
    let tap = Arc::new(CrashTap { target: target.to_owned(), points: points.clone() });
    let proxy = Proxy::start(protocol, upstream.to_owned(), tap, false).await?;
    let address = proxy.address();
    keep(proxy);
    Ok(address)
}
