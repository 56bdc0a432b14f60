//! Builds the image: a minimal Debian by debootstrap, PostgreSQL in it, and our own entry point (`xtask/assets/postgres`).

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::{NAME, apt, as_root};
use crate::{shell, workspace};

/// Debian 12, as the official image of that tag.
const SUITE: &str = "bookworm";
/// Not an official name, so that it can't stand in the way of one.
const BASE: &str = "countersign-image-base:bookworm";
const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// How this machine reaches its mirror.
struct Mirror {
    uri: String,
    apt_settings: String,
    proxies: Vec<(&'static str, String)>,
}

/// Builds and tags the image; the work folder is removed afterwards, also after a failure.
pub(crate) fn build() -> Result<()> {
    let mirror = find_mirror()?;
    let work = workspace::target().join("image");
    remove(&work)?;
    let context = work.join("context");
    fs::create_dir_all(&context)?;
    let result = bootstrap(&mirror, &work.join("root"))
        .and_then(|()| write_context(&mirror, &context))
        .and_then(|()| docker_build(&mirror, &context));
    remove(&work)?;
    result
}

fn find_mirror() -> Result<Mirror> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        let mut parts: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        parts.retain(|path| path.extension().is_some_and(|end| end == "list" || end == "sources"));
        parts.sort();
        files.extend(parts);
    }
    let texts: Vec<String> = files.iter().filter_map(|path| fs::read_to_string(path).ok()).collect();
    let Some(uri) = apt::mirror(texts.iter().map(String::as_str)) else {
        bail!(
            "no Debian mirror among this machine's apt sources: make `{NAME}` available to Docker by other means"
        );
    };
    let dump = shell::read(Command::new("apt-config").arg("dump"))?;
    let mut proxies = Vec::new();
    for (name, scheme) in [("http_proxy", "http"), ("https_proxy", "https")] {
        let proxy = apt::proxy(&dump, scheme);
        let proxy = proxy.or_else(|| shell::variable(name)).or_else(|| shell::variable(&name.to_uppercase()));
        proxies.extend(proxy.map(|proxy| (name, proxy)));
    }
    Ok(Mirror { uri, apt_settings: apt::settings(&dump), proxies })
}

fn bootstrap(mirror: &Mirror, root: &Path) -> Result<()> {
    let mut command = as_root("env");
    command.args(mirror.proxies.iter().map(|(name, value)| format!("{name}={value}")));
    command.args(["debootstrap", "--variant=minbase", SUITE]).arg(root).arg(&mirror.uri);
    println!("image: a minimal Debian {SUITE} from {} (30 s)", mirror.uri);
    shell::read(command.stdin(Stdio::null())).context("debootstrap")?;
    for folder in ["var/lib/apt/lists", "var/cache/apt/archives"] {
        remove(&root.join(folder))?;
        shell::read(as_root("mkdir").arg("-p").arg(root.join(folder).join("partial")))?;
    }

    println!("image: importing it as `{BASE}`");
    let mut tar = as_root("tar").arg("-C").arg(root).args(["-c", "."]).stdout(Stdio::piped()).spawn()?;
    let archive = tar.stdout.take().context("tar has no output")?;
    let imported =
        Command::new("docker").args(["import", "-", BASE]).stdin(archive).stdout(Stdio::null()).status()?;
    if !imported.success() || !tar.wait()?.success() {
        bail!("`docker import` of the minimal Debian failed");
    }
    Ok(())
}

fn write_context(mirror: &Mirror, context: &Path) -> Result<()> {
    let assets = workspace::root().join("xtask/assets/postgres");
    for name in ["Dockerfile", "install.sh", "entrypoint.sh"] {
        fs::copy(assets.join(name), context.join(name)).with_context(|| format!("copying `{name}`"))?;
    }
    let apt = context.join("apt");
    fs::create_dir_all(apt.join("apt.conf.d"))?;
    fs::write(apt.join("sources.list"), format!("deb {} {SUITE} main\n", mirror.uri))?;
    let mut settings = mirror.apt_settings.clone();
    if mirror.uri.starts_with("https://") {
        // The minimal system trusts nobody yet.
        fs::copy(CA_BUNDLE, apt.join("host-ca.crt")).with_context(|| format!("copying `{CA_BUNDLE}`"))?;
        settings.push_str("Acquire::https::CaInfo \"/etc/apt/host-ca.crt\";\n");
    }
    fs::write(apt.join("apt.conf.d/99host"), settings)?;
    Ok(())
}

fn docker_build(mirror: &Mirror, context: &Path) -> Result<()> {
    println!("image: PostgreSQL 15 on top, as `{NAME}` (40 s)");
    let mut command = Command::new("docker");
    // The classic builder is in the daemon itself; the other one is a plugin that Debian's package doesn't bring. The host's network
    // brings its names and routes, which the mirror may need.
    command.env("DOCKER_BUILDKIT", "0").args(["build", "--network=host", "--force-rm", "--tag", NAME]);
    command.arg("--build-arg").arg(format!("BASE={BASE}"));
    for (name, value) in &mirror.proxies {
        command.arg("--build-arg").arg(format!("{name}={value}"));
    }
    shell::read(command.arg(context)).map(drop)
}

fn remove(path: &Path) -> Result<()> {
    // An interrupted debootstrap leaves /proc mounted inside.
    shell::read(as_root("rm").args(["-rf", "--one-file-system"]).arg(path)).map(drop)
}
