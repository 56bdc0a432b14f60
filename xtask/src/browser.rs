//! Real browsers: what they need on this machine, the tests that use them, and the pictures they take.
//!
//! Chromium and its driver are Debian's; a provider of identities and a checker of accessibility come from npm, in the exact versions of
//! `tests/browser/package-lock.json`, into a folder of their own below target.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::{
    image, machine,
    programs::{self, Profile},
    shell,
    workspace::{self, FEATURES},
};

/// What has to be on the path, and the packages of Debian that hold it.
const PROGRAMS: [(&str, &str); 4] =
    [("chromium", "chromium"), ("chromedriver", "chromium-driver"), ("node", "nodejs"), ("npm", "npm")];

/// A machine that never showed a page to anybody may have no letters to show it in.
const FONTS: &str = "fonts-liberation";

/// Tells the tests where the packages of npm are.
const PACKAGES: &str = "COUNTERSIGN_TEST_BROWSER_PACKAGES";

/// Arguments of `browser`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install what is missing: Chromium and its driver, node and npm, Docker.
    #[arg(long)]
    install: bool,
    /// Passed on to the test program, such as a part of a test's name.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Arguments of `screenshots`.
#[derive(clap::Args)]
pub(crate) struct ScreenshotArgs {
    /// Install what is missing: Chromium and its driver, node and npm.
    #[arg(long)]
    install: bool,
    /// Write the few that the documentation shows into docs/pictures, too.
    #[arg(long)]
    docs: bool,
}

/// Installs what is missing, and runs the tests.
pub(crate) fn run(args: &Args) -> Result<()> {
    let packages = packages(args.install)?;
    image::ensure(args.install)?;
    test(&packages, &args.rest)
}

/// Runs the tests with packages of this folder.
pub(crate) fn test(packages: &Path, rest: &[String]) -> Result<()> {
    programs::build(Profile::Debug, &["countersign"])?;
    let mut command = workspace::cargo();
    command.env(PACKAGES, packages);
    command.args(["test", "--workspace", "--features", FEATURES, "--test", "browser", "--"]);
    shell::run(command.arg("--include-ignored").args(rest))
}

/// Takes pictures of all pages.
pub(crate) fn screenshots(args: &ScreenshotArgs) -> Result<()> {
    let packages = packages(args.install)?;
    let folder = programs::build(Profile::Debug, &["screenshots", "countersign"])?;
    let mut command = Command::new(folder.join("screenshots"));
    command.arg("--packages").arg(packages);
    command.arg("--to").arg(workspace::target().join("screenshots"));
    if args.docs {
        command.arg("--docs").arg(workspace::root().join("docs/pictures"));
    }
    shell::run(&mut command)
}

/// Makes sure that everything is there, and tells where the packages of npm are.
pub(crate) fn packages(install: bool) -> Result<PathBuf> {
    ensure_programs(install)?;
    let source = workspace::root().join("tests/browser");
    let lock = fs::read(source.join("package-lock.json")).context("reading the lock file of the packages")?;
    let version = hex::encode(Sha256::digest(&lock));
    let folder = workspace::target().join("tools").join(format!("browser-{}", &version[..12]));
    // npm writes this last.
    if folder.join("node_modules/.package-lock.json").exists() {
        return Ok(folder);
    }
    println!("browser: installing the packages of `{}` into `{}`", source.display(), folder.display());
    fs::create_dir_all(&folder)?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(source.join(name), folder.join(name))?;
    }
    let mut npm = Command::new("npm");
    npm.current_dir(&folder).args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]);
    shell::read(&mut npm)?;
    Ok(folder)
}

fn ensure_programs(install: bool) -> Result<()> {
    let missing = missing(shell::has_program);
    if missing.is_empty() {
        return Ok(());
    }
    if !(install || machine::is_root()) {
        bail!(
            "the browser tests need more than is here: `apt-get install {}`, or add `--install` to the command",
            missing.join(" ")
        );
    }
    machine::install_packages("browser", &missing)
}

/// The packages of Debian to install where only these programs are.
fn missing(is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<_> =
        PROGRAMS.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    if packages.contains(&"chromium") {
        packages.push(FONTS);
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_installed() {
        assert!(missing(|_| true).is_empty());
        assert_eq!(missing(|program| program != "chromedriver"), ["chromium-driver"]);
        assert_eq!(missing(|_| false), ["chromium", "chromium-driver", "nodejs", "npm", "fonts-liberation"]);
    }

    #[test]
    fn the_packages_of_the_lock_file_have_exact_versions_and_name_no_registry() {
        let folder = workspace::root().join("tests/browser");
        let read = |name: &str| -> serde_json::Value {
            serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
        };
        let (manifest, lock) = (read("package.json"), read("package-lock.json"));
        for (name, version) in manifest["dependencies"].as_object().unwrap() {
            let locked = &lock["packages"][format!("node_modules/{name}")];
            assert_eq!(&locked["version"], version, "`{name}` is not exactly what is locked");
        }
        for (name, package) in lock["packages"].as_object().unwrap() {
            assert!(name.is_empty() || package["integrity"].is_string(), "`{name}` has no checksum");
            assert!(package.get("resolved").is_none(), "`{name}` names where it was downloaded from");
        }
    }
}
