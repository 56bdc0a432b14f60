//! Deliberate faults, for showing that the crash harness notices them: the variable `COUNTERSIGN_PLANT` names one. They stand between the
//! core and the crash points, so that a server can die in the middle of one.

use std::sync::Arc;

use anyhow::{Context, Result};
use countersign_testkit::planted::{
    Plant, PlantedGithub, PlantedKubernetes, PlantedLedger, PlantedServer, PlantedWork,
};
use countersign_usecases::port::Entropy as _;

use crate::ambient::OsEntropy;
use crate::stores::Stores;
use crate::targets::Targets;

/// The variable that names the fault.
const PLANT: &str = "COUNTERSIGN_PLANT";

/// Plants the fault that the variable names, if it is set.
///
/// # Errors
/// There is no such fault.
pub fn plant(stores: &mut Stores, targets: &mut Targets) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "app reads the environment")]
    let Ok(name) = std::env::var(PLANT) else { return Ok(()) };
    let plant: Plant = name.parse().context(PLANT)?;
    tracing::warn!(%plant, "this server has a deliberate fault");
    let mut pad = vec![0; 32];
    OsEntropy.fill(&mut pad);
    let around = |inner| Arc::new(PlantedServer::new(inner, plant)) as _;
    targets.databases = Arc::new(targets.databases.map(around));
    targets.kubernetes = targets
        .kubernetes
        .take()
        .map(|inner| Arc::new(PlantedKubernetes::new(inner, plant, pad.clone())) as _);
    targets.github = targets.github.take().map(|inner| Arc::new(PlantedGithub::new(inner, plant, pad)) as _);
    let servers = targets.databases.clone();
    stores.ledger = Arc::new(PlantedLedger::new(stores.ledger.clone(), plant, Some(servers)));
    stores.work = Arc::new(PlantedWork::new(stores.work.clone(), plant));
    Ok(())
}
