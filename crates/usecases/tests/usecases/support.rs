//! What all tests here stand on: a world with a store, a clock and services; mocks; a ledger that can be listened to; the invariants.

pub(crate) mod check;
pub(crate) mod databases;
pub(crate) mod hooked;
pub(crate) mod mocks;
pub(crate) mod texts;
pub(crate) mod watched;
pub(crate) mod world;

pub(crate) use check::check;
pub(crate) use hooked::HookedLedger;
pub(crate) use mocks::{MockWarrants, honest_warrants, one_step, untouchable};
pub(crate) use watched::Watched;
pub(crate) use world::{ALICE, BOB, CAROL, RUN, Setup, World, decision, on_another_thread, platform, who};
