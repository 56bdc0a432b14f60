//! What staff do, in a real browser: at one server on SQLite, and at two replicas on PostgreSQL.
//!
//! `cargo xtask browser` installs what is needed and runs them.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test tells its measurements, and what the servers logged when it fails"
)]

mod deciding;
mod live;
mod pages;
mod questions;
mod signing_in;
mod voice;
mod ways;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use countersign_suites::browser::Scene;

/// How long one test may take; several times what it does.
const AT_MOST: Duration = Duration::from_secs(240);

/// Declares a test on each store for each of these plays.
macro_rules! on_both_stores {
    ($($play:ident),+ $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                #[ignore = "needs a browser: `cargo xtask browser` runs it"]
                async fn $play() -> anyhow::Result<()> {
                    crate::on_sqlite(super::$play).await
                }
            )+
        }

        mod on_postgresql {
            $(
                #[tokio::test(flavor = "multi_thread")]
                #[ignore = "needs a browser: `cargo xtask browser` runs it"]
                async fn $play() -> anyhow::Result<()> {
                    crate::on_postgresql(super::$play).await
                }
            )+
        }
    };
}
pub(crate) use on_both_stores;

/// Plays at one server on SQLite.
async fn on_sqlite(play: impl AsyncFnOnce(&Scene) -> Result<()>) -> Result<()> {
    played(Scene::on_sqlite(&packages()?).await?, play).await
}

/// Plays at two replicas on PostgreSQL.
async fn on_postgresql(play: impl AsyncFnOnce(&Scene) -> Result<()>) -> Result<()> {
    played(Scene::on_postgresql(&packages()?).await?, play).await
}

/// Plays where nobody has to prove who they are.
async fn for_development(play: impl AsyncFnOnce(&Scene) -> Result<()>) -> Result<()> {
    played(Scene::for_development(&packages()?).await?, play).await
}

async fn played(scene: Scene, play: impl AsyncFnOnce(&Scene) -> Result<()>) -> Result<()> {
    let result = tokio::time::timeout(AT_MOST, play(&scene)).await;
    result.context("the test takes too long").flatten().inspect_err(|_| eprintln!("{}", scene.logs()))
}

/// Where the packages from npm are.
#[expect(clippy::disallowed_methods, reason = "the one thing that says where they were installed")]
fn packages() -> Result<PathBuf> {
    let folder = std::env::var_os("COUNTERSIGN_TEST_BROWSER_PACKAGES");
    folder.map(PathBuf::from).context("`cargo xtask browser` installs what these tests need, and runs them")
}
