//! The entry against the page that describes it to others, against every other spelling of itself, and after erasure.
#![expect(clippy::unwrap_used, reason = "a test's own fixtures are well-formed")]

use countersign_audit::{
    AuditEvent, Entry, EntryError, EventType, MAX_ENTRY_BYTES, Pseudonym, Salt, commitment, decode_entry,
    encode_entry, verify_detail,
};
use countersign_kernel::{
    Actor, ActorKind, CanonicalError, Digest, EventId, Principal, ProjectKey, Proof, RunId, Timestamp,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const PAGE: &str = include_str!("../../../docs/audit-entry.md");

/// The worked example of the page, computed with Python's `hmac`, `hashlib` and `json`.
const EXAMPLE: &str = concat!(
    r#"{"actor":"p_000102030405060708090a0b0c0d0e0f","at":"2023-11-14T22:13:20.000042Z","#,
    r#""commitment":"hmac-sha256:c88b6129e8939751f76ef965080a8b5ec29e999ce3685dbf03930d4345381e33","#,
    r#""correlation_id":"018bcfe5-6418-7b0b-8b0b-0b0b0b0b0b0b","event_id":"018bcfe5-6800-7001-8203-040506070809","#,
    r#""plan_digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","#,
    r#""policy_digest":"sha256:09bfcc6a14b83e2192b8673677725c84883ee9cd0c70e45c9ec09daa8f2b2847","#,
    r#""request":"018bcfe5-6418-7a0a-8a0a-0a0a0a0a0a0a","run":"run-42","type":"approval.voted","version":1}"#,
);

/// The smallest example of the page.
const BARE: &str = concat!(
    r#"{"actor":"system:loader","at":"1970-01-01T00:00:00.000000Z","#,
    r#""commitment":"hmac-sha256:22f8eea909400af98adf3681a9f31923ef6b7fcba4abb553d92823a3e9d5c25e","#,
    r#""correlation_id":null,"event_id":"00000000-0000-7000-8000-000000000000","plan_digest":null,"#,
    r#""policy_digest":null,"request":null,"run":null,"type":"policy.rejected","version":1}"#,
);

fn salt() -> Salt {
    Salt::parse("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap()
}

fn detail() -> Value {
    json!({ "reason": "Naïve café: rotate \"now\"\n", "quorum": 2, "approvals": 1, "as_sole_owner": false })
}

fn example() -> AuditEvent {
    let alice = Principal::parse("user:github:alice").unwrap();
    AuditEvent {
        id: "018bcfe5-6800-7001-8203-040506070809".parse().unwrap(),
        at: Timestamp::from_unix_micros(1_700_000_000_000_042),
        event_type: EventType::ApprovalVoted,
        actor: Actor::staff(&alice, Proof::BearerToken),
        actor_pseudonym: Pseudonym::from_random([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
        run: Some(RunId::parse("run-42").unwrap()),
        request: Some("018bcfe5-6418-7a0a-8a0a-0a0a0a0a0a0a".parse().unwrap()),
        correlation_id: Some("018bcfe5-6418-7b0b-8b0b-0b0b0b0b0b0b".parse().unwrap()),
        project: Some(ProjectKey::parse("shop").unwrap()),
        policy_digest: Some(Digest::of_bytes(b"version: 1\n")),
        plan_digest: Some(Digest::of_bytes(b"{}")),
        detail: detail(),
        salt: salt(),
    }
}

fn bare() -> AuditEvent {
    let actor = Actor::system("loader");
    let epoch = Timestamp::from_unix_micros(0);
    AuditEvent {
        id: EventId::from_parts(epoch, [0; 10]),
        at: epoch,
        event_type: EventType::PolicyRejected,
        actor_pseudonym: Pseudonym::of_role(&actor).unwrap(),
        actor,
        run: None,
        request: None,
        correlation_id: None,
        project: None,
        policy_digest: None,
        plan_digest: None,
        detail: json!({}),
        salt: Salt::from_random([0; 32]),
    }
}

fn encoded(event: &AuditEvent) -> String {
    String::from_utf8(encode_entry(event).unwrap()).unwrap()
}

/// Whether `text` stands in the page as an indented line of its own.
fn on_page(text: &str) -> bool {
    PAGE.lines().any(|line| line.strip_prefix("    ") == Some(text))
}

#[test]
fn the_worked_example_is_what_the_code_writes() {
    let entry = encoded(&example());
    assert_eq!(entry, EXAMPLE);
    assert!(on_page(&entry), "the page shows another entry");
    assert!(PAGE.contains(&format!("this entry of {} bytes", entry.len())));

    let canonical = String::from_utf8(countersign_kernel::to_canonical(&detail()).unwrap()).unwrap();
    assert!(on_page(&canonical));
    assert!(PAGE.contains(&format!("in its {} canonical bytes", canonical.len())));

    let commitment = hex::encode(commitment(&detail(), &salt()).unwrap());
    assert_eq!(commitment, "c88b6129e8939751f76ef965080a8b5ec29e999ce3685dbf03930d4345381e33");
    assert!(on_page(&commitment) && on_page(&salt().to_hex()));
    assert!(on_page(&hex::encode(Sha256::digest(&entry))));
    assert!(on_page(&hex::encode(Sha256::new().chain_update([0]).chain_update(&entry).finalize())));
}

#[test]
fn an_event_about_nothing_in_particular_has_nulls() {
    let entry = encoded(&bare());
    assert_eq!(entry, BARE);
    assert!(on_page(&entry) && PAGE.contains(&format!("is an entry of {} bytes", entry.len())));
}

#[test]
fn reads_back_what_it_wrote() {
    let event = example();
    let entry = decode_entry(EXAMPLE.as_bytes()).unwrap();
    let expected = Entry {
        event: event.id,
        at: event.at,
        event_type: event.event_type,
        actor: event.actor_pseudonym,
        run: event.run,
        request: event.request,
        correlation_id: event.correlation_id,
        policy_digest: event.policy_digest,
        plan_digest: event.plan_digest,
        commitment: commitment(&event.detail, &event.salt).unwrap(),
    };
    assert_eq!(entry, expected);
}

/// The example with one part of its text replaced; fails when the part isn't there, so that no case can go stale.
fn tampered(from: &str, to: &str) -> Result<Entry, EntryError> {
    assert!(EXAMPLE.contains(from), "{from}");
    decode_entry(EXAMPLE.replacen(from, to, 1).as_bytes())
}

#[test]
fn refuses_other_spellings_of_the_same() {
    let cases = [
        ("{\"actor\"", "{ \"actor\""),
        (",\"version\":1}", ",\"version\":1}\n"),
        (",\"version\":1}", ",\"version\":1,\"version\":1}"),
        ("{\"actor\"", "{\"version\":1,\"actor\""),
        ("\"run\":\"run-42\"", "\"run\":\"\\u0072un-42\""),
        (".000042Z", ".000042+00:00"),
        ("22:13:20.000042Z", "23:13:20.000042+01:00"),
        (".000042Z", ".0000420Z"),
        (".000042Z", ".000042000Z"),
        ("T22:13", "t22:13"),
        ("018bcfe5-6800", "018BCFE5-6800"),
        ("hmac-sha256:c88b", "hmac-sha256:C88B"),
    ];
    for (from, to) in cases {
        assert_eq!(tampered(from, to), Err(EntryError::NotCanonical), "{from} -> {to}");
    }
    let swapped = EXAMPLE.replacen(",\"version\":1", "", 1).replacen('{', "{\"version\":1,", 1);
    assert_eq!(decode_entry(swapped.as_bytes()), Err(EntryError::NotCanonical));
    assert_eq!(decode_entry(format!("\u{feff}{EXAMPLE}").as_bytes()), Err(EntryError::NotAnObject));
}

#[test]
fn refuses_unknown_missing_and_malformed_members() {
    assert_eq!(tampered("{\"actor\"", "{\"aaa\":1,\"actor\""), Err(EntryError::UnknownMember));
    let members = [
        ("actor", "\"p_000102030405060708090a0b0c0d0e0f\"", "\"user:github:alice\""),
        ("at", "\"2023-11-14T22:13:20.000042Z\"", "\"now\""),
        ("commitment", "\"hmac-sha256:", "\"sha256:"),
        ("correlation_id", "\"018bcfe5-6418-7b0b-8b0b-0b0b0b0b0b0b\"", "\"\""),
        ("event_id", "\"018bcfe5-6800-7001-8203-040506070809\"", "null"),
        ("plan_digest", "\"sha256:4413", "\"4413"),
        ("policy_digest", "\"sha256:09bf", "\"sha256:bf"),
        ("request", "\"018bcfe5-6418-7a0a-8a0a-0a0a0a0a0a0a\"", "7"),
        ("run", "\"run-42\"", "\"run 42\""),
        ("type", "\"approval.voted\"", "\"approval.liked\""),
    ];
    for (name, from, to) in members {
        assert_eq!(tampered(from, to), Err(EntryError::Member { name }), "{name}");
        // Renaming a member to `version` takes it away; the last `version` still says 1.
        let without = tampered(&format!("\"{name}\":"), "\"version\":");
        assert_eq!(without, Err(EntryError::Member { name }), "without {name}");
    }
}

#[test]
fn refuses_other_versions_and_what_is_no_entry() {
    for version in ["0", "2", "\"1\"", "1.0", "null"] {
        assert_eq!(
            tampered("\"version\":1", &format!("\"version\":{version}")),
            Err(EntryError::OtherVersion)
        );
    }
    assert_eq!(tampered(",\"version\":1", ""), Err(EntryError::OtherVersion));
    for bytes in [&b""[..], b"[]", b"null", b"{", b"\xff", b"\"{}\""] {
        assert_eq!(decode_entry(bytes), Err(EntryError::NotAnObject), "{bytes:?}");
    }
    let mut long = EXAMPLE.to_owned();
    long.push_str(&" ".repeat(MAX_ENTRY_BYTES + 1 - long.len()));
    assert_eq!(decode_entry(long.as_bytes()), Err(EntryError::TooLarge { bytes: MAX_ENTRY_BYTES + 1 }));
}

#[test]
fn a_float_in_the_detail_is_an_error() {
    let event = AuditEvent { detail: json!({ "confidence": 0.5 }), ..example() };
    let error = EntryError::Detail(CanonicalError::Float("0.5".to_owned()));
    assert_eq!(encode_entry(&event), Err(error));
}

#[test]
fn a_name_in_the_place_of_a_pseudonym_is_an_error() {
    let drawn = Pseudonym::from_random([1; 16]);
    let role = |kind, id: &str| Actor { kind, id: id.to_owned(), proof: Proof::RunToken };
    let alice = Principal::parse("user:github:alice").unwrap();
    let mismatched = [
        (role(ActorKind::Agent, "sre"), drawn.clone()),
        (role(ActorKind::Agent, "sre"), Pseudonym::parse("agent:dev").unwrap()),
        (role(ActorKind::Agent, "Alice Example"), Pseudonym::parse("agent:sre").unwrap()),
        (role(ActorKind::Policy, "x"), drawn.clone()),
        (role(ActorKind::Platform, "service:ci:launcher"), Pseudonym::parse("policy").unwrap()),
        (Actor::system("executor"), drawn.clone()),
        (Actor::staff(&alice, Proof::BearerToken), Pseudonym::parse("system:alice").unwrap()),
    ];
    for (actor, actor_pseudonym) in mismatched {
        let event = AuditEvent { actor, actor_pseudonym, ..example() };
        assert_eq!(encode_entry(&event), Err(EntryError::Pseudonym { id: event.id }), "{}", event.actor.id);
    }
    let fitting = AuditEvent {
        actor: role(ActorKind::Platform, "service:ci:launcher"),
        actor_pseudonym: drawn,
        ..example()
    };
    assert!(encode_entry(&fitting).is_ok());
}

#[test]
fn a_time_without_rfc_3339_text_is_an_error() {
    for micros in [i64::MAX, i64::MIN, -62_167_219_200_000_001] {
        let event = AuditEvent { at: Timestamp::from_unix_micros(micros), ..example() };
        assert_eq!(encode_entry(&event), Err(EntryError::Time { id: event.id }), "{micros}");
    }
    for micros in [-62_167_219_200_000_000, 253_402_207_199_999_999] {
        let event = AuditEvent { at: Timestamp::from_unix_micros(micros), ..example() };
        assert_eq!(decode_entry(&encode_entry(&event).unwrap()).unwrap().at, event.at);
    }
}

#[test]
fn the_detail_can_be_proved_with_its_salt_and_with_no_other() {
    let entry = decode_entry(EXAMPLE.as_bytes()).unwrap();
    assert!(verify_detail(&entry, &detail(), &salt()));
    assert!(!verify_detail(&entry, &detail(), &Salt::from_random([0; 32])));
    assert!(!verify_detail(&entry, &json!({}), &salt()));
    assert!(!verify_detail(&entry, &json!(0.5), &salt()));
    let mut other = detail();
    other["approvals"] = json!(2);
    assert!(!verify_detail(&entry, &other, &salt()));
}

#[test]
fn an_erased_detail_leaves_a_valid_entry() {
    // The log keeps the bytes; of the row, erasing leaves neither detail nor salt, and of `principals` no name.
    let bytes = encode_entry(&example()).unwrap();
    let entry = decode_entry(&bytes).unwrap();
    assert_eq!(
        hex::encode(Sha256::digest(&bytes)),
        "0541dcee10cc9d7eb45e7a20b4b20ac9e4305cb2c5b9faef3a374bc88815cd4e"
    );
    assert_eq!((entry.event, entry.event_type), (example().id, EventType::ApprovalVoted));
    assert!(!verify_detail(&entry, &Value::Null, &Salt::from_random([0; 32])));
    // Whoever guesses the detail can't confirm the guess: under every other salt it commits to something else.
    let guesses = (0..=255).map(|byte| commitment(&detail(), &Salt::from_random([byte; 32])).unwrap());
    assert!(guesses.into_iter().all(|guess| guess != entry.commitment));
}

#[test]
fn debug_shows_neither_detail_nor_actor_nor_salt() {
    let shown = format!("{:?}", example());
    for hidden in ["café", "alice", "000102030405060708090a0b0c0d0e0f10"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert!(shown.contains("ApprovalVoted") && shown.contains("run-42"), "{shown}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,8}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_uuid<T: From<uuid::Uuid> + std::fmt::Debug>() -> impl Strategy<Value = Option<T>> {
    any::<Option<[u8; 16]>>().prop_map(|bytes| bytes.map(|bytes| T::from(uuid::Uuid::from_bytes(bytes))))
}

fn any_digest() -> impl Strategy<Value = Option<Digest>> {
    any::<Option<[u8; 4]>>().prop_map(|bytes| bytes.map(|bytes| Digest::of_bytes(&bytes)))
}

fn any_actor() -> impl Strategy<Value = (Actor, Pseudonym)> {
    let drawn = any::<[u8; 16]>().prop_map(|bytes| {
        let principal = Principal::parse("user:github:alice").unwrap();
        (Actor::staff(&principal, Proof::BearerToken), Pseudonym::from_random(bytes))
    });
    let role = (0_u8..3, "[a-z0-9]{1,20}").prop_map(|(kind, id)| {
        let kind = [ActorKind::Agent, ActorKind::System, ActorKind::Policy][usize::from(kind)];
        let actor = Actor { kind, id, proof: Proof::Process };
        let pseudonym = Pseudonym::of_role(&actor).unwrap();
        (actor, pseudonym)
    });
    prop_oneof![drawn, role]
}

prop_compose! {
    fn any_event()(
        id in any::<[u8; 16]>(),
        micros in -62_167_219_200_000_000_i64..=253_402_207_199_999_999,
        kind in 0..EventType::ALL.len(),
        (actor, actor_pseudonym) in any_actor(),
        run in prop::option::of("[A-Za-z0-9][A-Za-z0-9._:-]{0,127}"),
        request in any_uuid(),
        correlation_id in any_uuid(),
        (policy_digest, plan_digest) in (any_digest(), any_digest()),
        detail in any_json(),
        salt in any::<[u8; 32]>(),
    ) -> AuditEvent {
        AuditEvent {
            id: uuid::Uuid::from_bytes(id).into(),
            at: Timestamp::from_unix_micros(micros),
            event_type: EventType::ALL[kind],
            actor,
            actor_pseudonym,
            run: run.map(|run| RunId::parse(&run).unwrap()),
            request,
            correlation_id,
            project: None,
            policy_digest,
            plan_digest,
            detail,
            salt: Salt::from_random(salt),
        }
    }
}

proptest! {
    #[test]
    fn every_event_goes_there_and_back(event in any_event()) {
        let bytes = encode_entry(&event).unwrap();
        prop_assert!(bytes.len() < 1024, "{} bytes", bytes.len());
        let entry = decode_entry(&bytes).unwrap();
        prop_assert_eq!(
            (entry.event, entry.at, entry.event_type, &entry.actor, &entry.run, entry.request),
            (event.id, event.at, event.event_type, &event.actor_pseudonym, &event.run, event.request)
        );
        prop_assert_eq!(
            (entry.correlation_id, entry.policy_digest, entry.plan_digest),
            (event.correlation_id, event.policy_digest, event.plan_digest)
        );
        prop_assert!(verify_detail(&entry, &event.detail, &event.salt));
    }

    #[test]
    fn no_changed_byte_is_read_as_the_same(event in any_event(), place in any::<prop::sample::Index>(), flip in 1_u8..) {
        let bytes = encode_entry(&event).unwrap();
        let mut changed = bytes.clone();
        changed[place.index(bytes.len())] ^= flip;
        // A changed digit may still be an entry; then it is another one, which its leaf hash shows.
        if let Ok(other) = decode_entry(&changed) {
            prop_assert_ne!(other, decode_entry(&bytes).unwrap());
        }
    }

    #[test]
    fn the_detail_is_never_in_the_bytes(event in any_event(), canary in "[A-Z]{16}", key in any::<bool>()) {
        let detail = if key { json!({ canary.clone(): [event.detail] }) } else { json!([canary, event.detail]) };
        let event = AuditEvent { detail, run: None, ..event };
        let entry = encoded(&event);
        prop_assert!(!entry.contains(&canary));
        prop_assert!(!entry.contains("alice"));
        prop_assert!(!entry.contains(&event.salt.to_hex()));
        // Nor can it be found by hashing a guess without the salt.
        let canonical = countersign_kernel::to_canonical(&event.detail).unwrap();
        prop_assert!(!entry.contains(&hex::encode(Sha256::digest(canonical))));
    }
}
