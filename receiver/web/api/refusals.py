"""What a decision, its preview or a look at an order may raise, as problems. Where the command line has a command for
what to do instead, they have the request."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from receiver.operations.bulk import BulkRefused
from receiver.operations.choice_preview import NoPreview
from receiver.operations.decisions import NotAsShown, NothingToChange
from receiver.operations.forgetting import TooManyTraces
from receiver.operations.order_check import Instead, NotShown, TooManyLookups
from receiver.store.finding.assigning import NotAssigned
from receiver.store.operator.queries import Unknown
from receiver.store.work.claims import PAUSE_TOLD_BY
from receiver.vtex.client import BadSegment
from receiver.web.api.answers import Refused


@contextmanager
def refusals() -> Iterator[None]:
    """Around the work of a request. Raises `Refused`."""
    try:
        yield
    except NotShown as error:
        raise Refused(409, f"{error.what}. {error.instead.lead}{_request(error.instead)}") from None
    except NotAssigned as error:
        raise Refused(409, f"{error.what}: {_post(error.shipment, error.action)}") from None
    except (NotAsShown, NothingToChange, BulkRefused, TooManyTraces) as error:
        raise Refused(409, f"{error}.") from None
    except Unknown as error:
        raise Refused(404, f"{without_shell(str(error))}.") from None
    except BadSegment as error:
        raise Refused(422, f"$.{error.field}: {error}." if error.field else f"{error}.") from None
    except (TooManyLookups, NoPreview) as error:
        raise Refused(503, f"{without_shell(str(error))}.") from None


def without_shell(said: str) -> str:
    """What was said of a pause, for a caller who has no command line."""
    return said.replace(PAUSE_TOLD_BY, "GET /api/v1/accounts says why")


def _request(instead: Instead) -> str:
    """The request that assigns so; the other orders or invoices that fit follow it."""
    body: dict[str, Any] = {"order": instead.orders[0]}
    if instead.invoices:
        body["invoice"] = instead.invoices[0]
    if instead.is_to_come:
        body["unseen"] = True
    others = (*instead.orders[1:], *instead.invoices[1:])
    more = f"   (or {', '.join(others)})" if others else ""
    return f"{_post(instead.shipment, 'assign')} {json.dumps(body, ensure_ascii=False)}{more}"


def _post(shipment: str, action: str) -> str:
    return f"POST /api/v1/shipments/{quote(shipment)}/{action}"
