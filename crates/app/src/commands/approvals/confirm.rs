//! Asking a person at a terminal: they are shown what they decide on, and what they were shown is what is decided.

use std::io::{BufRead, IsTerminal as _, Write};

use countersign_kernel::RequestId;

use super::note;
use super::shown::shown;
use crate::client::rest::{Failure, Seen, Staff};

/// Shows requests, and asks whether to go on with this verb.
pub(super) async fn seen(staff: &Staff, ids: &[RequestId], verb: &str) -> Result<Vec<Seen>, Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let rule = "say what was seen: --digest DIGEST, once for each request, as `countersign approvals show ID` prints it";
        return Err(Failure::Usage(rule.to_owned()));
    }
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        let approval = staff.approval(*id).await?.read;
        for line in shown(&approval) {
            note(line);
        }
        let summary = approval.summary;
        all.push(Seen { id: *id, digest: summary.plan_digest, etag: Some(summary.etag) });
    }
    let confirmed = asked(&mut std::io::stdin().lock(), &mut std::io::stderr(), verb, ids.len());
    match confirmed {
        Ok(true) => Ok(all),
        Ok(false) => Err(Failure::NotConfirmed),
        Err(error) => Err(Failure::Here(format!("cannot ask: {error}"))),
    }
}

/// The same for one request.
pub(super) async fn seen_one(staff: &Staff, id: RequestId, verb: &str) -> Result<Seen, Failure> {
    let mut seen = seen(staff, &[id], verb).await?;
    seen.pop().ok_or(Failure::NotConfirmed)
}

/// Whether the person writes the verb. Anything else, and nothing, is a no.
fn asked(
    input: &mut impl BufRead,
    output: &mut impl Write,
    verb: &str,
    requests: usize,
) -> std::io::Result<bool> {
    let what = if requests == 1 { "this request".to_owned() } else { format!("these {requests} requests") };
    write!(output, "Write `{verb}` to {verb} {what} as shown: ")?;
    output.flush()?;
    let mut written = String::new();
    input.read_line(&mut written)?;
    Ok(written.trim() == verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_verb_itself_is_a_yes() {
        for (written, yes) in [
            ("approve\n", true),
            (" approve \r\n", true),
            ("approve", true),
            ("", false),
            ("\n", false),
            ("y\n", false),
            ("deny\n", false),
            ("approve all\n", false),
        ] {
            let mut said = Vec::new();
            assert_eq!(asked(&mut written.as_bytes(), &mut said, "approve", 2).unwrap(), yes, "{written:?}");
            assert_eq!(said, b"Write `approve` to approve these 2 requests as shown: ");
        }
    }
}
