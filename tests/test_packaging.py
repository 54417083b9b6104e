"""The packaged schedules: systemd takes the units as they are, and every command in them is one of ours."""

import re
import shlex
import shutil
import subprocess

import pytest
from clients import ROOT

UNITS = ROOT / "packaging/systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
TIMERS = sorted(path.name for path in UNITS.glob("*.timer"))
CRONTAB = (ROOT / "packaging/cron/amicron").read_text()


def systemd_analyze(*arguments):
    assert shutil.which("systemd-analyze"), "systemd-analyze is missing; on Debian: apt-get install systemd"
    return subprocess.run(["systemd-analyze", *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def cron_lines():
    """The examples, which a user takes the # away from."""
    return [line.lstrip("#") for line in CRONTAB.splitlines() if " root " in line]


def commands():
    """Every command line that is packaged."""
    for name in SERVICES:
        yield from re.findall(r"^ExecStart=(/.*)", (UNITS / name).read_text(), re.MULTILINE)
    for line in cron_lines():
        yield re.split(r"\s+", line, maxsplit=6)[6]


@pytest.fixture
def units(binary, tmp_path):
    """The units as the program installs them, but for where the program is."""
    subprocess.run([binary, "install", "--root", tmp_path, "--prefix", "/usr", "--systemd"], check=True)
    installed = tmp_path / "etc/systemd/system"
    for service in installed.glob("*.service"):
        service.write_text(service.read_text().replace("/usr/bin/ami-backup", str(tmp_path / "usr/bin/ami-backup")))
    return installed


def test_every_unit_is_installed(units):
    assert {path.name for path in units.iterdir()} == {path.name for path in UNITS.iterdir()}


def test_systemd_finds_nothing_to_say(units):
    ran = systemd_analyze("verify", "--man=no", *(units / name for name in SERVICES + TIMERS))
    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_do_little_to_its_host(units, name):
    ran = systemd_analyze("security", "--offline=true", "--threshold=25", units / name)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("name", TIMERS)
def test_a_timer_names_a_service_and_moments_that_exist(name):
    assert name.replace(".timer", ".service") in SERVICES
    moments = re.findall(r"^OnCalendar=(.*)", (UNITS / name).read_text(), re.MULTILINE)
    assert moments
    for moment in moments:
        ran = systemd_analyze("calendar", moment)
        assert ran.returncode == 0 and "Next elapse" in ran.stdout, ran.stdout


def test_nothing_in_the_cron_file_happens_unasked():
    assert [line for line in CRONTAB.splitlines() if line and not line.startswith("#")] == []


@pytest.mark.parametrize("line", cron_lines())
def test_a_cron_line_is_one_that_cron_takes(line):
    ranges = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    *moments, user, command = re.split(r"\s+", line, maxsplit=6)
    for moment, (first, last) in zip(moments, ranges, strict=True):
        every = moment.removeprefix("*/") if moment.startswith("*/") else moment
        assert moment == "*" or first <= int(every) <= last
    assert user == "root" and command.startswith("/usr/bin/ami-backup ")
    assert "%" not in command


@pytest.mark.parametrize("command", list(commands()))
def test_a_packaged_command_runs(command, sandbox, ami_backup, tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("[profile ami-backup]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = an example\n")
    program, *arguments = shlex.split(command.removesuffix(">/dev/null"))
    if "-i" in arguments:
        ran = sandbox.aws("ec2", "run-instances", "--image-id", "ami-12345678", region=arguments[arguments.index("-r") + 1])
        arguments[arguments.index("-i") + 1] = ran["Instances"][0]["InstanceId"]
    if "--policy" in arguments:
        policy = tmp_path / "ami-backup.toml"
        policy.write_text('[[target]]\nname = "nightly"\nselect = { all = true }\nschedule = "0 2 * * *"\nkeep-daily = 7\n')
        arguments[arguments.index("--policy") + 1] = str(policy)
    assert program == "/usr/bin/ami-backup"
    ami_backup(*arguments, "--dry-run", endpoint=sandbox, metadata=True)
