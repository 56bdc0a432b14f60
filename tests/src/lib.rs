//! Black-box suites against real server processes.
