"""An endpoint's settings: its carrier, account, secrets, scheme and rules."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters import Basic, Bearer, Header, Hmac, Path, Query
from receiver.carriers import discover
from receiver.config import BadConfig, Endpoint, endpoint_from
from receiver.config.model import PLACEHOLDER_FIELDS
from receiver.config.schemes import _chosen_scheme
from receiver.config.tables import Table
from receiver.vtex.orders import read_order
from tests.support.configs import FRENET, VTEX, config, faults


def endpoint(**settings: Any) -> Endpoint:
    return config(endpoints={"frenet": {**FRENET, **settings}}).endpoints["frenet"]


def endpoint_faults(carrier: str = "frenet", **settings: Any) -> list[str]:
    return faults(endpoints={"shop": {"carrier": carrier, **FRENET, **settings}})


class TestEndpoint:
    def test_carrier_from_the_name(self):
        """An endpoint named after its carrier need not name it; hyphens stand for underscores."""
        made = config(endpoints={"melhor-envio": FRENET, "my-shop": {"carrier": "ups", **FRENET}}).endpoints

        assert ["melhor_envio", "ups"] == [one.carrier.slug for one in made.values()]

    @pytest.mark.parametrize("name", ["Frenet", "fre.net", "_frenet", "fre/net", "frenet-", "f" * 64])
    def test_name(self, name):
        """An endpoint's name is part of its URL."""
        assert (
            f"endpoints.{name}: is not an endpoint name (lower-case letters, digits, hyphens, underscores)"
            in faults(endpoints={name: {"carrier": "frenet", **FRENET}})
        )

    def test_only_account(self):
        """With several accounts each endpoint names its own, and it must exist."""
        two = {"vtex": {"lux": VTEX["lux"], "outlet": VTEX["lux"]}}

        assert ["endpoints.frenet.account: is missing"] == faults(**two)
        assert ["endpoints.frenet.account: 'lax' has no [vtex.lax] table"] == faults(
            **two, endpoints={"frenet": {"account": "lax", **FRENET}}
        )
        assert (
            "outlet" == config(**two, endpoints={"frenet": {"account": "outlet", **FRENET}}).endpoints["frenet"].account
        )

    def test_a_faulty_account_is_still_there(self):
        """A fault in an account is not reported again as its absence."""
        assert ["vtex.outlet.app_key: is missing"] == faults(
            vtex={"lux": VTEX["lux"], "outlet": {"app_token": "t"}},
            endpoints={"frenet": {"account": "outlet", **FRENET}},
        )

    @pytest.mark.parametrize("secrets", [[], "", [""], ["s", " "], [5], None])
    def test_secrets(self, secrets):
        """No endpoint without a secret, and no empty one among them."""
        (fault,) = endpoint_faults(secrets=secrets)

        assert fault.startswith("endpoints.shop.secrets: ")

    def test_one_secret(self):
        """A single secret needs no list; several are kept in order."""
        assert ("s",) == endpoint(secrets="s").secrets
        assert ("new", "old") == endpoint(secrets=["new", "old"]).secrets

    def test_other_settings(self):
        """Courier, zone, the reply to the unreadable, and events are the merchant's to set."""
        made = endpoint(courier=" Loggi ", zone="Europe/Lisbon", unreadable=200, events=False)

        assert ("Loggi", ZoneInfo("Europe/Lisbon"), 200, False) == (
            made.courier, made.zone, made.unreadable, made.events
        )  # fmt: skip
        assert ZoneInfo("America/Sao_Paulo") == endpoint().zone

    def test_couriers(self):
        """Courier names are set for a gateway's codes, without regard to case."""
        assert {"brazil-correios": "Correios"} == endpoint(couriers={" Brazil-CORREIOS": "Correios "}).couriers
        assert {} == endpoint().couriers

    def test_couriers_faults(self):
        """A code has one name, and each fault names its code."""
        assert [
            "endpoints.shop.couriers.DPD: is there twice, but for case",
            "endpoints.shop.couriers.gls: must be a non-empty text",
        ] == endpoint_faults(couriers={"dpd": "DPD", "DPD": "dpd", "gls": ""})

    def test_policies(self):
        """What becomes of a second parcel, and of a number that a person changed, is set for each endpoint."""
        made = endpoint(second_parcel="join", number_changed="overwrite")

        assert ("join", "overwrite") == (made.second_parcel, made.number_changed)
        assert ("hold", "keep") == (endpoint().second_parcel, endpoint().number_changed)

    def test_in_form(self):
        """Only an OAuth client's credentials may stand in a form."""
        assert ["endpoints.shop.auth.in_form: has a meaning for the scheme oauth only"] == endpoint_faults(
            auth={"scheme": "query", "in_form": True}
        )

    def test_silent_after(self):
        """A fixed limit of silence is hours; 0 is one too, and unset is none."""
        assert [24, 0, None] == [
            made.silent_after for made in (endpoint(silent_after=24), endpoint(silent_after=0), endpoint())
        ]
        assert ["endpoints.shop.silent_after: must be a number of at least 0"] == endpoint_faults(silent_after=-1)

    def test_one_parcel_per_invoice(self):
        """The merchant's word that no two parcels share an invoice; by default they may."""
        assert [True, False] == [
            made.one_parcel_per_invoice for made in (endpoint(one_parcel_per_invoice=True), endpoint())
        ]
        assert 1 == len(endpoint_faults(one_parcel_per_invoice="yes"))

    def test_placeholders(self):
        """Texts that are no tracking number, as VTEX shows them: without blanks around them. None by default."""
        assert () == endpoint().placeholders
        assert ("834", "NF {invoice_number}") == endpoint(placeholders=[" 834", "NF {invoice_number} "]).placeholders

    @pytest.mark.parametrize(
        ("texts", "fault"),
        [
            (["{nfe}"], "names {nfe}; there are {invoice_number}, {order_id}, {sequence}"),
            (["834", " "], "must be a non-empty text or a list of them"),
        ],
    )
    def test_wrong_placeholders(self, texts, fault):
        """A field that no order has, or no text at all, is a fault: at an endpoint and at an account."""
        assert [f"endpoints.shop.placeholders: {fault}"] == endpoint_faults(placeholders=texts)
        assert [f"vtex.lux.placeholders: {fault}"] == faults(lux={"placeholders": texts})

    def test_placeholders_are_never_indexed(self):
        """What an account's endpoint counts as no number, the account's index does not take; nor its own list's."""
        made = config(
            lux={"placeholders": ["-", "834"]}, endpoints={"frenet": {**FRENET, "placeholders": ["834", "{sequence}"]}}
        )

        assert ("-", "834") == made.accounts["lux"].placeholders
        assert ("-", "834", "{sequence}") == made.accounts["lux"].never_indexed

    def test_placeholder_fields(self):
        """Each field that the settings take is one that an order fills in."""
        for name in PLACEHOLDER_FIELDS:
            shown = {"invoice_number": "900", "order_id": "1-01", "sequence": "7"}[name]
            packages = [{"type": "Output", "invoiceNumber": "900", "trackingNumber": shown}]
            document = {"orderId": "1-01", "sequence": 7, "packageAttachment": {"packages": packages}}
            (package,) = read_order(document).without_placeholders([f"{{{name}}}"]).packages
            assert package.tracking_number is None

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("unreadable", 500), ("events", "yes"), ("courier", ""), ("couriers", "DPD"), ("zone", "Mars"),
            ("zone", "../etc"), ("zone", "America"), ("references", {}), ("references", [5]),
            ("secret", "s"), ("auth", "header"), ("second_parcel", "last"), ("number_changed", True),
            ("invoice_numbers", "once"),
        ],
    )  # fmt: skip
    def test_faults(self, name, value):
        """What makes no sense is refused by name."""
        (fault, *_) = endpoint_faults(**{name: value})

        assert fault.startswith(f"endpoints.shop.{name}")

    def test_rules(self):
        """A rule names a path and a kind; each fault has the rule's place."""
        good = {"path": "a", "is": "order_id"}

        assert [
            "endpoints.shop.references[1].is: is missing",
            "endpoints.shop.references[2].of: is not a setting",
            (
                "endpoints.shop.references[3]: is = 'order' is none of order_id, order_group, sequence, "
                "invoice_number, invoice_series, invoice_key, tracking_number, carrier_order"
            ),
        ] == endpoint_faults(references=[good, {"path": "a"}, {**good, "of": "x"}, {"path": "a", "is": "order"}])

    def test_every_fault_of_a_rule(self):
        """All that is wrong with one rule is told at once, and with the rules of an endpoint that has no carrier."""
        broken = {"path": "a[", "is": "order", "pattern": "(", "template": "x", "of": 1}
        every = [
            ".of: is not a setting",
            ": is = 'order' is none of order_id, ",
            ": template 'x' must hold {} once",
            ": path 'a[' is not JMESPath: ",
            ": pattern '(' is not a regular expression: ",
        ]

        found = endpoint_faults(references=[broken])
        assert len(every) == len(found)
        assert all(any(f"references[0]{one}" in fault for fault in found) for one in every), found
        outlet = {"path": "a", "is": "outlet", "pattern": "("}
        assert 2 == len(endpoint_faults(accounts=[outlet]))
        assert 2 == len(endpoint_faults(references=[{"path": "a", "pattern": "("}]))
        assert 2 == len(endpoint_faults(carrier="jadlog", reverse=[{"path": "a", "pattern": "("}]))

    def test_account_rules(self):
        """A rule of accounts names one that is configured, and finds as any rule does."""
        good = {"path": "a", "is": "lux"}

        assert [
            "endpoints.shop.accounts[0]: is = 'outlet' has no [vtex.outlet] table",
            "endpoints.shop.accounts[2]: pattern '*' is not a regular expression: nothing to repeat at position 0",
        ] == endpoint_faults(accounts=[{"path": "a", "is": "outlet"}, good, {**good, "pattern": "*"}])


class TestSchemes:
    @pytest.mark.parametrize(
        ("carrier", "auth", "expected"),
        [
            ("frenet", {}, Header("x-webhook-token")),
            ("frenet", {"scheme": "header"}, Header("x-webhook-token")),
            ("frenet", {"scheme": "header", "name": "X-Outlet"}, Header("x-outlet")),
            ("frenet", {"scheme": "query"}, Query("token")),
            ("frenet", {"scheme": "query", "name": "Access_Key"}, Query("Access_Key")),
            ("frenet", {"scheme": "path"}, Path()),
            ("ups", {"scheme": "bearer"}, Bearer()),
            ("aftership", {"scheme": "hmac"}, Hmac(header="aftership-hmac-sha256", encoding="base64")),
            ("intelipost", {"scheme": "basic"}, Basic(user_is_key=True)),
        ],
    )
    def test_chosen(self, carrier, auth, expected):
        """The carrier's own way is the default; the others it offers may be chosen, with a name where it is free."""
        made = config(endpoints={"shop": {"carrier": carrier, "secrets": ["u"], "auth": auth}})

        assert expected == made.endpoints["shop"].scheme

    @pytest.mark.parametrize(
        ("carrier", "auth", "why"),
        [
            ("melhor_envio", {"scheme": "header", "name": "x"}, ("auth.scheme: 'header' is not offered by "
             "melhor_envio; choose one of hmac")),
            ("frenet", {"scheme": "none"}, ("auth.scheme: 'none' is not offered by frenet; choose one of header, path, "
             "query")),
            ("frenet", {"name": "x"}, "auth.scheme: must be given together with name"),
            ("frenet", {"scheme": "path", "name": "x"}, "auth.name: has no meaning for scheme 'path'"),
            ("easypost", {"scheme": "hmac", "name": "x"}, ("auth.name: has no meaning for scheme 'hmac': easypost "
             "names the header itself")),
            ("frenet", {"scheme": "header", "name": "x_token"}, ("auth.name: 'x_token' is no safe header name: use "
             "letters, digits and '-' ('_' is lost by proxies)")),
            ("easypost", {"scheme": "header"}, "auth.name: is needed: which header carries the secret?"),
            ("frenet", {"scheme": "header", "header": "x"}, "auth.header: is not a setting"),
        ],
    )  # fmt: skip
    def test_faults(self, carrier, auth, why):
        """What the carrier does not do, or a proxy would lose, is refused."""
        assert [f"endpoints.shop.{why}"] == endpoint_faults(carrier, auth=auth)

    def test_header_that_is_the_carriers(self):
        """Where a carrier's header is fixed, no other can be named."""
        fixed, noted = replace(discover()["ups"], auth=(Header("credential"),)), list[str]()

        assert Header("credential") == _chosen_scheme(fixed, "header", "credential", Table({}, "auth", noted))
        assert None is _chosen_scheme(fixed, "header", "x", Table({}, "auth", noted))
        assert ["auth.name: ups sends its secret in credential, not in x"] == noted

    def test_signature_under_another_name(self):
        """Where the customer names the header of the signature, the setting does."""
        auth = {"scheme": "hmac", "name": "X-Shop-Proof"}
        made = config(endpoints={"shop": {"carrier": "skydropx", "secrets": ["u"], "auth": auth}})

        assert ("x-shop-proof",) == made.endpoints["shop"].scheme.credential_headers

    def test_basic(self):
        """Basic takes user and password; where the carrier puts its key into the user name, that is enough."""
        assert ["endpoints.shop.secrets: must be 'user:password' for Basic authentication"] == endpoint_faults(
            "easypost", auth={"scheme": "basic"}
        )
        made = config(
            endpoints={
                "easypost": {"secrets": ["u:p"], "auth": {"scheme": "basic"}},
                "intelipost": {"secrets": ["key-alone"]},
            }
        )
        assert [Basic(), Basic(user_is_key=True)] == [one.scheme for one in made.endpoints.values()]


def test_endpoint_from_settings():
    """A recording's own settings make an endpoint; its faults are named too."""
    made = endpoint_from({"carrier": "melhor_envio", "secrets": ["s"]}, account="lux")

    assert ("melhor-envio", "lux", "melhor_envio") == (made.name, made.account, made.carrier.slug)
    with pytest.raises(BadConfig, match=r"endpoints\.nobody\.carrier"):
        endpoint_from({"carrier": "nobody", "secrets": ["s"]}, account="lux")


class TestOrders:
    """Settings that say how an order is told."""

    def test_several_accounts(self):
        """The accounts of a list are asked in its order; the first is the endpoint's own."""
        two = {"vtex": {"lux": VTEX["lux"], "outlet": VTEX["lux"]}}
        made = config(**two, endpoints={"frenet": {"account": ["outlet", "lux"], **FRENET}}).endpoints["frenet"]
        assert ("outlet", ("outlet", "lux"), ("outlet", "lux")) == (
            made.account,
            made.asked_accounts,
            made.accounts_served,
        )
        one = config(**two, endpoints={"frenet": {"account": ["lux"], **FRENET}}).endpoints["frenet"]
        assert ("lux", ()) == (one.account, one.asked_accounts)

    def test_several_accounts_and_rules(self):
        """Either rules say whose parcel it is, or the accounts are asked."""
        two = {"vtex": {"lux": VTEX["lux"], "outlet": VTEX["lux"]}}
        rules = [{"path": "a", "is": "outlet"}]
        assert [
            "endpoints.frenet.account: 'lax' has no [vtex.lax] table",
            "endpoints.frenet.account: must be one where [[accounts]] rules say which parcels are of another account",
        ] == faults(**two, endpoints={"frenet": {"account": ["lux", "lax"], "accounts": rules, **FRENET}})

    def test_affixes(self):
        """A text or a list of texts that mean nothing around an order id."""
        assert ("ERP-",) == endpoint(order_id_affixes="ERP-").order_id_affixes
        assert ("ERP-", "X ") == endpoint(order_id_affixes=["ERP-", "X "]).order_id_affixes
        assert ["endpoints.shop.order_id_affixes: must be a non-empty text or a list of them"] == endpoint_faults(
            order_id_affixes=[5]
        )

    def test_reverse(self):
        """Rules for returns have a path and perhaps a pattern; what becomes of them is a setting of its own."""
        made = endpoint(reverse=[{"path": "a.b", "pattern": "^R"}, {"path": "c"}], reverse_shipments="ignore")
        assert ("ignore", ["a.b", "c"]) == (made.reverse_shipments, [rule.path for rule in made.reverse])
        assert ["a.b", "c"] == [rule.path for rule in made.rules]
        assert ("hold", ()) == (endpoint().reverse_shipments, endpoint().reverse)

    def test_reverse_faults(self):
        """Every fault of a rule is named with its place; the rules are a list of tables."""
        unclosed = "unterminated character set at position 0"
        assert [
            "endpoints.shop.reverse[0].path: is missing",
            f"endpoints.shop.reverse[1]: pattern '[' is not a regular expression: {unclosed}",
            "endpoints.shop.reverse[2].is: is not a setting",
        ] == endpoint_faults(reverse=[{}, {"path": "a", "pattern": "["}, {"path": "a", "is": "order_id"}])
        assert ["endpoints.shop.reverse: must be a list of tables"] == endpoint_faults(reverse="ignore")

    def test_template(self):
        """A template holds the place of what was found exactly once."""
        rule = {"path": "OrderId", "is": "order_id"}
        assert "SLR-{}" == endpoint(references=[{**rule, "template": "SLR-{}"}]).references[0].template
        for wrong in ("SLR-", "{}-{}"):
            assert [
                f"endpoints.shop.references[0]: template {wrong!r} must hold {{}} once, for what the rule finds"
            ] == endpoint_faults(references=[{**rule, "template": wrong}])
