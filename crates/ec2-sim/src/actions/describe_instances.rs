//! `DescribeInstances`: instances, grouped by the call that launched them.

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
        let (instances, next) = page.cut(instances, |instance| instance.id.to_string(), |instance| self.filters.matches(instance));
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
        .leaf("privateDnsName", private_dns_name(&instance.private_ip))
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

fn private_dns_name(ip: &str) -> String {
    format!("ip-{}.ec2.internal", ip.replace('.', "-"))
}
