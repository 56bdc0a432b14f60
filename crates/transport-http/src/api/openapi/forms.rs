//! The forms of parameters as regular expressions, so that whoever reads the document knows what is taken. A test holds them against the
//! parsers.

/// Keys of projects, agents and tools.
const KEY: &str = "^[a-z0-9][a-z0-9._-]{0,63}$";
const RUN_LABEL: &str = "^[a-z0-9][a-z0-9._:-]{0,63}$";
const ACTION: &str = "^[a-z0-9][a-z0-9_-]{0,31}$";
const ENVIRONMENT: &str = "^[a-z0-9][a-z0-9_-]{0,62}$";
const RUN: &str = "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$";
/// Eighteen digits are less than what is taken, and more than anybody will count.
const NUMBERED: &str = "^[!-~]{1,200}#[1-9][0-9]{0,17}$";
/// Words of ASCII, of which eight are taken whatever they are; words of other letters are taken, too.
const SEARCH: &str = "^[ -/:-@\\[-`{-~]*[0-9A-Za-z]+([ -/:-@\\[-`{-~]+[0-9A-Za-z]+){0,7}[ -/:-@\\[-`{-~]*$";
/// Entity tags (RFC 9110, sections 8.8.3 and 13.1.1).
const ETAGS: &str = r#"^(\*|[ \t,]*(W/)?"[!#-~]*"([ \t]*,[ \t,]*(W/)?"[!#-~]*")*[ \t,]*)$"#;
const IDEMPOTENCY_KEY: &str = "^[!-~]{1,128}$";

/// The form of a parameter or of a member of a body; none where any text is as good.
pub(super) fn pattern_of(name: &str) -> Option<&'static str> {
    match name {
        "project" | "agent_key" | "tool" => Some(KEY),
        "run_label" => Some(RUN_LABEL),
        "action" => Some(ACTION),
        "environment" => Some(ENVIRONMENT),
        "run" => Some(RUN),
        "issue" | "pr" => Some(NUMBERED),
        "q" => Some(SEARCH),
        "If-Match" => Some(ETAGS),
        "Idempotency-Key" => Some(IDEMPOTENCY_KEY),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use countersign_kernel::{ActionName, AgentKey, Environment, ProjectKey, RunId, RunLabel, ToolName};
    use countersign_mcp_tools::IdempotencyKey;
    use countersign_usecases::look::Numbered;
    use countersign_usecases::search::Search;
    use serde_json::json;

    use super::*;
    use crate::api::etag::Precondition;

    type Parse = fn(&str) -> bool;

    const PARSERS: [(&str, Parse); 11] = [
        ("project", |text| ProjectKey::parse(text).is_ok()),
        ("agent_key", |text| AgentKey::parse(text).is_ok()),
        ("tool", |text| ToolName::parse(text).is_ok()),
        ("run_label", |text| RunLabel::parse(text).is_ok()),
        ("action", |text| ActionName::parse(text).is_ok()),
        ("environment", |text| Environment::parse(text).is_ok()),
        ("run", |text| RunId::parse(text).is_ok()),
        ("issue", |text| text.parse::<Numbered>().is_ok()),
        ("pr", |text| text.parse::<Numbered>().is_ok()),
        ("If-Match", |text| Precondition::read(text).is_some()),
        ("Idempotency-Key", |text| IdempotencyKey::parse(text).is_some()),
    ];

    #[test]
    fn a_search_that_fits_its_form_is_taken() {
        let schema = json!({"type": "string", "pattern": pattern_of("q")});
        let fits = jsonschema::validator_for(&schema).unwrap();
        for (text, good) in [
            ("acme/shop#17", true),
            (" -[a b c d e f g h]~ ", true),
            ("a b c d e f g h i", false),
            ("-", false),
            ("", false),
        ] {
            assert_eq!((fits.is_valid(&json!(text)), text.parse::<Search>().is_ok()), (good, good), "{text}");
        }
        // Of what is taken the form shows a part.
        assert!(!fits.is_valid(&json!("ünal")) && "ünal".parse::<Search>().is_ok());
    }

    #[test]
    fn what_fits_the_form_is_what_is_taken() {
        let long = [32, 33, 63, 64, 65, 128, 129].map(|length| "a".repeat(length));
        let written = [
            "",
            "a",
            "A",
            "7",
            "-a",
            ".a",
            "a-",
            "a.b",
            "a_b",
            "a:b",
            "A:b",
            "a b",
            "a\n",
            "ä",
            "a#1",
            "acme/shop#17",
            "acme/shop#017",
            "acme/shop#0",
            "acme shop#1",
            "#1",
            "a##1",
            "*",
            "\"7-0a\"",
            "\"7\"",
            "W/\"7-0a\"",
            "\"x-0a\"",
            "\"-0a\"",
            "w/\"7-0a\"",
            "\"7\"8",
            "\"7\" \"8\"",
            "\"7 8\"",
            "\"7-0a\", W/\"7\"\t,, \"a,b\" ,",
            "*, \"7-0a\"",
        ];
        for (name, taken) in PARSERS {
            let schema = json!({"type": "string", "pattern": pattern_of(name)});
            let fits = jsonschema::validator_for(&schema).unwrap();
            for text in written.into_iter().chain(long.iter().map(String::as_str)) {
                assert_eq!(fits.is_valid(&json!(text)), taken(text), "`{name}`: {text:?}");
            }
        }
    }
}
