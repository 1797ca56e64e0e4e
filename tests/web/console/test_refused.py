"""What did not get in: unknown addresses, failed authentication, and carriers' tests of an address."""

from dataclasses import replace

import pytest

from tests.support.api import with_operators
from tests.support.clerk import Clerk
from tests.support.rig import MELHOR_ENVIO, Rig, eventually, posted
from tests.support.sending import SECRET

FRENET = {"carrier": "frenet", "secrets": [SECRET]}


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("POST", "melhorenvio", "Did you mean /webhooks/melhor-envio?"),
        ("POST", "dhl", "No endpoint is configured for dhl. Add [endpoints.dhl] to receiver.toml."),
        ("POST", "wp-admin", "No endpoint has this name."),
        ("POST", "melhor-envio/hush", "The endpoint takes nothing behind its name in the address."),
        ("POST", "/melhor-envio/hush", "address is /webhooks/melhor-envio. Correct it at the carrier."),
        ("PATCH", "melhor-envio", "The endpoint does not take PATCH."),
    ],
)
def test_address(site, ana, method, path, said):
    """An address that no endpoint has is listed with what is probably meant, and without secrets."""
    site.client.open(f"/webhooks/{path}", method=method, data=b"{}")
    page = ana.page("/refused")

    assert (True, False) == (said in page, "hush" in page)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("links/luxx", "Did you mean /links/lux? Correct the address at the sender."),
        ("links/oldstore", "No account has this name."),
        ("links/lux/", "The address is /links/lux. Correct it at the sender."),
        ("hooks/vtex/lux", "The account takes nothing here"),
    ],
)
def test_account(site, path, said):
    """Links and VTEX's hook at a wrong address are listed with what is probably meant."""
    with_operators(site)
    account = replace(site.config.accounts["lux"], link_tokens=("link-token-of-24-letters",))
    site.use(replace(site.config, accounts={"lux": account}))
    site.client.post(f"/{path}", data=b"{}")

    assert said in Clerk(site).page("/refused")


def test_failures(site):
    """A sender that could not prove itself is listed with the reason and its endpoint; the list can be narrowed."""
    with_operators(site, **{"melhor-envio": MELHOR_ENVIO, "outlet": FRENET})
    clerk = Clerk(site)
    site.post(posted(), **{"x-me-signature": "x"})
    site.client.post("/webhooks/melhor-envio", json=posted(), headers={"x-me-signature": "AAAA"})
    site.client.post("/webhooks/outlet", json={})
    site.client.patch("/webhooks/outlet")

    assert "signature" in clerk.page("/refused?endpoint=melhor-envio")
    assert "signature" not in clerk.page("/refused?endpoint=outlet")
    assert "the endpoint does not take" not in clerk.page("/refused")
    assert "No sender was refused." in clerk.page("/refused?endpoint=api")
    assert 400 == clerk.get("/refused?cursor=x").status_code


def test_pages(site, ana):
    """More failures than a page has are a link away."""
    for _ in range(55):
        site.now += 1
        site.client.post("/webhooks/melhor-envio", json=posted())
    page = ana.page("/refused")
    following = page.partition('rel="next"')[0].rpartition('href="/console')[2].partition('"')[0]

    assert (50, 5) == (page.count("<details"), ana.page(following).count("<details"))


def test_probe(site: Rig, ana):
    """A carrier's test of the address is answered, and the page says when it came last."""
    assert "not seen yet" in ana.page("/refused")
    assert 200 == site.client.get("/webhooks/melhor-envio").status_code
    site.database.counters.flush(now=site.now, only_if_due=False)

    assert eventually(lambda: "not seen yet" not in ana.page("/refused"))  # it is written beside the request
