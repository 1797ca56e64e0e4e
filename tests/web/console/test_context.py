"""What pages get: decisions of the person who is signed in, and buyers' data only for who may see them."""

import pytest
from flask import g
from werkzeug.exceptions import Forbidden

from receiver.store import DecisionRecord
from receiver.web.console.context import Context
from receiver.web.console.language import LANGUAGES, Speech
from receiver.web.console.widgets import private
from receiver.web.outage import Outage
from tests.support.api import held
from tests.support.rig import Rig


def context(site: Rig) -> Context:
    return Context(config=site.config, database=site.database, outage=Outage(lambda: site.now), clock=lambda: site.now)


def test_decisions(site):
    """A decision of the console stands in the record like any other, with the name and the note."""
    held(site)
    with site.app.test_request_context("/console/"):
        g.person = site.config.operators["ana"]
        context(site).decisions(note="as the buyer wrote").retry("melhor-envio/p1")
    [row] = DecisionRecord(site.database).of("shipment", "melhor-envio/p1")

    told = {name: row[name] for name in ("actor", "via", "action", "note")}
    assert {"actor": "ana", "via": "console", "action": "retry", "note": "as the buyer wrote"} == told


def test_view(site):
    """Who may only view decides nothing."""
    with site.app.test_request_context("/console/"):
        g.person = site.config.operators["vi"]
        with pytest.raises(Forbidden):
            context(site).decisions()


@pytest.mark.parametrize(("name", "value", "shown"), [
    ("ana", "Souza", "Souza"), ("vi", "Souza", "oculto"), ("vi", None, None), ("vi", "", ""),
])  # fmt: skip
def test_private(site, name, value, shown):
    """Buyers' data are hidden from the role ``view``."""
    with site.app.test_request_context("/console/"):
        g.person = site.config.operators[name]

        assert shown == private(value, Speech(LANGUAGES["pt"], 0.0))
