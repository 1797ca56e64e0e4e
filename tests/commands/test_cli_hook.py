"""``receiver hook``: what stands at VTEX, installing and removing ours, and never a secret on a screen."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver.sandbox import serve
from receiver.store import Background
from receiver.vtex.hook import MAY_HAVE_INVOICE, configuration
from tests.support.console import receiver, write_config
from tests.support.rig import MELHOR_ENVIO, Rig

SECRET = "s3cr3t-of-the-hook"


class Installer:
    """The command, the receiver it makes known, and what VTEX then has."""

    def __init__(self, rig: Rig, front: str) -> None:
        self.rig, self.url = rig, f"{front}/hooks/vtex/lux"
        self.configs: dict[str, Any] = rig.sandbox_app.extensions["hooks"].configs
        self.config = write_config(rig.folder, rig.database_url, rig.vtex_url, {"melhor-envio": MELHOR_ENVIO})
        self.set_secret(SECRET)

    def set_secret(self, secret: str | None) -> None:
        plain = Path(self.config).read_text(encoding="utf-8").replace(f'hook_secrets = ["{SECRET}"]\n', "")
        line = f'hook_secrets = ["{secret}"]\n' if secret else ""
        self.config.write_text(plain.replace("[vtex.lux]\n", f"[vtex.lux]\n{line}"), encoding="utf-8")

    def __call__(self, *words: str) -> tuple[int, str]:
        result = receiver("hook", *words, config=self.config)
        assert SECRET not in result.output
        return result.exit_code, result.output

    def foreign(self) -> None:
        self.configs["key"] = configuration("https://erp.example/hook", SECRET)


@pytest.fixture
def hook(rig: Rig) -> Iterator[Installer]:
    rig.configure(account={"hook_secrets": [SECRET]})
    with serve(rig.app) as front:
        yield Installer(rig, front.url)


def test_install(hook: Installer) -> None:
    """VTEX has the URL, the statuses and the secret; the store remembers; a warning speaks of the ERP's key."""
    code, said = hook("install", "--url", hook.url)
    assert 0 == code
    assert "never the one of your ERP" in said
    assert f"VTEX tells {hook.url} of orders that may have gained an invoice" in said
    there = hook.configs["key"]
    assert {"type": "FromWorkflow", "status": list(MAY_HAVE_INVOICE)} == there["filter"]
    assert {"url": hook.url, "headers": {"x-hook-secret": SECRET}} == there["hook"]
    remembered = Background(hook.rig.database).hook("lux")
    assert remembered
    assert hook.url == remembered["url"]

    assert 0 == hook("install", "--url", hook.url)[0]


def test_status(hook: Installer) -> None:
    """What stands there, with the names of its headers only."""
    assert (0, "no hook\n") == hook("status")
    hook.foreign()
    lines = ["https://erp.example/hook", f"FromWorkflow: {', '.join(MAY_HAVE_INVOICE)}", "headers: x-hook-secret"]
    assert lines == hook("status")[1].splitlines()
    hook("install", "--url", hook.url, "--replace")
    told = json.loads(hook("status", "--json")[1])
    assert (hook.url, True, ["x-hook-secret"]) == (told["url"], told["ours"], told["headers"])
    hook.configs.clear()
    assert "no hook; ours was installed" in hook("status")[1]


def test_foreign(hook: Installer) -> None:
    """Another hook is neither replaced nor removed without being told so, and is shown."""
    hook.foreign()
    code, said = hook("install", "--url", hook.url)
    assert (1, "another hook stands there; --replace takes its place") == (code, said.splitlines()[0])
    assert "https://erp.example/hook" in said
    code, said = hook("remove")
    assert (1, True) == (code, "was not installed from here" in said)
    assert "https://erp.example/hook" == hook.configs["key"]["hook"]["url"]

    assert "formerly https://erp.example/hook" in hook("install", "--url", hook.url, "--replace")[1]
    assert hook.url == hook.configs["key"]["hook"]["url"]


def test_remove(hook: Installer) -> None:
    """Ours is removed, and the worker does not bring it back."""
    hook("install", "--url", hook.url)
    assert (0, f"removed: {hook.url}\n") == hook("remove")
    assert ({}, None) == (hook.configs, Background(hook.rig.database).hook("lux"))
    assert (0, "there was no hook\n") == hook("remove")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://x.example/hooks/vtex/lux", "is not https"),
        ("https://x.example/hooks/vtex/other", "does not end in /hooks/vtex/lux"),
        ("https://x.example/", "does not end in /hooks/vtex/lux"),
    ],
)
def test_url(hook: Installer, url: str, said: str) -> None:
    """A URL that cannot work is refused before VTEX is asked."""
    code, told = hook("install", "--url", url)
    assert (1, True) == (code, said in told)
    assert [] == hook.rig.calls()


def test_no_answer(hook: Installer) -> None:
    """VTEX tries the URL; what it says of it is told, and nothing is remembered."""
    code, said = hook("install", "--url", "http://127.0.0.1:9/hooks/vtex/lux")
    assert (1, True) == (code, "Unable to check address" in said)
    assert said.strip().endswith(
        "VTEX could not reach the URL: is the receiver up there, and is its certificate valid?"
    )
    assert Background(hook.rig.database).hook("lux") is None


def test_account(hook: Installer) -> None:
    """The account must be named only where there are several."""
    with Path(hook.config).open("a", encoding="utf-8") as more:
        more.write(f'[vtex.lux2]\napp_key = "k2"\napp_token = "t"\nbase_url = "{hook.rig.vtex_url}"\n')
    plain = Path(hook.config).read_text(encoding="utf-8")
    Path(hook.config).write_text(plain.replace('carrier = "mel', 'account = "lux"\ncarrier = "mel'), encoding="utf-8")

    for words in (("status",), ("remove",), ("install", "--url", hook.url)):
        assert (1, "--account is missing; there are lux, lux2\n") == hook(*words)
    hook.foreign()
    assert [True, False] == ["erp.example" in hook("status", "--account", name)[1] for name in ("lux", "lux2")]


def test_faults(hook: Installer) -> None:
    """No such account, no secret, a key that does not work: one line each."""
    assert (1, "no account 'x'; there are lux\n") == hook("status", "--account", "x")
    hook.rig.faults(unauthorized=True)
    code, said = hook("status")
    assert (1, True) == (code, said.startswith("VTEX: the app key is not accepted"))
    hook.set_secret(None)
    assert "hook_secrets: is missing" in hook("install", "--url", hook.url)[1]
