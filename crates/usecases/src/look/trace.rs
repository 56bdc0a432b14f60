//! Everything connected with an issue, a pull request, a run or a request.

use std::fmt;
use std::str::FromStr;

use countersign_approvals::ActionRequest;
use countersign_kernel::{Fault, Kind, RequestId, RunId};
use countersign_waitstate::Run;
use futures_util::future::{try_join, try_join3};

use super::{find_run, get_request};
use crate::decisions::DecisionError;
use crate::error::ServiceError;
use crate::port::{EventFilter, RequestFilter, RequestSnapshot, StoreError};
use crate::record::{EventRecord, LinkRecord};
use crate::runs::RunCommandError;
use crate::services::Services;

/// The most runs one trace shows.
const MOST_RUNS: usize = 50;

/// The most requests one trace shows.
const MOST_REQUESTS: u32 = 500;

/// The most events one trace shows.
const MOST_EVENTS: u32 = 500;

/// The most links one trace shows of its runs, and of its requests.
const MOST_LINKS: u32 = 1000;

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
    let mut found = Trace {
        complete: true,
        runs: Vec::new(),
        requests: Vec::new(),
        links: Vec::new(),
        events: Vec::new(),
    };
    match from {
        TraceFrom::Issue(issue) => found.add_linked(services, "issue", issue).await?,
        TraceFrom::PullRequest(pull_request) => found.add_linked(services, "pr", pull_request).await?,
        TraceFrom::Run(run) => found.add_run(services, run).await?,
        TraceFrom::Request(id) => found.add_request(services, *id).await?,
    }
    found.add_links(services).await?;
    found.runs.sort_by(|a, b| (a.registered_at, &a.facts.id).cmp(&(b.registered_at, &b.facts.id)));
    found.requests.sort_by_key(|request| (request.facts.requested_at, request.facts.id));
    Ok(found)
}

impl Trace {
    async fn add_linked(&mut self, services: &Services, kind: &str, id: &Numbered) -> Result<(), TraceError> {
        let links = services
            .queries()
            .list_links(kind, &[id.to_string()], MOST_LINKS)
            .await
            .map_err(ServiceError::from)?;
        // A run's id was one when it was linked.
        let runs =
            links.iter().filter(|link| link.to_kind == "run").filter_map(|link| link.to_id.parse().ok());
        let runs: Vec<RunId> = runs.collect();
        self.complete &= runs.len() <= MOST_RUNS;
        for run in runs.iter().take(MOST_RUNS) {
            self.add_run(services, run).await?;
        }
        Ok(())
    }

    async fn add_run(&mut self, services: &Services, id: &RunId) -> Result<(), TraceError> {
        let events = EventFilter { run: Some(id.clone()), ..EventFilter::default() };
        let (run, requests, events) = try_join3(
            find_run(services, id),
            self.requests_of(services, id),
            self.events_of(services, &events),
        )
        .await
        .map_err(ServiceError::from)?;
        self.runs.push(run.ok_or_else(|| TraceError::Run(RunCommandError::Unknown(id.clone())))?);
        self.complete &= requests.whole && events.whole;
        self.requests.extend(requests.found);
        self.events.extend(events.found);
        Ok(())
    }

    async fn add_request(&mut self, services: &Services, id: RequestId) -> Result<(), TraceError> {
        let RequestSnapshot { run, request, .. } = get_request(services, id).await?;
        let filter = EventFilter { request: Some(id), ..EventFilter::default() };
        let events = self.events_of(services, &filter).await.map_err(ServiceError::from)?;
        self.runs.push(run);
        self.requests.push(request);
        self.complete &= events.whole;
        self.events.extend(events.found);
        Ok(())
    }

    async fn requests_of(&self, services: &Services, id: &RunId) -> Result<Part<ActionRequest>, StoreError> {
        let Some(room) = room(MOST_REQUESTS, self.requests.len()) else { return Ok(Part::left_out()) };
        let filter = RequestFilter { run: Some(id.clone()), ..RequestFilter::default() };
        let page = services.queries().list_requests(&filter, None, room).await?;
        let found = page.requests.into_iter().map(|(request, _)| request).collect();
        Ok(Part { found, whole: page.next.is_none() })
    }

    async fn events_of(
        &self,
        services: &Services,
        filter: &EventFilter,
    ) -> Result<Part<EventRecord>, StoreError> {
        let Some(room) = room(MOST_EVENTS, self.events.len()) else { return Ok(Part::left_out()) };
        let found = services.queries().list_events(filter, None, room).await?.events;
        // A page that is just full may be the last; saying that there may be more does no harm.
        let whole = u32::try_from(found.len()).is_ok_and(|count| count < room);
        Ok(Part { found, whole })
    }

    /// How what was found is connected, each connection once.
    async fn add_links(&mut self, services: &Services) -> Result<(), ServiceError> {
        let runs: Vec<_> = self.runs.iter().map(|run| run.facts.id.to_string()).collect();
        let requests: Vec<_> = self.requests.iter().map(|request| request.facts.id.to_string()).collect();
        let queries = services.queries();
        let of_runs = queries.list_links("run", &runs, MOST_LINKS);
        let of_requests = queries.list_links("request", &requests, MOST_LINKS);
        for links in <[_; 2]>::from(try_join(of_runs, of_requests).await?) {
            self.complete &= u32::try_from(links.len()).is_ok_and(|count| count < MOST_LINKS);
            self.links.extend(links);
        }
        self.links.sort_unstable();
        self.links.dedup();
        Ok(())
    }
}

/// What there was room for.
struct Part<T> {
    found: Vec<T>,
    /// Whether this is all of it.
    whole: bool,
}

impl<T> Part<T> {
    const fn left_out() -> Self {
        Self { found: Vec::new(), whole: false }
    }
}

/// How many more there is room for; none when there is no room at all.
fn room(most: u32, taken: usize) -> Option<u32> {
    let left = most.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
    (left > 0).then_some(left)
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
