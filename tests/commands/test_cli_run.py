"""Starting things, and looking at what would start: faults are lines, not tracebacks."""

import json
import re
import signal
import socket
import subprocess
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from receiver.carriers import discover
from receiver.cli import main
from receiver.store import Database
from tests.support.console import receiver, receiver_process, write_config
from tests.support.rig import MELHOR_ENVIO, order

UPS = {"carrier": "ups", "secrets": ["ups-secret"]}
BARE = {name: value for name, value in MELHOR_ENVIO.items() if name != "references"}
NOWHERE = "postgresql+psycopg://postgres@127.0.0.1:1/none"
ON_DATABASE = ["check", "shipments", "deliveries", "rejects", "export", "prune", "migrate", "serve", "web", "work"]


@pytest.fixture
def config(tmp_path: Path, sqlite_url: str) -> Path:
    return write_config(tmp_path, sqlite_url, "https://vtex.invalid", {"melhor-envio": MELHOR_ENVIO})


def refusal(command: str, config: Path) -> str:
    """The one line on stderr with which a command ends, exit code 1. What takes over signals and the log runs apart."""
    if command in ("serve", "web", "work"):
        process = receiver_process(command, config=config)
        said, error = process.communicate(timeout=60)
        code = process.returncode
    else:
        result = receiver(command, config=config)
        code, said, error = result.exit_code, result.stdout, result.stderr
    assert (1, "", 1) == (code, said, error.count("\n")), error
    return error


class TestFaults:
    @pytest.mark.parametrize("command", [*ON_DATABASE, ("replay", ".", "--send")])
    def test_every_fault(self, tmp_path, command):
        """A faulty configuration names all its faults, whichever command reads it."""
        config = tmp_path / "receiver.toml"
        config.write_text('[receiver]\nfoo = 1\n[vtex.lux]\napp_key = "${NOPE}"\n[endpoints.nobody]\n')

        result = receiver(*([command] if isinstance(command, str) else command), config=config)

        assert (1, "") == (result.exit_code, result.stdout)
        heading, *faults = result.stderr.splitlines()
        assert f"{config}: 4 faults" == heading
        for part in ("receiver.foo: ", "vtex.lux.app_key: ", "vtex.lux.app_token: ", "endpoints.nobody.carrier: "):
            assert 1 == sum(part in fault for fault in faults)

    def test_no_file(self, tmp_path):
        """No configuration at all says which file is looked for, and how to begin."""
        result = receiver("shipments", config=tmp_path / "none.toml")

        assert 1 == result.exit_code
        assert f"{tmp_path / 'none.toml'}: 1 fault" == result.stderr.splitlines()[0]
        assert f"there is no none.toml in {tmp_path}. Begin with: receiver init" in result.stderr

    @pytest.mark.parametrize("command", ON_DATABASE)
    def test_database_away(self, tmp_path, command):
        """A database that does not answer is one line."""
        config = write_config(tmp_path, NOWHERE, "https://vtex.invalid", {"melhor-envio": MELHOR_ENVIO})

        assert "Connection refused" in refusal(command, config)

    @pytest.mark.parametrize("command", [name for name in ON_DATABASE if name != "migrate"])
    def test_not_migrated(self, tmp_path, postgres_url, command):
        """An empty PostgreSQL database is one line that names the remedy."""
        config = write_config(tmp_path, postgres_url, "https://vtex.invalid", {"melhor-envio": MELHOR_ENVIO})

        assert "run 'receiver migrate'" in refusal(command, config)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("serve", "--bind", "8000"),
            ("serve", "--bind", "host:port"),
            ("serve", "--bind", "127.0.0.1:70000"),
            ("serve", "--threads", "0"),
            ("web", "--processes", "0"),
            ("work", "--hands", "0"),
            ("demo", "--bind", ":8000"),
        ],
    )
    def test_usage(self, config, arguments):
        """What cannot be meant is refused at once."""
        assert 2 == receiver(*arguments, config=config).exit_code


class TestCheck:
    def test_no_faults(self, config):
        """It lists what is configured, and names the file."""
        receiver("migrate", config=config)

        assert [
            "account lux: https://vtex.invalid, 1 app token",
            "endpoint /webhooks/melhor-envio: melhor_envio, proves itself by hmac, account lux, 1 reference rule",
            "database: ready",
            "! keys and roles: not checked. receiver check --vtex asks VTEX, without writing",
            f"{config}: no faults",
        ] == receiver("check", config=config).stdout.splitlines()

    def test_hints(self, tmp_path, sqlite_url):
        """An endpoint whose parcels name no order is reported: where a rule could find it, and the way of a link."""
        endpoints = {
            "melhor-envio": BARE,
            "ups": UPS,
            "frenet": {"carrier": "frenet", "secrets": ["s"]},
            "ruled": {**UPS, "references": [{"path": "referenceNumber", "is": "order_id"}]},
        }
        config = write_config(tmp_path, sqlite_url, "https://vtex.invalid", endpoints)

        hints = [line for line in receiver("check", config=config).stdout.splitlines() if line.startswith("  ! ")]

        rule = "add a reference rule (merchants write it into data.tags[*].tag)"
        assert [
            f"  ! Melhor Envio names no order by itself: {rule}, or tell it with 'receiver link'",
            "  ! UPS carries no order: tell it with 'receiver link', or with a reference rule of your own",
        ] == hints

    def test_two_accounts(self, tmp_path, sqlite_url):
        """An endpoint for several accounts names them all."""
        rule = {"path": "referenceNumber", "is": "outlet"}
        endpoints = {"ups": {**UPS, "account": "lux", "accounts": [rule, rule]}}
        config = write_config(tmp_path, sqlite_url, "https://vtex.invalid", endpoints)
        with config.open("a", encoding="utf-8") as file:
            file.write('[vtex.outlet]\napp_key = "key"\napp_token = "token"\n')

        assert "proves itself by header, account lux or outlet\n" in receiver("check", config=config).stdout

    def test_no_endpoint(self, tmp_path, sqlite_url):
        """Without an endpoint nothing can be received."""
        config = write_config(tmp_path, sqlite_url, "https://vtex.invalid", {})

        assert "! no endpoint: add" in receiver("check", config=config).stdout

    def test_secrets(self, config):
        """It prints no secret."""
        config.write_text(config.read_text().replace('"token"', '"app-token-canary"').replace('"key"', '"key-canary"'))

        said = receiver("check", config=config).output

        assert "no faults" in said
        assert "rig-secret" not in said
        assert "canary" not in said


class TestCarriers:
    def test_json(self):
        """Each carrier with its schemes, references and documentation; no configuration is needed."""
        rows = [json.loads(line) for line in receiver("carriers", "--json").stdout.splitlines()]

        assert list(discover()) == [row["carrier"] for row in rows]
        (frenet,) = [row for row in rows if row["carrier"] == "frenet"]
        assert ("Frenet", ["header", "query", "path"], ["OrderId"], 422) == tuple(
            frenet[name] for name in ("name", "auth", "references", "unreadable")
        )
        assert "America/Sao_Paulo" == frenet["zone"]

    def test_table(self):
        """Who names no order says how it is told."""
        (line,) = [line for line in receiver("carriers").stdout.splitlines() if line.startswith("ups ")]

        assert "only by `receiver link`" in line

    def test_brackets(self):
        """A path with brackets is printed as it is."""
        assert "data.tags[*].tag" in receiver("carriers").stdout


class TestMigrate:
    def test_postgres(self, tmp_path, postgres_url):
        """It makes an empty database ready, and may be repeated."""
        config = write_config(tmp_path, postgres_url, "https://vtex.invalid", {"melhor-envio": MELHOR_ENVIO})

        for _ in range(2):
            assert "the database is up to date\n" == receiver("migrate", config=config).stdout
        Database(postgres_url).close()
        assert "no shipments yet\n" == receiver("shipments", config=config).stdout

    def test_sqlite(self, config):
        """On SQLite it does what every start does."""
        assert 0 == receiver("migrate", config=config).exit_code


class TestSandbox:
    def test_serves(self, tmp_path):
        """It serves the orders of a file until it is told to stop."""
        orders = tmp_path / "orders.json"
        orders.write_text(json.dumps(order("1-01")))
        process = receiver_process("sandbox", "--orders", orders, "--bind", "127.0.0.1:0", popen=subprocess.Popen)
        try:
            url = process.stdout.readline().split()[3].rstrip(";")
            with urlopen(f"{url}/sandbox/orders/1-01") as answer:
                assert "1-01" == json.load(answer)["orderId"]
            process.send_signal(signal.SIGINT)
            assert 0 == process.wait(10)
        finally:
            process.kill()
            process.communicate()

    def test_address_is_taken(self):
        """Where something listens already, the start ends with one line, as that of `serve` does."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            bind = f"127.0.0.1:{other.getsockname()[1]}"
            result = receiver("sandbox", "--bind", bind)

        assert (1, f"cannot listen at {bind}: Address already in use\n") == (result.exit_code, result.stderr)

    def test_examples(self):
        """Without a file it has orders of its own, shows how to ask for one, and logs as the receiver does."""
        process = receiver_process("sandbox", "--bind", "127.0.0.1:0")
        try:
            said = [process.stdout.readline() for _ in range(3)]
            asked = Request(said[2].split()[-1], headers=dict(re.findall(r"'([\w-]+): (\w+)'", said[2])))
            with urlopen(asked) as answer:
                assert "1410000000001-01" == json.load(answer)["orderId"]
        finally:
            process.terminate()
            _, logged = process.communicate(timeout=60)

        [line] = logged.splitlines()
        phrase = "stand-in answered: method=GET path=/api/oms/pvt/orders/1410000000001-01 status=200"
        assert re.fullmatch(rf"20\S+Z INFO    {phrase}", line)

    @pytest.mark.parametrize(
        ("arguments", "said"), [(("--fault", "nope=1"), "nope"), ((), "bad.json"), (("--bind", "192.0.2.1:1"), "")]
    )
    def test_faults(self, tmp_path, arguments, said):
        """Unknown faults, a file that holds no orders and an address that is not ours are one line."""
        orders = tmp_path / "bad.json"
        orders.write_text("[]" if arguments else "nothing")

        result = receiver("sandbox", "--orders", orders, *arguments)

        assert (1, 1) == (result.exit_code, result.stderr.count("\n"))
        assert said in result.stderr


def test_port_taken(config):
    """A port in use is told in one line, and ends the command."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = receiver_process("serve", "--bind", f"127.0.0.1:{taken.getsockname()[1]}", config=config)
        _, said = process.communicate(timeout=30)

    assert 1 == process.returncode
    assert "Traceback" not in said


@pytest.mark.parametrize("name", sorted(main.commands))
def test_help(name):
    """Every command explains itself, and its line in the list of commands is not cut."""
    assert 0 == receiver(name, "--help").exit_code
    (line,) = [line for line in receiver("--help").stdout.splitlines() if line.startswith(f"  {name} ")]
    assert line.endswith(".")
    assert not line.endswith("...")
