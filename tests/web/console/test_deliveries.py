"""What arrived: the list, one delivery with its body and its reading, and reading it again."""

import re
from html import unescape

import pytest
from sqlalchemy import text

from receiver.store import Horizons, Retention
from tests.support.api import VI
from tests.support.clerk import Clerk
from tests.support.rig import UNREADABLE, Rig, posted


def listed(page: str) -> list[str]:
    """The deliveries of a page, in its order."""
    return re.findall(r'href="/console/deliveries/(\w+)"', page)


def arrived(site: Rig, *payloads: object) -> list[str]:
    """The ids of deliveries that came a second apart."""
    found = []
    for one in payloads:
        found.append(site.post(one).json["delivery"])
        site.now += 1
    return found


class TestList:
    def test_filters(self, site, ana):
        """The latest first; each filter of the address chooses; a time without an offset is UTC."""
        good, bad = arrived(site, posted(), UNREADABLE)

        for query, expected in [
            ("", [bad, good]), ("?outcome=quarantined", [bad]), ("?outcome=ignored", []),
            ("?endpoint=melhor-envio", [bad, good]), ("?carrier=ups", []), ("?since=2026-11-18", [bad, good]),
            ("?until=2026-11-18T11:06:41", [good]), ("?since=2026-11-18&until=2026-11-19&outcome=accepted", [good]),
            ("?since=2026-11-18T11:06:41Z", [bad]), ("?since=2027-01-01", []), ("?until=2026-01-01", []),
        ]:  # fmt: skip
            assert expected == listed(ana.page(f"/deliveries{query}")), query
        assert '<option value="quarantined" selected>' in ana.page("/deliveries?outcome=quarantined")
        assert "$.data: lacks &#39;id&#39;" in ana.page("/deliveries")

    def test_pages(self, site, ana):
        """Older ones are a link away, the filter kept; the last page has no such link."""
        ids = arrived(site, *(posted(parcel=f"p{number}") for number in range(60)))
        path, found = "/deliveries?endpoint=melhor-envio", []
        while path:
            page = unescape(ana.page(path))
            found += listed(page)
            following = re.search(r'href="/console(/deliveries\?[^"]+)" rel="next"', page)
            path = following[1] if following else ""

        assert sorted(ids, reverse=True) == found  # two of one millisecond have no order

    @pytest.mark.parametrize("query", ["outcome=x", "since=soon", "cursor=x", f"endpoint={'x' * 201}", "carrier=%00"])
    def test_refused(self, ana, query):
        """A filter that makes no sense is refused."""
        assert 400 == ana.get(f"/deliveries?{query}").status_code

    def test_none(self, ana):
        """An empty list says so."""
        assert "No delivery matches." in ana.page("/deliveries")


class TestOne:
    def test_shown(self, site, ana):
        """Its body with a line for each field, its headers without credentials, its parcel, and today's reading."""
        (delivery,) = arrived(site, posted())
        page = unescape(ana.page(f"/deliveries/{delivery}"))

        for shown in (
            '    "tracking": "TN1BR",',
            "melhor-envio/p1",
            "dispatched",
            "[redacted]",
            "Nothing would change",
        ):
            assert shown in page, shown
        assert "rig-secret" not in page

    def test_view(self, site):
        """Who may only view sees no body and no button."""
        (delivery,) = arrived(site, posted(parcel="p1", to={"name": "Ana Souza"}))
        page = Clerk(site, VI).page(f"/deliveries/{delivery}")

        assert "Only people who may decide see it." in page
        assert not any(hidden in page for hidden in ("Souza", "posted_at", "/reprocess"))

    def test_hostile(self, site, ana):
        """What a carrier wrote can be no markup."""
        (delivery,) = arrived(site, posted(number="<script>alert(1)</script>"))
        assert "<script>alert" not in ana.page(f"/deliveries/{delivery}")

    def test_emptied(self, site):
        """A body that retention has emptied is gone, and there is nothing to read again."""
        (delivery,) = arrived(site, posted())
        Retention(site.database).prune(Horizons(bodies=1, unreadable=180), now=site.now + 172_800)
        page = Clerk(site).page(f"/deliveries/{delivery}")

        assert (True, False) == ("There is no body" in page, "/reprocess" in page)

    def test_unknown(self, ana):
        """A delivery that is not there is a page."""
        assert 404 == ana.get("/deliveries/none").status_code


class TestAgain:
    def test_fixed(self, site, ana):
        """What a fix of the adapter would change is shown before, and what it changed after; the name is recorded."""
        (delivery,) = arrived(site, posted())
        site.database.write(
            lambda connection: connection.execute(text("UPDATE updates SET said = replace(said, 'TN1BR', 'TN9BR')"))
        )
        site.work()
        path = f"/deliveries/{delivery}"
        assert "It reads this delivery otherwise than before." in ana.page(path)

        done = ana.send(path, f"{path}/reprocess", note="after the fix")

        assert (200, True) == (done.status_code, "It was read again." in done.text)
        assert "TN1BR" in done.text.partition('role="status"')[2].partition('<div class="sides">')[0]
        assert "It reads the same as before." in done.text
        assert "after the fix" in ana.page(f"/decisions?subject={delivery}")

    def test_quarantined(self, site, ana):
        """A delivery that could not be read and can be now says both."""
        (delivery,) = arrived(site, posted())
        broken = text("UPDATE deliveries SET outcome = 'quarantined', reason = 'x: y'")
        site.database.write(lambda connection: connection.execute(broken))
        path = f"/deliveries/{delivery}"
        assert "It would now be: accepted." in ana.page(path)

        assert "It was: cannot be read. It is now: accepted." in ana.send(path, f"{path}/reprocess").text

    def test_still_unreadable(self, site, ana):
        """What cannot be read today stays, and the page says so."""
        (delivery,) = arrived(site, UNREADABLE)
        path = f"/deliveries/{delivery}"

        assert "It cannot read this delivery either." in ana.page(path)
        assert "it stays as it was" in ana.send(path, f"{path}/reprocess").text
