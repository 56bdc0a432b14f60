//! One process has the file.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::OpenError;

/// Held as long as the writer is alive. The operating system lets go of it when the process dies, however it dies.
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Locks `<path>.lock`. The file stays when the lock is gone: removing it would race with the next to come.
    pub(crate) fn acquire(path: &Path) -> Result<Self, OpenError> {
        let lock = lock_path(path);
        let unlockable = |source| OpenError::Lock { lock: lock.clone(), source };
        let file =
            File::options().create(true).truncate(false).write(true).open(&lock).map_err(unlockable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Held { path: path.to_owned(), lock }),
            Err(TryLockError::Error(source)) => Err(unlockable(source)),
        }
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut lock = OsString::from(path);
    lock.push(".lock");
    PathBuf::from(lock)
}
