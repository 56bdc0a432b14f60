//! The adapter against the GitHub stand-in, what holds on any GitHub (`suite`) against the real one too, and every request against GitHub's
//! own description (`described`).

mod bench;
mod described;
mod errors;
mod secrecy;
mod suite;
mod support;
mod using;
