"""The VTEX accounts: pauses and how they end, failed calls, and what the keys may do."""

import pytest

from receiver.operations import order_check
from receiver.store.work.accounts import Accounts
from tests.support.api import VI
from tests.support.clerk import Clerk
from tests.support.rig import Rig, order, package, posted

RESUME, CHECK = "/accounts/lux/resume", "/accounts/lux/check"


#: The check has the real clock.
NOW_AND_LATER = 4_000_000_000.0


def pause(site: Rig, *, own_fault: bool = True, until: float | None = None) -> None:
    until = site.now + 900 if until is None else until
    Accounts(site.database).pause("lux", until=until, reason="HTTP 401: the key", own_fault=own_fault, now=site.now)


class TestShown:
    @pytest.mark.parametrize(
        ("own_fault", "ends"), [(True, "The pause ends when the key works."), (False, "The pause ends by itself.")]
    )
    def test_pause(self, site, ana, own_fault, ends):
        """A pause is told with its end, its reason, and how it ends."""
        assert "running" in ana.page("/accounts")
        pause(site, own_fault=own_fault)
        page = ana.page("/accounts")

        assert [] == [one for one in ("paused, goes on in 15 min", "HTTP 401: the key", ends) if one not in page]

    def test_failures(self, site, ana):
        """The calls that went wrong last are listed; VTEX's words are for people who may decide."""
        assert "No call went wrong among the last 2,000" in ana.page("/accounts")
        site.add_order(order("1-01", package("41001")))
        site.faults(forbidden=frozenset({"1-01"}))
        site.post(posted())
        site.work()
        page, hidden = ana.page("/accounts"), Clerk(site, VI).page("/accounts")

        assert ("GET order" in page, "HTTP 403" in page) == (True, True)
        assert ("GET order" in hidden, "HTTP 403" in hidden) == (True, False)

    def test_view(self, site):
        """Who may only view has no button."""
        pause(site)
        assert not any(form in Clerk(site, VI).page("/accounts") for form in (RESUME, CHECK))


class TestResume:
    def test_ends(self, site, ana):
        """A person ends the pause; the record has the name."""
        pause(site)
        done = ana.send("/accounts", RESUME)

        assert "The pause is over." in ana.page(done.location.removeprefix("/console"))
        assert "ended a pause" in ana.page("/decisions?kind=account&subject=lux")

    def test_over(self, site, ana):
        """A pause that ended meanwhile is not ended twice."""
        pause(site)
        page = ana.get("/accounts").text
        site.now += 1_000
        fields = {"form_token": page.partition(RESUME)[2].partition('value="')[2].partition('"')[0]}
        answer = ana.post(RESUME, fields)

        assert (409, True) == (answer.status_code, "Nothing was changed." in answer.text)


class TestCheck:
    def test_works(self, site, ana):
        """The check shows what the key may do, by reading alone."""
        answer = ana.send("/accounts", CHECK)

        assert (200, True) == (answer.status_code, "VTEX takes the key." in answer.text)
        assert "View order" in answer.text
        assert {"GET"} == {call.method for call in site.calls()}

    def test_refused(self, site, ana):
        """A key that VTEX does not take is told with VTEX's words."""
        site.faults(unauthorized=True)
        answer = ana.send("/accounts", CHECK)

        assert (True, True) == ("VTEX does not take every key" in answer.text, "HTTP 401" in answer.text)

    def test_away(self, site, ana):
        """Where VTEX does not answer, the key is not blamed."""
        site.faults(server_error=1.0)
        answer = ana.send("/accounts", CHECK)

        assert (True, False) == ("VTEX could not be asked" in answer.text, "does not take" in answer.text)

    def test_quiet(self, site, ana):
        """While VTEX wants no calls it is not asked; nor while too many people ask."""
        pause(site, own_fault=False, until=NOW_AND_LATER)
        assert (409, []) == (ana.send("/accounts", CHECK).status_code, site.calls())
        for _ in range(4):
            order_check._LOOKUPS.acquire()
        try:
            assert 503 == ana.send("/accounts", CHECK).status_code
        finally:
            order_check._LOOKUPS.release(4)
