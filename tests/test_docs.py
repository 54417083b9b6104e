"""Every command the documents show is run here, and prints what they say it prints.

A ```console block holds commands after `$ `; lines below a command are its output, stdout and stderr as a terminal mixes
them. A command without such lines need only succeed. All blocks of a document run in one shell, in an empty directory.
`<!-- world: served -->` gives the document a served sandbox and the AWS CLI; `<!-- run: … -->` runs a command that
readers are not shown, and `<!-- any output -->` before a block says that its output differs from run to run.
"""

import re
import subprocess

import pytest
from clients import REGION, ROOT, TOOLS, environment

DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"(?:<!-- (?P<any>any output) -->\n)?```console\n(?P<block>.*?)```|<!-- run: (?P<run>.*?) -->", re.DOTALL)
# A new clone is built before it is run; here it has been.
BUILT = ("cargo run --locked -- ", "ami-backup ")
END = "--- end of a command: "


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_print_what_the_document_shows(document, binary, tmp_path, request):
    text = document.read_text()
    variables = environment(tmp_path) | {"PATH": f"{binary.parent}:{TOOLS}:{environment(tmp_path)['PATH']}", "TZ": "UTC"}
    if "<!-- world: served -->" in text:
        endpoint = request.getfixturevalue("sandbox")
        variables |= {"AWS_ENDPOINT_URL": endpoint.url, "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": ""}
    steps = [step for found in BLOCK.finditer(text) for step in steps_of(found)]
    for (command, expected), (printed, status) in zip(steps, run([command for command, _ in steps], variables, tmp_path), strict=True):
        assert status == 0, f"`{command}` exits {status}:\n{printed}"
        if expected:
            assert printed == expected, f"`{command}` prints:\n{printed}"


def test_every_document_is_reached():
    assert len(DOCUMENTS) > 3
    shown = [found for document in DOCUMENTS for found in BLOCK.finditer(document.read_text())]
    assert sum(len(steps_of(found)) for found in shown) > 10


def steps_of(found: re.Match) -> list[tuple[str, str]]:
    if found["run"]:
        return [(found["run"], "")]
    steps = []
    for line in found["block"].splitlines():
        if line.startswith("$ "):
            steps.append([line[2:].replace(*BUILT), ""])
        elif line.startswith("> "):
            steps[-1][0] += "\n" + line[2:]
        else:
            steps[-1][1] += line + "\n"
    return [(command, "" if found["any"] else output) for command, output in steps]


def run(commands: list[str], variables: dict, directory) -> list[tuple[str, int]]:
    """Output and exit status of each command, all in one shell."""
    script = "".join(f"{command}\necho \"{END}$?\"\n" for command in commands)
    ran = subprocess.run(
        ["bash", "-c", script],
        env=variables,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    parts = re.split(rf"{re.escape(END)}(\d+)\n", ran.stdout)
    assert len(parts) == 2 * len(commands) + 1, ran.stdout
    return [(printed, int(status)) for printed, status in zip(parts[0::2], parts[1::2])]
