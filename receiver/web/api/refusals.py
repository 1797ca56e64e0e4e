"""What a decision, its preview or a look at an order may raise, as problems."""

from collections.abc import Iterator
from contextlib import contextmanager

from receiver.operations.bulk import BulkRefused
from receiver.operations.choice_preview import NoPreview
from receiver.operations.decisions import NotAsShown, NothingToChange
from receiver.operations.forgetting import TooManyTraces
from receiver.operations.order_check import NotShown, TooManyLookups
from receiver.store.finding.assigning import NotAssigned
from receiver.store.operator.queries import Unknown
from receiver.vtex.client import BadSegment
from receiver.web.api.answers import Refused


@contextmanager
def refusals() -> Iterator[None]:
    """Around the work of a request. Raises `Refused`."""
    try:
        yield
    except (NotShown, NotAssigned) as error:
        raise Refused(409, str(error)) from None  # it ends with a command to paste
    except (NotAsShown, NothingToChange, BulkRefused, TooManyTraces) as error:
        raise Refused(409, f"{error}.") from None
    except Unknown as error:
        raise Refused(404, f"{error}.") from None
    except BadSegment as error:
        raise Refused(422, f"$.{error.field}: {error}." if error.field else f"{error}.") from None
    except (TooManyLookups, NoPreview) as error:
        raise Refused(503, f"{error}.") from None
