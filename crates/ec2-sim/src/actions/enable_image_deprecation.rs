//! `EnableImageDeprecation`: from an instant on, an image is not shown to others who do not ask for it. It
//! goes on working, and nothing is deleted.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Unit};

use super::Action;
use crate::error::Error;
use crate::id::ImageId;
use crate::query::Params;
use crate::reference::{image_id, unavailable};
use crate::resource::ResourceId;
use crate::scope::Scope;
use crate::world::{Image, ImageState};
use crate::xml::Xml;

pub(super) struct EnableImageDeprecation {
    image_id: ImageId,
    at: Timestamp,
}

impl Action for EnableImageDeprecation {
    const NAME: &str = "EnableImageDeprecation";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let at = params.required("DeprecateAt")?;
        let at = at.parse().map_err(|_| invalid(&at, "Expecting an instant as in 2026-11-22T12:00:00Z."))?;
        Ok(Self { image_id: image_id(&params.required("ImageId")?)?, at })
    }

    fn resources(&self) -> Vec<ResourceId> {
        vec![ResourceId::Image(self.image_id.clone())]
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let now = scope.now();
        let image = scope.own_image_mut(&self.image_id)?;
        // Not documented.
        if matches!(image.state, ImageState::Pending | ImageState::Failed) {
            return Err(unavailable(image));
        }
        // The codes of these are not documented.
        if self.at < now {
            return Err(invalid(self.at, "It must not be in the past."));
        }
        let (limit, says) = if image.public {
            (public_limit(image), "Of a public image it must be within two years from its creation.")
        } else {
            (years_after(now, 10), "It must be within ten years from now.")
        };
        if self.at > limit {
            return Err(invalid(self.at, says));
        }
        image.deprecation_time = Some(self.at.round(Unit::Minute).unwrap_or(self.at));
        answer.leaf("return", true);
        Ok(())
    }
}

/// When a public image is deprecated at the latest.
pub(super) fn public_limit(image: &Image) -> Timestamp {
    let limit = years_after(image.created, 2);
    limit.round(Unit::Minute).unwrap_or(limit)
}

fn years_after(at: Timestamp, years: i16) -> Timestamp {
    at.to_zoned(TimeZone::UTC).checked_add(years.years()).map_or(Timestamp::MAX, |later| later.timestamp())
}

fn invalid(at: impl std::fmt::Display, why: &str) -> Error {
    Error::invalid_parameter_value(format!("Value ({at}) for parameter DeprecateAt is invalid. {why}"))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, WEB, noon};
    use crate::world::World;

    fn example() -> Client {
        let mut world = World::example(1, noon());
        world.access_keys.insert("AKIDOTHER".to_owned(), "210987654321".parse().unwrap());
        Client::of(world)
    }

    #[test]
    fn seconds_are_rounded_to_the_minute() {
        let ec2 = example();
        let id = ec2.available_image(WEB, "nightly");
        let at = |at| {
            ec2.ok("EnableImageDeprecation", &[("ImageId", &id), ("DeprecateAt", at)]);
            ec2.ok("DescribeImages", &[("ImageId.1", &id)]).text("deprecationTime")
        };
        assert_eq!(at("2026-12-01T10:00:29Z"), "2026-12-01T10:00:00.000Z");
        assert_eq!(at("2026-12-01T10:00:30.000Z"), "2026-12-01T10:01:00.000Z");
        ec2.ok("DisableImageDeprecation", &[("ImageId", &id)]);
        assert_eq!(ec2.ok("DescribeImages", &[("ImageId.1", &id)]).texts("deprecationTime"), [""; 0]);
    }

    #[test]
    fn hides_from_others_and_not_from_the_owner() {
        let ec2 = example();
        let id = ec2.available_image(WEB, "nightly");
        ec2.ok("ModifyImageAttribute", &[("ImageId", &id), ("LaunchPermission.Add.1.UserId", "210987654321")]);
        ec2.ok("EnableImageDeprecation", &[("ImageId", &id), ("DeprecateAt", "2026-11-22T13:00:00Z")]);
        let other = ec2.with_key("AKIDOTHER");
        let seen = |client: &Client, params: &[(&str, &str)]| client.ok("DescribeImages", params).texts("imageId").contains(&id);
        assert!(seen(&other, &[]));
        ec2.wait(3600);
        assert!(!seen(&other, &[]));
        assert!(!seen(&other, &[("Owner.1", "123456789012")]));
        assert!(!seen(&other, &[("IncludeDeprecated", "false")]));
        assert!(seen(&other, &[("IncludeDeprecated", "true")]));
        assert!(seen(&other, &[("ImageId.1", &id)]));
        assert!(seen(&ec2, &[]));
        assert!(seen(&ec2, &[("IncludeDeprecated", "false")]));
        // It still works.
        other.ok("RunInstances", &[("ImageId", &id), ("MinCount", "1"), ("MaxCount", "1")]);
    }

    #[test]
    fn says_what_is_wrong_with_a_request() {
        let ec2 = example();
        let pending = ec2.create_image(WEB, "nightly");
        let refused = |id: &str, at: &str| ec2.error("EnableImageDeprecation", &[("ImageId", id), ("DeprecateAt", at)]);
        assert!(refused(&pending, "2026-12-01T10:00:00Z").starts_with("InvalidAMIID.Unavailable"));
        assert!(refused("ami-12345678", "2026-12-01T10:00:00Z").starts_with("AuthFailure"));
        ec2.wait(600);
        let refused = |at| refused(&pending, at);
        assert_snapshot!(
            refused("tomorrow"),
            @"InvalidParameterValue: Value (tomorrow) for parameter DeprecateAt is invalid. Expecting an instant as in 2026-11-22T12:00:00Z."
        );
        assert_snapshot!(
            refused("2026-11-22T12:09:00Z"),
            @"InvalidParameterValue: Value (2026-11-22T12:09:00Z) for parameter DeprecateAt is invalid. It must not be in the past."
        );
        assert_snapshot!(
            refused("2036-11-23T00:00:00Z"),
            @"InvalidParameterValue: Value (2036-11-23T00:00:00Z) for parameter DeprecateAt is invalid. It must be within ten years from now."
        );
        assert_snapshot!(refused(""), @"MissingParameter: The request must contain the parameter DeprecateAt");
    }

    #[test]
    fn a_public_image_is_deprecated_within_two_years() {
        let ec2 = example();
        let id = ec2.available_image(WEB, "nightly");
        let enable = |at| ec2.call("EnableImageDeprecation", &[("ImageId", &id), ("DeprecateAt", at)]);
        enable("2036-01-01T00:00:00Z");
        ec2.ok("ModifyImageAttribute", &[("ImageId", &id), ("LaunchPermission.Add.1.Group", "all")]);
        assert_eq!(ec2.image(&id).deprecation_time.unwrap().to_string(), "2028-11-22T12:00:00Z");
        assert_snapshot!(
            enable("2029-01-01T00:00:00Z").text("Message"),
            @"Value (2029-01-01T00:00:00Z) for parameter DeprecateAt is invalid. Of a public image it must be within two years from its creation."
        );
        assert_eq!(enable("2027-01-01T00:00:00Z").status, 200);
        assert_snapshot!(
            ec2.error("DisableImageDeprecation", &[("ImageId", &id)]),
            @"OperationNotPermitted: The deprecation of a public image cannot be cancelled."
        );
    }
}
