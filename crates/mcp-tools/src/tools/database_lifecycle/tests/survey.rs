//! What is noticed about databases that carry our mark and that the register doesn't know so.

use super::*;
use crate::ports::{MarkedDatabase, TargetErrorKind};
use crate::tools::samples::error;
use crate::watch::Deviation;

fn marked(name: &str, id: &str, created_by: u8) -> MarkedDatabase {
    MarkedDatabase { name: name.to_owned(), id: id.to_owned(), created_by: request(created_by) }
}

fn row(name: &str, state: OwnedState, created_by: u8) -> (DatabaseName, OwnedDatabase) {
    (DatabaseName::parse(name).unwrap(), owner(state, created_by))
}

type Rows = Vec<(DatabaseName, OwnedDatabase)>;

/// Several servers with what each lists, look by look (the last one from then on), and its owner rows.
struct Servers(Vec<(&'static str, Vec<Vec<MarkedDatabase>>, Rows)>);

struct Configured(Vec<Arc<MockDatabaseServer>>);

impl DatabaseServers for Configured {
    fn find_server(&self, _environment: &Environment) -> Option<Arc<dyn DatabaseServer>> {
        None
    }

    fn list_servers(&self) -> Vec<Arc<dyn DatabaseServer>> {
        self.0.iter().map(|server| server.clone() as Arc<dyn DatabaseServer>).collect()
    }
}

async fn surveyed(servers: Servers) -> Survey {
    let mut register = MockDatabaseRegister::new();
    let mut configured = Vec::new();
    for (name, lists, rows) in servers.0 {
        let mut server = server_named(name);
        let mut lists = lists.into_iter().peekable();
        let mut now = Vec::new();
        server.expect_list_marked().returning(move || {
            now = lists.next().unwrap_or_else(|| now.clone());
            Ok(now.clone())
        });
        register.expect_list_owners().withf(move |of| of == name).returning(move |_| Ok(rows.clone()));
        configured.push(Arc::new(server));
    }
    DatabaseLifecycle::new(Arc::new(Configured(configured)), Arc::new(register)).survey().await
}

/// The targets found on one server that lists this all the time.
async fn found(listed: Vec<MarkedDatabase>, rows: Rows) -> Vec<String> {
    let survey = surveyed(Servers(vec![("main", vec![listed], rows)])).await;
    assert_eq!(survey.not_seen, Vec::<String>::new());
    survey.strays.into_iter().map(|stray| stray.target).collect()
}

#[tokio::test]
async fn what_the_register_gives_to_the_request_of_its_mark_is_in_order() {
    use OwnedState::{Active, Purging, Quarantined, Reserved, Restoring};
    for state in [Reserved, Active, Quarantined, Purging] {
        assert!(found(vec![marked("orders", "1", 5)], vec![row("orders", state, 5)]).await.is_empty());
    }
    let renamed = found(vec![marked("orders_old", "1", 5)], vec![row("orders", Active, 5)]).await;
    assert!(renamed.is_empty(), "inspecting what its request left tells that");
    let given_back = found(vec![marked("_q_orders_1", "1", 5)], vec![row("orders", Restoring, 5)]).await;
    assert!(given_back.is_empty(), "its row has the old name already");
    let two_names = vec![marked("orders", "1", 5), marked("_q_orders_1", "1", 5)];
    let killed = found(two_names, vec![row("orders", Active, 5)]).await;
    assert!(killed.is_empty(), "one file between its two names");
    assert!(found(vec![], vec![row("orders", Active, 5)]).await.is_empty());
}

#[tokio::test]
async fn what_it_does_not_is_found_with_what_it_says_instead() {
    use OwnedState::{Active, Quarantined};
    assert_eq!(found(vec![marked("orders", "1", 5)], vec![]).await, ["database:main/orders"]);
    let replaced = vec![row("orders", Active, 6), row("billing", Quarantined, 5)];
    let survey = surveyed(Servers(vec![("main", vec![vec![marked("orders", "1", 5)]], replaced)])).await;
    let stray = &survey.strays[0];
    assert_eq!((stray.target.as_str(), stray.marked_by), ("database:main/orders", request(5)));
    assert_eq!(stray.finding.deviation, Deviation::Unregistered);
    let of_another = json!({"registered": {"request": request(6).to_string(), "state": "active"}});
    assert_eq!(stray.finding.left, of_another);
    assert_eq!(stray.finding.seen, json!({"id": "1", "created_by": request(5).to_string()}));

    let copied = vec![marked("orders", "1", 5), marked("Copy of orders", "2", 5)];
    assert_eq!(found(copied, vec![row("orders", Active, 5)]).await, ["database:main/Copy of orders"]);
}

#[tokio::test]
async fn what_we_dropped_or_renamed_in_between_is_no_finding() {
    let before = vec![marked("orders", "1", 5)];
    let after = vec![marked("orders", "2", 6)];
    let survey = surveyed(Servers(vec![("main", vec![before.clone(), after], vec![])])).await;
    assert_eq!(survey, Survey::default());
    let survey = surveyed(Servers(vec![("main", vec![before, vec![]], vec![])])).await;
    assert_eq!(survey, Survey::default());
}

#[tokio::test]
async fn one_server_under_two_names_is_told_of_once_and_by_what_is_registered() {
    let listed = || vec![vec![marked("orders", "1", 5), marked("left", "2", 9)]];
    let rows = || vec![row("orders", OwnedState::Active, 5)];
    for servers in [
        vec![("dev", listed(), rows()), ("staging", listed(), vec![])],
        vec![("dev", listed(), vec![]), ("staging", listed(), rows())],
    ] {
        let survey = surveyed(Servers(servers)).await;
        let targets: Vec<_> = survey.strays.iter().map(|stray| stray.target.as_str()).collect();
        assert_eq!(targets, ["database:dev/left"]);
    }
    let other = vec![("dev", listed(), rows()), ("prod", vec![vec![marked("orders", "7", 5)]], vec![])];
    let survey = surveyed(Servers(other)).await;
    assert!(survey.strays.iter().any(|stray| stray.target == "database:prod/orders"), "a copy elsewhere");
}

#[tokio::test]
async fn a_server_that_is_away_hides_no_other() {
    let (mut away, mut there) = (server_named("away"), server_named("there"));
    away.expect_list_marked().returning(|| Err(error(TargetErrorKind::Unreachable, "it is down")));
    there.expect_list_marked().returning(|| Ok(vec![marked("orders", "1", 5)]));
    let mut register = MockDatabaseRegister::new();
    register.expect_list_owners().returning(|_| Ok(Vec::new()));
    let servers = Configured(vec![Arc::new(away), Arc::new(there)]);
    let survey = DatabaseLifecycle::new(Arc::new(servers), Arc::new(register)).survey().await;
    assert_eq!(survey.not_seen, ["the target: it is down"]);
    assert_eq!(survey.strays.len(), 1);
}
