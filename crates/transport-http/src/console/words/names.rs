//! What things are called that have a name in code: actions of tools, parts of a call, rules, those who act by themselves.

use countersign_kernel::Language;
use countersign_policy::{Lost, RuleKind};

use super::Words;

impl Words {
    /// What an action of one of our tools is for. Tools of others are called by their names.
    pub(in crate::console) fn errand(self, tool: &str, action: &str) -> Option<&'static str> {
        let [english, russian] = match (tool, action) {
            ("secret.sync.github_k8s", "sync") => {
                ["Set a secret in Kubernetes and GitHub", "Записать секрет в Kubernetes и GitHub"]
            }
            ("database.lifecycle", "create") => ["Create a database", "Создать базу данных"],
            ("database.lifecycle", "delete") => {
                ["Put a database out of use", "Вывести базу данных из работы"]
            }
            ("database.lifecycle", "drop") => ["Drop a database for good", "Удалить базу данных навсегда"],
            ("database.lifecycle", "describe") => ["Look at a database", "Посмотреть базу данных"],
            ("mcp_owner_feedback_request", "ask") => ["Ask a question", "Задать вопрос"],
            _ => return None,
        };
        Some(self.of(english, russian))
    }

    /// What an agent explains in a field of its call.
    pub(in crate::console) fn prose_field(self, field: &str) -> Option<&'static str> {
        match field {
            "justification" => Some(self.of("Why it is needed", "Зачем это нужно")),
            "risk_assessment" => Some(self.of("What could go wrong", "Что может пойти не так")),
            _ => None,
        }
    }

    /// What kind of thing something is connected with; one that isn't known is called as it is.
    pub(in crate::console) fn link_kind(self, kind: &str) -> &str {
        match kind {
            "issue" => self.issue(),
            "pr" => self.pull_request(),
            "run" => self.run(),
            "request" => self.request(),
            other => other,
        }
    }

    /// Who acts, where it is no person or agent; those are called by their names.
    pub(in crate::console) fn actor(self, actor: &str) -> String {
        let known = match actor {
            "the executor" | "executor" => self.of("the executor", "исполнитель"),
            "the clock" | "sweeper" => self.of("the clock", "часы"),
            "the agent" => self.of("the agent", "агент"),
            "the end of the run" => self.of("the end of the run", "конец запуска"),
            other => other,
        };
        known.to_owned()
    }

    /// Which kind of rule.
    pub(in crate::console) const fn rule_kind(self, kind: RuleKind) -> &'static str {
        match kind {
            RuleKind::Grant => self.grant(),
            RuleKind::Guard => self.guard(),
        }
    }

    /// Why a rule had no say.
    pub(in crate::console) fn lost(self, why: &Lost) -> String {
        match (self.0, why) {
            (Language::English, why) => why.to_string(),
            (Language::Russian, Lost::NoMatch { axis, expected, found: Some(found) }) => {
                format!("{axis}: `{found}`, а нужно {expected}")
            }
            (Language::Russian, Lost::NoMatch { axis, expected, found: None }) => {
                format!("{axis}: ничего, а нужно {expected}")
            }
            (Language::Russian, Lost::LessSpecific { than, axis }) => {
                format!("`{than}` точнее ({axis})")
            }
            (Language::Russian, Lost::SameEffect { as_in }) => {
                format!("то же, что и `{as_in}`")
            }
        }
    }
}
