//! What this machine's apt knows: the Debian mirror and how to reach it. Pure functions over the texts, so that tests can feed them.

/// The first mirror of Debian's main archive among apt's sources, whichever of the two formats they are in.
pub(crate) fn mirror<'a>(sources: impl IntoIterator<Item = &'a str>) -> Option<String> {
    sources.into_iter().find_map(|text| mirror_in_lines(text).or_else(|| mirror_in_stanzas(text)))
}

/// The settings that decide how apt reaches a mirror (proxies, certificates, clocks), out of `apt-config dump`.
pub(crate) fn settings(dump: &str) -> String {
    let wanted =
        ["Acquire::http", "Acquire::https", "Acquire::Check", "Acquire::Retries", "Acquire::ForceIPv"];
    let lines = dump.lines().filter(|line| wanted.iter().any(|prefix| line.starts_with(prefix)));
    lines.filter(|line| !line.ends_with("\"\";")).map(|line| format!("{line}\n")).collect()
}

/// The proxy for a scheme, out of `apt-config dump`; `DIRECT` means none.
pub(crate) fn proxy(dump: &str, scheme: &str) -> Option<String> {
    let prefix = format!("Acquire::{scheme}::Proxy \"");
    let value = dump.lines().find_map(|line| line.strip_prefix(&prefix)?.strip_suffix("\";"))?;
    (!value.is_empty() && value != "DIRECT").then(|| value.to_owned())
}

/// `deb [options] URI suite component...`
fn mirror_in_lines(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("deb ")?.trim_start();
        let rest = if rest.starts_with('[') { rest.split_once(']')?.1 } else { rest };
        let mut words = rest.split_whitespace();
        let (uri, suite) = (words.next()?, words.next()?);
        let main = words.any(|word| word == "main");
        (main && is_release(suite) && is_web(uri)).then(|| uri.trim_end_matches('/').to_owned())
    })
}

/// Stanzas of `Types:`, `URIs:`, `Suites:`, `Components:`.
fn mirror_in_stanzas(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    lines.split(|line| line.trim().is_empty()).find_map(|stanza| {
        let field = |name: &str| {
            stanza.iter().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then_some(value.trim())
            })
        };
        let words = |name: &str| field(name).unwrap_or_default().split_whitespace();
        let enabled = !field("Enabled").is_some_and(|value| value.eq_ignore_ascii_case("no"));
        let usable = enabled
            && words("Types").any(|word| word == "deb")
            && words("Suites").any(is_release)
            && words("Components").any(|word| word == "main");
        let uri = words("URIs").find(|uri| is_web(uri))?;
        usable.then(|| uri.trim_end_matches('/').to_owned())
    })
}

/// A release's own suite, not its security or updates archive, which may live elsewhere and hold no base system.
fn is_release(suite: &str) -> bool {
    const RELEASES: [&str; 9] =
        ["bullseye", "bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable"];
    RELEASES.contains(&suite)
}

fn is_web(uri: &str) -> bool {
    uri.starts_with("http://") || uri.starts_with("https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANZAS: &str = "Types: deb\n# a comment\nURIs: http://mirror.example/debian-security\nSuites: bookworm-security\n\
        Components: main\n\nTypes: deb deb-src\nURIs: http://mirror.example/debian/\nSuites: bookworm bookworm-updates\nComponents: main\n";

    #[test]
    fn the_mirror_is_read_from_both_formats() {
        assert_eq!(mirror([STANZAS]).as_deref(), Some("http://mirror.example/debian"));
        let line = "# deb http://old.example/debian bookworm main\n\
            deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian trixie main contrib\n";
        assert_eq!(mirror(["", line]).as_deref(), Some("https://mirror.example/debian"));
    }

    #[test]
    fn other_archives_and_disabled_ones_are_passed_over() {
        assert_eq!(mirror(["deb https://packages.example/apt cloud-sdk-bookworm main\n"]), None);
        assert_eq!(mirror(["deb http://archive.example/ubuntu jammy main\n"]), None);
        assert_eq!(mirror(["deb cdrom:[Debian]/ bookworm main\n"]), None);
        assert_eq!(mirror([STANZAS.replace("Types: deb deb-src", "Enabled: no\nTypes: deb").as_str()]), None);
    }

    #[test]
    fn settings_carry_proxies_and_clocks_and_nothing_else() {
        let dump = "APT \"\";\nAcquire::http::Proxy \"http://cache.example:3142\";\nAcquire::https::Proxy \"DIRECT\";\n\
            Acquire::Check-Date \"false\";\nAcquire::http \"\";\nAcquire::IndexTargets::deb \"x\";\n";
        let expected = "Acquire::http::Proxy \"http://cache.example:3142\";\nAcquire::https::Proxy \"DIRECT\";\n\
            Acquire::Check-Date \"false\";\n";
        assert_eq!(settings(dump), expected);
        assert_eq!(proxy(dump, "http").as_deref(), Some("http://cache.example:3142"));
        assert_eq!(proxy(dump, "https"), None);
    }
}
