//! Recipes of EC2 Image Builder. There is no API for them here: a client of EC2 meets them only in what
//! `DescribeImageReferences` answers, so a test or a world file arranges them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A recipe, for images or for containers; its key in the world is name and version, `web/1.0.0`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// What it builds upon. An image id, if it is to refer to an image: for a container recipe, that is
    /// the image of the instance that builds.
    pub parent_image: String,
    /// When it was created.
    pub created: Timestamp,
}
