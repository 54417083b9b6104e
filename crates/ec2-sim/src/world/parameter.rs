//! Parameters of Systems Manager (SSM). There is no API for them here: a client of EC2 meets them only
//! in what `DescribeImageReferences` answers and behind the `resolve:ssm:` of a launch template, so a
//! test or a world file arranges them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Region;

/// What a launch template writes before the name of a parameter, in place of an image id.
const ALIAS: &str = "resolve:ssm:";

/// A parameter of the type `String`; its name is its key in the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// What it holds; an image id, for one.
    pub value: String,
    /// `aws:ec2:image`, or `text` where nobody said. It refers to an image either way.
    pub data_type: String,
    /// How often it was written. Older versions are not kept here.
    pub version: u32,
    /// When it was last written.
    pub changed: Timestamp,
}

impl Parameter {
    /// A parameter that holds an image id, and says so.
    pub fn of_image(image_id: &str, changed: Timestamp) -> Self {
        Self { value: image_id.to_owned(), data_type: "aws:ec2:image".to_owned(), version: 1, changed }
    }
}

impl Region {
    /// The value of the parameter that `resolve:ssm:NAME` or `resolve:ssm:NAME:VERSION` means; `None`
    /// if the text is no such thing, or there is no such parameter.
    pub(crate) fn resolve_parameter(&self, text: &str) -> Option<&Parameter> {
        let wanted = text.strip_prefix(ALIAS)?;
        self.parameters.get(wanted).or_else(|| {
            let (name, version) = wanted.rsplit_once(':')?;
            self.parameters.get(name).filter(|parameter| parameter.version.to_string() == version)
        })
    }
}
