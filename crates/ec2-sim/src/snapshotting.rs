//! Taking snapshots of volumes: EC2's limits per volume, and the new snapshot.

use jiff::Timestamp;

use crate::error::Error;
use crate::id::{SnapshotId, VolumeId};
use crate::scope::Scope;
use crate::world::{Snapshot, SnapshotState, Tags};

/// Refuses what comes too soon after, or beside too many, other snapshots of the volume.
pub(crate) fn check_volume(id: &VolumeId, scope: &Scope) -> Result<(), Error> {
    let volume = scope.volume(id)?;
    if !volume.may_be_snapshotted(scope.now(), scope.world.manners.volume_spacing) {
        return Err(Error::new(
            "SnapshotCreationPerVolumeRateExceeded",
            "The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or \
             variable sleep interval between requests.",
        ));
    }
    // Snapshots in error count, until they are deleted.
    let unfinished =
        scope.here().snapshots.values().filter(|snapshot| snapshot.volume_id == *id && snapshot.state != SnapshotState::Completed).count();
    if unfinished >= volume.concurrent_snapshots() {
        return Err(Error::new("ConcurrentSnapshotLimitExceeded", "Maximum allowed in-progress snapshots for a single volume exceeded."));
    }
    Ok(())
}

/// Begins a snapshot of a volume that [`check_volume`] has passed.
pub(crate) fn begin(
    id: &VolumeId,
    description: String,
    tags: Tags,
    visible_from: Timestamp,
    scope: &mut Scope,
) -> Result<SnapshotId, Error> {
    let now = scope.now();
    let volume = scope.volume_mut(id)?;
    volume.last_snapshot = Some(now);
    let volume = volume.clone();
    let pace = scope.world.manners.snapshot_pace;
    let fail_next = &mut scope.world.fail_next;
    let stuck = fail_next.sticks_snapshot();
    let fails_with = (!fail_next.snapshot.is_empty()).then(|| fail_next.snapshot.remove(0));
    let snapshot = Snapshot {
        id: SnapshotId::mint(&mut scope.world.ids),
        owner: scope.account.clone(),
        volume_id: volume.id,
        volume_size: volume.size_gib,
        description,
        state: SnapshotState::Pending,
        state_message: None,
        progress: 0,
        started: now,
        visible_from,
        ends: if stuck { Timestamp::MAX } else { scope.world.due_after(pace.duration(volume.size_gib)) },
        fails_with,
        delete_at_end: false,
        encrypted: volume.encrypted,
        kms_key_id: volume.kms_key_id,
        completion_minutes: None,
        storage_tier: "standard".to_owned(),
        tiering: None,
        lock: None,
        public: false,
        create_volume_permissions: [].into(),
        managed_by: None,
        tags,
    };
    let id = snapshot.id.clone();
    scope.here_mut().snapshots.insert(id.clone(), snapshot);
    Ok(id)
}
