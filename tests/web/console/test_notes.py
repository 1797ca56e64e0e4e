"""What the reconciler notes, in the person's language; and that VTEX's own words reach only who may decide."""

import re
import string
from itertools import pairwise

import pytest
from sqlalchemy import update
from sqlalchemy.engine import Connection

from receiver.shipments import Reason
from receiver.store import DecisionRecord, Queue
from receiver.store.decisions import Entry
from receiver.store.tables import shipments
from receiver.web.console import notes
from receiver.web.console.language import LANGUAGES, Speech, texts
from tests.support.api import ANA, VI, get
from tests.support.clerk import Clerk
from tests.support.paths import ROOT
from tests.support.rig import Rig, order, package, posted

#: What the program says, without the breaks of its lines.
SOURCE = re.sub(
    r'"\s*\n\s*f?"',
    "",
    "\n".join(
        one.read_text(encoding="utf-8")
        for name in ("receiver", "adapters")
        for one in sorted((ROOT / name).rglob("*.py"))
    ),
)
#: Pairs of words whose program puts the second where it has a value.
COMPOSED = {"held none", "carries what", "replaces belongs"}
IF_SO = "If so, add to [endpoints.e]: x, then: y."
SE_FOR = "Se for isso, inclua em [endpoints.e]: x; depois: y."
WORDS = "Souza, Rua das Flores 7"
PAGE, STORY = "/parcels/melhor-envio/p1", "shipments/melhor-envio/p1"


def portuguese(note: str, reason: Reason | None = None) -> list[str]:
    return [notes.told(one, Speech(LANGUAGES["pt"], 0.0)) for one in notes.sentences(note, reason)]


class TestSentences:
    @pytest.mark.parametrize(
        ("reason", "rest", "told"),
        [
            (
                Reason.AMBIGUOUS_INVOICE,
                " (order 1-01: A (holds X), B all fit (tracking_number and own_invoice)) To decide: receiver assign",
                ["Pedido 1-01: A (tem X), B servem (a nota fiscal já tem o código do envio, já foi gravado ali antes)"],
            ),
            (
                Reason.AMBIGUOUS_INVOICE,
                " (order 1-01: A, B all fit (only_open_invoice))",
                ["Pedido 1-01: A, B servem (nada indica qual delas)"],
            ),
            (
                Reason.AMBIGUOUS_ORDER,
                " (tracking_number TN1BR, TN2BR belongs to 1-01, 2-01)",
                ["Código de rastreio TN1BR, TN2BR pertence a 1-01, 2-01"],
            ),
            (Reason.AMBIGUOUS_ORDER, " (141 belongs to 1-01, 2-01)", ["141 pertence a 1-01, 2-01"]),
            (Reason.SECOND_PARCEL, " (invoice A carries TN of ep/p2)", ["A nota fiscal A leva TN de ep/p2"]),
            (
                Reason.DELIVERY_DOUBTED,
                (
                    " (VTEX was not told that it is delivered; the carrier says that it turned back before it was"
                    " delivered on 2026-11-11T12:00-03:00, perhaps to its sender)"
                ),
                [
                    ("A VTEX não foi informada da entrega; a transportadora diz que voltou antes de ser entregue"
                    " (em 2026-11-11T12:00-03:00), talvez ao remetente")
                ],
            ),
            (
                Reason.DELIVERY_DOUBTED,
                (
                    " (VTEX was told that it is delivered (2026-11-11); the carrier says that it turned back at a time"
                    " not told and was delivered on 2026-11-12T12:00-03:00, perhaps to its sender)"
                ),
                [
                    ("A VTEX foi informada da entrega (2026-11-11); a transportadora diz que voltou"
                    " (data não informada) e foi entregue (em 2026-11-12T12:00-03:00), talvez ao remetente")
                ],
            ),
            (
                Reason.DELIVERY_DOUBTED,
                (
                    " (VTEX was not told that it is delivered; a part was delivered, and nothing has been heard of"
                    " volume 2 of ME1BR, ME2BR since 2026-11-11T12:00-03:00)"
                ),
                [
                    ("A VTEX não foi informada da entrega; uma parte foi entregue, e desde 2026-11-11T12:00-03:00"
                    " não há notícia de: volume 2 de ME1BR, ME2BR")
                ],
            ),
            (
                Reason.NUMBER_DIFFERS,
                f" (invoice A holds X, not Y) X seems to be no tracking number. {IF_SO} Order 1.",
                [
                    "A nota fiscal A tem X, não Y",
                    f"X não parece um código de rastreio. {SE_FOR}",
                    "Pedido 1.",
                ],
            ),
            (
                Reason.NUMBER_DIFFERS,
                f" (a) 9 seems to be no tracking number (it is the order's own sequence). {IF_SO}",
                [
                    "a",
                    f"9 não parece um código de rastreio (é o sequence do próprio pedido). {SE_FOR}",
                ],
            ),
            (Reason.VTEX_REFUSED, " (HTTP 403: no) Order 1, invoice A.", ["HTTP 403: no", "Pedido 1, nota fiscal A."]),
            (Reason.VTEX_REFUSED, "", []),
            (None, "endpoint ep is not in the configuration", ["O endpoint ep não está na configuração"]),
            (Reason.NO_INVOICE, " (words of an older version)", ["words of an older version"]),
        ],
    )  # fmt: skip
    def test_told(self, reason, rest, told):
        """Without the reason's sentence and the command; what there is no text for stays as it is."""
        assert told == portuguese(f"{reason.sentence if reason else ''}{rest}", reason)

    def test_english(self):
        """English names a rule in words, too, and says all else as it was written."""
        english, note = Speech(LANGUAGES["en"], 0.0), "order 1-01: A, B all fit ({})"
        assert note.format("nothing names one of them") == notes.told(note.format("only_open_invoice"), english)
        for one in ("invoice A carries TN of ep/p2", "words of an older version"):
            assert one == notes.told(one, english)

    @pytest.mark.parametrize("key", [key for key in texts() if key.startswith((notes.NOTES, notes.FAULTS))])
    def test_written(self, key):
        """The English of each text is what the program writes: so do all pairs of its words. None hides another."""
        written, file = str(texts()[key]["en"]), f"{key.partition('.')[0]}."
        pieces = [
            part.split() for text, *_ in string.Formatter().parse(written) for part in re.split(r"[;:,.()]", text)
        ]
        pairs = {f"{one} {other}" for words in pieces for one, other in pairwise(words)}

        assert set() == {pair for pair in pairs if pair not in SOURCE} - COMPOSED
        assert key == next(name for name, pattern in notes._patterns(file) if pattern.fullmatch(written))


class TestWords:
    @pytest.fixture
    def said(self, site: Rig) -> Rig:
        """A held parcel, a paused account and an unchecked assignment, each with VTEX's words, which name the buyer."""
        site.add_order(order("1-01", package("41001")))
        site.post(posted())
        answer = f"HTTP 400: {WORDS}"
        note = f"{Reason.VTEX_REJECTED.explained(answer)} Order 1-01. To decide: receiver retry TN1BR"
        assigned = Entry(actor="ana", via="api", action="assign", kind="shipment", at=site.now)
        changed = update(shipments).values(state="held", reason="vtex_rejected", note=note, due_at=None)

        def written(connection: Connection) -> None:
            connection.execute(changed)
            record = DecisionRecord(site.database).recorder(assigned, unchecked=f"VTEX did not answer: {answer}")
            record(connection, [("melhor-envio/p1", {}, {"assigned_order": "1-01"})])

        site.database.write(written)
        accounts = Queue(site.database, worker_name="x", lease=1.0).accounts
        accounts.pause(
            "lux", until=site.now + 600, reason=f"asked to slow down: {answer}", own_fault=False, now=site.now
        )
        return site

    @pytest.mark.parametrize("page", [PAGE, "/", "/accounts", "/decisions", f"{PAGE}?order=1-01"])
    def test_pages(self, said, page):
        """Who decides reads them, who views reads that VTEX answered, and no page has them in English words of ours."""
        decides, views = (Clerk(said, token, language="pt").page(page) for token in (ANA, VI))

        assert (True, False) == (WORDS in decides, WORDS in views)
        assert "HTTP 400: \u2026" in views
        assert not re.search(r"asked to slow down|did not answer|rejected the call", decides + views)

    @pytest.mark.parametrize("path", [STORY, "shipments", "accounts", "decisions", f"{STORY}/decisions"])
    def test_api(self, said, path):
        """The same by the API."""
        assert (True, False) == tuple(WORDS in get(said, path, token).text for token in (ANA, VI))
