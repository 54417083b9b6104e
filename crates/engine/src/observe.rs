//! Looks at EC2. Every listing is read to its last page or not believed at all.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::operation::describe_images::builders::DescribeImagesFluentBuilder;
use aws_sdk_ec2::types::{self, Filter};
use jiff::Timestamp;
use planner::evidence::Evidence;
use planner::id::{AccountId, ImageId, InstanceId, InvalidId, Region, SnapshotId};
use planner::inventory::{Image, ImageState, Inventory, RegionView, Scope, Snapshot};
use planner::tags::{ExpireTag, Mark, OUR_MARK, TagKeys, Tags};

use crate::account::Account;
use crate::call::Call;
use crate::description::{self, ImageDescription, SnapshotDescription};
use crate::limits::Listing;
use crate::outcome::{Class, Failure};
use crate::reading::Step;
use crate::translate::{self, Instance};

/// Images and snapshots a page: the most that EC2 is known to take (ec2-semantics 5.4).
const PAGE: i32 = 1000;
/// So often a listing is begun.
const BEGINNINGS: u32 = 3;
/// Values one filter may hold (ec2-semantics 5.1, from memory there; smaller is always right).
const FILTER_VALUES: usize = 200;

/// A whole region, and the full descriptions of what may have to be deleted there.
#[derive(Debug)]
pub(crate) struct WholeRegion {
    pub(crate) view: RegionView,
    pub(crate) images: BTreeMap<ImageId, ImageDescription>,
    pub(crate) snapshots: BTreeMap<SnapshotId, SnapshotDescription>,
}

/// The regions that are enabled for the account, asked of `asked`.
pub(crate) async fn enabled_regions(account: &Account, asked: &Region) -> Result<BTreeSet<Region>, Failure> {
    let answer = account.ec2(asked).describe_regions().all_regions(false).send().await;
    let answer = answer.map_err(|error| Failure::new(Call::DescribeRegions, asked, &error))?;
    // Some endpoints list regions that are not enabled all the same, so each is asked what it is.
    let enabled = answer.regions().iter().filter(|region| region.opt_in_status() != Some("not-opted-in"));
    let regions = enabled.map(|region| region.region_name().unwrap_or_default().parse::<Region>()).collect::<Result<BTreeSet<_>, _>>();
    let regions = regions.map_err(|invalid| Failure::malformed(Call::DescribeRegions, asked, invalid))?;
    if regions.is_empty() {
        return Err(Failure::malformed(Call::DescribeRegions, asked, "no region is enabled"));
    }
    Ok(regions)
}

/// One instance; `None` if EC2 knows none of that id.
pub(crate) async fn instance(account: &Account, region: &Region, id: &InstanceId) -> Result<Option<Instance>, Failure> {
    let answer = account.ec2(region).describe_instances().instance_ids(id.as_str()).send().await;
    let answer = match answer.map_err(|error| Failure::new(Call::DescribeInstances, region, &error)) {
        Ok(answer) => answer,
        Err(failure) if failure.class == Class::Gone => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let mut instances = answer.reservations().iter().flat_map(types::Reservation::instances);
    let found = instances.find(|instance| instance.instance_id() == Some(id.as_str()));
    let found = found.map(|found| translate::instance(found, &mut TagKeys::default()));
    found.transpose().map_err(|invalid| Failure::malformed(Call::DescribeInstances, region, invalid))
}

/// All instances of a region, those that are gone and still listed included.
pub(crate) async fn instances(account: &Account, region: &Region) -> Result<Vec<Instance>, Failure> {
    from_the_beginning(|| async {
        let (mut instances, mut known, mut keys) = (Vec::new(), BTreeSet::new(), TagKeys::default());
        let request = account.ec2(region).describe_instances().max_results(PAGE);
        let mut pages = Pages::new(account, Call::DescribeInstances, region);
        loop {
            let page = request.clone().set_next_token(pages.token()).send().await;
            let page = page.map_err(|error| Failure::new(Call::DescribeInstances, region, &error))?;
            for instance in pages
                .list_by(page.reservations.as_deref(), |reservation| reservation.instances().len())?
                .iter()
                .flat_map(types::Reservation::instances)
            {
                let instance = translate::instance(instance, &mut keys)
                    .map_err(|invalid| Failure::malformed(Call::DescribeInstances, region, invalid))?;
                // What moves from one page to the next while they are read stands on both.
                if known.insert(instance.id.clone()) {
                    instances.push(instance);
                }
            }
            if !pages.turn(page.next_token())? {
                return Ok(instances);
            }
        }
    })
    .await
}

/// The volumes of a region: tags and size in GiB, by id.
pub(crate) async fn volumes(account: &Account, region: &Region) -> Result<BTreeMap<String, (Tags, u64)>, Failure> {
    from_the_beginning(|| async {
        let (mut volumes, mut keys) = (BTreeMap::new(), TagKeys::default());
        let request = account.ec2(region).describe_volumes().max_results(PAGE);
        let mut pages = Pages::new(account, Call::DescribeVolumes, region);
        loop {
            let page = request.clone().set_next_token(pages.token()).send().await;
            let page = page.map_err(|error| Failure::new(Call::DescribeVolumes, region, &error))?;
            for volume in pages.list(page.volumes.as_deref())? {
                let gib = volume.size().and_then(|gib| u64::try_from(gib).ok()).unwrap_or(0);
                volumes.insert(volume.volume_id().unwrap_or_default().to_owned(), (translate::tags(volume.tags(), &mut keys), gib));
            }
            if !pages.turn(page.next_token())? {
                return Ok(volumes);
            }
        }
    })
    .await
}

/// The backups of one instance.
pub(crate) async fn backups_of(account: &Account, region: &Region, instance: &InstanceId) -> Result<Vec<Image>, Failure> {
    images(account, region, &[("tag:Creator", &[OUR_MARK]), ("tag:Instance", &[instance.as_str()])]).await
}

/// All backups of a region.
pub(crate) async fn backups(account: &Account, region: &Region) -> Result<Vec<Image>, Failure> {
    images(account, region, &[("tag:Creator", &[OUR_MARK])]).await
}

/// The account's images of these names.
pub(crate) async fn images_named(account: &Account, region: &Region, names: &BTreeSet<String>) -> Result<Vec<Image>, Failure> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    images(account, region, &[("name", &names)]).await
}

/// These images of the account, as far as they are listed.
pub(crate) async fn images_of_ids(account: &Account, region: &Region, ids: &BTreeSet<ImageId>) -> Result<Vec<Image>, Failure> {
    let ids: Vec<&str> = ids.iter().map(ImageId::as_str).collect();
    let mut found = Vec::new();
    for ids in ids.chunks(FILTER_VALUES) {
        found.extend(images(account, region, &[("image-id", ids)]).await?);
    }
    Ok(found)
}

/// One image of the account, and its snapshots, as far as they are listed.
pub(crate) async fn image_and_snapshots(account: &Account, region: &Region, id: &ImageId) -> Result<RegionView, Failure> {
    let images = images(account, region, &[("image-id", &[id.as_str()])]).await?;
    let ids: BTreeSet<&SnapshotId> = images.iter().flat_map(Image::snapshots).collect();
    let snapshots = snapshots_of_ids(account, region, &ids, |seen| translate::snapshot(seen, &mut TagKeys::default())).await?;
    Ok(RegionView { scope: Scope::Partial, images, snapshots, evidence: Evidence::default() })
}

/// These snapshots of the account, as far as they are listed, and of each what somebody reads of it.
pub(crate) async fn snapshots_of_ids<T>(
    account: &Account,
    region: &Region,
    ids: &BTreeSet<&SnapshotId>,
    read: impl Fn(&types::Snapshot) -> Result<T, InvalidId>,
) -> Result<Vec<T>, Failure> {
    let ids: Vec<&SnapshotId> = ids.iter().copied().collect();
    let mut found = Vec::new();
    for ids in ids.chunks(FILTER_VALUES) {
        let values = ids.iter().map(ToString::to_string).collect();
        let filter = Filter::builder().name("snapshot-id").set_values(Some(values)).build();
        let request = account.ec2(region).describe_snapshots().owner_ids("self").filters(filter).max_results(PAGE);
        let listed = from_the_beginning(|| async {
            let (mut snapshots, mut pages) = (Vec::new(), Pages::new(account, Call::DescribeSnapshots, region));
            loop {
                let page = request.clone().set_next_token(pages.token()).send().await;
                let page = page.map_err(|error| Failure::new(Call::DescribeSnapshots, region, &error))?;
                for seen in pages.list(page.snapshots.as_deref())? {
                    snapshots.push(read(seen).map_err(|invalid| Failure::malformed(Call::DescribeSnapshots, region, invalid))?);
                }
                if !pages.turn(page.next_token())? {
                    return Ok(snapshots);
                }
            }
        });
        found.extend(listed.await?);
    }
    Ok(found)
}

/// Whether EC2 lists an image of the account as one that is there. Where it does not say, it is taken not to.
pub(crate) async fn is_listed(account: &Account, region: &Region, image: &ImageId) -> bool {
    let listed = images(account, region, &[("image-id", &[image.as_str()])]).await;
    listed.is_ok_and(|listed| listed.iter().any(|listed| listed.id == *image && listed.state != ImageState::Deregistered))
}

/// The account's images that are there and made of any of these snapshots.
pub(crate) async fn images_made_of(account: &Account, region: &Region, snapshots: &[SnapshotId]) -> Result<Vec<Image>, Failure> {
    let snapshots: Vec<&str> = snapshots.iter().map(SnapshotId::as_str).collect();
    let mut users = Vec::new();
    for snapshots in snapshots.chunks(FILTER_VALUES) {
        users.extend(images(account, region, &[("block-device-mapping.snapshot-id", snapshots)]).await?);
    }
    users.retain(|image| image.state != ImageState::Deregistered);
    Ok(users)
}

/// The copies, in this region, of images of another.
pub(crate) async fn copies_of(account: &Account, region: &Region, sources: &BTreeSet<ImageId>) -> Result<Vec<Image>, Failure> {
    let sources: Vec<&str> = sources.iter().map(ImageId::as_str).collect();
    let mut copies = Vec::new();
    for sources in sources.chunks(FILTER_VALUES) {
        copies.extend(images(account, region, &[("source-image-id", sources)]).await?);
    }
    Ok(copies)
}

/// Everything of the account in a region. What is ours and may be released at `now` is described in full.
pub(crate) async fn whole_region(account: &Account, region: &Region, now: Timestamp, by_policy: bool) -> Result<WholeRegion, Failure> {
    // Snapshots first: an image made between the two listings is then seen with the later one, and its snapshots cannot
    // be taken for orphans.
    let (snapshots, mut undescribed) = from_the_beginning(|| own_snapshots(account, region, now, by_policy)).await?;
    let (images, descriptions) = from_the_beginning(|| own_images(account, region, now, by_policy)).await?;
    let described = images.iter().filter(|image| descriptions.contains_key(&image.id));
    let in_expired_images: BTreeSet<&SnapshotId> = described.flat_map(Image::snapshots).collect();
    let ours: BTreeSet<&SnapshotId> =
        snapshots.iter().filter(|snapshot| snapshot.tags.mark() == Mark::Ours).map(|snapshot| &snapshot.id).collect();
    undescribed.retain(|id, _| ours.contains(id) || in_expired_images.contains(id));
    let view = RegionView { scope: Scope::Whole, images, snapshots, evidence: Evidence::default() };
    Ok(WholeRegion { view, images: descriptions, snapshots: undescribed })
}

/// The account's snapshots, and the descriptions of those that may have to go: some without a mark may turn out to be covered
/// by their image's.
async fn own_snapshots(
    account: &Account,
    region: &Region,
    now: Timestamp,
    by_policy: bool,
) -> Result<(Vec<Snapshot>, BTreeMap<SnapshotId, SnapshotDescription>), Failure> {
    let (mut snapshots, mut descriptions, mut keys) = (Vec::new(), BTreeMap::new(), TagKeys::default());
    let request = account.ec2(region).describe_snapshots().owner_ids("self").max_results(PAGE);
    let mut pages = Pages::new(account, Call::DescribeSnapshots, region);
    loop {
        let page = request.clone().set_next_token(pages.token()).send().await;
        let page = page.map_err(|error| Failure::new(Call::DescribeSnapshots, region, &error))?;
        for seen in pages.list(page.snapshots.as_deref())? {
            let snapshot =
                translate::snapshot(seen, &mut keys).map_err(|invalid| Failure::malformed(Call::DescribeSnapshots, region, invalid))?;
            if may_go(&snapshot, now, by_policy) {
                descriptions.insert(snapshot.id.clone(), description::snapshot(region, &snapshot, seen));
            }
            snapshots.push(snapshot);
        }
        if !pages.turn(page.next_token())? {
            return Ok((snapshots, descriptions));
        }
    }
}

/// The account's images, and the descriptions of those that are ours and may be released.
async fn own_images(
    account: &Account,
    region: &Region,
    now: Timestamp,
    by_policy: bool,
) -> Result<(Vec<Image>, BTreeMap<ImageId, ImageDescription>), Failure> {
    let (mut images, mut descriptions) = (Vec::new(), BTreeMap::new());
    each_image(account, region, account.ec2(region).describe_images().owners("self"), |seen, image| {
        if image.tags.mark() == Mark::Ours && may_be_released(&image.tags, now, by_policy) {
            descriptions.insert(image.id.clone(), description::image(region, &image, seen));
        }
        images.push(image);
    })
    .await?;
    Ok((images, descriptions))
}

fn may_go(snapshot: &Snapshot, now: Timestamp, by_policy: bool) -> bool {
    let ours = match snapshot.tags.mark() {
        Mark::Ours => true,
        Mark::Absent => snapshot.made_for.is_some(),
        Mark::Anothers(_) => false,
    };
    let covered = !snapshot.tags.has_expire() && snapshot.made_for.is_some();
    ours && (covered || may_be_released(&snapshot.tags, now, by_policy))
}

/// Whether something's own tags leave it open that it goes: it has expired or, where a policy decides, has no expiry and is of a series.
pub(crate) fn may_be_released(tags: &Tags, now: Timestamp, by_policy: bool) -> bool {
    match tags.expire() {
        ExpireTag::Absent => by_policy && tags.series().is_some(),
        ExpireTag::At(expiry) => expiry.is_past(now),
        ExpireTag::Unreadable { .. } => false,
    }
}

/// Says whose all this is. Every resource EC2 listed as our own must name the same owner; if they do not, nobody can say which
/// of them is us, and no region that listed any is believed.
pub(crate) fn settle_account(inventory: &mut Inventory) {
    let mut owners: BTreeSet<Option<&AccountId>> = BTreeSet::new();
    for view in inventory.regions.values() {
        owners.extend(view.images.iter().map(|image| image.owner.as_ref()));
        owners.extend(view.snapshots.iter().map(|snapshot| snapshot.owner.as_ref()));
    }
    inventory.account = match owners.iter().collect::<Vec<_>>().as_slice() {
        [] => None,
        [Some(account)] => Some((*account).clone()),
        _ => {
            for view in inventory.regions.values_mut().filter(|view| !view.images.is_empty() || !view.snapshots.is_empty()) {
                *view = RegionView::unseen("EC2 listed resources of more than one account, or of none, as our own");
            }
            None
        }
    };
}

async fn images(account: &Account, region: &Region, filters: &[(&str, &[&str])]) -> Result<Vec<Image>, Failure> {
    let filters: Vec<Filter> = filters
        .iter()
        .map(|(name, values)| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            Filter::builder().name(*name).set_values(Some(values)).build()
        })
        .collect();
    from_the_beginning(|| async {
        let mut images = Vec::new();
        let request = account.ec2(region).describe_images().owners("self").set_filters(Some(filters.clone()));
        each_image(account, region, request, |_, image| images.push(image)).await?;
        Ok(images)
    })
    .await
}

/// Reads a listing, and reads it anew where EC2 does not know any more how far it had come: it is whole or nothing
/// (ec2-semantics 5.4).
pub(crate) async fn from_the_beginning<T, F>(read: impl Fn() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    for _ in 1..BEGINNINGS {
        match read().await {
            Err(Failure { class: Class::LostPlace, .. }) => {}
            read => return read,
        }
    }
    read().await
}

async fn each_image(
    account: &Account,
    region: &Region,
    request: DescribeImagesFluentBuilder,
    mut take: impl FnMut(&types::Image, Image),
) -> Result<(), Failure> {
    // Disabled images are hidden, even from their owner, unless asked for; deprecated ones the owner always sees.
    let request = request.include_disabled(true).include_deprecated(true).max_results(PAGE);
    let mut pages = Pages::new(account, Call::DescribeImages, region);
    let mut keys = TagKeys::default();
    loop {
        let page = request.clone().set_next_token(pages.token()).send().await;
        let page = page.map_err(|error| Failure::new(Call::DescribeImages, region, &error))?;
        for seen in pages.list(page.images.as_deref())? {
            let image = translate::image(seen, &mut keys).map_err(|invalid| Failure::malformed(Call::DescribeImages, region, invalid))?;
            take(seen, image);
        }
        if !pages.turn(page.next_token())? {
            return Ok(());
        }
    }
}

/// Where we are in a listing. An empty page may carry a token, and only a missing token ends it (ec2-semantics 5.4).
pub(crate) struct Pages<'a> {
    account: &'a Account,
    call: Call,
    region: &'a Region,
    token: Option<String>,
    listing: Listing,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(account: &'a Account, call: Call, region: &'a Region) -> Self {
        Self { account, call, region, token: None, listing: Listing::new() }
    }

    pub(crate) fn token(&self) -> Option<String> {
        self.token.clone()
    }

    /// What the page lists. A page without a list is not an empty one: EC2 always writes it.
    pub(crate) fn list<'p, T>(&mut self, list: Option<&'p [T]>) -> Result<&'p [T], Failure> {
        self.list_by(list, |_| 1)
    }

    /// The same where the list's elements hold so many things each.
    pub(crate) fn list_by<'p, T>(&mut self, list: Option<&'p [T]>, things: impl Fn(&T) -> usize) -> Result<&'p [T], Failure> {
        let list = list.ok_or_else(|| Failure::malformed(self.call, self.region, "a page of the listing holds no list"))?;
        let items = list.iter().map(things).sum();
        self.listing.take(items);
        self.account.watcher().tell(self.call, self.region, Step::Page(items));
        Ok(list)
    }

    /// Whether there is another page.
    pub(crate) fn turn(&mut self, next: Option<&str>) -> Result<bool, Failure> {
        self.token = next.filter(|token| !token.is_empty()).map(str::to_owned);
        if let Some(token) = &self.token {
            self.listing.turn(token).map_err(|why| Failure::malformed(self.call, self.region, why))?;
        }
        Ok(self.token.is_some())
    }
}

impl Drop for Pages<'_> {
    fn drop(&mut self) {
        self.account.watcher().tell(self.call, self.region, Step::Over(self.listing.items()));
    }
}
