//! A database server that remembers names, and answers badly when told to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use countersign_kernel::{DatabaseName, Environment, RequestId};
use countersign_mcp_tools::SecretValue;
use countersign_mcp_tools::ports::{
    Access, DatabaseReceipt, DatabaseSeen, DatabaseServer, DatabaseServers, LoginRoles, MarkedDatabase,
    RoleReceipt, RoleSeen, TargetError, TargetErrorKind,
};

/// How long it keeps what is quarantined.
pub(crate) const DAYS: u32 = 7;

/// What the next write comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// It is done, as if nothing had been scripted.
    Done,
    /// It is done, and the answer is lost.
    DoneUnanswered,
    /// It is not done, and there is no answer.
    Unanswered,
    /// It is refused.
    Refused(TargetErrorKind),
    /// What an earlier worker had sent arrives first, and it is refused because of that.
    Overtaken(TargetErrorKind),
}

/// The server `main` of the environment `dev`.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeServer(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    databases: BTreeMap<String, (String, Option<RequestId>)>,
    roles: BTreeMap<String, Option<RequestId>>,
    answers: VecDeque<Answer>,
    writes: Vec<String>,
    made: u32,
}

impl FakeServer {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// The next write that is not scripted yet comes to this.
    pub(crate) fn script(&self, answer: Answer) {
        self.inner().answers.push_back(answer);
    }

    /// The names that are there.
    pub(crate) fn names(&self) -> Vec<String> {
        self.inner().databases.keys().cloned().collect()
    }

    /// The writes attempted, in order.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.inner().writes.clone()
    }

    /// The login roles that are there.
    pub(crate) fn roles_there(&self) -> Vec<String> {
        self.inner().roles.keys().cloned().collect()
    }

    /// A login role is there, with this mark.
    pub(crate) fn give_role(&self, name: &str, mark: Option<RequestId>) {
        self.inner().roles.insert(name.to_owned(), mark);
    }

    /// Whose mark a database carries.
    pub(crate) fn mark_of(&self, name: &str) -> Option<RequestId> {
        self.inner().databases.get(name).and_then(|(_, mark)| *mark)
    }

    /// Somebody renames a database by hand.
    pub(crate) fn rename_by_hand(&self, from: &str, to: &str) {
        let mut inner = self.inner();
        let database = inner.databases.remove(from).unwrap();
        inner.databases.insert(to.to_owned(), database);
    }

    /// Somebody drops a database by hand.
    pub(crate) fn drop_by_hand(&self, name: &str) {
        self.inner().databases.remove(name).unwrap();
    }

    /// Somebody makes a database by hand, in the place of any that has the name.
    pub(crate) fn make_by_hand(&self, name: &str) {
        self.inner().databases.insert(name.to_owned(), ("by-hand".to_owned(), None));
    }

    /// Somebody makes a database with a comment like ours.
    pub(crate) fn make_marked_by_hand(&self, name: &str, request: RequestId) {
        self.inner().databases.insert(name.to_owned(), ("by-hand".to_owned(), Some(request)));
    }

    /// Somebody makes a copy with the same comment under another name.
    pub(crate) fn copy_under_by_hand(&self, from: &str, to: &str, id: &str) {
        let mut inner = self.inner();
        let created_by = inner.databases[from].1;
        inner.databases.insert(to.to_owned(), (id.to_owned(), created_by));
    }

    /// Somebody takes our comment away.
    pub(crate) fn unmark_by_hand(&self, name: &str) {
        self.inner().databases.get_mut(name).unwrap().1 = None;
    }

    /// Somebody puts a copy with the same comment in the place of a database.
    pub(crate) fn copy_by_hand(&self, name: &str, id: &str) {
        self.inner().databases.get_mut(name).unwrap().0 = id.to_owned();
    }

    fn write(
        &self,
        what: String,
        done: impl FnOnce(&mut Inner) -> Result<String, TargetErrorKind>,
    ) -> Result<DatabaseReceipt, TargetError> {
        let mut inner = self.inner();
        inner.writes.push(what);
        let failed =
            |kind| TargetError { kind, target: "database main".to_owned(), message: "said so".to_owned() };
        match inner.answers.pop_front() {
            Some(Answer::Refused(kind)) => Err(failed(kind)),
            Some(Answer::Unanswered) => Err(failed(TargetErrorKind::NoAnswer)),
            Some(Answer::Overtaken(kind)) => {
                done(&mut inner).map_err(failed)?;
                Err(failed(kind))
            }
            Some(Answer::DoneUnanswered) => {
                done(&mut inner).map_err(failed)?;
                Err(failed(TargetErrorKind::NoAnswer))
            }
            Some(Answer::Done) | None => done(&mut inner).map(|id| DatabaseReceipt { id }).map_err(failed),
        }
    }

    fn rename(
        &self,
        what: &str,
        from: &DatabaseName,
        to: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.write(format!("{what} {from} {to}"), |inner| {
            let (id, _) = inner.databases.get(from.as_str()).ok_or(TargetErrorKind::NotFound)?;
            if id != expected_id || inner.databases.contains_key(to.as_str()) {
                return Err(TargetErrorKind::Conflict);
            }
            let database = inner.databases.remove(from.as_str()).unwrap();
            inner.databases.insert(to.to_string(), database);
            Ok(expected_id.to_owned())
        })
    }
}

#[async_trait]
impl DatabaseServer for FakeServer {
    fn name(&self) -> &'static str {
        "main"
    }

    fn quarantine_days(&self) -> u32 {
        DAYS
    }

    fn roles(&self) -> Option<Arc<dyn LoginRoles>> {
        Some(Arc::new(self.clone()))
    }

    async fn look(&self, database: &DatabaseName) -> Result<Option<DatabaseSeen>, TargetError> {
        let inner = self.inner();
        let found = inner.databases.get(database.as_str()).cloned();
        Ok(found.map(|(id, created_by)| DatabaseSeen { id, created_by, size_bytes: 1, connections: 0 }))
    }

    async fn list_marked(&self) -> Result<Vec<MarkedDatabase>, TargetError> {
        let marked = |(name, (id, created_by)): (&String, &(String, Option<RequestId>))| {
            created_by.map(|created_by| MarkedDatabase { name: name.clone(), id: id.clone(), created_by })
        };
        Ok(self.inner().databases.iter().filter_map(marked).collect())
    }

    async fn access(&self) -> Result<Access, TargetError> {
        Ok(Access::Allowed)
    }

    async fn create(
        &self,
        database: &DatabaseName,
        request: RequestId,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.write(format!("create {database}"), |inner| {
            inner.made += 1;
            let id = format!("{}", 16_384 + inner.made);
            if inner.databases.contains_key(database.as_str()) {
                return Err(TargetErrorKind::Conflict);
            }
            inner.databases.insert(database.to_string(), (id.clone(), Some(request)));
            Ok(id)
        })
    }

    async fn quarantine(
        &self,
        database: &DatabaseName,
        kept_as: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.rename("quarantine", database, kept_as, expected_id)
    }

    async fn restore(
        &self,
        kept_as: &DatabaseName,
        database: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.rename("restore", kept_as, database, expected_id)
    }

    async fn drop_database(
        &self,
        database: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.write(format!("drop {database}"), |inner| {
            let (id, _) = inner.databases.get(database.as_str()).ok_or(TargetErrorKind::NotFound)?;
            if id != expected_id {
                return Err(TargetErrorKind::Conflict);
            }
            inner.databases.remove(database.as_str());
            Ok(expected_id.to_owned())
        })
    }
}

#[async_trait]
impl LoginRoles for FakeServer {
    async fn role_access(&self) -> Result<Access, TargetError> {
        Ok(Access::Allowed)
    }

    async fn look_at_role(&self, role: &DatabaseName) -> Result<Option<RoleSeen>, TargetError> {
        let found = self.inner().roles.get(role.as_str()).copied();
        Ok(found.map(|created_by| RoleSeen { id: "16400".to_owned(), created_by, used_elsewhere: false }))
    }

    async fn create_role(
        &self,
        role: &DatabaseName,
        _password: &SecretValue,
        request: RequestId,
    ) -> Result<RoleReceipt, TargetError> {
        let made = self.write(format!("create role {role}"), |inner| {
            if inner.roles.contains_key(role.as_str()) {
                return Err(TargetErrorKind::Conflict);
            }
            inner.roles.insert(role.to_string(), Some(request));
            Ok("16400".to_owned())
        });
        made.map(|made| RoleReceipt { id: made.id })
    }

    async fn create_private(
        &self,
        database: &DatabaseName,
        request: RequestId,
    ) -> Result<DatabaseReceipt, TargetError> {
        DatabaseServer::create(self, database, request).await
    }

    async fn drop_role(&self, role: &DatabaseName, request: RequestId) -> Result<(), TargetError> {
        let dropped = self.write(format!("drop role {role}"), |inner| {
            match inner.roles.get(role.as_str()) {
                None => return Err(TargetErrorKind::NotFound),
                Some(mark) if *mark != Some(request) => return Err(TargetErrorKind::Conflict),
                Some(_) => {}
            }
            inner.roles.remove(role.as_str());
            Ok(String::new())
        });
        dropped.map(drop)
    }
}

/// The one server, for `dev`.
pub(crate) struct OneServer(pub(crate) Arc<FakeServer>);

impl DatabaseServers for OneServer {
    fn find_server(&self, environment: &Environment) -> Option<Arc<dyn DatabaseServer>> {
        (environment.as_str() == "dev").then(|| self.0.clone() as Arc<dyn DatabaseServer>)
    }

    fn list_servers(&self) -> Vec<Arc<dyn DatabaseServer>> {
        vec![self.0.clone()]
    }
}
