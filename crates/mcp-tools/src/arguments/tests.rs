//! What `Arguments` says of wrong input.

use countersign_kernel::Environment;
use serde_json::json;

use super::*;

const KNOWN: [&str; 4] = ["environment", "kubernetes_namespace", "length", "links_to_code"];

fn said(violations: &Violations) -> Vec<String> {
    violations.iter().map(|one| format!("{}: {}", one.path, one.rule)).collect()
}

#[test]
fn unknown_fields_are_named_with_what_was_probably_meant() {
    let cases = [
        ("enviroment", "did you mean `environment`?"),
        ("namespace", "did you mean `kubernetes_namespace`?"),
        ("kubernetes-namespace", "did you mean `kubernetes_namespace`?"),
        ("zzz", "the fields are environment, kubernetes_namespace, length, links_to_code"),
        ("value", "generated inside the tool"),
        ("secret_value", "generated inside the tool"),
        ("PASSWORD", "generated inside the tool"),
        ("githubToken", "generated inside the tool"),
    ];
    for (field, expected) in cases {
        let given = json!({ field: "x" });
        let error = Arguments::read(&given, &KNOWN).finish(Some(())).unwrap_err();
        let said = said(&error);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with(field) && said[0].contains(expected), "{said:?}");
    }
}

#[test]
fn of_very_many_unknown_fields_only_the_first_are_named() {
    let given = (0..1_000).map(|number| (format!("zzz{number:04}"), json!(0))).collect::<Map<_, _>>();
    let given = Value::Object(given);
    let said = said(&Arguments::read(&given, &KNOWN).finish(Some(())).unwrap_err());
    assert_eq!(said.len(), MOST_UNKNOWN + 1);
    assert_eq!(said[MOST_UNKNOWN], "arguments: has 950 more fields that are unknown");
}

#[test]
fn a_secret_is_not_repeated_whether_it_is_a_field_name_or_a_value() {
    let token = "ghp_abcdefghijklmnop0123456789ABCDEF";
    let given = json!({ token: 1, "environment": token });
    let mut arguments = Arguments::read(&given, &KNOWN);
    assert_eq!(arguments.name::<Environment>("environment"), None);
    let error = arguments.finish(Some(())).unwrap_err();
    assert_eq!(error.iter().count(), 2);
    assert!(!error.to_string().contains("ghp_abc"), "{error}");
}

#[test]
fn whatever_is_not_an_object_is_one_violation() {
    for given in [json!(null), json!([]), json!("x"), json!(1)] {
        let mut arguments = Arguments::read(&given, &KNOWN);
        arguments.require("environment");
        let error = arguments.finish::<()>(None).unwrap_err();
        assert_eq!(said(&error), ["arguments: must be an object"]);
    }
}

#[test]
fn whole_numbers_may_come_as_floats_and_nothing_else_passes() {
    for (given, expected) in [
        (json!(16), Some(16)),
        (json!(256), Some(256)),
        (json!(32.0), Some(32)),
        (json!(15), None),
        (json!(257), None),
        (json!(-1), None),
        (json!(32.5), None),
        (json!(1e300), None),
        (json!(u64::MAX), None),
        (json!("32"), None),
        (json!(null), None),
    ] {
        let object = json!({ "length": given });
        let mut arguments = Arguments::read(&object, &KNOWN);
        assert_eq!(arguments.integer("length", 16..=256), expected, "{given}");
        assert_eq!(arguments.finish(Some(())).is_ok(), expected.is_some(), "{given}");
    }
}

#[test]
fn links_are_https_without_credentials_and_every_bad_one_is_named() {
    let given = json!({"links_to_code": [
        {"text": "the change", "url": "https://example.com/acme/shop/pull/17"},
        {"text": " ", "url": "http://example.com/"},
        {"text": "x", "url": "https://me:pw@example.com/"},
        {"text": 1, "link": "https://example.com/"},
        "https://example.com/",
    ]});
    let mut arguments = Arguments::read(&given, &KNOWN);
    assert_eq!(arguments.links("links_to_code").len(), 1);
    let error = arguments.finish(Some(())).unwrap_err();
    let paths: Vec<_> = error.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "links_to_code[1].text",
            "links_to_code[1].url",
            "links_to_code[2].url",
            "links_to_code[3].link",
            "links_to_code[3].url",
            "links_to_code[3].text",
            "links_to_code[4]",
        ]
    );
    assert!(!error.to_string().contains("me:pw"), "{error}");
}

#[test]
fn prose_counts_what_is_left_after_trimming_below_and_what_was_sent_above() {
    for (text, good) in [("  ab  ", false), ("  abc ", true), ("abc       ", true), ("abc        ", false)] {
        let given = json!({ "environment": text });
        let mut arguments = Arguments::read(&given, &KNOWN);
        assert_eq!(arguments.prose("environment", 3, 10).is_some(), good, "{text:?}");
        assert_eq!(arguments.finish(Some(())).is_ok(), good, "{text:?}");
    }
}

#[test]
fn every_wrong_item_of_a_list_is_named_by_its_place() {
    let read = |given: serde_json::Value| {
        let object = json!({ "length": given });
        let mut arguments = Arguments::read(&object, &KNOWN);
        let even = |text: &str| text.len().is_multiple_of(2);
        let list = arguments.patterned_list("length", 1..=3, "must be even", even);
        let list = list.map(|texts| texts.into_iter().map(str::to_owned).collect::<Vec<_>>());
        arguments.finish(list).map_err(|error| said(&error))
    };
    assert_eq!(read(json!(["ab", ""])).unwrap(), ["ab", ""]);
    let wrong = ["length[1]: must be even", "length[2]: must be a string"];
    assert_eq!(read(json!(["ab", "a", 7])).unwrap_err(), wrong);
    assert_eq!(read(json!([])).unwrap_err(), ["length: must have 1 to 3 items, has 0"]);
    assert_eq!(read(json!("ab")).unwrap_err(), ["length: must be a list"]);
}
