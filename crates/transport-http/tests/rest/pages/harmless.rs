//! What agents and people write does nothing on a page, and every page keeps the browser on a short lead.

use std::collections::BTreeSet;

use axum::http::header;
use countersign_kernel::RequestId;
use countersign_testkit::build::run_id;
use countersign_usecases::call_tool::call_tool;
use serde_json::json;

use super::reading::every_page;
use crate::support::{RUN, World, world};

const HOSTILE: &str =
    "</bdi></blockquote><script>alert(1)</script><img src=x onerror=alert(2)> \u{202e}evil\u{200b}";

/// A web address that shows something else than it leads to, and one that would leave its attribute.
const LINKS: [&str; 2] =
    ["https://example.com/\u{202e}gpj.exe", "https://example.com/?\"><img/src=x/onerror=alert(3)>"];

/// A question, and a request that a person has refused and one that waits: agent and person write like this wherever they can.
async fn plant(world: &World) -> [RequestId; 3] {
    let question = json!({"question": HOSTILE, "context": HOSTILE, "options": [format!("a{HOSTILE}"), "b"]});
    let asked =
        call_tool(&world.services, &run_id(RUN), "mcp_owner_feedback_request", &question).await.unwrap();
    let links = LINKS.map(|url| json!({"text": HOSTILE, "url": url}));
    let call =
        json!({"name": HOSTILE, "environment": "dev", "justification": HOSTILE, "links_to_code": links});
    let wanted = call_tool(&world.services, &run_id(RUN), "test.write", &call).await.unwrap();
    let (question, request) = (asked.request.unwrap(), wanted.request.unwrap());
    let deny = json!({"decision": "deny", "seen_digest": world.digest(request).await, "reason": HOSTILE});
    let again = json!({"name": HOSTILE, "justification": HOSTILE, "links_to_code": links});
    world.post("alice", &format!("/api/v1/approvals/{request}/decision"), deny).await.ok();
    let open = call_tool(&world.services, &run_id(RUN), "test.write", &again).await.unwrap();
    [question, request, open.request.unwrap()]
}

fn hides_nothing(text: &str, of: &str) {
    assert!(!text.contains('\u{202e}') && !text.contains('\u{200b}'), "{of}");
}

#[tokio::test]
async fn markup_and_hidden_signs_of_an_agent_are_shown_and_do_nothing() {
    let world = world().await;
    let [question, request, open] = plant(&world).await;
    let mut pages: Vec<(&str, String)> = Vec::new();
    for path in [
        format!("/requests/{question}"),
        format!("/requests/{request}"),
        format!("/requests/{open}"),
        "/".to_owned(),
        "/?group=run".to_owned(),
        "/requests".to_owned(),
        "/overview".to_owned(),
        "/runs/run-1".to_owned(),
        format!("/trace?request={request}"),
    ] {
        pages.extend([("operator", path.clone()), ("alice", path)]);
    }
    pages.push(("operator", "/audit".to_owned()));
    pages.push(("alice", format!("/batch?id={open}")));
    let events = world.store.rows().events;
    pages.extend(events.iter().map(|event| ("operator", format!("/audit/{}", event.event_id))));
    for (who, path) in pages {
        let page = world.page(who, &path).await.good();
        let scripts: Vec<_> = page.all("script").iter().map(|script| script.attr("src")).collect();
        assert_eq!(scripts, [Some("/assets/console.js")], "{path}");
        assert!(page.all("img").is_empty() && page.all("[onerror]").is_empty(), "{path}");
        hides_nothing(&page.source, &path);
    }
    let page = world.page("alice", &format!("/requests/{question}")).await.good();
    assert!(page.text("p.lead bdi").contains("<script>alert(1)</script>"), "it is shown as it was written");
    assert!(page.text("p.lead bdi").contains("<U+202E>evil<U+200B>"));
    let page = world.page("alice", &format!("/requests/{request}")).await.good();
    let words = page.texts("section.agent blockquote bdi");
    assert!(words.len() == 1 && words[0].contains("<script>alert(1)</script>"), "{words:?}");
    let outward: Vec<_> =
        page.all("section.agent a[href^='https:']").iter().map(|link| link.attr("href")).collect();
    assert_eq!(outward, [Some(LINKS[1])], "an address that hides something is no link");
}

#[tokio::test]
async fn the_record_that_is_taken_along_hides_nothing() {
    let world = world().await;
    plant(&world).await;
    for format in ["csv", "jsonl"] {
        let file = world.page("auditor", &format!("/audit/export?format={format}")).await.good();
        hides_nothing(&file.source, format);
        assert!(file.source.contains("<U+202E>evil<U+200B>"), "{format}");
        let kind = file.headers[header::CONTENT_TYPE].to_str().unwrap();
        assert!(kind.starts_with("text/csv") || kind.starts_with("application/jsonl"), "{kind}");
        assert!(file.headers[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment"));
    }
}

#[tokio::test]
async fn no_page_runs_or_loads_anything_of_others_or_is_framed() {
    let world = world().await;
    let mut paths = every_page(&world).await;
    paths.extend(["/no/such/page", "/requests/x", "/assets/console.css"].map(str::to_owned));
    for path in paths {
        let page = world.page("alice", &path).await;
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        for rule in [
            "default-src 'none'",
            "script-src 'self';",
            "style-src 'self';",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(page.headers[header::REFERRER_POLICY], "same-origin");
        let loaded = page.all("script, link, img, iframe, object, embed, form");
        for element in loaded {
            for address in ["src", "href", "action", "data"].into_iter().filter_map(|name| element.attr(name))
            {
                assert!(address.starts_with('/') && !address.starts_with("//"), "{path}: {address}");
            }
        }
        assert!(
            page.all("[style], style, [onclick], [onload]").is_empty(),
            "{path}: nothing inline is let in"
        );
        assert!(page.all("script:not([src])").is_empty(), "{path}");
    }
}

/// What a machine can see of accessibility without a browser; axe looks at the rest.
#[tokio::test]
async fn every_field_has_a_label_and_every_id_is_one() {
    let world = world().await;
    for path in every_page(&world).await {
        for who in ["alice", "operator"] {
            let page = world.page(who, &path).await;
            assert_eq!(page.all("h1").len(), 1, "{path}");
            assert_eq!(page.all("main").len(), 1, "{path}");
            let ids: Vec<_> = page.all("[id]").iter().map(|one| one.attr("id").unwrap().to_owned()).collect();
            let once: BTreeSet<_> = ids.iter().collect();
            assert_eq!(ids.len(), once.len(), "{path}: {ids:?}");
            let labelled: BTreeSet<_> =
                page.all("label[for]").iter().map(|one| one.attr("for").unwrap().to_owned()).collect();
            for field in page.all("input:not([type=hidden]), textarea, select") {
                let own = field.attr("id").is_some_and(|id| labelled.contains(id))
                    || field.attr("aria-labelledby").is_some();
                let around = field
                    .ancestors()
                    .filter_map(scraper::ElementRef::wrap)
                    .any(|one| one.value().name() == "label");
                assert!(own || around, "{path}: {:?} has no label", field.attr("name"));
            }
            for by in ["aria-labelledby", "aria-describedby"] {
                for element in page.all(&format!("[{by}]")) {
                    let named = element.attr(by).unwrap();
                    assert!(once.contains(&named.to_owned()), "{path}: nothing is called `{named}`");
                }
            }
        }
    }
}
