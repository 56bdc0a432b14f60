//! Which places of the targets to ask about: what the namespace rules come to for the projects of the policy.

use std::collections::BTreeMap;

use countersign_kernel::{Environment, Namespace, ProjectKey};
use countersign_mcp_tools::tools::namespaces::NamespaceRule;

/// The namespaces that rules lead to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Namespaces {
    /// Those that can be asked about, and whether a rule names them as they are; the others come from `{project}` and `{environment}`.
    pub(super) known: BTreeMap<Namespace, bool>,
    /// What can't be asked about, in words.
    pub(super) unknown: Vec<String>,
}

/// Fills the rules in for each environment of each project.
pub(super) fn namespaces(
    rules: &[NamespaceRule],
    projects: Option<&[(ProjectKey, Vec<Environment>)]>,
) -> Namespaces {
    let mut found = Namespaces::default();
    for rule in rules {
        let mut reached = false;
        for (project, environments) in projects.unwrap_or_default() {
            for environment in environments {
                let allowed = rule.allowed(project, environment);
                reached |= !allowed.is_empty();
                for name in allowed {
                    found.add(&name, false);
                }
            }
        }
        for pattern in rule.namespaces.iter().map(|pattern| pattern.as_str()) {
            if !pattern.contains('{') {
                found.add(pattern, true);
            } else if projects.is_none() {
                found.tell(format!("`{pattern}` can't be filled in without a policy text: not asked about"));
            } else if !reached {
                found.tell(format!(
                    "`{pattern}`: no environment of the policy's projects falls under this rule"
                ));
            }
        }
    }
    found
}

impl Namespaces {
    fn add(&mut self, name: &str, named: bool) {
        if name.contains('*') {
            self.tell(format!("`{name}` stands for any namespace of such a name: not asked about"));
            return;
        }
        match Namespace::parse(name) {
            Ok(namespace) => *self.known.entry(namespace).or_default() |= named,
            Err(error) => self.tell(format!("a rule comes to something that is no namespace: {error}")),
        }
    }

    fn tell(&mut self, words: String) {
        if !self.unknown.contains(&words) {
            self.unknown.push(words);
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_mcp_tools::tools::namespaces::NamePattern;

    use super::*;

    fn rule(environments: &[&str], namespaces: &[&str]) -> NamespaceRule {
        let patterns = |texts: &[&str]| texts.iter().map(|text| NamePattern::parse(text).unwrap()).collect();
        NamespaceRule { environments: patterns(environments), namespaces: patterns(namespaces) }
    }

    fn projects(texts: &[(&str, &[&str])]) -> Vec<(ProjectKey, Vec<Environment>)> {
        let project = |(key, environments): &(&str, &[&str])| {
            let environments = environments.iter().map(|name| name.parse().unwrap()).collect();
            (ProjectKey::parse(key).unwrap(), environments)
        };
        texts.iter().map(project).collect()
    }

    fn known(found: &Namespaces) -> Vec<(&str, bool)> {
        found.known.iter().map(|(namespace, named)| (namespace.as_str(), *named)).collect()
    }

    #[test]
    fn rules_are_filled_in_for_each_environment_of_each_project_they_are_about() {
        let rules = [rule(&["dev", "staging"], &["{project}-{environment}"]), rule(&["prod*"], &["live"])];
        let projects = projects(&[("shop", &["dev", "production"]), ("billing", &["dev", "staging"])]);
        let found = namespaces(&rules, Some(&projects));
        let expected =
            [("billing-dev", false), ("billing-staging", false), ("live", true), ("shop-dev", false)];
        assert_eq!(known(&found), expected);
        assert_eq!(found.unknown, Vec::<String>::new());
    }

    #[test]
    fn what_a_star_stands_for_is_said_not_to_be_asked_about() {
        let rules = [rule(&["*"], &["{project}-*", "shared-*"])];
        let found = namespaces(&rules, Some(&projects(&[("shop", &["dev", "staging"])])));
        assert!(found.known.is_empty());
        let star = |name: &str| format!("`{name}` stands for any namespace of such a name: not asked about");
        assert_eq!(found.unknown, [star("shop-*"), star("shared-*")]);
    }

    #[test]
    fn without_a_policy_only_whole_names_are_known() {
        let found = namespaces(&[rule(&["dev"], &["{project}-dev", "live"])], None);
        assert_eq!(known(&found), [("live", true)]);
        assert_eq!(
            found.unknown,
            ["`{project}-dev` can't be filled in without a policy text: not asked about"]
        );
    }

    #[test]
    fn a_rule_that_nothing_falls_under_is_told() {
        let rules = [rule(&["qa"], &["{project}-qa", "quality"])];
        let found = namespaces(&rules, Some(&projects(&[("shop", &["dev"])])));
        assert_eq!(known(&found), [("quality", true)]);
        assert_eq!(
            found.unknown,
            ["`{project}-qa`: no environment of the policy's projects falls under this rule"]
        );
    }
}
