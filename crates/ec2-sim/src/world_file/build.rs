//! From what was written down to a world that holds together.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use toml::Spanned;

use super::holds::HoldsText;
use super::recycle_bin::ToBin;
use super::references::Builds;
use super::volume::{Entry, VolumeText};
use super::{AccountText, File, ImageText, InstanceText, RegionText, RoleText, SnapshotText};
use crate::clock::later;
use crate::copying;
use crate::id::{AccountId, ImageId, InstanceId, ReservationId, SnapshotId, VolumeId};
use crate::toml_file::{Instant, Length, Problem};
use crate::world::{
    Attachment, BlockDevice, Device, Ebs, Image, ImageState, Instance, InstanceState, OptInStatus, Origin, Region, Role, START_DURATION,
    STOP_DURATION, Snapshot, SnapshotState, StateReason, Tags, Volume, World,
};

/// An instance of which nothing is said has been running that long.
const UPTIME: SignedDuration = SignedDuration::from_hours(30 * 24);
/// A terminated instance is described for about an hour.
const TERMINATED_LINGERS: SignedDuration = SignedDuration::from_hours(1);
const ROOT: &str = "/dev/sda1";

pub(super) struct Builder<'t> {
    text: &'t str,
    pub(super) world: World,
    pub(super) to_bin: ToBin,
    /// The names that images have already, in which account and region.
    image_names: HashSet<(AccountId, String, String)>,
}

/// A device of an image to be, and what is known of where it comes from.
struct Planned {
    device: String,
    volume: VolumeText,
    delete_on_termination: bool,
    of_volume: Option<VolumeId>,
    copy_of: Option<SnapshotId>,
}

impl<'t> Builder<'t> {
    pub(super) fn new(text: &'t str, clock: Timestamp, file: &File) -> Self {
        let mut world = World::new(file.seed, clock);
        world.speed = file.speed;
        world.manners = file.manners.clone();
        world.fail_next = file.fail_next.clone();
        Self { text, world, to_bin: ToBin::default(), image_names: HashSet::new() }
    }

    pub(super) fn build(mut self, file: File) -> Result<World, Problem> {
        for account in file.account {
            self.account(account);
        }
        for role in file.role {
            self.role(role)?;
        }
        for region in file.region {
            self.region(region)?;
        }
        for instance in file.instance {
            self.instance(instance)?;
        }
        for snapshot in file.snapshot {
            self.snapshot(snapshot)?;
        }
        for image in file.image {
            self.image(image)?;
        }
        for rule in file.retention_rule {
            self.retention_rule(rule)?;
        }
        for template in file.launch_template {
            self.launch_template(template)?;
        }
        for configuration in file.launch_configuration {
            self.launch_configuration(configuration)?;
        }
        for parameter in file.parameter {
            self.parameter(parameter)?;
        }
        for recipe in file.image_recipe {
            self.recipe(Builds::Images, recipe)?;
        }
        for recipe in file.container_recipe {
            self.recipe(Builds::Containers, recipe)?;
        }
        if let Some(named) = file.metadata_instance {
            self.world.metadata_instance = Some(self.metadata_instance(&named)?);
        }
        self.fill_bins()?;
        let clock = self.world.clock;
        // What is due by now has long been so: no read is to see it as it is written here.
        let stale_reads = std::mem::take(&mut self.world.manners.stale_reads);
        self.world.settle(clock);
        self.world.manners.stale_reads = stale_reads;
        Ok(self.world)
    }

    fn metadata_instance(&self, named: &Spanned<String>) -> Result<InstanceId, Problem> {
        let name = named.get_ref();
        let mut instances = self.regions().flat_map(|(_, _, region)| region.instances.values());
        let found = instances.find(|instance| is_called(instance, name)).map(|instance| instance.id.clone());
        found.ok_or_else(|| self.problem(named.span(), &format!("there is no instance `{name}`, expected the name or the id of one")))
    }

    fn account(&mut self, text: AccountText) {
        for key in text.access_keys {
            self.world.access_keys.insert(key, text.id.clone());
        }
        self.world.accounts.entry(text.id).or_default().denied_actions.extend(text.denied_actions);
    }

    fn role(&mut self, text: RoleText) -> Result<(), Problem> {
        let name = text.name.get_ref();
        if !Role::is_name(name) {
            let message = format!("`{name}` is no name of a role, expected 64 letters, digits and _+=,.@- at most");
            return Err(self.problem(text.name.span(), &message));
        }
        let mut role = Role { trusts: text.trusts, denied_actions: text.denied_actions, ..Role::default() };
        if let Some(path) = text.path {
            if !Role::is_path(path.get_ref()) {
                let message = format!("`{}` is no path, expected one such as /backup/", path.get_ref());
                return Err(self.problem(path.span(), &message));
            }
            role.path = path.into_inner();
        }
        if let Some(external_id) = text.external_id {
            if !Role::is_external_id(external_id.get_ref()) {
                let message = format!("`{}` is no external id, expected two or more letters, digits and _+=,.@:/-", external_id.get_ref());
                return Err(self.problem(external_id.span(), &message));
            }
            role.external_id = Some(external_id.into_inner());
        }
        if let Some(longest) = text.max_session_duration {
            role.max_session_duration = longest.get_ref().0;
            if !Role::MAX_SESSION_DURATIONS.contains(&role.max_session_duration) {
                return Err(self.problem(longest.span(), "sessions of a role may last from 1h to 12h at most"));
            }
        }
        let roles = &mut self.world.accounts.entry(text.account.clone()).or_default().roles;
        if roles.insert(name.clone(), role).is_some() {
            return Err(self.problem(text.name.span(), &format!("there is another role `{name}` in account {}", text.account)));
        }
        Ok(())
    }

    fn region(&mut self, text: RegionText) -> Result<(), Problem> {
        let name = self.region_name(&text.name)?;
        if let (Some(enabled), Some(facts)) = (text.enabled, self.world.regions.get_mut(&name)) {
            facts.opt_in_status = match (enabled, facts.opt_in_status) {
                (true, OptInStatus::NotOptedIn) => OptInStatus::OptedIn,
                (true, open) => open,
                (false, _) => OptInStatus::NotOptedIn,
            };
        }
        if !text.kms_keys.is_empty() {
            self.world.region_of_mut(&text.account, &name).kms_keys.extend(text.kms_keys);
        }
        Ok(())
    }

    fn instance(&mut self, text: InstanceText) -> Result<(), Problem> {
        let region = self.region_name(&text.region)?;
        let zone = self.zone(&region, text.zone.as_ref())?;
        let since = self.since(text.created.as_ref(), text.age, UPTIME)?;
        let id = self.id(text.id, InstanceId::mint, |region, id| region.instances.contains_key(id))?;
        let number = self.regions().map(|(_, _, region)| region.instances.len()).sum::<usize>() + 10;
        let clock = self.world.clock;
        let state = text.state.unwrap_or(InstanceState::Running);
        let mut tags = text.tags;
        if let Some(name) = text.name {
            tags.insert("Name".to_owned(), name);
        }
        let mut instance = Instance {
            id: id.clone(),
            image_id: text.image.map_or_else(|| "ami-12345678".parse().map_err(|_| self.nowhere("no public image")), Ok)?,
            reservation_id: ReservationId::mint(&mut self.world.ids),
            launch_index: 0,
            instance_type: text.instance_type,
            state,
            next_state_at: match state {
                InstanceState::Running | InstanceState::Stopped => None,
                InstanceState::Pending => Some(later(clock, START_DURATION)),
                InstanceState::Stopping | InstanceState::ShuttingDown => Some(later(clock, STOP_DURATION)),
                InstanceState::Terminated => Some(later(clock, TERMINATED_LINGERS)),
            },
            launched: since,
            availability_zone: zone.clone(),
            private_ip: text.private_ip.unwrap_or_else(|| format!("172.31.{}.{}", number / 256 % 256, number % 256)),
            architecture: text.architecture,
            boot_mode: None,
            root_device_name: ROOT.to_owned(),
            devices: BTreeMap::new(),
            reboots: Vec::new(),
            tags,
        };
        // The volumes of a terminated instance went with it.
        if state != InstanceState::Terminated {
            let volumes = self.volumes(text.volumes, &text.region)?;
            for (device, volume) in volumes.unwrap_or_else(|| vec![(ROOT.to_owned(), VolumeText::of_size(8))]) {
                let volume_id = match volume.id {
                    Some(id) if self.regions().any(|(_, _, region)| region.volumes.contains_key(&id)) => {
                        return Err(self.problem(text.region.span(), &format!("the id `{id}` is taken")));
                    }
                    Some(id) => id,
                    None => VolumeId::mint(&mut self.world.ids),
                };
                let delete_on_termination = volume.delete_on_termination.unwrap_or(device == ROOT);
                let attachment = Attachment { instance_id: id.clone(), device: device.clone(), since, delete_on_termination };
                let held = Volume {
                    id: volume_id.clone(),
                    size_gib: volume.size,
                    volume_type: volume.volume_type,
                    encrypted: volume.encrypted,
                    kms_key_id: volume.kms_key_id,
                    availability_zone: zone.clone(),
                    snapshot_id: volume.snapshot,
                    created: since,
                    attachment: Some(attachment),
                    last_snapshot: None,
                    tags: volume.tags,
                };
                self.world.region_of_mut(&text.account, &region).volumes.insert(volume_id.clone(), held);
                instance.devices.insert(device, Device { volume_id, delete_on_termination, attached: since });
            }
        }
        self.world.region_of_mut(&text.account, &region).instances.insert(id, instance);
        Ok(())
    }

    fn snapshot(&mut self, text: SnapshotText) -> Result<(), Problem> {
        let region = self.region_name(&text.region)?;
        let started = self.since(text.created.as_ref(), text.age, SignedDuration::ZERO)?;
        let id = self.id(text.id, SnapshotId::mint, |region, id| region.snapshots.contains_key(id))?;
        let volume_id = text.volume.unwrap_or_else(|| VolumeId::mint(&mut self.world.ids));
        let state = text.state.unwrap_or(SnapshotState::Completed);
        let ends = if state == SnapshotState::Pending { text.ready.map_or(Timestamp::MAX, |ready| ready.0) } else { started };
        let mut snapshot = snapshot(id, text.account.clone(), volume_id, text.size, started, ends);
        snapshot.description = text.description;
        snapshot.state = state;
        snapshot.state_message = text.message;
        snapshot.progress = if state == SnapshotState::Completed { 100 } else { 0 };
        snapshot.encrypted = text.encrypted;
        snapshot.kms_key_id = text.kms_key_id;
        snapshot.tags = text.tags;
        let holds = HoldsText {
            tier: text.tier,
            tiering: text.tiering,
            lock: text.lock,
            public: text.public,
            shared_with: text.shared_with,
            managed_by: text.managed_by,
            in_bin: text.in_bin,
        };
        self.hold(&mut snapshot, &region, &holds)?;
        self.world.region_of_mut(&text.account, &region).snapshots.insert(snapshot.id.clone(), snapshot);
        Ok(())
    }

    fn image(&mut self, mut text: ImageText) -> Result<(), Problem> {
        let region = self.region_name(&text.region)?;
        let name = text.name.get_ref();
        if !name.is_empty() && !self.image_names.insert((text.account.clone(), region.clone(), name.clone())) {
            return Err(self.problem(text.name.span(), &format!("there is another image `{name}` in {region}")));
        }
        let created = self.since(text.created.as_ref(), text.age, SignedDuration::ZERO)?;
        let id = self.id(text.id.take(), ImageId::mint, |region, id| region.images.contains_key(id))?;
        let state = text.state.unwrap_or(ImageState::Available);
        if let Some(reason) = &text.reason
            && state != ImageState::Failed
        {
            return Err(self.problem(reason.span(), "only an image with state = \"failed\" has a reason"));
        }
        let last_launched = text.last_launched.as_ref().map(|at| self.since(Some(at), None, SignedDuration::ZERO)).transpose()?;
        let (origin, planned, architecture) = self.origin(&mut text, &region)?;
        let ends = if state == ImageState::Pending { text.ready.map_or(Timestamp::MAX, |ready| ready.0) } else { created };
        let mut devices = Vec::new();
        for planned in planned {
            devices.push(self.device(planned, &id, &origin, &text, &region, (created, ends, state))?);
        }
        // What else an image has is as it is with the public one.
        let public = Image::published_by_amazon().ok_or_else(|| self.nowhere("no public image"))?;
        let image = Image {
            id: id.clone(),
            owner: text.account.clone(),
            owner_alias: None,
            name: text.name.into_inner(),
            description: text.description,
            state,
            state_reason: match (state, text.reason) {
                (ImageState::Failed, Some(reason)) => Some(reason.into_inner()),
                (ImageState::Failed, None) => Some(StateReason::from("Internal error")),
                (ImageState::Pending | ImageState::Available | ImageState::Disabled, _) => None,
            },
            created,
            visible_from: created,
            mapped_from: created,
            ends,
            fails_with: None,
            origin,
            architecture: text.architecture.or(architecture).unwrap_or_else(super::usual_architecture),
            root_device_name: ROOT.to_owned(),
            devices,
            public: text.public,
            launch_permissions: text.shared_with,
            deregistration_protection: text.protected.0,
            deprecation_time: text.deprecated.map(|at| at.0),
            managed_by: text.managed_by,
            launches: last_launched.into_iter().collect(),
            tags: text.tags,
            ..public
        };
        if let Some(in_bin) = &text.in_bin {
            self.bin_image(&image, &region, in_bin)?;
        }
        self.world.region_of_mut(&text.account, &region).images.insert(id, image);
        Ok(())
    }

    /// What an image was made from, the devices it then has, and the architecture.
    fn origin(&self, text: &mut ImageText, region: &str) -> Result<(Origin, Vec<Planned>, Option<String>), Problem> {
        let written = self.volumes(text.volumes.take(), &text.region)?;
        match (&text.of, &text.copy_of) {
            (Some(_), Some(copy_of)) => {
                Err(self.problem(copy_of.span(), "an image is made `of` an instance or is a `copy_of` an image, not both"))
            }
            (Some(of), None) => {
                let held = self.world.region_of(&text.account, region);
                let by_name = || held.instances.values().find(|instance| is_called(instance, of.get_ref()));
                let instance = held.instances.get(of.get_ref().as_str()).or_else(by_name);
                let id = instance.map(|instance| instance.id.clone()).or_else(|| of.get_ref().parse().ok());
                let id = id.ok_or_else(|| {
                    let message = "expected the name or the id of one, or the id of one that is gone";
                    self.problem(of.span(), &format!("there is no instance `{}` in {region}, {message}", of.get_ref()))
                })?;
                let own = instance
                    .into_iter()
                    .flat_map(|instance| &instance.devices)
                    .filter_map(|(name, device)| Some((name.clone(), device, held.volumes.get(&device.volume_id)?)));
                let own: Vec<Planned> = own
                    .map(|(device, attached, volume)| Planned {
                        device,
                        volume: VolumeText {
                            volume_type: volume.volume_type.clone(),
                            encrypted: volume.encrypted,
                            kms_key_id: volume.kms_key_id.clone(),
                            ..VolumeText::of_size(volume.size_gib)
                        },
                        delete_on_termination: attached.delete_on_termination,
                        of_volume: Some(volume.id.clone()),
                        copy_of: None,
                    })
                    .collect();
                Ok((Origin::Instance(id), merged(written, own), instance.map(|instance| instance.architecture.clone())))
            }
            (None, Some(copy_of)) => {
                let (image_id, source_region, source) = self.source(copy_of, text.copied_from.as_ref(), &text.account)?;
                let own =
                    source.into_iter().flat_map(|image| &image.devices).filter_map(|device| Some((device.device_name(), device.ebs()?)));
                let own: Vec<Planned> = own
                    .map(|(device, ebs)| Planned {
                        device: device.to_owned(),
                        volume: VolumeText {
                            volume_type: ebs.volume_type.clone(),
                            encrypted: ebs.encrypted,
                            ..VolumeText::of_size(ebs.volume_size)
                        },
                        delete_on_termination: ebs.delete_on_termination,
                        of_volume: Some(VolumeId::of_no_volume()),
                        copy_of: ebs.snapshot_id.clone(),
                    })
                    .collect();
                let architecture = source.map(|image| image.architecture.clone());
                Ok((Origin::Copy { image_id, region: source_region }, merged(written, own), architecture))
            }
            (None, None) => Ok((Origin::Registered, merged(written, Vec::new()), None)),
        }
    }

    /// The image that another one is a copy of, and its region: one that is written further up, or is gone.
    fn source(
        &self,
        named: &Spanned<String>,
        region: Option<&Spanned<String>>,
        account: &AccountId,
    ) -> Result<(ImageId, String, Option<&Image>), Problem> {
        let region = region.map(|region| self.region_name(region)).transpose()?;
        let name = named.get_ref();
        let mut found = self
            .regions()
            .filter(|(owner, place, _)| *owner == account && region.as_ref().is_none_or(|region| region == place))
            .flat_map(|(_, place, held)| held.images.values().map(move |image| (place, image)))
            .filter(|(_, image)| image.id == name.as_str() || image.name == *name);
        let first = found.next();
        if found.next().is_some() {
            return Err(self
                .problem(named.span(), &format!("there are several images `{name}`, expected its id, or `copied_from` with its region")));
        }
        match (first, name.parse(), region) {
            (Some((place, image)), _, _) => Ok((image.id.clone(), place.to_owned(), Some(image))),
            (None, Ok(id), Some(region)) => Ok((id, region, None)),
            (None, Ok(_), None) => Err(self.problem(
                named.span(),
                &format!("there is no image `{name}` further up; if it is gone, say where it was: copied_from = \"us-east-1\""),
            )),
            (None, Err(_), _) => Err(self.problem(
                named.span(),
                &format!("there is no image `{name}` further up, expected the name or the id of one, or the id of one that is gone"),
            )),
        }
    }

    /// A device of an image, with its snapshot: one that is there already, or one for it.
    fn device(
        &mut self,
        planned: Planned,
        image: &ImageId,
        origin: &Origin,
        text: &ImageText,
        region: &str,
        (created, ends, state): (Timestamp, Timestamp, ImageState),
    ) -> Result<BlockDevice, Problem> {
        let Planned { device, volume, delete_on_termination, of_volume, copy_of } = planned;
        if volume.id.is_some() {
            return Err(self.problem(text.region.span(), "the volumes of an image have no `id`, expected `snapshot`"));
        }
        let there = |id: &&SnapshotId| self.world.region_of(&text.account, region).snapshots.contains_key(*id);
        let snapshot_id = if let Some(id) = volume.snapshot.as_ref().filter(there) {
            id.clone()
        } else {
            let id = volume.snapshot.unwrap_or_else(|| SnapshotId::mint(&mut self.world.ids));
            if self.regions().any(|(_, _, region)| region.snapshots.contains_key(&id)) {
                return Err(self.problem(text.region.span(), &format!("the snapshot `{id}` is in another region or account")));
            }
            let volume_id = of_volume.unwrap_or_else(|| VolumeId::mint(&mut self.world.ids));
            let mut snapshot = snapshot(id.clone(), text.account.clone(), volume_id, volume.size, created, ends);
            snapshot.description = match origin {
                Origin::Instance(instance) => format!("Created by CreateImage({instance}) for {image}"),
                Origin::Copy { image_id, .. } => {
                    let original = copy_of.unwrap_or_else(|| SnapshotId::mint(&mut self.world.ids));
                    copying::description(image, image_id, &original, created)
                }
                Origin::Registered => String::new(),
            };
            if state == ImageState::Pending {
                snapshot.state = SnapshotState::Pending;
                snapshot.progress = 0;
            }
            snapshot.encrypted = volume.encrypted;
            snapshot.kms_key_id = volume.kms_key_id;
            snapshot.tags = text.snapshot_tags.clone();
            snapshot.tags.extend(volume.tags);
            self.hold(&mut snapshot, region, &text.snapshots)?;
            self.world.region_of_mut(&text.account, region).snapshots.insert(id.clone(), snapshot);
            id
        };
        let ebs = Ebs {
            snapshot_id: Some(snapshot_id),
            volume_size: volume.size,
            volume_type: volume.volume_type,
            delete_on_termination,
            encrypted: volume.encrypted,
        };
        Ok(BlockDevice::Ebs { device_name: device, ebs })
    }

    /// The volumes as they were written, each with its device.
    fn volumes(&self, written: Option<Vec<Spanned<Entry>>>, owner: &Spanned<String>) -> Result<Option<Vec<(String, VolumeText)>>, Problem> {
        let Some(written) = written else { return Ok(None) };
        if written.is_empty() {
            return Err(self.problem(owner.span(), "`volumes` is empty, expected one volume at least, such as volumes = [8]"));
        }
        let mut taken = BTreeSet::new();
        let mut volumes = Vec::new();
        for (entry, usual) in written.into_iter().zip(device_names()) {
            let span = entry.span();
            let Entry(volume) = entry.into_inner();
            if volume.size == 0 {
                return Err(self.problem(span, "a volume has 1 GiB at least"));
            }
            let device = volume.device.clone().unwrap_or(usual);
            if !taken.insert(device.clone()) {
                return Err(self.problem(span, &format!("there are two volumes at {device}")));
            }
            volumes.push((device, volume));
        }
        Ok(Some(volumes))
    }

    pub(super) fn region_name(&self, named: &Spanned<String>) -> Result<String, Problem> {
        let name = named.get_ref();
        if self.world.regions.contains_key(name) {
            Ok(name.clone())
        } else {
            Err(self.problem(named.span(), &format!("there is no region `{name}`, expected one such as us-east-1")))
        }
    }

    fn zone(&self, region: &str, named: Option<&Spanned<String>>) -> Result<String, Problem> {
        let Some(named) = named else { return Ok(format!("{region}a")) };
        let zones = self.world.regions.get(region).map_or(&[][..], |facts| &facts.zones);
        match zones.iter().find(|zone| zone.name == *named.get_ref()) {
            Some(zone) => Ok(zone.name.clone()),
            None => {
                let names: Vec<&str> = zones.iter().map(|zone| zone.name.as_str()).collect();
                let message = format!("there is no zone `{}` in {region}, expected one of {}", named.get_ref(), names.join(", "));
                Err(self.problem(named.span(), &message))
            }
        }
    }

    /// Since when something is there.
    pub(super) fn since(
        &self,
        created: Option<&Spanned<Instant>>,
        age: Option<Length>,
        usual: SignedDuration,
    ) -> Result<Timestamp, Problem> {
        let clock = self.world.clock;
        match (created, age) {
            (Some(created), Some(_)) => Err(self.problem(created.span(), "expected `created` or `age`, not both")),
            (Some(created), None) if created.get_ref().0 > clock => {
                Err(self.problem(created.span(), &format!("this is still to come, for the clock stands at {clock}")))
            }
            (Some(created), None) => Ok(created.get_ref().0),
            (None, age) => Ok(age.unwrap_or(Length(usual)).before(clock)),
        }
    }

    /// The id that was given, if it is free, or a new one.
    pub(super) fn id<I: std::fmt::Display>(
        &mut self,
        given: Option<Spanned<I>>,
        mint: impl Fn(&mut crate::id::Ids) -> I,
        holds: impl Fn(&Region, &I) -> bool,
    ) -> Result<I, Problem> {
        let taken =
            |world: &World, id: &I| world.accounts.values().flat_map(|account| account.regions.values()).any(|region| holds(region, id));
        match given {
            Some(given) if taken(&self.world, given.get_ref()) || given.get_ref().to_string() == "ami-12345678" => {
                Err(self.problem(given.span(), &format!("the id `{}` is taken", given.get_ref())))
            }
            Some(given) => Ok(given.into_inner()),
            None => loop {
                let id = mint(&mut self.world.ids);
                if !taken(&self.world, &id) {
                    break Ok(id);
                }
            },
        }
    }

    pub(super) fn regions(&self) -> impl Iterator<Item = (&AccountId, &str, &Region)> {
        self.world
            .accounts
            .iter()
            .flat_map(|(account, held)| held.regions.iter().map(move |(name, region)| (account, name.as_str(), region)))
    }

    pub(super) fn problem(&self, at: Range<usize>, message: &str) -> Problem {
        Problem::new(self.text, at, message)
    }

    fn nowhere(&self, message: &str) -> Problem {
        self.problem(0..0, message)
    }
}

fn is_called(instance: &Instance, name: &str) -> bool {
    instance.id == name || instance.tags.get("Name").is_some_and(|own| own == name)
}

/// What was written, with what is known of the same device; or else what is known, or one small volume.
fn merged(written: Option<Vec<(String, VolumeText)>>, own: Vec<Planned>) -> Vec<Planned> {
    let of = |device: String, volume: VolumeText, own: Option<&Planned>| Planned {
        delete_on_termination: volume.delete_on_termination.unwrap_or(own.map_or(device == ROOT, |own| own.delete_on_termination)),
        of_volume: own.and_then(|own| own.of_volume.clone()),
        copy_of: own.and_then(|own| own.copy_of.clone()),
        device,
        volume,
    };
    match written {
        Some(written) => written
            .into_iter()
            .map(|(device, volume)| {
                let own = own.iter().find(|own| own.device == device);
                of(device, volume, own)
            })
            .collect(),
        None if own.is_empty() => vec![of(ROOT.to_owned(), VolumeText::of_size(8), None)],
        None => own,
    }
}

/// `/dev/sda1`, `/dev/sdf` to `/dev/sdp`, and then `/dev/xvdba` and so on.
fn device_names() -> impl Iterator<Item = String> {
    let usual = std::iter::once(ROOT.to_owned()).chain(('f'..='p').map(|letter| format!("/dev/sd{letter}")));
    usual.chain(('b'..='z').flat_map(|first| ('a'..='z').map(move |second| format!("/dev/xvd{first}{second}"))))
}

/// A completed snapshot without anything particular about it.
fn snapshot(id: SnapshotId, owner: AccountId, volume_id: VolumeId, volume_size: u32, started: Timestamp, ends: Timestamp) -> Snapshot {
    Snapshot {
        id,
        owner,
        volume_id,
        volume_size,
        description: String::new(),
        state: SnapshotState::Completed,
        state_message: None,
        progress: 100,
        started,
        visible_from: started,
        ends,
        fails_with: None,
        delete_at_end: false,
        encrypted: false,
        kms_key_id: None,
        completion_minutes: None,
        storage_tier: "standard".to_owned(),
        tiering: None,
        lock: None,
        public: false,
        create_volume_permissions: [].into(),
        managed_by: None,
        tags: Tags::new(),
    }
}
