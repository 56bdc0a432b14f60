//! `/approvals/batch-decision`: several decisions in one commit.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use countersign_kernel::{Fault, Kind, RequestId, Violations};
use countersign_mcp_tools::Arguments;
use countersign_usecases::decisions::decide::Decision;
use countersign_usecases::decisions::{BatchError, DecisionReply, MOST_IN_BATCH, decide_requests};
use serde_json::Value;

use super::Api;
use super::approvals::current;
use super::bodies::{choice, digest, input_mode, reason};
use super::body::{Body, read};
use super::dto::decision::{Committed, CommittedBatch};
use super::dto::request::BatchRequest;
use super::gate::{Staff, count};
use super::problem::{Answer, Place, Problem, RefusedDecision};
use super::query::{Fields, Sent};

/// Decide several requests at once
///
/// All of the decisions count, in one commit, or none does; the refusal names each that doesn't. Decisions made before are `repeated`.
/// `If-Match` is refused: each decision names what was seen.
#[utoipa::path(post, path = "/approvals/batch-decision", tag = "approvals", request_body = BatchRequest,
    responses((status = 200, description = "All of them count.", body = CommittedBatch)))]
pub(super) async fn decide_approvals(
    State(api): State<Api>,
    staff: Staff,
    sent: Sent,
    headers: HeaderMap,
    Body(body): Body,
) -> Answer<Json<CommittedBatch>> {
    let mut fields = Fields::of(sent, &[], &[]);
    if headers.contains_key(header::IF_MATCH) {
        // One tag can't be that of several requests, and a condition that isn't looked at would be taken for one that held.
        fields.violate(Place::Header, "If-Match", "is not taken here: each decision has its `seen_digest`");
    }
    let ((), decisions) = fields.finish_with(Some(()), read(read_batch(&body)))?;
    // The gate has counted one.
    count(&api, &staff.identity().principal, decisions.len().saturating_sub(1))?;
    let order: Vec<RequestId> = decisions.iter().map(|(id, _)| *id).collect();
    let by_id: BTreeMap<RequestId, Decision> = decisions.into_iter().collect();
    match decide_requests(&api.services, &by_id, staff.identity()).await {
        Ok(replies) => Ok(Json(in_order(&api, &order, &replies))),
        Err(error) => Err(refusal(&api, &order, &error).await),
    }
}

/// The replies in the order of the decisions.
fn in_order(api: &Api, order: &[RequestId], replies: &[DecisionReply]) -> CommittedBatch {
    let mut decisions = Vec::with_capacity(order.len());
    for id in order {
        for reply in replies.iter().filter(|reply| reply.request.facts.id == *id) {
            decisions.push(Committed::of(reply, &api.settings));
        }
    }
    CommittedBatch { decisions }
}

async fn refusal(api: &Api, order: &[RequestId], error: &BatchError) -> Box<Problem> {
    let refused = match error {
        BatchError::Service(_) => return Problem::of(error),
        BatchError::Refused(refused) => refused,
    };
    let mut told = Vec::with_capacity(refused.len());
    for one in refused {
        let place = order.iter().position(|id| *id == one.id).unwrap_or_default();
        let late = one.error.kind() == Kind::Conflict;
        told.push(RefusedDecision {
            pointer: format!("/decisions/{place}"),
            id: one.id.to_string(),
            code: one.error.code().to_owned(),
            detail: one.error.to_string(),
            current: if late { current(api, one.id).await } else { None },
        });
    }
    Problem::of(error).with_refused(told)
}

fn read_batch(body: &Value) -> Result<Vec<(RequestId, Decision)>, Violations> {
    let mut given = Arguments::read(body, &["decisions", "reason", "input_mode"]);
    given.require("decisions");
    let reason = reason(&mut given);
    let input_mode = input_mode(&mut given);
    let mut decisions: Vec<(RequestId, Decision)> = Vec::new();
    for mut item in given.objects("decisions", 1..=MOST_IN_BATCH, &["id", "decision", "seen_digest"]) {
        item.require("id");
        let id = item.patterned("id", "must be a UUID in its hyphenated form", |text| {
            text.parse::<RequestId>().is_ok()
        });
        let id = id.and_then(|id| id.parse::<RequestId>().ok());
        if id.is_some_and(|id| decisions.iter().any(|(other, _)| *other == id)) {
            item.violate("id", "is decided twice in this batch");
        }
        let (choice, seen) = (choice(&mut item), digest(&mut item));
        let decision = (|| {
            Some((
                id?,
                Decision {
                    choice: choice?,
                    seen: seen?,
                    reason: reason.clone(),
                    input_mode: input_mode.clone()?,
                },
            ))
        })();
        decisions.extend(decision);
        given.take_over(item);
    }
    given.finish(Some(decisions))
}
