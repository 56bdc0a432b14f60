//! What things are called that have a name in code: actions of tools, parts of a call, rules, those who act by themselves.

use countersign_kernel::Language;
use countersign_policy::{Axis, Lost, RuleKind};

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

    /// What a step of one of our tools does; one of another tool is called by its name.
    pub(in crate::console) fn step_named(self, kind: &str) -> Option<&'static str> {
        let [english, russian] = match kind {
            "kubernetes.apply_key" => ["write a key in Kubernetes", "записать ключ в Kubernetes"],
            "github.put_secret" => ["write a secret at GitHub", "записать секрет в GitHub"],
            "database.create" => ["create the database", "создать базу данных"],
            "database.create_role" => ["create its login role", "создать её роль для входа"],
            "database.quarantine" => ["put the database aside", "отложить базу данных"],
            "database.drop" => ["drop the database", "удалить базу данных"],
            "database.drop_role" => ["drop its login role", "удалить её роль для входа"],
            "database.describe" => ["look at the database", "посмотреть базу данных"],
            _ => return None,
        };
        Some(self.of(english, russian))
    }

    /// A field of a form or a filter; one that isn't known is called as it is.
    pub(in crate::console) fn field(self, field: &str) -> String {
        let words = match field {
            "reason" => self.reason(),
            "custom_text" => self.own_words(),
            "option_index" => self.your_answer(),
            "q" => self.search(),
            "project" => self.project(),
            "environment" => self.environment(),
            "tool" => self.tool(),
            "run" => self.run(),
            "request" => self.request(),
            "agent_key" => self.agent(),
            "type" => self.event_type(),
            "state" | "status" => self.state(),
            "issue" => self.issue(),
            "pr" => self.pull_request(),
            "cursor" => self.place_in_list(),
            other => other,
        };
        words.to_owned()
    }

    /// By what somebody proved who they were, by its stored word.
    pub(in crate::console) fn proof(self, proof: &str) -> String {
        let words = match proof {
            "run_token" => self.of("the token of the run", "токен запуска"),
            "oidc" => self.of("sign-in", "вход"),
            "bearer_token" => self.of("a token", "токен"),
            "development" => self.of("nothing (development)", "нет (разработка)"),
            "policy" => self.of("the policy", "правила"),
            "process" => self.of("the server itself", "сам сервер"),
            other => other,
        };
        words.to_owned()
    }

    /// By what rules tell calls apart.
    const fn axis(self, axis: Axis) -> &'static str {
        match axis {
            Axis::Project => self.project(),
            Axis::AgentKey => self.agent(),
            Axis::RunLabel => self.run_label(),
            Axis::RuntimeMode => self.runtime_mode(),
            Axis::Tool => self.tool(),
            Axis::Action => self.action(),
            Axis::Environment => self.environment(),
        }
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
                format!("{}: `{found}`, а нужно {expected}", self.axis(*axis))
            }
            (Language::Russian, Lost::NoMatch { axis, expected, found: None }) => {
                format!("{}: ничего, а нужно {expected}", self.axis(*axis))
            }
            (Language::Russian, Lost::LessSpecific { than, axis }) => {
                format!("`{than}` точнее ({})", self.axis(*axis))
            }
            (Language::Russian, Lost::SameEffect { as_in }) => {
                format!("то же, что и `{as_in}`")
            }
        }
    }
}
