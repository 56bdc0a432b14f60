//! What the claims of a provider mean here: who somebody is, in which groups, and in which roles; and how those of its identity token are
//! completed by others. Pure.

use std::collections::{BTreeMap, BTreeSet};

use countersign_kernel::{OutsideGroup, Principal, Proof};
use serde_json::{Map, Value};

use super::error::SignInError;
use super::person::Person;
use crate::access::Role;

/// How the claims of one provider are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRules {
    /// The provider's name, which is the issuer in principals and groups: `user:NAME:…`, `group:NAME:…`.
    pub provider: String,
    /// The claim that names the person.
    pub principal: ClaimPath,
    /// People who are known here by another name than the claim makes, by the claim's value: one person is one principal, whatever the channel.
    pub people: BTreeMap<String, Principal>,
    /// The claim that lists the groups.
    pub groups: Option<ClaimPath>,
    /// The roles that each group gives, by the group's name as the provider spells it.
    pub roles: BTreeMap<String, BTreeSet<Role>>,
}

/// Where a claim stands: its name, or the names on the way to it with dots between, such as `realm_access.roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(pub String);

/// The claims don't name anybody we could know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// The claim is not there, or is no text.
    #[error("the provider gives no text in the claim `{claim}`, by which people are known here")]
    Missing {
        /// The claim.
        claim: String,
    },
    /// Nobody has made sure that the address is this person's.
    #[error("the provider has not verified your email address, by which people are known here")]
    Unverified,
    /// The value can't be a principal's name. It is not changed until it can: that might be somebody else's.
    #[error(
        "`{value}` can't be the name of a principal: 1 to 128 printable ASCII characters without blanks are"
    )]
    Unusable {
        /// The value, cut.
        value: String,
    },
}

/// What claims say too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// What the person is called: it is shown, and nothing hangs on it.
    Name,
    /// Who the person is, or in which groups.
    Identity,
}

const EMAIL: &str = "email";
const EMAIL_VERIFIED: &str = "email_verified";

/// What a person can be called by, the best first.
const NAMES: [&str; 3] = ["name", "preferred_username", EMAIL];

impl ClaimPath {
    /// The claim. One whose own name has dots in it, as a URL has, goes before a path.
    fn find<'c>(&self, claims: &'c Value) -> Option<&'c Value> {
        let whole = claims.get(&self.0);
        whole.or_else(|| self.0.split('.').try_fold(claims, |found, name| found.get(name)))
    }
}

impl ClaimRules {
    /// Who the claims are about, and what that person may do.
    ///
    /// # Errors
    /// They name nobody we could know, or somebody without any role.
    pub fn read(&self, claims: &Value) -> Result<Person, SignInError> {
        let principal = self.principal_of(claims)?;
        let names = self.groups_of(claims)?;
        let roles: BTreeSet<Role> =
            names.iter().filter_map(|name| self.roles.get(*name)).flatten().copied().collect();
        if roles.is_empty() {
            return Err(SignInError::NoRole { principal });
        }
        // A group whose name doesn't fit can't be named in a policy text, so that it counts for nothing there.
        let outside =
            names.iter().map(|name| OutsideGroup::parse(&format!("group:{}:{name}", self.provider)));
        let groups = outside.filter_map(Result::ok).collect();
        Ok(Person::new(principal, Proof::Oidc, name_of(claims), roles, groups))
    }

    /// What is read of claims and is not in these. A list without groups is no lack: it says that there are none.
    pub fn lack_of(&self, claims: &Value) -> Option<Lack> {
        let is_there = |path: &ClaimPath| {
            let whole = path.0 != EMAIL || present(claims.get(EMAIL_VERIFIED));
            whole && present(path.find(claims))
        };
        if !is_there(&self.principal) || !self.groups.as_ref().is_none_or(is_there) {
            return Some(Lack::Identity);
        }
        name_of(claims).is_none().then_some(Lack::Name)
    }

    fn principal_of(&self, claims: &Value) -> Result<Principal, ClaimError> {
        let claim = || self.principal.0.clone();
        let value = self.principal.find(claims).and_then(Value::as_str);
        let value = value.ok_or_else(|| ClaimError::Missing { claim: claim() })?;
        verified(&self.principal, claims)?;
        if let Some(known) = self.people.get(value) {
            return Ok(known.clone());
        }
        Principal::parse(&format!("user:{}:{value}", self.provider))
            .map_err(|_| ClaimError::Unusable { value: value.chars().take(64).collect() })
    }

    fn groups_of<'c>(&self, claims: &'c Value) -> Result<BTreeSet<&'c str>, ClaimError> {
        let Some(path) = &self.groups else { return Ok(BTreeSet::new()) };
        let Some(found) = path.find(claims) else { return Ok(BTreeSet::new()) };
        verified(path, claims)?;
        Ok(match found {
            Value::String(one) => BTreeSet::from([one.as_str()]),
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => BTreeSet::new(),
        })
    }
}

/// The claims of an identity token, and those that the provider told beside it for what is not in the token. A claim is taken whole from
/// one of them, and an address along with whether it was verified: a word about one address must not vouch for another.
pub fn completed(mut token: Map<String, Value>, mut beside: Map<String, Value>) -> Value {
    token.retain(|_, value| !value.is_null());
    if token.get(EMAIL) != beside.get(EMAIL) {
        let without = if token.contains_key(EMAIL) { &mut beside } else { &mut token };
        without.remove(EMAIL_VERIFIED);
    }
    beside.extend(token);
    Value::Object(beside)
}

/// A claim that is null is none: providers are to leave it out and don't always (OpenID Connect Core 1.0, section 5.3.2).
fn present(claim: Option<&Value>) -> bool {
    claim.is_some_and(|value| !value.is_null())
}

fn name_of(claims: &Value) -> Option<&str> {
    NAMES.iter().find_map(|claim| claims.get(claim).and_then(Value::as_str))
}

/// Anybody may write anybody's address into a profile: one counts when the provider says that it is theirs.
fn verified(path: &ClaimPath, claims: &Value) -> Result<(), ClaimError> {
    let says_so = match claims.get(EMAIL_VERIFIED) {
        Some(Value::Bool(verified)) => *verified,
        // Some providers send it as text.
        Some(Value::String(verified)) => verified == "true",
        Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => false,
    };
    if path.0 == EMAIL && !says_so { Err(ClaimError::Unverified) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use countersign_kernel::{Fault, Kind};
    use serde_json::json;

    use super::*;

    fn rules(principal: &str, groups: &str) -> ClaimRules {
        ClaimRules {
            provider: "corp".to_owned(),
            principal: ClaimPath(principal.to_owned()),
            people: BTreeMap::from([("a11c".to_owned(), Principal::parse("user:github:alice").unwrap())]),
            groups: Some(ClaimPath(groups.to_owned())),
            roles: BTreeMap::from([
                ("sre".to_owned(), BTreeSet::from([Role::Approver, Role::Operator])),
                ("/staff/all".to_owned(), BTreeSet::from([Role::Viewer])),
                ("dana@example.org".to_owned(), BTreeSet::from([Role::Auditor])),
            ]),
        }
    }

    fn roles(person: &Person) -> Vec<Role> {
        person.roles.iter().copied().collect()
    }

    #[test]
    fn one_person_has_one_name_whatever_the_channel() {
        let read = |sub: &str| rules("sub", "groups").read(&json!({"sub": sub, "groups": ["sre"]})).unwrap();
        let (mapped, unmapped) = (read("a11c"), read("9d20"));
        assert_eq!(mapped.identity.principal.to_string(), "user:github:alice");
        assert_eq!(unmapped.identity.principal.to_string(), "user:corp:9d20");
    }

    #[test]
    fn a_person_is_who_the_claim_says_in_the_roles_of_their_groups() {
        let claims =
            json!({"sub": "8c1f", "name": "Dana\u{7} ", "groups": ["sre", "/staff/all", "other", 7]});
        let person = rules("sub", "groups").read(&claims).unwrap();
        assert_eq!(person.identity.principal.as_str(), "user:corp:8c1f");
        assert_eq!(person.identity.proof, Proof::Oidc);
        assert_eq!(person.display_name, "Dana");
        assert_eq!(roles(&person), [Role::Viewer, Role::Approver, Role::Operator]);
        let groups: Vec<_> = person.identity.groups.iter().map(OutsideGroup::as_str).collect();
        assert_eq!(groups, ["group:corp:/staff/all", "group:corp:other", "group:corp:sre"]);
    }

    #[test]
    fn a_claim_may_stand_deeper_or_have_dots_in_its_own_name_or_be_one_text() {
        for (path, claims) in [
            ("realm_access.roles", json!({"sub": "d", "realm_access": {"roles": ["sre"]}})),
            ("https://corp.example/groups", json!({"sub": "d", "https://corp.example/groups": ["sre"]})),
            ("department", json!({"sub": "d", "department": "sre"})),
        ] {
            let person = rules("sub", path).read(&claims).unwrap();
            assert_eq!(roles(&person), [Role::Approver, Role::Operator], "{path}");
            assert_eq!(person.display_name, "user:corp:d");
        }
    }

    #[test]
    fn whoever_is_in_no_mapped_group_is_told_so() {
        for claims in [
            json!({"sub": "d"}),
            json!({"sub": "d", "groups": []}),
            json!({"sub": "d", "groups": ["SRE", "sre "]}),
            json!({"sub": "d", "groups": {"sre": true}}),
            json!({"sub": "d", "groups": null}),
        ] {
            let error = rules("sub", "groups").read(&claims).unwrap_err();
            assert_eq!((error.code(), error.kind()), ("no_role", Kind::Denied), "{claims}");
        }
        let nobody = ClaimRules { groups: None, ..rules("sub", "groups") };
        assert_eq!(nobody.read(&json!({"sub": "d", "groups": ["sre"]})).unwrap_err().code(), "no_role");
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused_and_never_made_to_fit() {
        let long = "a".repeat(129);
        for name in ["", " ", "dana smith", "dän", "dana\n", long.as_str()] {
            let error = rules("sub", "groups").read(&json!({"sub": name, "groups": ["sre"]})).unwrap_err();
            assert_eq!((error.code(), error.kind()), ("identity_unusable", Kind::Denied), "{name:?}");
        }
        for claims in [json!({}), json!({"sub": 7}), json!({"sub": ["d"]}), json!({"sub": null})] {
            let error = rules("sub", "groups").read(&claims).unwrap_err();
            assert!(error.to_string().contains("`sub`"), "{error}");
        }
    }

    #[test]
    fn an_address_counts_only_when_the_provider_has_verified_it() {
        let claims =
            |verified: Value| json!({"sub": "8c1f", "email": "dana@example.org", "email_verified": verified});
        for verified in [json!(true), json!("true")] {
            let person = rules("email", "email").read(&claims(verified)).unwrap();
            assert_eq!(person.identity.principal.as_str(), "user:corp:dana@example.org");
            assert_eq!(roles(&person), [Role::Auditor]);
        }
        for verified in [json!(false), json!("false"), json!(null), json!(1)] {
            for rules in [rules("email", "groups"), rules("sub", "email")] {
                assert_eq!(
                    rules.read(&claims(verified.clone())).unwrap_err().code(),
                    "identity_unusable",
                    "{verified}"
                );
            }
        }
    }

    fn map(claims: Value) -> Map<String, Value> {
        claims.as_object().unwrap().clone()
    }

    #[test]
    fn claims_lack_what_is_read_and_not_there() {
        for (claims, lack) in [
            (json!({"sub": "d", "name": "Dana", "groups": ["sre"]}), None),
            (json!({"sub": "d", "preferred_username": "dana", "groups": []}), None),
            (json!({"sub": "d", "groups": ["sre"]}), Some(Lack::Name)),
            (json!({"sub": "d", "name": null, "groups": ["sre"]}), Some(Lack::Name)),
            (json!({"sub": "d", "name": "Dana"}), Some(Lack::Identity)),
            (json!({"sub": "d", "name": "Dana", "groups": null}), Some(Lack::Identity)),
            (json!({"name": "Dana", "groups": ["sre"]}), Some(Lack::Identity)),
        ] {
            assert_eq!(rules("sub", "groups").lack_of(&claims), lack, "{claims}");
        }
        let nobody = ClaimRules { groups: None, ..rules("sub", "groups") };
        assert_eq!(nobody.lack_of(&json!({"sub": "d", "name": "Dana"})), None, "groups that nobody reads");
        let deep = rules("sub", "realm_access.roles");
        let claims = json!({"sub": "d", "name": "Dana", "realm_access": {}});
        assert_eq!(deep.lack_of(&claims), Some(Lack::Identity));
        let known = json!({"sub": "d", "name": "Dana", "groups": ["sre"], "email": "dana@example.org"});
        assert_eq!(
            rules("email", "groups").lack_of(&known),
            Some(Lack::Identity),
            "nobody says it is theirs"
        );
        assert_eq!(rules("sub", "groups").lack_of(&known), None);
    }

    #[test]
    fn claims_of_the_token_go_before_those_told_beside_it() {
        let token = json!({"sub": "d", "name": "Dana", "groups": null, "realm_access": {}, "hd": false});
        let beside = json!({
            "sub": "d", "name": "Mallory", "groups": ["sre"], "realm_access": {"roles": ["sre"]}, "hd": true, "locale": "de"
        });
        let expected = json!({
            "sub": "d", "name": "Dana", "groups": ["sre"], "realm_access": {}, "hd": false, "locale": "de"
        });
        assert_eq!(completed(map(token), map(beside)), expected);
    }

    #[test]
    fn a_word_about_one_address_does_not_vouch_for_another() {
        let verified_after = |token: Value, beside: Value| {
            let claims = completed(map(token), map(beside));
            (claims["email"].clone(), claims.get("email_verified").cloned())
        };
        let (dana, other) = ("dana@example.org", "boss@example.org");
        for (token, beside, expected) in [
            (
                json!({"email": dana}),
                json!({"email": dana, "email_verified": true}),
                (dana, Some(json!(true))),
            ),
            (json!({"email": other}), json!({"email": dana, "email_verified": true}), (other, None)),
            (json!({"email": other}), json!({"email_verified": true}), (other, None)),
            (json!({"email_verified": true}), json!({"email": other}), (other, None)),
            (
                json!({"email_verified": true}),
                json!({"email": other, "email_verified": false}),
                (other, Some(json!(false))),
            ),
            (
                json!({"email": dana, "email_verified": false}),
                json!({"email": dana, "email_verified": true}),
                (dana, Some(json!(false))),
            ),
        ] {
            let expected = (json!(expected.0), expected.1);
            assert_eq!(verified_after(token.clone(), beside.clone()), expected, "{token} {beside}");
        }
    }
}
