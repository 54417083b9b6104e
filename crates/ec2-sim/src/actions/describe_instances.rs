//! `DescribeInstances`: instances, grouped by the call that launched them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Action;
use crate::clock::milliseconds;
use crate::error::Error;
use crate::filter::{Filters, Known};
use crate::id::AccountId;
use crate::instances::write_state;
use crate::paging::{Paging, Rule};
use crate::query::Params;
use crate::scope::Scope;
use crate::tagging::write_tags;
use crate::world::Instance;
use crate::xml::Xml;

const PAGES: Rule = Rule { least: 5, most: 1000, ids: Some("instancesSet") };

const FILTERS: Known<Instance> = &[
    ("architecture", |i| vec![i.architecture.clone()]),
    ("availability-zone", |i| vec![i.availability_zone.clone()]),
    ("block-device-mapping.volume-id", |i| i.devices.values().map(|d| d.volume_id.to_string()).collect()),
    ("image-id", |i| vec![i.image_id.to_string()]),
    ("instance-id", |i| vec![i.id.to_string()]),
    ("instance-state-code", |i| vec![i.state.code().to_string()]),
    ("instance-state-name", |i| vec![i.state.to_string()]),
    ("instance-type", |i| vec![i.instance_type.clone()]),
    ("launch-time", |i| vec![milliseconds(i.launched)]),
    ("private-ip-address", |i| vec![i.private_ip.clone()]),
    ("reservation-id", |i| vec![i.reservation_id.to_string()]),
    ("root-device-name", |i| vec![i.root_device_name.clone()]),
    ("root-device-type", |_| vec!["ebs".to_owned()]),
];

pub(super) struct DescribeInstances {
    ids: Vec<String>,
    filters: Filters<Instance>,
    paging: Paging,
}

impl Action for DescribeInstances {
    const NAME: &str = "DescribeInstances";

    fn take(params: &mut Params) -> Result<Self, Error> {
        params.ignore(&["IncludeManagedResources"]);
        Ok(Self { ids: params.list("InstanceId"), filters: Filters::take(params, FILTERS)?, paging: Paging::take(params) })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let page = self.paging.page(PAGES, !self.ids.is_empty(), scope)?;
        let instances: Vec<&Instance> =
            if self.ids.is_empty() { scope.here().instances.values().collect() } else { scope.instances(&self.ids)? };
        check_zones(if self.ids.is_empty() { None } else { Some(&instances) }, scope)?;
        let (instances, next) =
            page.cut(instances, |instance| Cow::Borrowed(instance.id.as_ref()), |instance| self.filters.matches(instance));
        let mut reservations: BTreeMap<_, Vec<&Instance>> = BTreeMap::new();
        for instance in instances {
            reservations.entry(&instance.reservation_id).or_default().push(instance);
        }
        answer
            .items("reservationSet", reservations.values(), |item, instances| {
                write_reservation(item, &scope.account, instances);
            })
            .leaf_if_some("nextToken", next);
        Ok(())
    }
}

/// While a zone is out of service, a listing without ids fails as a whole, and so does one with the id of an
/// instance in that zone; one that names instances in other zones works (M:DescribeInstances, ec2-semantics 5.5).
/// The code is not documented.
fn check_zones(named: Option<&[&Instance]>, scope: &Scope) -> Result<(), Error> {
    let outages = &scope.world.manners.outages;
    let concerned = match named {
        Some(instances) => instances.iter().any(|instance| outages.contains(&instance.availability_zone)),
        None => scope.world.regions.get(&scope.region).is_some_and(|facts| facts.zones.iter().any(|zone| outages.contains(&zone.name))),
    };
    if concerned { Err(Error::new("InternalError", "An internal error has occurred")) } else { Ok(()) }
}

pub(super) fn write_reservation(xml: &mut Xml, owner: &AccountId, instances: &[&Instance]) {
    xml.leaf_if_some("reservationId", instances.first().map(|i| &i.reservation_id))
        .leaf("ownerId", owner)
        .items("groupSet", [(); 0], |_, ()| {})
        .items("instancesSet", instances, |item, instance| {
            write_instance(item, instance, owner);
        });
}

fn write_instance(xml: &mut Xml, instance: &Instance, owner: &AccountId) {
    xml.leaf("instanceId", &instance.id)
        .leaf("imageId", &instance.image_id)
        .element("instanceState", |xml| write_state(xml, instance.state))
        .leaf("privateDnsName", private_dns_name(instance))
        .leaf("dnsName", "")
        .leaf("reason", "")
        .leaf("amiLaunchIndex", instance.launch_index)
        .leaf("instanceType", &instance.instance_type)
        .leaf("launchTime", milliseconds(instance.launched))
        .element("placement", |placement| {
            placement.leaf("availabilityZone", &instance.availability_zone).leaf("tenancy", "default");
        })
        .element("monitoring", |monitoring| {
            monitoring.leaf("state", "disabled");
        })
        .leaf("privateIpAddress", &instance.private_ip)
        .leaf("architecture", &instance.architecture)
        .leaf("rootDeviceType", "ebs")
        .leaf("rootDeviceName", &instance.root_device_name)
        .items("blockDeviceMapping", &instance.devices, |item, (name, device)| {
            item.leaf("deviceName", name).element("ebs", |ebs| {
                ebs.leaf("volumeId", &device.volume_id)
                    .leaf("status", "attached")
                    .leaf("attachTime", milliseconds(device.attached))
                    .leaf("deleteOnTermination", device.delete_on_termination)
                    .leaf("volumeOwnerId", owner);
            });
        })
        .leaf("virtualizationType", "hvm");
    write_tags(xml, &instance.tags);
    xml.leaf("hypervisor", "xen")
        .leaf("enaSupport", true)
        .leaf("platformDetails", "Linux/UNIX")
        .leaf("usageOperation", "RunInstances")
        .leaf_if_some("bootMode", instance.boot_mode.as_ref());
}

fn private_dns_name(instance: &Instance) -> String {
    let host = instance.private_ip.replace('.', "-");
    let region = instance.availability_zone.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    match region {
        "us-east-1" => format!("ip-{host}.ec2.internal"),
        _ => format!("ip-{host}.{region}.compute.internal"),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::testing::{Client, DB, WEB};

    #[tokio::test(start_paused = true)]
    async fn describes_an_instance_in_full() {
        let ec2 = Client::of_example();
        assert_snapshot!(ec2.ok("DescribeInstances", &[("InstanceId.1", WEB)]).body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>f89404ee-6fab-4c4a-a8a8-4a90d7928e5c</requestId>
            <reservationSet>
                <item>
                    <reservationId>r-0eb1eb1eb1eb10001</reservationId>
                    <ownerId>123456789012</ownerId>
                    <groupSet/>
                    <instancesSet>
                        <item>
                            <instanceId>i-0eb1eb1eb1eb10001</instanceId>
                            <imageId>ami-12345678</imageId>
                            <instanceState>
                                <code>16</code>
                                <name>running</name>
                            </instanceState>
                            <privateDnsName>ip-172-31-10-11.ec2.internal</privateDnsName>
                            <dnsName></dnsName>
                            <reason></reason>
                            <amiLaunchIndex>0</amiLaunchIndex>
                            <instanceType>t3.micro</instanceType>
                            <launchTime>2026-10-23T12:00:00.000Z</launchTime>
                            <placement>
                                <availabilityZone>us-east-1a</availabilityZone>
                                <tenancy>default</tenancy>
                            </placement>
                            <monitoring>
                                <state>disabled</state>
                            </monitoring>
                            <privateIpAddress>172.31.10.11</privateIpAddress>
                            <architecture>x86_64</architecture>
                            <rootDeviceType>ebs</rootDeviceType>
                            <rootDeviceName>/dev/sda1</rootDeviceName>
                            <blockDeviceMapping>
                                <item>
                                    <deviceName>/dev/sda1</deviceName>
                                    <ebs>
                                        <volumeId>vol-0eb1eb1eb1eb10001</volumeId>
                                        <status>attached</status>
                                        <attachTime>2026-10-23T12:00:00.000Z</attachTime>
                                        <deleteOnTermination>true</deleteOnTermination>
                                        <volumeOwnerId>123456789012</volumeOwnerId>
                                    </ebs>
                                </item>
                            </blockDeviceMapping>
                            <virtualizationType>hvm</virtualizationType>
                            <tagSet>
                                <item>
                                    <key>Name</key>
                                    <value>web-1</value>
                                </item>
                            </tagSet>
                            <hypervisor>xen</hypervisor>
                            <enaSupport>true</enaSupport>
                            <platformDetails>Linux/UNIX</platformDetails>
                            <usageOperation>RunInstances</usageOperation>
                            <bootMode>uefi-preferred</bootMode>
                        </item>
                    </instancesSet>
                </item>
            </reservationSet>
        </DescribeInstancesResponse>
        "#);
    }

    #[test]
    fn groups_by_reservation() {
        let ec2 = Client::of_example();
        ec2.ok("RunInstances", &[("ImageId", "ami-12345678"), ("MinCount", "3"), ("MaxCount", "3")]);
        let answer = ec2.ok("DescribeInstances", &[]);
        assert_eq!(answer.texts("reservationId").len(), 3);
        assert_eq!(answer.texts("instanceId").len(), 5);
    }

    #[test]
    fn filters() {
        let ec2 = Client::of_example();
        ec2.ok("StopInstances", &[("InstanceId.1", DB)]);
        let ids = |name, value| ec2.ok("DescribeInstances", &[("Filter.1.Name", name), ("Filter.1.Value.1", value)]).texts("instanceId");
        assert_eq!(ids("instance-state-name", "running"), [WEB]);
        assert_eq!(ids("tag:Name", "db-?"), [DB]);
        assert_eq!(ids("instance-id", WEB), [WEB]);
        assert_eq!(ids("image-id", "ami-12345678").len(), 2);
        assert_eq!(ids("tag-key", "name"), [""; 0]);
    }

    #[test]
    fn names_every_instance_that_is_missing() {
        let ec2 = Client::of_example();
        assert_snapshot!(
            ec2.error("DescribeInstances", &[("InstanceId.1", WEB), ("InstanceId.2", "i-00000001")]),
            @"InvalidInstanceID.NotFound: The instance ID 'i-00000001' does not exist"
        );
        assert_snapshot!(
            ec2.error("DescribeInstances", &[("InstanceId.1", "i-00000001"), ("InstanceId.2", "i-00000002")]),
            @"InvalidInstanceID.NotFound: The instance IDs 'i-00000001, i-00000002' do not exist"
        );
        assert_snapshot!(
            ec2.error("DescribeInstances", &[("InstanceId.1", WEB), ("MaxResults", "5")]),
            @"InvalidParameterCombination: The parameter instancesSet cannot be used with the parameter maxResults"
        );
    }

    #[test]
    fn fails_as_a_whole_where_a_zone_is_out_of_service() {
        let ec2 = Client::of_example();
        let id = ec2.ok(
            "RunInstances",
            &[("ImageId", "ami-12345678"), ("MinCount", "1"), ("MaxCount", "1"), ("Placement.AvailabilityZone", "us-east-1b")],
        );
        let elsewhere = id.text("instanceId");
        ec2.sim.world().manners.outages.insert("us-east-1a".to_owned());
        for params in [&[][..], &[("MaxResults", "5")], &[("Filter.1.Name", "availability-zone"), ("Filter.1.Value.1", "us-east-1b")]] {
            assert_eq!(ec2.call("DescribeInstances", params).status, 500);
        }
        assert_snapshot!(
            ec2.error("DescribeInstances", &[("InstanceId.1", &elsewhere), ("InstanceId.2", WEB)]),
            @"InternalError: An internal error has occurred"
        );
        ec2.ok("DescribeInstances", &[("InstanceId.1", &elsewhere)]);
        ec2.in_region("eu-west-1").ok("DescribeInstances", &[]);
        ec2.sim.world().manners.outages.clear();
        ec2.ok("DescribeInstances", &[]);
    }
}
