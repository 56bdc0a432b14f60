//! Login roles with generated passwords: who gets in, what they may do there, and what of it is ever taken away.
//!
//! All of it with a login that has the rights docs/operations.md lists, and no more.

use countersign_mcp_tools::SecretValue;
use countersign_mcp_tools::ports::{LoginRoles, RoleSeen, TargetError};

use super::*;

const PASSWORD: &str = "PlainLettersAndDigitsOf32Symbols";

/// A server, and a login of ours that is no superuser.
struct Site {
    target: Target,
    ours: PgDatabaseServer,
}

impl Site {
    async fn new() -> Self {
        let target = Target::new().await;
        let (login, authority) = (format!("ours_{}", target.database.name), &target.database.authority);
        target
            .run(format!(
                "CREATE ROLE {login} LOGIN CREATEDB CREATEROLE NOSUPERUSER NOREPLICATION PASSWORD 'ours';
                 GRANT pg_signal_backend TO {login};
                 ALTER ROLE {login} SET password_encryption = 'md5'"
            ))
            .await;
        let ours = server(&format!("postgres://{login}:ours@{authority}/postgres"));
        Self { target, ours }
    }

    async fn create(&self, name: &DatabaseName, request: RequestId) -> String {
        self.ours.create_role(name, &password(), request).await.unwrap();
        self.ours.create_private(name, request).await.unwrap().id
    }

    async fn log_in(&self, role: &str, password: &str, database: &str) -> Result<PgConnection, String> {
        let url = format!("postgres://{role}:{password}@{}/{database}", self.target.database.authority);
        PgConnection::connect(&url).await.map_err(|error| error.to_string())
    }

    async fn text(&self, sql: &str, name: &str) -> Option<String> {
        let row = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).bind(name);
        row.fetch_one(&mut self.target.admin().await).await.unwrap()
    }

    async fn role(&self, name: &DatabaseName) -> Option<RoleSeen> {
        self.ours.look_at_role(name).await.unwrap()
    }

    async fn databases_like(&self, pattern: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname LIKE $1")
            .bind(pattern)
            .fetch_one(&mut self.target.admin().await)
            .await
            .unwrap()
    }
}

fn password() -> SecretValue {
    SecretValue::new(PASSWORD.as_bytes().to_vec())
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<(), String> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    done.map(|_| ()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_generated_password_logs_in_and_no_other_does() {
    let site = Site::new().await;
    let (name, request) = (site.target.named("orders"), request(20));
    assert_eq!(site.role(&name).await, None);
    let id = site.create(&name, request).await;
    let seen = site.role(&name).await.unwrap();
    assert_eq!((seen.created_by, seen.used_elsewhere), (Some(request), false));
    let database = site.ours.look(&name).await.unwrap().unwrap();
    assert_eq!((database.id, database.created_by), (id, Some(request)));

    let mut client = site.log_in(name.as_str(), PASSWORD, name.as_str()).await.unwrap();
    run(
        &mut client,
        "CREATE TABLE t (n int); INSERT INTO t VALUES (1); CREATE SCHEMA s; CREATE TEMP TABLE x (n int)",
    )
    .await
    .expect("it may make schemas and tables of its own");
    for forbidden in [
        format!("COMMENT ON DATABASE {name} IS 'mine'"),
        format!("ALTER DATABASE {name} RENAME TO {name}_2"),
        format!("DROP ROLE {name}"),
        "CREATE DATABASE mine".to_owned(),
        "CREATE ROLE mine".to_owned(),
    ] {
        assert!(run(&mut client, &forbidden).await.is_err(), "{forbidden}");
    }
    let refused = site.log_in(name.as_str(), "PlainLettersAndDigitsOf32Symbolz", name.as_str()).await;
    assert!(refused.unwrap_err().contains("password authentication failed"));
}

#[tokio::test]
async fn nobody_else_may_connect() {
    let site = Site::new().await;
    let name = site.target.named("private");
    site.create(&name, request(21)).await;
    site.target.run(format!("CREATE ROLE stranger_{name} LOGIN PASSWORD 'stranger'")).await;
    let refused = site.log_in(&format!("stranger_{name}"), "stranger", name.as_str()).await.unwrap_err();
    assert!(refused.contains("permission denied for database"), "{refused}");
    let comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1";
    let comment = site.text(comment, name.as_str()).await.unwrap();
    assert_eq!(comment, format!("countersign request {} private", request(21)));
}

/// Our login asks the server for MD5: what is stored is what was sent, not what the server made of a password.
#[tokio::test]
async fn the_server_gets_a_verifier_and_never_the_password() {
    let site = Site::new().await;
    let name = site.target.named("verified");
    site.ours.create_role(&name, &password(), request(22)).await.unwrap();
    let stored = site.text("SELECT rolpassword FROM pg_authid WHERE rolname = $1", name.as_str()).await;
    assert!(stored.unwrap().starts_with("SCRAM-SHA-256$4096:"));
}

#[tokio::test]
async fn a_role_that_is_there_is_never_taken_over() {
    let site = Site::new().await;
    let name = site.target.named("theirs");
    site.target.run(format!("CREATE ROLE {name} LOGIN PASSWORD 'theirs'")).await;
    assert_eq!(site.role(&name).await.unwrap().created_by, None);
    assert_eq!(kind(site.ours.create_role(&name, &password(), request(23)).await), TargetErrorKind::Conflict);
    assert_eq!(kind(site.ours.drop_role(&name, request(23)).await), TargetErrorKind::Conflict);
    site.log_in(name.as_str(), "theirs", "postgres").await.expect("it has the password it had");

    let ours = site.target.named("mine");
    site.ours.create_role(&ours, &password(), request(23)).await.unwrap();
    assert_eq!(kind(site.ours.create_role(&ours, &password(), request(23)).await), TargetErrorKind::Conflict);
    assert_eq!(kind(site.ours.drop_role(&ours, request(24)).await), TargetErrorKind::Conflict);
    site.ours.drop_role(&ours, request(23)).await.unwrap();
    assert_eq!(site.role(&ours).await, None);
    assert_eq!(kind(site.ours.drop_role(&ours, request(23)).await), TargetErrorKind::NotFound);
}

/// What a crash leaves between the steps of a creation, and that nothing has the name before it is whole.
#[tokio::test]
async fn a_private_creation_goes_on_from_where_a_crash_left_it() {
    let site = Site::new().await;
    let login = format!("ours_{}", site.target.database.name);
    for (last, left) in [(25, ""), (26, "REVOKE ALL ON DATABASE {} FROM PUBLIC")] {
        let (name, request) = (site.target.named(&format!("crashed{last}")), request(last));
        let prepared = format!("countersign_new_{}", request.as_uuid().simple());
        site.ours.create_role(&name, &password(), request).await.unwrap();
        site.target.run(format!("CREATE DATABASE {prepared} OWNER {login}")).await;
        if !left.is_empty() {
            site.target.run(left.replace("{}", &prepared)).await;
        }
        assert_eq!(site.ours.look(&name).await.unwrap(), None);
        site.ours.create_private(&name, request).await.unwrap();
        assert_eq!(site.databases_like(&prepared).await, 0);
        let mut client = site.log_in(name.as_str(), PASSWORD, name.as_str()).await.unwrap();
        run(&mut client, "CREATE TABLE t (n int)").await.unwrap();
    }
}

/// The server takes the role and refuses the database: the role goes, with what was prepared for the database.
#[tokio::test]
async fn taking_a_role_back_leaves_nothing() {
    let site = Site::new().await;
    let (name, request) = (site.target.named("refused"), request(27));
    let prepared = format!("countersign_new_{}", request.as_uuid().simple());
    site.ours.create_role(&name, &password(), request).await.unwrap();
    let login = format!("ours_{}", site.target.database.name);
    site.target.run(format!("CREATE DATABASE {prepared} OWNER {login}")).await;
    site.target.run(format!("GRANT CONNECT ON DATABASE {prepared} TO {name}")).await;
    site.target.run(format!("CREATE DATABASE {name}")).await;
    assert_eq!(kind(site.ours.create_private(&name, request).await), TargetErrorKind::Conflict);
    site.ours.drop_role(&name, request).await.unwrap();
    assert_eq!((site.role(&name).await, site.databases_like(&prepared).await), (None, 0));
    assert_eq!(site.databases_like(name.as_str()).await, 1, "the other's database stays");
}

#[tokio::test]
async fn quarantine_keeps_the_role_out_and_restoring_lets_it_in_again() {
    let site = Site::new().await;
    let (name, kept_as) = (site.target.named("old"), site.target.named("kept"));
    let id = site.create(&name, request(28)).await;
    let mut client = site.log_in(name.as_str(), PASSWORD, name.as_str()).await.unwrap();
    site.ours.quarantine(&name, &kept_as, &id).await.unwrap();
    assert!(client.ping().await.is_err(), "its connections are ended");
    assert!(site.log_in(name.as_str(), PASSWORD, kept_as.as_str()).await.is_err());

    site.ours.restore(&kept_as, &name, &id).await.unwrap();
    let mut client = site.log_in(name.as_str(), PASSWORD, name.as_str()).await.unwrap();
    run(&mut client, "CREATE TABLE t (n int)").await.unwrap();
    site.target.run(format!("CREATE ROLE stranger_{name} LOGIN PASSWORD 'stranger'")).await;
    assert!(site.log_in(&format!("stranger_{name}"), "stranger", name.as_str()).await.is_err());
}

#[tokio::test]
async fn a_role_is_dropped_after_its_database_and_not_while_something_depends_on_it() {
    let site = Site::new().await;
    let (name, other) = (site.target.named("gone"), site.target.named("other"));
    let id = site.create(&name, request(29)).await;
    let mut client = site.log_in(name.as_str(), PASSWORD, name.as_str()).await.unwrap();
    run(&mut client, "CREATE TABLE t (n int)").await.unwrap();
    assert!(!site.role(&name).await.unwrap().used_elsewhere, "its own database is not elsewhere");
    assert_eq!(kind(site.ours.drop_role(&name, request(29)).await), TargetErrorKind::Conflict);

    site.target.run(format!("CREATE DATABASE {other}")).await;
    site.target.run(format!("GRANT CREATE ON DATABASE {other} TO {name}")).await;
    assert!(site.role(&name).await.unwrap().used_elsewhere);
    site.ours.drop_database(&name, &id).await.unwrap();
    let refused: Result<(), TargetError> = site.ours.drop_role(&name, request(29)).await;
    assert_eq!(kind(refused), TargetErrorKind::Conflict);
    assert!(site.role(&name).await.is_some(), "a refused drop changes nothing");

    site.target.run(format!("REVOKE CREATE ON DATABASE {other} FROM {name}")).await;
    site.ours.drop_role(&name, request(29)).await.unwrap();
    assert_eq!(site.role(&name).await, None);
    assert!(site.log_in(name.as_str(), PASSWORD, "postgres").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_executors_of_one_request_make_one_role_and_one_database() {
    let site = Site::new().await;
    let (name, request) = (site.target.named("raced"), request(30));
    let password = password();
    let (one, two) = tokio::join!(
        site.ours.create_role(&name, &password, request),
        site.ours.create_role(&name, &password, request)
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    assert_eq!(one.or(two).unwrap().id, site.role(&name).await.unwrap().id);
    let (one, two) =
        tokio::join!(site.ours.create_private(&name, request), site.ours.create_private(&name, request));
    assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
    let seen = site.ours.look(&name).await.unwrap().unwrap();
    assert_eq!(seen.created_by, Some(request));
    let mut client = site.log_in(name.as_str(), PASSWORD, name.as_str()).await.unwrap();
    run(&mut client, "CREATE TABLE t (n int)").await.expect("what has the name is whole");
}

#[tokio::test]
async fn a_login_without_createrole_is_told_so() {
    let site = Site::new().await;
    assert_eq!(site.ours.role_access().await.unwrap(), Access::Allowed);
    let (database, authority) = (&site.target.database.name, &site.target.database.authority);
    site.target.run(format!("CREATE ROLE plain_{database} LOGIN CREATEDB PASSWORD 'plain'")).await;
    let plain = server(&format!("postgres://plain_{database}:plain@{authority}/postgres"));
    let why = format!("role `plain_{database}` of server `main` has no CREATEROLE");
    assert_eq!(plain.role_access().await.unwrap(), Access::Refused { why });
    let name = site.target.named("no");
    assert_eq!(kind(plain.create_role(&name, &password(), request(31)).await), TargetErrorKind::Forbidden);
    assert_eq!(site.role(&name).await, None);
}
