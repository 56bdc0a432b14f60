//! What staff do on the pages.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use countersign_kernel::{Millis, RequestId};
use countersign_mcp_tools::{ProbeOutcome, StepOutcome};
use countersign_transport_http::{HttpSettings, console_routes};
use countersign_usecases::access::Role;
use countersign_usecases::port::TranscriberError;
use serde_json::json;

use super::Shown;
use crate::support::{SPEECH, World, call, world, world_that, world_with};
use crate::voice::wave;

#[tokio::test]
async fn a_request_is_approved_with_a_click_on_what_was_shown() {
    let world = world().await;
    let id = world.ask("orders").await;
    let pressed = world.press_on("alice", id, "approve", "").await;
    let next = pressed.leads_to().to_owned();
    assert_eq!(next, format!("/requests/{id}?done=approved"));
    let page = world.page("alice", &next).await.good();
    assert_eq!(page.text(".notice.good"), "Your approval counts.");
    assert_eq!(page.text(".status .badge"), "approved, about to begin");
    world.work_off().await;
    let page = world.page("alice", &format!("/requests/{id}")).await.good();
    assert_eq!(page.text(".status .badge"), "done");
    assert!(page.all("form[action$='/decision']").is_empty(), "there is nothing left to decide");
    assert_eq!(world.tool.performed(), [1]);
}

#[tokio::test]
async fn a_denial_carries_its_reason() {
    let world = world().await;
    let id = world.ask("orders").await;
    world.press_on("alice", id, "deny", "Not before the freeze.\r\nAsk again on Monday.").await.leads_to();
    let page = world.page("bob", &format!("/requests/{id}")).await.good();
    assert_eq!(page.text(".status .badge"), "denied");
    assert!(page.texts("blockquote").contains(&"Not before the freeze. Ask again on Monday.".to_owned()));
    assert_eq!(world.count("approval.denied"), 1);
}

#[tokio::test]
async fn whoever_loses_a_race_is_told_who_was_faster_and_keeps_what_they_typed() {
    let world = world().await;
    let id = world.ask("orders").await;
    let page = world.page("alice", &format!("/requests/{id}")).await.good();
    world.decide("bob", id, "deny").await.ok();
    let typed = [("decision", "approve"), ("reason", "I was about to say yes")];
    let late = world.press("alice", &page, &format!("/requests/{id}/decision"), &typed).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let notice = late.text(".notice.bad");
    assert!(
        notice.starts_with("Somebody was faster:") && notice.contains("user:github:bob: denied"),
        "{notice}"
    );
    assert_eq!(late.text(".status .badge"), "denied");
}

#[tokio::test]
async fn another_plan_than_the_one_shown_is_asked_again_with_the_reason_kept() {
    let world = world().await;
    let id = world.ask("orders").await;
    let stale = format!("sha256:{}", "0".repeat(64));
    let fields = [("decision", "approve"), ("seen_digest", stale.as_str()), ("reason", "looks <b>right</b>")];
    let page = world.submit("alice", &format!("/requests/{id}/decision"), &fields).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.text(".notice.bad").contains("has changed since you looked"));
    assert_eq!(page.text("textarea#reason"), "looks <b>right</b>");
    let typed = [("decision", "approve"), ("reason", "looks right")];
    world.press("alice", &page, &format!("/requests/{id}/decision"), &typed).await.leads_to();
    assert_eq!(world.count("approval.approved"), 1);
}

#[tokio::test]
async fn whoever_has_decided_is_led_to_the_next_that_waits_for_them() {
    let world = world().await;
    let (first, second) = (world.ask("orders").await, world.ask("stock").await);
    let done = world.press_on("alice", first, "approve", "").await;
    let page = world.page("alice", done.leads_to()).await.good();
    assert_eq!(page.all(&format!("p > a[href='/requests/{second}']")).len(), 1, "{}", page.source);
    let forged = world.page("viewer", &format!("/requests/{second}?done=approved")).await.good();
    assert!(forged.all(".notice.good").is_empty(), "nobody is told what is not so");
}

#[tokio::test]
async fn what_breaks_a_rule_comes_back_with_the_rule() {
    let world = world().await;
    let id = world.ask("orders").await;
    let digest = world.digest(id).await;
    let long = "x".repeat(1001);
    let fields = [("decision", "perhaps"), ("seen_digest", digest.as_str()), ("reason", long.as_str())];
    let page = world.submit("alice", &format!("/requests/{id}/decision"), &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let wrong = ["decision: must be one of `approve`, `deny`", "Reason: must have at most 1000 characters"];
    assert_eq!(page.texts(".notice.bad li"), wrong);
    assert_eq!(page.text("textarea#reason"), long);
    let field = page.all("textarea#reason")[0];
    assert_eq!(field.attr("aria-invalid"), Some("true"));
    assert_eq!(field.attr("aria-describedby"), Some("reason-about reason-wrong"));
    assert_eq!(page.text("#reason-wrong"), "must have at most 1000 characters");
    let russian = world.submit_in("ru", "alice", &format!("/requests/{id}/decision"), &fields).await;
    assert_eq!(russian.text("#reason-wrong"), "не больше 1000 знаков");
    let unknown = world
        .submit("alice", &format!("/requests/{id}/decision"), &[("decision", "approve"), ("as", "bob")])
        .await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_question_is_answered_by_a_button_or_in_own_words_or_declined() {
    let world = world().await;
    let answered = async |fields: &[(&str, &str)], command: &str| {
        let id = world.question().await;
        let page = world.page("alice", &format!("/requests/{id}")).await.good();
        assert_eq!(page.texts("form.options button"), ["Option 1: red", "Option 2: blue"]);
        let action = format!("/requests/{id}/{command}");
        let digest = world.digest(id).await;
        let mut sent = vec![("seen_digest", digest.as_str())];
        sent.extend_from_slice(fields);
        world.submit("alice", &action, &sent).await.leads_to();
        world.page("alice", &format!("/requests/{id}")).await.good()
    };
    let by_button = answered(&[("option_index", "1")], "answer").await;
    assert_eq!(
        (by_button.text(".status .badge"), by_button.text(".resolution blockquote")),
        ("answered".into(), "blue".into())
    );
    let in_words = answered(&[("custom_text", "green, as before"), ("input_mode", "text")], "answer").await;
    assert_eq!(in_words.text(".resolution blockquote"), "green, as before");
    let declined = answered(&[("decision", "deny")], "decision").await;
    assert_eq!(declined.text(".status .badge"), "denied");
}

#[tokio::test]
async fn a_request_is_withdrawn_by_whom_policy_asks_and_by_operators() {
    let world = world().await;
    for who in ["alice", "operator"] {
        let id = world.ask(who).await;
        let page = world.page(who, &format!("/requests/{id}")).await.good();
        world
            .press(who, &page, &format!("/requests/{id}/cancel"), &[("reason", "not needed")])
            .await
            .leads_to();
        assert_eq!(
            world.page(who, &format!("/requests/{id}")).await.good().text(".status .badge"),
            "withdrawn"
        );
    }
    let id = world.ask("kept").await;
    assert!(
        world
            .page("viewer", &format!("/requests/{id}"))
            .await
            .good()
            .all("form[action$='/cancel']")
            .is_empty()
    );
    assert_eq!(
        world.submit("viewer", &format!("/requests/{id}/cancel"), &[]).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn an_operator_says_what_came_of_what_is_unclear() {
    let world = world().await;
    let id = world.ask("orders").await;
    world.decide("alice", id, "approve").await.ok();
    world
        .tool
        .script_step(1, StepOutcome::Unclear { code: "target_no_answer", message: "no answer".to_owned() });
    for retry in [false, true] {
        world
            .tool
            .script_probe(1, ProbeOutcome::CannotTell { why: "the target shows nothing".to_owned(), retry });
    }
    for _ in 0..2 {
        world.work_off().await;
        world.store.clock().advance(Millis::from_secs(1));
    }
    assert!(
        world
            .page("alice", &format!("/requests/{id}"))
            .await
            .good()
            .all("form[action$='/settle']")
            .is_empty()
    );
    let page = world.page("operator", &format!("/requests/{id}")).await.good();
    assert_eq!(page.text(".status .badge"), "unclear whether it was done");
    let typed = [("verdict", "applied"), ("reason", "I saw it there")];
    world.press("operator", &page, &format!("/requests/{id}/settle"), &typed).await.leads_to();
    let page = world.page("operator", &format!("/requests/{id}")).await.good();
    assert_eq!(page.text(".status .badge"), "done");
    let ended = page.text(".resolution");
    assert!(ended.contains("user:github:oscar") && ended.contains("I saw it there"), "{ended}");
}

async fn three(world: &World) -> [String; 3] {
    [world.ask("orders").await, world.ask("stock").await, world.ask("carts").await].map(|id| id.to_string())
}

#[tokio::test]
async fn several_are_decided_after_a_page_that_names_them_all() {
    let world = world().await;
    let [a, b, _] = three(&world).await;
    let page = world.page("alice", &format!("/batch?id={b}&id={a}")).await.good();
    assert_eq!(page.texts("ol.batch > li > p").len(), 2);
    assert_eq!(page.all("body")[0].attr("data-address"), Some(&*format!("/batch?id={b}&id={a}")));
    let pressed =
        world.press("alice", &page, "/batch", &[("decision", "deny"), ("reason", "Not today.")]).await;
    assert_eq!(pressed.leads_to(), "/?done=batch");
    assert_eq!(world.count("approval.denied"), 2);
    assert_eq!(
        world.page("alice", "/?done=batch").await.good().text(".notice.good"),
        "All of your decisions count."
    );
}

#[tokio::test]
async fn one_that_does_not_count_keeps_all_others_from_counting_and_is_named() {
    let world = world().await;
    let [a, b, _] = three(&world).await;
    let page = world.page("alice", &format!("/batch?id={a}&id={b}")).await.good();
    world.decide("bob", b.parse().unwrap(), "deny").await.ok();
    let refused =
        world.press("alice", &page, "/batch", &[("decision", "approve"), ("reason", "both are fine")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.texts(".notice.bad li a").join(" "), b);
    let told = refused.text(".notice.bad");
    assert!(
        told.contains("Somebody") || told.contains("user:github:bob: denied"),
        "who was faster, with what: {told}"
    );
    // The one that is over is left out when the form is sent again, and the other is decided.
    assert_eq!(refused.texts("ol.batch input[type=checkbox]").len(), 1);
    assert_eq!(refused.all("body")[0].attr("data-address"), Some(&*format!("/batch?id={a}&id={b}")));
    assert_eq!(refused.text("textarea#reason"), "both are fine");
    assert_eq!(world.count("approval.approved"), 0);
    let shown = world.get("viewer", &format!("/api/v1/approvals/{a}")).await;
    assert_eq!(shown.ok()["summary"]["state"], json!("requested"));
    assert!(world.page("alice", "/batch").await.good().text("main").contains("Nothing was selected."));
    assert_eq!(world.page("alice", "/batch?id=x").await.status, StatusCode::BAD_REQUEST);
    let again = world.press("alice", &refused, "/batch", &[("decision", "approve")]).await;
    assert_eq!(again.leads_to(), "/?done=batch");
    assert_eq!(world.count("approval.approved"), 1);
}

#[tokio::test]
async fn one_can_be_left_out_and_more_than_fifty_are_not_decided_at_once() {
    let world = world().await;
    let [a, b, _] = three(&world).await;
    let page = world.page("alice", &format!("/batch?id={a}&id={b}")).await.good();
    let only =
        page.form("/batch").into_iter().find(|(name, value)| name == "chosen" && value.starts_with(&b));
    let fields = [("id", &*a), ("id", &*b), ("chosen", &*only.unwrap().1), ("decision", "deny")];
    assert_eq!(world.submit("alice", "/batch", &fields).await.leads_to(), "/?done=batch");
    assert_eq!(world.count("approval.denied"), 1);
    let none = world.submit("alice", "/batch", &[("id", &a), ("decision", "deny"), ("reason", "why")]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        none.text(".notice.bad").contains("Nothing was selected.") && none.text("textarea#reason") == "why"
    );
    let mut many = Vec::new();
    for number in 0..51 {
        many.push(format!("id={}", world.ask(&format!("n{number}")).await));
    }
    let page = world.page("alice", &format!("/batch?{}", many.join("&"))).await.good();
    assert_eq!(page.all("ol.batch > li").len(), 50);
    assert!(page.text(".notice").contains("At most 50"));
}

#[tokio::test]
async fn a_refused_form_says_where_its_page_is_and_keeps_to_its_own_field() {
    let world = world().await;
    let id = world.ask("orders").await;
    let long = "x".repeat(1001);
    let page = world.submit("alice", &format!("/requests/{id}/cancel"), &[("reason", &long)]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(page.all("body")[0].attr("data-address"), Some(&*format!("/requests/{id}")));
    assert_eq!(page.all("input[name=return_to]")[0].attr("value"), Some(&*format!("/requests/{id}")));
    assert_eq!((page.text("textarea#withdraw-reason"), page.text("textarea#reason")), (long, String::new()));
    assert_eq!(page.all("details.withdraw[open]").len(), 1);
}

#[tokio::test]
async fn what_was_typed_is_shown_again_when_nobody_is_signed_in_any_more_or_too_much_was_asked() {
    let settings = HttpSettings { requests_per_minute: 1.try_into().unwrap(), ..HttpSettings::default() };
    let world = world_with(settings).await;
    let id = world.ask("orders").await;
    let (path, typed) =
        (format!("/requests/{id}/decision"), [("decision", "deny"), ("reason", "Not <b>today</b> & never.")]);
    let signed_out = world.submit("", &path, &typed).await;
    assert_eq!(signed_out.status, StatusCode::UNAUTHORIZED);
    assert_eq!(signed_out.text("textarea#typed"), "Not <b>today</b> & never.");
    let back = format!("/sign-in?return_to=%2Frequests%2F{id}");
    assert_eq!(signed_out.all("main a.button")[0].attr("href"), Some(&*back));
    world.page("bob", "/").await.good();
    let too_many = world.submit("bob", &path, &typed).await;
    assert_eq!(too_many.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(too_many.text("textarea#typed"), "Not <b>today</b> & never.");
    assert_eq!(too_many.all("main a.button")[0].attr("href"), Some(&*format!("/requests/{id}")));
}

const STAFF: &[&str] = &["viewer", "approver", "operator", "auditor"];
const RECORD: &[&str] = &["operator", "auditor"];
const APPROVER: &[&str] = &["approver"];

/// Every page and command of the console with who is let in, written by hand.
const LET_IN: [(&str, &str, &[&str]); 20] = [
    ("GET", "/", STAFF),
    ("GET", "/requests", STAFF),
    ("GET", "/requests/{id}", STAFF),
    ("POST", "/requests/{id}/decision", APPROVER),
    ("POST", "/requests/{id}/answer", APPROVER),
    ("POST", "/requests/{id}/decision/voice", APPROVER),
    ("POST", "/requests/{id}/answer/voice", APPROVER),
    ("POST", "/requests/{id}/cancel", &["approver", "operator"]),
    ("POST", "/requests/{id}/settle", &["operator"]),
    ("GET", "/batch", APPROVER),
    ("POST", "/batch", APPROVER),
    ("GET", "/overview", STAFF),
    ("GET", "/runs", STAFF),
    ("GET", "/runs/{id}", &["viewer", "approver", "operator", "auditor", "platform"]),
    ("GET", "/trace", STAFF),
    ("GET", "/audit", RECORD),
    ("GET", "/audit/export", RECORD),
    ("GET", "/audit/{id}", RECORD),
    ("GET", "/policy", STAFF),
    ACCOUNT,
];

/// One's own session is no page of the console's list, but one of signing in, and asks for a session.
const ACCOUNT: (&str, &str, &[&str]) = ("GET", "/account", STAFF);

#[test]
fn every_page_has_a_row_here() {
    let rows: BTreeSet<_> = LET_IN.iter().map(|(method, path, _)| (*method, *path)).collect();
    let routes = console_routes().map(|(method, path, _)| (method, path));
    let routes: BTreeSet<_> = routes.chain([(ACCOUNT.0, ACCOUNT.1)]).collect();
    assert_eq!(routes, rows, "pages and commands of the console, and those with an authorization case");
}

/// The path with what there is of its kind.
async fn filled(world: &World, path: &str) -> String {
    let id = match path.split('/').nth(1) {
        Some("requests") => world.ask("orders").await.to_string(),
        Some("runs") => "run-1".to_owned(),
        Some("audit") => world.store.rows().events[0].event_id.clone(),
        Some(_) | None => return path.to_owned(),
    };
    path.replace("{id}", &id)
}

/// Whether somebody is kept out: told so, or sent to sign in.
fn is_kept_out(answered: &Shown) -> bool {
    let to = answered.headers.get(header::LOCATION);
    to.is_some_and(|to| to.as_bytes().starts_with(b"/sign-in?"))
        || matches!(answered.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

#[tokio::test]
async fn each_page_lets_in_whom_it_should_and_nobody_else() {
    let world = world().await;
    for (method, path, let_in) in LET_IN {
        let path = filled(&world, path).await;
        for who in ["viewer", "approver", "operator", "auditor", "platform", "run-token.run-1", "mallory", ""]
        {
            // A form that no page of ours has: whoever is let in is refused for that.
            let answered = match method {
                "GET" => world.page(who, &path).await,
                _ => world.submit(who, &path, &[("nonsense", "1")]).await,
            };
            let expected = path != ACCOUNT.1 && let_in.contains(&who);
            assert_eq!(!is_kept_out(&answered), expected, "{method} {path} as `{who}`: {}", answered.status);
            assert!(!answered.status.is_server_error(), "{method} {path} as `{who}`");
            if expected && method == "GET" {
                answered.good();
            }
        }
    }
}

#[tokio::test]
async fn each_page_lets_in_the_same_people_by_their_session() {
    let world = world().await;
    let roles = [Role::Viewer, Role::Approver, Role::Operator, Role::Auditor, Role::Platform];
    for role in roles {
        let browser = world.browser_of("user:corp:somebody", &[role]).await;
        for (method, path, let_in) in LET_IN {
            let path = filled(&world, path).await;
            let fields = [("csrf_token", browser.csrf.as_str()), ("nonsense", "1")];
            let answered = match method {
                "GET" => world.page_of(&browser, &path).await,
                _ => world.submit_of(&browser, &path, &fields).await,
            };
            let expected = let_in.contains(&role.as_str());
            assert_eq!(!is_kept_out(&answered), expected, "{method} {path} as {role:?}: {}", answered.status);
            if expected && method == "GET" {
                answered.good();
            }
        }
    }
}

/// What is said to whoever launched the run that asks.
const OWN: &str = "You launched the run that asks: somebody else has to decide.";

#[tokio::test]
async fn nobody_approves_what_they_asked_for_themselves() {
    let world = world().await;
    world.register_launched_by("run-own", "user:github:alice").await;
    let id = world.ask_of("run-own", "orders").await;
    let page = world.page("alice", &format!("/requests/{id}")).await.good();
    assert!(page.text("section.decide").contains("You launched the run that asks"));
    assert!(page.all("form[action$='/decision']").is_empty());
    let digest = world.digest(id).await;
    let fields = [("decision", "approve"), ("seen_digest", digest.as_str())];
    let refused = world.submit("alice", &format!("/requests/{id}/decision"), &fields).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text(".notice.bad").contains(OWN), "{}", refused.text(".notice.bad"));
    let other = world.ask("stock").await;
    let seen_of_other = world.digest(other).await;
    let (first, second) = (format!("{other} {seen_of_other}"), format!("{id} {digest}"));
    let (id, other) = (id.to_string(), other.to_string());
    let in_batch = [
        ("id", other.as_str()),
        ("chosen", &first),
        ("id", &id),
        ("chosen", &second),
        ("decision", "approve"),
    ];
    let refused = world.submit("alice", "/batch", &in_batch).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.texts(".notice.bad li"), [format!("{id}: {OWN}")]);
    assert_eq!(world.count("approval.approved"), 0);
}

#[tokio::test]
async fn nobody_answers_or_speaks_on_what_they_asked_for_themselves() {
    let world = world().await;
    world.ear.hears("yes");
    world.register_launched_by("run-own", "user:github:alice").await;
    let (id, question) = (world.ask_of("run-own", "orders").await, world.question_of("run-own").await);
    let seen = world.digest(question).await;
    let answer = [("option_index", "0"), ("seen_digest", seen.as_str())];
    let answered = world.submit("alice", &format!("/requests/{question}/answer"), &answer).await;
    let spoken = |id: RequestId, path: &str, seen: &str| {
        let path = format!("/requests/{id}/{path}");
        with_recording("alice", &path, &[("seen_digest", seen)], &wave(80), "audio/wav")
    };
    let reason = world.shown(spoken(id, "decision/voice", &world.digest(id).await)).await;
    let own_words = world.shown(spoken(question, "answer/voice", &seen)).await;
    for refused in [answered, reason, own_words] {
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.source);
        assert!(refused.text(".notice.bad").contains(OWN), "{}", refused.text(".notice.bad"));
    }
    for nothing in ["approval.approved", "approval.answered"] {
        assert_eq!(world.count(nothing), 0, "{nothing}");
    }
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_sent_to_do_so_and_comes_back() {
    let world = world().await;
    let id = world.ask("orders").await;
    let sent = world.page("", &format!("/requests/{id}?done=approved")).await;
    assert_eq!(sent.leads_to(), format!("/sign-in?return_to=%2Frequests%2F{id}%3Fdone%3Dapproved"));
    let refused = world.submit("", &format!("/requests/{id}/decision"), &[]).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "a form is not sent twice");
    assert_eq!(refused.text("h1"), "Please sign in");
}

#[tokio::test]
async fn a_person_with_a_session_decides_by_the_form_of_the_page_only() {
    let world = world().await;
    let browser = world.browser_of("user:github:alice", &[Role::Approver]).await;
    let id = world.ask("orders").await;
    let page = world.page_of(&browser, &format!("/requests/{id}")).await.good();
    assert_eq!(page.texts("a.who[href='/account']").len(), 1);
    let fields = page.form(&format!("/requests/{id}/decision"));
    let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["seen_digest", "csrf_token", "transcript_proof"]);
    let action = format!("/requests/{id}/decision");
    let mut sent: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    sent.push(("decision", "approve"));
    let forged: Vec<_> = sent.iter().copied().filter(|(name, _)| *name != "csrf_token").collect();
    let refused = world.submit_of(&browser, &action, &forged).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(world.count("approval.approved"), 0);
    assert!(world.submit_of(&browser, &action, &sent).await.leads_to().ends_with("?done=approved"));
    assert_eq!(world.count("approval.approved"), 1);
}

/// A form with a recording in it, as a browser sends it.
fn with_recording(
    who: &str,
    path: &str,
    typed: &[(&str, &str)],
    recording: &[u8],
    kind: &str,
) -> Request<Body> {
    let mut body = Vec::new();
    for (name, value) in typed {
        let part = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--x\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"a\"\r\nContent-Type: {kind}\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(recording);
    body.extend_from_slice(b"\r\n--x--\r\n");
    let mut request = call(Method::POST, who, path, None);
    let kind = "multipart/form-data; boundary=x".parse().unwrap();
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    request.map(|_| Body::from(body))
}

#[tokio::test]
async fn r5_a_reason_is_dictated_without_a_script_and_counts_once_it_is_sent() {
    let world = world().await;
    world.ear.hears("Not before <b>the release</b>.");
    let id = world.ask("orders").await;
    let digest = world.digest(id).await;
    let (voice, decision) = (format!("/requests/{id}/decision/voice"), format!("/requests/{id}/decision"));
    let page = world.page("alice", &format!("/requests/{id}")).await.good();
    let button = page.all("#dictate-send")[0];
    assert_eq!(button.attr("formaction"), Some(voice.as_str()));
    assert!(page.all("#dictate")[0].attr("hidden").is_some(), "without a script nothing can be recorded");
    let typed = [("reason", ""), ("seen_digest", digest.as_str()), ("transcript_proof", "")];
    let page = world.shown(with_recording("alice", &voice, &typed, &wave(80), "audio/wav")).await.good();
    assert_eq!(page.text("textarea#reason"), "Not before <b>the release</b>.");
    assert!(page.text(".notice.good").starts_with("This is what was heard."));
    assert_eq!(world.count("approval.denied"), 0, "nothing counts before it is sent");
    let said = [("decision", "deny"), ("reason", "Not before <b>the release</b>."), ("audio", "a.wav")];
    world.press("alice", &page, &decision, &said).await.leads_to();
    let page = world.page("bob", &format!("/requests/{id}")).await.good();
    assert!(page.text("section[aria-labelledby=votes] li").contains("spoken"));
    let transcript = page.text("section[aria-labelledby=votes] [data-transcript]");
    assert!(transcript.starts_with("put into text by acme (whisper-1) · 93 % sure"), "{transcript}");
}

#[tokio::test]
async fn r5_an_answer_is_dictated_without_a_script_and_what_was_typed_stays() {
    let world = world().await;
    world.ear.hears("as before");
    for (typed, mode, proved) in [("", "spoken", true), ("green,", "typed", false)] {
        let id = world.question().await;
        let digest = world.digest(id).await;
        let (voice, answer) = (format!("/requests/{id}/answer/voice"), format!("/requests/{id}/answer"));
        let fields = [("custom_text", typed), ("seen_digest", digest.as_str()), ("input_mode", "text")];
        let page = world.shown(with_recording("alice", &voice, &fields, &wave(80), "audio/wav")).await.good();
        let words = page.text("textarea#custom_text");
        assert_eq!(words, format!("{typed} as before").trim());
        let proof = page.all("#transcript-proof")[0].attr("value").unwrap().to_owned();
        assert_eq!(!proof.is_empty(), proved);
        let sent = [("custom_text", words.as_str()), ("input_mode", "text"), ("transcript_proof", &proof)];
        world.press("alice", &page, &answer, &sent).await.leads_to();
        let page = world.page("alice", &format!("/requests/{id}")).await.good();
        assert!(page.text(".resolution").contains(mode), "{}", page.text(".resolution"));
        assert_eq!(page.all(".resolution [data-transcript]").len(), usize::from(proved));
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_recording_is_said_beside_what_was_typed() {
    let world = world().await;
    let id = world.ask("orders").await;
    let digest = world.digest(id).await;
    let path = format!("/requests/{id}/decision/voice");
    let typed = [("reason", "I was <i>typing</i>"), ("seen_digest", digest.as_str())];
    let said = async |recording: &[u8], kind: &str, status: u16, words: &str| {
        let page = world.shown(with_recording("alice", &path, &typed, recording, kind)).await;
        assert_eq!(page.status.as_u16(), status, "{}", page.source);
        assert!(page.text(".notice.bad").contains(words), "{}", page.text(".notice.bad"));
        assert_eq!(page.text("textarea#reason"), "I was <i>typing</i>");
    };
    world.ear.hears(" ");
    said(&wave(80), "audio/wav", 422, "Nothing was heard").await;
    said(b"", "application/octet-stream", 422, "can't be read as audio").await;
    said(b"MThd", "audio/midi", 415, "of this kind are not taken").await;
    said(b"hello", "audio/wav", 422, "can't be read as audio").await;
    said(&wave(SPEECH.max_bytes), "audio/wav", 413, "too large").await;
    world.ear.fails(TranscriberError::Unavailable { why: "it is away".to_owned() });
    said(&wave(80), "audio/wav", 503, "can't be turned into text now").await;
    world.decide("bob", id, "deny").await.ok();
    let late = world.shown(with_recording("alice", &path, &typed, &wave(80), "audio/wav")).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.text(".notice.bad").contains("user:github:bob: denied"));
    let forged = [("decision", "deny"), ("seen_digest", digest.as_str()), ("transcript_proof", "k1.AAAA")];
    let open = world.ask("stock").await;
    let seen = world.digest(open).await;
    let forged =
        forged.map(|(name, value)| (name, if name == "seen_digest" { seen.as_str() } else { value }));
    let refused = world.submit("alice", &format!("/requests/{open}/decision"), &forged).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text(".notice.bad").contains("dictated too long ago"));
}

#[tokio::test]
async fn a_form_with_a_recording_has_to_be_ours_too() {
    let world = world().await;
    world.ear.hears("no");
    let id = world.ask("orders").await;
    let digest = world.digest(id).await;
    let path = format!("/requests/{id}/decision/voice");
    let browser = world.browser_of("user:github:alice", &[Role::Approver]).await;
    let other = "a".repeat(43);
    for (token, status) in [(browser.csrf.as_str(), 200), (other.as_str(), 403)] {
        let typed = [("csrf_token", token), ("seen_digest", digest.as_str())];
        let request = with_recording("", &path, &typed, &wave(SPEECH.max_bytes - 100), "audio/wav");
        assert_eq!(world.shown(browser.shows(request)).await.status.as_u16(), status);
    }
    let elsewhere = format!("/requests/{id}/decision");
    let typed = [("csrf_token", browser.csrf.as_str())];
    let request = with_recording("", &elsewhere, &typed, &wave(8), "audio/wav");
    assert_eq!(world.shown(browser.shows(request)).await.status, StatusCode::BAD_REQUEST, "a form of text");
}

#[tokio::test]
async fn nobody_is_asked_to_speak_where_nobody_listens() {
    let world = world_that(false, HttpSettings::default(), None).await;
    for id in [world.ask("orders").await, world.question().await] {
        let page = world.page("alice", &format!("/requests/{id}")).await.good();
        assert!(page.all("#dictate, #dictate-upload, #transcript-proof").is_empty());
    }
}
