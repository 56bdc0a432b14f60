//! `/overview`: how deciding goes, in numbers and small pictures.

mod chart;

use axum::extract::State;
use axum::response::Response;
use countersign_approvals::{ActionRequest, StateName};
use countersign_kernel::{Millis, Timestamp};
use countersign_usecases::port::{RequestFilter, Statistics};
use maud::{Markup, html};

use super::layout::{self, Page, Section};
use super::visitor::Visitor;
use super::words::Words;
use crate::api::{Answer, Api, Fields, Sent, stream_place, unreadable};

/// Days that are looked back on.
const DAYS: u64 = 14;

const DAY: Millis = Millis::from_days(1);

/// The most waiting requests whose ages are looked at.
const MOST: u32 = 500;

/// Up to these ages requests are counted together; the last bar has all that are older.
const AGES: [Millis; 4] =
    [Millis::from_secs(300), Millis::from_secs(3_600), Millis::from_secs(6 * 3_600), DAY];

pub(super) async fn show(State(api): State<Api>, visitor: Visitor, sent: Sent) -> Answer<Response> {
    Fields::of_page(sent, &[]).finish(Some(()))?;
    let follows = stream_place(&api).await?;
    let queries = api.services().queries();
    let now = queries.ping().await.map_err(unreadable)?;
    let filter = RequestFilter { states: vec![StateName::Requested], ..RequestFilter::default() };
    let waiting = queries.list_requests(&filter, None, MOST).await.map_err(unreadable)?;
    let statistics = api.statistics(first_day(now)).await.map_err(unreadable)?;
    let words = visitor.words();
    let requests: Vec<_> = waiting.requests.iter().map(|(request, _)| request).collect();
    let body = html! {
        div data-live="overview" {
            (numbers(words, &requests, waiting.next.is_some(), &statistics))
            (ages(words, &requests, waiting.next.is_some(), now))
            (days(words, &statistics, now))
            (asked(words, &statistics))
        }
    };
    let title = words.overview().to_owned();
    Ok(layout::page(&Page {
        visitor: &visitor,
        section: Section::Overview,
        title,
        follows: Some(follows),
        body,
    }))
}

/// When the first of the days began.
fn first_day(now: Timestamp) -> Timestamp {
    Timestamp::from_unix_day(now.unix_day() - i64::try_from(DAYS - 1).unwrap_or(0))
}

fn numbers(words: Words, waiting: &[&ActionRequest], more: bool, statistics: &Statistics) -> Markup {
    let within = |span: Option<Millis>| span.map_or_else(|| "–".to_owned(), |span| words.span(span));
    let expiries: u64 = statistics.days.iter().map(|day| day.expiries).sum();
    html! {
        dl.numbers {
            div { dt { (words.overview_waiting()) } dd { (waiting.len()) @if more { "+" } } }
            div { dt { (words.overview_p50()) } dd { (within(statistics.decided_within_p50)) } }
            div { dt { (words.overview_p95()) } dd { (within(statistics.decided_within_p95)) } }
            div { dt { (words.overview_expired()) } dd { (expiries) } }
        }
    }
}

/// What waits, by how long it has: all of it, or the oldest.
fn ages(words: Words, waiting: &[&ActionRequest], more: bool, now: Timestamp) -> Markup {
    let mut counts = [0_u64; AGES.len() + 1];
    for request in waiting {
        let age = now.since(request.facts.requested_at);
        let place = AGES.iter().position(|limit| age < *limit).unwrap_or(AGES.len());
        counts[place] += 1;
    }
    let labels = AGES.iter().map(|limit| format!("< {}", words.span(*limit)));
    let labels = labels.chain([format!("≥ {}", words.span(AGES[AGES.len() - 1]))]);
    let bars: Vec<_> = labels
        .zip(counts)
        .map(|(label, count)| chart::Bar { label, parts: vec![("waiting", count)] })
        .collect();
    let title = if more { words.overview_oldest_by_age(MOST) } else { words.overview_by_age().to_owned() };
    chart::figure(words, &title, &bars, &[("waiting", words.overview_waiting())])
}

/// What was decided, day by day. A day without any has its place too.
fn days(words: Words, statistics: &Statistics, now: Timestamp) -> Markup {
    let first = first_day(now);
    let bars: Vec<_> = (0..DAYS)
        .map(|place| {
            let day = first.plus(Millis(place * DAY.0));
            let found = statistics.days.iter().find(|counts| counts.day == day);
            let of = |count: fn(&countersign_usecases::port::DayCounts) -> u64| found.map_or(0, count);
            let label = day.to_string().get(5..10).unwrap_or_default().to_owned();
            let parts = vec![
                ("approvals", of(|day| day.approvals)),
                ("denials", of(|day| day.denials)),
                ("answers", of(|day| day.answers)),
                ("expiries", of(|day| day.expiries)),
            ];
            chart::Bar { label, parts }
        })
        .collect();
    let key = [
        ("approvals", words.overview_approvals()),
        ("denials", words.overview_denials()),
        ("answers", words.overview_answers()),
        ("expiries", words.overview_expiries()),
    ];
    chart::figure(words, words.overview_by_day(), &bars, &key)
}

fn asked(words: Words, statistics: &Statistics) -> Markup {
    let rows: Vec<_> = statistics
        .asked
        .iter()
        .map(|one| chart::Row { label: format!("{} · {}", one.agent_key, one.tool), count: one.requests })
        .collect();
    html! {
        @if rows.is_empty() {
            section { h2 { (words.overview_by_caller()) } p { (words.no_requests_lately()) } }
        } @else { (chart::rows(words, words.overview_by_caller(), words.requests(), &rows)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_is_today() {
        let now: Timestamp = "2026-11-26T05:00:00.000000Z".parse().unwrap();
        assert_eq!(first_day(now).to_string(), "2026-11-13T00:00:00.000000Z");
        let midnight: Timestamp = "2026-11-26T00:00:00.000000Z".parse().unwrap();
        assert_eq!(first_day(midnight), first_day(now));
    }
}
