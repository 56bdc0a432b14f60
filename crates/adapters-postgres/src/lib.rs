//! PostgreSQL: ledger, work queue, queries; and, apart from them, PostgreSQL databases as targets.
