//! Rows by which requests are found, see [`search`](crate::search).

use std::collections::BTreeSet;

use countersign_approvals::ActionRequest;
use countersign_mcp_tools::{Call, DecodeError, Plan};
use countersign_waitstate::Run;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stamp::Stamp;
use crate::search::words;

/// The most different words that one request is found by. Names come first, so that it is the end of long prose that is left out.
const MOST_KEPT: usize = 400;

/// The words of a request. Key: `request_id`; written when the request is opened, and anew when its plan changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchRecord {
    /// The request.
    pub request_id: String,
    /// When the request was opened: the order in which requests are listed.
    pub requested_at: Stamp,
    /// Its words, each once.
    pub words: Vec<String>,
}

impl SearchRecord {
    /// The words of a request as it is now, of a run as it is now: ids, names, who asked, the repository with its issue and pull request,
    /// the targets and facts of the plan, and what the agent wrote. All of it is on the request's page; prose was redacted when it was
    /// parsed.
    ///
    /// # Errors
    /// The request's call or plan can't be read.
    pub fn of(request: &ActionRequest, run: Option<&Run>) -> Result<Self, DecodeError> {
        let (call, plan) =
            (Call::from_json(&request.proposal.call)?, Plan::from_json(&request.proposal.plan)?);
        let mut kept = Kept::default();
        put_names(&mut kept, request, run);
        put_plan(&mut kept, &plan);
        put_prose(&mut kept, &call);
        Ok(Self {
            request_id: request.facts.id.to_string(),
            requested_at: Stamp(request.facts.requested_at),
            words: kept.words,
        })
    }
}

#[derive(Default)]
struct Kept {
    known: BTreeSet<String>,
    words: Vec<String>,
}

impl Kept {
    fn put(&mut self, text: &str) {
        for word in words(text) {
            if self.words.len() < MOST_KEPT && self.known.insert(word.clone()) {
                self.words.push(word);
            }
        }
    }
}

fn put_names(kept: &mut Kept, request: &ActionRequest, run: Option<&Run>) {
    let facts = &request.facts;
    kept.put(&facts.id.to_string());
    for name in [facts.run.as_str(), facts.project.as_str(), facts.agent_key.as_str(), facts.tool.as_str()] {
        kept.put(name);
    }
    kept.put(facts.action.as_str());
    facts.environment.iter().for_each(|environment| kept.put(environment.as_str()));
    kept.put(facts.launched_by.as_str());
    let Some(run) = run else { return };
    run.facts.repository.iter().for_each(|repository| kept.put(repository.as_str()));
    let numbers = [run.links.issue, run.links.pull_request];
    numbers.into_iter().flatten().for_each(|number| kept.put(&number.to_string()));
}

fn put_plan(kept: &mut Kept, plan: &Plan) {
    plan.steps.iter().for_each(|step| kept.put(&step.target));
    for value in plan.facts.iter().flat_map(|fact| fact.params.values()) {
        // Numbers and conditions are not what a person would type.
        if let Value::String(text) = value {
            kept.put(text);
        }
    }
}

fn put_prose(kept: &mut Kept, call: &Call) {
    if let Some(question) = &call.question {
        let texts = std::iter::once(&question.question).chain(&question.options).chain(&question.context);
        texts.for_each(|text| kept.put(text.as_str()));
    }
    call.prose.values().for_each(|text| kept.put(text.as_str()));
    for link in &call.links {
        kept.put(link.text.as_str());
        kept.put(link.url.as_str());
    }
}
