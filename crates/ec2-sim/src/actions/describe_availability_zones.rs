//! `DescribeAvailabilityZones`: the zones of one region.

use super::Action;
use crate::error::Error;
use crate::filter::{Filters, Known, Tagged};
use crate::query::Params;
use crate::scope::Scope;
use crate::world::{Tags, Zone};
use crate::xml::Xml;

const FILTERS: Known<Line> = &[
    ("group-name", |line| vec![line.group()]),
    ("opt-in-status", |_| vec![OPT_IN_STATUS.to_owned()]),
    ("region-name", |line| vec![line.region.clone()]),
    ("state", |_| vec![STATE.to_owned()]),
    ("zone-id", |line| vec![line.zone.id.clone()]),
    ("zone-name", |line| vec![line.zone.name.clone()]),
    ("zone-type", |_| vec![ZONE_TYPE.to_owned()]),
];
const OPT_IN_STATUS: &str = "opt-in-not-required";
const STATE: &str = "available";
const ZONE_TYPE: &str = "availability-zone";

pub(super) struct DescribeAvailabilityZones {
    names: Vec<String>,
    ids: Vec<String>,
    filters: Filters<Line>,
}

struct Line {
    region: String,
    zone: Zone,
}

impl Line {
    fn group(&self) -> String {
        format!("{}-zg-1", self.region)
    }
}

impl Tagged for Line {
    fn tags(&self) -> &Tags {
        static NONE: Tags = Tags::new();
        &NONE
    }
}

impl Action for DescribeAvailabilityZones {
    const NAME: &str = "DescribeAvailabilityZones";

    fn take(params: &mut Params) -> Result<Self, Error> {
        params.ignore(&["AllAvailabilityZones"]);
        Ok(Self { names: params.list("ZoneName"), ids: params.list("ZoneId"), filters: Filters::take(params, FILTERS)? })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let zones = scope.world.regions.get(&scope.region).map_or(&[][..], |facts| &facts.zones);
        let unknown = self
            .names
            .iter()
            .find(|name| !zones.iter().any(|zone| zone.name == **name))
            .or_else(|| self.ids.iter().find(|id| !zones.iter().any(|zone| zone.id == **id)));
        if let Some(unknown) = unknown {
            return Err(Error::invalid_parameter_value(format!("Invalid availability zone: [{unknown}]")));
        }
        let lines = zones
            .iter()
            .filter(|zone| self.names.is_empty() || self.names.contains(&zone.name))
            .filter(|zone| self.ids.is_empty() || self.ids.contains(&zone.id))
            .map(|zone| Line { region: scope.region.clone(), zone: zone.clone() })
            .filter(|line| self.filters.matches(line));
        answer.items("availabilityZoneInfo", lines, |item, line| {
            item.leaf("optInStatus", OPT_IN_STATUS)
                .leaf("regionName", &line.region)
                .leaf("zoneName", &line.zone.name)
                .leaf("zoneId", &line.zone.id)
                .leaf("groupName", line.group())
                .leaf("networkBorderGroup", &line.region)
                .leaf("zoneType", ZONE_TYPE)
                .leaf("zoneState", STATE);
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::Client;

    #[test]
    fn tells_the_zones_of_the_region() {
        let ec2 = Client::of_example();
        assert_eq!(ec2.ok("DescribeAvailabilityZones", &[]).texts("zoneName").len(), 6);
        let one = ec2.ok("DescribeAvailabilityZones", &[("ZoneName.1", "us-east-1b")]);
        assert_eq!((one.text("zoneId"), one.text("regionName")), ("use1-az2".to_owned(), "us-east-1".to_owned()));
        assert_snapshot!(
            ec2.error("DescribeAvailabilityZones", &[("ZoneName.1", "eu-west-1a")]),
            @"InvalidParameterValue: Invalid availability zone: [eu-west-1a]"
        );
    }
}
