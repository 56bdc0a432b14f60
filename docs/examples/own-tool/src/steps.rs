//! Doing the step, and looking whether it was done.

use countersign_mcp_tools::{ProbeOutcome, StepOutcome, StepWork};
use serde_json::{Value, json};

use crate::api::{Content, DnsApi, Found, Place};
use crate::input::Wanted;
use crate::plan::{StepParams, mark};

/// What the stored call and step say, or why they can't be followed.
fn read(work: &StepWork<'_>) -> Result<(Wanted, StepParams), &'static str> {
    let wanted = Wanted::of(work.call).ok_or("the call can't be read by this version")?;
    let params: StepParams = serde_json::from_value(work.step.params.clone())
        .map_err(|_| "the step can't be read by this version")?;
    if params.looked {
        Ok((wanted, params))
    } else {
        Err("the record could not be looked at when this was planned")
    }
}

pub(crate) async fn perform(api: &DnsApi, work: StepWork<'_>) -> StepOutcome {
    let (wanted, params) = match read(&work) {
        Ok(read) => read,
        Err(why) => {
            let message = format!("{}: {why}", work.step.target);
            return StepOutcome::Permanent { code: "step_unreadable", message };
        }
    };
    let place = wanted.place();
    let written = match (&wanted.content, &params.expected) {
        (Some(content), expected) => {
            let (values, ttl_s) = (content.values.clone(), content.ttl_s);
            let content = Content { values, ttl_s, comment: mark(work.request) };
            api.put(&place, &content, expected.as_deref()).await.map(Some)
        }
        (None, Some(expected)) => api.delete(&place, expected).await.map(|()| None),
        (None, None) => {
            let message = format!("{}: there was nothing to delete", place.target());
            return StepOutcome::Permanent { code: "step_unreadable", message };
        }
    };
    match written {
        Ok(etag) => StepOutcome::Done { receipt: receipt(&place, etag.as_deref()) },
        // One table for all tools: what was never sent or certainly refused is `Transient` or `Permanent`; a write without an answer and
        // a 5xx are `Unclear`. Never call something `Transient` to have it tried again.
        Err(error) => error.into_step_outcome(),
    }
}

/// Looks, and says only what the record proves:
///
/// - our mark on it, or its absence where it was to be deleted: done;
/// - still the version that was to be replaced: not done. Should our write arrive only now and again, the service takes it once;
/// - anything else: somebody wrote since. Whether ours came before can't be told by looking, now or later.
pub(crate) async fn probe(api: &DnsApi, work: StepWork<'_>) -> ProbeOutcome {
    let (wanted, params) = match read(&work) {
        Ok(read) => read,
        Err(why) => return ProbeOutcome::CannotTell { why: why.to_owned(), retry: false },
    };
    let place = wanted.place();
    let found = match api.find(&place).await {
        Ok(found) => found,
        Err(error) => return error.into_probe_outcome(),
    };
    let delete = wanted.content.is_none();
    match found {
        None if delete => {
            ProbeOutcome::Done { receipt: with_evidence(receipt(&place, None), "the record is gone") }
        }
        Some(Found { content, etag }) if !delete && content.comment == mark(work.request) => {
            let evidence = "the record bears the mark of this request";
            ProbeOutcome::Done { receipt: with_evidence(receipt(&place, Some(&etag)), evidence) }
        }
        found if found.as_ref().map(|found| &found.etag) == params.expected.as_ref() => ProbeOutcome::NotDone,
        _ => {
            let why = format!("{} was changed by somebody else since", place.target());
            ProbeOutcome::CannotTell { why, retry: false }
        }
    }
}

/// Names and versions, never a secret.
fn receipt(place: &Place, etag: Option<&str>) -> Value {
    json!({"name": place.name, "type": place.record_type, "version": etag})
}

fn with_evidence(mut receipt: Value, evidence: &str) -> Value {
    receipt["evidence"] = Value::from(evidence);
    receipt
}
