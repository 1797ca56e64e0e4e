"""The Containerfile and compose.yaml, as far as they can be checked without an engine: files, commands, users, and that
the configuration that goes with them is one."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from click.testing import CliRunner

from receiver.cli import main
from receiver.config import parse
from tests.deploy.support import DEPLOY, ROOT, answer, saying, serving

CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")


def instructions(name: str) -> list[str]:
    """What follows each such instruction of the Containerfile, continued lines joined."""
    joined = CONTAINERFILE.replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in joined.splitlines() if line.startswith(f"{name} ")]


def block(name: str) -> str:
    """The lines of compose.yaml below a key of the first or second level, without the key's own."""
    found = re.search(rf"^( *){re.escape(name)}:.*\n((?:\1 +.*\n|\n| *#.*\n)*)", COMPOSE, re.MULTILINE)
    assert found, name
    return found[2]


def entries(name: str) -> list[str]:
    """The keys right below a key."""
    below = block(name)
    first = next(line for line in below.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    depth = len(first) - len(first.lstrip())
    return re.findall(rf"^ {{{depth}}}([\w-]+):", below, re.MULTILINE)


def is_a_command(*arguments: str) -> bool:
    """True where `receiver` takes these arguments."""
    return CliRunner().invoke(main, [*arguments, "--help"]).exit_code == 0


def test_copies():
    """Everything that the image is built from exists, is not ignored, and holds what the wheel needs."""
    sources = [source for line in instructions("COPY") if "--from" not in line for source in line.split()[:-1]]
    missing = [source for source in sources if "*" not in source and not (ROOT / source).exists()]
    assert [] == missing
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = {name.rstrip("*") for name in wheel["packages"]["find"]["include"]}
    assert packages == {source.rstrip("/") for source in sources if source.endswith("/")}
    assert {f"{name}.py" for name in wheel["py-modules"]} == {source for source in sources if source.endswith(".py")}
    let_in = re.findall(r"^!/(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(source.rstrip("/") for source in sources) == sorted(let_in)


def test_image():
    """It runs `receiver serve` as a numbered user without rights; PostgreSQL's driver is in it."""
    [entry], [command], [user] = map(instructions, ("ENTRYPOINT", "CMD", "USER"))
    assert ["receiver"] == json.loads(entry)
    assert is_a_command(*json.loads(command))
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    assert "'.[postgres]'" in CONTAINERFILE
    assert "--constraint constraints.txt" in CONTAINERFILE


def test_health_check():
    """The command of the health check succeeds while the receiver answers, and fails once it does not."""
    [line] = instructions("HEALTHCHECK")
    python, *arguments = json.loads(line.partition("CMD ")[2])
    assert "python" == python
    with serving(saying(answer(), answer("500 Internal Server Error"))) as behind:
        command = [sys.executable, *(one.replace("127.0.0.1:8000", urlsplit(behind.url).netloc) for one in arguments)]
        ended = [subprocess.run(command, capture_output=True, check=False).returncode for _ in range(2)]
    assert [0, 1] == ended
    assert ["/healthz"] * 2 == [request.target for request in behind.heard]


def test_compose():
    """It is written like YAML, its services are those of the page, and every file it names exists or is made from an
    example beside it."""
    lines = [line for line in COMPOSE.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert "\t" not in COMPOSE
    assert all(not (len(line) - len(line.lstrip())) % 2 for line in lines)
    assert set(re.findall(r"\*(\w+)", "\n".join(lines))) <= set(re.findall(r"&(\w+)", COMPOSE))
    assert ["migrate", "web-a", "web-b", "work", "postgres", "proxy"] == entries("services")
    mounted = re.findall(r"^ *- \./([\w./-]+):", COMPOSE, re.MULTILINE)
    by_hand = {"config", "tls"}
    assert [] == [name for name in mounted if name not in by_hand and not (DEPLOY / name).exists()]
    environments = set(re.findall(r"[\w-]+\.env\b", block("x-receiver") + block("postgres")))
    assert {"receiver.env", "database.env"} == environments
    assert all((DEPLOY / f"{name}.example").exists() for name in environments)
    [dockerfile] = re.findall(r"dockerfile: (\S+)", COMPOSE)
    assert (ROOT / dockerfile).exists()


def test_compose_commands():
    """Its commands are the receiver's."""
    commands = [[word.strip(' "') for word in line.split(",")] for line in re.findall(r"command: \[(.+)\]", COMPOSE)]
    assert [["web", "--bind", "0.0.0.0:8000", "--processes", "1"], ["migrate"], ["work"]] == commands
    assert all(is_a_command(*command) for command in commands)


def test_compose_is_closed():
    """The receiver's containers have a read-only root and no capabilities; only the proxy listens to the outside; the
    database knows none of VTEX's and the carriers' secrets."""
    shared = block("x-receiver")
    for setting in ("read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "stop_grace_period: 45s"):
        assert setting in shared
    published = {name: re.findall(r'^ *- "([\d.:]+)"$', block(name), re.MULTILINE) for name in entries("services")}
    assert {"web-a": ["127.0.0.1:8000:8000"], "proxy": ["80:80", "443:443"]} == {
        k: v for k, v in published.items() if v
    }
    assert "receiver.env" not in block("postgres")


def test_addresses():
    """nginx looks for the web processes where compose.yaml puts them."""
    upstream = (DEPLOY / "nginx" / "upstream.container.conf").read_text(encoding="utf-8")
    fixed = [re.search(r"ipv4_address: ([\d.]+)", block(name)) for name in ("web-a", "web-b")]
    assert [f"{one[1]}:8000" for one in fixed if one] == re.findall(r"server ([\d.:]+) ", upstream)


def test_configuration():
    """The container's configuration is one, with the variables of the examples and no other."""
    examples = [(DEPLOY / f"{name}.env.example").read_text() for name in ("receiver", "database")]
    names = [name for text in examples for name in re.findall(r"^(\w+)=$", text, re.MULTILINE)]
    text = (DEPLOY / "receiver.container.toml").read_text(encoding="utf-8")
    assert set(names) == set(re.findall(r"\$\{(\w+)\}", text))
    config = parse(tomllib.loads(text), path=Path("/etc/receiver/receiver.toml"), environ=dict.fromkeys(names, "Word"))
    assert "postgresql+psycopg://receiver:Word@postgres/receiver" == config.database
    assert ["melhor-envio"] == list(config.endpoints)
