"""No page decides for a person who may only view, nor by a form that is not its own."""

import pytest

from receiver.store import DecisionRecord
from receiver.web.console.cookies import form_token
from tests.support.api import VI
from tests.support.clerk import Clerk
from tests.support.rig import posted

DECIDING = [
    "/deliveries/{delivery}/reprocess", "/carriers/read-again", "/accounts/lux/resume", "/accounts/lux/check",
    "/links/add", "/links/remove", "/links/file", "/forget/preview", "/forget/do",
]  # fmt: skip
FIELDS = {"account": "lux", "kind": "tracking_number", "number": "TN1BR", "value": "TN1BR", "order": "1-01"}


@pytest.mark.parametrize("path", DECIDING)
def test_refused(site, ana, path):
    """The role ``view`` is answered 403 with a form of its own, and so is the role ``decide`` without one."""
    delivery = site.post(posted()).json["delivery"]
    path, vi = path.format(delivery=delivery), Clerk(site, VI)
    own = {**FIELDS, "form_token": form_token(vi.cookie() or "", f"/console{path}")}

    assert (403, 403) == (vi.post(path, own).status_code, ana.post(path, FIELDS).status_code)
    assert [] == list(DecisionRecord(site.database).latest())
    assert [] == [*site.index.links(), *site.calls()]


@pytest.mark.parametrize("path", ["/deliveries/none/reprocess", "/accounts/other/resume", "/accounts/other/check"])
def test_not_there(ana, path):
    """What is not there is answered 404."""
    assert 404 == ana.post(path, {"form_token": form_token(ana.cookie() or "", f"/console{path}")}).status_code
