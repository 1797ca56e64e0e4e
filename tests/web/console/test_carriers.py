"""The configured carriers: quality, when each was heard, and words that are not known."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters import Retries, Shipment, Status
from receiver.carriers import discover
from receiver.web.console.pages import carriers
from tests.support.api import VI, get, with_operators
from tests.support.broken_disk import failing
from tests.support.clerk import Clerk, form
from tests.support.rig import Rig, eventually, posted

AGAIN = "/carriers/read-again"


def unknown(payload, _request):
    """A parcel whose status word is not known."""
    data = payload["data"]
    return [Shipment(key=data["id"], status=Status.OTHER, tracking_number=data["tracking"], unknown_words=("14 'x",))]


@pytest.fixture
def mend(site: Rig, monkeypatch: pytest.MonkeyPatch):
    """Three deliveries had a word that the adapter did not know; a call mends it."""
    sound = discover(None)["melhor_envio"]
    monkeypatch.setitem(discover(None), "melhor_envio", replace(sound, read=unknown))
    with_operators(site)
    for number in range(3):
        site.post(posted(parcel=f"p{number}"))

    def now() -> Clerk:
        monkeypatch.setitem(discover(None), "melhor_envio", sound)
        return Clerk(with_operators(site))

    return now


def test_endpoints(site, ana):
    """Each endpoint has its carrier, the quality of the adapter, when it was heard, and how many came today."""
    site.post(posted())
    site.now += 60
    page = ana.page("/carriers")

    for shown in ("Melhor Envio → lux", "with every published example", "1 min ago", "4 times within 60 min"):
        assert shown in page, shown
    assert '<td class="many" data-label="Today (UTC)">1</td>' in page
    site.now += 86_400
    assert '<td class="many" data-label="Today (UTC)">0</td>' in Clerk(site).page("/carriers")


@pytest.mark.parametrize(
    ("retries", "said"),
    [
        (None, {"text": "carriers.repeats_unknown"}), (Retries(times=0), {"text": "carriers.repeats_never"}),
        (Retries(times=3), {"text": "carriers.repeats_times", "times": 3}),
    ],
)  # fmt: skip
def test_repeats(retries, said):
    """How long a carrier repeats is told as its module tells it."""
    assert said == carriers._repeats(retries)


class TestWords:
    def test_listed(self, mend, site):
        """A word is listed with an example and the command that reads it again."""
        page = Clerk(site, VI).page("/carriers")

        assert '<b lang="und">14 &#39;x</b><small>melhor_envio</small>' in page
        assert "receiver reprocess --unknown &#39;14 &#39;&#34;&#39;&#34;&#39;x&#39; --carrier melhor_envio" in page
        assert AGAIN not in page

    def test_again(self, mend, monkeypatch):
        """After the fix one click reads them again, so many at once; the word is forgotten with the last one."""
        monkeypatch.setattr(carriers, "AT_ONCE", 2)
        clerk = mend()
        first = clerk.send("/carriers", AGAIN)
        page = clerk.page(first.location.removeprefix("/console"))
        assert "2 deliveries with the word 14 &#39;x were read again." in page
        assert "1 has the word still." in page

        second = clerk.send("/carriers", AGAIN)

        assert "No delivery has the word any more." in clerk.page(second.location.removeprefix("/console"))
        assert "Every status word is known." in clerk.page("/carriers")
        assert 3 == clerk.page("/decisions?action=reprocess").count("<td>read again")

    def test_unknown(self, mend):
        """A word that is not listed is not there; an address with nonsense says nothing."""
        clerk = mend()
        fields = {**form(clerk.page("/carriers"), f"/console{AGAIN}"), "word": "other"}

        assert 404 == clerk.post(AGAIN, fields).status_code
        assert "again." not in clerk.page("/carriers?word=x&read=1&unreadable=x&left=0").partition("</table>")[0]


class TestOutage:
    @pytest.mark.parametrize(
        ("retries", "later", "said"),
        [
            (Retries(times=4, over=timedelta(hours=1)), 600, "It is repeated for another 50 min."),
            (Retries(times=4, over=timedelta(minutes=5)), 600, "It is not repeated any more."),
            (Retries(times=0), 600, "It is not repeated any more."),
            (None, 600, "For how long it is repeated is not documented."),
        ],
    )
    def test_counted_down(self, site, monkeypatch, retries, later, said):
        """While nothing can be stored, a person still looks: what was refused, and how long its carrier goes on."""
        changed = replace(discover(None)["melhor_envio"], retries=retries)
        monkeypatch.setitem(discover(None), "melhor_envio", changed)
        clerk = Clerk(with_operators(site))
        with failing(site, "INSERT ON deliveries"), failing(site, "UPDATE ON sessions"):
            assert [503, 503] == [site.post(posted(parcel=name)).status_code for name in ("p1", "p2")]
            site.now += later
            page = clerk.page("/carriers")
            [listed] = get(site, "carriers").json["items"]

        assert f"2 deliveries could not be stored, the first one {later // 60} min ago. {said}" in page
        assert 2 == listed["refused"]["count"]

    def test_over(self, site):
        """Once a delivery is stored again, the refused ones are not mentioned any more."""
        with failing(site, "INSERT ON deliveries"):
            assert 503 == site.post(posted()).status_code
        assert eventually(lambda: site.post(posted()).status_code == 200)
        assert None is get(site, "carriers").json["items"][0]["refused"]
        assert "could not be stored" not in Clerk(site).page("/carriers")
