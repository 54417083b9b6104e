//! `DescribeRegions`: the enabled regions, or all of them.

use super::Action;
use crate::error::Error;
use crate::filter::{Filters, Known, Tagged};
use crate::query::Params;
use crate::scope::Scope;
use crate::world::{OptInStatus, Tags};
use crate::xml::Xml;

const FILTERS: Known<Line> = &[
    ("endpoint", |line| vec![line.endpoint()]),
    ("opt-in-status", |line| vec![line.opt_in_status.to_string()]),
    ("region-name", |line| vec![line.name.clone()]),
];

pub(super) struct DescribeRegions {
    names: Vec<String>,
    all: bool,
    filters: Filters<Line>,
}

struct Line {
    name: String,
    opt_in_status: OptInStatus,
}

impl Line {
    fn endpoint(&self) -> String {
        format!("ec2.{}.amazonaws.com", self.name)
    }
}

impl Tagged for Line {
    fn tags(&self) -> &Tags {
        static NONE: Tags = Tags::new();
        &NONE
    }
}

impl Action for DescribeRegions {
    const NAME: &str = "DescribeRegions";

    fn take(params: &mut Params) -> Result<Self, Error> {
        Ok(Self {
            names: params.list("RegionName"),
            all: params.boolean("AllRegions")?.unwrap_or(false),
            filters: Filters::take(params, FILTERS)?,
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let regions = &scope.world.regions;
        if let Some(unknown) = self.names.iter().find(|name| !regions.contains_key(*name)) {
            return Err(Error::invalid_parameter_value(format!("Invalid region: [{unknown}]")));
        }
        let lines = regions
            .iter()
            // A region asked for by name is shown even if it is not enabled.
            .filter(|(name, facts)| match &self.names[..] {
                [] => self.all || facts.is_enabled(),
                names => names.contains(name),
            })
            .map(|(name, facts)| Line { name: name.clone(), opt_in_status: facts.opt_in_status })
            .filter(|line| self.filters.matches(line));
        answer.items("regionInfo", lines, |item, line| {
            item.leaf("regionName", &line.name).leaf("regionEndpoint", line.endpoint()).leaf("optInStatus", line.opt_in_status);
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::Client;

    #[test]
    fn tells_the_enabled_regions_or_all() {
        let ec2 = Client::of_example();
        let names = |params: &[(&str, &str)]| ec2.ok("DescribeRegions", params).texts("regionName");
        assert!(names(&[]).contains(&"eu-central-2".to_owned()));
        assert!(!names(&[]).contains(&"af-south-1".to_owned()));
        assert!(names(&[("AllRegions", "true")]).contains(&"af-south-1".to_owned()));
        assert_eq!(names(&[("RegionName.1", "us-east-1"), ("RegionName.2", "eu-west-1")]), ["eu-west-1", "us-east-1"]);
        assert_eq!(names(&[("Filter.1.Name", "opt-in-status"), ("Filter.1.Value.1", "opted-in")]), ["eu-central-2"]);
        assert_snapshot!(ec2.error("DescribeRegions", &[("RegionName.1", "mars-1")]), @"InvalidParameterValue: Invalid region: [mars-1]");
        assert_snapshot!(ec2.ok("DescribeRegions", &[("RegionName.1", "us-east-1")]).body.lines().skip(3).collect::<Vec<_>>().join("\n"), @r"
            <regionInfo>
                <item>
                    <regionName>us-east-1</regionName>
                    <regionEndpoint>ec2.us-east-1.amazonaws.com</regionEndpoint>
                    <optInStatus>opt-in-not-required</optInStatus>
                </item>
            </regionInfo>
        </DescribeRegionsResponse>
        ");
    }
}
