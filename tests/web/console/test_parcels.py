"""The list of parcels: filters, search, pages, and decisions about many by a preview."""

import re
import time
from html import unescape

import pytest

from tests.support.api import VI, held
from tests.support.clerk import Clerk
from tests.support.rig import Rig, order, package, posted
from tests.support.store_cases import add_shipments

BULK = "/parcels/bulk?action=dismiss&state=held"


@pytest.fixture
def stocked(site: Rig) -> Rig:
    """A parcel that is held, and one that is in step; a second ago."""
    site.now = time.time() - 1
    held(site)
    site.add_order(order("2-01", package("41002")))
    site.post(posted("2-01", parcel="p2", number="TN2BR"))
    site.work()
    site.now += 1
    return site


def parcels(page: str) -> list[str]:
    """The parcels of a page, in its order."""
    return re.findall(r'<a class="mono" href="/console/parcels/([^"]+)"', page)


class TestList:
    def test_filters(self, stocked, ana):
        """The latest change first; each filter of the address chooses, and stays in the form."""
        both = ["melhor-envio/p2", "melhor-envio/p1"]
        for query, expected in [
            ("", both), ("?state=held", both[1:]), ("?reason=ambiguous_invoice", both[1:]), ("?state=kept", []),
            ("?endpoint=melhor-envio&since=2026-01-01", both), ("?until=2026-01-01", []), ("?carrier=ups", []),
            ("?q=1-01&state=held", both[1:]),
        ]:  # fmt: skip
            assert expected == parcels(ana.page(f"/parcels{query}")), query
        assert '<option value="ambiguous_invoice" selected>' in ana.page("/parcels?reason=ambiguous_invoice")

    def test_alike(self, stocked, ana):
        """Two parcels of one number are told apart by their ids; one alone goes by its number."""
        add_shipments(stocked.database, "ep/1", tracking_number="TN1BR", due_at=None)
        page = ana.page("/parcels")
        assert {"ep/1", "melhor-envio/p1"} == set(re.findall(r"</a><small>([^<]+)</small>", page))

    def test_chips(self, stocked, ana):
        """Each state that has parcels is a link with its number, the other filters kept."""
        page = unescape(ana.page("/parcels?state=held&since=2026-01-01"))

        chips = re.findall(
            r'href="(/console/parcels\?[^"]+)"[^>]*><span class="state (\w+)">[^<]+</span> <b>([^<]+)</b>', page
        )
        assert [("held", "1"), ("in_step", "1")] == [(state, many) for _, state, many in chips]
        assert all("since=2026-01-01" in link for link, _, _ in chips)

    @pytest.mark.parametrize("found", ["TN2BR", "tn-2 br", "2-01", "41002", "melhor-envio/p2", "p2"])
    def test_search(self, stocked, ana, found):
        """A search that finds one parcel opens it; any of its numbers will do."""
        answer = ana.get(f"/parcels?q={found}")
        assert (303, "/console/parcels/melhor-envio/p2") == (answer.status_code, answer.location)

    def test_awaited(self, site, ana):
        """A parcel whose order VTEX does not have yet shows which one it waits for."""
        site.post(posted("777-01"))
        site.work()
        assert "777-01</span><small>not at VTEX yet</small>" in ana.page("/parcels")

    def test_nothing(self, ana):
        """An empty list says so."""
        assert "No parcel matches." in ana.page("/parcels?q=x")

    def test_unread(self, site, ana):
        """What arrived and no worker has looked at, as during a pause, is found by what the carrier wrote alone: an
        empty search says so."""
        site.post(posted())

        assert "/console/parcels/melhor-envio/p1" == ana.get("/parcels?q=TN1BR").location
        assert "No parcel matches. Parcels are in the queue that were not looked at" in ana.page("/parcels?q=tn-1br")
        assert "not looked at" not in ana.page("/parcels?state=held")
        site.work()
        assert "not looked at" not in ana.page("/parcels?q=x")

    def test_pages(self, site, ana):
        """Older parcels are a link away, and the last page has none."""
        add_shipments(site.database, *(f"ep/{number:03}" for number in range(120)), due_at=None)
        path, found = "/parcels", []
        while path:
            page = unescape(ana.page(path))
            found += parcels(page)
            following = re.search(r'href="/console(/parcels\?[^"]+)" rel="next"', page)
            path = following[1] if following else ""

        assert [f"ep/{number:03}" for number in range(119, -1, -1)] == found

    @pytest.mark.parametrize("query", ["state=x", "reason=x", "since=soon", "cursor=x", f"q={'x' * 201}", "q=%00"])
    def test_refused(self, ana, query):
        """A filter that makes no sense is refused."""
        assert 400 == ana.get(f"/parcels?{query}").status_code

    def test_hostile(self, site, ana):
        """What a carrier wrote can be no markup."""
        add_shipments(site.database, "ep/<b>x", tracking_number="<script>alert(1)</script>", due_at=None)
        assert "<script>alert" not in ana.page("/parcels")


class TestMany:
    def test_preview_then_act(self, stocked, ana):
        """The preview shows how many and which, and changes nothing; the act records each with the name."""
        page = ana.page(BULK)
        assert ("1 parcel would be dismissed" in page, ["melhor-envio/p1"]) == (True, parcels(page))
        assert "held" == stocked.shipment()["state"]

        done = ana.send(BULK, "/parcels/bulk", note="sent by hand")

        assert 303 == done.status_code
        assert "1 parcel was dismissed." in ana.page(done.location.removeprefix("/console"))
        assert "dismissed" == stocked.shipment()["state"]
        assert "sent by hand" in ana.page("/parcels/melhor-envio/p1")

    def test_back(self, stocked, ana):
        """A person who does not go on comes back to the same list, also from a refusal."""
        for query, shown in (("state=held", 2), ("state=kept", 1)):
            assert shown == ana.get(f"/parcels/bulk?action=dismiss&{query}").text.count(
                f'href="/console/parcels?{query}"'
            )

    def test_changed_meanwhile(self, stocked, ana):
        """What changed since the preview is left alone, and the page says so."""
        page = ana.get(BULK).text
        stocked.decisions.retry("melhor-envio/p1", now=stocked.now + 1)
        fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.partition("<h1")[2]))

        answer = ana.post("/parcels/bulk", {name: unescape(value) for name, value in fields.items()})

        assert (409, True) == (answer.status_code, "have changed since the preview" in answer.text)
        assert "due" == stocked.shipment()["state"]

    @pytest.mark.parametrize(
        ("query", "status", "said"),
        [
            ("action=retry&state=kept", 409, "No parcel matches any more."), ("action=retry", 409, "Choose a filter"),
            ("action=assign&state=held", 400, "makes no sense"), ("state=held", 400, "makes no sense"),
        ],
    )  # fmt: skip
    def test_refused(self, stocked, ana, query, status, said):
        """A decision about many needs an action, and a filter that some parcel matches."""
        answer = ana.get(f"/parcels/bulk?{query}")
        assert (status, True) == (answer.status_code, said in answer.text or status == 400)

    def test_view(self, stocked):
        """Who may only view sees no button, no preview, and cannot act."""
        vi = Clerk(stocked, VI)
        assert "/parcels/bulk" not in vi.page("/parcels?state=held")
        assert 403 == vi.get(BULK).status_code
        assert 403 == vi.post("/parcels/bulk", {"action": "dismiss", "state": "held"}).status_code

    def test_foreign_form(self, stocked, ana):
        """A form of another site decides nothing."""
        assert 403 == ana.post("/parcels/bulk", {"action": "dismiss", "state": "held", "token": "x"}).status_code
        assert "held" == stocked.shipment()["state"]
