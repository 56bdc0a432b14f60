//! A login role whose password goes into a Kubernetes Secret: what may be asked, what is planned, done, found again, taken back, watched.

mod input;
mod plan;
mod steps;
mod watch;

use super::*;
use crate::ports::kubernetes::MockKubernetesSecrets;
use crate::ports::roles::MockLoginRoles;
use crate::ports::{LoginRoles, RoleSeen, SecretKeySeen, SecretSeen};
use crate::tools::namespaces::{NamePattern, NamespaceRule, NamespaceRules};

/// The facts that no call without a login role states.
pub(super) const ABOUT_ROLES: [DatabaseFact; 7] = [
    DatabaseFact::RoleCreated,
    DatabaseFact::PasswordGenerated,
    DatabaseFact::TakenBack,
    DatabaseFact::RoleCredentialsChecked,
    DatabaseFact::RoleKeptOut,
    DatabaseFact::RoleDropped,
    DatabaseFact::RoleStays,
];

fn config() -> CredentialsConfig {
    let pattern = |text: &str| NamePattern::parse(text).unwrap();
    let namespaces = NamespaceRules(vec![NamespaceRule {
        environments: vec![pattern("dev")],
        namespaces: vec![pattern("{project}-{environment}*")],
    }]);
    CredentialsConfig { namespaces, field_manager: "countersign".to_owned() }
}

/// A server with these login roles.
fn server_with(roles: MockLoginRoles) -> MockDatabaseServer {
    let roles: Arc<dyn LoginRoles> = Arc::new(roles);
    let mut server = server_without_word_of_roles("main");
    server.expect_roles().returning(move || Some(roles.clone()));
    server
}

fn tool_with(
    server: MockDatabaseServer,
    register: MockDatabaseRegister,
    kubernetes: MockKubernetesSecrets,
) -> DatabaseLifecycle {
    tool_over(server, register).with_credentials(config(), Arc::new(kubernetes))
}

/// The tool over targets that must not be asked.
fn untouched() -> DatabaseLifecycle {
    tool_with(server_with(MockLoginRoles::new()), MockDatabaseRegister::new(), MockKubernetesSecrets::new())
}

fn good() -> Value {
    let mut given = super::good("create");
    given["credentials_secret"] = json!("orders-db");
    given
}

fn create() -> Call {
    untouched().parse(&good(), &caller()).unwrap()
}

/// The role, made for the request of this number.
fn role(created_by: Option<u8>) -> RoleSeen {
    RoleSeen { id: "16400".to_owned(), created_by: created_by.map(request), used_elsewhere: false }
}

fn secret(keys: &[(&str, &str)]) -> SecretSeen {
    let key = |(name, manager): &(&str, &str)| SecretKeySeen {
        name: (*name).to_owned(),
        manager: Some((*manager).to_owned()),
        changed_at: None,
    };
    SecretSeen {
        uid: "uid-1".to_owned(),
        resource_version: "41".to_owned(),
        secret_type: "Opaque".to_owned(),
        immutable: false,
        keys: keys.iter().map(key).collect(),
        written_by: None,
        fence: None,
    }
}

/// What is there: the database and its owner, the role, the Secret.
#[derive(Default)]
struct There {
    database: Option<DatabaseSeen>,
    owner: Option<OwnedDatabase>,
    role: Option<RoleSeen>,
    secret: Option<SecretSeen>,
}

/// One that request 5 created with its role and its Secret, and that is in use.
fn in_use() -> There {
    let secret =
        SecretSeen { written_by: Some(request(5).to_string()), ..secret(&[("password", "countersign")]) };
    There {
        database: Some(database("16384", Some(5))),
        owner: Some(owner(OwnedState::Active, 5)),
        role: Some(role(Some(5))),
        secret: Some(secret),
    }
}

/// Observes and plans where our credentials suffice for everything.
async fn planned(call: &Call, there: There) -> Result<Plan, PlanRefusal> {
    let mut roles = MockLoginRoles::new();
    roles.expect_role_access().returning(|| Ok(Access::Allowed));
    let seen = there.role;
    roles.expect_look_at_role().withf(|role| *role == orders()).returning(move |_| Ok(seen.clone()));
    let mut server = server_with(roles);
    server.expect_access().returning(|| Ok(Access::Allowed));
    server.expect_look().return_once(move |_| Ok(there.database));
    let mut register = MockDatabaseRegister::new();
    register.expect_find_owner().return_once(move |_, _| Ok(there.owner));
    let mut kubernetes = MockKubernetesSecrets::new();
    let at = |namespace: &str, name: &str| namespace == "shop-dev" && name == "orders-db";
    kubernetes
        .expect_access()
        .withf(move |namespace, name| at(namespace.as_str(), name))
        .returning(|_, _| Ok(Access::Allowed));
    kubernetes
        .expect_look()
        .withf(move |namespace, name| at(namespace.as_str(), name))
        .return_once(move |_, _| Ok(there.secret));
    let tool = tool_with(server, register, kubernetes);
    let observed = tool.observe(&caller(), call).await;
    tool.plan(&caller(), call, &observed)
}
