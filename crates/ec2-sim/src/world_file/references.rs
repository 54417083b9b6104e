//! What names images, in a file: launch templates, launch configurations, parameters, recipes. EC2 keeps no
//! link from them to their images, so they may name one that is gone.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::Deserialize;
use toml::Spanned;

use super::build::Builder;
use crate::id::{AccountId, ImageId, LaunchTemplateId};
use crate::toml_file::{Instant, Length, Problem};
use crate::world::{
    LaunchConfiguration, LaunchDevice, LaunchEbs, LaunchTemplate, LaunchTemplateData, LaunchTemplateVersion, Parameter, Recipe, Tags,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LaunchTemplateText {
    region: Spanned<String>,
    #[serde(default)]
    account: AccountId,
    id: Option<Spanned<LaunchTemplateId>>,
    name: Spanned<String>,
    created: Option<Spanned<Instant>>,
    age: Option<Length>,
    /// Its number; else it is the first one.
    default_version: Option<Spanned<u32>>,
    versions: Spanned<Vec<Spanned<VersionText>>>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionText {
    /// Else it is one more than the last one's.
    number: Option<u32>,
    description: Option<String>,
    created: Option<Spanned<Instant>>,
    age: Option<Length>,
    /// By name or id, or `resolve:ssm:` and a parameter.
    image: Option<Spanned<String>>,
    #[serde(rename = "type")]
    instance_type: Option<String>,
    key_name: Option<String>,
    /// Base64.
    user_data: Option<String>,
    #[serde(default)]
    security_groups: Vec<String>,
    #[serde(default)]
    devices: Vec<LaunchDeviceText>,
    /// Of what is launched, by type of resource.
    #[serde(default)]
    launch_tags: BTreeMap<String, Tags>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LaunchConfigurationText {
    region: Spanned<String>,
    #[serde(default)]
    account: AccountId,
    name: Spanned<String>,
    created: Option<Spanned<Instant>>,
    age: Option<Length>,
    /// By name or id.
    image: Spanned<String>,
    #[serde(rename = "type", default = "super::small")]
    instance_type: String,
    key_name: Option<String>,
    /// Base64.
    user_data: Option<String>,
    #[serde(default)]
    security_groups: Vec<String>,
    #[serde(default)]
    devices: Vec<LaunchDeviceText>,
}

/// A device that an instance is to have beside those of the image, or in their place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LaunchDeviceText {
    device: Option<String>,
    /// `ephemeral0` and so on.
    virtual_name: Option<String>,
    #[serde(default)]
    no_device: bool,
    snapshot: Option<String>,
    /// In GiB.
    size: Option<u32>,
    #[serde(rename = "type")]
    volume_type: Option<String>,
    delete_on_termination: Option<bool>,
    encrypted: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParameterText {
    region: Spanned<String>,
    #[serde(default)]
    account: AccountId,
    name: Spanned<String>,
    created: Option<Spanned<Instant>>,
    age: Option<Length>,
    /// By name or id. With it the parameter says that it holds an image.
    image: Option<Spanned<String>>,
    /// Any text, of which nothing is said.
    value: Option<String>,
    #[serde(default = "first")]
    version: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecipeText {
    region: Spanned<String>,
    #[serde(default)]
    account: AccountId,
    name: Spanned<String>,
    version: String,
    created: Option<Spanned<Instant>>,
    age: Option<Length>,
    /// By name or id, or the ARN of an image of Image Builder.
    image: Spanned<String>,
}

fn first() -> u32 {
    1
}

/// What Image Builder makes with a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builds {
    Images,
    Containers,
}

impl Builder<'_> {
    pub(super) fn launch_template(&mut self, text: LaunchTemplateText) -> Result<(), Problem> {
        let region = self.region_name(&text.region)?;
        let created = self.since(text.created.as_ref(), text.age, SignedDuration::ZERO)?;
        let name = text.name.get_ref();
        if self.world.region_of(&text.account, &region).launch_templates.values().any(|template| template.name == *name) {
            return Err(self.problem(text.name.span(), &format!("there is another launch template `{name}` in {region}")));
        }
        let id = self.id(text.id, LaunchTemplateId::mint, |region, id| region.launch_templates.contains_key(id))?;
        let created_by = format!("arn:aws:iam::{}:user/operator", text.account);
        let mut versions = BTreeMap::new();
        let mut last_number = 0;
        let span = text.versions.span();
        for version in text.versions.into_inner() {
            let span = version.span();
            let version = version.into_inner();
            let number = version.number.or(u32::checked_add(last_number, 1)).unwrap_or(0);
            if number <= last_number {
                return Err(self.problem(span, "the numbers of versions begin at 1 and grow"));
            }
            last_number = number;
            let at = match (&version.created, version.age) {
                (None, None) => created,
                (at, age) => self.since(at.as_ref(), age, SignedDuration::ZERO)?,
            };
            let image_id =
                version.image.as_ref().map(|image| self.named_image(image, &text.account, &region, &["resolve:ssm:"])).transpose()?;
            let data = LaunchTemplateData {
                image_id,
                instance_type: version.instance_type,
                key_name: version.key_name,
                user_data: version.user_data,
                security_group_ids: version.security_groups,
                devices: version.devices.into_iter().map(launch_device).collect(),
                tags: version.launch_tags,
            };
            let version = LaunchTemplateVersion { description: version.description, created: at, created_by: created_by.clone(), data };
            versions.insert(number, version);
        }
        let Some(first) = versions.keys().next().copied() else {
            return Err(self.problem(span, "a launch template has one version at least, such as versions = [{ image = \"ami-12345678\" }]"));
        };
        let default_version = match text.default_version {
            Some(default) if !versions.contains_key(default.get_ref()) => {
                return Err(self.problem(default.span(), &format!("there is no version {}", default.get_ref())));
            }
            Some(default) => default.into_inner(),
            None => first,
        };
        let template = LaunchTemplate {
            id: id.clone(),
            name: text.name.into_inner(),
            created,
            created_by,
            default_version,
            last_number,
            versions,
            tags: text.tags,
        };
        self.world.region_of_mut(&text.account, &region).launch_templates.insert(id, template);
        Ok(())
    }

    pub(super) fn launch_configuration(&mut self, text: LaunchConfigurationText) -> Result<(), Problem> {
        let region = self.region_name(&text.region)?;
        let created = self.since(text.created.as_ref(), text.age, SignedDuration::ZERO)?;
        let name = text.name.get_ref().clone();
        if self.world.region_of(&text.account, &region).launch_configurations.contains_key(&name) {
            return Err(self.problem(text.name.span(), &format!("there is another launch configuration `{name}` in {region}")));
        }
        let image_id = self.named_image(&text.image, &text.account, &region, &[])?;
        let image_id: ImageId = image_id.parse().map_err(|_| self.problem(text.image.span(), "expected an image"))?;
        let uuid = self.world.ids.uuid("launch-configuration");
        let configuration = LaunchConfiguration {
            arn: format!("arn:aws:autoscaling:{region}:{}:launchConfiguration:{uuid}:launchConfigurationName/{name}", text.account),
            name: name.clone(),
            image_id,
            instance_type: text.instance_type,
            created,
            key_name: text.key_name,
            user_data: text.user_data,
            security_groups: text.security_groups,
            devices: text.devices.into_iter().map(launch_device).collect(),
        };
        self.world.region_of_mut(&text.account, &region).launch_configurations.insert(name, configuration);
        Ok(())
    }

    pub(super) fn parameter(&mut self, text: ParameterText) -> Result<(), Problem> {
        let region = self.region_name(&text.region)?;
        let changed = self.since(text.created.as_ref(), text.age, SignedDuration::ZERO)?;
        let name = text.name.get_ref().clone();
        if self.world.region_of(&text.account, &region).parameters.contains_key(&name) {
            return Err(self.problem(text.name.span(), &format!("there is another parameter `{name}` in {region}")));
        }
        let mut parameter = match (&text.image, text.value) {
            (Some(image), None) => Parameter::of_image(&self.named_image(image, &text.account, &region, &[])?, changed),
            (None, Some(value)) => Parameter { value, data_type: "text".to_owned(), version: 1, changed },
            _ => return Err(self.problem(text.name.span(), "a parameter holds an `image` or any `value`, one of them")),
        };
        parameter.version = text.version;
        self.world.region_of_mut(&text.account, &region).parameters.insert(name, parameter);
        Ok(())
    }

    pub(super) fn recipe(&mut self, builds: Builds, text: RecipeText) -> Result<(), Problem> {
        let region = self.region_name(&text.region)?;
        let created = self.since(text.created.as_ref(), text.age, SignedDuration::ZERO)?;
        let parent_image = self.named_image(&text.image, &text.account, &region, &["arn:"])?;
        let key = format!("{}/{}", text.name.get_ref(), text.version);
        let held = self.world.region_of_mut(&text.account, &region);
        let recipes = match builds {
            Builds::Images => &mut held.image_recipes,
            Builds::Containers => &mut held.container_recipes,
        };
        if recipes.contains_key(&key) {
            return Err(self.problem(text.name.span(), &format!("there is another recipe `{key}` in {region}")));
        }
        recipes.insert(key, Recipe { parent_image, created });
        Ok(())
    }

    /// The id of the image that is meant by its name or id, or a text that begins as is allowed.
    fn named_image(&self, named: &Spanned<String>, account: &AccountId, region: &str, allowed: &[&str]) -> Result<String, Problem> {
        let name = named.get_ref();
        if let Some(image) = self.world.region_of(account, region).images.values().find(|image| image.name == *name) {
            return Ok(image.id.to_string());
        }
        if allowed.iter().any(|begin| name.starts_with(begin)) || name.parse::<ImageId>().is_ok() {
            return Ok(name.clone());
        }
        let others = allowed.iter().map(|begin| format!(", or {begin}…")).collect::<Vec<_>>().concat();
        let message =
            format!("there is no image `{name}` in {region}, expected the name or the id of one, or the id of one that is gone{others}");
        Err(self.problem(named.span(), &message))
    }
}

fn launch_device(text: LaunchDeviceText) -> LaunchDevice {
    let ebs = LaunchEbs {
        snapshot_id: text.snapshot,
        volume_size: text.size,
        volume_type: text.volume_type,
        delete_on_termination: text.delete_on_termination,
        encrypted: text.encrypted,
    };
    LaunchDevice {
        device_name: text.device,
        virtual_name: text.virtual_name,
        no_device: text.no_device,
        ebs: (ebs != LaunchEbs::default()).then_some(ebs),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, noon};
    use crate::world_file::read;

    const IMAGE: &str = "[[image]]\nregion = 'us-east-1'\nid = 'ami-00000001'\nname = 'nightly'\n";

    fn client(text: &str) -> Client {
        Client::of(read(&format!("{IMAGE}{text}"), Some(noon())).unwrap())
    }

    fn problem(text: &str) -> String {
        read(&format!("{IMAGE}{text}"), Some(noon())).unwrap_err().message
    }

    #[test]
    fn a_launch_template_has_its_versions() {
        let ec2 = client(
            "[[launch_template]]\nregion = 'us-east-1'\nid = 'lt-00000001'\nname = 'web'\nage = '2d'\ndefault_version = 4\n\
             versions = [{ image = 'nightly', type = 't3.micro' }, { number = 4, image = 'resolve:ssm:/golden' }, { age = '1h' }]",
        );
        let versions = ec2.ok("DescribeLaunchTemplateVersions", &[("LaunchTemplateId", "lt-00000001")]);
        assert_eq!(versions.texts("imageId"), ["resolve:ssm:/golden", "ami-00000001"]);
        let mut numbers = versions.texts("versionNumber");
        numbers.sort();
        assert_eq!(numbers, ["1", "4", "5"]);
        let template = ec2.ok("DescribeLaunchTemplates", &[]);
        assert_eq!((&template.text("defaultVersionNumber")[..], &template.text("latestVersionNumber")[..]), ("4", "5"));
        assert_eq!(template.text("createTime"), "2026-11-20T12:00:00.000Z");
    }

    #[test]
    fn devices_of_a_template_name_snapshots() {
        let ec2 = client(
            "[[launch_template]]\nregion = 'us-east-1'\nname = 'web'\n\
             versions = [{ devices = [{ device = '/dev/sdf', snapshot = 'snap-00000001', size = 9 }, { device = '/dev/sdg', no_device = true }] }]",
        );
        let versions = ec2.ok("DescribeLaunchTemplateVersions", &[("LaunchTemplateName", "web")]);
        assert_eq!(versions.texts("snapshotId"), ["snap-00000001"]);
        assert_eq!(versions.texts("deviceName"), ["/dev/sdf", "/dev/sdg"]);
    }

    #[test]
    fn a_launch_configuration_names_an_image_that_may_be_gone() {
        let ec2 = client("[[launch_configuration]]\nregion = 'us-east-1'\nname = 'old'\nimage = 'ami-0000000f'\ntype = 'm1.small'");
        let described = ec2.of_service("autoscaling").ok("DescribeLaunchConfigurations", &[]);
        assert_eq!((&described.text("ImageId")[..], &described.text("InstanceType")[..]), ("ami-0000000f", "m1.small"));
    }

    #[test]
    fn parameters_and_recipes_refer_to_images() {
        let ec2 = client(
            "[[parameter]]\nregion = 'us-east-1'\nname = '/golden'\nimage = 'nightly'\nversion = 3\n\
             [[parameter]]\nregion = 'us-east-1'\nname = '/motto'\nvalue = 'ad astra'\n\
             [[image_recipe]]\nregion = 'us-east-1'\nname = 'web'\nversion = '1.0.0'\nimage = 'ami-00000001'\n\
             [[container_recipe]]\nregion = 'us-east-1'\nname = 'web'\nversion = '1.0.0'\nimage = 'nightly'\n\
             [[launch_template]]\nregion = 'us-east-1'\nname = 'web'\nversions = [{ image = 'nightly' }]",
        );
        let references = ec2.ok("DescribeImageReferences", &[("ImageId.1", "ami-00000001"), ("IncludeAllResourceTypes", "true")]);
        let mut kinds = references.texts("resourceType");
        kinds.sort();
        assert_eq!(kinds, ["ec2:LaunchTemplate", "imagebuilder:ContainerRecipe", "imagebuilder:ImageRecipe", "ssm:Parameter"]);
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let template = |lines: &str| problem(&format!("[[launch_template]]\nregion = 'us-east-1'\nname = 'web'\n{lines}"));
        assert_snapshot!(template(""), @"missing field `versions`");
        assert_snapshot!(template("versions = []"), @r#"a launch template has one version at least, such as versions = [{ image = "ami-12345678" }]"#);
        assert_snapshot!(template("versions = [{ iamge = 'nightly' }]"), @"unknown field `iamge`, expected one of `number`, `description`, `created`, `age`, `image`, `type`, `key_name`, `user_data`, `security_groups`, `devices`, `launch_tags`");
        assert_snapshot!(template("versions = [{ image = 'weekly' }]"), @"there is no image `weekly` in us-east-1, expected the name or the id of one, or the id of one that is gone, or resolve:ssm:…");
        assert_snapshot!(template("versions = [{}, { number = 1 }]"), @"the numbers of versions begin at 1 and grow");
        assert_snapshot!(template("versions = [{}]\ndefault_version = 2"), @"there is no version 2");
        assert_snapshot!(template("versions = [{}]\n[[launch_template]]\nregion = 'us-east-1'\nname = 'web'\nversions = [{}]"), @"there is another launch template `web` in us-east-1");
        assert_snapshot!(template("versions = [{ devices = [{ sise = 8 }] }]"), @"unknown field `sise`, expected one of `device`, `virtual_name`, `no_device`, `snapshot`, `size`, `type`, `delete_on_termination`, `encrypted`");
        let parameter = |lines: &str| problem(&format!("[[parameter]]\nregion = 'us-east-1'\nname = '/golden'\n{lines}"));
        assert_snapshot!(parameter(""), @"a parameter holds an `image` or any `value`, one of them");
        assert_snapshot!(parameter("image = 'weekly'"), @"there is no image `weekly` in us-east-1, expected the name or the id of one, or the id of one that is gone");
        assert_snapshot!(problem("[[launch_configuration]]\nregion = 'us-east-1'\nname = 'old'"), @"missing field `image`");
        assert_snapshot!(problem("[[image_recipe]]\nregion = 'us-east-1'\nname = 'web'\nversion = '1.0.0'\nimage = 'weekly'"), @"there is no image `weekly` in us-east-1, expected the name or the id of one, or the id of one that is gone, or arn:…");
    }
}
