//! The whole program, as a person or a crontab calls it.

#![expect(clippy::unwrap_used, reason = "what a test takes for granted and is not so fails it")]
#![expect(unreachable_pub, reason = "nobody outside reads a test; `pub` says what a module offers to the others")]

mod accounts;
mod apply;
mod bad_input;
mod common;
mod credentials;
mod documents;
mod doors;
mod good_input;
mod help;
mod hostile;
mod install;
mod interruption;
mod output;
mod patience;
mod policy;
mod region;
mod retag;
mod retire;
mod run;
mod sandbox;
mod secrets;
mod server;
mod simulate;
mod status;
