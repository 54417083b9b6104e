//! What every world of these proofs has in common: where it is, when it begins, whose it is.

use std::fmt::Debug;

use ec2_sim::id::AccountId;
use ec2_sim::world::Tags;
use jiff::Timestamp;

/// The regions of a world, home first. The first few of them are enabled, and the last never is.
pub const REGIONS: [&str; 5] = ["us-east-1", "eu-west-1", "us-west-2", "eu-central-1", "af-south-1"];
/// Where the instances are, most of them.
pub const HOME: &str = REGIONS[0];
/// Instances of the example world: one volume and three volumes at home, one volume in eu-west-1.
pub const WEB: &str = "i-0eb1eb1eb1eb10001";
/// See [`WEB`].
pub const DB: &str = "i-0db1db1db1db10001";
/// See [`WEB`].
pub const MAIL: &str = "i-0a11a11a11a110001";
/// Somebody else.
pub const STRANGER: &str = "210987654321";
/// The key that is there to be used in us-west-2.
pub const KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

/// The instant at which every world begins: a Sunday.
pub fn noon() -> Timestamp {
    known("2026-11-22T12:00:00Z".parse())
}

/// The account that the product works for.
pub fn our_account() -> AccountId {
    AccountId::default()
}

/// Whether these tags bear the mark that makes a thing the product's.
pub fn is_marked(tags: &Tags) -> bool {
    tags.get("Creator").is_some_and(|creator| creator == "image-instance")
}

/// What is well formed because it is written in this crate.
///
/// # Panics
/// If it is not.
pub fn known<T, E: Debug>(parsed: Result<T, E>) -> T {
    match parsed {
        Ok(value) => value,
        Err(error) => panic!("this is written wrong: {error:?}"),
    }
}
