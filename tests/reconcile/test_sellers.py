"""Orders of marketplaces and sellers: by which id an order is found, and in which account it is written."""

from collections.abc import Iterator
from typing import Any

import pytest

from receiver.reconcile.accounts import SoldElsewhere, at_seller
from receiver.sandbox import Sandbox, create_sandbox, serve
from receiver.shipments import Reason
from receiver.vtex.order_facts import index_facts
from receiver.vtex.orders import read_order
from tests.support.reconciling import TAGS, fields, learn, naming, rest
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY, HOUR
from tests.support.vtex_hook import SECRET, event
from tests.support.vtex_hook import tell as tell_hook

SOLD = "v502559mktp-01"
INVOICED = f"SLR-{SOLD}"
ENDPOINT = naming("order_id")["melhor-envio"]


def sold(by: str = "second", order_id: str = SOLD, **rest: Any) -> dict[str, Any]:
    """An order at the marketplace that another account's seller invoices."""
    endpoint = f"http://portal.vtexcommercestable.com.br/api/fulfillment?an={by}"
    return order(order_id, package("900"), sellers=[{"id": by, "fulfillmentEndpoint": endpoint}], **rest)


@pytest.fixture
def second(rig: Rig) -> Iterator[Sandbox]:
    """The orders of the account ``second``; the rig's endpoint is for ``lux``."""
    app = create_sandbox([], clock=lambda: rig.now)
    with serve(app) as running:
        rig.configure(accounts={"second": {"base_url": running.url}}, endpoints=of("lux"))
        yield app.extensions["sandbox"]


def of(account: Any) -> dict[str, Any]:
    return {"melhor-envio": {**ENDPOINT, "account": account}}


def learn_second(rig: Rig, one: dict[str, Any]) -> None:
    rig.index.learn("second", index_facts(read_order(one)), now=rig.now)


def written(sandbox: Sandbox) -> list[str]:
    return [call.order for call in sandbox.calls if call.method == "PATCH"]


@pytest.mark.parametrize(
    ("accounts", "via", "was_written", "found"),
    [
        (["lux", "second"], (), False, ("lux",)),
        (["lux", "second", "third"], ("third",), False, ("third", "lux")),
        (["lux", "second"], (), True, "but its tracking was written here before"),
        (["lux", "second"], ("second",), False, "whose order names lux in turn"),
        (["lux"], (), True, "which has no [vtex.second] table"),
    ],
)
def test_at_seller(accounts: list[str], via: tuple[str, ...], was_written: bool, found: tuple[str, ...] | str):
    """A parcel goes on to the account that invoices, and knows the way it came; else a person hears why it does not."""
    one, before = read_order(sold(), account="lux"), SoldElsewhere("lux", SOLD, via) if via else None
    way = at_seller(one, "lux", before, accounts, written=was_written)

    if isinstance(way, SoldElsewhere):
        assert ("second", SOLD, found) == (way.seller, way.order_id, way.via)
    else:
        note = f"order {SOLD} of lux is invoiced by the VTEX account second, {found}"
        assert (Reason.SOLD_BY_ANOTHER_SELLER, note) == (way.reason, way.note)


class TestMarketplaceId:
    """A seller's account: the carrier says the id at the store that sold the order."""

    @pytest.mark.parametrize(
        ("order_id", "shown", "said"),
        [
            (INVOICED, SOLD, SOLD),
            (INVOICED, SOLD, f"Pedido {SOLD.upper()}"),
            ("MLB-2000009876543210", None, "2000009876543210"),
            ("MNC-ABC-77", None, "ABC-77"),
        ],
    )
    def test_learnt(self, rig: Rig, order_id: str, shown: str | None, said: str):
        """An order that was read before is found by its id at the marketplace, as VTEX shows it or behind the
        affiliate."""
        rig.configure(endpoints=naming("order_id"))
        one = order(order_id, package("900"), marketplaceOrderId=shown)
        rig.add_order(one)
        learn(rig, one)
        rig.post(posted(said))
        rig.work()

        assert ("in_step", order_id) == (rest(rig)[0], rig.shipment()["order_id"])

    def test_not_there_any_more(self, rig: Rig):
        """An order that was read before and that VTEX does not know any more is waited for."""
        rig.configure(endpoints=naming("order_id"))
        learn(rig, order(INVOICED, package("900"), marketplaceOrderId=SOLD))
        rig.post(posted(SOLD))
        rig.work()

        assert ("awaiting_order", "order_not_found") == rest(rig)

    def test_capitals(self, rig: Rig):
        """A carrier that writes capitals alone finds the order of a VTEX store, which is not read before."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order(INVOICED, package("900")))
        rig.post(posted(INVOICED.upper()))
        rig.work()

        assert ("in_step", INVOICED) == (rest(rig)[0], rig.shipment()["order_id"])

    @pytest.mark.parametrize("said", ["70530116", "Pedido 70530116", "7053"])
    @pytest.mark.parametrize("shown", [None, "TN1BR"])
    def test_short(self, rig: Rig, said: str, shown: str | None):
        """A number as short as an ERP's own leads to another store's order only where something else of the parcel is
        on it, or where a rule puts that store's affiliate before it."""
        rig.configure(endpoints=naming("order_id"))
        one = order(f"NTS-{said.removeprefix('Pedido ')}", package("900", trackingNumber=shown))
        rig.add_order(one)
        learn(rig, one)
        rig.post(posted(said))
        rig.work()

        expected = ("held", "unconfirmed_sequence") if shown is None else ("in_step", None)
        assert expected == rest(rig)
        if shown is None:
            assert 'is = "order_id", template = "NTS-{}"' in rig.shipment()["note"]
            assert rig.shipment()["note"].endswith(f"receiver assign melhor-envio/p1 --order {one['orderId']}")

    def test_hook(self, rig: Rig):
        """A parcel that waits under the marketplace's id is woken by the hook's word about the seller's order."""
        rig.configure(endpoints=naming("order_id"), account={"hook_secrets": [SECRET]})
        rig.post(posted(SOLD))
        rig.work()
        assert ("awaiting_order", "order_not_found") == rest(rig)

        rig.add_order(order(INVOICED, package("900"), marketplaceOrderId=SOLD))
        tell_hook(rig, event(INVOICED))
        rig.work()
        assert ("in_step", INVOICED) == (rest(rig)[0], rig.shipment()["order_id"])

    def test_own_order_first(self, rig: Rig):
        """The account's own order of that id goes before another store's."""
        rig.configure(endpoints=naming("order_id"))
        another = order(INVOICED, package("900"), marketplaceOrderId=SOLD)
        rig.add_order(order(SOLD, package("900")), another)
        learn(rig, another)
        rig.post(posted(SOLD))
        rig.work()

        assert SOLD == rig.shipment()["order_id"]

    def test_two_stores(self, rig: Rig):
        """One id at two stores is for a person, unless one order bears the parcel's number."""
        rig.configure(endpoints=naming("order_id"))
        for store, number in (("MLB", None), ("SLR", "TN2BR")):
            one = order(f"{store}-77001122334", package("900", trackingNumber=number))
            rig.add_order(one)
            learn(rig, one)
        rig.post(posted("77001122334"))
        rig.post(posted("77001122334", parcel="p2", number="TN2BR"))
        rig.work()

        assert ("held", "ambiguous_order") == rest(rig)
        assert "77001122334 belongs to MLB-77001122334, SLR-77001122334" in rig.shipment()["note"]
        assert "SLR-77001122334" == rig.shipment("melhor-envio/p2")["order_id"]

    def test_template(self, rig: Rig):
        """A rule puts back what the carrier cut off; then nothing needs to be learnt."""
        rule = {"path": TAGS, "is": "order_id", "template": "SLR-{}"}
        rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "references": [rule]}})
        rig.add_order(order(INVOICED, package("900")))
        rig.post(posted(SOLD))
        rig.work()

        assert "TN1BR" == fields(rig, INVOICED)["trackingNumber"]


class TestAnotherSeller:
    """The marketplace's account: an order that another VTEX account invoices."""

    def test_not_configured(self, rig: Rig):
        """Without that account nothing is written; the note names it."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(sold())
        rig.post(posted(SOLD))
        rig.works_until(DAY)

        assert ("held", "sold_by_another_seller") == rest(rig)
        assert "[vtex.second]" in rig.shipment()["note"]
        assert f"To decide: receiver assign melhor-envio/p1 --order {SOLD}" in rig.shipment()["note"]
        assert [] == rig.calls("PATCH")

    def test_assigned(self, rig: Rig):
        """A person may have it written here all the same."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(sold())
        rig.post(posted(SOLD))
        rig.work()
        rig.decisions.assign("melhor-envio/p1", order_id=SOLD, invoice_number=None, now=rig.now)
        rig.work()

        assert "TN1BR" == fields(rig, SOLD)["trackingNumber"]

    def test_own_seller(self, rig: Rig):
        """The account's own seller, and one outside VTEX, are written here."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order(SOLD, package("900"), sellers=[{"id": "1", "fulfillmentEndpoint": "http://x?an=other"}]))
        rig.add_order(
            order("1-01", package("900"), sellers=[{"id": "ext", "fulfillmentEndpoint": "http://ext.example"}])
        )
        rig.post(posted(SOLD))
        rig.post(posted("1-01", parcel="p2", number="TN2BR"))
        rig.work()

        assert ["TN1BR", "TN2BR"] == [fields(rig, one)["trackingNumber"] for one in (SOLD, "1-01")]

    def test_routed(self, rig: Rig, second: Sandbox):
        """Where that account is configured, the parcel goes there, and is found by the id at the marketplace."""
        rig.add_order(sold())
        one = order(INVOICED, package("900"), marketplaceOrderId=SOLD)
        second.put(one)
        learn_second(rig, one)
        rig.post(posted(SOLD))
        rig.work()

        assert ("in_step", "second", INVOICED) == tuple(
            rig.shipment()[name] for name in ("state", "account", "order_id")
        )
        assert ([], [INVOICED]) == (written(rig.sandbox), written(second))

    def test_awaits_the_seller(self, rig: Rig, second: Sandbox):
        """Where the seller's order is not known yet the parcel waits in that account, whatever the carrier says
        meanwhile, and is woken by what that order teaches."""
        rig.add_order(sold())
        rig.post(posted(SOLD))
        rig.work()
        assert ("awaiting_order", "awaits_seller") == rest(rig)
        asked = len(rig.calls())

        rig.post(posted(SOLD, event="order.delivered"))
        rig.use(rig.config)
        rig.work()
        assert ("second", asked) == (rig.shipment()["account"], len(rig.calls()))

        one = order(INVOICED, package("900"), marketplaceOrderId=SOLD)
        second.put(one)
        learn_second(rig, one)
        rig.work()
        assert [INVOICED] == written(second)

    def test_assigned_at_the_seller(self, rig: Rig, second: Sandbox):
        """A person names the seller's order, which does not tell its id at the marketplace."""
        rig.add_order(sold())
        rig.post(posted(SOLD))
        rig.work()
        second.put(order("9-01", package("900")))
        rig.decisions.assign("melhor-envio/p1", order_id="9-01", invoice_number=None, now=rig.now)
        rig.work()

        assert ("in_step", None) == rest(rig)
        assert ["9-01"] == written(second)

    def test_its_numbers_are_its_own(self, rig: Rig, second: Sandbox):
        """A sequence counts the marketplace's orders: at the seller the same number is another order's."""
        rule = {"path": TAGS, "is": "sequence"}
        rig.configure(
            accounts={"second": {"base_url": rig.config.accounts["second"].base_url}},
            endpoints={"melhor-envio": {**ENDPOINT, "account": "lux", "references": [rule]}},
        )
        rig.add_order(sold(sequence="501456"))
        second.put(order("9-01", package("900"), sequence="501456"))
        rig.post(posted("501456"))
        rig.works_until(HOUR)

        assert ("awaiting_order", "awaits_seller") == rest(rig)
        assert [] == written(second)

    def test_each_names_the_other(self, rig: Rig, second: Sandbox):
        """Two accounts that name each other are for a person."""
        rig.add_order(sold())
        one = {**sold("lux", INVOICED), "marketplaceOrderId": SOLD}
        second.put(one)
        learn_second(rig, one)
        rig.post(posted(SOLD))
        rig.works_until(DAY)

        assert ("held", "sold_by_another_seller") == rest(rig)
        assert ([], []) == (written(rig.sandbox), written(second))


class TestSeveralAccounts:
    """An endpoint whose parcels are of several accounts, of which no rule tells."""

    @pytest.fixture(autouse=True)
    def both(self, rig: Rig, second: Sandbox) -> None:
        url = rig.config.accounts["second"].base_url
        rig.configure(accounts={"second": {"base_url": url}}, endpoints=of(["lux", "second"]))

    def test_found(self, rig: Rig, second: Sandbox):
        """An order that the first account does not have is looked for in the next one at once, and stays there."""
        second.put(order("1-01", package("900")))
        rig.add_order(order("2-01", package("900")))
        rig.post(posted("1-01"))
        rig.post(posted("2-01", parcel="p2", number="TN2BR"))
        rig.work()
        assert (["2-01"], ["1-01"]) == (written(rig.sandbox), written(second))

        asked = len(rig.calls())
        rig.post(posted("1-01", number="TN3BR"))
        rig.work()
        assert (asked, ["1-01", "1-01"]) == (len(rig.calls()), written(second))

    def test_awaits_its_invoice(self, rig: Rig, second: Sandbox):
        """While its invoice is awaited, only the account that has the order is asked."""
        second.put(order("1-01", status="handling"))
        rig.post(posted("1-01"))
        rig.work()
        asked = len(rig.calls())
        rig.works_until(HOUR)
        assert (("awaiting_invoice", "no_invoice"), asked) == (rest(rig), len(rig.calls()))

        second.put(order("1-01", package("900")))
        rig.works_until(HOUR)
        assert ["1-01"] == written(second)

    @pytest.mark.parametrize("said", ["1", "1-01"])
    def test_bounded(self, rig: Rig, second: Sandbox, said: str):
        """However many accounts are asked, the calls for one parcel stay within 40 in 72 hours."""
        rig.post(posted(said))
        rig.works_until(3 * DAY)
        asked = len(rig.calls()), len(second.calls)
        assert ("awaiting_order", "order_not_found") == rest(rig)
        assert 14 < sum(asked) <= 40
        assert asked[0] == asked[1]

        rig.works_until(7 * DAY)
        assert ("gave_up", "lux") == (rest(rig)[0], rig.shipment()["account"])

    @pytest.mark.parametrize("account", ["lux", "second"])
    def test_woken(self, rig: Rig, second: Sandbox, account: str):
        """The hook of each account wakes the parcel that waits."""
        rig.post(posted("1-01"))
        rig.works_until(HOUR)
        (rig.sandbox if account == "lux" else second).put(order("1-01", package("900")))
        assert 1 == rig.index.wake(account, [("order_id", "1-01")], now=rig.now)
        rig.work()

        assert ("in_step", account) == (rest(rig)[0], rig.shipment()["account"])

    @pytest.mark.parametrize("account", ["lux", "second"])
    def test_linked(self, rig: Rig, second: Sandbox, account: str):
        """So does a link told to either."""
        rig.post(posted(None))
        rig.works_until(HOUR)
        (rig.sandbox if account == "lux" else second).put(order("1-01", package("900")))
        assert 1 == len(rig.link("TN1BR", "1-01", account=account).woken)
        rig.work()

        assert ("in_step", account) == (rest(rig)[0], rig.shipment()["account"])
