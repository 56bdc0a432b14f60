//! An action request, its states, votes and clocks.
