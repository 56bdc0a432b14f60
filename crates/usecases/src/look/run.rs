//! One run with what people ask of it first. A run may have thousands of requests: its page shows how many there are in each state, what its
//! agent has not read yet, and the first of them; the list of requests has the rest.

use countersign_kernel::RunId;
use countersign_waitstate::Run;
use futures_util::future::try_join5;

use crate::port::{RequestCursor, RunRequest, RunRequestPage, StateCount, StoreError};
use crate::record::LinkRecord;
use crate::services::Services;

/// The most requests of each kind that a run's page shows.
pub const MOST_SHOWN: u32 = 50;

/// The most links that a run's page shows. Those to issues and pull requests come first, and a run has one of each.
pub const MOST_LINKS: u32 = 100;

/// How many requests are read at once where all of them are wanted.
const AT_ONCE: u32 = 500;

/// A run as its page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunView {
    /// The run with its open waits.
    pub run: Run,
    /// How many requests it has in each state.
    pub counts: Vec<StateCount>,
    /// Requests whose outcome its agent has not acknowledged, the oldest outcome first; [`MOST_SHOWN`] at most.
    pub unread: Vec<RunRequest>,
    /// Its first requests, oldest first; [`MOST_SHOWN`] at most.
    pub requests: RunRequestPage,
    /// What it is connected with, [`MOST_LINKS`] at most.
    pub links: Vec<LinkRecord>,
}

/// A run for its page. Each part is as it was when it was read; together they may be moments apart.
///
/// # Errors
/// Storage can't be read.
pub async fn look_at_run(services: &Services, id: &RunId) -> Result<Option<RunView>, StoreError> {
    let queries = services.queries();
    let links_of = [id.to_string()];
    let (run, counts, unread, requests, links) = try_join5(
        queries.find_run(id),
        queries.count_run_requests(id),
        queries.list_unread(id, MOST_SHOWN),
        queries.list_run_requests(id, None, MOST_SHOWN),
        queries.list_links("run", &links_of, MOST_LINKS),
    )
    .await?;
    Ok(run.map(|run| RunView { run, counts, unread, requests, links }))
}

/// All requests of a run, oldest first: for those who were promised all of them. Read piece by piece, none of them in full.
///
/// # Errors
/// Storage can't be read.
pub async fn list_all_of_run(services: &Services, id: &RunId) -> Result<Vec<RunRequest>, StoreError> {
    let mut all = Vec::new();
    let mut after: Option<RequestCursor> = None;
    loop {
        let page = services.queries().list_run_requests(id, after, AT_ONCE).await?;
        all.extend(page.requests);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}
