"""Links in the console: found, added, removed, and taken from a file with a report."""

import re
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.support.api import VI, with_operators
from tests.support.clerk import Clerk, form
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.sending import SECRET

FRENET = {"carrier": "frenet", "secrets": [SECRET]}


def numbers(page: str) -> list[str]:
    """The values of the listed links."""
    return re.findall(r'<td><span class="mono">([^<]+)</span><small>', page)


def upload(clerk: Clerk, content: bytes, **fields: Any) -> Any:
    hidden = form(clerk.page("/links"), "/console/links/file")
    boundary, body = encode_multipart({**hidden, **fields, "file": FileStorage(BytesIO(content), "links.csv")})
    return clerk.post("/links/file", body, **{"Content-Type": f"multipart/form-data; boundary={boundary}"})


class TestAdd:
    def test_wakes(self, site, ana):
        """A link that a person adds wakes the parcel that waits for it, and stands in the record with the name."""
        site.add_order(order("1-01", package("41001")))
        site.post(posted(None))
        site.work()
        done = ana.send("/links", "/links/add", kind="tracking_number", number="tn-1 br", order="1-01", note="by phone")
        site.work()

        assert "The link is stored." in ana.page(done.location.removeprefix("/console"))
        assert ("1-01", "in_step") == tuple(site.shipment()[name] for name in ("order_id", "state"))
        assert "by phone" in ana.page("/decisions?action=link")

    def test_dismissed(self, site, ana):
        """Where a person has dismissed the parcel, the page says that a link changes nothing of it, and leads to it."""
        site.post(posted(None))
        site.work()
        site.decisions.dismiss("melhor-envio/p1", now=site.now)
        done = ana.send("/links", "/links/add", kind="tracking_number", number="TN1BR", order="1-01")
        pages = [
            ana.page(done.location.removeprefix("/console")),
            upload(ana, b"tracking_number,order\nTN1BR,2-01\n").text,
        ]

        assert [True, True] == ["A person has dismissed this parcel." in page for page in pages]
        assert [True, True] == ['href="/console/parcels/melhor-envio/p1"' in page for page in pages]

    @pytest.mark.parametrize(
        ("fields", "status", "said"),
        [
            ({"number": "--"}, 422, "has no letter and no digit"),
            ({"order": "a/b"}, 422, "order"),
            ({"kind": "invoice_key", "number": "12"}, 422, "does not have the 44 characters"),
            ({"kind": "other"}, 400, ""), ({"account": "other"}, 400, ""),
        ],
    )  # fmt: skip
    def test_refused(self, site, ana, fields, status, said):
        """A link that makes no sense is not stored; the page says why, and keeps what was written."""
        told = {"kind": "tracking_number", "number": "TN1BR", "order": "1-01", **fields}
        answer = ana.send("/links", "/links/add", **told)

        assert (status, True) == (answer.status_code, said in answer.text)
        assert status == 400 or f'name="order" value="{told["order"]}"' in answer.text
        assert [] == list(site.index.links())

    def test_shipment(self, site):
        """A carrier's own id needs its endpoint, where there are several."""
        clerk = Clerk(with_operators(site, **{"melhor-envio": MELHOR_ENVIO, "outlet": FRENET}))
        told = {"kind": "shipment", "number": "p1", "order": "1-01"}

        assert 422 == clerk.send("/links", "/links/add", **told).status_code
        assert 303 == clerk.send("/links", "/links/add", **told, endpoint="outlet").status_code
        assert ["outlet/p1"] == [one["value"] for one in site.index.links()]


class TestFind:
    def test_search(self, site, ana):
        """A number in any notation, or an order, finds its links."""
        site.link("TN1BR", "1-01")
        site.link("TN2BR", "2-01")
        site.link("41", "3-01", kind="invoice_number")
        site.link("melhor-envio/p1", "1-01", kind="shipment")

        for query, expected in [
            ("tn-1 br", ["TN1BR"]), ("2-01", ["TN2BR"]), ("0041", ["41"]), ("p1", ["melhor-envio/p1"]), ("x", []),
            ("1-01", ["melhor-envio/p1", "TN1BR"]),
        ]:  # fmt: skip
            assert expected == numbers(ana.page(f"/links?q={query}")), query
        assert 4 == len(numbers(ana.page("/links?account=lux")))
        assert "No link matches." in ana.page("/links?account=other")

    def test_pages(self, site, ana):
        """More links than a page has are a link away."""
        for number in range(60):
            site.link(f"TN{number:03}BR", "1-01")
        page = ana.page("/links")
        following = page.partition('rel="next"')[0].rpartition('href="/console')[2].partition('"')[0]

        assert [f"TN{number:03}BR" for number in range(60)] == numbers(page) + numbers(ana.page(following))

    def test_view(self, site):
        """Who may only view finds links, and changes none."""
        site.link("TN1BR", "1-01")
        page = Clerk(site, VI).page("/links")

        assert (["TN1BR"], False) == (numbers(page), '<form method="post" action="/console/links' in page)


class TestRemove:
    def test_removed(self, site, ana):
        """A link is forgotten, with a row in the record; a second click says that it is gone."""
        site.link("TN1BR", "1-01")
        hidden = form(ana.page("/links"), "/console/links/remove")
        done = ana.post("/links/remove", hidden)

        assert "The link was removed." in ana.page(done.location.removeprefix("/console"))
        assert "removed a link" in ana.page("/decisions?kind=link&subject=lux/tracking_number/TN1BR")
        assert 409 == ana.post("/links/remove", hidden).status_code
        assert 400 == ana.post("/links/remove", {**hidden, "kind": "x"}).status_code


class TestFile:
    def test_report(self, site, ana):
        """Good lines are stored, bad ones are told with their line and column."""
        answer = upload(ana, "tracking_number;order\nTN1BR;1-01\n--;2-01\nTN3BR;\n\nTN5BR;5-01\n".encode("utf-8-sig"))

        assert (200, True) == (answer.status_code, "2 links stored." in answer.text)
        assert ["line 3", "line 4"] == re.findall(r'<td class="many">([^<]+)</td>', answer.text)[:2]
        assert {"TN1BR", "TN5BR"} == {one["value"] for one in site.index.links()}

    @pytest.mark.parametrize(
        ("content", "status", "said"),
        [
            (b"parcel,order\nx,1-01\n", 422, "the header must name"), (b"", 422, "the header must name"),
            (b"\xff\xfe", 200, "it cannot be read as CSV in UTF-8"),
            (b'tracking_number,order\nTN1BR,1-01\n"x,2-01\n', 200, "what stood before is stored"),
        ],
    )  # fmt: skip
    def test_no_file(self, ana, content, status, said):
        """A file that is none of this kind is refused, or read as far as it is one."""
        answer = upload(ana, content)
        assert (status, True) == (answer.status_code, said in answer.text)

    def test_many_bad(self, ana):
        """Of many bad lines the first hundred are shown, and the others are counted."""
        answer = upload(ana, b"tracking_number,order\n" + b"--,1-01\n" * 130)
        assert "30 more bad lines are not shown." in answer.text

    def test_too_large(self, ana):
        """A form of more than half a megabyte is refused; nothing of it is stored."""
        assert 413 == ana.post("/links/file", {"form_token": "x" * 600_000}).status_code

    def test_largest(self, ana):
        """A file of exactly 512 KB is taken, with a note of any length; one byte more is refused."""
        largest = b"order,tracking_number\n1-01,TN1\n".ljust(512 * 1024, b"\n")

        assert "1 link stored." in upload(ana, largest, note="\u00e7" * 1_000).text
        assert 413 == upload(ana, largest + b"\n").status_code

    def test_missing(self, ana):
        """A form without its file makes no sense."""
        hidden = form(ana.page("/links"), "/console/links/file")
        assert 400 == ana.post("/links/file", hidden).status_code


def test_accounts(site: Rig, ana):
    """Where there are several accounts, the form asks for one."""
    assert 'id="new-account"' not in ana.page("/links")
    lux = site.config.accounts["lux"]
    site.use(replace(site.config, accounts={"lux": lux, "outlet": replace(lux, name="outlet")}))
    clerk = Clerk(site)
    told = {"kind": "invoice_number", "number": "41", "order": "1-01"}

    assert 400 == clerk.send("/links", "/links/add", **told).status_code
    assert 303 == clerk.send("/links", "/links/add", **told, account="outlet").status_code
    assert ["outlet"] == [one["account"] for one in site.index.links()]
