//! SQLite: the same storage ports in one file, and database files as targets.
