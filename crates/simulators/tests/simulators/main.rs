//! The simulators as their clients see them: every refusal and every fault, over real HTTP.

mod faults;
mod github;
mod kubernetes;
mod proxy;
mod support;
