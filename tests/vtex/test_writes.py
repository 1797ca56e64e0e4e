"""What is written to the chosen invoice, and when nothing is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from receiver.shipments import Visibility
from receiver.vtex.choice import Clues
from receiver.vtex.client import BadSegment, path_segment
from receiver.vtex.differences import iso, same_page
from receiver.vtex.invoice_numbers import unsafe_invoice_number
from receiver.vtex.orders import read_order
from receiver.vtex.patch_body import patch_body
from receiver.vtex.wanted import History, Owner, Wanted
from receiver.vtex.writes import Agreed, Hold, Keep, Write, decide, says_nothing_new, tells_more
from tests.support.sent_cases import sent_of
from tests.support.vtex_contract import request_faults

ME, OTHER = "melhor-envio/p1", "jadlog/p1"
DATE = datetime(2026, 11, 10, 9, 30, 15, 999, tzinfo=timezone(timedelta(hours=-3)))
WRITTEN = "2026-11-10T09:30:15-03:00"
FULL = Wanted(
    shipment=ME,
    tracking_number="TN1",
    tracking_url="https://t.example/TN1",
    courier="Jadlog",
    dispatched_at=DATE,
    configured_courier=None,
    name="Melhor Envio",
)
BARE = replace(FULL, tracking_url=None, courier=None, dispatched_at=None)
BODY = patch_body(
    tracking_number="TN1", tracking_url="https://t.example/TN1", courier="Jadlog", dispatched_date=WRITTEN
)
SENT = sent_of(BODY)
SHOWN = {name: value for name, value in BODY.items() if name != "dispatchedDate"}
MINE = {"900": Owner(ME, "TN1")}


def judge(
    wanted: Wanted, *, history: History | None = None, assigned: bool = False, number: str = "900", **held: Any
) -> Any:
    """The decision about an order whose one invoice holds what is given in VTEX's names."""
    package = {"type": "Output", "invoiceNumber": number, "invoiceValue": 100, **held}
    document = {"orderId": "1-01", "value": 100, "packageAttachment": {"packages": [package]}}
    clues = Clues(
        tracking_number=wanted.tracking_number,
        invoice_numbers=[number] if number else [],
        assigned_invoice=number if assigned else None,
        assigned=assigned,
    )
    return decide(read_order(document), clues, wanted, history or History(overruled=assigned))


def body(decision: Any) -> dict[str, Any]:
    assert isinstance(decision, Write), decision
    written: dict[str, Any] = decision.body
    return written


class TestBody:
    def test_first(self):
        """All four fields of what the carrier said, the date with its offset and without fractions."""
        first = judge(FULL)
        assert BODY == body(first)
        assert (False, False, None) == (first.overrules, first.displaces, first.over)
        assert BODY == body(judge(FULL, trackingNumber="", trackingUrl=" ", courier=""))

    def test_all_four_keys(self):
        """VTEX requires all four keys: what no one knows is null, and the courier is at least the carrier's name."""
        assert {
            "trackingNumber": "TN1",
            "trackingUrl": None,
            "courier": "Melhor Envio",
            "dispatchedDate": None,
        } == body(judge(BARE))

    def test_never_blanks(self):
        """What the invoice holds already stays where the carrier says nothing."""
        assert {
            "trackingNumber": "TN1",
            "trackingUrl": "https://store.example",
            "courier": "Correios",
            "dispatchedDate": WRITTEN,
        } == body(judge(replace(BARE, dispatched_at=DATE), trackingUrl="https://store.example", courier="Correios"))

    @pytest.mark.parametrize(
        ("payload", "setting", "held", "expected"),
        [
            ("Jadlog", "Setting", "Held", "Jadlog"),
            (None, "Setting", "Held", "Setting"),
            (None, None, "Held", "Held"),
            (None, None, None, "Melhor Envio"),
        ],
    )
    def test_courier(self, payload, setting, held, expected):
        """Courier: the payload, else the endpoint's setting, else what the invoice holds, else the carrier's name."""
        wanted = replace(FULL, courier=payload, configured_courier=setting)

        assert expected == body(judge(wanted, courier=held))["courier"]

    def test_remembered_date(self):
        """VTEX never shows the date: the one sent before is sent again when the carrier no longer says it."""
        changed = replace(BARE, tracking_url="https://new.example")
        sent = body(judge(changed, history=History(sent=SENT, owners=MINE), trackingNumber="TN1", courier="Jadlog"))

        assert WRITTEN == sent["dispatchedDate"]

    def test_date_of_an_unsettled_write(self):
        """A write of unknown outcome may have been applied: its date is remembered too."""
        without = {**BODY, "dispatchedDate": None}
        history = History(sent=sent_of(without), unsettled=BODY, owners=MINE)

        assert (
            WRITTEN == body(judge(replace(BARE, tracking_url="https://new.example"), history=history))["dispatchedDate"]
        )

    def test_contract(self):
        """Every body fits VTEX's documented schema, also the poorest."""
        path = "/api/oms/pvt/orders/1-01/invoice/900"

        assert [] == request_faults("PATCH", path, body(judge(FULL)))
        assert [] == request_faults("PATCH", path, body(judge(BARE)))
        assert [] == request_faults("PATCH", path, body(judge(replace(BARE, dispatched_at=datetime.now(UTC)))))

    def test_iso(self):
        """A time keeps the carrier's offset; no time is null."""
        assert WRITTEN == iso(DATE)
        assert "2026-01-02T03:04:05+00:00" == iso(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
        assert None is iso(None)


class TestNothingToWrite:
    def test_shown_already(self):
        """Where the invoice shows it, nothing is sent: each PATCH may mail the shopper. No date counts as told."""
        decision = judge(FULL, trackingNumber="TN1", trackingUrl="https://t.example/TN1", courier="Jadlog")

        assert isinstance(decision, Agreed)
        assert {**BODY, "dispatchedDate": None} == decision.body

    @pytest.mark.parametrize("field", ["trackingNumber", "trackingUrl", "courier"])
    def test_each_visible_field_counts(self, field):
        """A difference in any of the three visible fields is written."""
        held = {"trackingNumber": "TN1", "trackingUrl": "https://t.example/TN1", "courier": "Jadlog"}

        assert BODY == body(judge(FULL, **{**held, field: None}))

    @pytest.mark.parametrize("change", [timedelta(days=1), timedelta(hours=4), timedelta(hours=-9)])
    def test_date_alone(self, change):
        """A later day alone is no reason to write; nor is another hour of the same day."""
        changed = replace(FULL, dispatched_at=DATE + change)

        assert isinstance(judge(changed, history=History(sent=SENT, owners=MINE), **SHOWN), Agreed)
        assert says_nothing_new(changed, SENT)

    @pytest.mark.parametrize("sent", [sent_of({**BODY, "dispatchedDate": None}), SENT])
    def test_earlier_day(self, sent):
        """A day that becomes known, or an earlier one, is written: VTEX ends with the earliest, whatever came first."""
        earlier = replace(FULL, dispatched_at=DATE - timedelta(days=1))

        written = body(judge(earlier, history=History(sent=sent, owners=MINE), **SHOWN))
        assert {**BODY, "dispatchedDate": "2026-11-09T09:30:15-03:00"} == written
        assert not says_nothing_new(earlier, sent)

    def test_earlier_day_where_we_did_not_write(self):
        """The date of tracking that was there before us cannot be seen: it is no reason to write."""
        sent = sent_of({**BODY, "dispatchedDate": None}, written=False)

        assert says_nothing_new(FULL, sent)
        assert isinstance(judge(FULL, history=History(sent=sent, owners=MINE), **SHOWN), Agreed)

    @pytest.mark.parametrize("offset", [0, 9])
    def test_one_day_in_two_offsets(self, offset):
        """Two writings of one day are one day, no matter from which offset they are looked at."""
        sent = sent_of({**BODY, "dispatchedDate": "2026-11-10T12:31:00+00:00"})
        same = replace(FULL, dispatched_at=DATE.astimezone(timezone(timedelta(hours=offset))))

        assert says_nothing_new(same, sent)

    def test_another_endpoint_tells_more(self):
        """An earlier day, or a page where VTEX has none, is told to the shipment that wrote; nothing else is."""
        assert not tells_more(FULL, SENT)
        assert tells_more(replace(FULL, dispatched_at=DATE - timedelta(days=1)), SENT)
        assert tells_more(FULL, sent_of({**BODY, "trackingUrl": None}))
        assert not tells_more(FULL, sent_of({**BODY, "dispatchedDate": None}, written=False))

    def test_own_notation(self):
        """What VTEX holds in its own notation stays as it stands there: no PATCH."""
        decision = judge(FULL, **{**SHOWN, "trackingNumber": "tn-1"})

        assert isinstance(decision, Agreed)
        assert "tn-1" == decision.body["trackingNumber"]

    def test_own_notation_is_completed(self):
        """The page is added; the number stays as it stands there."""
        assert {**BODY, "trackingNumber": "tn-1"} == body(judge(FULL, trackingNumber="tn-1"))

    def test_alias(self):
        """Another number of the same parcel stays, and is no foreign one."""
        known = replace(FULL, other_numbers=("LGI-TN1",))

        assert isinstance(judge(known, **{**SHOWN, "trackingNumber": "lgi tn1"}), Agreed)

    def test_number_of_another_parcel_of_ours(self):
        """Nor does one that another shipment of ours wrote: a person named the invoice for this parcel's number."""
        known = replace(FULL, other_numbers=("TN9",))
        history = History(owners={"900": Owner(OTHER, "TN9")}, overruled=True)

        assert BODY == body(judge(known, history=history, assigned=True, trackingNumber="TN9"))

    def test_our_own_former_number(self):
        """Unless we wrote it ourselves: then the carrier's newer number is written over it."""
        former = sent_of({**BODY, "trackingNumber": "LGI-TN1"})
        known = replace(FULL, other_numbers=("LGI-TN1",))
        history = History(sent=former, owners={"900": Owner(ME, "LGI-TN1")})

        assert BODY == body(judge(known, history=history, **{**SHOWN, "trackingNumber": "LGI TN1"}))

    @pytest.mark.parametrize("number", ["-", ". .", " - "])
    def test_number_of_separators(self, number):
        """A number that normalises to nothing is no one's: not even that of a parcel with the same text."""
        odd = replace(FULL, tracking_number=number, other_numbers=("-",))

        assert "number_differs" == judge(odd, trackingNumber="-").reason

    def test_page_that_differs_in_its_query(self):
        """Session ids and times in a page's query are no reason to write; another page is one."""
        again = replace(FULL, tracking_url="https://t.example/TN1?ts=4")

        assert says_nothing_new(again, SENT)
        assert isinstance(judge(again, history=History(sent=SENT, owners=MINE), **SHOWN), Agreed)
        assert not says_nothing_new(replace(FULL, tracking_url="https://t.example/TN1/a?ts=4"), SENT)

    def test_first_page_stays(self):
        """Where something else is to be written, the page stays as it is, too."""
        again = replace(FULL, tracking_url="https://T.example/TN1?ts=4", courier="Correios")

        assert {**BODY, "courier": "Correios"} == body(judge(again, **SHOWN))

    def test_page_that_cannot_be_read(self):
        """What is no URL is compared as it stands."""
        assert not same_page("http://[", "https://t.example")
        assert same_page("http://[", "http://[")

    @pytest.mark.parametrize("history", [History(), History(sent=sent_of({**BODY, "dispatchedDate": None}))])
    def test_unknown_date(self, history):
        """Tracking that someone else wrote may have a date we cannot see; without one of ours it is left alone."""
        decision = judge(BARE, history=history, trackingNumber="TN1", trackingUrl="https://store.example")

        assert isinstance(decision, Agreed)
        assert "the dispatch date is unknown; writing would blank the one VTEX has" == decision.note
        assert "https://store.example" == decision.body["trackingUrl"]

    def test_unknown_date_over_our_own(self):
        """Our own first write had no date: the next one blanks nothing."""
        history = History(sent=sent_of({**BODY, "dispatchedDate": None}), owners=MINE)

        assert (
            None is body(judge(replace(BARE, courier="New"), history=history, trackingNumber="TN1"))["dispatchedDate"]
        )

    def test_known_date_over_somebody_elses(self):
        """With a date of ours the rest may be completed over what someone else wrote."""
        assert BODY == body(judge(FULL, trackingNumber="TN1"))


class TestSaysNothingNew:
    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({}, True),
            ({"tracking_url": None, "courier": None, "dispatched_at": None}, True),
            ({"configured_courier": "Setting"}, True),
            ({"courier": None, "configured_courier": "Jadlog"}, True),
            ({"courier": None, "configured_courier": "Setting"}, False),
            ({"tracking_number": "TN2"}, False),
            ({"tracking_url": "https://new.example"}, False),
            ({"courier": "Correios"}, False),
            ({"tracking_number": "t n-1"}, True),
        ],
    )
    def test_changes(self, change, expected):
        """Only another number, page or courier is news; silence is none, nor is another notation of the number."""
        assert expected is says_nothing_new(replace(FULL, **change), SENT)


class TestOthers:
    def test_foreign_number(self):
        """A number that we did not write is not overwritten."""
        decision = judge(FULL, trackingNumber="THEIRS")

        assert isinstance(decision, Hold)
        assert ("number_differs", "invoice 900 holds THEIRS, not TN1") == (decision.reason, decision.note)

    def test_same_number_elsewhere(self):
        """That we sent such a number once, to another invoice, does not make this one ours."""
        elsewhere = sent_of({**BODY, "trackingNumber": "THEIRS"}, invoice="901")
        history = History(sent=elsewhere, owners={"901": Owner(ME, "THEIRS")})

        assert "number_differs" == judge(FULL, history=history, trackingNumber="THEIRS").reason

    def test_foreign_number_assigned(self):
        """A person may overwrite it; the other parcel's date goes with it."""
        assert BODY == body(judge(FULL, assigned=True, trackingNumber="THEIRS"))
        assert None is body(judge(BARE, assigned=True, trackingNumber="THEIRS"))["dispatchedDate"]

    def test_only_the_order_assigned(self):
        """Who named the order alone has not named this invoice: a foreign number on it stays."""
        package = {"type": "Output", "invoiceNumber": "900", "invoiceValue": 100, "trackingNumber": "THEIRS"}
        document = {"orderId": "1-01", "value": 100, "packageAttachment": {"packages": [package]}}
        clues = Clues(tracking_number="TN1", invoice_numbers=["900"], assigned=True)

        assert "number_differs" == decide(read_order(document), clues, FULL, History(overruled=True)).reason

    def test_put_in_its_place(self):
        """A person put another parcel on the invoice in place of this one: it stays off. Where this one stood on
        another invoice, nothing was decided about it here."""
        there = {"900": Owner(OTHER, "TN9", by_person=True)}
        displaced = judge(FULL, history=History(sent=SENT, owners=there), trackingNumber="TN9")
        another = judge(FULL, history=History(sent=sent_of(BODY, invoice="901"), owners=there), trackingNumber="TN9")

        assert (Keep, "other_parcel") == (type(displaced), displaced.reason)
        assert (Hold, "second_parcel") == (type(another), another.reason)

    def test_overwritten_parcel_leaves_nothing_behind(self):
        """The other parcel's URL and courier would send the shopper astray."""
        written = body(judge(BARE, assigned=True, trackingNumber="THEIRS", trackingUrl="https://x", courier="Correios"))

        assert (None, "Melhor Envio") == (written["trackingUrl"], written["courier"])

    def test_a_person_overwrites_once(self):
        """What others write there after the person's word was done is not overwritten again."""
        done = History(sent=sent_of(BODY, visibility=Visibility.SEEN), owners=MINE)

        assert "number_changed" == judge(FULL, history=done, assigned=True, trackingNumber="THEIRS").reason

    @pytest.mark.parametrize("known_as", ["sent", "unsettled"])
    def test_carrier_changes_its_number(self, known_as):
        """Our own earlier number, seen or of unknown outcome, gives way to the carrier's new one."""
        earlier = {**BODY, "trackingNumber": "OLD"}
        known = {known_as: sent_of(earlier) if known_as == "sent" else earlier}
        history = History(**known, owners={"900": Owner(ME, "OLD")})

        assert BODY == body(judge(FULL, history=history, trackingNumber="OLD"))

    def test_delivered_without_a_number(self):
        """An invoice that was handed over without any number is not this parcel's for sure: it may be its way back."""
        decision = judge(FULL, courierStatus={"finished": True, "status": "ok"})

        assert (Hold, "already_delivered") == (type(decision), decision.reason)
        assert {"candidates": ["900"]} == decision.evidence

    @pytest.mark.parametrize("shown", ["TN1", "tn-1"])
    def test_delivered_with_its_number(self, shown):
        """One that shows the parcel's number is the parcel's, delivered or not."""
        assert not isinstance(judge(FULL, trackingNumber=shown, courierStatus={"finished": True}), Hold)

    @pytest.mark.parametrize("status", [None, "unknown", {}, {"finished": False}, {"finished": None}])
    def test_not_delivered(self, status):
        """VTEX's other forms of that field say nothing."""
        assert BODY == body(judge(FULL, courierStatus=status))

    def test_delivered_and_assigned(self):
        """A person may name it; so may our own parcel's earlier write, whatever has become of its number."""
        delivered = {"courierStatus": {"finished": True}}

        assert BODY == body(judge(FULL, assigned=True, **delivered))
        assert BODY == body(judge(FULL, history=History(owners=MINE), **delivered))

    def test_second_parcel(self):
        """An invoice has room for one number: another parcel of ours is there."""
        decision = judge(FULL, history=History(owners={"900": Owner(OTHER, "TN9")}), trackingNumber="TN9")

        assert isinstance(decision, Hold)
        assert ("second_parcel", f"invoice 900 carries TN9 of {OTHER}") == (decision.reason, decision.note)

    def test_second_parcel_not_visible_yet(self):
        """The same while VTEX does not show the other parcel's write."""
        assert "second_parcel" == judge(FULL, history=History(owners={"900": Owner(OTHER, "TN9")})).reason
        assert "second_parcel" == judge(FULL, history=History(owners={"900": Owner(OTHER, None)})).reason

    def test_second_parcel_assigned(self):
        """A person may overwrite it."""
        history = History(owners={"900": Owner(OTHER, "TN9")}, overruled=True)

        assert BODY == body(judge(FULL, history=history, assigned=True, trackingNumber="TN9"))

    @pytest.mark.parametrize(
        ("standing", "seen", "is_written"),
        [
            ("TN9", "TN9", True), ("TN 9", "TN9", True), ("-", "-", True), (None, "TN9", True), ("TN9", None, True),
            ("TN1", "", True), ("TN9", "", False), ("TN9", "TN8", False),
        ],
    )  # fmt: skip
    def test_assigned_as_seen(self, standing, seen, is_written):
        """A person overwrites what they saw, and no number that came after it."""
        history = History(overruled=True, seen=seen)
        decision = judge(BARE, history=history, assigned=True, trackingNumber=standing)

        assert is_written == isinstance(decision, Write | Agreed)
        if not is_written:
            assert (
                f"invoice 900 holds TN9, not TN1; a person assigned it while it held {seen or 'none'}" == decision.note
            )

    def test_second_parcel_that_names_nothing(self):
        """A parcel that finds every invoice taken by our own others is a second parcel, no foreign number."""
        history = History(owners={"900": Owner(OTHER, "TN9")})
        taken = {"type": "Output", "invoiceNumber": "900", "invoiceValue": 100, "trackingNumber": "TN9"}
        document = {"orderId": "1-01", "value": 100, "packageAttachment": {"packages": [taken]}}
        clues = Clues(tracking_number="TN1")

        assert "second_parcel" == decide(read_order(document), clues, FULL, history).reason
        assert "number_differs" == decide(read_order(document), clues, FULL, History()).reason
        two = Clues(tracking_number="TN1", invoice_numbers=["900", "901"])
        assert "ambiguous_reference" == decide(read_order(document), two, FULL, history).reason

    @pytest.mark.parametrize("shown", ["TN1", None])
    def test_same_parcel_from_another_endpoint(self, shown):
        """A gateway and its carrier may both tell of one parcel: the second finds it done."""
        decision = judge(FULL, history=History(owners={"900": Owner(OTHER, "TN1")}), trackingNumber=shown)

        assert isinstance(decision, Agreed)
        assert f"the same parcel is told by {OTHER}" == decision.note
        assert (shown or "") == decision.body["trackingNumber"]

    def test_same_parcel_under_the_other_number(self):
        """So it does where VTEX shows this endpoint's number of the parcel, and the other endpoint wrote another one;
        unless the number is left over from our own former write, and the other parcel is another."""
        history = History(owners={"900": Owner(OTHER, "TN9")})

        assert f"the same parcel is told by {OTHER}" == judge(FULL, history=history, trackingNumber="TN1").note
        before_them = replace(history, sent=sent_of(BODY, invoice="901"))
        assert "second_parcel" == judge(FULL, history=before_them, trackingNumber="TN1").reason


UNSAFE = ["900/1", "900\\1", "900#", "9 00", " 900", "900?", "900%2F1", ".", "..", "9" * 300, "90\n0", "90\x000"]
UNSAFE += ["900:1", "900*", "<900>", "900|1", '900"', "900&1"]
UNSAFE += ["90\u200b0", "90\u202e0", "90\ud8000", "90\xa00"]


@pytest.mark.parametrize("number", UNSAFE, ids=ascii)
def test_unsafe_invoice_number(number):
    """What VTEX fails on, or must not become part of a URL, is held before anything is sent; even for a person."""
    assert "unsafe_invoice_number" == judge(FULL, number=number).reason
    assert "unsafe_invoice_number" == judge(FULL, number=number, assigned=True).reason


def test_way_out():
    """The note of a hold says what helps: with white space not even Admin (KI-409225), with a slash Admin does."""
    blank, slash = judge(FULL, number="9 00"), judge(FULL, number="900/1")

    assert blank.note.endswith("post the invoice again under a number without it, with the tracking inside")
    assert "VTEX fails on white space in Admin, too (KI-409225)" in blank.note
    assert "invoice '900/1' of order 1-01; enter the tracking in VTEX Admin" == slash.note


def test_empty_invoice_number():
    """An invoice without a number cannot be addressed."""
    assert "unsafe_invoice_number" == judge(FULL, number="").reason


@pytest.mark.parametrize("number", ["900", "000900", "900-1", "NF.900", "é900", "a;b=c+d@e", "9" * 200])
def test_safe_invoice_number(number):
    """Everything else is sent as it stands."""
    assert not unsafe_invoice_number(number)
    assert number == judge(FULL, number=number).choice.package.invoice_number


@pytest.mark.parametrize("text", ["", ".", "..", "9" * 201, "90\n0", "90\u200b0", "90\ud8000"], ids=ascii)
def test_preflight_is_no_laxer_than_the_client(text):
    """What the client would refuse to put into a URL never gets as far as a write."""
    with pytest.raises(BadSegment):
        path_segment(text)
    assert unsafe_invoice_number(text)
