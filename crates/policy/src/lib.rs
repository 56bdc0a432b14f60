//! The approval matrix: parse, check, compile, evaluate, explain.
