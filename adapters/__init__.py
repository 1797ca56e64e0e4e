"""The carriers' formats: one module for each carrier, and nothing else.

**The law:** nothing here does I/O, reads the clock or the environment, or imports anything but the standard
library and this package. Carrier modules never import one another. A test holds every module to it.

**The contract.** A carrier is one module, named by its slug, beside ``schemas/<slug>.json``. Its presence is its
registration. It declares:

``NAME``        what people call the carrier, also the last resort for VTEX's ``courier``
``DOCS``        the URL of the governing documentation
``AUTH``        tuple of schemes from this package; the first is the default, the others may be chosen per endpoint
``REPLY``       ``Reply``: the success status the carrier wants, and the status an unreadable body gets
``PROBE``       ``Probe``: what the carrier's registration check looks like, or ``None``
``ZONE``        the ``ZoneInfo`` of times without an offset, or ``None`` if it is not known
``RETRIES``     ``Retries``: how often and how long the carrier retries an unacknowledged delivery; ``None``: unknown
``TRACKING_PAGE``  the carrier's public page with ``{number}`` in it; ``None`` if payloads have their own URL, or no
                page is known
``REFERENCES``  dotted paths where merchants usually write their order: hints for the operator, never read by code
``read``        ``read(payload, request) -> list[Shipment]``; raises `Ignored` or `Unreadable`

and, only if needed:

``event_id``    ``event_id(payload, request) -> str | None``: the carrier's own id of this notification
``SIGNED_ID``   ``True`` if the signature covers that id, and not all that `read` uses, such as a header: a message with
                the same id is then a repeat, whatever it says
``decode``      ``decode(request) -> payload`` if the body is not plain JSON (default: `strict_json`)
``encode``      ``encode(payload) -> bytes``: the inverse of ``decode``, because exported payloads are scrubbed
``split``       ``split(payload) -> [(JSON path, member)]`` if one message may have several parcels: the schema's
                ``$defs.member``, `read` and the merchant's reference rules are then applied to each member alone; a
                bad member does not block the good ones
``HEADERS``     lower-case names of headers that exported recordings keep: those that `read` or a signature uses, or
                that name the format's version
``METHODS``     the methods by which the carrier sends (default: POST and PUT)
``QUERY``       names of the query parameters that are the message itself: their values are kept
``notice``      ``notice(payload, request) -> list[Fetch]`` if a message only announces news, or asks for a call: the
                payload has passed ``$defs.notice``; without a fetch it is read like any other. A fetched answer is
                JSON, passes the schema and goes to `read`, with its URL in ``request.fetched``
``more``        ``more(payload, request) -> list[Fetch]``: what to fetch after such an answer, such as its next page
``HOSTS``       the hosts that may be called: names, or compiled patterns for the whole name. By https only
``CREDENTIALS`` how the endpoint's ``fetch_credentials`` are sent there: ``basic``, ``bearer``, a header's name, or an
                ``Exchange`` for a token
``CREDENTIALS_OPTIONAL``  ``True`` if an endpoint can do without: only some messages ask for a call, which then waits
``NUMBERED``    ``False`` if no message ever has a tracking number: a merchant's rule with ``is = "tracking_number"``
                gives it
``PICTURES``    ``True`` if a message about one parcel may carry pictures: it may be as large as a batch
``SECRET_FIELDS``  dotted paths of body fields that hold a secret; they are blanked before anything is stored

`read` is called with a payload that passed the carrier's schema: subscript what the schema requires, ``.get`` what
it does not. Ids go through `name`, other text through `text`, words for people through `line`, times through `moment`
or `instant`, lines for shoppers through `single_event`: they refuse what must not be stored. A status word goes through
`look_up`, and a gateway's code of a courier through `courier_name`. A history goes through `History`, and through
`oldest_first` where its newest line is the status. An unknown word must reach ``Shipment.unknown_words``, a parcel that
turns back in the words beside its status is returned (`unless_returned`), a delivery after a return in the same history
must be marked (``Shipment.returned``), and a courier must have one name.
"""

from adapters._auth import Basic, Bearer, Header, Path, Query, RsaJwks, Scheme, UnknownKey
from adapters._contract import (
    Exchange,
    Fetch,
    Ignored,
    NotAuthentic,
    OrderNamed,
    Probe,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    TrackingEvent,
    Unreadable,
)
from adapters._couriers import courier_name
from adapters._history import UNDERWAY, History, Scan, look_up, oldest_first, single_event
from adapters._oauth import ClientCredentials
from adapters._returns import says_returned, unless_returned
from adapters._signatures import Hmac, Jwt, Salted, Stamped, StandardWebhooks, from_hex, nfkd
from adapters._values import (
    day,
    epoch,
    form,
    inner_json,
    instant,
    line,
    local_moment,
    moment,
    name,
    page,
    strict_json,
    text,
    url,
    with_offset_of,
)

__all__ = [
    "UNDERWAY",
    "Basic",
    "Bearer",
    "ClientCredentials",
    "Exchange",
    "Fetch",
    "Header",
    "History",
    "Hmac",
    "Ignored",
    "Jwt",
    "NotAuthentic",
    "OrderNamed",
    "Path",
    "Probe",
    "Query",
    "Reference",
    "ReferenceKind",
    "Reply",
    "Request",
    "Retries",
    "RsaJwks",
    "Salted",
    "Scan",
    "Scheme",
    "Shipment",
    "Stamped",
    "StandardWebhooks",
    "Status",
    "TrackingEvent",
    "UnknownKey",
    "Unreadable",
    "courier_name",
    "day",
    "epoch",
    "form",
    "from_hex",
    "inner_json",
    "instant",
    "line",
    "local_moment",
    "look_up",
    "moment",
    "name",
    "nfkd",
    "oldest_first",
    "page",
    "says_returned",
    "single_event",
    "strict_json",
    "text",
    "unless_returned",
    "url",
    "with_offset_of",
]
