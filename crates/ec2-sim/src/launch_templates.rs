//! What the actions on launch templates have in common: how a request names a template and one of its
//! versions, what it may say about instances, and how all that is written.

use crate::clock::milliseconds;
use crate::error::Error;
use crate::id::LaunchTemplateId;
use crate::launch_devices;
use crate::query::Params;
use crate::reference::{launch_template_id, no_such_template};
use crate::scope::Scope;
use crate::tagging::{take_tags, write_tags};
use crate::world::{LaunchTemplate, LaunchTemplateData, LaunchTemplateVersion};
use crate::xml::Xml;

/// Characters of the description of a version.
const LONGEST_DESCRIPTION: usize = 255;

/// A template, as a request names it: by its id or by its name.
#[derive(Debug)]
pub(crate) enum Named {
    Id(LaunchTemplateId),
    Name(String),
}

/// A version, as a request names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VersionName {
    Latest,
    Default,
    Number(u32),
}

impl Named {
    /// Takes `LaunchTemplateId` or `LaunchTemplateName`; they exclude each other.
    pub(crate) fn take(params: &mut Params) -> Result<Option<Self>, Error> {
        match (params.text("LaunchTemplateId"), params.text("LaunchTemplateName")) {
            (None, None) => Ok(None),
            (Some(id), None) => Ok(Some(Self::Id(launch_template_id(&id)?))),
            (None, Some(name)) => Ok(Some(Self::Name(name))),
            (Some(_), Some(_)) => Err(Error::invalid_parameter_combination(
                "Either a launch template ID or a launch template name can be specified, but not both.",
            )),
        }
    }

    pub(crate) fn required(params: &mut Params) -> Result<Self, Error> {
        Self::take(params)?.ok_or_else(|| {
            Error::new("MissingParameter", "Either a launch template ID or a launch template name must be specified in the request.")
        })
    }

    pub(crate) fn find<'s>(&self, scope: &'s Scope) -> Result<&'s LaunchTemplate, Error> {
        let mut templates = visible_templates(scope);
        match self {
            Self::Id(id) => templates.find(|template| template.id == *id).ok_or_else(|| no_such_template(id)),
            Self::Name(name) => templates.find(|template| template.name == *name).ok_or_else(|| {
                Error::new(
                    "InvalidLaunchTemplateName.NotFoundException",
                    format!("The specified launch template, with template name {name}, does not exist."),
                )
            }),
        }
    }

    /// The template, to be changed.
    pub(crate) fn find_mut<'s>(&self, scope: &'s mut Scope) -> Result<&'s mut LaunchTemplate, Error> {
        let id = self.find(scope)?.id.clone();
        scope.here_mut().launch_templates.get_mut(&id).ok_or_else(|| no_such_template(&id))
    }
}

impl VersionName {
    pub(crate) fn new(text: &str) -> Result<Self, Error> {
        match text {
            "$Latest" => Ok(Self::Latest),
            "$Default" => Ok(Self::Default),
            number => number_of(number).map(Self::Number),
        }
    }

    /// The version meant, and its number.
    pub(crate) fn find<'s>(self, template: &'s LaunchTemplate, scope: &Scope) -> Result<(u32, &'s LaunchTemplateVersion), Error> {
        let number = match self {
            Self::Latest => visible_versions(template, scope).map(|(number, _)| number).max().unwrap_or(template.default_version),
            Self::Default => template.default_version,
            Self::Number(number) => number,
        };
        visible_versions(template, scope).find(|(found, _)| *found == number).ok_or_else(|| no_such_version(template, number))
    }
}

/// Reads the number of a version.
pub(crate) fn number_of(text: &str) -> Result<u32, Error> {
    text.parse().map_err(|_| Error::invalid_parameter_value(format!("Invalid launch template version: {text}")))
}

fn no_such_version(template: &LaunchTemplate, number: u32) -> Error {
    Error::new(
        "InvalidLaunchTemplateId.VersionNotFound",
        format!("Could not find the specified version {number} for the launch template with ID {}.", template.id),
    )
}

/// The caller's templates, as far as they can be seen yet.
pub(crate) fn visible_templates<'s>(scope: &'s Scope) -> impl Iterator<Item = &'s LaunchTemplate> {
    scope.here().launch_templates.values().filter(|template| scope.sees(template.created))
}

/// The versions of a template, as far as they can be seen yet.
pub(crate) fn visible_versions<'s>(template: &'s LaunchTemplate, scope: &Scope) -> impl Iterator<Item = (u32, &'s LaunchTemplateVersion)> {
    template.versions.iter().filter(|(_, version)| scope.sees(version.created)).map(|(number, version)| (*number, version))
}

/// Takes what a request says of a new version: its description, and what it launches.
pub(crate) fn take_version(params: &mut Params) -> Result<(Option<String>, LaunchTemplateData), Error> {
    let description = params.text("VersionDescription");
    if description.as_ref().is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
        return Err(Error::invalid_parameter_value(format!(
            "Invalid value for the version description: it must not be longer than {LONGEST_DESCRIPTION} characters"
        )));
    }
    let mut data = params.structure("LaunchTemplateData");
    if data.is_empty() {
        return Err(Error::new(
            "MissingParameter",
            "No launch template data was provided. Launch template data is required to create a launch template.",
        ));
    }
    let taken = take_data(&mut data)?;
    data.finish()?;
    Ok((description, taken))
}

fn take_data(data: &mut Params) -> Result<LaunchTemplateData, Error> {
    data.ignore(&[
        "CapacityReservationSpecification",
        "CpuOptions",
        "CreditSpecification",
        "DisableApiStop",
        "DisableApiTermination",
        "EbsOptimized",
        "ElasticGpuSpecification",
        "ElasticInferenceAccelerator",
        "EnclaveOptions",
        "HibernationOptions",
        "IamInstanceProfile",
        "InstanceInitiatedShutdownBehavior",
        "InstanceMarketOptions",
        "InstanceRequirements",
        "KernelId",
        "LicenseSpecification",
        "MaintenanceOptions",
        "MetadataOptions",
        "Monitoring",
        "NetworkInterface",
        "NetworkPerformanceOptions",
        "Placement",
        "PrivateDnsNameOptions",
        "RamDiskId",
        "SecondaryInterface",
        "SecurityGroup",
    ]);
    let mut taken = LaunchTemplateData {
        image_id: data.text("ImageId"),
        instance_type: data.text("InstanceType"),
        key_name: data.text("KeyName"),
        user_data: data.text("UserData"),
        security_group_ids: data.list("SecurityGroupId"),
        devices: launch_devices::take(data)?,
        ..LaunchTemplateData::default()
    };
    for mut specification in data.structures("TagSpecification") {
        let resource_type = specification.required("ResourceType")?;
        taken.tags.insert(resource_type, take_tags(&mut specification)?);
        specification.finish()?;
    }
    Ok(taken)
}

/// Writes a `launchTemplate`, without what is in its versions.
pub(crate) fn write_template(xml: &mut Xml, template: &LaunchTemplate) {
    xml.leaf("launchTemplateId", &template.id)
        .leaf("launchTemplateName", &template.name)
        .leaf("createTime", milliseconds(template.created))
        .leaf("createdBy", &template.created_by)
        .leaf("defaultVersionNumber", template.default_version)
        .leaf("latestVersionNumber", template.latest_version());
    write_tags(xml, &template.tags);
}

/// Writes a `launchTemplateVersion`. `resolved`: the image meant, where it is to be shown in place of a
/// parameter.
pub(crate) fn write_version(
    xml: &mut Xml,
    template: &LaunchTemplate,
    number: u32,
    version: &LaunchTemplateVersion,
    resolved: Option<&str>,
) {
    xml.leaf("launchTemplateId", &template.id)
        .leaf("launchTemplateName", &template.name)
        .leaf("versionNumber", number)
        .leaf_if_some("versionDescription", version.description.as_ref())
        .leaf("createTime", milliseconds(version.created))
        .leaf("createdBy", &version.created_by)
        .leaf("defaultVersion", number == template.default_version)
        .element("launchTemplateData", |data| write_data(data, &version.data, resolved));
}

fn write_data(xml: &mut Xml, data: &LaunchTemplateData, resolved: Option<&str>) {
    if !data.devices.is_empty() {
        launch_devices::write(xml, &data.devices);
    }
    xml.leaf_if_some("imageId", resolved.or(data.image_id.as_deref()))
        .leaf_if_some("instanceType", data.instance_type.as_ref())
        .leaf_if_some("keyName", data.key_name.as_ref())
        .leaf_if_some("userData", data.user_data.as_ref());
    if !data.tags.is_empty() {
        xml.items("tagSpecificationSet", &data.tags, |item, (resource_type, tags)| {
            item.leaf("resourceType", resource_type);
            write_tags(item, tags);
        });
    }
    if !data.security_group_ids.is_empty() {
        xml.texts("securityGroupIdSet", "item", &data.security_group_ids);
    }
}

/// The image that a version means by `resolve:ssm:`, if it says so and there is such a parameter.
pub(crate) fn resolved_image<'s>(version: &LaunchTemplateVersion, scope: &'s Scope) -> Option<&'s str> {
    let parameter = scope.here().resolve_parameter(version.data.image_id.as_deref()?)?;
    Some(&parameter.value)
}
