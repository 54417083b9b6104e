"""docs/verification.md names tests; each of them must be there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_test_that_the_checklist_names_exists():
    checklist = [line for line in (ROOT / "docs/verification.md").read_text().splitlines() if re.match(r"\| \d+ \|", line)]
    assert len(checklist) == 22
    sources = "\n".join(path.read_text() for path in (ROOT / "crates/ec2-sim/src").rglob("*.rs"))
    for line in checklist:
        names = re.findall(r"`(\w+)`", line.rsplit("|", 2)[1])
        assert names, line
        missing = [name for name in names if not re.search(rf"fn {name}\b", sources)]
        assert not missing, missing
