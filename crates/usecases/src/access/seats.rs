//! How many streams one caller may hold open: each of them looks into the store again and again, for as long as its client likes.
//!
//! Counted by this server alone: behind several replicas a caller gets as many at each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_kernel::{Fault, Kind, Principal, RunId};

/// How many streams one run, or one person or service, may hold open at this server.
pub const SEATS_PER_CALLER: usize = 32;

/// Whose streams are counted together: a caller's, however many tokens and connections they have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// An agent.
    Run(RunId),
    /// A person or service.
    Principal(Principal),
}

/// A caller holds as many streams as they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("you hold {SEATS_PER_CALLER} streams open at this server, and more are not given to one caller")]
pub struct TooManyStreams;

impl Fault for TooManyStreams {
    fn kind(&self) -> Kind {
        Kind::Exhausted
    }

    fn code(&self) -> &'static str {
        "too_many_streams"
    }
}

/// Who holds how many streams. Nobody with none is kept.
#[derive(Clone, Debug, Default)]
pub struct Seats(Arc<Mutex<HashMap<Holder, usize>>>);

/// The right to one stream; given back when it is dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    holder: Holder,
}

impl Seats {
    /// One more stream for this caller.
    ///
    /// # Errors
    /// They hold as many as they may.
    pub fn take(&self, holder: Holder) -> Result<Seat, TooManyStreams> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = taken.get(&holder).copied().unwrap_or(0);
        if held >= SEATS_PER_CALLER {
            return Err(TooManyStreams);
        }
        taken.insert(holder.clone(), held + 1);
        Ok(Seat { seats: self.clone(), holder })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.holder) {
            Some(held) if *held > 1 => *held -= 1,
            Some(_) | None => {
                taken.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str) -> Holder {
        Holder::Run(RunId::parse(id).unwrap())
    }

    fn fill(seats: &Seats, holder: &Holder) -> Vec<Seat> {
        (0..SEATS_PER_CALLER).map(|_| seats.take(holder.clone()).unwrap()).collect()
    }

    #[test]
    fn each_caller_has_so_many_seats_and_gets_one_back_for_each_given_up() {
        let seats = Seats::default();
        let mut held = fill(&seats, &run("run-1"));
        assert!(seats.take(run("run-1")).is_err());
        let _others = fill(&seats, &run("run-2"));
        held.pop();
        held.push(seats.take(run("run-1")).unwrap());
        assert!(seats.take(run("run-1")).is_err());
    }

    #[test]
    fn a_principal_named_like_a_run_is_another_caller() {
        let seats = Seats::default();
        let _held = fill(&seats, &run("user:github:alice"));
        assert!(seats.take(Holder::Principal(Principal::parse("user:github:alice").unwrap())).is_ok());
    }

    #[test]
    fn nobody_without_a_stream_is_kept() {
        let seats = Seats::default();
        drop(fill(&seats, &run("run-1")));
        assert!(seats.0.lock().unwrap().is_empty());
    }
}
