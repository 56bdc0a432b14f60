//! The control-tool registry, the control tools, and the ports to the systems they change.
//!
//! A tool parses what an agent asks, looks at the target, says what it would do as a [`Plan`], and later does the plan's steps one by
//! one. It never decides whether it may: policy and people do, between `plan` and `perform`.
//!
//! **Architecture invariant:** no adapter, storage or clock is known here, and nothing in this crate has seen an approval. Secret values
//! exist only as [`SecretValue`], which has no `Serialize`, `Display` or `Clone`.

pub mod arguments;
pub mod call;
pub mod changes;
pub mod plan;
pub mod ports;
pub mod registry;
pub mod secret;
pub mod tool;
pub mod tools;
pub mod watch;

pub use arguments::Arguments;
pub use call::{Call, Caller, CodeLink, DecodeError, IdempotencyKey, Question};
pub use changes::{ChangedPart, PlanChanges};
pub use plan::{Fact, Ownership, OwnershipChange, Plan, Quarantine, Reversibility, SecretSpec, Step};
pub use registry::{RegisterError, ToolRegistry};
pub use secret::SecretValue;
pub use tool::{
    ActionDescriptor, ControlTool, Kept, LONGEST_EXCHANGE, Observation, PlanRefusal, ProbeOutcome,
    StepOutcome, StepWork, ToolDescriptor, UNDO_FAILED, UndoWork, Unseen, UnseenReason,
};
pub use tools::{
    CredentialsConfig, DatabaseLifecycle, NamePattern, NamespaceRule, NamespaceRules, OwnerFeedback,
    ParsePatternError, SecretSync, SecretSyncConfig, standard_descriptors,
};
pub use watch::{Deviation, DoneStep, Explanation, Finding, Inspection, Stray, Survey};
