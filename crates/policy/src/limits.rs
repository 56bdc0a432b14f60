//! The bounds of a policy text. They are far above what people write and keep checking it quick.

use countersign_kernel::Millis;

/// The longest text in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// The deepest nesting; the form itself needs 5.
pub(crate) const MAX_DEPTH: usize = 16;
/// The most grants and guards together: every two of them are compared at load.
pub(crate) const MAX_RULES: usize = 2000;
/// The largest quorum.
pub(crate) const MAX_QUORUM: u32 = 100;
/// The longest glob in characters: as long as the longest name it could match.
pub(crate) const MAX_GLOB_CHARS: usize = 64;
/// The shortest clock.
pub(crate) const MIN_CLOCK: Millis = Millis::from_secs(1);
/// The longest clock: 30 days.
pub(crate) const MAX_CLOCK: Millis = Millis::from_secs(30 * 24 * 3600);
