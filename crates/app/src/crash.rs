//! Crash points: where the crash harness (`cargo xtask crash`) has this process die, as `kill -9` would.
//!
//! Around every commit, every hold on work, every request to a target, and every operation on a database server. The variable
//! `COUNTERSIGN_CRASH_FOLDER` names the harness's folder. Each point that is passed is a line in its file `passed`; where the file `armed`
//! holds `NAME#N`, the process aborts when it passes the point NAME for the Nth time since the file changed.
//!
//! Compiled with the feature `crash` only. Everything outside goes through the doors made here, see [`decorate`] and [`tapped`]; a test of
//! the suites counts what the store and the targets saw against the points.

mod databases;
mod ledger;
mod targets;
mod work;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::stores::Stores;
use crate::targets::Targets;
use ledger::CrashLedger;
use work::CrashWork;

pub use targets::tapped;

/// The variable that names the harness's folder.
const FOLDER: &str = "COUNTERSIGN_CRASH_FOLDER";

/// The points of this process.
pub struct CrashPoints {
    folder: PathBuf,
    passed: Mutex<Passed>,
}

/// How often each point was passed since `armed` last changed.
#[derive(Default)]
struct Passed {
    armed: String,
    counts: BTreeMap<String, u32>,
}

impl CrashPoints {
    /// The points, where the harness started this process.
    pub fn from_environment() -> Option<Arc<Self>> {
        #[expect(clippy::disallowed_methods, reason = "app reads the environment")]
        let folder = std::env::var_os(FOLDER)?;
        Some(Arc::new(Self { folder: folder.into(), passed: Mutex::default() }))
    }

    /// Passes a point, or dies at it.
    pub fn pass(&self, name: &str) {
        // One at a time: the order of the lines is the order of the points, and nothing else is passed once the process is dying.
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let armed = std::fs::read_to_string(self.folder.join("armed")).unwrap_or_default();
        if armed != passed.armed {
            *passed = Passed { armed: armed.clone(), counts: BTreeMap::new() };
        }
        let count = passed.counts.entry(name.to_owned()).or_insert(0);
        *count += 1;
        self.note("passed", name);
        // A second word only tells one arming of a point from the next.
        if armed.split('\t').next() == Some(format!("{name}#{count}").as_str()) {
            self.note("died", name);
            std::process::abort();
        }
    }

    fn note(&self, file: &str, name: &str) {
        let path = self.folder.join(file);
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(format!("{name}\n").as_bytes()));
        if let Err(error) = written {
            tracing::error!(path = %path.display(), %error, "a crash point could not be noted");
        }
    }
}

/// Puts the points around the store and the targets. The undecorated ones are gone after this: there is no way around.
pub fn decorate(stores: &mut Stores, targets: &mut Targets, points: &Arc<CrashPoints>) {
    stores.ledger = Arc::new(CrashLedger::new(stores.ledger.clone(), points.clone()));
    stores.work = Arc::new(CrashWork::new(stores.work.clone(), points.clone()));
    databases::decorate(targets, points);
}

/// Proxies live as long as the process.
fn keep<T>(value: T) {
    std::mem::forget(value);
}
