//! The tables of the architecture page: who may depend on whom, and where each technology lives.

use cargo_metadata::{Dependency, DependencyKind};

/// The rule that pure crates break when they reach a runtime or a network.
pub(crate) const PURE: &str =
    "kernel, domain crates and usecases know no runtime, no network, no database and no randomness";
/// The rule for the parts that only the demo brings.
pub(crate) const DEMO: &str =
    "the simulators and the testkit reach app only through its feature `demo`, off in releases";

/// Where a crate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    Kernel,
    Domain,
    Usecases,
    Adapter,
    Transport,
    Simulators,
    Testkit,
    App,
    /// The black-box suites: they start servers and look at every store and target.
    Suites,
    /// This tool.
    Xtask,
    /// Programs under docs/examples, which embed the crates as a platform team would.
    Example,
}

impl Layer {
    /// The place of a crate, by its name; `None` for one that nobody has placed.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let layer = match name.strip_prefix("countersign-").unwrap_or(name) {
            "kernel" => Layer::Kernel,
            "policy" | "approvals" | "waitstate" | "audit" | "mcp-tools" => Layer::Domain,
            "usecases" => Layer::Usecases,
            "adapters-postgres" | "adapters-sqlite" | "adapters-k8s" | "adapters-github"
            | "adapters-http" | "adapters-oidc" | "adapters-stt" => Layer::Adapter,
            "transport-grpc" | "transport-http" | "transport-mcp" => Layer::Transport,
            "simulators" => Layer::Simulators,
            "testkit" => Layer::Testkit,
            "app" => Layer::App,
            "suites" => Layer::Suites,
            "example-embed" | "example-own-tool" => Layer::Example,
            "xtask" => return (name == "xtask").then_some(Layer::Xtask),
            _ => return None,
        };
        name.starts_with("countersign-").then_some(layer)
    }

    /// Whether the crate decides without a runtime, a network, a clock or randomness.
    pub(crate) fn is_pure(self) -> bool {
        match self {
            Layer::Kernel | Layer::Domain | Layer::Usecases => true,
            Layer::Adapter
            | Layer::Transport
            | Layer::Simulators
            | Layer::Testkit
            | Layer::App
            | Layer::Suites
            | Layer::Xtask
            | Layer::Example => false,
        }
    }
}

/// The rule that a dependency of one of our crates on another breaks, if any.
pub(crate) fn own(from: Layer, on: Layer, dependency: &Dependency) -> Option<&'static str> {
    let dev = dependency.kind == DependencyKind::Development;
    let (allowed, rule) = match from {
        Layer::Kernel => (false, "kernel depends on none of our crates"),
        Layer::Domain => (on == Layer::Kernel, "domain crates depend on kernel only, not on each other"),
        Layer::Usecases => (
            matches!(on, Layer::Kernel | Layer::Domain) || (dev && on == Layer::Testkit),
            "usecases depends on kernel and the domain crates, and on the testkit in tests",
        ),
        Layer::Adapter => (
            on.is_pure() || (dev && matches!(on, Layer::Testkit | Layer::Simulators)),
            "adapters depend on the core, never on each other or on a transport; testkit and simulators in tests only",
        ),
        Layer::Transport => (
            on.is_pure() || (dev && matches!(on, Layer::Testkit | Layer::Simulators)),
            "transports depend on the core, never on an adapter; testkit and simulators in tests only",
        ),
        Layer::Simulators | Layer::Testkit => {
            (on.is_pure(), "simulators and testkit depend on the core only")
        }
        Layer::App => match on {
            Layer::Simulators | Layer::Testkit => (dev || dependency.optional, DEMO),
            Layer::Kernel | Layer::Domain | Layer::Usecases | Layer::Adapter | Layer::Transport => {
                (true, DEMO)
            }
            Layer::App | Layer::Suites | Layer::Xtask | Layer::Example => {
                (false, "app depends on no program or test package")
            }
        },
        Layer::Suites => (
            on.is_pure()
                || matches!(on, Layer::Adapter | Layer::Transport | Layer::Simulators | Layer::Testkit),
            "the suites see the product from outside: they start the server, they don't link it",
        ),
        Layer::Example => (
            on.is_pure() || on == Layer::Adapter || (dev && on == Layer::Testkit),
            "an example embeds the core and adapters, without our server; the testkit in its tests",
        ),
        Layer::Xtask => {
            (false, "xtask depends on none of our crates, so that it compiles at once and when they don't")
        }
    };
    (!allowed).then_some(rule)
}

/// A technology, by the names of its crates, and the only crates that may know it.
struct Home {
    /// A crate of this name, or one that starts with it and a dash.
    names: &'static [&'static str],
    /// Without the prefix `countersign-`.
    homes: &'static [&'static str],
    /// Crates whose tests may know it too.
    in_tests_of: &'static [&'static str],
    rule: &'static str,
}

const HOMES: &[Home] = &[
    Home {
        names: &["sqlx"],
        homes: &["adapters-postgres", "adapters-sqlite", "suites", "xtask"],
        in_tests_of: &[],
        rule: "sqlx lives only in adapters-postgres and adapters-sqlite (and the suites that look into the stores, and gen's scratch program)",
    },
    Home {
        names: &["postgres-protocol"],
        homes: &["adapters-postgres"],
        in_tests_of: &[],
        rule: "postgres-protocol lives only in adapters-postgres",
    },
    Home {
        names: &["kube", "k8s-openapi"],
        homes: &["adapters-k8s"],
        in_tests_of: &[],
        rule: "kube and k8s-openapi live only in adapters-k8s",
    },
    Home {
        names: &["octocrab"],
        homes: &["adapters-github"],
        in_tests_of: &[],
        rule: "octocrab lives only in adapters-github",
    },
    Home {
        names: &["tonic", "prost", "protox"],
        homes: &["transport-grpc", "app", "suites"],
        in_tests_of: &[],
        rule: "tonic and prost live only in transport-grpc, app and the suites",
    },
    Home {
        names: &["axum", "utoipa", "maud"],
        homes: &["transport-http", "simulators"],
        in_tests_of: &[],
        rule: "axum, utoipa and maud live only in transport-http and the simulators",
    },
    Home {
        names: &["reqwest"],
        // In app for the command line, which is a client of REST as it is one of gRPC: the server's own parts reach targets by adapters.
        homes: &["adapters-http", "adapters-oidc", "adapters-stt", "app", "suites", "example-own-tool"],
        in_tests_of: &["simulators"],
        rule: "reqwest lives only in adapters-http, adapters-oidc and adapters-stt, in app for the command line, in the simulators' tests, in the suites and in the example of a tool of one's own",
    },
    Home {
        names: &["openidconnect", "oauth2"],
        homes: &["adapters-oidc"],
        in_tests_of: &[],
        rule: "openidconnect lives only in adapters-oidc",
    },
    Home {
        names: &["rmcp"],
        homes: &["transport-mcp"],
        in_tests_of: &["suites"],
        rule: "rmcp lives only in transport-mcp",
    },
];

/// Runtimes and networks without a home of their own, which pure crates don't know either.
const RUNTIMES: &[&str] = &["tokio", "async-std", "smol", "hyper", "tower", "tower-http"];
/// Randomness comes in as an argument. Not looked for behind other crates: features that one crate turns on show up for all of them.
const RANDOMNESS: &[&str] = &["getrandom", "rand", "rand_core", "fastrand"];

/// The rule that a dependency on somebody else's crate breaks, if any.
pub(crate) fn technology(krate: &str, layer: Layer, dependency: &Dependency) -> Option<&'static str> {
    let name = dependency.name.as_str();
    let dev = dependency.kind == DependencyKind::Development;
    let short = krate.strip_prefix("countersign-").unwrap_or(krate);
    if let Some(home) = HOMES.iter().find(|home| is_one_of(name, home.names)) {
        let at_home = home.homes.contains(&short) || (dev && home.in_tests_of.contains(&short));
        return (!at_home).then_some(home.rule);
    }
    let banned = layer.is_pure() && !dev && (is_one_of(name, RUNTIMES) || is_one_of(name, RANDOMNESS));
    banned.then_some(PURE)
}

/// Whether a crate has no place in what a pure crate links, however it gets there.
pub(crate) fn is_banned_below_adapters(name: &str) -> bool {
    RUNTIMES.contains(&name) || HOMES.iter().any(|home| is_one_of(name, home.names))
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names
        .iter()
        .any(|known| name == *known || name.strip_prefix(known).is_some_and(|rest| rest.starts_with('-')))
}
