"""PURE: a stored delivery as a recording that may be committed: without personal data and credentials. Today's result
is its expected result."""

from datetime import UTC, datetime
from typing import Any

from adapters import Ignored, Unreadable
from receiver.config import Endpoint
from receiver.intake import stored_request
from receiver.recordings.format import Recording
from receiver.recordings.scrub import scrubbed
from receiver.shipments import shipment_to_json

#: Worthless secrets: every scheme that accepts a text accepts one of them.
_SECRETS = ("recorded:secret", "7265636f72646564", "whsec_cmVjb3JkZWQ=")


def captured(row: dict[str, Any], endpoint: Endpoint) -> Recording:
    """The delivery ``row`` as a recording named ``<its status>_<end of its id>``."""
    request = scrubbed(stored_request(row, endpoint), endpoint.carrier, endpoint.rules)
    expected: dict[str, Any] = {
        "source": f"captured and scrubbed, {datetime.fromtimestamp(row['received_at'], UTC).date().isoformat()}",
        "endpoint": _settings(endpoint),
        "received_at": request.received_at.isoformat(),
    }
    try:
        conversion = endpoint.carrier.convert(request)
    except Ignored as ignored:
        word, outcome = "ignored", "ignored"
        expected["ignored"] = ignored.reason
    except Unreadable:
        word, outcome = "quarantined", "quarantined"
    else:
        outcome = "quarantined" if conversion.refused else "accepted"
        word = str(conversion.shipments[0].status)
        expected["shipments"] = [shipment_to_json(shipment) for shipment in conversion.shipments]
    status = endpoint.unreadable if outcome == "quarantined" else endpoint.carrier.reply.success
    expected["reply"] = {"status": status, "outcome": outcome}
    return Recording(name=f"{word}_{row['id'][-6:]}", request=request, expected=expected)


def _settings(endpoint: Endpoint) -> dict[str, Any]:
    """The endpoint's settings without its secrets and the carrier's defaults."""
    carrier, scheme = endpoint.carrier, endpoint.scheme
    secret = next((word for word in _SECRETS if scheme.fault(word) is None), None)
    settings: dict[str, Any] = {"carrier": carrier.slug, "secrets": [secret] if secret else []}
    if scheme != carrier.auth[0]:
        name = getattr(scheme, "name", "")
        settings["auth"] = {"scheme": scheme.kind, **({"name": name} if name else {})}
    if endpoint.references:
        settings["references"] = [
            {"path": rule.path, "is": str(rule.kind), **({"pattern": rule.pattern.pattern} if rule.pattern else {})}
            for rule in endpoint.references
        ]
    if endpoint.zone != carrier.zone and endpoint.zone is not None:
        settings["zone"] = endpoint.zone.key
    if endpoint.unreadable != carrier.reply.unreadable:
        settings["unreadable"] = endpoint.unreadable
    return settings
