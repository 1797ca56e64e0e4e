"""Why something did not get in or cannot be read, in the person's language."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.web.console import notes
from receiver.web.console.language import LANGUAGES, Speech
from tests.support.clerk import Clerk
from tests.support.paths import ROOT
from tests.support.rig import UNREADABLE, Rig, posted

#: What all carriers share, and what is written of senders, messages and links. A carrier's own sentences are its own.
SOURCES = (
    *sorted(ROOT.glob("adapters/_*.py")),
    *(ROOT / "receiver" / one for one in ("carriers/registry.py", "carriers/schema_faults.py", "operations/links.py")),
)
#: Sentences whose middle is a value here; `test_told` has them whole.
COMPOSED = {"header x is x", "query parameter x is x", "x; there are x"}
RAISED = ("NotAuthentic", "UnknownKey", "Unreadable")
PT = Speech(LANGUAGES["pt"], 0.0)


def sentences(path: Path) -> Iterator[str]:
    """What the module says where it raises such a fault, with ``x`` for each value."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED and node.args:
            said = node.args[-1]
            parts = said.values if isinstance(said, ast.JoinedStr) else [said]
            texts = [part.value if isinstance(part, ast.Constant) else "x" for part in parts]
            if any(isinstance(part, ast.Constant) for part in parts):
                yield "".join(map(str, texts))


@pytest.mark.parametrize("path", SOURCES, ids=lambda one: one.name)
def test_known(path):
    """Each sentence that all carriers share has a text."""
    said = set(sentences(path)) - COMPOSED
    assert set() == {one for one in said if one == notes.told(one, PT, notes.FAULTS)}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("$.a: is blank", "$.a: está em branco"),
        ("$: lacks 'a' or 'b'", "$: não tem 'a' ou 'b'"),
        ("$: does not satisfy minItems 1", "$: não cumpre minItems 1"),
        (
            "$.a[1].b: is null, expected string (and 2 more); the other members were taken",
            "$.a[1].b: é null, esperado string (e mais 2); o restante da mensagem foi aceito",
        ),
        ("$.a: holds no JSON: is empty", "$.a: não contém JSON: está vazio"),
        ("header x-token is missing", "falta o cabeçalho x-token"),
        ("header x-token is neither hex nor base64", "o cabeçalho x-token não é hexadecimal nem base64"),
        ("query parameter token is there more than once", "o parâmetro token está mais de uma vez na URL"),
        (
            "$.endpoint: is no endpoint of this account; there are a",
            "$.endpoint: não é um endpoint desta conta; existem a",
        ),
        ("$.x: is string, expected object or array", "$.x: é string, esperado object ou array"),
        (
            "$: asks for a call that is not made: the URL leads to a host that is not the carrier's",
            "$: pede uma chamada que não é feita: a URL leva a um host que não é da transportadora",
        ),
        ("a message without any parcel", "uma mensagem sem nenhum envio"),
        ("words of a carrier of your own", "words of a carrier of your own"),
    ],
)
def test_told(written, said):
    """The sentence is told, and its path and values stay as they are; what there is no text for stays, too."""
    assert said == "".join(notes.fault(written, PT))


@pytest.mark.parametrize(
    ("language", "unread", "refused"),
    [
        ("en", "$.data: lacks &#39;id&#39;", "does not match the body"),
        ("pt", "$.data: não tem &#39;id&#39;", "não confere com o corpo"),
        ("es", "$.data: no tiene &#39;id&#39;", "no corresponde al cuerpo"),
    ],
)
def test_pages(site: Rig, language: str, unread: str, refused: str) -> None:
    """A quarantined delivery and a refused sender are told in the person's language, on every page that tells them."""
    delivery = site.post(UNREADABLE).json["delivery"]
    site.client.post("/webhooks/melhor-envio", json=posted(), headers={"x-me-signature": "AAAA"})
    clerk = Clerk(site, language=language)

    assert refused in clerk.page("/refused")
    for page in ("/deliveries", f"/deliveries/{delivery}"):
        assert unread in clerk.page(page), page
