//! Everything connected with an issue, a pull request, a run or a request.

use std::fmt;
use std::str::FromStr;

use countersign_approvals::ActionRequest;
use countersign_kernel::{Fault, Kind, RequestId, RunId};
use countersign_waitstate::Run;

use super::get_request;
use crate::decisions::DecisionError;
use crate::error::ServiceError;
use crate::port::{EventFilter, RunDetail};
use crate::record::{EventRecord, LinkRecord};
use crate::runs::RunCommandError;
use crate::services::Services;

/// The most runs one trace shows.
const MOST_RUNS: usize = 50;

/// The most events one trace shows.
const MOST_EVENTS: u32 = 500;

/// An issue or pull request, as links name it: `owner/name#number`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered(String);

/// The text names no issue or pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `owner/name#number`")]
pub struct ParseNumberedError;

impl FromStr for Numbered {
    type Err = ParseNumberedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (place, number) = text.rsplit_once('#').ok_or(ParseNumberedError)?;
        let named = (1..=200).contains(&place.len()) && place.bytes().all(|byte| byte.is_ascii_graphic());
        let counted = number.parse::<u64>().is_ok_and(|parsed| parsed > 0 && parsed.to_string() == number);
        if named && counted { Ok(Self(text.to_owned())) } else { Err(ParseNumberedError) }
    }
}

/// Where a trace begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceFrom {
    /// An issue.
    Issue(Numbered),
    /// A pull request.
    PullRequest(Numbered),
    /// A run.
    Run(RunId),
    /// A request.
    Request(RequestId),
}

/// What a trace found.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The runs, oldest first.
    pub runs: Vec<Run>,
    /// Their requests, oldest first; of a trace that begins at a request that one only.
    pub requests: Vec<ActionRequest>,
    /// How all of it is connected, each connection once.
    pub links: Vec<LinkRecord>,
    /// What happened, run by run, in order.
    pub events: Vec<EventRecord>,
    /// Whether this is all of it.
    pub complete: bool,
}

/// There is nothing to begin at.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// There is no such run.
    #[error(transparent)]
    Run(RunCommandError),
    /// There is no such request.
    #[error(transparent)]
    Request(#[from] DecisionError),
    /// Countersign itself can't.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Fault for TraceError {
    fn kind(&self) -> Kind {
        match self {
            Self::Run(error) => error.kind(),
            Self::Request(error) => error.kind(),
            Self::Service(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Run(error) => error.code(),
            Self::Request(error) => error.code(),
            Self::Service(error) => error.code(),
        }
    }
}

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Follows the links from there to runs, and from these to their requests and events. An issue or pull request nobody linked leads nowhere,
/// which is no error.
///
/// # Errors
/// There is no such run or request.
pub async fn trace(services: &Services, from: &TraceFrom) -> Result<Trace, TraceError> {
    let (runs, only) = match from {
        TraceFrom::Issue(issue) => (linked_runs(services, "issue", issue).await?, None),
        TraceFrom::PullRequest(pull_request) => (linked_runs(services, "pr", pull_request).await?, None),
        TraceFrom::Run(run) => (vec![run.clone()], None),
        TraceFrom::Request(id) => (vec![get_request(services, *id).await?.run.facts.id], Some(*id)),
    };
    let mut found = Trace {
        complete: runs.len() <= MOST_RUNS,
        runs: Vec::new(),
        requests: Vec::new(),
        links: Vec::new(),
        events: Vec::new(),
    };
    for run in runs.into_iter().take(MOST_RUNS) {
        let detail = services.queries().find_run(&run).await.map_err(ServiceError::from)?;
        let detail = detail.ok_or(TraceError::Run(RunCommandError::Unknown(run)))?;
        found.add(services, detail, only).await?;
    }
    found.runs.sort_by(|a, b| (a.registered_at, &a.facts.id).cmp(&(b.registered_at, &b.facts.id)));
    found.requests.sort_by_key(|request| (request.facts.requested_at, request.facts.id));
    found.links.sort_unstable();
    found.links.dedup();
    Ok(found)
}

async fn linked_runs(services: &Services, kind: &str, id: &Numbered) -> Result<Vec<RunId>, ServiceError> {
    let links = services.queries().list_links(kind, &id.0).await?;
    let runs = links.into_iter().filter(|link| link.to_kind == "run");
    // A run's id was one when it was linked.
    Ok(runs.filter_map(|link| link.to_id.parse().ok()).collect())
}

impl Trace {
    async fn add(
        &mut self,
        services: &Services,
        detail: RunDetail,
        only: Option<RequestId>,
    ) -> Result<(), ServiceError> {
        let queries = services.queries();
        let run = detail.run.facts.id.clone();
        self.links.extend(queries.list_links("run", run.as_str()).await?);
        for request in detail.requests {
            let id = request.facts.id;
            if only.is_some_and(|only| only != id) {
                continue;
            }
            self.links.extend(queries.list_links("request", &id.to_string()).await?);
            self.requests.push(request);
        }
        let room = MOST_EVENTS.saturating_sub(u32::try_from(self.events.len()).unwrap_or(u32::MAX));
        if room == 0 {
            self.complete = false;
        } else {
            let filter = EventFilter { run: Some(run), request: only, ..EventFilter::default() };
            let page = queries.list_events(&filter, None, room).await?;
            // A page that is just full may be the last; saying that there may be more does no harm.
            self.complete &= u32::try_from(page.events.len()).is_ok_and(|count| count < room);
            self.events.extend(page.events);
        }
        self.runs.push(detail.run);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issues_and_pull_requests_are_named_in_full() {
        assert_eq!(
            "acme/shop#17".parse::<Numbered>().map(|found| found.to_string()),
            Ok("acme/shop#17".to_owned())
        );
        for bad in ["", "17", "acme/shop", "acme/shop#", "acme/shop#0", "acme/shop#017", "acme shop#1", "#1"]
        {
            assert_eq!(bad.parse::<Numbered>(), Err(ParseNumberedError), "{bad}");
        }
    }
}
