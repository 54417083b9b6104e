//! What can be found in the file in which a world was kept: a world that can be kept again and lived in, or one clear line about what
//! is wrong.
//!
//! The input is the file, or, for a start that is nearly right, a JSON object that is laid over the example world.
#![no_main]

use std::error::Error;
use std::sync::LazyLock;

use ami_backup_fuzz::{RUNTIME, can_be_kept, is_ec2s, noon, post, written};
use ec2_sim::{Ec2Sim, StateError, World};
use jiff::SignedDuration;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// The example with a few regions only, and an image.
static KEPT: LazyLock<Value> = LazyLock::new(|| {
    RUNTIME.block_on(async {
        let mut world = World::example(1, noon());
        world.regions.retain(|name, _| matches!(&name[..], "us-east-1" | "af-south-1"));
        let sim = Ec2Sim::new(world);
        post(&sim, "ec2", b"Action=CreateImage&InstanceId=i-0db1db1db1db10001&Name=nightly").await;
        sim.advance(SignedDuration::from_mins(1));
        json!({ "version": 1, "world": sim.snapshot() })
    })
});

fuzz_target!(|input: &[u8]| {
    load(input);
    if let Ok(patch @ Value::Object(_)) = serde_json::from_slice(input) {
        let mut file = KEPT.clone();
        lay_over(&mut file["world"], patch);
        load(file.to_string().as_bytes());
    }
});

fn load(file: &[u8]) {
    match World::load(written("world.json", file)) {
        Ok(world) => RUNTIME.block_on(lived_in(world)),
        Err(problem @ (StateError::Read { .. } | StateError::Parse { .. } | StateError::Version { .. })) => {
            let mut message = problem.to_string();
            let mut cause = problem.source();
            while let Some(error) = cause {
                message += &format!(": {error}");
                cause = error.source();
            }
            assert!(!message.chars().any(char::is_control) && message.len() < 10 * file.len() + 4000, "{message:?}");
        }
        Err(other) => panic!("{other:?}"),
    }
}

async fn lived_in(world: World) {
    can_be_kept(&world);
    let sim = Ec2Sim::new(world);
    for body in [
        "Action=DescribeInstances",
        "Action=DescribeImages&IncludeDisabled=true",
        "Action=DescribeSnapshots",
        "Action=DescribeVolumes",
        "Action=DescribeLaunchTemplates",
        "Action=ListImagesInRecycleBin",
    ] {
        let Some(answer) = post(&sim, "ec2", body.as_bytes()).await else { panic!("not answered") };
        if answer.status < 500 {
            is_ec2s(&answer, body.split(['=', '&']).nth(1).unwrap_or_default());
        }
        sim.advance(SignedDuration::from_mins(5));
    }
    can_be_kept(&sim.snapshot());
}

/// As RFC 7396 has it: members of objects are laid over, `null` takes away, all else is replaced.
fn lay_over(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                if value.is_null() {
                    under.remove(&name);
                } else {
                    lay_over(under.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (under, over) => *under = over,
    }
}
