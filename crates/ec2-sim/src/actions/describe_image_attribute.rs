//! `DescribeImageAttribute`: one attribute of an image.

use super::Action;
use super::describe_images::protection;
use crate::clock::milliseconds;
use crate::error::Error;
use crate::id::ImageId;
use crate::query::Params;
use crate::reference::image_id;
use crate::scope::Scope;
use crate::world::Image;
use crate::xml::Xml;

pub(super) struct DescribeImageAttribute {
    image_id: ImageId,
    attribute: String,
}

impl Action for DescribeImageAttribute {
    const NAME: &str = "DescribeImageAttribute";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self { image_id: image_id(&params.required("ImageId")?)?, attribute: params.required("Attribute")? })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let image = scope.image(&self.image_id)?;
        let value = match self.attribute.as_str() {
            "blockDeviceMapping" => {
                // The API's own words: deprecated, and answered with this error.
                return Err(Error::new("AuthFailure", "Unauthorized attempt to access restricted resource"));
            }
            "launchPermission" | "lastLaunchedTime" if image.owner != scope.account => {
                return Err(Error::new("AuthFailure", format!("Not authorized for image:{}", image.id)));
            }
            "launchPermission" => {
                answer.leaf("imageId", &image.id);
                write_permissions(image, answer);
                return Ok(());
            }
            "productCodes" => {
                answer.leaf("imageId", &image.id).element("productCodes", |_| {});
                return Ok(());
            }
            "bootMode" => image.boot_mode.clone(),
            "deregistrationProtection" => Some(protection(image, scope).to_owned()),
            "description" => image.description.clone(),
            "lastLaunchedTime" => image.last_launched(scope.now()).map(milliseconds),
            "sriovNetSupport" => image.sriov_net_support.clone(),
            // No image here has any.
            "imdsSupport" | "kernel" | "ramdisk" | "tpmSupport" | "uefiData" => None,
            other => {
                return Err(Error::invalid_parameter_value(format!(
                    "Value ({other}) for parameter attribute is invalid. Unknown attribute."
                )));
            }
        };
        // The element is there even if there is no value.
        answer.leaf("imageId", &image.id).element(&self.attribute, |xml| {
            xml.leaf_if_some("value", value);
        });
        Ok(())
    }
}

fn write_permissions(image: &Image, answer: &mut Xml) {
    let all = image.public.then_some(("group", "all"));
    let accounts = image.launch_permissions.iter().map(|account| ("userId", account.as_str()));
    answer.items("launchPermission", all.into_iter().chain(accounts), |item, (kind, who)| {
        item.leaf(kind, who);
    });
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, WEB, noon};
    use crate::world::World;

    #[tokio::test(start_paused = true)]
    async fn describes_one_attribute() {
        let mut world = World::example(1, noon());
        world.access_keys.insert("AKIDOTHER".to_owned(), "210987654321".parse().unwrap());
        let ec2 = Client::of(world);
        let id = ec2.available_image(WEB, "nightly");
        let attribute = |name: &str| ec2.ok("DescribeImageAttribute", &[("ImageId", &id), ("Attribute", name)]);
        assert_snapshot!(attribute("description").body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeImageAttributeResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>984e7bc9-b2d5-4de0-ae20-61a98730e47f</requestId>
            <imageId>ami-09d40897aa65e0c57</imageId>
            <description/>
        </DescribeImageAttributeResponse>
        "#);
        ec2.ok("ModifyImageAttribute", &[("ImageId", &id), ("Description.Value", "before the upgrade")]);
        assert_eq!(attribute("description").text("value"), "before the upgrade");
        assert_eq!(attribute("bootMode").text("value"), "uefi-preferred");
        assert_eq!(attribute("sriovNetSupport").text("value"), "simple");
        assert_eq!(attribute("deregistrationProtection").text("value"), "disabled");
        assert_eq!(attribute("kernel").texts("value"), [""; 0]);
        assert_eq!(attribute("productCodes").texts("item"), [""; 0]);

        let share = [("ImageId", &id[..]), ("LaunchPermission.Add.1.UserId", "210987654321"), ("LaunchPermission.Add.2.Group", "all")];
        ec2.ok("ModifyImageAttribute", &share);
        assert_snapshot!(attribute("launchPermission").body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeImageAttributeResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>4de5d4cf-d94e-424b-a97a-f2afadaa8bc2</requestId>
            <imageId>ami-09d40897aa65e0c57</imageId>
            <launchPermission>
                <item>
                    <group>all</group>
                </item>
                <item>
                    <userId>210987654321</userId>
                </item>
            </launchPermission>
        </DescribeImageAttributeResponse>
        "#);

        let stranger = |name| ec2.with_key("AKIDOTHER").call("DescribeImageAttribute", &[("ImageId", &id), ("Attribute", name)]).status;
        assert_eq!((stranger("launchPermission"), stranger("lastLaunchedTime"), stranger("description")), (401, 401, 200));
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = Client::of_example();
        let refused = |name| ec2.error("DescribeImageAttribute", &[("ImageId", "ami-12345678"), ("Attribute", name)]);
        assert_snapshot!(refused("blockDeviceMapping"), @"AuthFailure: Unauthorized attempt to access restricted resource");
        assert_snapshot!(
            refused("colour"),
            @"InvalidParameterValue: Value (colour) for parameter attribute is invalid. Unknown attribute."
        );
        assert_snapshot!(refused(""), @"MissingParameter: The request must contain the parameter Attribute");
    }
}
