"""The account that everything here is measured in: expired and living backups of one instance, in a world of the sandbox."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

REGION, ELSEWHERE = "us-east-1", "eu-west-1"
INSTANCE = "i-0be0be0be0be0be01"
# The sizes of its volumes in GiB.
VOLUMES = (8, 20)


@dataclass(frozen=True)
class Account:
    """With n expired images of two snapshots each; beside them n/2 that have not expired, the expired orphans of n/4 images,
    the living orphans of n/10, one image of somebody else's that says it has expired, and one without a tag.

    Every fourth expired image has a copy in another region, and the tag by which the copy was asked for.
    """

    n: int

    @property
    def expired(self) -> range:
        return range(self.n)

    @property
    def living(self) -> range:
        return _after(self.expired, self.n // 2)

    @property
    def expired_orphans(self) -> range:
        return _after(self.living, self.n // 4)

    @property
    def living_orphans(self) -> range:
        return _after(self.expired_orphans, self.n // 10)

    @property
    def others(self) -> range:
        """Somebody else's, and one without a tag."""
        return _after(self.living_orphans, 2)

    @property
    def copied(self) -> range:
        return self.expired[::4]

    def left(self) -> set[str]:
        """What a purge of REGION leaves, images and snapshots: all that has not expired, and all that is not ours."""
        images = [*self.living, *self.others]
        return {_image(number) for number in images} | {
            snapshot for number in [*images, *self.living_orphans] for snapshot in _snapshots(number)
        }

    def living_orphan_snapshots(self) -> set[str]:
        """Those that a peer deletes which knows no expiry."""
        return {snapshot for number in self.living_orphans for snapshot in _snapshots(number)}

    def least_requests(self) -> int:
        """As many as a purge of REGION needs that looks before it deletes.

        One call an expired image, which takes its snapshots along, and one an orphan; one page of every listing: images,
        snapshots, launch configurations, locks, the Recycle Bin's images before, and its images and snapshots after it; what
        refers to the images, ten a call; and a look into the one region that copies were asked for in.
        """
        deletions = self.n + 2 * (self.n // 4)
        listings = 2 + 2 + 3
        return deletions + listings + -(-self.n // 10) + 1

    def world(self) -> str:
        """As the sandbox reads it."""
        now = datetime.now(UTC)
        past, future = _instant(now - timedelta(hours=1)), _instant(now + timedelta(days=30))
        tables = [world_of_an_instance(len(VOLUMES))]
        for number in self.expired:
            tags = _tags(number, now, past)
            if number in self.copied:
                # The copy is done, so that nothing is in flight.
                tags |= {f"ami-backup:copy-to:{ELSEWHERE}": f"until={past}"}
            tables.append(_image_table(number, tags))
        tables += [_copy_table(number, _tags(number, now, future)) for number in self.copied]
        tables += [_image_table(number, _tags(number, now, future)) for number in self.living]
        tables += [_orphan_table(number, volume, _tags(number, now, past)) for number in self.expired_orphans for volume in (0, 1)]
        tables += [_orphan_table(number, volume, _tags(number, now, future)) for number in self.living_orphans for volume in (0, 1)]
        others, untagged = self.others
        tables += [_image_table(others, _tags(others, now, past) | {"Creator": "somebody else"}), _image_table(untagged, {})]
        return "\n".join(tables)


def world_of_an_instance(volumes: int) -> str:
    """A world with nothing else in it."""
    sizes = json.dumps([*VOLUMES, *[100] * volumes][:volumes])
    return f'[[instance]]\nregion = "{REGION}"\nid = "{INSTANCE}"\nname = "web-1"\nvolumes = {sizes}\n'


def _after(before: range, length: int) -> range:
    return range(before.stop, before.stop + length)


def _image(number: int) -> str:
    return f"ami-0a{number:015x}"


def _snapshots(number: int) -> list[str]:
    return [f"snap-0{volume}{number:015x}" for volume in (0, 1)]


def _age(number: int) -> str:
    """What has a greater number is younger, so that those that have not expired are the newest."""
    return f"{20000 - number}m"


def _instant(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _tags(number: int, now: datetime, expiry: str) -> dict[str, str]:
    made = now - timedelta(minutes=20000 - number)
    return {
        "Name": "backup-ami@web-1",
        "Instance": INSTANCE,
        "Date": _instant(made),
        "Creator": "image-instance",
        "AvailabilityZone": f"{REGION}a",
        "Expire": expiry,
    }


def _table(kind: str, **pairs: str) -> str:
    return f"[[{kind}]]\n" + "".join(f"{key} = {value}\n" for key, value in pairs.items())


def _inline(tags: dict[str, str]) -> str:
    return "{ " + ", ".join(f'"{key}" = "{value}"' for key, value in tags.items()) + " }"


def _image_table(number: int, tags: dict[str, str]) -> str:
    volumes = ", ".join(f'{{ size = {size}, snapshot = "{snapshot}" }}' for size, snapshot in zip(VOLUMES, _snapshots(number), strict=True))
    origin = {"id": f'"{_image(number)}"', "of": f'"{INSTANCE}"', "volumes": f"[{volumes}]"}
    return _backup_table(number, REGION, _age(number), tags, **origin)


def _copy_table(number: int, tags: dict[str, str]) -> str:
    return _backup_table(number, ELSEWHERE, _age(number + 1), tags, copy_of=f'"{_image(number)}"')


def _backup_table(number: int, region: str, age: str, tags: dict[str, str], **origin: str) -> str:
    return _table(
        "image",
        region=f'"{region}"',
        name=f'"backup-ami_web-1_{number}"',
        age=f'"{age}"',
        tags=_inline(tags),
        snapshot_tags=_inline({key: value for key, value in tags.items() if not key.startswith("ami-backup:")}),
        **origin,
    )


def _orphan_table(number: int, volume: int, tags: dict[str, str]) -> str:
    return _table(
        "snapshot",
        region=f'"{REGION}"',
        id=f'"{_snapshots(number)[volume]}"',
        size=str(VOLUMES[volume]),
        description=f'"Created by CreateImage({INSTANCE}) for {_image(number)}"',
        age=f'"{_age(number)}"',
        tags=_inline(tags),
    )
