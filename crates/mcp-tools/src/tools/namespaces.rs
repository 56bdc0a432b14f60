//! Which Kubernetes namespaces a project's secrets may go to: the configuration that bounds what an agent can name.

use countersign_kernel::{Environment, Namespace, ProjectKey};

/// A pattern of names in which `*` stands for any characters and `{project}` and `{environment}` for the call's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(String);

/// A pattern holds something that no name has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name pattern: expected `a-z 0-9 . _ - *`, `{{project}}` and `{{environment}}`")]
pub struct ParsePatternError(String);

impl NamePattern {
    /// Checks and takes the pattern.
    ///
    /// # Errors
    /// It is empty or holds a character that no name has.
    pub fn parse(text: &str) -> Result<Self, ParsePatternError> {
        let plain = text.replace("{project}", "").replace("{environment}", "");
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-*".contains(&b);
        if text.is_empty() || !plain.bytes().all(good) {
            return Err(ParsePatternError(text.chars().take(64).collect()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn filled(&self, project: &ProjectKey, environment: &Environment) -> String {
        self.0.replace("{project}", project.as_str()).replace("{environment}", environment.as_str())
    }
}

/// For some environments, the namespaces that may be written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceRule {
    /// The environments this is about.
    pub environments: Vec<NamePattern>,
    /// The namespaces allowed there.
    pub namespaces: Vec<NamePattern>,
}

impl NamespaceRule {
    /// The namespaces that this rule allows for an environment of a project: patterns in which only `*` is left, none when the rule is not
    /// about the environment.
    pub fn allowed(&self, project: &ProjectKey, environment: &Environment) -> Vec<String> {
        let fill = |pattern: &NamePattern| pattern.filled(project, environment);
        let about = self.environments.iter().any(|one| glob(&fill(one), environment.as_str()));
        if about { self.namespaces.iter().map(fill).collect() } else { Vec::new() }
    }
}

/// All rules together. What no rule allows is refused, so that no rules at all means no namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceRules(pub Vec<NamespaceRule>);

impl NamespaceRules {
    /// Whether the namespace may be written to; `Err` says what would have been.
    ///
    /// # Errors
    /// No rule allows it.
    pub(crate) fn check(
        &self,
        project: &ProjectKey,
        environment: &Environment,
        namespace: &Namespace,
    ) -> Result<(), String> {
        let allowed: Vec<String> =
            self.0.iter().flat_map(|rule| rule.allowed(project, environment)).collect();
        if allowed.iter().any(|pattern| glob(pattern, namespace.as_str())) {
            return Ok(());
        }
        if allowed.is_empty() {
            return Err(format!("no namespace is allowed for environment `{environment}`"));
        }
        let allowed: Vec<_> = allowed.iter().map(|pattern| format!("`{pattern}`")).collect();
        Err(format!("must be a namespace allowed for environment `{environment}`: {}", allowed.join(", ")))
    }
}

/// Matches `*` greedily with one point to come back to: linear but for that, and without recursion.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            back = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star, taken)) = back {
            back = Some((star, taken + 1));
            p = star + 1;
            t = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> NamespaceRules {
        let patterns = |texts: &[&str]| texts.iter().map(|text| NamePattern::parse(text).unwrap()).collect();
        NamespaceRules(vec![
            NamespaceRule {
                environments: patterns(&["dev", "staging"]),
                namespaces: patterns(&["{project}-{environment}", "{project}-{environment}-*"]),
            },
            NamespaceRule { environments: patterns(&["prod*"]), namespaces: patterns(&["live"]) },
        ])
    }

    fn check(project: &str, environment: &str, namespace: &str) -> Result<(), String> {
        rules().check(
            &ProjectKey::parse(project).unwrap(),
            &Environment::parse(environment).unwrap(),
            &Namespace::parse(namespace).unwrap(),
        )
    }

    #[test]
    fn a_project_reaches_its_own_namespaces_and_no_others() {
        for (environment, namespace) in
            [("dev", "shop-dev"), ("dev", "shop-dev-2"), ("staging", "shop-staging"), ("production", "live")]
        {
            assert_eq!(check("shop", environment, namespace), Ok(()), "{environment} {namespace}");
        }
        for (environment, namespace) in [
            ("dev", "shop-staging"),
            ("dev", "billing-dev"),
            ("dev", "live"),
            ("production", "shop-production"),
            ("dev", "kube-system"),
        ] {
            assert!(check("shop", environment, namespace).is_err(), "{environment} {namespace}");
        }
    }

    #[test]
    fn a_refusal_says_what_would_be_allowed() {
        assert_eq!(
            check("shop", "dev", "kube-system").unwrap_err(),
            "must be a namespace allowed for environment `dev`: `shop-dev`, `shop-dev-*`"
        );
        assert_eq!(
            check("shop", "qa", "shop-qa").unwrap_err(),
            "no namespace is allowed for environment `qa`"
        );
        let project = ProjectKey::parse("shop").unwrap();
        let dev = Environment::parse("dev").unwrap();
        let namespace = Namespace::parse("shop-dev").unwrap();
        assert!(NamespaceRules::default().check(&project, &dev, &namespace).is_err());
    }

    #[test]
    fn stars_match_any_characters() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbcd", false),
            ("*a*b*", "xxaxxbxx", true),
            ("a*bc*bd", "abcxbcbd", true),
            ("a", "", false),
            ("", "a", false),
        ] {
            assert_eq!(glob(pattern, text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn patterns_hold_only_what_names_hold() {
        for bad in ["", "Shop", "a b", "{team}", "a/b"] {
            assert!(NamePattern::parse(bad).is_err(), "{bad}");
        }
        assert!(NamePattern::parse("{team}").unwrap_err().to_string().contains("`{project}`"));
    }
}
