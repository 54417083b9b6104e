//! `DescribeImageReferences`: what in the caller's account and region refers to an image, be the image
//! its own, another's, or gone long ago (ec2-semantics 6.3).
//!
//! Auto Scaling's launch configurations, Spot and EC2 fleets, other accounts and other regions are not
//! looked at. Image usage reports, which are about other accounts (6.4), are left out here.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Action;
use crate::clock::later;
use crate::error::Error;
use crate::id::ImageId;
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::reference::image_id;
use crate::scope::Scope;
use crate::world::{DeniedReferences, Instance, LaunchTemplate, Recipe, Region};
use crate::xml::Xml;

/// The ids of the images are always there, and do not exclude pages.
const PAGES: Rule = Rule { least: 5, most: 1000, ids: None };
/// More images than this are refused.
const MOST_IMAGES: usize = 10;
/// How many of a template's versions are looked at, the most recent ones, if the request does not say.
const USUAL_DEPTH: usize = 10;
const GREATEST_DEPTH: usize = 10_000;
const STATES: &[&str] = &["pending", "running", "shutting-down", "terminated", "stopping", "stopped"];

/// The types of resources that can refer to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Instance,
    LaunchTemplate,
    Parameter,
    ImageRecipe,
    ContainerRecipe,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Instance, Self::LaunchTemplate, Self::Parameter, Self::ImageRecipe, Self::ContainerRecipe];

    /// Its name in requests and answers.
    fn name(self) -> &'static str {
        match self {
            Self::Instance => "ec2:Instance",
            Self::LaunchTemplate => "ec2:LaunchTemplate",
            Self::Parameter => "ssm:Parameter",
            Self::ImageRecipe => "imagebuilder:ImageRecipe",
            Self::ContainerRecipe => "imagebuilder:ContainerRecipe",
        }
    }

    /// The permissions that looking at such resources takes, besides `ec2:DescribeImageReferences`.
    fn permissions(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Instance => &[("ec2", "DescribeInstances")],
            Self::LaunchTemplate => &[("ec2", "DescribeLaunchTemplates"), ("ec2", "DescribeLaunchTemplateVersions")],
            Self::Parameter => &[("ssm", "DescribeParameters"), ("ssm", "GetParameters")],
            Self::ImageRecipe => &[("imagebuilder", "ListImageRecipes")],
            Self::ContainerRecipe => &[("imagebuilder", "ListContainerRecipes"), ("imagebuilder", "GetContainerRecipe")],
        }
    }
}

/// What a request says about one type of resource.
#[derive(Debug, Clone, Default)]
struct Options {
    /// The states in which an instance counts; `None` for all of them, `terminated` among them.
    states: Option<BTreeSet<String>>,
    /// How many of a template's most recent versions count.
    depth: Option<usize>,
}

pub(super) struct DescribeImageReferences {
    images: BTreeSet<ImageId>,
    kinds: BTreeMap<Kind, Options>,
    paging: Paging,
}

/// A resource that refers to an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Reference {
    image: String,
    kind: Kind,
    arn: String,
}

impl Action for DescribeImageReferences {
    const NAME: &str = "DescribeImageReferences";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let ids = params.list("ImageId");
        if ids.is_empty() {
            return Err(Error::missing_parameter("ImageId"));
        }
        if ids.len() > MOST_IMAGES {
            return Err(Error::invalid_parameter_value(format!("The maximum number of images in one request is {MOST_IMAGES}")));
        }
        let images = ids.iter().map(|id| image_id(id)).collect::<Result<_, _>>()?;
        let mut kinds = BTreeMap::new();
        if params.boolean("IncludeAllResourceTypes")?.unwrap_or(false) {
            kinds.extend(Kind::ALL.map(|kind| (kind, Options::default())));
        }
        for mut request in params.structures("ResourceType") {
            let (kind, options) = take_kind(&mut request)?;
            request.finish()?;
            kinds.insert(kind, options);
        }
        if kinds.is_empty() {
            return Err(Error::new("MissingParameter", "Either IncludeAllResourceTypes or ResourceTypes must be specified."));
        }
        Ok(Self { images, kinds, paging: Paging::take(params) })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, false, scope)?;
        let mut references = BTreeSet::new();
        for (kind, options) in &self.kinds {
            match check_permissions(*kind, scope) {
                Err(_) if scope.world.manners.references_denied == DeniedReferences::Partial => {}
                permitted => {
                    permitted?;
                    references.extend(references_of(*kind, options, scope));
                }
            }
        }
        let wanted = |reference: &Reference| self.images.contains(reference.image.as_str());
        let (references, next) = page.cut(
            references,
            |reference| Cow::Owned(format!("{}\n{}\n{}", reference.image, reference.kind.name(), reference.arn)),
            wanted,
        );
        answer.leaf_if_some("nextToken", next).items("imageReferenceSet", references, |item, reference| {
            item.leaf("imageId", reference.image).leaf("resourceType", reference.kind.name()).leaf("arn", reference.arn);
        });
        Ok(())
    }
}

fn take_kind(request: &mut Params) -> Result<(Kind, Options), Error> {
    let name = request.required("ResourceType")?;
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) else {
        return Err(Error::invalid_parameter_value(format!(
            "Value ({name}) for parameter {} is invalid. Expecting one of: {}",
            request.named("ResourceType"),
            Kind::ALL.map(Kind::name).join(", ")
        )));
    };
    let mut options = Options::default();
    for mut option in request.structures("ResourceTypeOption") {
        let option_name = option.required("OptionName")?;
        let values = option.list("OptionValue");
        option.finish()?;
        let invalid =
            || Error::invalid_parameter_value(format!("Invalid values for the option {option_name} of {name}: {}", values.join(", ")));
        match (kind, &option_name[..]) {
            (Kind::Instance, "state-name") => {
                if values.is_empty() || values.iter().any(|value| !STATES.contains(&&value[..])) {
                    return Err(invalid());
                }
                options.states.get_or_insert_default().extend(values);
            }
            (Kind::LaunchTemplate, "version-depth") => {
                let [value] = &values[..] else { return Err(invalid()) };
                let depth = value.parse().ok().filter(|depth| (1..=GREATEST_DEPTH).contains(depth));
                options.depth = Some(depth.ok_or_else(invalid)?);
            }
            _ => return Err(Error::invalid_parameter_value(format!("{name} has no option {option_name}"))),
        }
    }
    Ok((kind, options))
}

fn check_permissions(kind: Kind, scope: &Scope) -> Result<(), Error> {
    kind.permissions().iter().try_for_each(|(service, action)| scope.authorize_at(service, action))
}

/// What refers to any image at all.
fn references_of(kind: Kind, options: &Options, scope: &Scope) -> Vec<Reference> {
    let here = scope.here();
    let seen = Seen { by: scope.now(), lag: scope.world.manners.references_lag };
    let arn = |service: &str, resource: String| format!("arn:aws:{service}:{}:{}:{resource}", scope.region, scope.account);
    let reference = |image: &str, arn| Reference { image: image.to_owned(), kind, arn };
    let recipes = |recipes: &BTreeMap<String, Recipe>, resource: &str| {
        let recipes = recipes.iter().filter(|(_, recipe)| seen.is(recipe.created));
        recipes.map(|(name, recipe)| reference(&recipe.parent_image, arn("imagebuilder", format!("{resource}/{name}")))).collect()
    };
    match kind {
        Kind::Instance => {
            let counted = |it: &&Instance| options.states.as_ref().is_none_or(|states| states.contains(&it.state.to_string()));
            let instances = here.instances.values().filter(counted).filter(|it| seen.is(since(it)));
            instances.map(|it| reference(it.image_id.as_str(), arn("ec2", format!("instance/{}", it.id)))).collect()
        }
        Kind::LaunchTemplate => {
            let resolved = scope.world.manners.references_resolved;
            let templates = here.launch_templates.values();
            templates
                .flat_map(|it| images_of(it, options.depth.unwrap_or(USUAL_DEPTH), resolved, seen, here).map(move |image| (it, image)))
                .map(|(it, image)| reference(image, arn("ec2", format!("launch-template/{}", it.id))))
                .collect()
        }
        Kind::Parameter => {
            let parameters = here.parameters.iter().filter(|(_, it)| seen.is(it.changed));
            // The slash that a name may begin with is the one that is there anyway.
            parameters.map(|(name, it)| reference(&it.value, arn("ssm", format!("parameter/{}", name.trim_start_matches('/'))))).collect()
        }
        Kind::ImageRecipe => recipes(&here.image_recipes, "image-recipe"),
        Kind::ContainerRecipe => recipes(&here.container_recipes, "container-recipe"),
    }
}

/// What is old enough to be known.
#[derive(Debug, Clone, Copy)]
struct Seen {
    by: Timestamp,
    lag: jiff::SignedDuration,
}

impl Seen {
    fn is(self, since: Timestamp) -> bool {
        later(since, self.lag) <= self.by
    }
}

/// Since when an instance has been there. Its start tells nothing: it may have been stopped and started
/// again.
fn since(instance: &Instance) -> Timestamp {
    instance.devices.values().map(|device| device.attached).min().unwrap_or(instance.launched)
}

/// The images in the most recent versions of a template. Its default version is none of them if it is
/// older than that.
fn images_of<'r>(
    template: &'r LaunchTemplate,
    depth: usize,
    resolved: bool,
    seen: Seen,
    here: &'r Region,
) -> impl Iterator<Item = &'r str> {
    let known = template.versions.values().rev().filter(move |version| seen.is(version.created)).take(depth);
    known.filter_map(move |version| {
        let image = version.data.image_id.as_deref()?;
        let parameter = here.resolve_parameter(image).filter(|_| resolved);
        Some(parameter.map_or(image, |parameter| &parameter.value))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use insta::assert_snapshot;
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use crate::testing::{Client, WEB, noon};
    use crate::world::{DeniedReferences, Parameter, Recipe, World};

    const IMAGE: (&str, &str) = ("ImageId.1", "ami-00000001");
    const ALL: (&str, &str) = ("IncludeAllResourceTypes", "true");
    const TEMPLATES: (&str, &str) = ("ResourceType.1.ResourceType", "ec2:LaunchTemplate");
    const INSTANCES: (&str, &str) = ("ResourceType.1.ResourceType", "ec2:Instance");

    fn recipe(image: &str) -> Recipe {
        Recipe { parent_image: image.to_owned(), created: noon() }
    }

    /// Two parameters and two recipes of `ami-00000001`, and others of another image.
    fn arranged() -> World {
        let mut world = World::example(1, noon());
        let region = world.region_mut("us-east-1");
        region.parameters.insert("/web/image".to_owned(), Parameter::of_image(IMAGE.1, noon()));
        region.parameters.insert("plain".to_owned(), Parameter { data_type: "text".to_owned(), ..Parameter::of_image(IMAGE.1, noon()) });
        region.parameters.insert("other".to_owned(), Parameter::of_image("ami-00000002", noon()));
        region.image_recipes.insert("web/1.0.0".to_owned(), recipe(IMAGE.1));
        region.image_recipes.insert("web/0.9.0".to_owned(), recipe("ami-00000002"));
        region.container_recipes.insert("batch/2.1.0".to_owned(), recipe(IMAGE.1));
        world
    }

    fn arns(ec2: &Client, params: &[(&str, &str)]) -> Vec<String> {
        let mut arns = ec2.ok("DescribeImageReferences", params).texts("arn");
        arns.sort();
        arns
    }

    /// Creates `web`, or a further version of it, and gives the template's ARN.
    fn template(ec2: &Client, image: &str) -> String {
        let params = [("LaunchTemplateName", "web"), ("LaunchTemplateData.ImageId", image)];
        let created = match ec2.call("CreateLaunchTemplate", &params) {
            created if created.status == 200 => created,
            _ => ec2.ok("CreateLaunchTemplateVersion", &params),
        };
        format!("arn:aws:ec2:us-east-1:123456789012:launch-template/{}", created.text("launchTemplateId"))
    }

    #[test]
    fn finds_every_type_of_reference_wherever_the_image_is() {
        let ec2 = Client::of(arranged());
        let template = template(&ec2, IMAGE.1);
        assert_eq!(
            arns(&ec2, &[IMAGE, ALL]),
            [
                template.as_str(),
                "arn:aws:imagebuilder:us-east-1:123456789012:container-recipe/batch/2.1.0",
                "arn:aws:imagebuilder:us-east-1:123456789012:image-recipe/web/1.0.0",
                "arn:aws:ssm:us-east-1:123456789012:parameter/plain",
                "arn:aws:ssm:us-east-1:123456789012:parameter/web/image",
            ]
        );
        assert_eq!(arns(&ec2, &[("ImageId.1", "ami-12345678"), ALL]).len(), 2);
        assert_eq!(arns(&ec2, &[("ImageId.1", "ami-0000000f"), ALL]), [""; 0]);
        assert_eq!(arns(&ec2.in_region("eu-west-1"), &[IMAGE, ALL]), [""; 0]);
    }

    #[test]
    fn what_refers_to_images_is_kept_in_a_file() {
        let ec2 = Client::of(arranged());
        template(&ec2, IMAGE.1);
        let params = [("LaunchConfigurationName", "web"), ("ImageId", "ami-12345678"), ("InstanceType", "t3.micro")];
        ec2.of_service("autoscaling").ok("CreateLaunchConfiguration", &params);
        let world = ec2.sim.snapshot();
        let again: World = serde_json::from_str(&serde_json::to_string(&world).unwrap()).unwrap();
        assert_eq!(again, world);
    }

    #[test]
    fn says_of_each_reference_what_it_is() {
        let ec2 = Client::of_example();
        let params = [("ImageId.1", "ami-12345678"), ("ImageId.2", "ami-00000001"), ALL];
        assert_snapshot!(ec2.in_region("eu-west-1").ok("DescribeImageReferences", &params).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeImageReferencesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>f89404ee-6fab-4c4a-a8a8-4a90d7928e5c</requestId>
            <imageReferenceSet>
                <item>
                    <imageId>ami-12345678</imageId>
                    <resourceType>ec2:Instance</resourceType>
                    <arn>arn:aws:ec2:eu-west-1:123456789012:instance/i-0a11a11a11a110001</arn>
                </item>
            </imageReferenceSet>
        </DescribeImageReferencesResponse>
        "#);
        let nothing = ec2.ok("DescribeImageReferences", &[IMAGE, ALL]);
        assert!(nothing.body.contains("<imageReferenceSet/>"), "{}", nothing.body);
    }

    #[test]
    fn an_image_that_was_deregistered_is_still_referred_to() {
        let ec2 = Client::of_example();
        let image = ec2.available_image(WEB, "nightly");
        let run = ec2.ok("RunInstances", &[("ImageId", &image), ("MinCount", "1"), ("MaxCount", "1")]);
        ec2.ok("DeregisterImage", &[("ImageId", &image)]);
        let arn = format!("arn:aws:ec2:us-east-1:123456789012:instance/{}", run.text("instanceId"));
        assert_eq!(arns(&ec2, &[("ImageId.1", &image), INSTANCES]), [arn]);
    }

    #[test]
    fn terminated_instances_count_unless_the_states_are_named() {
        let ec2 = Client::of_example();
        ec2.ok("TerminateInstances", &[("InstanceId.1", WEB)]);
        ec2.wait(60);
        let image = ("ImageId.1", "ami-12345678");
        assert_eq!(arns(&ec2, &[image, INSTANCES]).len(), 2);
        let state = |value| {
            let option = ("ResourceType.1.ResourceTypeOption.1.OptionName", "state-name");
            let params = [image, INSTANCES, option, ("ResourceType.1.ResourceTypeOption.1.OptionValue.1", value)];
            // What is said of a type goes before what is meant by all.
            assert_eq!(
                arns(&ec2, &[&params[..], &[ALL]].concat()).iter().filter(|arn| arn.contains(":instance/")).count(),
                arns(&ec2, &params).len()
            );
            arns(&ec2, &params).len()
        };
        assert_eq!((state("running"), state("terminated"), state("stopped")), (1, 1, 0));
    }

    #[test]
    fn only_the_ten_most_recent_versions_count_unless_more_are_asked_for() {
        let ec2 = Client::of_example();
        let arn = template(&ec2, IMAGE.1);
        for _ in 0..9 {
            template(&ec2, "ami-00000002");
        }
        assert_eq!(arns(&ec2, &[IMAGE, ALL]), [&arn[..]]);
        template(&ec2, "ami-00000002");
        // It is the default version, and yet not seen.
        assert_eq!(arns(&ec2, &[IMAGE, ALL]), [""; 0]);
        assert_eq!(arns(&ec2, &[IMAGE, TEMPLATES]), [""; 0]);
        let deep = |depth| {
            let option = ("ResourceType.1.ResourceTypeOption.1.OptionName", "version-depth");
            arns(&ec2, &[IMAGE, TEMPLATES, option, ("ResourceType.1.ResourceTypeOption.1.OptionValue.1", depth)])
        };
        assert_eq!(deep("10"), [""; 0]);
        assert_eq!(deep("11"), [&arn[..]]);
        assert_eq!(deep("10000"), [&arn[..]]);
        // Several versions of one template are one reference.
        assert_eq!(arns(&ec2, &[("ImageId.1", "ami-00000002"), TEMPLATES]), [&arn[..]]);
    }

    #[test]
    fn a_template_may_refer_by_a_parameter() {
        let ec2 = Client::of(arranged());
        let arn = template(&ec2, "resolve:ssm:/web/image");
        assert_eq!(arns(&ec2, &[IMAGE, TEMPLATES]), [arn]);
        ec2.sim.world().manners.references_resolved = false;
        assert_eq!(arns(&ec2, &[IMAGE, TEMPLATES]), [""; 0]);
        assert_eq!(arns(&ec2, &[IMAGE, ALL]).len(), 4);
    }

    #[test]
    fn what_may_not_be_looked_at_is_an_error_or_is_left_out() {
        for denied in [
            "DescribeInstances",
            "DescribeLaunchTemplates",
            "DescribeLaunchTemplateVersions",
            "DescribeParameters",
            "GetParameters",
            "ListImageRecipes",
            "ListContainerRecipes",
            "GetContainerRecipe",
        ] {
            let ec2 = Client::of(arranged());
            template(&ec2, IMAGE.1);
            let params = [IMAGE, ("ImageId.2", "ami-12345678"), ALL];
            let all = arns(&ec2, &params).len();
            ec2.deny(denied);
            let refused = ec2.call("DescribeImageReferences", &params);
            assert_eq!((refused.status, &refused.text("Code")[..]), (403, "UnauthorizedOperation"), "{denied}");
            assert!(refused.text("Message").contains(&format!(":{denied} ")), "{}", refused.text("Message"));
            ec2.sim.world().manners.references_denied = DeniedReferences::Partial;
            let left = arns(&ec2, &params).len();
            assert!(0 < left && left < all, "{denied}: {left} of {all}");
            ec2.deny("DescribeImageReferences");
            assert!(ec2.error("DescribeImageReferences", &params).starts_with("UnauthorizedOperation"));
        }
    }

    #[test]
    fn only_the_permissions_of_what_is_asked_for_are_needed() {
        let ec2 = Client::of_example();
        ec2.deny("GetParameters");
        ec2.ok("DescribeImageReferences", &[IMAGE, INSTANCES]);
        assert_snapshot!(
            ec2.error("DescribeImageReferences", &[IMAGE, ("ResourceType.1.ResourceType", "ssm:Parameter")]),
            @"UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/operator is not authorized to perform: ssm:GetParameters because no identity-based policy allows the ssm:GetParameters action"
        );
    }

    #[test]
    fn a_new_reference_may_not_be_known_yet() {
        let mut world = World::example(1, noon());
        world.manners.references_lag = SignedDuration::from_mins(5);
        let ec2 = Client::of(world);
        ec2.sim.world().region_mut("us-east-1").parameters.insert("web".to_owned(), Parameter::of_image(IMAGE.1, noon()));
        ec2.sim.world().region_mut("us-east-1").image_recipes.insert("web/1.0.0".to_owned(), recipe(IMAGE.1));
        template(&ec2, IMAGE.1);
        let public = ("ImageId.1", "ami-12345678");
        ec2.ok("RunInstances", &[("ImageId", public.1), ("MinCount", "1"), ("MaxCount", "1")]);
        assert_eq!(arns(&ec2, &[IMAGE, ALL]), [""; 0]);
        assert_eq!(arns(&ec2, &[public, INSTANCES]).len(), 2);
        ec2.wait(300);
        assert_eq!(arns(&ec2, &[IMAGE, ALL]).len(), 3);
        assert_eq!(arns(&ec2, &[public, INSTANCES]).len(), 3);
        // An instance that was stopped and is started again is no new one.
        ec2.ok("StopInstances", &[("InstanceId.1", WEB)]);
        ec2.wait(60);
        ec2.ok("StartInstances", &[("InstanceId.1", WEB)]);
        assert_eq!(arns(&ec2, &[public, INSTANCES]).len(), 3);
    }

    #[test]
    fn an_endpoint_may_not_offer_it() {
        let ec2 = Client::of_example();
        ec2.sim.world().manners.unknown_actions.insert("DescribeImageReferences".to_owned());
        assert_snapshot!(
            ec2.error("DescribeImageReferences", &[IMAGE, ALL]),
            @"InvalidAction: The action DescribeImageReferences is not valid for this web service."
        );
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        let describe = |params: &[(&str, &str)]| ec2.error("DescribeImageReferences", params);
        assert_snapshot!(describe(&[ALL]), @"MissingParameter: The request must contain the parameter ImageId");
        assert_snapshot!(describe(&[IMAGE]), @"MissingParameter: Either IncludeAllResourceTypes or ResourceTypes must be specified.");
        assert_snapshot!(
            describe(&[IMAGE, ("IncludeAllResourceTypes", "false")]),
            @"MissingParameter: Either IncludeAllResourceTypes or ResourceTypes must be specified."
        );
        assert_snapshot!(
            describe(&[("ImageId.1", "nightly"), ALL]),
            @r#"InvalidAMIID.Malformed: Invalid id: "nightly" (expecting "ami-...")"#
        );
        let eleven: Vec<String> = (1..=11).map(|number| format!("ImageId.{number}")).collect();
        let eleven: Vec<(&str, &str)> = eleven.iter().map(|name| (&name[..], "ami-00000001")).collect();
        assert_snapshot!(
            describe(&[&eleven[..], &[ALL]].concat()),
            @"InvalidParameterValue: The maximum number of images in one request is 10"
        );
        assert_snapshot!(
            describe(&[IMAGE, ("ResourceType.1.ResourceType", "ec2:Image")]),
            @"InvalidParameterValue: Value (ec2:Image) for parameter ResourceType.1.ResourceType is invalid. Expecting one of: ec2:Instance, ec2:LaunchTemplate, ssm:Parameter, imagebuilder:ImageRecipe, imagebuilder:ContainerRecipe"
        );
        assert_snapshot!(
            describe(&[IMAGE, ALL, ("MaxResults", "4")]),
            @"InvalidParameterValue: Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than 5."
        );
        assert_snapshot!(describe(&[IMAGE, ALL, ("NextToken", "nonsense")]), @"InvalidNextToken: The specified nextToken is invalid.");
        let option = |kind, name, value| {
            describe(&[
                IMAGE,
                ("ResourceType.1.ResourceType", kind),
                ("ResourceType.1.ResourceTypeOption.1.OptionName", name),
                ("ResourceType.1.ResourceTypeOption.1.OptionValue.1", value),
            ])
        };
        assert_snapshot!(
            option("ec2:Instance", "state-name", "gone"),
            @"InvalidParameterValue: Invalid values for the option state-name of ec2:Instance: gone"
        );
        assert_snapshot!(
            option("ec2:LaunchTemplate", "version-depth", "0"),
            @"InvalidParameterValue: Invalid values for the option version-depth of ec2:LaunchTemplate: 0"
        );
        assert_snapshot!(
            option("ec2:LaunchTemplate", "version-depth", "10001"),
            @"InvalidParameterValue: Invalid values for the option version-depth of ec2:LaunchTemplate: 10001"
        );
        assert_snapshot!(
            option("ssm:Parameter", "version-depth", "1"),
            @"InvalidParameterValue: ssm:Parameter has no option version-depth"
        );
        assert_snapshot!(option("ec2:Instance", "version-depth", "1"), @"InvalidParameterValue: ec2:Instance has no option version-depth");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]

        #[test]
        fn the_pages_together_are_the_whole(count in 0_usize..30, size in 5_usize..12, short in any::<bool>()) {
            let mut world = World::example(1, noon());
            world.manners.short_pages = short;
            for number in 0..count {
                let image = format!("ami-{:08}", number % 3);
                world.region_mut("us-east-1").parameters.insert(format!("p{number}"), Parameter::of_image(&image, noon()));
            }
            let ec2 = Client::of(world);
            let mut seen = BTreeSet::new();
            let mut token = String::new();
            loop {
                let answer = ec2.ok("DescribeImageReferences", &[IMAGE, ALL, ("MaxResults", &size.to_string()), ("NextToken", &token)]);
                let page = answer.texts("arn");
                prop_assert!(page.len() <= size);
                for arn in page {
                    prop_assert!(seen.insert(arn));
                }
                match answer.texts("nextToken").pop() {
                    Some(next) => token = next,
                    None => break,
                }
            }
            prop_assert_eq!(seen.into_iter().collect::<Vec<_>>(), arns(&ec2, &[IMAGE, ALL]));
        }
    }
}
