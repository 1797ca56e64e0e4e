"""The record of decisions: filters, pages, and what is shown of each."""

import re

import pytest

from receiver.operations.decisions import Actor, Decisions
from receiver.store import Link
from receiver.store.keeping.forgetting import Forgetting
from tests.support.api import VI, held
from tests.support.clerk import Clerk
from tests.support.rig import Rig, posted

DAY = 86_400


def subjects(page: str) -> list[str]:
    return re.findall(r'<div>\s*\n?\s*<(?:a|span) class="mono"[^>]*>([^<]+)<', page)


def decide(site: Rig, name: str = "ana", note: str | None = None) -> Decisions:
    return Decisions(site.config, site.database, Actor(name, "command line"), note=note, clock=lambda: site.now)


@pytest.fixture
def decided(site: Rig) -> Rig:
    """Two parcels: Ana dismissed the first, a day later Bob retried the second."""
    held(site)
    site.post(posted("2-01", parcel="p2", number="TN2BR"))
    site.work()
    decide(site, note="<b>asked by Ana Souza").dismiss("melhor-envio/p1")
    site.now += DAY
    decide(site, "bob").retry("melhor-envio/p2")
    return site


class TestList:
    def test_filters(self, decided, ana):
        """The newest first; each filter of the address chooses."""
        one, two = "melhor-envio/p1", "melhor-envio/p2"
        for query, expected in [
            ("", [two, one]), ("?actor=ana", [one]), ("?action=retry", [two]), ("?kind=account", []),
            (f"?subject={one}", [one]), (f"?subject={one}&kind=shipment", [one]), (f"?subject={one}&kind=link", []),
            (f"?subject={one}&actor=bob", []), ("?since=2026-11-19", [two]), ("?until=2026-11-19", [one]),
        ]:  # fmt: skip
            assert expected == subjects(ana.page(f"/decisions{query}")), query

    def test_shown(self, decided, ana):
        """Who, from where, what, how it stood before and after, and why; a note can be no markup."""
        page = ana.page("/decisions?actor=ana")

        for shown in (
            "<b>ana</b>",
            "at the command line",
            "dismissed",
            "<b>State</b> Held → Dismissed",
            "&lt;b&gt;asked",
        ):
            assert shown in page, shown

    def test_link(self, site, ana):
        """A link is named by what it is and its value, and leads to it; a forgotten one says that it is."""
        decide(site, note="for Ana").link("lux", Link((("tracking_number", "TN/1"),), "1-01"))
        named = 'href="/console/links?q=TN%2F1" data-row>TN/1</a><small>Tracking number · lux</small>'
        assert named in ana.page("/decisions")

        decide(site).forget(Forgetting(site.database).of_text("TN/1"), "text")
        page = Clerk(site, language="pt").page("/decisions?kind=link")

        assert (False, True, True) == ("TN/1" in page, "apagado</span>" in page, "Apagado a pedido de" in page)

    def test_stays(self, site, ana):
        """What VTEX keeps after an assignment was taken back is a place and a number, without words of the program."""
        held(site)
        decide(site).assign("melhor-envio/p1", "1-01", "B")
        site.work()
        decide(site).unassign("melhor-envio/p1")

        assert "→ 1-01 / B / TN1BR</small>" in ana.page("/decisions")

    def test_view(self, decided):
        """A note may name a buyer: who may only view does not read it."""
        assert "Souza" not in Clerk(decided, VI).page("/decisions")

    def test_pages(self, decided, ana):
        """Older decisions are a link away, the filter kept."""
        for _ in range(60):
            decided.now += 1
            decide(decided).retry("melhor-envio/p2")
        page = ana.page("/decisions?action=retry")
        following = page.partition('rel="next"')[0].rpartition('href="/console')[2].partition('"')[0]

        assert (50, 11) == (
            len(subjects(page)), len(subjects(ana.page(following.replace("&amp;", "&"))))
        )  # fmt: skip

    @pytest.mark.parametrize("query", ["action=x", "kind=x", "since=x", "cursor=x", f"actor={'x' * 201}"])
    def test_refused(self, ana, query):
        """A filter that makes no sense is refused."""
        assert 400 == ana.get(f"/decisions?{query}").status_code

    def test_none(self, ana):
        """An empty record says so."""
        assert "No decision matches." in ana.page("/decisions")
