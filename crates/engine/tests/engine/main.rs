//! The engine against an embedded EC2, under tokio's paused clock: eight hours of waiting take milliseconds, and every
//! run is reproduced by its seed.

mod common;
mod copies;
mod image;
mod purge;
