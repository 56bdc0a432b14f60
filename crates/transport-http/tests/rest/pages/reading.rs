//! What staff read.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use countersign_kernel::Millis;
use countersign_transport_http::HttpSettings;
use countersign_usecases::access::SEATS_PER_CALLER;
use tokio_stream::StreamExt as _;
use tower::ServiceExt as _;

use super::{Shown, form};
use crate::support::{PUBLIC_URL, World, call, world, world_of, world_with};

fn titles(page: &Shown, section: &str) -> Vec<String> {
    page.texts(&format!("section[aria-labelledby={section}] a.title"))
}

#[tokio::test]
async fn what_waits_for_the_reader_comes_first() {
    let world = world().await;
    assert!(world.page("alice", "/").await.good().text(".empty").starts_with("Nothing is waiting."));
    let first = world.ask("orders").await;
    world.ask_in("production", "stock").await;
    world.decide("alice", first, "approve").await.ok();
    let mine = world.ask("carts").await;
    let both = world.ask_in("production", "bills").await;
    world.decide("alice", both, "approve").await.ok();
    world.question().await;

    let page = world.page("alice", "/").await.good();
    assert_eq!(titles(&page, "mine").len(), 3, "stock, carts and the question: {:?}", titles(&page, "mine"));
    assert_eq!(titles(&page, "others").len(), 1, "she has approved the bills: one more is needed");
    assert_eq!(
        page.text(&format!("[data-request='{both}'] p.small")).rsplit(" · ").next(),
        Some("1 of 2 approvals")
    );
    assert!(page.text(&format!("[data-request='{mine}'] .due")).starts_with("Time left"));
    let for_bob = world.page("bob", "/").await.good();
    assert_eq!((titles(&for_bob, "mine").len(), titles(&for_bob, "others").len()), (4, 0));
    let for_vera = world.page("viewer", "/").await.good();
    assert_eq!((titles(&for_vera, "mine").len(), titles(&for_vera, "others").len()), (0, 4));
    assert!(
        for_vera.all("input[name=id]").is_empty() && for_bob.all("input[name=id]").len() == 3,
        "questions are answered one by one"
    );
}

#[tokio::test]
async fn what_waits_for_the_reader_comes_first_however_much_waits_for_others() {
    let world = world().await;
    for number in 0..55 {
        let id = world.ask_in("production", &format!("n{number}")).await;
        world.decide("alice", id, "approve").await.ok();
    }
    let mine = world.ask("orders").await;
    let page = world.page("alice", "/").await.good();
    assert_eq!(
        (titles(&page, "mine").len(), titles(&page, "others").len()),
        (0, 50),
        "all asked of her groups are older"
    );
    let next = page.all("a[rel=next]")[0].attr("href").unwrap();
    assert!(next.starts_with("/?mine=yes&cursor="), "{next}");
    let second = world.page("alice", next).await.good();
    assert_eq!(second.all(&format!("section[aria-labelledby=mine] [data-request='{mine}']")).len(), 1);
    world.decide("alice", mine, "deny").await.ok();
    let nothing = world.page("alice", next).await.good();
    assert_eq!(nothing.text(".empty"), "Nothing here waits for you any more.");
}

#[tokio::test]
async fn the_list_is_narrowed_and_grouped() {
    let world = world().await;
    world.ask("orders").await;
    world.ask_in("production", "stock").await;
    let page = world.page("alice", "/?environment=production&project=&tool=&run=").await.good();
    assert_eq!(titles(&page, "mine").len(), 1, "fields left empty say nothing");
    assert_eq!(page.all("details.filters[open]").len(), 1);
    let grouped = world.page("alice", "/?group=run").await.good();
    assert_eq!(grouped.texts("h3"), ["Run run-1"]);
    assert!(
        world
            .page("alice", "/?environment=staging")
            .await
            .good()
            .text(".empty")
            .contains("Nothing passes this filter.")
    );
    let refused = world.page("alice", "/?state=denied&project=No%20Such").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let wrong = refused.texts("main li");
    assert!(
        wrong[0].starts_with("State: is not known") && wrong[1].starts_with("Project: must be 1 to 64"),
        "{wrong:?}"
    );
    let russian = world.page_in("ru", "alice", "/?project=No%20Such").await;
    assert_eq!(
        russian.texts("main li"),
        ["Проект: от 1 до 64 знаков из `a-z 0-9 . _ -`, первый — буква или цифра"]
    );
}

#[tokio::test]
async fn a_silent_requester_is_shown() {
    let world = world().await;
    let id = world.ask("orders").await;
    world.store.clock().advance(Millis::from_secs(301));
    let page = world.page("alice", "/").await.good();
    assert_eq!(page.text(&format!("[data-request='{id}'] .silent")), "requester is silent");
    assert_eq!(
        world.page("alice", &format!("/requests/{id}")).await.good().texts(".silent"),
        ["requester is silent"]
    );
}

#[tokio::test]
async fn a_request_shows_what_will_be_done_and_why_one_is_asked() {
    let world = world().await;
    let id = world.ask_in("production", "orders").await;
    world.decide("bob", id, "approve").await.ok();
    let page = world.page("alice", &format!("/requests/{id}")).await.good();
    assert!(page.text("h1").contains("production"));
    assert_eq!(page.text(".status .badge"), "waiting for a decision");
    assert!(page.text("section[aria-labelledby=plan]").contains("What will be done"));
    assert!(page.text("section[aria-labelledby=why]").contains("production-needs-two"));
    assert!(page.text("section[aria-labelledby=votes] li").starts_with("approved · user:github:bob"));
    assert_eq!(page.all("[data-digest]")[0].attr("data-digest"), Some(&*world.digest(id).await));
    let hidden = page.form(&format!("/requests/{id}/decision"));
    let nothing_dictated = ("transcript_proof".to_owned(), String::new());
    assert_eq!(hidden, [("seen_digest".to_owned(), world.digest(id).await), nothing_dictated]);
}

#[tokio::test]
async fn what_happened_to_the_target_before_is_shown() {
    let world = world().await;
    let before = world.ask("orders").await;
    world.decide("alice", before, "approve").await.ok();
    world.work_off().await;
    let again = world.ask("orders").await;
    let page = world.page("alice", &format!("/requests/{again}")).await.good();
    let links = page.all("section[aria-labelledby=targets] li a");
    assert_eq!(
        links.iter().map(|link| link.attr("href").unwrap()).collect::<Vec<_>>(),
        [format!("/requests/{before}")]
    );
    assert!(page.text("section[aria-labelledby=targets] li").ends_with("done · Request"));
}

#[tokio::test]
async fn runs_and_their_timelines_are_shown() {
    let world = world().await;
    let id = world.ask("orders").await;
    world.store.clock().advance(Millis::from_secs(60));
    let list = world.page("viewer", "/runs?status=waiting").await.good();
    assert_eq!(list.texts("tbody .badge"), ["waiting"]);
    let run = world.page("viewer", "/runs/run-1").await.good();
    assert_eq!(run.text("section[aria-labelledby=waits] li a"), "for a decision");
    assert!(
        run.text("section[aria-labelledby=waits] li").contains("Who decides: the owners of the project (")
    );
    assert!(run.text(".status").contains("paused while it waits"));
    assert!(!run.all("svg rect.waiting").is_empty());
    world.decide("alice", id, "approve").await.ok();
    world.work_off().await;
    let run = world.page("viewer", "/runs/run-1").await.good();
    assert!(
        run.text("section[aria-labelledby=requests] tbody tr").contains("done · not read by the agent yet"),
        "{}",
        run.source
    );
    assert_eq!(world.page("viewer", "/runs/no-such-run").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_trace_leads_from_an_issue_to_what_was_done() {
    let world = world().await;
    let id = world.ask("orders").await;
    world.decide("alice", id, "approve").await.ok();
    world.work_off().await;
    assert_eq!(world.page("viewer", "/trace").await.good().all("form[action='/trace']").len(), 1);
    let pasted = "/trace?kind=run&of=https%3A%2F%2Fgithub.com%2Facme%2Fshop%2Fissues%2F17";
    for path in ["/trace?issue=acme%2Fshop%2317", "/trace?kind=issue&of=acme%2Fshop%2317", pasted] {
        let page = world.page("viewer", path).await.good();
        let nodes = page.texts(".graph .node");
        assert_eq!(nodes.len(), 4, "issue, run, request, effect: {nodes:?}");
        assert!(nodes[2].ends_with("done") && nodes[3].ends_with("test.write:orders#1"), "{nodes:?}");
        assert!(page.all("ol.events a[href^='/audit/']").is_empty(), "a viewer doesn't read the record");
        assert!(page.texts(".events li").iter().any(|line| line.contains("It was done")));
    }
    assert_eq!(world.page("viewer", "/trace?issue=nonsense").await.status, StatusCode::BAD_REQUEST);
    assert!(
        world
            .page("viewer", "/trace?issue=acme%2Fshop%2318")
            .await
            .good()
            .text(".empty")
            .contains("Nothing is connected")
    );
}

#[tokio::test]
async fn the_record_is_read_and_taken_along() {
    let world = world().await;
    let id = world.ask("orders").await;
    world.decide("alice", id, "deny").await.ok();
    let page = world.page("auditor", &format!("/audit?request={id}&type=approval.")).await.good();
    assert_eq!(page.texts("tbody td code.small"), ["approval.denied", "approval.requested"]);
    let from_the_start = page.all(".actions a")[0].attr("href").unwrap();
    let from_the_start = world.page("auditor", from_the_start).await.good();
    assert_eq!(from_the_start.texts("tbody td code.small"), ["approval.requested", "approval.denied"]);
    let link = page.all("tbody a[href^='/audit/']")[0].attr("href").unwrap();
    let entry = world.page("auditor", link).await.good();
    assert!(entry.text("dl.facts").contains("approval.denied"));
    assert_eq!(entry.all(&format!("a[href='/requests/{id}']")).len(), 1);
    for nowhere in ["/audit/nothing", "/audit/00000000-0000-7000-8000-000000000000"] {
        assert_eq!(world.page("auditor", nowhere).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(world.page("viewer", link).await.status, StatusCode::FORBIDDEN);

    let csv =
        world.page("auditor", &format!("/audit/export?format=csv&request={id}&type=approval.")).await.good();
    assert_eq!(csv.headers[header::CONTENT_DISPOSITION], "attachment; filename=\"countersign-events.csv\"");
    let lines: Vec<_> = csv.source.split("\r\n").collect();
    assert_eq!(lines.len(), 4, "a head, two events, and the end of the last line");
    assert!(lines[0].starts_with("id,at,type,") && lines[2].contains("\"approval.denied\""));
    let jsonl = world.page("auditor", "/audit/export?format=jsonl").await.good();
    let read: Vec<serde_json::Value> =
        jsonl.source.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read.len(), world.store.rows().events.len());
    assert_eq!(world.page("auditor", "/audit/export?format=xml").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.page("viewer", "/audit").await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.page("viewer", "/audit/export").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn entries_about_no_request_have_an_address_too() {
    let world = world().await;
    world.register("run-x").await;
    let page = world.page("auditor", "/audit?type=run.registered&run=run-x").await.good();
    let link = page.all("tbody a[href^='/audit/']")[0].attr("href").unwrap();
    let entry = world.page("auditor", link).await.good();
    assert_eq!(entry.all("a[href='/runs/run-x']").len(), 1);
}

#[tokio::test]
async fn what_is_over_is_found_newest_first() {
    let world = world().await;
    assert!(world.page("viewer", "/requests").await.good().text(".empty").contains("Nothing has been asked"));
    let first = world.ask("orders").await;
    let second = world.ask("stock").await;
    world.decide("alice", first, "deny").await.ok();
    let all = world.page("viewer", "/requests").await.good();
    let links = |page: &Shown| -> Vec<String> {
        page.all("tbody td:first-child a").iter().map(|link| link.attr("href").unwrap().to_owned()).collect()
    };
    assert_eq!(links(&all), [format!("/requests/{second}"), format!("/requests/{first}")]);
    let denied = world.page("viewer", "/requests?state=denied&q=orders&project=&run=run-1").await.good();
    assert_eq!((links(&denied), denied.texts("tbody .badge").len()), (vec![format!("/requests/{first}")], 1));
    assert_eq!(denied.all("input[name=state][checked]").len(), 1);
    let nothing = world.page("viewer", "/requests?q=nothing-like-it").await.good();
    assert!(nothing.text(".empty").contains("Nothing passes this filter."));
    let refused = world.page("viewer", "/requests?state=lost&order=newest_first").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn more_requests_than_a_page_holds_are_turned_over() {
    let world = world().await;
    for number in 0..60 {
        world.ask(&format!("n{number}")).await;
    }
    let first = world.page("viewer", "/requests?run=run-1").await.good();
    assert_eq!(first.all("tbody tr").len(), 50);
    let next = first.all("a[rel=next]")[0].attr("href").unwrap();
    let second = world.page("viewer", next).await.good();
    assert_eq!((second.all("tbody tr").len(), second.all("a[rel=next]").len()), (10, 0));
    let run = world.page("viewer", "/runs/run-1").await.good();
    assert_eq!(run.all("section[aria-labelledby=requests] tbody tr").len(), 50);
    assert_eq!(run.all("a[href='/requests?run=run-1']").len(), 1, "the run's page leads to all of them");
}

#[tokio::test]
async fn of_a_long_run_the_latest_is_told() {
    let world = world().await;
    let first = world.ask("n0").await;
    for number in 1..30 {
        world.ask(&format!("n{number}")).await;
    }
    world.decide("alice", first, "approve").await.ok();
    world.work_off().await;
    let run = world.page("viewer", "/runs/run-1").await.good();
    assert_eq!(run.all("ol.events li").len(), 100);
    assert!(run.text("ol.events li:last-child").ends_with("The run went on"));
    let whole = |page: &Shown| page.all("section[aria-labelledby=happened] a[href='/audit?run=run-1']").len();
    let for_auditor = world.page("auditor", "/runs/run-1").await.good();
    assert_eq!((whole(&run), whole(&for_auditor)), (0, 1), "the record is not for everybody");
    // It waited before the first event that is shown, and still does.
    assert_eq!((run.all("svg rect.waiting").len(), run.all("svg rect.working").len()), (1, 0));
}

#[tokio::test]
async fn an_export_has_every_page() {
    let world = world().await;
    for number in 0..260 {
        world.register(&format!("run-x{number}")).await;
        world.register(&format!("run-y{number}")).await;
    }
    let whole = world.page("auditor", "/audit/export?format=jsonl").await.good();
    assert_eq!(whole.source.lines().count(), world.store.rows().events.len());
    let first = world.page("auditor", "/audit").await.good();
    assert_eq!(first.all("tbody tr").len(), 100);
    let next = first.all("a[rel=next]")[0].attr("href").unwrap().to_owned();
    let second = world.page("auditor", &next).await.good();
    assert_ne!(second.all("tbody tr")[0].attr("id"), first.all("tbody tr")[0].attr("id"));
}

/// A world whose record is longer than what waits for a reader of an export.
async fn world_with_a_long_record(settings: HttpSettings) -> World {
    let world = world_with(settings).await;
    for number in 0..1_200 {
        world.register(&format!("run-x{number}")).await;
    }
    world
}

/// Asks for the record as a file without reading any of it.
async fn unread_export(world: &World, query: &str) -> Response<Body> {
    let request = call(Method::GET, "auditor", &format!("/audit/export{query}"), None);
    world.app.clone().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn an_export_that_is_not_read_is_cut_and_seen_to_be() {
    let settings = HttpSettings { stream_duration: Duration::from_millis(500), ..HttpSettings::default() };
    let world = world_with_a_long_record(settings).await;
    for query in ["?format=csv", "?format=jsonl"] {
        let unread = unread_export(&world, query).await;
        assert_eq!(unread.status(), StatusCode::OK);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut parts = unread.into_body().into_data_stream();
        let (mut lines, mut cut) = (0, false);
        while let Some(part) = parts.next().await {
            match part {
                Ok(bytes) => lines += bytes.iter().filter(|byte| **byte == b'\n').count(),
                Err(error) => cut = error.to_string().contains("cut short"),
            }
        }
        assert!(cut && lines < 1_200, "{query}: a file of {lines} lines looks whole");
    }
}

#[tokio::test]
async fn an_export_takes_a_place_among_the_streams_of_whoever_asks() {
    let world = world_with_a_long_record(HttpSettings::default()).await;
    let mut held = Vec::new();
    for _ in 0..SEATS_PER_CALLER {
        held.push(unread_export(&world, "").await);
    }
    let refused = world.page("auditor", "/audit/export").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.source.contains("too_many_streams"), "{}", refused.source);
    assert_eq!(world.get("auditor", "/api/v1/stream").await.refused(429), "too_many_streams");
    world.page("operator", "/audit/export").await.good();
}

#[tokio::test]
async fn an_export_has_every_member_of_an_event() {
    let world = world().await;
    let id = world.ask("orders").await;
    world.decide("alice", id, "deny").await.ok();
    let query = format!("request={id}&type=approval.denied");
    let listed = world.get("auditor", &format!("/api/v1/events?{query}")).await;
    let listed = listed.ok()["events"][0].as_object().unwrap().clone();
    let of_file = |format: &str| format!("/audit/export?{query}&format={format}");
    let jsonl = world.page("auditor", &of_file("jsonl")).await.good();
    let line: serde_json::Map<_, _> = serde_json::from_str(&jsonl.source).unwrap();
    let csv = world.page("auditor", &of_file("csv")).await.good();
    let columns: Vec<_> = csv.source.lines().next().unwrap().split(',').collect();
    for (member, value) in &listed {
        assert_eq!(line.get(member), Some(value), "`{member}` of a line of JSON");
        assert!(columns.contains(&member.as_str()), "`{member}` is no column of {columns:?}");
    }
    assert_eq!(columns.len(), line.len());
    let policy = listed["policy_digest"].as_str().unwrap();
    assert!(csv.source.lines().nth(1).unwrap().contains(&format!(",\"{policy}\",")), "{}", csv.source);
}

#[tokio::test]
async fn the_overview_counts() {
    let world = world().await;
    let (a, b, _) = (world.ask("orders").await, world.ask("stock").await, world.ask("carts").await);
    world.store.clock().advance(Millis::from_secs(600));
    world.decide("alice", a, "approve").await.ok();
    world.decide("alice", b, "deny").await.ok();
    let page = world.page("viewer", "/overview").await.good();
    assert_eq!(page.texts("dl.numbers dd"), ["1", "10 min", "10 min", "0"]);
    let rows = page.texts("table tr");
    assert!(rows.contains(&"< 1 h1".to_owned()), "{rows:?}");
    assert!(rows.iter().any(|row| row.ends_with("1100")), "one approved and one denied today: {rows:?}");
    assert!(rows.contains(&"sre · test.write3".to_owned()), "{rows:?}");
    assert!(page.texts("svg text").contains(&"sre · test.write".to_owned()));
    assert_eq!(page.all("svg rect.approvals").len(), 1);
}

#[tokio::test]
async fn the_policy_is_shown() {
    let world = world().await;
    let page = world.page("viewer", "/policy").await.good();
    assert!(page.text("pre.policy").contains("production-needs-two"));
}

/// Every page there is, after a whole story.
pub(super) async fn every_page(world: &World) -> Vec<String> {
    let done = world.ask("orders").await;
    world.decide("alice", done, "approve").await.ok();
    world.work_off().await;
    let (open, question, other) =
        (world.ask("stock").await, world.question().await, world.ask("carts").await);
    let paths = [
        "/",
        "/?group=run",
        "/overview",
        "/runs",
        "/runs/run-1",
        "/trace",
        "/trace?run=run-1",
        "/audit",
        "/policy",
        "/batch",
    ];
    let mut paths: Vec<String> = paths.into_iter().map(str::to_owned).collect();
    paths.extend([done, open, question].map(|id| format!("/requests/{id}")));
    paths.push(format!("/batch?id={open}&id={other}"));
    paths
}

#[tokio::test]
async fn every_page_speaks_both_languages() {
    let world = world().await;
    for path in every_page(&world).await {
        for (asked, who) in
            [("en", "alice"), ("ru-RU,ru;q=0.9", "alice"), ("ru", "operator"), ("ru", "auditor")]
        {
            let page = world.page_in(asked, who, &path).await;
            let language = &asked[..2];
            assert_eq!(page.all("html")[0].attr("lang"), Some(language), "{path}");
            let cyrillic = page.text("footer").contains("Язык");
            assert_eq!(cyrillic, language == "ru", "{path}");
        }
    }
}

#[tokio::test]
async fn language_and_theme_are_chosen_and_kept() {
    let world = world().await;
    let sent = [("language", "ru"), ("theme", "dark"), ("return_to", "/runs?status=waiting")];
    let changed = world.submit("alice", "/settings", &sent).await;
    assert_eq!(changed.leads_to(), "/runs?status=waiting");
    let cookies: Vec<_> = changed
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|value| value.to_str().unwrap().split(';').next().unwrap())
        .collect();
    assert_eq!(cookies, ["countersign-language=ru", "countersign-theme=dark"]);
    let silenced = world.submit("alice", "/settings", &[("keys", "off"), ("return_to", "/runs")]).await;
    assert!(silenced.headers[header::SET_COOKIE].to_str().unwrap().starts_with("countersign-keys=off;"));
    let elsewhere =
        world.submit("alice", "/settings", &[("theme", "pink"), ("return_to", "//evil.example")]).await;
    assert_eq!((elsewhere.leads_to(), elsewhere.headers.get(header::SET_COOKIE)), ("/", None));
}

#[tokio::test]
async fn another_site_changes_no_language_or_theme() {
    let with_sign_in = world().await;
    let without = world_of(HttpSettings::default(), None).await;
    let ours = [("sec-fetch-site", "same-origin"), ("origin", PUBLIC_URL)];
    let others = [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")];
    let elsewhere = [("origin", "https://evil.example")];
    let changed = async |world: &World, (name, value): (&'static str, &str)| {
        let mut request = form(call(Method::POST, "", "/settings", None), &[("theme", "dark")]);
        request.headers_mut().insert(name, value.parse().unwrap());
        let answered = world.shown(request).await;
        let cookie = answered.headers.contains_key(header::SET_COOKIE);
        assert_eq!(cookie, answered.status == StatusCode::SEE_OTHER);
        assert!(cookie || answered.source.contains("request_forged"), "{}", answered.source);
        cookie
    };
    for header in ours {
        assert!(changed(&with_sign_in, header).await && changed(&without, header).await, "{header:?}");
    }
    for header in others {
        assert!(!changed(&with_sign_in, header).await && !changed(&without, header).await, "{header:?}");
    }
    for header in elsewhere {
        assert!(!changed(&with_sign_in, header).await, "{header:?}");
    }
}

#[tokio::test]
async fn a_page_goes_on_where_it_was_made() {
    let settings = HttpSettings { stream_duration: Duration::from_millis(50), ..HttpSettings::default() };
    let world = world_with(settings).await;
    let before = world.ask("orders").await;
    let page = world.page("alice", "/").await.good();
    let place = page.all("body")[0].attr("data-follows").unwrap().to_owned();
    let after = world.ask("stock").await;
    let told = world.page("alice", &format!("/api/v1/stream?cursor={place}")).await.good();
    assert!(
        told.source.contains(&after.to_string()) && !told.source.contains(&before.to_string()),
        "{}",
        told.source
    );
}

#[tokio::test]
async fn what_pages_load_is_sent_again_only_when_it_has_changed() {
    let world = world().await;
    let mut tags = Vec::new();
    for path in ["/assets/console.css", "/assets/console.js", "/assets/icon.svg"] {
        let whole = world.page("", path).await.good();
        let tag = whole.headers[header::ETAG].clone();
        let asked = async |tag: HeaderValue, encoding: &str| {
            let mut request = call(Method::GET, "", path, None);
            request.headers_mut().insert(header::IF_NONE_MATCH, tag);
            request.headers_mut().insert(header::ACCEPT_ENCODING, encoding.parse().unwrap());
            world.app.clone().oneshot(request).await.unwrap()
        };
        for encoding in ["identity", "gzip"] {
            let known = asked(tag.clone(), encoding).await;
            assert_eq!(known.status(), StatusCode::NOT_MODIFIED, "{path}");
            assert_eq!(
                (&known.headers()[header::ETAG], &known.headers()[header::CACHE_CONTROL]),
                (&tag, &HeaderValue::from_static("no-cache"))
            );
            assert!(to_bytes(known.into_body(), usize::MAX).await.unwrap().is_empty());
        }
        assert_eq!(
            asked(HeaderValue::from_static("W/\"of-before\""), "identity").await.status(),
            StatusCode::OK
        );
        assert!(!tags.contains(&tag), "each has its own");
        tags.push(tag);
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_on_a_page() {
    let world = world().await;
    let missing = world.page("alice", &format!("/requests/{}", uuid())).await;
    assert_eq!(
        (missing.status, missing.text("h1")),
        (StatusCode::NOT_FOUND, "There is nothing here".to_owned())
    );
    let nowhere = world.page("alice", "/no/such/page").await;
    assert_eq!(
        (nowhere.status, nowhere.text("h1")),
        (StatusCode::NOT_FOUND, "There is nothing here".to_owned())
    );
    let method = world.submit("alice", "/runs", &[]).await;
    assert_eq!(
        (method.status, method.text("h1")),
        (StatusCode::METHOD_NOT_ALLOWED, "That can't be done".to_owned())
    );
    assert_eq!(method.headers[header::ALLOW], "GET,HEAD");
    world.store.set_unreachable(true);
    let down = world.page_in("ru", "alice", "/").await;
    assert_eq!(down.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(down.text(".lead"), "Хранилище сейчас недоступно. Ничего не изменено; попробуйте ещё раз.");
    let id = down.headers["x-request-id"].to_str().unwrap();
    assert!(down.text("p.small").ends_with(id));
}

fn uuid() -> &'static str {
    "01932d5e-7a00-7000-8000-00000000ffff"
}
