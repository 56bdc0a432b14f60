//! Putting a server together from its configuration.

use std::sync::Arc;

use anyhow::{Context, Result};
use countersign_kernel::{Millis, Principal, Proof};
use countersign_transport_grpc::ProcessWake;
use countersign_transport_http::Browsers;
use countersign_usecases::access::Callers;
use countersign_usecases::warrants::Unlogged;
use countersign_usecases::{Identity, Ports, Services, policy_text};

use crate::ambient::{MonotonicWatch, OsEntropy};
use crate::config::Config;
use crate::identities::ConfiguredIdentities;
use crate::master_keys;
use crate::metered::MeteredLedger;
use crate::run_tokens::PasetoRunTokens;
use crate::sign_in::SignInSetup;
use crate::speech::SpeechSetup;
use crate::stores::Stores;
use crate::targets::Targets;

/// The parts of a server, put together and not yet listening.
pub struct Wired {
    /// The use cases.
    pub services: Arc<Services>,
    /// The opened store.
    pub stores: Stores,
    /// Signs and verifies run tokens.
    pub tokens: Arc<PasetoRunTokens>,
    /// Who holds which bearer token.
    pub identities: Arc<ConfiguredIdentities>,
    /// People with browsers.
    pub browsers: Browsers,
    /// How they sign in, in words.
    pub sign_in: String,
    /// Wakes workers and streams.
    pub wake: Arc<ProcessWake>,
}

impl Wired {
    /// What the surfaces know their callers by.
    pub fn callers(&self) -> Callers {
        Callers { run_tokens: self.tokens.clone(), bearers: self.identities.clone() }
    }
}

/// Opens the store, makes the clients of the targets and registers the tools.
///
/// # Errors
/// Something of the configuration is not usable, or the store can't be reached; the message names it.
pub async fn wire(config: &Config) -> Result<Wired> {
    let tokens = Arc::new(PasetoRunTokens::from_config(&config.run_tokens)?);
    let sealer = master_keys::sealer(&config.sealing)?;
    let identities = Arc::new(ConfiguredIdentities::from_config(&config.identities)?);
    let sign_in = SignInSetup::from_config(config)?;
    if let SignInSetup::Development { .. } = &sign_in {
        tracing::warn!("{}", sign_in.standing());
    }
    let hearing = SpeechSetup::from_config(config)?.map(SpeechSetup::hearing);
    let (stores, targets) = outside(config).await?;
    let (standing, browsers) = (sign_in.standing(), sign_in.browsers(stores.sessions.clone()));
    let tools = Arc::new(targets.tools(stores.register.clone())?);
    let wake = Arc::new(ProcessWake::default());
    let ports = Ports {
        ledger: Arc::new(MeteredLedger::new(stores.ledger.clone())),
        work: stores.work.clone(),
        queries: stores.queries.clone(),
        warrants: Arc::new(Unlogged::new(stores.ledger.clone())),
        tokens: tokens.clone(),
        entropy: Arc::new(OsEntropy),
        wake: wake.clone(),
        stopwatch: Arc::new(MonotonicWatch::start()),
    };
    let services = Services::new(ports, tools, sealer);
    let services = services.with_databases(targets.database_servers()).with_hearing(hearing);
    let services = Arc::new(match config.watch.interval_s {
        0 => services,
        seconds => services.watching(Millis::from_secs(seconds)),
    });
    Ok(Wired { services, stores, tokens, identities, browsers, sign_in: standing, wake })
}

/// The store and the targets.
#[cfg(not(feature = "crash"))]
async fn outside(config: &Config) -> Result<(Stores, Targets)> {
    let targets = Targets::connect(&config.targets).await?;
    let stores = Stores::open(&config.store).await.context("cannot open the store")?;
    Ok((stores, targets))
}

/// The store and the targets, with crash points around them when the crash harness started this process.
#[cfg(feature = "crash")]
async fn outside(config: &Config) -> Result<(Stores, Targets)> {
    let points = crate::crash::CrashPoints::from_environment();
    let targets = match &points {
        None => config.targets.clone(),
        Some(points) => crate::crash::tapped(&config.targets, points).await?,
    };
    let mut targets = Targets::connect(&targets).await?;
    let mut stores = Stores::open(&config.store).await.context("cannot open the store")?;
    if let Some(points) = &points {
        crate::crash::decorate(&mut stores, &mut targets, points);
    }
    #[cfg(feature = "planted")]
    crate::planted::plant(&mut stores, &mut targets)?;
    Ok((stores, targets))
}

/// Activates the configured first policy text when none is active yet.
///
/// # Errors
/// The file can't be read or has errors.
pub async fn bootstrap_policy(wired: &Wired, config: &Config) -> Result<()> {
    let Some(path) = &config.policy.bootstrap_file else { return Ok(()) };
    if wired.stores.ledger.load_policy(None).await?.is_some() {
        return Ok(());
    }
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the policy `{}`", path.display()))?;
    let activated = policy_text::activate_policy(&wired.services, &text, &local_operator()?)
        .await
        .with_context(|| format!("the policy `{}` is not activated", path.display()))?;
    tracing::info!(number = activated.number, digest = %activated.digest, "activated the first policy text");
    Ok(())
}

/// Whoever runs commands on the server's own host.
///
/// # Errors
/// Never, in practice: the name is a literal.
pub fn local_operator() -> Result<Identity> {
    Ok(Identity::new(Principal::parse("service:local:operator")?, Proof::Process))
}
