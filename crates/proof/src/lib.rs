//! Shows that nothing is lost and nothing leaks: [random accounts](world) × [random commands](command) × [random
//! troubles](trouble), processes that are [cut off](process) at any call or run two at a time, all of it by [seed](doors) and
//! under paused time; and [checkers](checks) that look at the simulated world and not at how the product decides.
//!
//! A [`story::Case`] is plain data, lived the same way every time; a failing one is made [smaller](shrink). `soak` tries as many
//! as there is time for, `tests/proof.rs` a fixed set of them.

pub mod checks;
pub mod command;
pub mod doors;
pub mod expiry;
pub mod found;
pub mod known;
pub mod process;
pub mod shrink;
pub mod story;
pub mod trouble;
pub mod world;
