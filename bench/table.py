"""Tables as they are printed, in Markdown."""

import os
import re
from pathlib import Path
from statistics import median

from scale import VOLUMES
from tools import OURS

LOAD_AT_START = os.getloadavg()[0]


def machine(commit: str, version: str, floor: float) -> str:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())[1]) / 2**20
    described = f"{os.cpu_count()} × {cpu[1].strip() if cpu else 'a processor without a name'}, {memory:.0f} GiB"
    return f"{version}, measured at {commit} on {described}. No peak of memory can be told that is below {floor:.0f} MB.\n"


def noise() -> str:
    load = os.getloadavg()[0]
    warning = " Others were at work, too: times are upper bounds." if max(LOAD_AT_START, load) > 1 else ""
    return f"Load when it began {LOAD_AT_START:.2f}, when it ended {load:.2f}.{warning}"


def requests(rows: list) -> str:
    lines = []
    for n, name, counted, bound in rows:
        kinds = actions(counted)
        reads = sum(times for action, times in kinds.items() if not action.startswith(("Deregister", "Delete")))
        lines.append((n, name, sum(kinds.values()), bound or "", kinds.get("DeregisterImage", 0), kinds.get("DeleteSnapshot", 0), reads))
    return markdown("Requests of a purge", ("N", "tool", "requests", "bound", "DeregisterImage", "DeleteSnapshot", "reads"), lines)


def requests_of_a_backup(rows: list) -> str:
    lines = []
    for volumes, name, counted in rows:
        kinds = actions(counted)
        looks = kinds.pop("DescribeImages", 0)
        lines.append((volumes, name, sum(kinds.values()), ", ".join(sorted(kinds)), looks))
    return markdown("Requests of a backup with a copy", ("volumes", "tool", "requests", "which", "and DescribeImages"), lines)


def looks(rows: list) -> str:
    lines = []
    for images, name, look in rows:
        held = f"{look.peak * 1000 / (images * (1 + VOLUMES)):.2f}" if images >= 100_000 else ""
        lines.append((f"{images:,}", name, f"{look.first:.1f}", f"{look.wall:.1f}", f"{look.cpu:.2f}", f"{look.peak:.0f}", held, f"{look.lines:,}"))
    heads = ("images", "command", "first line after s", "wall s", "CPU s", "peak MB", "kB a thing listed", "lines")
    return markdown("Looking at one region, three snapshots an image", heads, lines)


def actions(counted) -> dict[str, int]:
    kinds = {}
    for (_, action), times in counted.items():
        kinds[action] = kinds.get(action, 0) + times
    return kinds


def comparison(title: str, samples: dict[str, list]) -> str:
    """Medians, and how many times what we take each peer takes."""
    ours = samples[OURS]
    lines = []
    for name, runs in samples.items():
        cells = [name]
        for what, shown in (("wall", spread), ("cpu", spread), ("peak", lambda peaks: f"{median(peaks):.0f}")):
            values = [getattr(run, what) for run in runs]
            times = median(values) / median(getattr(run, what) for run in ours)
            cells += [shown(values), "" if runs is ours else f"{times:.{1 if times < 10 else 0}f}"]
        server = median(run.server_cpu for run in runs)
        lines.append((*cells, f"{server:.2f}" if server else "", len(runs)))
    text = markdown(title, ("tool", "wall s (least–most)", "×", "CPU s (least–most)", "×", "peak MB", "×", "server's CPU s", "runs"), lines)
    for name, runs in samples.items():
        for run in runs:
            if run.status or run.left:
                text += f"\n{name} exits {run.status}, and {run.left} that were to go are still there.\n"
    return text


def spread(values: list[float]) -> str:
    digits = 3 if max(values) < 1 else 2
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def markdown(title: str, head: tuple, lines: list[tuple]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return f"{title}:\n\n" + "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows) + "\n"


def write(page: Path, measured: dict[str, str]):
    """Puts what was measured where the page has a place for it: between `<!-- measured: NAME -->` and `<!-- end -->`."""
    text = page.read_text()
    for name, tables in measured.items():
        place = re.compile(rf"(<!-- measured: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, found = place.subn(lambda match, tables=tables: match[1] + tables.rstrip() + "\n" + match[2], text)
        if found != 1:
            raise ValueError(f"{page} has {found} places for {name}")
    page.write_text(text)
