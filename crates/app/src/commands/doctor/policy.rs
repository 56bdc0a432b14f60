//! The policy text: the active one, or the one that will be activated at the first start.

use std::sync::Arc;

use countersign_mcp_tools::tools::standard_descriptors;
use countersign_policy::{CompiledPolicy, ToolCatalog};
use countersign_usecases::services::catalog_of;

use super::findings::Findings;
use super::targets::Clients;
use crate::config::Config;
use crate::stores::Stores;

/// A text, and what it is called in findings.
struct Text {
    name: String,
    text: String,
}

/// Looks at the policy; gives it back compiled, for its projects, when there is a good text.
pub(super) async fn look(
    config: &Config,
    stores: Option<&Stores>,
    clients: &Clients,
    findings: &mut Findings,
) -> Option<CompiledPolicy> {
    let Text { name, text } = find_text(config, stores, findings).await?;
    // The tools Countersign brings, so that the projects are known whatever is wrong with targets here.
    let compiled = match CompiledPolicy::compile(&text, &catalog_of(&standard_descriptors())) {
        Ok(compiled) => compiled.policy,
        Err(errors) => {
            findings.bad(
                "policy",
                format!("{name}: {errors}"),
                "mend it; `countersign policy check FILE` helps",
            );
            return None;
        }
    };
    match tools_here(stores, clients) {
        None => findings.note(
            "policy",
            format!("{name}; whether this server has the tools it names is not looked at until store and targets are mended"),
        ),
        Some(tools) => match CompiledPolicy::compile(&text, &tools) {
            Ok(_) => findings.good("policy", name),
            Err(errors) => findings.bad(
                "policy",
                format!("{name}: {errors}"),
                "the text names tools whose targets are not configured here, or vice versa: mend either",
            ),
        },
    }
    Some(compiled)
}

async fn find_text(config: &Config, stores: Option<&Stores>, findings: &mut Findings) -> Option<Text> {
    match stores {
        None => findings.note("policy", "the active text can't be read: see store"),
        Some(stores) => match stores.ledger.load_policy(None).await {
            Ok(Some(active)) => {
                let name = format!("number {}, {}", active.stamp.number, active.stamp.digest);
                return Some(Text { name, text: active.text });
            }
            Ok(None) => {
                if config.policy.bootstrap_file.is_none() {
                    let advice = "set policy.bootstrap_file, or run `countersign policy activate FILE`";
                    findings.bad("policy", "none is active: everything is refused", advice);
                }
            }
            Err(error) => findings.bad("policy", error, "see store"),
        },
    }
    let file = config.policy.bootstrap_file.as_ref()?;
    match std::fs::read_to_string(file) {
        Ok(text) => Some(Text { name: format!("`{}`, for the first start", file.display()), text }),
        Err(error) => {
            let seen = format!("policy.bootstrap_file: cannot read `{}`: {error}", file.display());
            findings.bad("policy", seen, "mend the path or the rights of the file");
            None
        }
    }
}

/// What a text may name on this server; `None` when something that is wrong keeps it from being told.
fn tools_here(stores: Option<&Stores>, clients: &Clients) -> Option<ToolCatalog> {
    let register = Arc::clone(&stores?.register);
    let tools = clients.all.as_ref()?.tools(register).ok()?;
    Some(catalog_of(tools.iter().map(|tool| tool.descriptor())))
}
