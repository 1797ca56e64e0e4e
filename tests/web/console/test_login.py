"""Signing in to the console, and how a session ends."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from receiver.store import Retention
from receiver.store.keeping.retention import Horizons
from receiver.store.people_tables import sessions
from tests.support.api import ANA, VI, held
from tests.support.clerk import Clerk, form
from tests.support.rig import Rig

HOUR = 3600.0


def is_in(clerk: Clerk) -> bool:
    """Whether the person sees pages; else the login is shown."""
    answer = clerk.get("/")
    assert answer.status_code in (200, 303)
    return 200 == answer.status_code


def stored(site: Rig) -> list[dict[str, object]]:
    return [dict(row) for row in site.database.rows(select(sessions))]


class TestIn:
    def test_asks(self, site):
        """Every page asks an unknown person to sign in, and leads back to where the person wanted to go."""
        clerk = Clerk(site, None)
        asked = clerk.get("/?x=1")

        assert (303, "/console/login?next=/console/?x%3D1") == (asked.status_code, asked.location)
        signed_in = clerk.sign_in(ANA, page="/login?next=/console/?x%3D1")
        assert (303, "/console/?x=1") == (signed_in.status_code, signed_in.location)
        assert is_in(clerk)

    @pytest.mark.parametrize("token", [ANA, f"{ANA}-old", f"  {VI} "])
    def test_tokens(self, site, token):
        """Any of an operator's tokens signs in, whatever the role."""
        assert is_in(Clerk(site, token))

    @pytest.mark.parametrize(
        "elsewhere",
        ["https://evil.example/console/", "//evil.example/console/", "//[", "/api/v1", "/console/\\evil", "x\ny"],
    )
    def test_nowhere_else(self, site, elsewhere):
        """The login leads to no other site."""
        clerk = Clerk(site, None)
        answer = clerk.send("/login", "/login", token=ANA, next=elsewhere)

        assert (303, "/console/") == (answer.status_code, answer.location)

    def test_wrong(self, site):
        """A wrong token is answered 401, and the operator reads of it; the token stands nowhere."""
        answer = Clerk(site, None).sign_in("wrong-token-of-more-than-24-letters")

        assert (401, True) == (answer.status_code, "belongs to no operator" in answer.text)
        [failure] = site.queries.rejects()
        assert ("console", "the token is no operator's") == (failure["endpoint"], failure["reason"])
        assert "wrong-token" not in str(failure) + answer.text

    def test_cookie(self, site):
        """The cookie is hidden from scripts and other sites, and only its digest is stored."""
        answer = Clerk(site, None).sign_in(ANA)
        [cookie] = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith("receiver_session=")]
        value, *rest = cookie.removeprefix("receiver_session=").split("; ")
        [row] = stored(site)

        assert {"HttpOnly", "Path=/console", "SameSite=Lax"} == set(rest)
        assert (True, "ana") == (len(value) >= 43, row["operator"])
        assert not any(secret in str(row) for secret in (value, ANA))

    @pytest.mark.parametrize(
        ("headers", "is_secure"),
        [
            ({"Host": "localhost:8000"}, False),
            ({"Host": "[::1]:8000"}, False),
            ({"Host": "localhost:8443", "X-Forwarded-Proto": "https"}, True),
            ({"Host": "receiver.internal"}, True),
        ],
    )
    def test_secure(self, site, headers, is_secure):
        """The cookie travels encrypted, except to this very machine."""
        answer = Clerk(site, None).get("/login", **headers)

        assert is_secure == ("; Secure" in answer.headers["Set-Cookie"])
        is_warned = "not encrypted" in answer.text
        assert is_warned == (headers["Host"] == "receiver.internal")

    def test_again(self, site):
        """Who signs in again leaves no session behind in that browser."""
        clerk = Clerk(site, None)
        clerk.sign_in(ANA)
        clerk.sign_in(VI)

        assert ["vi"] == [row["operator"] for row in stored(site)]
        assert is_in(clerk)


class TestThrottle:
    def test_address(self, site):
        """After ten wrong tokens an address waits for the next minute, even with the right one; others do not."""
        guesser = Clerk(site, None, address="192.0.2.1")
        statuses = [guesser.sign_in("wrong").status_code for _ in range(12)]
        refused = guesser.sign_in(ANA)

        assert [401] * 10 + [429] * 2 == statuses
        assert (429, str(60 - int(site.now) % 60)) == (refused.status_code, refused.headers["Retry-After"])
        assert is_in(Clerk(site, ANA, address="192.0.2.2"))
        site.now += 60
        assert 303 == guesser.sign_in(ANA).status_code

    def test_all(self, site):
        """After a hundred wrong tokens in all, each address has one try: a person who comes then still enters."""
        for number in range(50):
            guesser = Clerk(site, None, address=f"198.51.100.{number}")
            assert [401, 401] == [guesser.sign_in("wrong").status_code for _ in range(2)]
        last = Clerk(site, None, address="203.0.113.1")

        assert [401, 429] == [last.sign_in("wrong").status_code for _ in range(2)]
        assert is_in(Clerk(site, ANA, address="203.0.113.2"))

    def test_proxy(self, site):
        """A proxy on this machine tells the address; from elsewhere it is not believed."""
        near, far = Clerk(site, None), Clerk(site, None, address="192.0.2.9")
        page = {one: one.get("/login").text for one in (near, far)}

        def tries(clerk: Clerk, told: str) -> int:
            fields = {**form(page[clerk], "/console/login"), "token": "wrong"}
            return clerk.post("/login", fields, **{"X-Forwarded-For": told}).status_code

        assert [401] * 10 + [429] == [tries(near, "10.0.0.1, 10.0.0.2") for _ in range(11)]
        assert 401 == tries(near, "10.0.0.2, 10.0.0.1")
        assert [401] * 10 + [429] == [tries(far, f"10.0.1.{number}") for number in range(11)]


class TestOut:
    def test_signs_out(self, ana, site):
        """Signing out ends the session at the server: the old cookie opens nothing."""
        cookie = ana.cookie()
        answer = ana.send("/", "/logout")

        assert (303, "/console/login", None) == (answer.status_code, answer.location, ana.cookie())
        assert [] == stored(site)
        ana.set_cookie(cookie)
        assert not is_in(ana)

    def test_idle(self, ana, site):
        """Half an hour without a request ends it. What the script fetches by itself is no request."""
        site.now += 29 * 60
        assert is_in(ana)
        site.now += 29 * 60
        assert 200 == ana.get("/", **{"X-Fetched-By-Itself": "1"}).status_code
        site.now += 60
        ended = ana.get("/")

        assert (303, "/console/login?next=/console/&ended=1") == (ended.status_code, ended.location)
        assert "Your session has ended" in ana.page("/login?ended=1")

    @pytest.mark.parametrize(("language", "said"), [("en", "was not taken"), ("pt", "não foi"), ("es", "no se aplicó")])
    def test_undecided(self, site, language, said):
        """A form that was sent after the end is not taken, and says so; the sign-in leads to the page that showed it.
        What the person wrote stands in no address."""
        held(site)
        clerk = Clerk(site, language=language)
        page, action = "/parcels/melhor-envio/p1?after=x", "/parcels/melhor-envio/p1/decide"
        fields = {**form(clerk.page(page), f"/console{action}"), "action": "dismiss", "note": "by phone"}
        site.now += 12 * HOUR
        asked = clerk.post(action, fields)

        assert ("held", True) == (site.shipment()["state"], said in clerk.page(asked.location.removeprefix("/console")))
        assert "phone" not in asked.location
        back = clerk.sign_in(ANA, page=asked.location.removeprefix("/console"))
        assert f"/console{page}" == back.location

    @pytest.mark.parametrize("elsewhere", ["https://evil.example/console/", "//evil.example", "x" * 70_000])
    def test_undecided_elsewhere(self, site, elsewhere):
        """Such a form leads to no other site, and a large one is not read."""
        asked = Clerk(site, None).post("/parcels/melhor-envio/p1/decide", {"shown_at": elsewhere})
        assert (303, "/console/login?next=/console/&undecided=1") == (asked.status_code, asked.location)

    def test_sign_out(self, ana, site):
        """Who signs out after the end has decided nothing."""
        fields = form(ana.page("/"), "/console/logout")
        site.now += 12 * HOUR
        assert "/console/login?ended=1" == ana.post("/logout", fields).location

    def test_longest(self, ana, site):
        """Twelve hours end it, however busy it is."""
        for _ in range(12 * 3 - 1):
            site.now += HOUR / 3
            assert is_in(ana)
        site.now += HOUR / 3

        assert not is_in(ana)
        assert [] == stored(site)

    def test_token_removed(self, site):
        """A token that is taken out of the configuration ends the sessions that it began, and no others."""
        old, new = Clerk(site, f"{ANA}-old"), Clerk(site, ANA)
        people = {**site.config.operators, "ana": replace(site.config.operators["ana"], tokens=(ANA,))}
        for clerk, operators, remains in (
            (old, people, False),
            (new, people, True),
            (new, {"vi": people["vi"]}, False),
        ):
            site.use(replace(site.config, operators=operators))
            moved = Clerk(site, None)
            moved.set_cookie(clerk.cookie() or "")
            assert remains == is_in(moved)

    def test_pruned(self, ana, site):
        """A session that is over is deleted, even if its browser never comes back."""
        Retention(site.database).prune(Horizons(bodies=30, unreadable=180), now=site.now + 12 * HOUR + 1)

        assert [] == stored(site)


class TestForms:
    @pytest.mark.parametrize("made", ["", "0" * 64, "of another form", "of another person", "é"])
    def test_token(self, ana, site, made):
        """A form without its own token changes nothing."""
        theirs = form(Clerk(site, VI).page("/"), "/console/logout")["form_token"]
        others = {"of another form": form(Clerk(site, None).page("/login"), "/console/login")["form_token"]}
        answer = ana.post("/logout", {"form_token": others.get(made, theirs if made == "of another person" else made)})

        assert (403, True) == (answer.status_code, "Nothing was changed" in answer.text)
        assert is_in(ana)

    def test_login(self, site):
        """The login has one, too: no other site signs a person in under another name."""
        assert 403 == Clerk(site, None).post("/login", {"token": ANA}).status_code
