//! `/policy`: the active text, and why it answers as it does.

use axum::Json;
use axum::extract::State;
use countersign_kernel::{RuntimeMode, Violations};
use countersign_mcp_tools::Arguments;
use countersign_policy::Cell;
use countersign_usecases::policy_text;
use serde_json::Value;

use super::Api;
use super::body::{Body, read};
use super::dto::policy::{Explanation, Policy};
use super::dto::request::ExplainRequest;
use super::gate::Staff;
use super::problem::{Answer, Problem};
use super::query::{Fields, Sent};

const RUNTIME_MODES: [(&str, RuntimeMode); 2] =
    [("full-env", RuntimeMode::FullEnv), ("code-only", RuntimeMode::CodeOnly)];

/// Get the active policy text
#[utoipa::path(get, path = "/policy", tag = "policy", responses((status = 200, description = "The text.", body = Policy)))]
pub(super) async fn get_policy(State(api): State<Api>, _staff: Staff, sent: Sent) -> Answer<Json<Policy>> {
    Fields::of(sent, &[], &[]).finish(Some(()))?;
    let text = policy_text::active_text(&api.services).await.map_err(|error| Problem::of(&error))?;
    Ok(Json(text.into()))
}

/// Explain what the policy says of a cell, and why
#[utoipa::path(post, path = "/policy/explain", tag = "policy", request_body = ExplainRequest,
    responses((status = 200, description = "The explanation.", body = Explanation)))]
pub(super) async fn explain_policy(
    State(api): State<Api>,
    _staff: Staff,
    sent: Sent,
    Body(body): Body,
) -> Answer<Json<Explanation>> {
    let fields = Fields::of(sent, &[], &[]);
    let ((), cell) = fields.finish_with(Some(()), read(read_cell(&body)))?;
    let explained = policy_text::explain_policy(&api.services, &cell).await;
    let explained = explained.map_err(|error| Problem::of(&error))?;
    Ok(Json((&explained).into()))
}

fn read_cell(body: &Value) -> Result<Cell, Violations> {
    let needed = ["project", "agent_key", "run_label", "runtime_mode", "tool", "action"];
    let mut given = Arguments::read(body, &[&needed[..], &["environment"]].concat());
    for field in needed {
        given.require(field);
    }
    let (project, agent_key, run_label) =
        (given.name("project"), given.name("agent_key"), given.name("run_label"));
    let runtime_mode = given.choice("runtime_mode", &RUNTIME_MODES);
    let (tool, action, environment) = (given.name("tool"), given.name("action"), given.name("environment"));
    let cell = (|| {
        Some(Cell {
            project: project?,
            agent_key: agent_key?,
            run_label: run_label?,
            runtime_mode: runtime_mode?,
            tool: tool?,
            action: action?,
            environment,
        })
    })();
    given.finish(cell)
}
