//! Does what the planner decided: observes EC2, has the plan checked, applies it once, reports, and goes round again
//! while something is in flight.
//!
//! The doors are [`image_instance`], [`resume`] and [`purge`]; each takes a [`Run`] (whose account, how long, who listens)
//! and gives a report, which is plain data.

pub mod account;
pub mod apply;
pub mod call;
pub mod clock;
mod credentials;
pub mod description;
mod evidence;
mod hooks;
pub mod iam;
mod instances;
mod limits;
pub mod metadata;
mod meter;
mod observe;
pub mod outcome;
mod pace;
pub mod plan_file;
pub mod reading;
pub mod region;
pub mod report;
mod rounds;
mod show;
mod simulate;
mod status;
mod translate;
mod trust;
mod wellformed;

pub use account::{Account, AccountError, Connection};
pub use clock::Clock;
pub use instances::find_instance;
pub use meter::Meter;
pub use rounds::{Ending, Event, RegionScope, Run, RunError, Stop, apply_plan, image_instance, purge, resume, retag, retire, run_policy};
pub use show::show;
pub use simulate::{Named, Seen, simulate};
pub use status::{list, status};
