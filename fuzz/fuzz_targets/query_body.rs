//! What can be posted to the simulator: it is always answered, with XML, and what is refused or only asked changes nothing.
//!
//! Each line of the input is the body of a request; `sts:` or `autoscaling:` before it names another service than EC2.
#![no_main]

use std::sync::LazyLock;

use ami_backup_fuzz::{RUNTIME, can_be_kept, is_ec2s, noon, post};
use ec2_sim::{Ec2Sim, World};
use jiff::SignedDuration;
use libfuzzer_sys::fuzz_target;

const MOST_CALLS: usize = 8;

/// The example, with an image, a snapshot of its own and a launch template in us-east-1.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    RUNTIME.block_on(async {
        let sim = Ec2Sim::new(World::example(1, noon()));
        for body in [
            "Action=CreateImage&InstanceId=i-0db1db1db1db10001&Name=nightly&NoReboot=true",
            "Action=CreateSnapshot&VolumeId=vol-0eb1eb1eb1eb10001",
            "Action=CreateLaunchTemplate&LaunchTemplateName=web&LaunchTemplateData.ImageId=ami-12345678",
        ] {
            let answer = post(&sim, "ec2", body.as_bytes()).await;
            assert!(answer.is_some_and(|answer| answer.status == 200), "{body}");
        }
        sim.advance(SignedDuration::from_hours(1));
        sim.snapshot()
    })
});

fuzz_target!(|input: &[u8]| {
    let world = WORLD.clone();
    RUNTIME.block_on(async {
        let sim = Ec2Sim::new(world);
        for line in input.split(|byte| *byte == b'\n').take(MOST_CALLS) {
            let (service, body) = addressed(line);
            let mut before = sim.snapshot();
            let Some(answer) = post(&sim, service, body).await else { panic!("not answered") };
            let action = sim.calls().pop().map(|call| call.action).unwrap_or_default();
            is_ec2s(&answer, &action);
            let after = sim.snapshot();
            if answer.status != 200 || ["Describe", "Get", "List"].iter().any(|verb| action.starts_with(verb)) {
                // Every answer has an id.
                before.ids = after.ids.clone();
                assert!(before == after, "{action} was answered {} and changed something", answer.status);
            }
            sim.advance(SignedDuration::from_secs(50));
        }
        can_be_kept(&sim.snapshot());
    });
});

fn addressed(line: &[u8]) -> (&str, &[u8]) {
    let services: [(&str, &[u8]); 2] = [("sts", b"sts:"), ("autoscaling", b"autoscaling:")];
    let named = services.iter().find_map(|(service, prefix)| Some((*service, line.strip_prefix(*prefix)?)));
    named.unwrap_or(("ec2", line))
}
