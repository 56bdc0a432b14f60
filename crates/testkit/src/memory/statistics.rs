//! How deciding went, counted the plain way.

use std::collections::BTreeMap;

use countersign_kernel::{Millis, Timestamp};
use countersign_usecases::port::{AskedCount, DayCounts, Statistics};

use super::tables::Tables;

/// What can be told of a request that is counted.
enum Told {
    Approval,
    Denial,
    Answer,
    Expiry,
}

pub(super) fn count(tables: &Tables, since: Timestamp) -> Statistics {
    let mut days: BTreeMap<i64, DayCounts> = BTreeMap::new();
    let mut spans = Vec::new();
    for (at, told, span) in all(tables).filter(|(at, ..)| *at >= since) {
        let number = at.unix_day();
        let day = Timestamp::from_unix_day(number);
        let empty = DayCounts { day, approvals: 0, denials: 0, answers: 0, expiries: 0 };
        let counts = days.entry(number).or_insert(empty);
        *match told {
            Told::Approval => &mut counts.approvals,
            Told::Denial => &mut counts.denials,
            Told::Answer => &mut counts.answers,
            Told::Expiry => &mut counts.expiries,
        } += 1;
        spans.extend(span);
    }
    spans.sort_unstable();
    Statistics {
        days: days.into_values().collect(),
        decided_within_p50: nearest_rank(&spans, 50),
        decided_within_p95: nearest_rank(&spans, 95),
        asked: asked(tables, since),
    }
}

fn all(tables: &Tables) -> impl Iterator<Item = (Timestamp, Told, Option<Millis>)> {
    let votes = tables.votes.values().filter_map(|vote| {
        let asked = tables.requests.get(&vote.request_id)?.requested_at.0;
        let told = if vote.choice == "approve" { Told::Approval } else { Told::Denial };
        Some((vote.voted_at.0, told, Some(vote.voted_at.0.since(asked))))
    });
    let ends = tables.requests.values().filter_map(|row| {
        let at = row.state_at.0;
        match row.state.as_str() {
            "answered" => Some((at, Told::Answer, Some(at.since(row.requested_at.0)))),
            "expired" => Some((at, Told::Expiry, None)),
            _ => None,
        }
    });
    votes.chain(ends)
}

/// The smallest that so many of a hundred don't exceed.
fn nearest_rank(sorted: &[Millis], percent: usize) -> Option<Millis> {
    let rank = (sorted.len() * percent).div_ceil(100);
    rank.checked_sub(1).and_then(|place| sorted.get(place)).copied()
}

fn asked(tables: &Tables, since: Timestamp) -> Vec<AskedCount> {
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    for row in tables.requests.values().filter(|row| row.requested_at.0 >= since) {
        *counts.entry((row.agent_key.clone(), row.tool.clone())).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
    let count = |((agent, tool), requests): ((String, String), u64)| {
        Some(AskedCount { agent_key: agent.parse().ok()?, tool: tool.parse().ok()?, requests })
    };
    counts.into_iter().take(20).filter_map(count).collect()
}
