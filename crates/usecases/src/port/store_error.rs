//! How storage fails, in the same words for every ledger.

/// Storage did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// An expected version moved, a guard did not hold, or a key is taken: nothing was written. Load again and decide again.
    #[error("the {what} `{id}` moved since it was loaded")]
    Stale {
        /// What: a table's or guard's name.
        what: &'static str,
        /// Which one.
        id: String,
    },
    /// The connection was lost while the commit was being written: it may have been. Look its id up.
    #[error("the connection was lost at commit: {message}")]
    Unknown {
        /// What the driver said.
        message: String,
    },
    /// The store can't be reached or is overloaded now: nothing was written.
    #[error("the store is unavailable: {message}")]
    Unavailable {
        /// What the driver said.
        message: String,
    },
    /// A stored row doesn't have the form it was written in.
    #[error("table `{table}`, column `{column}`, row `{id}`: {message}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        id: String,
        /// What is wrong with it.
        message: String,
    },
    /// A cursor that this store didn't give out.
    #[error("`{cursor}` is not a cursor of this store")]
    ForeignCursor {
        /// The cursor as it was given.
        cursor: String,
    },
    /// The store refused the statement: a defect of ours.
    #[error("the store refused: {message}")]
    Refused {
        /// What the driver said.
        message: String,
    },
}
