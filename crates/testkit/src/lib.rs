//! The in-memory ledger (the model), the test clock and the contract suites every ledger passes.
