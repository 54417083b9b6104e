//! What a plan has seen of all its backups together, so that EC2 is asked nothing for each of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use planner::id::{ImageId, InstanceId, Region};
use planner::inventory::{Image, Inventory, RegionView};
use planner::plan::copy;
use planner::plan::due::{DueItem, Standing};
use planner::policy::ImageRequest;
use planner::tags::Mark;

use crate::account::Account;
use crate::instances::Listed;
use crate::observe;
use crate::outcome::Failure;
use crate::rounds::image::copies_of;
use crate::rounds::in_each;
use crate::translate::Instance;

/// What `image-instance` would be answered for each backup that is due.
pub(super) struct Overview {
    instances: Listed,
    /// By the instance that their tags name.
    backups: HashMap<(Region, InstanceId), Vec<Image>>,
    /// The regions that are enabled, as those from which copies are to go tell. One that does not tell is not here.
    enabled: BTreeMap<Region, BTreeSet<Region>>,
    /// By their sources.
    copies: BTreeMap<Region, Result<HashMap<ImageId, Vec<Image>>, Failure>>,
}

impl Overview {
    /// From the instances and the backups of an account. What else what is due depends on is asked once for all of it.
    pub(super) async fn of(account: &Account, instances: Listed, backups: Inventory, items: &[DueItem], now: Timestamp) -> Self {
        let requests: Vec<&ImageRequest> = items.iter().filter_map(request).collect();
        let copied = requests.iter().filter(|request| !request.copies.is_empty());
        let from: BTreeSet<Region> = copied.map(|request| request.region.clone()).collect();
        let enabled = in_each(&from, account, |account, region| async move { observe::enabled_regions(&account, &region).await }).await;
        let mut overview = Self {
            instances,
            backups: by_instance(backups),
            enabled: enabled.into_iter().filter_map(|(region, enabled)| Some((region, enabled.ok()?))).collect(),
            copies: BTreeMap::new(),
        };
        let copies = copies_of(account, &overview.wanted(&requests, now)).await;
        overview.copies = copies.into_iter().map(|(region, copies)| (region, copies.map(by_source))).collect();
        overview
    }

    /// Where the copies of which earlier backups are to be looked for.
    fn wanted(&self, requests: &[&ImageRequest], now: Timestamp) -> BTreeMap<Region, BTreeSet<ImageId>> {
        let mut wanted: BTreeMap<Region, BTreeSet<ImageId>> = BTreeMap::new();
        for request in requests {
            let view = RegionView::partial(self.backups_of(request));
            let mut inventory = Inventory { account: None, regions: BTreeMap::from([(request.region.clone(), view)]) };
            observe::settle_account(&mut inventory);
            for (region, sources) in copy::destinations(&inventory, now) {
                wanted.entry(region).or_default().extend(sources);
            }
        }
        wanted
    }

    /// The instance of a request.
    pub(super) fn instance(&self, request: &ImageRequest) -> Option<&Instance> {
        self.instances.get(&(request.region.clone(), request.instance.clone()))
    }

    /// The regions that are enabled, as this one tells.
    pub(super) fn enabled(&self, region: &Region) -> Option<&BTreeSet<Region>> {
        self.enabled.get(region)
    }

    /// The backups of a request's instance, in its region.
    pub(super) fn backups_of(&self, request: &ImageRequest) -> Vec<Image> {
        self.backups.get(&(request.region.clone(), request.instance.clone())).cloned().unwrap_or_default()
    }

    /// The copies, in this region, of earlier backups, if it was looked at. Intents may have lapsed since then, and none can have come up.
    pub(super) fn copies_of(&self, region: &Region, sources: &BTreeSet<ImageId>) -> Option<Result<Vec<Image>, Failure>> {
        let of_these =
            |copies: &HashMap<ImageId, Vec<Image>>| sources.iter().filter_map(|source| copies.get(source)).flatten().cloned().collect();
        self.copies.get(region).map(|copies| copies.as_ref().map(of_these).map_err(Failure::clone))
    }
}

fn request(item: &DueItem) -> Option<&ImageRequest> {
    match &item.standing {
        Standing::Due { request, .. } => Some(request),
        Standing::Done { .. }
        | Standing::InFlight { .. }
        | Standing::NotYet { .. }
        | Standing::NotSelected { .. }
        | Standing::CannotBeImaged { .. }
        | Standing::RegionUnseen { .. } => None,
    }
}

fn by_instance(backups: Inventory) -> HashMap<(Region, InstanceId), Vec<Image>> {
    let mut by_instance: HashMap<_, Vec<Image>> = HashMap::new();
    for (region, view) in backups.regions {
        for image in view.images.into_iter().filter(|image| image.tags.mark() == Mark::Ours) {
            if let Some(instance) = image.tags.instance() {
                by_instance.entry((region.clone(), instance)).or_default().push(image);
            }
        }
    }
    by_instance
}

fn by_source(copies: Vec<Image>) -> HashMap<ImageId, Vec<Image>> {
    let mut by_source: HashMap<_, Vec<Image>> = HashMap::new();
    for copy in copies {
        if let Some(source) = copy.source_image.as_ref().map(|source| source.id.clone()) {
            by_source.entry(source).or_default().push(copy);
        }
    }
    by_source
}
