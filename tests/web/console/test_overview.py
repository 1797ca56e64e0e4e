"""The console's first page, as a clerk reads it."""

import re
from dataclasses import replace
from html import unescape

import pytest
from sqlalchemy import insert, update

from receiver.notify.causes import Cause
from receiver.notify.task import NotifyTask
from receiver.store.tables import alerts, shipments
from receiver.store.work.accounts import Accounts
from receiver.web.console.language import texts
from receiver.web.console.pages import overview
from receiver.web.overview import Held
from tests.support.api import held
from tests.support.broken_disk import failing
from tests.support.clerk import Clerk
from tests.support.rig import UNREADABLE, eventually, posted
from tests.support.vtex_hook import SECRET, event, tell


def words(clerk: Clerk) -> str:
    """What the page says, on one line."""
    main = clerk.page("/").split("<main", 1)[1].partition(">")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<svg.*?</svg>|<[^>]*>", " ", main, flags=re.DOTALL)).split())


class TestNeeds:
    def test_nothing(self, ana):
        """Where nothing waits for a person, the page says so first."""
        assert words(ana).startswith("Overview Nothing needs you")

    def test_parcels(self, site):
        """Parcels that are held, or were given up, by reason."""
        held(site)
        site.post(posted("9-01", parcel="p9", number="TN9"))
        site.works_until(8 * 86_400)
        said = words(Clerk(site))

        assert said.startswith("Overview 2 things need you Held for your decision 1 Several invoices of the order fit")
        assert "Given up after waiting 1 VTEX does not know the order yet" in said

    def test_former_reason(self, ana, site):
        """A reason that this version does not know is shown as it is stored."""
        held(site)
        former = update(shipments).values(reason="former_reason")
        site.database.write(lambda connection: connection.execute(former))

        assert "1 former_reason" in words(ana)

    def test_others(self, ana, site):
        """What could not be read, and each kind of request that no endpoint takes: the address may be right."""
        site.post(UNREADABLE)
        site.client.post("/webhooks/melhorenvio")
        site.client.patch("/webhooks/melhor-envio")
        said = words(ana)

        assert "Not understood or not let in 1 Delivery that cannot be read" in said
        assert "2 Kinds of requests that no endpoint takes" in said

    def test_unstored(self, site):
        """On a full disk a person who is signed in reads that deliveries are lost, and not that nothing needs them."""
        clerk = Clerk(site)
        with failing(site, "INSERT ON deliveries"), failing(site, "UPDATE ON sessions"):
            assert [503, 503] == [site.post(posted(parcel=name)).status_code for name in ("p1", "p2")]
            said = words(clerk)
        assert "2 things need you Stopped or silent 2 Deliveries that could not be stored, and none since" in said
        assert eventually(lambda: site.post(posted()).status_code == 200)
        assert eventually(lambda: "could not be stored" not in words(clerk))  # counts hold for a moment

    def test_stopped(self, ana, site):
        """An account whose key is wrong, and an endpoint that fell silent, come first."""
        Accounts(site.database).pause("lux", until=site.now + 1_800, reason="<b>no & key</b>", own_fault=True)
        silent = {"cause": "silent", "subject": "melhor-envio", "severity": "warning", "opened_at": site.now}
        texts = {"title": "", "lines": "[]", "command": "", "count": 1}
        site.database.write(lambda connection: connection.execute(insert(alerts), {**silent, **texts}))
        said = words(ana)

        assert "2 things need you Stopped or silent 1 VTEX account paused until its key" in said
        assert "lux 1,000,000 paused, goes on in 30 min <b>no & key</b>" in said
        assert "melhor-envio silent for unusually long Melhor Envio never" in said

    def test_alerts(self, site):
        """What else a worker found, with the page that shows more; what must last first is left out until it has."""
        with_hook = {"lux": replace(site.config.accounts["lux"], hook_secrets=(SECRET,))}
        site.use(replace(site.config, accounts=with_hook))
        worker = NotifyTask(site.config, site.database, clock=lambda: site.now, channels={})
        site.post({**posted(), "event": "order.created"})
        assert 401 == site.client.post("/webhooks/melhor-envio", headers={"x-me-signature": "AAAA"}).status_code
        for _ in range(3):
            tell(site, event(), secret="the-former-one")
        worker.run_once()
        clerk = Clerk(site)
        said = words(clerk)

        assert "1 thing needs you Not understood or not let in 1 VTEX's order events of account lux are refused" in said
        assert 'href="/console/refused?endpoint=hooks%2Fvtex%2Flux"' in clerk.page("/")

    def test_every_alert(self):
        """Each cause is on the page: among the parcels, the counts, the accounts and endpoints, or by itself."""
        counted = {Cause.HELD, Cause.GAVE_UP, Cause.UNREADABLE, Cause.UNKNOWN_WORD, Cause.UNKNOWN_ADDRESS}
        counted |= {Cause.ACCOUNT_PAUSED, Cause.BACKLOG, Cause.SILENT, Cause.NEVER_HEARD, Cause.STORE_AWAY}

        assert (
            {*Cause} - counted == {*overview._ALERTS} == {*Cause} & {key[7:] for key in texts() if key[:7] == "alerts."}
        )


class TestWaiting:
    def test_backlog(self, ana, site):
        """What is overdue, and since when; after a quarter of an hour the page warns."""
        site.post(posted("9-01"))
        site.now += 200
        assert "1 parcel has been due for 3 min 1 In the queue" in words(ana)
        site.now += 800
        site.use(site.config)
        late = Clerk(site)

        assert "1 parcel has been due for 16 min Workers are behind." in words(late)

    def test_order(self, ana, site):
        """What waits by itself, and for what."""
        site.post(posted("9-01"))
        site.work()

        assert "Nothing is overdue: workers keep up. 1 Waiting for the order VTEX does not know" in words(ana)


def test_charts(ana, site):
    """Deliveries and writes of each hour, for ears, too."""
    held(site)
    page = ana.page("/")

    assert 'aria-label="Deliveries received per hour: 1 in 24 hours, 1 in the busiest hour."' in page
    assert 'aria-label="Written to VTEX per hour: 0 in 24 hours, 0 in the busiest hour."' in page
    assert 24 * 3 == page.count("<rect ") - page.count("<svg viewBox")


@pytest.mark.parametrize(("cost", "later", "reads"), [(2.0, 9.0, 1), (2.0, 11.0, 2), (0.0, 0.0, 2)])
def test_holds(cost, later, reads):
    """What was read holds for five times as long as it took."""
    now, done = [0.0], []

    def read() -> dict[str, int]:
        now[0] += cost
        done.append(1)
        return {"reads": len(done)}

    kept = Held(read, clock=lambda: now[0])
    kept.now()
    now[0] += later

    assert {"reads": reads} == kept.now()
