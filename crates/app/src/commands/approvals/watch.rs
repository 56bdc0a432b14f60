//! `countersign approvals watch`: what happens, as it happens; or until one request has come to something.

use std::time::Duration;

use countersign_kernel::visible;

use super::note;
use super::shown::shown;
use crate::cli::{Until, WatchArgs};
use crate::client::rest::{Answer, Approval, Change, Failure, Feed, News, RequestState, Staff};
use crate::commands::told;
use crate::ending::Ending;

pub(super) async fn run(args: &WatchArgs) -> Result<Ending, Failure> {
    let mut state = None;
    tokio::select! {
        ended = follow(args, &mut state) => return ended,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.map_err(|error| Failure::Here(format!("cannot hear Ctrl-C: {error}")))?;
            return Ok(if args.until.is_some() { Ending::Interrupted } else { Ending::Done });
        }
        () = time(args.timeout_s) => {}
    }
    Ok(when_time_is_over(args.until, state))
}

/// Waits so many seconds; for ever when none are given.
async fn time(seconds: Option<u64>) {
    match seconds {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        None => std::future::pending().await,
    }
}

/// Follows until what is waited for has come, or nobody reads any more. Keeps where the request stands.
async fn follow(args: &WatchArgs, state: &mut Option<RequestState>) -> Result<Ending, Failure> {
    let staff = Staff::of(&args.staff)?;
    let mut feed = Feed::open(staff.clone(), query(args)).await?;
    // Only now: what happens while the request is looked at is in the stream.
    if let Some(ended) = look(args, &staff, state).await? {
        return Ok(ended);
    }
    loop {
        match feed.next().await? {
            News::Change(change) => {
                if !told(line(args, &change)) {
                    return Ok(Ending::Done);
                }
                if let Some(ended) = look(args, &staff, state).await? {
                    return Ok(ended);
                }
            }
            News::Lost(failure) => {
                note(format!("countersign: {}; trying again", visible(&failure.to_string())));
            }
        }
    }
}

/// Looks whether what is waited for has come. While that can't be seen, nothing else is of use: it is tried until it can.
async fn look(
    args: &WatchArgs,
    staff: &Staff,
    state: &mut Option<RequestState>,
) -> Result<Option<Ending>, Failure> {
    let (Some(until), Some(id)) = (args.until, args.id) else { return Ok(None) };
    let approval = loop {
        match staff.approval(id).await {
            Ok(approval) => break approval,
            Err(failure) if failure.ending() == Ending::Unavailable => {
                let seconds = failure.retry_after_s().unwrap_or(1).clamp(1, 30);
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            Err(failure) => return Err(failure),
        }
    };
    *state = Some(approval.read.summary.state);
    let ended = ending_of(until, approval.read.summary.state);
    if ended.is_some() {
        tell(args, &approval);
    }
    Ok(ended)
}

fn tell(args: &WatchArgs, approval: &Answer<Approval>) {
    if args.staff.json {
        told(&approval.document);
    } else {
        for line in shown(&approval.read) {
            told(line);
        }
    }
}

fn line(args: &WatchArgs, change: &Answer<Change>) -> String {
    if args.staff.json {
        return change.document.to_string();
    }
    let change = &change.read;
    let mut line = format!("{} {}", change.at, change.r#type);
    let about = [("request", &change.request_id), ("run", &change.run_id), ("project", &change.project)];
    for (name, value) in about {
        if let Some(value) = value {
            line.push_str(&format!(" {name} {value}"));
        }
    }
    visible(&line)
}

fn query(args: &WatchArgs) -> Vec<(&'static str, String)> {
    let mut query = Vec::new();
    query.extend(args.id.map(|id| ("request", id.to_string())));
    query.extend(args.run.clone().map(|run| ("run", run)));
    query.extend(args.project.clone().map(|project| ("project", project)));
    if !args.kind.is_empty() {
        query.push(("type", args.kind.clone()));
    }
    query
}

/// How waiting ends when the request stands so; none while it goes on. What is `unknown` is not over: it may still turn out well.
fn ending_of(until: Until, state: RequestState) -> Option<Ending> {
    match (state, until) {
        (RequestState::Requested, Until::Decided | Until::Settled) => None,
        (RequestState::Approved | RequestState::Applying | RequestState::Unknown, Until::Settled) => None,
        (RequestState::Approved | RequestState::Applying | RequestState::Unknown, Until::Decided) => {
            Some(Ending::Done)
        }
        (RequestState::Applied | RequestState::Answered, Until::Decided | Until::Settled) => {
            Some(Ending::Done)
        }
        (RequestState::Denied, Until::Decided | Until::Settled) => Some(Ending::Denied),
        (RequestState::Expired, Until::Decided | Until::Settled) => Some(Ending::Expired),
        (RequestState::Cancelled, Until::Decided | Until::Settled) => Some(Ending::Cancelled),
        (RequestState::Failed, Until::Decided | Until::Settled) => Some(Ending::NothingDone),
    }
}

/// How it ends when the time is over.
fn when_time_is_over(until: Option<Until>, state: Option<RequestState>) -> Ending {
    match (until, state) {
        (None, _) => Ending::Done,
        (Some(_), Some(RequestState::Unknown)) => Ending::Unknown,
        (Some(_), Some(_) | None) => Ending::TimeOver,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_what_became_of_it() {
        use RequestState as State;
        let table = [
            (State::Requested, None, None),
            (State::Approved, Some(Ending::Done), None),
            (State::Applying, Some(Ending::Done), None),
            (State::Unknown, Some(Ending::Done), None),
            (State::Applied, Some(Ending::Done), Some(Ending::Done)),
            (State::Answered, Some(Ending::Done), Some(Ending::Done)),
            (State::Denied, Some(Ending::Denied), Some(Ending::Denied)),
            (State::Expired, Some(Ending::Expired), Some(Ending::Expired)),
            (State::Cancelled, Some(Ending::Cancelled), Some(Ending::Cancelled)),
            (State::Failed, Some(Ending::NothingDone), Some(Ending::NothingDone)),
        ];
        for (state, decided, settled) in table {
            assert_eq!(ending_of(Until::Decided, state), decided, "{state:?}");
            assert_eq!(ending_of(Until::Settled, state), settled, "{state:?}");
        }
    }

    #[test]
    fn when_the_time_is_over_what_is_in_doubt_is_told_from_what_is_open() {
        let settled = Some(Until::Settled);
        assert_eq!(when_time_is_over(None, None), Ending::Done);
        assert_eq!(when_time_is_over(settled, Some(RequestState::Requested)), Ending::TimeOver);
        assert_eq!(when_time_is_over(settled, None), Ending::TimeOver);
        assert_eq!(when_time_is_over(settled, Some(RequestState::Unknown)), Ending::Unknown);
    }
}
