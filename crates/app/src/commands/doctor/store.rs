//! The store and its clock, and what warrants rest on.

use countersign_usecases::port::WarrantIssuer as _;
use countersign_usecases::warrants::Unlogged;

use super::findings::Findings;
use crate::ambient;
use crate::config::Config;
use crate::stores::Stores;

/// The host's clock may differ from the database's by so much before it matters for tokens.
const CLOCK_SLACK_MS: u64 = 2_000;

/// Looks at the store; gives it back when it could be opened.
pub(super) async fn look(config: &Config, findings: &mut Findings) -> Option<Stores> {
    let advice = "check that the database runs and that the options of [store] lead to it; for a new PostgreSQL store run \
        `countersign migrate` first; a SQLite file is open to one server at a time";
    let stores = match Stores::open(&config.store).await {
        Ok(stores) => stores,
        Err(error) => {
            findings.bad("store", format!("{error:#}"), advice);
            findings.note("clock", "not looked at: see store");
            return None;
        }
    };
    match stores.queries.ping().await {
        Err(error) => findings.bad("store", error, advice),
        Ok(now) => {
            findings.good("store", "answers");
            let host = ambient::host_now();
            let apart = host.since(now).0.max(now.since(host).0);
            if apart > CLOCK_SLACK_MS {
                let seen = format!("the host and the database are {apart} ms apart");
                let advice = "synchronise both with NTP; tokens begin and end by the host's clock";
                findings.bad("clock", seen, advice);
            } else {
                findings.good("clock", format!("the host and the database agree within {apart} ms"));
            }
        }
    }
    let standing = Unlogged::new(stores.ledger.clone()).standing();
    let seen = format!(
        "{standing}: approvals are believed on the database's word; there is no transparency log yet"
    );
    findings.note("warrants", seen);
    Some(stores)
}
