"""docs/verification.md names tests and switches; each of them must be there, and a test be one that runs."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ATTRIBUTED = re.compile(r"#\[(?:tokio::)?test(?:\(.*\))?\]\s+(?:#\[.*\]\s+|///.*\s+)*(?:async )?fn (\w+)")
PROPERTIES = re.compile(r"^( *)proptest! \{\n(.*?)^\1\}", re.MULTILINE | re.DOTALL)


def runnable(source: str) -> set:
    """The functions that cargo runs: those marked as tests, and the properties, which proptest marks."""
    properties = [re.findall(rf"^{indent}    fn (\w+)", block, re.MULTILINE) for indent, block in PROPERTIES.findall(source)]
    return set(ATTRIBUTED.findall(source)).union(*properties)


def test_what_runs_is_told_from_what_does_not():
    source = """
mod tests {
    fn helper() {}

    #[test]
    fn plain() {}

    #[tokio::test(start_paused = true)]
    #[ignore]
    async fn paused() {}

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// Why.
        fn property(x in 0..3) {
            fn inner() {}
        }
    }

    fn another_helper() {}
}
"""
    assert runnable(source) == {"plain", "paused", "property"}


def test_every_test_that_the_checklist_names_runs():
    checklist = [line for line in (ROOT / "docs/verification.md").read_text().splitlines() if re.match(r"\| \d+ \|", line)]
    assert len(checklist) == 22
    tests = set().union(*(runnable(path.read_text()) for path in (ROOT / "crates/ec2-sim/src").rglob("*.rs")))
    for line in checklist:
        names = re.findall(r"`(\w+)`", line.rsplit("|", 2)[1])
        assert names, line
        missing = [name for name in names if name not in tests]
        assert not missing, missing


def test_every_switch_that_the_page_names_is_there():
    page = (ROOT / "docs/verification.md").read_text()
    rows = re.findall(r"^\| [^|]+\? \| (.+) \|$", page, re.MULTILINE)
    assert len(rows) == 11
    manners = (ROOT / "crates/ec2-sim/src/world/manners.rs").read_text()
    switches = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert [name for name in switches if f"    pub {name}: " not in manners] == []
