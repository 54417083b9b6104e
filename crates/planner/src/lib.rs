//! Decides what ami-backup does.
//!
//! Every function here is pure: what was seen ([`Inventory`]), what is wanted ([`policy`]) and `now` go in, a
//! [`Plan`] with the reason for each decision comes out. There is no I/O, no clock and no AWS crate in this crate.
//!
//! - [`plan::due`], [`plan::image`], [`plan::copy`], [`plan::purge`] and [`plan::mend`] each answer one question about the inventory.
//! - [`simulate`](simulate::simulate) replays a policy over time with all of these; [`outlook`](outlook::outlook) says by it when a
//!   backup goes.
//! - [`guard`](guard::guard) asks again by another road; only what it lets pass, a [`CheckedPlan`], can be applied.

pub mod backup;
pub mod completion;
pub mod evidence;
pub mod expiry;
#[cfg(test)]
mod fixture;
pub mod fleet;
pub mod guard;
pub mod id;
mod instant;
pub mod inventory;
pub mod name;
pub mod outlook;
pub mod period;
pub mod plain;
pub mod plan;
pub mod policy;
mod processors;
pub mod retention;
pub mod schedule;
pub mod simulate;
pub mod tags;
#[cfg(test)]
mod texts;

pub use guard::{CheckedPlan, CheckedStep};
pub use inventory::Inventory;
pub use plan::Plan;
