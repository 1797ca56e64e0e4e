"""The systemd units: systemd itself finds nothing wrong with them, they are hardened, and what they start exists."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver.cli import main
from receiver.config import parse
from tests.deploy.support import DEPLOY, PAGE, needs, shell

FOLDER = DEPLOY / "systemd"
SERVICES = sorted(path.name for path in FOLDER.glob("*.service"))
HARDENED = {
    **dict.fromkeys(("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "RestrictNamespaces"), "yes"),
    **dict.fromkeys(
        ("ProtectKernelTunables", "ProtectKernelModules", "ProtectControlGroups", "LockPersonality"), "yes"
    ),
    "ProtectSystem": "strict",
    "CapabilityBoundingSet": "",
    "UMask": "0077",
    "User": "receiver",
}
#: Above this systemd calls a unit's exposure "medium".
MOST_EXPOSED = 20


def section(name: str) -> dict[str, list[str]]:
    """The settings of a unit's ``[Service]``, each with all its values."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    lines = text.split("[Service]\n", 1)[1].split("\n[", 1)[0].splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {key: [value for other, _, value in pairs if other == key] for key, _, _ in pairs}


@pytest.mark.parametrize("name", SERVICES)
def test_hardened(name: str):
    """It runs as a user of its own, without capabilities, on a file system that it can write to in its folders only."""
    settings = section(name)
    assert HARDENED == {key: settings[key][-1] for key in HARDENED}


@pytest.mark.parametrize("name", SERVICES)
def test_commands(name: str):
    """Every `receiver` command that it starts exists with these options, is reloaded by SIGHUP, gets longer to stop
    than the 30 s it takes for itself, and may open a file for each connection."""
    settings = section(name)
    for line in settings["ExecStart"]:
        program, *arguments = shlex.split(line.replace("%i", "8000"))
        if Path(program).name == "receiver":
            assert 0 == CliRunner().invoke(main, [*arguments, "--help"]).exit_code
            assert ["/bin/kill -HUP $MAINPID"] == settings["ExecReload"]
            assert ["45"] == settings["TimeoutStopSec"]
            assert ["4096"] == settings["LimitNOFILE"]


def test_backup():
    """The unit copies the database by the page's own command."""
    [start, *_] = section("receiver-backup.service")["ExecStart"]
    assert shlex.split(shell(PAGE, "source.backup"))[3:6] == shlex.split(start)[:3]


def test_verified_by_systemd(tmp_path: Path):
    """`systemd-analyze verify` has nothing to say, and `security` rates no unit as exposed."""
    program = needs("systemd-analyze")
    there = str(Path(sys.executable).parent)
    for path in FOLDER.iterdir():
        target = tmp_path / path.name.replace("@.", "@8000.")
        target.write_text(path.read_text(encoding="utf-8").replace("/opt/receiver/current/bin", there))
    units = sorted(map(str, tmp_path.iterdir()))
    verified = subprocess.run([program, "verify", *units], capture_output=True, text=True, check=False)
    assert (0, "", "") == (verified.returncode, verified.stdout, verified.stderr)
    for unit in (unit for unit in units if unit.endswith(".service")):
        command = [program, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", unit]
        rated = subprocess.run(command, capture_output=True, text=True, check=False)
        assert 0 == rated.returncode, rated.stdout


def test_configuration(tmp_path: Path):
    """The page's configuration is one; its database is where the units may write, and the backup reads."""
    [text] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "secrets").mkdir()
    for name in re.findall(r"\$\{file:(\S+?)\}", text):
        (tmp_path / name).write_text("word\n")
    config = parse(tomllib.loads(text), path=tmp_path / "receiver.toml", environ={})
    assert "sqlite:////var/lib/receiver/receiver.db" == config.database
    assert "%S/receiver/receiver.db" in section("receiver-backup.service")["ExecStart"][0]
    assert all(["receiver"] == section(name)["StateDirectory"][-1].split()[:1] for name in SERVICES)


def test_named_on_the_page():
    """The page names each unit, and no other."""
    named = set(re.findall(r"receiver[a-z-]*@?\.(?:service|timer)", PAGE))
    assert {path.name for path in FOLDER.iterdir()} == named
