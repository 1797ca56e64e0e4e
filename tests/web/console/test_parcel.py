"""One parcel: its story in a person's words, its order's invoices, and a choice that is seen before it is sent."""

import re
import time
from html import unescape
from urllib.parse import quote

import pytest

from tests.support.api import ANA, VI, held
from tests.support.clerk import Clerk, form
from tests.support.rig import Rig, order, package, posted
from tests.support.store_cases import add_shipments

PARCEL = "/parcels/melhor-envio/p1"
CHOICE = f"{PARCEL}?order=1-01&invoice=B&choose=1"
ASSIGN, DECIDE = f"{PARCEL}/assign", f"{PARCEL}/decide"


@pytest.fixture
def stuck(site: Rig) -> Rig:
    """A held parcel; the clock is the real one's, because a look at VTEX sleeps."""
    site.now = time.time()
    held(site)
    return site


def shown(page: str) -> str:
    """What a person reads of a page."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.partition("<main")[2])).split())


def refreshes(page: str) -> str | None:
    """After how many seconds the script fetches a page again."""
    found = re.search(r'data-refresh="(\d+)"', page)
    return found and found[1]


class TestShown:
    def test_story(self, stuck, ana):
        """Why it is held, what the carrier says, and what happened, in order."""
        page = shown(ana.page(PARCEL))

        assert "Several invoices of the order fit order 1-01: A, B all fit" in page
        happened = page.partition("What happened")[2]
        assert ["Melhor Envio reported: dispatched", "Order 1-01 was read", "A person decides."] == re.findall(
            r"Melhor Envio reported: dispatched|Order 1-01 was read|A person decides\.", happened
        )
        assert "receiver assign" not in page

    @pytest.mark.parametrize(
        ("status", "language", "expected"),
        [
            ("ready-for-handling", "en", "Status at VTEX: ready for handling (ready-for-handling)"),
            ("ready-for-handling", "pt", "Status na VTEX: pronto para o manuseio (ready-for-handling)"),
            ("payment-pending", "es", "Estado en VTEX: pago pendiente (payment-pending)"),
            ("handling.later", "es", "Estado en VTEX: handling.later"),
            ("", "en", "Status at VTEX: -"),
        ],
    )
    def test_order_status(self, stuck, ana, status, language, expected):
        """VTEX's status of the order in words, with VTEX's own beside them; one that we do not know stands alone."""
        stuck.add_order(order("1-01", package("A", value=5_000), package("B", value=5_000), status=status))
        page = shown(ana.page(f"{PARCEL}?order=1-01&language={language}"))

        assert expected == re.search(r"(Status|Estado) (at|na|en) VTEX: \S+( [^(]*\([^)]*\))?", page)[0]

    def test_call_failed(self, stuck, ana):
        """Why a call went wrong is said in the person's language, here and where the account is shown."""
        stuck.faults(unauthorized=True)
        stuck.decisions.retry("melhor-envio/p1", now=stuck.now)
        stuck.work()
        pages = [shown(ana.page(f"{path}?language=es")) for path in (PARCEL, "/accounts")]

        assert [] == [page for page in pages if "La clave de aplicación no se acepta: HTTP 401" not in page]
        assert [] == [page for page in pages if "is not accepted" in page]

    def test_written(self, stuck, ana):
        """Who decided, what was sent, and where it stands now."""
        ana.send(CHOICE, ASSIGN, note="the buyer wrote")
        stuck.work()

        page = shown(ana.page(PARCEL))

        assert "ana assigned it" in page
        assert "the buyer wrote" in page
        assert "Tracking was sent to invoice B of order 1-01" in page
        assert "In step with VTEX" in page

    def test_refresh(self, stuck, ana):
        """The page is fetched again as long as a worker has to do with the parcel, at first soon; not while an order is
        looked at, and a decision is made about it."""
        ana.send(PARCEL, DECIDE, action="retry")
        waits = [refreshes(ana.page(f"{PARCEL}{query}")) for query in ("", "?order=1-01")]
        stuck.now += 61
        waits.append(refreshes(ana.page(PARCEL)))
        stuck.work()

        assert ["3", None, "30", None] == [*waits, refreshes(ana.page(PARCEL))]

    @pytest.mark.parametrize(
        ("language", "said"),
        [
            ("en", "Order 9-01 was asked for not at VTEX"),
            ("pt", "O pedido 9-01 foi consultado não está na VTEX"),
            ("es", "Se consultó el pedido 9-01 no está en VTEX"),
        ],
    )
    def test_failed_call(self, stuck, language, said):
        """A look that found nothing was none, and what came of it is said in the person's language."""
        stuck.post(posted("9-01", parcel="p9", number="TN9BR"))
        stuck.work()
        assert said in shown(Clerk(stuck, language=language).page("/parcels/melhor-envio/p9"))

    def test_repeats(self, stuck, ana):
        """A look at VTEX that is made again and again is one line with its number."""
        stuck.decisions.retry("melhor-envio/p1", now=stuck.now)
        for _ in range(3):
            stuck.post(posted("1-01", at="2026-11-11T12:00:00+00:00", tracking_url=f"https://x.example/{_}"))
            stuck.work()
        assert "Order 1-01 was read (" in shown(ana.page(PARCEL))

    def test_advice(self, stuck):
        """What a person can do stands there in their language."""
        assert "Escolha a nota fiscal deste envio." in Clerk(stuck, language="pt").page(PARCEL)

    def test_languages(self, stuck):
        """Every language has the page's words."""
        for language, said in (("pt", "Por que precisa de você"), ("es", "Por qué lo necesita")):
            assert said in Clerk(stuck, language=language).page(PARCEL)

    def test_not_found(self, ana):
        """A parcel that is not there is no page."""
        assert 404 == ana.get("/parcels/melhor-envio/p9").status_code

    def test_admin(self, stuck, ana):
        """The order's page in VTEX Admin is a link, but not for a stand-in."""
        assert "myvtex.com" not in ana.page(PARCEL)
        account = stuck.config.accounts["lux"]
        object.__setattr__(account, "base_url", "https://lux.vtexcommercestable.com.br")
        assert 'href="https://lux.myvtex.com/admin/orders/1-01"' in ana.page(PARCEL)


class TestOrder:
    def test_invoices(self, stuck, ana):
        """The order's invoices stand side by side, with what speaks for and against each."""
        stuck.add_order(
            order(
                "1-01",
                package("A", value=5_000, trackingNumber="OLD"),
                package("B", value=5_000, trackingNumber="tn-1 br"),
                package("R", kind="Input"),
            )
        )
        page = shown(ana.page(f"{PARCEL}?order=1-01"))

        assert "A fits has another number" in page
        assert "B shows this parcel's number" in page or "B fits shows this parcel's number" in page
        assert "R return" in page
        assert (2, 1) == (page.count("Choose this invoice"), page.count("has another number"))

    def test_another_order(self, stuck, ana):
        """A person may look at any order; one that VTEX does not know is told, and may be assigned all the same."""
        answer = ana.get(f"{PARCEL}?order=77-01")
        assert (409, True) == (answer.status_code, "does not know it" in shown(answer.text))
        assert "Nothing was changed" not in answer.text

        done = ana.send(f"{PARCEL}?order=77-01", ASSIGN)
        assert 303 == done.status_code
        assert "77-01" == stuck.shipment()["assigned_order"]

    def test_purchase(self, stuck, ana):
        """Who names a purchase is shown its orders; there is nothing to store."""
        stuck.add_order(order("1-02", package("C")))
        answer = ana.get(f"{PARCEL}?order=1")
        said = shown(answer.text)

        assert (409, True) == (answer.status_code, "1 is a purchase of 1-01, 1-02" in said)
        assert ["1-01", "1-02"] == re.findall(r"Look at order (\S+)", said)
        assert not any(one in said for one in ("Assign it all the same", "Nothing was changed"))

    def test_several(self, stuck, ana):
        """Where the carrier names several orders, the others can be looked at beside the one that is shown."""
        stuck.post(posted("2-01", at="2026-11-11T12:00:00+00:00"))
        stuck.work()
        page = ana.page(f"{PARCEL}?order=1-01")

        assert (True, True) == ("Order 1-01 at VTEX" in page, "Look at order 2-01" in page)
        assert not any(one in page for one in ("Look at order 1-01", "data-load"))

    def test_no_answer(self, stuck, ana):
        """Where VTEX does not answer, the page says so and shows the rest."""
        stuck.faults(server_error=1.0)
        page = shown(ana.page(f"{PARCEL}?order=1-01"))
        assert "The invoices could not be read. VTEX did not answer" in page

    @pytest.mark.parametrize("value", ["x" * 201, "a\x01b"])
    def test_refused(self, stuck, ana, value):
        """A name that can be no order is refused."""
        assert 400 == ana.get(f"{PARCEL}?order={value}").status_code
        answer = ana.get(f"{PARCEL}?order=a/b")
        assert (409, False) == (answer.status_code, "Assign it all the same" in answer.text)


class TestChoice:
    def test_seen_then_sent(self, stuck, ana):
        """The very PATCH is shown, nothing is sent until it is confirmed, and then exactly that."""
        page = unescape(ana.page(CHOICE))
        assert ([], "held") == (stuck.calls("PATCH"), stuck.shipment()["state"])

        done = ana.send(CHOICE, ASSIGN)
        stuck.work()

        (made,) = stuck.calls("PATCH")
        assert f"PATCH {made.path}" in page
        assert all(f'"{name}": ' in page for name in made.body)
        assert '"trackingNumber": "TN1BR"' in page
        said = shown(ana.page(done.location.removeprefix("/console")))
        assert "Assigned; the decision is recorded with your name." in said

    def test_parcel_changed(self, stuck, ana):
        """Where the parcel has changed since the preview, nothing is assigned, and the preview is shown again."""
        seen = form(ana.page(CHOICE), f"/console{ASSIGN}")
        stuck.now += 1
        stuck.post(posted(tracking_url="https://track.example/new", at="2026-11-10T13:00:00+00:00"))

        again = ana.post(ASSIGN, {**seen, "note": "the buyer's words"})

        assert (409, None) == (again.status_code, stuck.shipment()["assigned_order"])
        said = shown(again.text)
        assert ("has changed since you looked" in said, "https://track.example/new" in said) == (True, True)
        assert 2 == unescape(again.text).count("the buyer's words")
        taken = ana.post(ASSIGN, form(again.text, f"/console{ASSIGN}"))
        assert 303 == taken.status_code, shown(taken.text)
        assert "1-01" == stuck.shipment()["assigned_order"]

    def test_order_changed(self, stuck, ana):
        """The order is read again: a number that was entered at VTEX meanwhile is not overwritten unseen."""
        seen = form(ana.page(CHOICE), f"/console{ASSIGN}")
        stuck.add_order(order("1-01", package("A", value=5_000), package("B", value=5_000, trackingNumber="ENTERED")))

        again = ana.post(ASSIGN, seen)

        assert (409, None) == (again.status_code, stuck.shipment()["assigned_order"])
        assert "It replaces what the invoice shows now: trackingNumber: ENTERED" in shown(again.text)
        stuck.add_order(order("1-01", package("A")))
        gone = ana.post(ASSIGN, form(again.text, f"/console{ASSIGN}"))
        assert "Nothing was changed. order 1-01 has no invoice B; it has A" in shown(gone.text)

    def test_order_unread(self, stuck, ana):
        """Where VTEX does not answer any more, nothing is assigned, and the note is kept."""
        seen = form(ana.page(CHOICE), f"/console{ASSIGN}")
        stuck.faults(server_error=1.0)

        answer = ana.post(ASSIGN, {**seen, "note": "by phone"})

        assert (409, None) == (answer.status_code, stuck.shipment()["assigned_order"])
        assert ("VTEX did not answer" in answer.text, "by phone" in answer.text) == (True, True)

    def test_as_sent(self, stuck, ana):
        """The call stands there as VTEX gets it, with every sign of a tracking page."""
        page = "https://track.example/?n=TN1BR&l=pt"
        stuck.post(posted(tracking_url=page, at="2026-11-10T13:00:00+00:00"))
        stuck.work()
        assert f'"trackingUrl": "{page}"' in shown(ana.page(CHOICE))

    def test_overwrites(self, stuck, ana):
        """What the invoice shows now, and would lose, is told."""
        stuck.add_order(order("1-01", package("A", value=5_000), package("B", value=5_000, trackingNumber="OLD")))
        assert "It replaces what the invoice shows now: trackingNumber: OLD" in shown(ana.page(CHOICE))

    def test_no_call(self, stuck, ana):
        """A choice that would send nothing says so."""
        page = shown(ana.page(f"{PARCEL}?order=1-01&choose=1"))
        assert "Nothing would be sent. The parcel would be: Held · Several invoices of the order fit" in page

    def test_also(self, stuck, ana):
        """A second order gets a write of its own."""
        stuck.add_order(order("2-01", package("C")))
        page = shown(ana.page(f"{CHOICE}&also=2-01"))
        assert "/api/oms/pvt/orders/2-01/invoice/C" in page
        ana.send(f"{CHOICE}&also=2-01", ASSIGN)
        assert "melhor-envio/p1" == stuck.shipment("melhor-envio/p1+2-01")["companion_of"]

    def test_wrong(self, stuck, ana):
        """An invoice that VTEX does not show is refused with what is there."""
        answer = ana.get(f"{PARCEL}?order=1-01&invoice=Z&choose=1")
        assert (409, True) == (answer.status_code, "has no invoice Z; it has A, B" in answer.text)


class TestDecide:
    @pytest.mark.parametrize(
        ("action", "state", "said"),
        [
            ("dismiss", "dismissed", "Dismissed; nothing is sent for it."),
            ("retry", "due", "It is looked at again now."),
        ],
    )
    def test_done(self, stuck, ana, action, state, said):
        """After a decision the page says what happened and what comes next, and leads to the next held parcel."""
        done = ana.send(PARCEL, DECIDE, action=action, note="why")

        page = ana.page(done.location.removeprefix("/console"))
        assert (state, True) == (stuck.shipment()["state"], said in page)
        assert "data-next" in page
        assert "why" in page

    @pytest.mark.parametrize("is_paused", [False, True])
    def test_language(self, stuck, is_paused):
        """A decision leaves no word of the look before it, and a pause is told in the person's language."""
        clerk = Clerk(stuck, language="pt")
        if is_paused:
            stuck.faults(unauthorized=True)
            clerk.send(PARCEL, DECIDE, action="retry")
            stuck.work()
            assert "A conta VTEX está pausada" in shown(clerk.page(PARCEL))
        clerk.send(PARCEL, DECIDE, action="retry")

        assert not re.search(r"receiver |all fit|Calls to", shown(clerk.page(PARCEL)).partition("O que aconteceu")[0])

    @pytest.mark.parametrize("key", ["a b#c", "ç", "50%", "x?y", "a%20b", "n/1"])
    def test_any_id(self, stuck, ana, key):
        """A parcel is decided about, no matter which signs its carrier's id has; its page has the other languages."""
        add_shipments(stuck.database, f"ep/{key}", due_at=None)
        page = f"/parcels/ep/{quote(key)}"

        assert 303 == ana.send(page, f"{page}/decide", action="dismiss").status_code
        assert "dismissed" == stuck.shipment(f"ep/{key}")["state"]
        assert f'href="/console{page}?language=pt"' in ana.page(page)

    def test_take_back(self, stuck, ana):
        """An assignment is taken back; where there is none, the page says so."""
        ana.send(CHOICE, ASSIGN)
        ana.send(PARCEL, DECIDE, action="unassign")
        assert None is stuck.shipment()["assigned_order"]
        again = ana.send(PARCEL, DECIDE, action="unassign")
        assert (409, True) == (again.status_code, "is not assigned" in again.text)

    @pytest.mark.parametrize("action", ["dismiss", "retry", "unassign"])
    @pytest.mark.parametrize("language", ["en", "pt", "es"])
    def test_stale(self, stuck, ana, action, language):
        """A page that was open while the parcel came to stand otherwise decides nothing, and says so; news of the
        carrier alone is no matter."""
        said = {
            "en": f"Nothing was changed. {PARCEL.removeprefix('/parcels/')} is no longer as it was shown",
            "pt": f"{PARCEL.removeprefix('/parcels/')} não está mais como foi mostrado",
            "es": f"{PARCEL.removeprefix('/parcels/')} ya no está como se mostró",
        }
        clerk = Clerk(stuck, language=language)
        fields = form(clerk.page(PARCEL), f"/console{DECIDE}")
        ana.send(CHOICE, ASSIGN)
        stuck.work()
        before = stuck.shipment()
        answer = clerk.post(DECIDE, {**fields, "action": action, "note": "as I said"})

        assert (409, True) == (answer.status_code, said[language] in shown(answer.text))
        assert "as I said" in answer.text
        after = stuck.shipment()
        assert all(before[name] == after[name] for name in ("state", "assigned_order", "changed_at"))

        stuck.post({**posted("1-01"), "event": "order.received"})
        assert 303 == clerk.send(PARCEL, DECIDE, action=action).status_code

    def test_twice(self, stuck, ana):
        """A form that is sent twice says that it is so already."""
        fields = form(ana.page(PARCEL), f"/console{DECIDE}")
        answers = [ana.post(DECIDE, {**fields, "action": "dismiss"}) for _ in range(2)]

        assert [303, 409] == [answer.status_code for answer in answers]
        assert "melhor-envio/p1 is dismissed already" in shown(answers[1].text)

    def test_next(self, stuck, ana):
        """The next held parcel is the one below in the list; after the last one, the first one again."""
        for number in (2, 3):
            stuck.now += 1
            stuck.post(posted("1-01", parcel=f"p{number}", number=f"TN{number}BR"))
            stuck.work()
        seen = [PARCEL.replace("p1", "p3")]
        for _ in range(3):
            (following,) = re.findall(r'href="/console([^"]+)" data-next', ana.page(seen[-1]))
            seen.append(ana.get(unescape(following)).location.removeprefix("/console"))

        assert ["p3", "p2", "p1", "p3"] == [one.rpartition("/")[2] for one in seen]
        for one in seen[:3]:
            ana.send(one, f"{one}/decide", action="dismiss")
        (following,) = re.findall(r'href="/console([^"]+)" data-next', ana.page(PARCEL))
        assert "/console/parcels?state=held" == ana.get(unescape(following)).location

    @pytest.mark.parametrize(
        ("page", "form", "fields"),
        [
            (PARCEL, DECIDE, {}), (PARCEL, DECIDE, {"action": "resume"}), (CHOICE, ASSIGN, {"order": ""}),
            (CHOICE, ASSIGN, {"order": "x" * 201}),
        ],
    )  # fmt: skip
    def test_refused(self, stuck, ana, page, form, fields):
        """A form without a known action, or without an order, decides nothing."""
        assert 400 == ana.send(page, form, **fields).status_code
        assert "held" == stuck.shipment()["state"]

    def test_gone(self, stuck, ana):
        """A parcel that was there when its page was made, and is not any more, is no page."""
        fields = form(ana.page(PARCEL), f"/console{DECIDE}")
        for table in ("updates", "attempts", "waits", "shipments"):
            stuck.database.write(lambda connection, table=table: connection.exec_driver_sql(f"DELETE FROM {table}"))
        assert 404 == ana.post(DECIDE, {**fields, "action": "retry"}).status_code

    def test_foreign_form(self, stuck, ana):
        """A form of another site decides nothing."""
        assert 403 == ana.post(DECIDE, {"action": "dismiss"}).status_code
        assert "held" == stuck.shipment()["state"]


class TestView:
    def test_hidden(self, stuck):
        """Who may only view sees no form, no buyer's data, and cannot decide or preview."""
        Clerk(stuck, ANA).send(PARCEL, DECIDE, action="retry", note="Ana Souza wrote")
        stuck.work()
        vi = Clerk(stuck, VI)
        page = vi.page(f"{PARCEL}?order=1-01")

        assert not any(
            secret in page for secret in ("Souza", "track.example", "/decide", "/assign", "Choose this invoice")
        )
        assert "hidden" in page
        assert 403 == vi.get(CHOICE).status_code
        assert 403 == vi.post(DECIDE, {"action": "dismiss"}).status_code
