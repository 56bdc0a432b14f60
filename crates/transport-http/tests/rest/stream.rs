//! The stream: what it tells, where it goes on, when it ends.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::{HeaderValue, Method, StatusCode, header};
use countersign_approvals::{Choice, InputMode};
use countersign_kernel::{Proof, RedactedText};
use countersign_testkit::build::principal;
use countersign_transport_http::HttpSettings;
use countersign_usecases::Identity;
use countersign_usecases::access::SEATS_PER_CALLER;
use countersign_usecases::decisions::decide::Decision;
use countersign_usecases::decisions::decide_request;
use countersign_usecases::look::get_request;
use countersign_usecases::paging;
use countersign_usecases::policy_text::activate_policy;
use countersign_usecases::port::{EventCursor, EventFilter};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use tower::ServiceExt as _;

use crate::support::{World, call, deps, operations, world, world_with};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// One message of a stream.
#[derive(Debug, Default, PartialEq)]
struct Message {
    event: String,
    id: Option<String>,
    data: Value,
}

/// An open stream, read message by message as the standard has it.
struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    async fn open(world: &World, query: &str) -> Self {
        Self::open_after(world, query, None).await
    }

    async fn open_after(world: &World, query: &str, last: Option<&str>) -> Self {
        Self::open_as("viewer", world, query, last).await
    }

    async fn open_as(who: &str, world: &World, query: &str, last: Option<&str>) -> Self {
        let mut request = call(Method::GET, who, &format!("/api/v1/stream{query}"), None);
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(last) = last {
            request.headers_mut().insert("last-event-id", last.parse().unwrap());
        }
        let response = world.app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next message; none when the stream is over.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(message) = parse(&block) {
                    return Some(message);
                }
                continue;
            }
            let bytes = timeout(PATIENCE, self.body.next()).await.expect("the stream says nothing")?;
            self.text.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
        }
    }

    /// The place where the stream begins.
    async fn ready(&mut self) -> String {
        let message = self.next().await.unwrap();
        assert_eq!(message.event, "ready");
        message.id.unwrap()
    }

    /// The next change: what kind of thing and to which request.
    async fn change(&mut self) -> (String, String) {
        let message = self.next().await.unwrap();
        assert_eq!(message.event, "change");
        let text = |member: &str| message.data[member].as_str().unwrap_or_default().to_owned();
        (text("type"), text("request_id"))
    }
}

fn parse(block: &str) -> Option<Message> {
    let mut message = Message::default();
    for line in block.lines().filter(|line| !line.starts_with(':')) {
        let (field, value) = line.split_once(": ").unwrap();
        match field {
            "event" => message.event = value.to_owned(),
            "id" => message.id = Some(value.to_owned()),
            "data" => message.data = serde_json::from_str(value).unwrap(),
            "retry" => assert_eq!(value, "1000"),
            other => panic!("a field `{other}`"),
        }
    }
    (!message.event.is_empty()).then_some(message)
}

#[tokio::test]
async fn a_stream_begins_now_and_tells_each_change_once_and_in_order() {
    let world = world().await;
    world.ask("before").await;
    let mut stream = Stream::open(&world, "").await;
    stream.ready().await;
    let id = world.ask("orders").await;
    world.decide("alice", id, "deny").await.ok();
    let queries = world.services.queries();
    let filter = EventFilter { request: Some(id), ..EventFilter::default() };
    let recorded = queries.list_events(&filter, None, 100).await.unwrap().events;
    assert!(recorded.len() > 3);
    let mut told = Vec::new();
    while told.len() < recorded.len() {
        let message = stream.next().await.unwrap();
        if message.data["request_id"] == id.to_string() {
            told.push((message.data["id"].clone(), message.data["type"].clone()));
        }
    }
    let recorded: Vec<_> = recorded
        .iter()
        .map(|event| (Value::from(event.event_id.clone()), Value::from(event.event_type.clone())))
        .collect();
    assert_eq!(told, recorded);
}

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing() {
    let world = world().await;
    let mut stream = Stream::open(&world, "?type=approval.requested").await;
    let place = stream.ready().await;
    let first = world.ask("first").await.to_string();
    let message = stream.next().await.unwrap();
    assert_eq!(message.data["request_id"], first);
    let later = message.id.unwrap();
    drop(stream);
    let second = world.ask("second").await.to_string();

    let asked = |request: &str| ("approval.requested".to_owned(), request.to_owned());
    let mut again = Stream::open_after(&world, "?type=approval.requested", Some(&later)).await;
    assert_eq!(again.ready().await, later);
    assert_eq!(again.change().await, asked(&second));

    // As `cursor`, for whoever can't send the header; the header is newer where both are there.
    let with_cursor = format!("?type=approval.requested&cursor={place}");
    let mut whole = Stream::open(&world, &with_cursor).await;
    assert_eq!(whole.ready().await, place);
    assert_eq!(whole.change().await, asked(&first));
    assert_eq!(whole.change().await, asked(&second));
    let mut both = Stream::open_after(&world, &with_cursor, Some(&later)).await;
    assert_eq!(both.ready().await, later);
}

#[tokio::test]
async fn a_filter_narrows_the_stream() {
    let world = world().await;
    world.register("run-2").await;
    let mut requested = Stream::open(&world, "?type=approval.requested&run=run-1&project=shop").await;
    let mut of_the_other_run = Stream::open(&world, "?run=run-2").await;
    requested.ready().await;
    of_the_other_run.ready().await;
    let (one, two) = (world.ask("one").await.to_string(), world.ask("two").await.to_string());
    assert_eq!(requested.change().await, ("approval.requested".to_owned(), one));
    assert_eq!(requested.change().await, ("approval.requested".to_owned(), two));
    let quiet = timeout(Duration::from_millis(300), of_the_other_run.body.next()).await;
    assert!(quiet.is_err(), "nothing happened to the other run: {quiet:?}");
}

#[tokio::test]
async fn a_place_of_another_stream_is_refused() {
    let world = world().await;
    let place = Stream::open(&world, "").await.ready().await;
    let mut request =
        call(Method::GET, "viewer", &format!("/api/v1/stream?type=run.&cursor={place}&state=x"), None);
    request.headers_mut().insert("last-event-id", HeaderValue::from_static("made up"));
    let refused = world.send(request).await;
    assert_eq!(refused.refused(400), "invalid_request");
    let rule = "must be a `next_cursor` of this very list and filter";
    assert_eq!(
        refused.fields(),
        [
            "query /state: is not known; known are `run`, `request`, `project`, `type`, `cursor`".to_owned(),
            format!("query /cursor: {rule}"),
            format!("header /Last-Event-ID: {rule}"),
        ]
    );
    // Browsers send an empty one before any message had an id.
    Stream::open_after(&world, "", Some("")).await.ready().await;
}

#[tokio::test]
async fn a_place_that_was_not_given_out_is_refused_so_that_no_log_is_read_from_its_beginning() {
    let world = world().await;
    world.ask("before").await;
    let (filter, beginning) = (EventFilter::default(), EventCursor("0".to_owned()));
    let (stream, list) = (format!("rest stream {filter:?}"), format!("rest events {filter:?}"));
    let ready = Stream::open(&world, "").await.ready().await;
    let of_the_log = world.get("auditor", "/api/v1/events?limit=1").await;
    let forged = [
        "0".to_owned(),
        paging::token(&stream, &beginning),
        // Another list's, sealed by us; one of the log itself, to which viewers have no right; and one of ours, changed.
        paging::sealed_token(&world.services, &list, &beginning).unwrap(),
        of_the_log.ok()["next_cursor"].as_str().unwrap().to_owned(),
        format!("A{}", &ready[1..]),
    ];
    for place in forged {
        let refused = world.get("viewer", &format!("/api/v1/stream?cursor={place}")).await;
        assert_eq!(refused.refused(400), "invalid_request", "{place}");
        let mut request = call(Method::GET, "viewer", "/api/v1/stream", None);
        request.headers_mut().insert("last-event-id", place.parse().unwrap());
        assert_eq!(world.send(request).await.refused(400), "invalid_request", "{place}");
    }
}

#[tokio::test]
async fn what_is_about_no_run_is_told_to_those_only_who_may_list_it() {
    let world = world().await;
    let mut streams = Vec::new();
    for who in ["viewer", "approver", "operator", "auditor"] {
        let mut stream = Stream::open_as(who, &world, "", None).await;
        stream.ready().await;
        streams.push((who, stream));
    }
    let by = Identity::new(principal("user:github:root"), Proof::BearerToken);
    let text = format!("{}\n# another", countersign_testkit::policy::TEXT);
    activate_policy(&world.services, &text, &by).await.unwrap();
    world.register("run-after").await;
    for (who, mut stream) in streams {
        let (first, _) = stream.change().await;
        let may_list = world.get(who, "/api/v1/events").await.status == StatusCode::OK;
        assert_eq!(first == "policy.loaded", may_list, "`{who}` heard of `{first}` first");
        assert_eq!(first == "run.registered", !may_list, "`{who}` heard of `{first}` first");
    }
}

#[tokio::test]
async fn a_stream_ends_so_that_its_caller_proves_again_who_they_are() {
    let settings = HttpSettings { stream_duration: Duration::from_millis(50), ..HttpSettings::default() };
    let world = world_with(settings).await;
    let mut stream = Stream::open(&world, "").await;
    stream.ready().await;
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_ended_too() {
    let settings = HttpSettings { stream_duration: Duration::from_millis(500), ..HttpSettings::default() };
    let world = world_with(settings).await;
    let place = Stream::open(&world, "").await.ready().await;
    for number in 0..200 {
        world.register(&format!("run-{number}-of-many")).await;
    }
    let mut unread = Stream::open(&world, &format!("?cursor={place}")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    unread.ready().await;
    let mut told = 0;
    while unread.next().await.is_some() {
        told += 1;
    }
    assert!((1..200).contains(&told), "{told} were told, more than wait for a reader");
}

#[tokio::test]
async fn one_person_holds_so_many_streams() {
    let world = world().await;
    let mut held = Vec::new();
    for _ in 0..SEATS_PER_CALLER {
        held.push(Stream::open(&world, "").await);
    }
    let refused = world.get("viewer", "/api/v1/stream").await;
    assert_eq!(refused.refused(429), "too_many_streams");
    assert_eq!(refused.headers[header::RETRY_AFTER], "1");
    held.pop();
    // The seat is given back once the stream's own task has noticed.
    timeout(PATIENCE, async {
        while world
            .app
            .clone()
            .oneshot(call(Method::GET, "viewer", "/api/v1/stream", None))
            .await
            .unwrap()
            .status()
            != StatusCode::OK
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_stream_that_begins_after_all_others_have_ended_hears_too() {
    let world = world().await;
    for round in 0..3 {
        let mut stream = Stream::open(&world, "?type=approval.requested").await;
        stream.ready().await;
        let id = world.ask(&format!("round-{round}")).await.to_string();
        assert_eq!(stream.change().await.1, id);
        drop(stream);
        // Long enough for the looking to have ended.
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

#[tokio::test]
async fn only_who_takes_a_stream_gets_one() {
    let world = world().await;
    let mut request = call(Method::GET, "viewer", "/api/v1/stream", None);
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    assert_eq!(world.send(request).await.refused(406), "not_acceptable");
    let mut request = call(Method::GET, "viewer", "/api/v1/policy", None);
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    assert_eq!(world.send(request).await.refused(406), "not_acceptable");
}

/// A server on a port of its own, until it is told to stop.
async fn served(world: &World) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let deps = deps(world.services.clone(), HttpSettings::default());
    let serving = tokio::spawn(countersign_transport_http::serve(operations(), deps, listener, async {
        let _ = stopped.await;
    }));
    (address, stop, serving)
}

/// Asks for this, and reads until the answer has said so much.
async fn begin(mut connection: TcpStream, who: &str, path: &str, said: &str) -> (TcpStream, String) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: countersign\r\nauthorization: Bearer {who}\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.contains(said) {
        let mut bytes = [0; 4096];
        let read = timeout(PATIENCE, connection.read(&mut bytes)).await.unwrap().unwrap();
        answer.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    (connection, answer)
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let world = world().await;
    let (address, stop, serving) = served(&world).await;
    let connection = TcpStream::connect(address).await.unwrap();
    let (mut connection, _) = begin(connection, "viewer", "/api/v1/stream", "event: ready").await;
    stop.send(()).unwrap();
    timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
    let mut rest = String::new();
    timeout(PATIENCE, connection.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "the stream was cut instead of ended: {rest}");
}

/// Somebody denies what is asked for, with many words.
async fn deny_at_length(world: &World, name: &str) {
    let id = world.ask(name).await;
    let request = get_request(&world.services, id).await.unwrap().request;
    // Each sign is shown by its name.
    let reason = format!("no{}", "\u{200b}".repeat(998));
    let decision = Decision {
        choice: Choice::Deny,
        seen: request.proposal.plan_digest,
        reason: Some(RedactedText::parse(&reason, 0, 1000).unwrap()),
        input_mode: InputMode::Text,
    };
    let alice = Identity::new(principal("user:github:alice"), Proof::BearerToken);
    decide_request(&world.services, id, &decision, &alice).await.unwrap();
}

#[tokio::test]
async fn an_export_is_cut_when_the_server_stops_and_seen_to_be() {
    let world = world().await;
    // More than fits between a server and a client that doesn't read.
    for number in 0..600 {
        deny_at_length(&world, &format!("n{number}")).await;
    }
    let (address, stop, serving) = served(&world).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16_384).unwrap();
    let connection = socket.connect(address).await.unwrap();
    let (mut connection, begun) = begin(connection, "auditor", "/audit/export", "policy_digest,detail").await;
    // Long enough for everything between them to be full.
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut rest = Vec::new();
    // Cut off, it may end as broken or as closed.
    let _ = timeout(PATIENCE, connection.read_to_end(&mut rest)).await.unwrap();
    timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
    let file = format!("{begun}{}", String::from_utf8_lossy(&rest));
    assert!(!file.ends_with("0\r\n\r\n"), "a file that was cut looks whole");
    let told = file.matches("approval.denied").count();
    assert!(told < 600, "all {told} denials are there: nothing was cut");
}
