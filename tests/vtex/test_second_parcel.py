"""Two parcels and one invoice: what becomes of each under every setting, decided without a call."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receiver.shipments import Sent, Visibility
from receiver.vtex.choice import Clues, Hold
from receiver.vtex.orders import read_order
from receiver.vtex.patch_body import patch_body
from receiver.vtex.wanted import History, Owner, Wanted, words
from receiver.vtex.writes import Agreed, Keep, Policy, Write, decide, says_nothing_new

ME, OTHER = "melhor-envio/p1", "jadlog/p9"
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
EARLIER, AT_NOON, LATER = (at.isoformat() for at in (NOON - timedelta(hours=1), NOON, NOON + timedelta(hours=1)))
MINE = Wanted(
    shipment=ME,
    tracking_number="TN1",
    tracking_url="https://t.example/TN1",
    courier="Loggi",
    dispatched_at=NOON,
    configured_courier=None,
    name="Melhor Envio",
)
#: What the other parcel's write left on the invoice.
THEIRS = {"trackingNumber": "TN9", "trackingUrl": "https://j.example/TN9", "courier": "Jadlog"}


def sent(tracking_number: str, **rest: Any) -> Sent:
    """What VTEX has got from us for invoice 900 and shows there: page and courier of the other parcel, and no date,
    unless told otherwise."""
    plain = {"tracking_url": THEIRS["trackingUrl"], "courier": THEIRS["courier"], "dispatched_date": None}
    where = {"order_id": "1-01", "invoice_number": "900", "at": NOON.timestamp(), "visibility": Visibility.SEEN}
    return Sent(tracking_number=tracking_number, **{**plain, **where, **rest})


def owner(dispatched: str | None = EARLIER, *, number: str | None = "TN9", **rest: Any) -> Owner:
    """The other parcel of ours, on invoice 900."""
    return Owner(OTHER, number, {OTHER: (dispatched, number or "")}, **rest)


def judge(
    wanted: Wanted = MINE,
    *,
    policy: Policy | None = None,
    named: bool = True,
    invoices: tuple[str, ...] = ("900",),
    history: History | None = None,
    of: Owner | None = None,
    **held: Any,
) -> Any:
    """The decision about an order whose invoices all hold what is given in VTEX's names; ``of`` owns each of them."""
    packages = [{"type": "Output", "invoiceNumber": number, "invoiceValue": 100, **held} for number in invoices]
    document = {"orderId": "1-01", "value": 100, "packageAttachment": {"packages": packages}}
    clues = Clues(tracking_number=wanted.tracking_number, invoice_numbers=["900"] if named else [])
    owners = dict.fromkeys(invoices, of) if of else {}
    return decide(read_order(document), clues, wanted, history or History(owners=owners), policy or Policy())


JOIN, LATEST, FIRST = (Policy(second_parcel=name) for name in ("join", "latest", "first"))


class TestJoin:
    """``second_parcel = "join"``: all numbers stand on the invoice, in the order of their dispatch."""

    def test_dispatched_later(self) -> None:
        """The other parcel stays the first: page, courier and date are its own."""
        write = judge(policy=JOIN, of=owner(), **THEIRS)

        assert isinstance(write, Write)
        assert {**THEIRS, "trackingNumber": "TN9;TN1", "dispatchedDate": EARLIER} == write.body
        assert [(OTHER, (EARLIER, "TN9")), (ME, (AT_NOON, "TN1"))] == list(write.parcels.items())
        assert (OTHER, False) == (write.over and write.over.shipment, write.displaces)
        assert ("TN9", 'second_parcel = "join"') == (
            write.choice.evidence["overwrites"],
            write.choice.evidence["because"],
        )
        not_shown_yet = judge(policy=JOIN, of=owner())
        assert "TN9;TN1" == not_shown_yet.body["trackingNumber"]

    def test_dispatched_before(self) -> None:
        """This parcel becomes the first, and its page, courier and date stand there."""
        write = judge(policy=JOIN, of=owner(LATER), **THEIRS)

        assert (
            patch_body(
                tracking_number="TN1;TN9",
                tracking_url="https://t.example/TN1",
                courier="Loggi",
                dispatched_date=AT_NOON,
            )
            == write.body
        )

    @pytest.mark.parametrize(
        ("wanted", "held", "courier"),
        [
            (MINE, {}, "Loggi"),
            (replace(MINE, courier=None, configured_courier="Setting"), {}, "Setting"),
            (replace(MINE, courier=None), {}, "Melhor Envio"),
            (MINE, {"courier": "Jadlog"}, "Jadlog"),
        ],
    )
    def test_courier_of_the_second(self, wanted: Wanted, held: dict[str, Any], courier: str) -> None:
        """The second parcel fills in courier and page only where the invoice holds none."""
        write = judge(wanted, policy=JOIN, of=owner(), trackingNumber="TN9", **held)

        assert (courier, "https://t.example/TN1") == (write.body["courier"], write.body["trackingUrl"])

    def test_unknown_date(self) -> None:
        """A parcel of unknown dispatch comes last."""
        write = judge(replace(MINE, dispatched_at=None), policy=JOIN, of=owner(LATER), **THEIRS)

        assert "TN9;TN1" == write.body["trackingNumber"]

    def test_known_date_stays(self) -> None:
        """A date that the carrier told once still orders the parcels when it says it no more."""
        three = Owner(OTHER, "TN9;TN0;TN7", {OTHER: (EARLIER, "TN9"), ME: (AT_NOON, "TN0"), "third": (LATER, "TN7")})
        held = {**THEIRS, "trackingNumber": "TN9;TN0;TN7"}
        write = judge(replace(MINE, dispatched_at=None), policy=JOIN, of=three, **held)

        assert ("TN9;TN1;TN7", (AT_NOON, "TN1")) == (write.body["trackingNumber"], write.parcels[ME])

    @pytest.mark.parametrize("of", [ME, OTHER])
    def test_other_order(self, of: str) -> None:
        """Numbers that stand there in another order are no edit of a person, and are not written again."""
        parcels = {ME: (AT_NOON, "TN1"), OTHER: (AT_NOON, "TN9")}
        both = Owner(of, "TN1;TN9;TN5", parcels)
        former = sent("TN1;TN9;TN5", dispatched_date=AT_NOON, parcels={**parcels, "third": (LATER, "TN5")})
        held = {"trackingNumber": "tn1;TN9", "trackingUrl": MINE.tracking_url, "courier": MINE.courier}
        agreed = judge(policy=JOIN, history=History(sent=former, owners={"900": both}), **held)

        assert isinstance(agreed, Agreed)
        assert "tn1;TN9" == agreed.body["trackingNumber"]

    def test_number_of_one_changes(self) -> None:
        """The owner's new number takes the old one's place beside the other parcel's."""
        both = Owner(ME, "TN0;TN9", {ME: (AT_NOON, "TN0"), OTHER: (LATER, "TN9")})
        former = sent("TN0;TN9", dispatched_date=AT_NOON, parcels=both.parcels)
        write = judge(
            policy=JOIN, history=History(sent=former, owners={"900": both}), **{**THEIRS, "trackingNumber": "TN0;TN9"}
        )

        assert "TN1;TN9" == write.body["trackingNumber"]

    def test_answer_was_lost(self) -> None:
        """Parcels of a write that the store does not know to be done are taken from what was sent."""
        parcels = {OTHER: (EARLIER, "TN9"), ME: (AT_NOON, "TN1")}
        lost = sent("TN9;TN1", dispatched_date=EARLIER, parcels=parcels)
        agreed = judge(
            history=History(sent=lost, owners={"900": Owner(ME, None)}), **{**THEIRS, "trackingNumber": "TN9;TN1"}
        )

        assert isinstance(agreed, Agreed)
        assert [OTHER, ME] == list(agreed.parcels)

    def test_foreign_number(self) -> None:
        """Nothing joins a number that is neither parcel's."""
        held = judge(policy=JOIN, of=owner(), trackingNumber="THEIRS")

        assert ("number_differs", "invoice 900 holds THEIRS, not TN9") == (held.reason, held.note)


class TestLatest:
    """``second_parcel = "latest"``: the parcel dispatched last overwrites."""

    def test_later(self) -> None:
        """This one was dispatched last: it takes the place, and the other parcel is told there no more."""
        write = judge(policy=LATEST, of=owner(), **THEIRS)

        assert isinstance(write, Write)
        assert ("TN1", [ME], OTHER, True) == (
            write.body["trackingNumber"],
            list(write.parcels),
            write.over and write.over.shipment,
            write.displaces,
        )
        assert 'second_parcel = "latest"' == write.choice.evidence["because"]

    @pytest.mark.parametrize(
        ("mine", "theirs"), [(NOON, LATER), (NOON, AT_NOON), (None, EARLIER), (NOON, None), (None, None)]
    )
    def test_not_later(self, mine: datetime | None, theirs: str | None) -> None:
        """Without two dates, or where mine is not the later one, what is there stays."""
        kept = judge(replace(MINE, dispatched_at=mine), policy=LATEST, of=owner(theirs), **THEIRS)

        assert isinstance(kept, Keep)
        assert ("other_parcel", f'invoice 900 carries TN9 of {OTHER}; second_parcel = "latest"') == (
            kept.reason,
            kept.note,
        )


@pytest.mark.parametrize("dispatched", [EARLIER, LATER, None])
def test_first(dispatched: str | None) -> None:
    """``second_parcel = "first"``: whichever was written first stays, in any order of dispatch."""
    kept = judge(policy=FIRST, of=owner(dispatched), **THEIRS)

    assert isinstance(kept, Keep)
    assert "other_parcel" == kept.reason


@pytest.mark.parametrize(("shown", "joins"), [("TN9;TN1", True), ("TN1;TN9", True), ("TN9;TN1;X1", False)])
def test_comes_back(shown: str, *, joins: bool) -> None:
    """A parcel that has shared the invoice before finds its number there yet, beside the one that stayed. Any other
    number is foreign."""
    decision = judge(policy=JOIN, of=owner(), **{**THEIRS, "trackingNumber": shown})

    if joins:
        assert isinstance(decision, Write | Agreed)
        assert shown == decision.body["trackingNumber"]
        assert {ME, OTHER} == set(decision.parcels)
    else:
        assert "number_differs" == decision.reason


@pytest.mark.parametrize("policy", [LATEST, FIRST], ids=lambda one: one.second_parcel)
def test_joined_by_a_person(policy: Policy) -> None:
    """Where parcels do not share an invoice, a person has put both numbers there: neither is written over them."""
    assert "number_differs" == judge(policy=policy, of=owner(), **{**THEIRS, "trackingNumber": "TN9;TN1"}).reason


@pytest.mark.parametrize("policy", [Policy(), JOIN, LATEST, FIRST], ids=lambda one: one.second_parcel)
def test_number_unknown_yet(policy: Policy) -> None:
    """Until the other parcel's number is known, no setting can decide."""
    held = judge(policy=policy, of=owner(number=None))

    assert isinstance(held, Hold)
    assert ("second_parcel", f"invoice 900 carries what {OTHER} is about to write") == (held.reason, held.note)


class TestMoved:
    """A person sent the other parcel to another invoice; what stands here is left over."""

    @pytest.mark.parametrize("policy", [Policy(), JOIN, LATEST, FIRST], ids=lambda one: one.second_parcel)
    @pytest.mark.parametrize("named", [True, False], ids=["named", "names nothing"])
    def test_left_over(self, policy: Policy, named: bool) -> None:
        """The leftover gives way to this parcel under every setting, and counts as no loss."""
        write = judge(policy=policy, named=named, of=owner(moved=True), **THEIRS)

        assert isinstance(write, Write)
        assert ("TN1", OTHER, False) == (
            write.body["trackingNumber"],
            write.over and write.over.shipment,
            write.displaces,
        )

    @pytest.mark.parametrize("number", ["TN9", None])
    def test_foreign_number(self, number: str | None) -> None:
        """A number that is neither the leftover nor ours is someone else's."""
        assert "number_differs" == judge(of=owner(number=number, moved=True), trackingNumber="THEIRS").reason


class TestNamesNothing:
    """A parcel that names no invoice, in an order whose invoices carry our own other parcels."""

    @pytest.mark.parametrize(("policy", "kind"), [(JOIN, Write), (LATEST, Write), (FIRST, Keep), (Policy(), Hold)])
    def test_one_invoice(self, policy: Policy, kind: type) -> None:
        """The order's only invoice is meant, and the setting decides as for a parcel that names it."""
        decision = judge(policy=policy, named=False, of=owner(), **THEIRS)

        assert kind is type(decision)
        if kind is not Hold:
            assert "only_invoice" == decision.choice.rule

    def test_several(self) -> None:
        """Of several invoices none is meant more than another: a person decides."""
        held = judge(policy=JOIN, named=False, invoices=("900", "901"), of=owner(), **THEIRS)

        assert isinstance(held, Hold)
        assert "second_parcel" == held.reason


class TestNumberChanged:
    """Another number stands where our own write was seen."""

    OURS = sent("TN1", tracking_url=None, courier="Loggi")
    SEEN = History(sent=OURS, owners={"900": Owner(ME, "TN1")})

    def test_keep(self) -> None:
        """It stays, unless the endpoint says otherwise."""
        kept = judge(history=self.SEEN, trackingNumber="TYPED")

        assert isinstance(kept, Keep)
        assert ("number_changed", "invoice 900 holds TYPED, not TN1") == (kept.reason, kept.note)

    def test_overwrite(self) -> None:
        """``number_changed = "overwrite"`` writes ours again, and records what it wrote over."""
        write = judge(history=self.SEEN, policy=Policy(number_changed="overwrite"), trackingNumber="TYPED")

        assert isinstance(write, Write)
        assert ("TN1", "TYPED", 'number_changed = "overwrite"') == (
            write.body["trackingNumber"],
            write.choice.evidence["overwrites"],
            write.choice.evidence["because"],
        )

    def test_never_seen(self) -> None:
        """Where our own write was never seen, two systems may be at it: a person decides under either setting."""
        unseen = replace(self.SEEN, sent=replace(self.OURS, visibility=Visibility.MISSING))

        assert (
            "number_differs"
            == judge(history=unseen, policy=Policy(number_changed="overwrite"), trackingNumber="TYPED").reason
        )


#: Both parcels' write.
JOINED = sent(
    "TN1;TN9",
    tracking_url="https://t.example/TN1",
    courier="Loggi",
    dispatched_date=AT_NOON,
    parcels={ME: (AT_NOON, "TN1"), OTHER: (LATER, "TN9")},
)


class TestSaysNothingNew:
    """Whether a write would repeat what a joined one has told."""

    SECOND = replace(MINE, shipment=OTHER, tracking_number="TN9", tracking_url="https://j.example", courier="Jadlog")

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            (MINE, True),
            (replace(MINE, tracking_number="TN2"), False),
            (replace(MINE, tracking_url="https://new.example"), False),
            (replace(MINE, tracking_url="https://t.example/TN1?session=2"), True),
            (replace(MINE, dispatched_at=NOON - timedelta(hours=1)), True),
            (replace(MINE, dispatched_at=NOON - timedelta(days=1)), False),
            (SECOND, True),  # page, courier and date are the first parcel's
            (replace(SECOND, dispatched_at=NOON - timedelta(days=1)), True),
            (replace(SECOND, tracking_number="TN8"), False),
            (replace(MINE, shipment="third"), False),
        ],
    )
    def test_joined(self, wanted: Wanted, expected: bool) -> None:
        """A number that changed is news of either parcel; page, courier and an earlier day are news of the first alone.
        A page that differs in its query, or a date of the same day, is none."""
        assert expected is says_nothing_new(wanted, JOINED)

    def test_left_alone(self) -> None:
        """What led to leaving the invoice alone leads there again."""
        assert says_nothing_new(MINE, sent("TN9", written=False, wanted=words(MINE)))
        assert not says_nothing_new(MINE, sent("TN9", written=False, wanted=words(self.SECOND)))

    @pytest.mark.parametrize("written", [True, False])
    def test_date_becomes_known(self, written: bool) -> None:
        """The first date is news where we wrote the invoice; where it was left alone, it stays so."""
        ours = sent("TN1", tracking_url=MINE.tracking_url, courier="Loggi", written=written)

        assert written is not says_nothing_new(MINE, ours)


class TestDecidedBefore:
    """What a person, or VTEX, has decided about the other parcel."""

    @pytest.mark.parametrize("policy", [JOIN, LATEST])
    def test_delivered(self, policy: Policy) -> None:
        """An invoice that was told delivered, by us or by another system, is never touched, whatever the setting."""
        by_us = judge(policy=policy, of=owner(is_delivered=True), **THEIRS)
        by_others = judge(policy=policy, of=owner(), **THEIRS, courierStatus={"finished": True})

        for held in (by_us, by_others):
            assert (Hold, "second_parcel") == (type(held), held.reason)
            assert held.note.endswith("and VTEX was told that it is delivered")

    @pytest.mark.parametrize("shown", [THEIRS, {**THEIRS, "trackingNumber": "TN1"}], ids=["theirs", "ours yet"])
    @pytest.mark.parametrize("named", [True, False])
    def test_assigned_in_its_place(self, named: bool, shown: dict[str, Any]) -> None:
        """A person who has put the other parcel here has decided about this one, too: it rests. That VTEX shows its
        number for a while yet does not make the two one parcel."""
        theirs = owner(by_person=True)
        history = History(sent=sent("TN1"), owners={"900": theirs})
        kept = judge(named=named, history=history, **shown)

        assert (Keep, "other_parcel") == (type(kept), kept.reason)
        assert kept.note.endswith("a person assigned it in this parcel's place")

    @pytest.mark.parametrize(("invoices", "reason"), [(("900",), "second_parcel"), (("900", "901"), "number_differs")])
    @pytest.mark.parametrize("policy", [JOIN, LATEST, FIRST, Policy()])
    def test_its_own_assignment_is_taken_back(self, policy: Policy, invoices: tuple[str, ...], reason: str) -> None:
        """The person's word about the other parcel stands, and none about this one: it is held, no matter what the
        setting says."""
        theirs, ours = owner(by_person=True), replace(sent("TN1"), assigned_at=5.0)
        history = History(sent=ours, owners={"900": theirs}, taken_back=True)
        hold = judge(named=False, invoices=invoices, policy=policy, history=history, **THEIRS)

        assert (Hold, reason) == (type(hold), hold.reason)
