//! `countersign approvals`: see and decide what waits, over REST.
//!
//! What was seen is what is decided: every decision names the digest of the plan that was shown. On standard output stands the answer and
//! nothing else; questions, notes and refusals go to standard error.

mod confirm;
pub(super) mod shown;
mod watch;

use std::time::Duration;

use countersign_kernel::visible;
use serde_json::{Value, json};

use super::say;
use crate::cli::{
    AnswerArgs, ApprovalsCommand, CancelArgs, DecisionArgs, ListArgs, ListOrder, ResolveArgs, ShowArgs,
    StaffArgs,
};
use crate::client::rest::{Answer, Choice, Committed, CommittedBatch, Failure, Reply, Seen, Staff};
use crate::ending::Ending;
use shown::{line, shown};

/// The most requests that the server gives at once.
const LARGEST_PAGE: u32 = 500;

/// The longest rest between two pages.
const LONGEST_REST_S: u64 = 30;

pub(super) async fn run(command: &ApprovalsCommand) -> Ending {
    let (staff, ended) = match command {
        ApprovalsCommand::List(args) => (&args.staff, list(args).await),
        ApprovalsCommand::Show(args) => (&args.staff, show(args).await),
        ApprovalsCommand::Approve(args) => (&args.staff, decide(args, Choice::Approve).await),
        ApprovalsCommand::Deny(args) => (&args.staff, decide(args, Choice::Deny).await),
        ApprovalsCommand::Answer(args) => (&args.staff, answer(args).await),
        ApprovalsCommand::Cancel(args) => (&args.staff, cancel(args).await),
        ApprovalsCommand::ResolveUnknown(args) => (&args.staff, resolve_unknown(args).await),
        ApprovalsCommand::Watch(args) => (&args.staff, watch::run(args).await),
    };
    ended.unwrap_or_else(|failure| {
        match failure.document().filter(|_| staff.json) {
            Some(document) => note(document),
            None => note(format!("countersign: {}", visible(&failure.to_string()))),
        }
        failure.ending()
    })
}

async fn list(args: &ListArgs) -> Result<Ending, Failure> {
    let staff = Staff::of(&args.staff)?;
    let mut all = Vec::new();
    let mut cursor = args.cursor.clone();
    loop {
        let have = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let wanted = args.limit.map_or(LARGEST_PAGE, |limit| limit.saturating_sub(have).min(LARGEST_PAGE));
        if wanted == 0 {
            break;
        }
        let page = match staff.page(&query(args, wanted, cursor.clone())).await {
            Ok(page) => page,
            // A long list takes more requests than the server answers in a minute: go on when it says so.
            Err(failure) if !all.is_empty() && failure.retry_after_s().is_some() => {
                let seconds = failure.retry_after_s().unwrap_or_default().clamp(1, LONGEST_REST_S);
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        all.extend(page.approvals);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if args.staff.json {
        let documents: Vec<Value> = all.into_iter().map(|summary| summary.document).collect();
        let mut page = json!({ "approvals": documents });
        if let Some(cursor) = cursor {
            page["next_cursor"] = json!(cursor);
        }
        say(page);
        return Ok(Ending::Done);
    }
    if all.is_empty() {
        say(if args.states.is_empty() { "nothing waits for a decision" } else { "there is none" });
    }
    for summary in &all {
        say(line(&summary.read));
    }
    if let Some(cursor) = cursor {
        note(format!("there are more; go on with --cursor {cursor}"));
    }
    Ok(Ending::Done)
}

fn query(args: &ListArgs, limit: u32, cursor: Option<String>) -> Vec<(&'static str, String)> {
    let mut query: Vec<_> = args.states.iter().map(|state| ("state", state.as_str().to_owned())).collect();
    let given = [
        ("project", &args.project),
        ("environment", &args.environment),
        ("tool", &args.tool),
        ("run", &args.run),
        ("q", &args.query),
        ("cursor", &cursor),
    ];
    query.extend(given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    match args.order {
        ListOrder::OldestFirst => {}
        ListOrder::NewestFirst => query.push(("order", "newest_first".to_owned())),
    }
    query.push(("limit", limit.to_string()));
    query
}

async fn show(args: &ShowArgs) -> Result<Ending, Failure> {
    let approval = Staff::of(&args.staff)?.approval(args.id).await?;
    tell(&args.staff, &approval, shown);
    Ok(Ending::Done)
}

async fn decide(args: &DecisionArgs, choice: Choice) -> Result<Ending, Failure> {
    let staff = Staff::of(&args.staff)?;
    let seen = match named(args)? {
        Some(seen) => seen,
        None => confirm::seen(&staff, &args.ids, choice.as_str()).await?,
    };
    match seen.as_slice() {
        [one] => {
            let decided = staff.decide(one, choice, &args.reason).await?;
            Ok(committed(&args.staff, &decided))
        }
        several => {
            let decided = staff.decide_all(several, choice, &args.reason).await?;
            let lines = |batch: &CommittedBatch| batch.decisions.iter().map(outcome).collect();
            tell(&args.staff, &decided, lines);
            Ok(Ending::Done)
        }
    }
}

/// What the caller says that they saw; none if they say nothing of it.
fn named(args: &DecisionArgs) -> Result<Option<Vec<Seen>>, Failure> {
    if args.digests.is_empty() {
        return Ok(None);
    }
    let (ids, digests) = (args.ids.len(), args.digests.len());
    if ids != digests {
        return Err(Failure::Usage(format!(
            "there are {ids} requests and {digests} digests: give one --digest for each request, in their order"
        )));
    }
    if ids > 1 && args.etag.is_some() {
        return Err(Failure::Usage("--etag goes with one request: several have their digests".to_owned()));
    }
    let seen = args.ids.iter().zip(&args.digests);
    Ok(Some(seen.map(|(id, digest)| Seen { id: *id, digest: *digest, etag: args.etag.clone() }).collect()))
}

async fn answer(args: &AnswerArgs) -> Result<Ending, Failure> {
    let reply = match (args.option, &args.text) {
        (Some(index), None) => Reply::Option(index),
        (None, Some(words)) => Reply::Text(words.clone()),
        (Some(_), Some(_)) | (None, None) => {
            return Err(Failure::Usage("answer with either --option or --text".to_owned()));
        }
    };
    let staff = Staff::of(&args.staff)?;
    let seen = match args.digest {
        Some(digest) => Seen { id: args.id, digest, etag: args.etag.clone() },
        None => confirm::seen_one(&staff, args.id, "answer").await?,
    };
    let answered = staff.answer(&seen, &reply).await?;
    Ok(committed(&args.staff, &answered))
}

async fn cancel(args: &CancelArgs) -> Result<Ending, Failure> {
    let cancelled = Staff::of(&args.staff)?.cancel(args.id, &args.reason, args.etag.as_ref()).await?;
    Ok(committed(&args.staff, &cancelled))
}

async fn resolve_unknown(args: &ResolveArgs) -> Result<Ending, Failure> {
    let staff = Staff::of(&args.staff)?;
    let resolved = staff.resolve_unknown(args.id, args.verdict, &args.reason, args.etag.as_ref()).await?;
    Ok(committed(&args.staff, &resolved))
}

/// Tells what became of a command.
fn committed(staff: &StaffArgs, answer: &Answer<Committed>) -> Ending {
    tell(staff, answer, |committed| vec![outcome(committed)]);
    Ending::Done
}

fn outcome(committed: &Committed) -> String {
    let again = if committed.repeated { " (you had said so before)" } else { "" };
    format!("{}{again}", line(&committed.approval))
}

/// Prints an answer in the form that is wanted.
fn tell<T>(staff: &StaffArgs, answer: &Answer<T>, words: impl Fn(&T) -> Vec<String>) {
    if staff.json {
        say(&answer.document);
    } else {
        for line in words(&answer.read) {
            say(line);
        }
    }
}

/// Prints beside the answer.
fn note(line: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use countersign_kernel::{Digest, RequestId};

    use super::*;

    fn args(ids: usize, digests: usize, etag: Option<&str>) -> DecisionArgs {
        let id: RequestId = "01932d5e-7a00-7000-8000-000000000001".parse().unwrap();
        let digest: Digest = format!("sha256:{}", "4f".repeat(32)).parse().unwrap();
        DecisionArgs {
            ids: vec![id; ids],
            digests: vec![digest; digests],
            etag: etag.map(|etag| etag.parse().unwrap()),
            reason: String::new(),
            staff: StaffArgs {
                server: "http://127.0.0.1:1".parse().unwrap(),
                token_file: None,
                ca_file: None,
                plain_http: false,
                json: false,
            },
        }
    }

    #[test]
    fn each_request_has_its_own_digest_or_none_is_decided() {
        assert!(named(&args(2, 0, None)).unwrap().is_none());
        assert_eq!(named(&args(2, 2, None)).unwrap().unwrap().len(), 2);
        for unequal in [args(2, 1, None), args(1, 2, None), args(2, 2, Some("3-4f"))] {
            assert_eq!(named(&unequal).unwrap_err().ending(), Ending::Usage);
        }
    }
}
