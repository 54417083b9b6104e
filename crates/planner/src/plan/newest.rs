//! The newest copy of each series in each region: what an older backup need not be copied for any more, or waits for.

use foldhash::{HashMap, HashMapExt};
use jiff::Timestamp;

use crate::backup::Backup;
use crate::id::{AccountId, ImageId, InstanceId, Region, SeriesName};
use crate::inventory::{ImageState, Inventory};

/// The slot of the newest available copy and its image, by region, series and instance.
pub(super) type NewestCopies<'a> = HashMap<(&'a Region, SeriesName, InstanceId), (Timestamp, &'a ImageId)>;

/// Finds them. A copy whose slot lies ahead is none: whoever changes its tag must not hold the others up.
pub(super) fn newest_copies<'a>(inventory: &'a Inventory, account: &AccountId, now: Timestamp) -> NewestCopies<'a> {
    let mut newest = NewestCopies::new();
    for (region, view) in &inventory.regions {
        let available = view.images.iter().filter(|image| image.state == ImageState::Available && image.copied_from().is_some());
        for copy in available.filter_map(|image| Backup::recognise(image, account)) {
            let image = copy.image();
            let slot = image.tags.slot().filter(|slot| *slot <= now);
            if let (Some(series), Some(instance), Some(slot)) = (image.tags.series(), copy.series(), slot) {
                let known = newest.entry((region, series, instance)).or_insert((slot, &image.id));
                *known = (slot, &image.id).max(*known);
            }
        }
    }
    newest
}
