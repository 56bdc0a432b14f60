//! Real browsers at real servers: Chromium driven by its own driver, people who sign in at a real provider of identities.
//!
//! Nothing of this knows how the console is made: it finds by selectors what people find with their eyes, and does what they do.
//! **Deliberately absent:** a wait for a fixed time. Whatever has to happen is looked for until it is there, or the patience is over.

mod axe;
mod driver;
mod picture;
mod provider;
mod scene;
mod session;
mod tale;

pub use axe::violations;
pub use driver::Driver;
pub use picture::{Format, picture};
pub use provider::{Person, Provider};
pub use scene::{HOME, Scene};
pub use session::{Browser, Theme, Window};
pub use tale::Tale;
