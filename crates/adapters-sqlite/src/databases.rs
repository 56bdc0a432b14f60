//! SQLite files as databases that control tools create, describe and delete: what a PostgreSQL server is to larger installations.
//!
//! An environment is a directory; a database is a file in it. A file we made carries the request that asked for it in a table of its own,
//! [`MARKER_TABLE`], so that it can be told from one somebody put there.
//!
//! **Architecture invariant:** apart from the store: no connection, lock or table is shared with it. Deliberately absent: users and
//! grants, which SQLite doesn't have; who may open the file is said by the directory's permissions.

mod file;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use countersign_kernel::{DatabaseName, Environment, RequestId};
use countersign_mcp_tools::ports::{
    Access, DatabaseReceipt, DatabaseSeen, DatabaseServer, DatabaseServers, LoginRoles, MarkedDatabase,
    TargetError, TargetErrorKind,
};
use tokio::fs;
use tokio::sync::Mutex;

use file::{DatabaseFile, identity};

/// The table in which a database says which request it was made for.
pub const MARKER_TABLE: &str = "countersign_marker";

const QUARANTINE_DAYS: u32 = 7;

/// Which directory serves which environment.
#[derive(Clone, Default)]
pub struct SqliteDatabases {
    servers: BTreeMap<Environment, Arc<SqliteDatabaseServer>>,
}

impl SqliteDatabases {
    /// The servers of these environments.
    pub fn new(servers: impl IntoIterator<Item = (Environment, SqliteDatabaseServer)>) -> Self {
        let servers = servers.into_iter();
        Self { servers: servers.map(|(environment, server)| (environment, Arc::new(server))).collect() }
    }
}

impl DatabaseServers for SqliteDatabases {
    fn find_server(&self, environment: &Environment) -> Option<Arc<dyn DatabaseServer>> {
        let server = self.servers.get(environment)?;
        Some(Arc::clone(server) as Arc<dyn DatabaseServer>)
    }

    fn list_servers(&self) -> Vec<Arc<dyn DatabaseServer>> {
        let named = self
            .servers
            .values()
            .map(|server| (server.name(), Arc::clone(server) as Arc<dyn DatabaseServer>));
        named.collect::<BTreeMap<_, _>>().into_values().collect()
    }
}

/// One directory of database files.
pub struct SqliteDatabaseServer {
    name: String,
    directory: PathBuf,
    quarantine_days: u32,
    /// Our own writes to one directory go one by one. Other processes are kept out by what the file system makes exclusive.
    writing: Mutex<()>,
}

impl SqliteDatabaseServer {
    /// The directory, under the name that owner rows know it by. It has to exist when it is used.
    pub fn new(name: impl Into<String>, directory: impl Into<PathBuf>) -> Self {
        let (name, directory) = (name.into(), directory.into());
        Self { name, directory, quarantine_days: QUARANTINE_DAYS, writing: Mutex::new(()) }
    }

    /// The same, which keeps quarantined databases for so many days instead of seven.
    #[must_use]
    pub fn keeping_for_days(self, quarantine_days: u32) -> Self {
        Self { quarantine_days, ..self }
    }

    /// The file of a database, whether it is there or not.
    pub fn path_of(&self, database: &DatabaseName) -> PathBuf {
        self.directory.join(format!("{database}.db"))
    }

    fn file(&self, database: &DatabaseName) -> DatabaseFile {
        DatabaseFile {
            path: self.path_of(database),
            target: format!("sqlite database {}/{database}", self.name),
        }
    }

    async fn directory_is_there(&self, target: &str) -> Result<(), TargetError> {
        match fs::metadata(&self.directory).await {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(failed(TargetErrorKind::Unreachable, target, "its directory is no directory")),
            Err(error) => Err(io_failed(TargetErrorKind::Unreachable, target, "its directory", &error)),
        }
    }

    /// The files that have names of databases, by name. What is in the making has none yet.
    async fn databases(&self, target: &str) -> Result<BTreeMap<String, PathBuf>, TargetError> {
        let unreadable = |error: io::Error| {
            io_failed(TargetErrorKind::Unreachable, target, "its directory can't be read", &error)
        };
        let mut entries = fs::read_dir(&self.directory).await.map_err(unreadable)?;
        let mut found = BTreeMap::new();
        while let Some(entry) = entries.next_entry().await.map_err(unreadable)? {
            let is_file = fs::metadata(entry.path()).await.is_ok_and(|metadata| metadata.is_file());
            let name =
                entry.file_name().to_str().and_then(|name| name.strip_suffix(".db")).map(str::to_owned);
            if let Some(name) = name.filter(|_| is_file) {
                found.insert(name, entry.path());
            }
        }
        Ok(found)
    }

    /// The database, if it is still the one that was looked at.
    async fn expect(&self, file: &DatabaseFile, expected_id: &str) -> Result<DatabaseReceipt, TargetError> {
        self.directory_is_there(&file.target).await?;
        let Some(seen) = self.seen(file).await? else {
            return Err(failed(TargetErrorKind::NotFound, &file.target, "it is not there"));
        };
        if seen.id == expected_id {
            Ok(DatabaseReceipt { id: seen.id })
        } else {
            let message = format!("it is not the one that was looked at: `{}`, not `{expected_id}`", seen.id);
            Err(failed(TargetErrorKind::Conflict, &file.target, message))
        }
    }

    async fn seen(&self, file: &DatabaseFile) -> Result<Option<DatabaseSeen>, TargetError> {
        let metadata = match fs::metadata(&file.path).await {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(io_failed(TargetErrorKind::Unreachable, &file.target, "its file", &error));
            }
        };
        let created_by = file.marker().await?;
        let size_bytes = metadata.len() + file.log_bytes().await;
        // SQLite does not know who has a file open.
        Ok(Some(DatabaseSeen { id: identity(&metadata, created_by), created_by, size_bytes, connections: 0 }))
    }
}

#[async_trait]
impl DatabaseServer for SqliteDatabaseServer {
    fn name(&self) -> &str {
        &self.name
    }

    fn quarantine_days(&self) -> u32 {
        self.quarantine_days
    }

    /// Files know no roles: whoever may read the folder may read them all.
    fn roles(&self) -> Option<Arc<dyn LoginRoles>> {
        None
    }

    async fn look(&self, database: &DatabaseName) -> Result<Option<DatabaseSeen>, TargetError> {
        let file = self.file(database);
        self.directory_is_there(&file.target).await?;
        self.seen(&file).await
    }

    async fn list_marked(&self) -> Result<Vec<MarkedDatabase>, TargetError> {
        let target = format!("sqlite databases {}", self.name);
        self.directory_is_there(&target).await?;
        let mut marked = Vec::new();
        for (name, path) in self.databases(&target).await? {
            let file = DatabaseFile { path, target: format!("sqlite database {}/{name}", self.name) };
            if let Some(DatabaseSeen { id, created_by: Some(created_by), .. }) = self.seen(&file).await? {
                marked.push(MarkedDatabase { name, id, created_by });
            }
        }
        Ok(marked)
    }

    async fn access(&self) -> Result<Access, TargetError> {
        let refused = |why: String| Ok(Access::Refused { why });
        let shown = self.directory.display();
        match fs::metadata(&self.directory).await {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return refused(format!("`{shown}` is no directory")),
            Err(error) => return refused(format!("directory `{shown}`: {error}")),
        }
        // Permission bits don't tell: mounts, ACLs and capabilities have their say. So a file is made and removed.
        let _one_by_one = self.writing.lock().await;
        let probe = self.directory.join(format!(".countersign-access-{}", std::process::id()));
        if let Err(error) = fs::File::create(&probe).await {
            return refused(format!("directory `{shown}` can't be written: {error}"));
        }
        match fs::remove_file(&probe).await {
            Ok(()) => Ok(Access::Allowed),
            Err(error) => refused(format!("files in directory `{shown}` can't be removed: {error}")),
        }
    }

    async fn create(
        &self,
        database: &DatabaseName,
        request: RequestId,
    ) -> Result<DatabaseReceipt, TargetError> {
        let _one_by_one = self.writing.lock().await;
        let file = self.file(database);
        self.directory_is_there(&file.target).await?;
        let made = DatabaseFile {
            path: self.directory.join(format!(".{database}.{request}.making")),
            target: file.target.clone(),
        };
        // What an earlier attempt of the same request left behind when it was killed.
        made.remove_all().await?;
        made.make(request).await?;
        let published = self.publish(&made, &file).await;
        let cleared = made.remove_all().await;
        published.and_then(|receipt| cleared.map(|()| receipt))
    }

    async fn quarantine(
        &self,
        database: &DatabaseName,
        kept_as: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.rename(database, kept_as, expected_id).await
    }

    async fn restore(
        &self,
        kept_as: &DatabaseName,
        database: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        self.rename(kept_as, database, expected_id).await
    }

    async fn drop_database(
        &self,
        database: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        let _one_by_one = self.writing.lock().await;
        let file = self.file(database);
        let receipt = self.expect(&file, expected_id).await?;
        file.settle().await?;
        file.remove().await?;
        self.keep_names(&file.target).await?;
        Ok(receipt)
    }
}

impl SqliteDatabaseServer {
    /// Gives a database nobody has open another name, if that is free. Killed in between, the file has both names, and the same call goes
    /// on from there.
    async fn rename(
        &self,
        from: &DatabaseName,
        to: &DatabaseName,
        expected_id: &str,
    ) -> Result<DatabaseReceipt, TargetError> {
        let _one_by_one = self.writing.lock().await;
        let (from, to) = (self.file(from), self.file(to));
        let receipt = self.expect(&from, expected_id).await?;
        from.settle().await?;
        match fs::hard_link(&from.path, &to.path).await {
            Ok(()) => {}
            // An earlier attempt was killed between the two names.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && from.is_same_as(&to).await => {}
            Err(error) => return Err(link_failed(&to.target, &error)),
        }
        from.remove().await?;
        self.keep_names(&from.target).await?;
        Ok(receipt)
    }

    /// Gives the finished file its name: all at once, and only if the name is free.
    async fn publish(
        &self,
        made: &DatabaseFile,
        file: &DatabaseFile,
    ) -> Result<DatabaseReceipt, TargetError> {
        if !file.is_there().await? {
            // A log left beside a name would be played into the new file.
            file.remove_side_files().await?;
        }
        fs::hard_link(&made.path, &file.path).await.map_err(|error| link_failed(&file.target, &error))?;
        self.keep_names(&file.target).await?;
        match self.seen(file).await? {
            Some(seen) => Ok(DatabaseReceipt { id: seen.id }),
            None => Err(failed(TargetErrorKind::Broken, &file.target, "it vanished after it was created")),
        }
    }

    /// Makes changes of names outlast a crash of the machine.
    async fn keep_names(&self, target: &str) -> Result<(), TargetError> {
        sync_directory(&self.directory)
            .await
            .map_err(|error| io_failed(TargetErrorKind::Broken, target, "its directory", &error))
    }
}

async fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory).await?.sync_all().await
}

fn failed(kind: TargetErrorKind, target: &str, message: impl Into<String>) -> TargetError {
    TargetError { kind, target: target.to_owned(), message: message.into() }
}

/// A failure of the file system that says nothing clearer than `otherwise`.
fn io_failed(otherwise: TargetErrorKind, target: &str, what: &str, error: &io::Error) -> TargetError {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded => TargetErrorKind::Forbidden,
        _ => otherwise,
    };
    failed(kind, target, format!("{what}: {error}"))
}

fn link_failed(target: &str, error: &io::Error) -> TargetError {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return failed(TargetErrorKind::Conflict, target, "it exists");
    }
    io_failed(TargetErrorKind::Broken, target, "its file can't be named", error)
}
