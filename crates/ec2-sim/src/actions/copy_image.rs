//! `CopyImage`: sent to the region that shall have the copy.

use jiff::{SignedDuration, Timestamp};

use super::Action;
use crate::clock::later;
use crate::copying;
use crate::error::Error;
use crate::id::{ImageId, SnapshotId, VolumeId};
use crate::idempotency;
use crate::naming::{check_description, check_name};
use crate::query::Params;
use crate::quotas;
use crate::reference::{archived, image_id, no_such_image, unavailable};
use crate::scope::Scope;
use crate::tagging::{Specification, is_reserved, merged};
use crate::world::{DeregistrationProtection, Image, ImageState, Manners, Origin, Snapshot, SnapshotState, StateReason, Tags};
use crate::xml::Xml;

/// What EC2 says, long after the call, of a key that it could not use.
const KEY_NOT_ACCESSIBLE: &str = "Given key ID is not accessible";

pub(super) struct CopyImage {
    source_region: String,
    source_image_id: ImageId,
    name: String,
    description: Option<String>,
    encrypted: Option<bool>,
    kms_key_id: Option<String>,
    with_tags: bool,
    /// Each of the snapshots is to be copied within so many minutes.
    completion_minutes: Option<u32>,
    tags: Specification,
    client_token: Option<String>,
}

impl Action for CopyImage {
    const NAME: &str = "CopyImage";

    fn take(params: &mut Params) -> Result<Self, Error> {
        let completion_minutes = params.number("SnapshotCopyCompletionDurationMinutes")?;
        if let Some(minutes) = completion_minutes
            && !((15..=2880).contains(&minutes) && minutes % 15 == 0)
        {
            return Err(Error::invalid_parameter_value(format!(
                "Invalid value '{minutes}' for SnapshotCopyCompletionDurationMinutes. \
                 It must be a multiple of 15, from 15 to 2880."
            )));
        }
        Ok(Self {
            source_region: params.required("SourceRegion")?,
            source_image_id: image_id(&params.required("SourceImageId")?)?,
            name: params.required("Name")?,
            description: params.text("Description"),
            encrypted: params.boolean("Encrypted")?,
            kms_key_id: params.text("KmsKeyId"),
            with_tags: params.boolean("CopyImageTags")?.unwrap_or(false),
            completion_minutes,
            tags: Specification::take(params, &["image", "snapshot"])?,
            client_token: params.text("ClientToken"),
        })
    }

    fn perform(self, scope: &mut Scope, answer: &mut Xml) -> Result<(), Error> {
        let token = self.client_token.as_deref();
        if let Some(ids) = idempotency::recall(Self::NAME, token, scope)? {
            answer.leaf_if_some("imageId", ids.first());
            return Ok(());
        }
        let source = self.source(scope)?;
        self.check_storage(&source, scope)?;
        self.check_encryption(&source, scope)?;
        check_name(&self.name, scope)?;
        check_description(self.description.as_deref())?;
        check_room(&source, scope)?;
        quotas::check_images(scope)?;
        quotas::check_snapshots(source.snapshots().count(), scope)?;
        if !self.tags.is_empty() {
            scope.authorize("CreateTags")?;
        }
        let tags = self.image_tags(&source, scope)?;

        let id = ImageId::mint(&mut scope.world.ids);
        let copy = self.begin(&id, source, tags, scope);
        scope.here_mut().images.insert(id.clone(), copy);
        idempotency::remember(Self::NAME, token, vec![id.to_string()], scope);
        answer.leaf("imageId", &id);
        Ok(())
    }
}

impl CopyImage {
    fn source(&self, scope: &Scope) -> Result<Image, Error> {
        let facts = scope.world.regions.get(&self.source_region);
        if !facts.is_some_and(crate::world::RegionFacts::is_enabled) {
            return Err(Error::new("InvalidRequest", format!("The source region '{}' is not valid.", self.source_region)));
        }
        let id = &self.source_image_id;
        let source = scope.images_in(&self.source_region).find(|image| image.id == *id).ok_or_else(|| no_such_image(id))?;
        if source.state != ImageState::Available {
            return Err(unavailable(source));
        }
        Ok(source.clone())
    }

    /// Whoever copies an image reads its snapshots. What Amazon publishes is stored with Amazon.
    fn check_storage(&self, source: &Image, scope: &Scope) -> Result<(), Error> {
        let stored = &scope.world.region_of(&source.owner, &self.source_region).snapshots;
        for snapshot in source.snapshots().filter_map(|id| stored.get(id)) {
            if !snapshot.is_open_to(&scope.account) {
                return Err(Error::new("InvalidRequest", "You do not have permission to access the storage of this ami"));
            }
            if snapshot.is_archived() {
                return Err(archived(&snapshot.id));
            }
        }
        Ok(())
    }

    fn check_encryption(&self, source: &Image, scope: &Scope) -> Result<(), Error> {
        if self.kms_key_id.is_some() && self.encrypted != Some(true) {
            return Err(Error::invalid_parameter_combination("The parameter KmsKeyId requires the parameter Encrypted to be set."));
        }
        let encrypted = source.devices.iter().filter_map(|device| device.ebs()).find(|ebs| ebs.encrypted);
        match encrypted.and_then(|ebs| ebs.snapshot_id.as_ref()) {
            Some(snapshot) if self.encrypted == Some(false) => Err(Error::new(
                "InvalidRequest",
                format!(
                    "Snapshot {snapshot} is encrypted. Creating unencrypted copy from an encrypted snapshot \
                     is not supported."
                ),
            )),
            // There is no example of the code.
            Some(snapshot)
                if self.encrypted.is_none() && self.source_region != scope.region && !scope.world.manners.copies_encrypted_unasked =>
            {
                Err(Error::new("InvalidRequest", format!("Snapshot {snapshot} is encrypted, with a key that is not in this region.")))
            }
            _ => Ok(()),
        }
    }

    /// Only the caller's own tags are copied.
    fn image_tags(&self, source: &Image, scope: &Scope) -> Result<Tags, Error> {
        let mut tags = Tags::new();
        if self.with_tags && source.owner == scope.account {
            tags = source.tags.clone();
            tags.retain(|key, _| !is_reserved(key));
        }
        let specified = self.tags.tags("image");
        if scope.world.manners.copied_tags_win { merged(&specified, &tags) } else { merged(&tags, &specified) }
    }

    fn begin(&self, id: &ImageId, source: Image, tags: Tags, scope: &mut Scope) -> Image {
        let now = scope.now();
        let visible_from = later(now, scope.world.manners.visibility_lag);
        let mapped_from = scope.world.due_after(scope.world.manners.snapshot_ids_after).max(visible_from);
        let fails_with = self.fate(scope);
        let stuck = scope.world.fail_next.sticks_copy();
        let mut ends = if stuck { Timestamp::MAX } else { mapped_from };
        let ancestors = source.ancestry(&self.source_region);
        let mut devices = source.devices;
        for device in &mut devices {
            let Some(ebs) = device.ebs_mut() else { continue };
            ebs.encrypted |= self.encrypted == Some(true);
            let Some(original) = ebs.snapshot_id.take() else {
                continue;
            };
            let usual = scope.world.manners.copy_pace.duration(ebs.volume_size);
            // "Time-based copies": within that time, while throughput is left of the quota, which is not simulated.
            let within = self.completion_minutes.map(|minutes| SignedDuration::from_mins(minutes.into()));
            let takes = within.map_or(usual, |within| usual.min(within));
            let snapshot = Snapshot {
                id: SnapshotId::mint(&mut scope.world.ids),
                owner: scope.account.clone(),
                volume_id: VolumeId::of_no_volume(),
                volume_size: ebs.volume_size,
                description: copying::description(id, &source.id, &original, now),
                state: SnapshotState::Pending,
                state_message: None,
                progress: 0,
                started: now,
                visible_from: mapped_from,
                ends: if stuck { Timestamp::MAX } else { scope.world.due_after(takes) },
                fails_with: fails_with.as_ref().map(|reason| reason.message.clone()),
                delete_at_end: false,
                encrypted: ebs.encrypted,
                kms_key_id: self.kms_key_id.clone(),
                completion_minutes: self.completion_minutes,
                storage_tier: "standard".to_owned(),
                tiering: None,
                lock: None,
                public: false,
                create_volume_permissions: [].into(),
                managed_by: None,
                tags: self.tags.tags("snapshot"),
            };
            ends = ends.max(snapshot.ends);
            ebs.snapshot_id = Some(snapshot.id.clone());
            scope.here_mut().snapshots.insert(snapshot.id.clone(), snapshot);
        }
        Image {
            id: id.clone(),
            owner: scope.account.clone(),
            owner_alias: None,
            name: self.name.clone(),
            description: self.description.clone(),
            state: ImageState::Pending,
            state_reason: None,
            created: now,
            visible_from,
            mapped_from,
            ends,
            fails_with,
            origin: Origin::Copy { image_id: source.id, region: self.source_region.clone() },
            devices,
            public: false,
            launch_permissions: [].into(),
            deregistration_protection: DeregistrationProtection::Disabled,
            deprecation_time: None,
            managed_by: None,
            launches: Vec::new(),
            ancestors,
            tags,
            ..source
        }
    }

    /// What the copy will die of, if it will.
    fn fate(&self, scope: &mut Scope) -> Option<StateReason> {
        let fail_next = &mut scope.world.fail_next.copy;
        if !fail_next.is_empty() {
            return Some(fail_next.remove(0));
        }
        let key = self.kms_key_id.as_deref()?;
        let known = key == "alias/aws/ebs" || scope.here().kms_keys.contains(key);
        (!known).then(|| StateReason::from(KEY_NOT_ACCESSIBLE))
    }
}

/// Refuses more copies at a time than EC2 makes into one region. What EC2 does with an image of more snapshots than it copies at a time
/// is not documented; here it is copied once nothing else is, for it could never be otherwise.
fn check_room(source: &Image, scope: &Scope) -> Result<(), Error> {
    let Manners { concurrent_image_copies, concurrent_snapshot_copies, .. } = scope.world.manners;
    let under_way = |image: &&Image| image.state == ImageState::Pending && matches!(image.origin, Origin::Copy { .. });
    let copies: Vec<&Image> = scope.here().images.values().filter(under_way).collect();
    let under_way = copies.iter().flat_map(|copy| copy.snapshots()).count();
    let snapshots = if under_way == 0 { 0 } else { under_way + source.snapshots().count() };
    let limits = [("AMI", copies.len() + 1, Some(concurrent_image_copies)), ("snapshot", snapshots, concurrent_snapshot_copies)];
    for (what, wanted, limit) in limits {
        if let Some(limit) = limit
            && wanted > limit
        {
            let message = format!("Too many {what} copies in progress. The limit is {limit} for this destination region.");
            return Err(Error::new("ResourceLimitExceeded", message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::SignedDuration;

    use crate::testing::{Client, DB, MAIL, WEB, noon};
    use crate::world::{Origin, Pace, World};

    fn copy(ec2: &Client, source: &str, name: &str, more: &[(&str, &str)]) -> String {
        let params = [&[("SourceRegion", "us-east-1"), ("SourceImageId", source), ("Name", name)], more].concat();
        ec2.ok("CopyImage", &params).text("imageId")
    }

    fn refused(ec2: &Client, source: &str, name: &str, more: &[(&str, &str)]) -> String {
        let params = [&[("SourceRegion", "us-east-1"), ("SourceImageId", source), ("Name", name)], more].concat();
        ec2.error("CopyImage", &params)
    }

    #[test]
    fn copies_into_the_region_it_is_sent_to() {
        let ec2 = Client::of_example();
        let west = ec2.in_region("us-west-2");
        let source = ec2.available_image(WEB, "nightly");
        let copied = copy(&west, &source, "nightly", &[("Description", "far away")]);

        let image = west.image(&copied);
        assert_eq!(image.state.to_string(), "pending");
        assert_eq!(image.origin, Origin::Copy { image_id: source.parse().unwrap(), region: "us-east-1".to_owned() });
        assert_eq!(image.description.as_deref(), Some("far away"));
        west.wait(100);
        assert_eq!(west.image(&copied).state.to_string(), "available");

        let [snapshot] = &west.snapshots_of(&copied)[..] else { panic!("one volume, one snapshot") };
        assert_eq!(snapshot.volume_id, "vol-ffffffff");
        let original = ec2.snapshots_of(&source)[0].id.clone();
        let told =
            format!("Copied for DestinationAmi {copied} from SourceAmi {source} for SourceSnapshot {original}. Task created on 1,795,");
        assert!(snapshot.description.starts_with(&told), "{}", snapshot.description);
    }

    #[test]
    fn the_source_must_be_there_and_available() {
        let ec2 = Client::of_example();
        let west = ec2.in_region("us-west-2");
        let pending = ec2.create_image(WEB, "nightly");
        assert_eq!(
            refused(&west, &pending, "copy", &[]),
            format!("InvalidAMIID.Unavailable: The AMI ID '{pending}' is currently pending and may not be used for this operation")
        );
        assert_snapshot!(
            refused(&west, "ami-00000000", "copy", &[]),
            @"InvalidAMIID.NotFound: The image id '[ami-00000000]' does not exist"
        );
        assert_snapshot!(refused(&west, "nightly", "copy", &[]), @r#"InvalidAMIID.Malformed: Invalid id: "nightly" (expecting "ami-...")"#);
        let from = |region| west.error("CopyImage", &[("SourceRegion", region), ("SourceImageId", &pending), ("Name", "copy")]);
        assert_snapshot!(from("mars-1"), @"InvalidRequest: The source region 'mars-1' is not valid.");
        // Not enabled.
        assert_snapshot!(from("af-south-1"), @"InvalidRequest: The source region 'af-south-1' is not valid.");
    }

    #[test]
    fn can_copy_within_a_region_and_what_amazon_publishes() {
        let ec2 = Client::of_example();
        let source = ec2.available_image(WEB, "nightly");
        copy(&ec2, &source, "again", &[]);
        copy(&ec2, "ami-12345678", "my own linux", &[]);
        let duplicate = format!("InvalidAMIName.Duplicate: AMI name nightly is already in use by AMI {source}");
        assert_eq!(refused(&ec2, &source, "nightly", &[]), duplicate);
    }

    #[test]
    fn a_time_based_copy_is_done_within_its_time() {
        let ec2 = Client::of_example();
        let slow = SignedDuration::from_hours(9);
        ec2.sim.world().manners.copy_pace = Pace { start: slow, per_gib: SignedDuration::ZERO };
        let west = ec2.in_region("us-west-2");
        let source = ec2.available_image(WEB, "nightly");
        let minutes = |minutes| ("SnapshotCopyCompletionDurationMinutes", minutes);
        let token = ("ClientToken", "once");
        let usual = copy(&west, &source, "usual", &[]);
        let timely = copy(&west, &source, "timely", &[minutes("60"), token]);
        west.wait(3600);
        assert_eq!([&usual, &timely].map(|id| west.image(id).state.to_string()), ["pending", "available"]);
        let transfer = |id: &str| {
            let snapshot = west.snapshots_of(id)[0].id.to_string();
            let told = west.ok("DescribeSnapshots", &[("SnapshotId.1", &snapshot)]);
            (told.text("transferType"), told.texts("completionDurationMinutes"))
        };
        assert_eq!(transfer(&usual), ("standard".to_owned(), Vec::new()));
        assert_eq!(transfer(&timely), ("time-based".to_owned(), vec!["60".to_owned()]));
        // The time is a parameter like any other.
        assert!(refused(&west, &source, "timely", &[minutes("75"), token]).starts_with("IdempotentParameterMismatch"));
        for wrong in ["0", "14", "50", "2895"] {
            let refusal = refused(&west, &source, "never", &[minutes(wrong)]);
            let told = format!("InvalidParameterValue: Invalid value '{wrong}' for SnapshotCopyCompletionDurationMinutes");
            assert!(refusal.starts_with(&told), "{refusal}");
        }
    }

    #[test]
    fn a_client_token_makes_one_copy_of_two_calls() {
        let ec2 = Client::of_example();
        let west = ec2.in_region("us-west-2");
        let source = ec2.available_image(WEB, "nightly");
        let token = ("ClientToken", "once");
        let copied = copy(&west, &source, "nightly", &[token]);
        west.wait(600);
        assert_eq!(copy(&west, &source, "nightly", &[token]), copied);
        assert_eq!(west.sim.world().region("us-west-2").images.len(), 1);
        assert_snapshot!(
            refused(&west, &source, "other", &[token]),
            @"IdempotentParameterMismatch: Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
        );
        // A token is good for one region, and a day.
        assert_ne!(copy(&ec2.in_region("us-east-2"), &source, "nightly", &[token]), copied);
        west.wait(24 * 3600);
        assert!(refused(&west, &source, "nightly", &[token]).starts_with("InvalidAMIName.Duplicate"));
    }

    #[test]
    fn a_token_is_remembered_for_as_long_as_one_likes() {
        let ec2 = Client::of_example();
        ec2.sim.world().manners.tokens_remembered = SignedDuration::from_secs(600);
        let source = ec2.available_image(WEB, "nightly");
        let west = ec2.in_region("us-west-2");
        let token = ("ClientToken", "once");
        let copied = copy(&west, &source, "nightly", &[token]);
        west.wait(599);
        assert_eq!(copy(&west, &source, "nightly", &[token]), copied);
        west.wait(1);
        assert!(refused(&west, &source, "nightly", &[token]).starts_with("InvalidAMIName.Duplicate"));
    }

    #[test]
    fn either_tag_may_win_where_both_name_the_key() {
        for (copied_tags_win, team) in [(false, "red"), (true, "blue")] {
            let ec2 = Client::of_example();
            ec2.sim.world().manners.copied_tags_win = copied_tags_win;
            let source = ec2.available_image(WEB, "nightly");
            ec2.ok("CreateTags", &[("ResourceId.1", &source), ("Tag.1.Key", "team"), ("Tag.1.Value", "blue")]);
            let more = [
                ("CopyImageTags", "true"),
                ("TagSpecification.1.ResourceType", "image"),
                ("TagSpecification.1.Tag.1.Key", "team"),
                ("TagSpecification.1.Tag.1.Value", "red"),
            ];
            assert_eq!(ec2.image(&copy(&ec2, &source, "copy", &more)).tags["team"], team);
        }
    }

    #[test]
    fn image_tags_are_copied_on_request_and_snapshot_tags_never() {
        let ec2 = Client::of_example();
        let source = ec2.available_image(WEB, "nightly");
        let snapshot = ec2.snapshots_of(&source)[0].id.to_string();
        let resources = [("ResourceId.1", &source[..]), ("ResourceId.2", &snapshot)];
        ec2.ok("CreateTags", &[&resources[..], &[("Tag.1.Key", "team"), ("Tag.1.Value", "blue")]].concat());

        let west = ec2.in_region("us-west-2");
        let plain = copy(&west, &source, "plain", &[]);
        assert!(west.image(&plain).tags.is_empty());
        let more = [
            ("CopyImageTags", "true"),
            ("TagSpecification.1.ResourceType", "image"),
            ("TagSpecification.1.Tag.1.Key", "kept"),
            ("TagSpecification.1.Tag.1.Value", "long"),
        ];
        let tagged = copy(&west, &source, "tagged", &more);
        assert_eq!(west.image(&tagged).tags["team"], "blue");
        assert_eq!(west.image(&tagged).tags["kept"], "long");
        assert!(west.snapshots_of(&tagged)[0].tags.is_empty());
    }

    #[test]
    fn a_key_that_cannot_be_used_is_noticed_much_later() {
        let ec2 = Client::of_example();
        let source = ec2.available_image(WEB, "nightly");
        let encrypted = [("Encrypted", "true"), ("KmsKeyId", "1234abcd-12ab-34cd-56ef-1234567890ab")];
        let west = ec2.in_region("us-west-2");
        let good = copy(&west, &source, "good", &encrypted);
        // Keys are regional.
        let east = ec2.in_region("us-east-2");
        let bad = copy(&east, &source, "bad", &encrypted);
        ec2.wait(600);
        assert_eq!(west.image(&good).state.to_string(), "available");
        assert!(west.snapshots_of(&good)[0].encrypted);

        let images = east.ok("DescribeImages", &[("ImageId.1", &bad)]);
        assert_eq!(images.text("imageState"), "failed");
        assert_eq!(images.text("message"), "Given key ID is not accessible");
        let snapshots = east.ok("DescribeSnapshots", &[("Owner.1", "self")]);
        assert_eq!(snapshots.text("status"), "error");
        assert_eq!(snapshots.text("statusMessage"), "Given key ID is not accessible");
    }

    #[test]
    fn one_snapshot_that_fails_makes_the_whole_copy_fail() {
        let ec2 = Client::of_example();
        let west = ec2.in_region("us-west-2");
        let source = ec2.available_image(DB, "nightly");
        let copied = copy(&west, &source, "nightly", &[]);
        let [_, second, _] = &west.snapshots_of(&copied)[..] else { panic!("three volumes") };
        let message = Some("Given key ID is not accessible".to_owned());
        west.sim.world().region_mut("us-west-2").snapshots.get_mut(&second.id).unwrap().fails_with = message;
        west.wait(600);
        let states: Vec<String> = west.snapshots_of(&copied).iter().map(|snapshot| snapshot.state.to_string()).collect();
        assert_eq!(states, ["completed", "error", "completed"]);
        let described = west.ok("DescribeImages", &[("ImageId.1", &copied)]);
        let reason = [described.text("imageState"), described.text("code"), described.text("message")];
        assert_eq!(reason, ["failed", "Server.InternalError", "Given key ID is not accessible"]);
    }

    #[test]
    fn what_is_encrypted_stays_encrypted() {
        let ec2 = Client::of_example();
        let source = ec2.available_image(WEB, "nightly");
        let encrypted = copy(&ec2, &source, "encrypted", &[("Encrypted", "true")]);
        ec2.wait(600);
        let kept = copy(&ec2, &encrypted, "still encrypted", &[]);
        assert!(ec2.snapshots_of(&kept)[0].encrypted);
        let message = refused(&ec2, &encrypted, "in the clear", &[("Encrypted", "false")]);
        assert!(message.starts_with("InvalidRequest: Snapshot snap-"), "{message}");
        assert_snapshot!(
            refused(&ec2, &source, "half said", &[("KmsKeyId", "alias/aws/ebs")]),
            @"InvalidParameterCombination: The parameter KmsKeyId requires the parameter Encrypted to be set."
        );
    }

    #[test]
    fn what_is_encrypted_may_not_go_into_another_region_unless_asked_to_be_encrypted_there() {
        let ec2 = Client::of_example();
        ec2.sim.world().manners.copies_encrypted_unasked = false;
        let source = ec2.available_image(WEB, "nightly");
        let encrypted = copy(&ec2, &source, "encrypted", &[("Encrypted", "true")]);
        ec2.wait(600);
        let west = ec2.in_region("us-west-2");
        assert!(refused(&west, &encrypted, "unasked", &[]).starts_with("InvalidRequest: Snapshot snap-"));
        copy(&west, &encrypted, "asked", &[("Encrypted", "true")]);
        // What is not encrypted goes anywhere, and the key is still here.
        copy(&west, &source, "in the clear", &[]);
        copy(&ec2, &encrypted, "here", &[]);
    }

    #[test]
    fn a_failed_copy_may_lose_its_name_and_tags() {
        let mut world = World::example(1, noon());
        world.fail_next.copy.push("Copy image failed with an internal error".into());
        world.manners.failed_copies_nameless = true;
        let ec2 = Client::of(world);
        let west = ec2.in_region("us-west-2");
        let source = ec2.available_image(WEB, "nightly");
        let failed = copy(&west, &source, "nightly", &[]);
        west.wait(600);
        let described = west.ok("DescribeImages", &[("ImageId.1", &failed)]);
        assert_eq!(described.text("imageState"), "failed");
        assert_eq!(described.text("sourceImageId"), source);
        assert_eq!(described.texts("name"), [""; 0]);
        copy(&west, &source, "nightly", &[]);
    }

    #[test]
    fn a_source_that_goes_may_take_its_copies_along() {
        for (outlives, end) in [(true, "available"), (false, "failed")] {
            let mut world = World::example(1, noon());
            world.manners.copies_outlive_source = outlives;
            let ec2 = Client::of(world);
            let west = ec2.in_region("us-west-2");
            let source = ec2.available_image(WEB, "nightly");
            let copied = copy(&west, &source, "nightly", &[]);
            ec2.ok("DeregisterImage", &[("ImageId", &source)]);
            ec2.wait(600);
            assert_eq!(west.image(&copied).state.to_string(), end);
        }
    }

    #[test]
    fn copies_at_a_time_are_limited() {
        let mut world = World::example(1, noon());
        world.manners.concurrent_snapshot_copies = Some(1);
        let ec2 = Client::of(world);
        let source = ec2.in_region("eu-west-1").available_image(MAIL, "nightly");
        let params = |name| [("SourceRegion", "eu-west-1"), ("SourceImageId", &source[..]), ("Name", name)];
        ec2.ok("CopyImage", &params("one"));
        assert_snapshot!(
            ec2.error("CopyImage", &params("two")),
            @"ResourceLimitExceeded: Too many snapshot copies in progress. The limit is 1 for this destination region."
        );
        ec2.wait(600);
        ec2.ok("CopyImage", &params("two"));
    }

    #[test]
    fn an_image_of_more_snapshots_than_are_copied_at_a_time_is_copied_alone() {
        let mut world = World::example(1, noon());
        world.manners.concurrent_snapshot_copies = Some(2);
        let ec2 = Client::of(world);
        let west = ec2.in_region("us-west-2");
        let (one, three) = (ec2.available_image(WEB, "one"), ec2.available_image(DB, "three"));
        copy(&west, &one, "one", &[]);
        let params = [("SourceRegion", "us-east-1"), ("SourceImageId", &three[..]), ("Name", "three")];
        assert!(west.error("CopyImage", &params).contains("The limit is 2"));
        ec2.wait(600);
        west.ok("CopyImage", &params);
    }
}
