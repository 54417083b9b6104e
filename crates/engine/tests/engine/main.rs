//! The engine against an embedded EC2, under tokio's paused clock: eight hours of waiting take milliseconds, and every
//! run is reproduced by its seed.

#![expect(clippy::unwrap_used, reason = "what a test takes for granted and is not so fails it")]

mod checks;
mod common;
mod copies;
mod defects;
mod hostile;
mod image;
mod mend;
mod metadata;
mod meter;
mod pace;
mod plan;
mod purge;
mod reading;
mod recycle_bin;
