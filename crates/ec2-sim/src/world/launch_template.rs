//! Launch templates: numbered versions of what to launch, one of which is the default.
//!
//! EC2 keeps no link from a template to its image: an image can be deregistered although a template
//! launches from it, and a template can name an image that never was (ec2-semantics 3.2).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LaunchDevice, Tags};
use crate::filter::Tagged;
use crate::id::LaunchTemplateId;

/// A launch template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchTemplate {
    /// The template's id.
    pub id: LaunchTemplateId,
    /// Its name, unique in account and region.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
    /// The ARN of who created it.
    pub created_by: String,
    /// The number of its default version, which cannot be deleted.
    pub default_version: u32,
    /// The highest number that a version of it ever had: numbers are not used again.
    pub last_number: u32,
    /// The versions there are, by number; never none.
    pub versions: BTreeMap<u32, LaunchTemplateVersion>,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

/// One version of a launch template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchTemplateVersion {
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
    /// When it was created.
    pub created: Timestamp,
    /// The ARN of who created it.
    pub created_by: String,
    /// What it launches.
    pub data: LaunchTemplateData,
}

/// What a version of a launch template says about the instances. Whatever else a request says about
/// them is accepted and not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaunchTemplateData {
    /// An image id, or `resolve:ssm:` and the name of a parameter that holds one. EC2 does not check
    /// that there is such an image.
    pub image_id: Option<String>,
    /// `t3.micro` and so on.
    pub instance_type: Option<String>,
    /// The name of a key pair.
    pub key_name: Option<String>,
    /// Base64.
    pub user_data: Option<String>,
    /// Security groups, by id.
    pub security_group_ids: Vec<String>,
    /// Devices beside those of the image, or in their place.
    pub devices: Vec<LaunchDevice>,
    /// The tags of what is launched, by type of resource.
    pub tags: BTreeMap<String, Tags>,
}

impl LaunchTemplate {
    /// A template with its version 1, which is the default.
    pub fn new(id: LaunchTemplateId, name: &str, version: LaunchTemplateVersion) -> Self {
        Self {
            id,
            name: name.to_owned(),
            created: version.created,
            created_by: version.created_by.clone(),
            default_version: 1,
            last_number: 1,
            versions: BTreeMap::from([(1, version)]),
            tags: Tags::new(),
        }
    }

    /// Adds a version, and gives its number. The default stays as it is.
    pub fn add(&mut self, version: LaunchTemplateVersion) -> u32 {
        self.last_number = self.last_number.saturating_add(1);
        self.versions.insert(self.last_number, version);
        self.last_number
    }

    /// The number of the latest version that has not been deleted.
    pub fn latest_version(&self) -> u32 {
        self.versions.last_key_value().map_or(self.last_number, |(number, _)| *number)
    }
}

impl LaunchTemplateVersion {
    /// A version that launches from an image, and says nothing else.
    pub fn of_image(image_id: &str, created: Timestamp) -> Self {
        Self {
            description: None,
            created,
            created_by: String::new(),
            data: LaunchTemplateData { image_id: Some(image_id.to_owned()), ..LaunchTemplateData::default() },
        }
    }
}

impl LaunchTemplateData {
    /// What this version says, and for the rest what the version that it is based on says. Snapshots are
    /// not inherited (API: `CreateLaunchTemplateVersion`, `SourceVersion`).
    pub(crate) fn over(self, source: &Self) -> Self {
        let devices =
            if self.devices.is_empty() { source.devices.iter().map(LaunchDevice::without_snapshot).collect() } else { self.devices };
        let security_group_ids =
            if self.security_group_ids.is_empty() { source.security_group_ids.clone() } else { self.security_group_ids };
        Self {
            image_id: self.image_id.or_else(|| source.image_id.clone()),
            instance_type: self.instance_type.or_else(|| source.instance_type.clone()),
            key_name: self.key_name.or_else(|| source.key_name.clone()),
            user_data: self.user_data.or_else(|| source.user_data.clone()),
            security_group_ids,
            devices,
            tags: if self.tags.is_empty() { source.tags.clone() } else { self.tags },
        }
    }
}

impl Tagged for LaunchTemplate {
    fn tags(&self) -> &Tags {
        &self.tags
    }
}
