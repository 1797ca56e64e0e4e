"""The configuration: every fault at once, each with its place, and no secret ever shown."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from adapters import Header, ReferenceKind
from receiver.config import AWAIT_SECONDS, Account, BadConfig, Config, Endpoint, default_path, load, parse
from tests.support.configs import VTEX, config, faults
from tests.support.paths import ROOT

EXAMPLE = ROOT / "receiver.example.toml"


class TestExample:
    ENVIRONMENT = {  # noqa: RUF012  no one changes it
        "VTEX_APP_KEY": "k", "VTEX_APP_TOKEN": "t", "MELHOR_ENVIO_SECRET": "m", "FRENET_TOKEN": "f",
        "SHIPSTATION_URL_TOKEN": "s", "SHIPSTATION_KEY": "k:s",
        "ANA_TOKEN": "a" * 24, "VTEX_HOOK_SECRET": "h", "LINK_TOKEN": "l",
        "METRICS_TOKEN": "a-token-of-prometheus", "ALERT_URL": "json://127.0.0.1", "SMTP_USER": "u",
        "SMTP_PASSWORD": "p", "ALERT_SECRET": "whsec_" + "a" * 32,
    }  # fmt: skip

    def test_loads(self):
        """The example is a working configuration as it stands."""
        loaded = load(EXAMPLE, self.ENVIRONMENT)

        assert ["luxstore"] == list(loaded.accounts)
        assert ["melhor_envio", "frenet", "shipstation_v1"] == [one.carrier.slug for one in loaded.endpoints.values()]
        assert [ReferenceKind.ORDER_ID] == [rule.kind for rule in loaded.endpoints["melhor-envio"].references]

    def test_comments_load_too(self, tmp_path):
        """With every commented setting in force it still is: none of them is misspelt."""
        (tmp_path / "carriers").mkdir()
        whole = tmp_path / "receiver.toml"
        whole.write_text(re.sub(r"(?m)^# (?=\w+ = |\[\[)", "", EXAMPLE.read_text()))
        loaded = load(whole, self.ENVIRONMENT)

        assert "http://127.0.0.1:8099" == loaded.accounts["luxstore"].base_url
        assert Header("x-outlet") == loaded.endpoints["frenet-outlet"].scheme

    def test_comments_show_the_defaults(self, tmp_path):
        """What the comments of the general part say is what holds without them."""
        (tmp_path / "carriers").mkdir()
        whole = tmp_path / "receiver.toml"
        whole.write_text(re.sub(r"(?m)^# (?=\w+ = |\[\[)", "", EXAMPLE.read_text()))
        plain = tmp_path / "plain.toml"
        plain.write_text(EXAMPLE.read_text())
        told, held = load(whole, self.ENVIRONMENT), load(plain, self.ENVIRONMENT)

        assert list(told.carriers) == list(held.carriers)  # each has loaded its own
        others = [one.name for one in fields(Config) if one.name != "carriers"]
        different = {name for name in others if getattr(told, name) != getattr(held, name)}
        # `keep_rows_days` is left to the database, and shown as a new one has it. Proxies have no default but loopback.
        assert {"path", "metrics", "notify", "accounts", "endpoints", "keep_rows_days", "trusted_proxies"} == different

    def test_complete(self):
        """It shows every setting that the program reads, and only those."""
        written = re.sub(r"(?m)^# (?=\w+ = |\[\[)", "", EXAMPLE.read_text())
        shown = set(re.findall(r"(?m)^(\w+) = ", written)) | {"auth", "scheme", "name", "in_form"}
        readers = (
            "text",
            "texts",
            "number",
            "optional_number",
            "boolean",
            "choice",
            "zone",
            "table",
            "growing",
            "address",
            "networks",
        )
        modules = ("loader", "operators", "rules", "schemes", "notify")
        trees = [ast.parse((ROOT / "receiver" / "config" / f"{name}.py").read_text()) for name in modules]
        read = {
            node.args[0].value
            for tree in trees
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in readers
            if node.args and isinstance(node.args[0], ast.Constant)
        }

        assert read - {"receiver", "operator_token", "metrics", "notify", "smtp", "webhook"} == shown


class TestLoading:
    def test_defaults(self):
        """An account and an endpoint with a secret are enough."""
        made = config()

        assert "sqlite:////srv/var/receiver.db" == made.database
        assert ("dispatched", 60.0, 16, 10.0, {}) == (
            made.send_on, made.lease, made.concurrency, made.read_back_seconds, made.operators
        )  # fmt: skip
        assert "https://lux.vtexcommercestable.com.br" == made.accounts["lux"].base_url
        assert ("frenet", "lux", Header("x-webhook-token"), ("s",), 422, True) == (
            made.endpoints["frenet"].carrier.slug,
            made.endpoints["frenet"].account,
            made.endpoints["frenet"].scheme,
            made.endpoints["frenet"].secrets,
            made.endpoints["frenet"].unreadable,
            made.endpoints["frenet"].events,
        )

    def test_all_faults_at_once(self, tmp_path):
        """Whatever is wrong is said in one go, each fault with its place."""
        bad = tmp_path / "receiver.toml"
        bad.write_text(
            """
            [receiver]
            lease = 1
            hand = 4
            [vtex.lux]
            app_key = "${NO_SUCH_KEY}"
            [endpoints.frenet]
            zone = "Brasilia"
            [endpoints.jadlog]
            secrets = []
            [[endpoints.frenet.references]]
            path = "a["
            is = "order_id"
            [other]
            """
        )
        with pytest.raises(BadConfig) as caught:
            load(bad, {})

        assert [
            (
                "endpoints.frenet.references[0]: path 'a[' is not JMESPath: Invalid jmespath expression: "
                "Incomplete expression:"
            ),
            "endpoints.frenet.secrets: is missing",
            "endpoints.frenet.zone: 'Brasilia' is no time zone (use a name such as America/Sao_Paulo)",
            "endpoints.jadlog.carrier: 'jadlog' is no carrier (receiver carriers lists them)",
            "other: is not a setting",
            "receiver.hand: is not a setting",
            "receiver.lease: must be a number of at least 5",
            "vtex.lux.app_key: environment variable NO_SUCH_KEY is unset or empty",
            "vtex.lux.app_token: is missing",
        ] == sorted(caught.value.faults)
        assert str(caught.value).startswith(f"{bad}: 9 faults\n  - ")

    def test_no_file(self, tmp_path):
        """Without a file the reader is told what to do."""
        with pytest.raises(BadConfig, match=r"Begin with: receiver init ACCOUNT CARRIER; or set RECEIVER_CONFIG"):
            load(tmp_path / "receiver.toml", {})
        with pytest.raises(BadConfig, match="cannot be read"):
            load(tmp_path, {})

    @pytest.mark.parametrize("content", [b"[receiver", b"\xff\xfe", b"lease = = 1"])
    def test_no_toml(self, tmp_path, content):
        """What is no TOML is named as such."""
        (tmp_path / "receiver.toml").write_bytes(content)

        with pytest.raises(BadConfig, match="is not TOML"):
            load(tmp_path / "receiver.toml", {})

    def test_path(self, monkeypatch, tmp_path):
        """RECEIVER_CONFIG says where the file is, else it is here; the environment is the process's own."""
        assert Path("receiver.toml") == default_path({})
        assert Path("receiver.toml") == default_path({"RECEIVER_CONFIG": ""})
        monkeypatch.setenv("RECEIVER_CONFIG", str(EXAMPLE))
        for name, value in TestExample.ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        assert EXAMPLE == load().path == default_path()

    @pytest.mark.parametrize("wrong", [{"receiver": 5}, {"receiver": {}, "vtex": "x"}, {"vtex": {"lux": 1}}])
    def test_no_tables(self, wrong):
        """A value where a table belongs is a fault, no crash."""
        with pytest.raises(BadConfig, match="must be a table"):
            parse(wrong, path=Path("receiver.toml"), environ={})

    def test_no_account(self):
        """Without an account nothing can be written."""
        with pytest.raises(BadConfig, match=re.escape("no VTEX account: add a [vtex.<account name>] table")):
            parse({}, path=Path("receiver.toml"), environ={})


class TestPlaceholders:
    def test_environment(self):
        """A value may come from the environment, also as a part, and also in a list; blanks around it do not count."""
        made = config(
            lux={"app_key": "${KEY}", "app_token": ["${NEW}", "old-${OLD}"]},
            environ={"KEY": "k1\n", "NEW": "n1", "OLD": "o1"},
        )

        assert ("k1", ("n1", "old-o1")) == (made.accounts["lux"].app_key, made.accounts["lux"].app_tokens)

    def test_file(self, tmp_path):
        """Or from a file beside the configuration, or anywhere."""
        (tmp_path / "token").write_text("  from-file\n")
        for name in ("token", tmp_path / "token"):
            made = config(lux={"app_token": f"${{file:{name}}}"}, folder=tmp_path)
            assert ("from-file",) == made.accounts["lux"].app_tokens

    def test_literal(self):
        """A dollar sign alone is itself, and a value is not read twice."""
        made = config(lux={"app_key": "a$b", "app_token": "${TOKEN}"}, environ={"TOKEN": "${OTHER}"})

        assert ("a$b", ("${OTHER}",)) == (made.accounts["lux"].app_key, made.accounts["lux"].app_tokens)

    @pytest.mark.parametrize("environ", [{}, {"TOKEN": ""}, {"TOKEN": " \n"}])
    def test_unset(self, environ):
        """Unset and empty are faults: an empty secret would be an open door."""
        assert ["vtex.lux.app_token[0]: environment variable TOKEN is unset or empty"] == faults(
            lux={"app_token": ["${TOKEN}"]}, environ=environ
        )

    @pytest.mark.parametrize(
        ("content", "why"), [(None, "cannot be read"), (b"", "is unset or empty"), (b"\xff", "cannot be read")]
    )
    def test_file_of_nothing(self, tmp_path, content, why):
        """So is a file that is missing, empty or no text."""
        if content is not None:
            (tmp_path / "token").write_bytes(content)
        (fault,) = faults(lux={"app_token": "${file:token}"}, folder=tmp_path)

        assert fault.startswith("vtex.lux.app_token: file token")
        assert why in fault


class TestGeneral:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("send_on", "delivered"), ("operator_token", ""), ("operator_token", 5), ("max_body", 10), ("lease", 4),
            ("lease", "60"), ("lease", float("nan")), ("lease", float("inf")), ("concurrency", 0),
            ("concurrency", True), ("database_connections", 3),
            ("concurrency", float("inf")), ("horizon_days", 0), ("keep_bodies_days", 0.5), ("read_back_seconds", -1),
            ("database", ""), ("database", "mysql://x"), ("database", "sqlite://"), ("database", "sqlite:///"),
            ("database", "sqlite:///:memory:"), ("database", "sqlite:///file::memory:?cache=shared&uri=true"),
            ("database", "postgresql://x"), ("database", "postgresql+psycopg://u@h:port/r"),
            ("leese", 60), ("await_seconds", []), ("await_seconds", 30), ("await_seconds", [5]),
            ("await_seconds", [60, 30]), ("await_seconds", [30, True]), ("await_seconds", ["30"]),
            ("await_seconds", [30, float("inf")]),
        ],
    )  # fmt: skip
    def test_faults(self, name, value):
        """What makes no sense is refused by name."""
        (fault,) = faults(receiver={name: value})

        assert fault.startswith(f"receiver.{name}: ")

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("sqlite:///data/r.db", "sqlite:////srv/data/r.db"),
            ("sqlite:////var/r.db", "sqlite:////var/r.db"),
            ("postgresql+psycopg://u:p@h/r", "postgresql+psycopg://u:p@h/r"),
        ],
    )
    def test_database(self, written, expected):
        """A SQLite path is relative to the configuration's folder, whatever the current one is."""
        assert expected == config(receiver={"database": written}).database

    def test_values(self):
        """Sizes and counts are whole numbers, times may be fractions."""
        given = {"max_body": 5_000, "concurrency": 4, "lease": 7.5, "read_back_seconds": 0, "database_connections": 12}
        made = config(receiver=given)

        assert given == {name: getattr(made, name) for name in given}

    def test_waiting(self):
        """The looks for an order or invoice that is not there grow rarer, as the merchant likes."""
        assert (30.0, 30.0, 600.0) == config(receiver={"await_seconds": [30, 30, 600]}).await_seconds
        assert AWAIT_SECONDS == config().await_seconds


class TestAccount:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://vtex.example", "https://vtex.example"),
            ("https://vtex.example/", "https://vtex.example"),
            ("HTTPS://vtex.example:8443/proxy/", "https://vtex.example:8443/proxy"),
            ("http://127.0.0.1:8099", "http://127.0.0.1:8099"),
            ("http://localhost:8099", "http://localhost:8099"),
            ("http://[::1]:8099", "http://[::1]:8099"),
        ],
    )
    def test_base_url(self, url, expected):
        """Another host may be named; plain HTTP goes to this machine only."""
        assert expected == config(lux={"base_url": url}).accounts["lux"].base_url

    @pytest.mark.parametrize(
        "url",
        [
            "http://vtex.example", "http://127.0.0.1.vtex.example", "ftp://vtex.example", "vtex.example", "https://",
            "https://u:p@vtex.example", "https://:p@vtex.example", "https://vtex.example?", "https://vtex.example?a=b",
            "https://vtex.example#x", "https://vtex.example:99999", "https://vtex.example:0", "https://[::1",
            "https://vtex.example:port", "http://localhost@vtex.example", "", 5,
        ],
    )  # fmt: skip
    def test_base_url_faults(self, url):
        """Anything else is refused: the app token travels with every call."""
        (fault,) = faults(lux={"base_url": url})

        assert fault.startswith("vtex.lux.base_url: ")

    def test_beta(self):
        """VTEX's beta environment may be named, and no other."""
        beta = config(lux={"environment": "vtexcommercebeta"}).accounts["lux"]

        assert "https://lux.vtexcommercebeta.com.br" == beta.base_url
        assert ["vtex.lux.environment: must be one of vtexcommercestable, vtexcommercebeta"] == faults(
            lux={"environment": "evil.example/"}
        )

    @pytest.mark.parametrize("name", ["app_key", "app_token"])
    @pytest.mark.parametrize("value", ["clé", "a\nb", "a\x00"])
    def test_header_text(self, name, value):
        """A key that cannot travel in a header is refused at start, not at the first call."""
        assert [f"vtex.lux.{name}: holds characters that cannot travel in a header"] == faults(lux={name: value})

    @pytest.mark.parametrize("name", ["Lux", "lux.store", "lux/..", "-lux", "l" * 64, "evil.example#"])
    def test_name(self, name):
        """An account's name becomes a host name."""
        with pytest.raises(BadConfig, match="is not a VTEX account name"):
            parse({"vtex": {name: VTEX["lux"]}}, path=Path("receiver.toml"), environ={})

    def test_unknown_setting(self):
        """A misspelt setting of an account is named."""
        assert ["vtex.lux.app_tokens: is not a setting; did you mean app_token?"] == faults(lux={"app_tokens": ["t"]})

    def test_pace(self):
        """The pace is a number of at least one, and no slower than a lease allows."""
        assert 5.0 == config(lux={"requests_per_minute": 5}).accounts["lux"].requests_per_minute
        assert 2.0 == config(lux={"requests_per_minute": 2}).accounts["lux"].requests_per_minute
        assert ["vtex.lux.requests_per_minute: is so few that a lease of 60 s would expire"] == faults(
            lux={"requests_per_minute": 1.9}
        )
        assert "vtex.lux.requests_per_minute: must be a number of at least 1" in faults(lux={"requests_per_minute": 0})


CANARY = "hunter2-canary"


def test_postgres_needs_its_driver(monkeypatch):
    """Without psycopg the fault names the extra to install."""
    monkeypatch.setattr("receiver.config.loader.find_spec", lambda name: None)

    assert ["receiver.database: needs the extra for PostgreSQL: pip install '.[postgres]'"] == faults(
        receiver={"database": "postgresql+psycopg://u@h/r"}
    )


def test_secrets_are_not_shown():
    """No secret is in the text of a configuration, an account or an endpoint."""
    made = config(
        receiver={"operator_token": CANARY, "database": f"postgresql+psycopg://u:{CANARY}@h/r"},
        operators={"ana": {"token": CANARY * 3}},
        lux={"app_key": CANARY, "app_token": [CANARY], "hook_secrets": [CANARY], "link_tokens": [CANARY]},
        endpoints={"frenet": {"secrets": [CANARY]}},
    )

    assert CANARY == made.endpoints["frenet"].secrets[0]
    assert CANARY not in f"{made!r} {made} {made.accounts['lux']!r} {made.endpoints['frenet']!r}"
    assert {Account, Endpoint} == {type(made.accounts["lux"]), type(made.endpoints["frenet"])}


def test_secrets_are_not_in_faults(tmp_path):
    """Nor in what is said about a faulty one."""
    (tmp_path / "token").write_text(CANARY)
    with pytest.raises(BadConfig) as caught:
        config(
            receiver={"operator_token": [CANARY], "database": f"mysql://u:{CANARY}@h/r"},
            lux={
                "app_key": f"é{CANARY}",
                "app_token": [5, CANARY],
                "base_url": f"https://u:{CANARY}@vtex.example",
                "hook_secrets": [CANARY, ""],
                "link_tokens": {"token": CANARY},
                "app_tokens": "${file:token}",
            },
            operators={"ana": {"token": CANARY}, "bo": {"token": [CANARY, f"é{CANARY}"], "role": CANARY[:3]}},
            endpoints={"easypost": {"secrets": [CANARY], "auth": {"scheme": "basic"}, "secret": CANARY}},
            folder=tmp_path,
        )

    assert len(caught.value.faults) >= 9
    assert CANARY not in str(caught.value)
