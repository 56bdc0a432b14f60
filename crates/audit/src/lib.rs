//! Audit events and their canonical, salted log entries.
