"""Reads how an endpoint's carrier proves itself: the setting ``auth``."""

import re
from dataclasses import replace

from adapters import ClientCredentials, Hmac, Scheme
from receiver.carriers import Carrier
from receiver.config.tables import Table

_HEADER = re.compile(r"[a-z0-9-]+")


def read_scheme(carrier: Carrier, table: Table) -> Scheme | None:
    """The scheme that an endpoint's ``auth`` names, else the carrier's first one. ``None``: a fault was noted."""
    given = table.table("auth")
    kind, name = given.text("scheme", None), given.text("name", None)
    in_form = given.boolean("in_form", default=False)
    if in_form and kind != "oauth":
        given.fault("in_form", "has a meaning for the scheme oauth only")
    given.finish()
    if kind is None:
        if name is not None:
            given.fault("scheme", "must be given together with name")
        return carrier.auth[0]
    if name is not None and kind not in ("header", "query", "hmac"):
        given.fault("name", f"has no meaning for scheme {kind!r}")
    if name is not None and kind in ("header", "hmac"):
        name = name.lower()
        if not _HEADER.fullmatch(name):
            given.fault(
                "name", f"{name!r} is no safe header name: use letters, digits and '-' ('_' is lost by proxies)"
            )
    scheme = _chosen_scheme(carrier, kind, name, given)
    return replace(scheme, in_form=in_form) if isinstance(scheme, ClientCredentials) else scheme


def _chosen_scheme(carrier: Carrier, kind: str, name: str | None, table: Table) -> Scheme | None:
    of_kind = [scheme for scheme in carrier.auth if scheme.kind == kind]
    if not of_kind:
        allowed = sorted({scheme.kind for scheme in carrier.auth})
        table.fault("scheme", f"{kind!r} is not offered by {carrier.slug}; choose one of {', '.join(allowed)}")
        return None
    if kind == "hmac" and name is not None:
        return _signed_under(name, carrier, of_kind[0], table)
    if kind == "query":
        return replace(of_kind[0], name=name) if name else of_kind[0]  # type: ignore[type-var]  # a Query dataclass
    if kind != "header" or not name:
        if kind == "header" and not of_kind[0].credential_headers[0]:
            table.fault("name", "is needed: which header carries the secret?")
        return of_kind[0]
    free = [scheme for scheme in of_kind if scheme.credential_headers in ((name,), ("",))]
    if not free:
        table.fault("name", f"{carrier.slug} sends its secret in {of_kind[0].credential_headers[0]}, not in {name}")
        return None
    return replace(free[0], name=name)  # type: ignore[type-var]  # a Header dataclass


def _signed_under(name: str, carrier: Carrier, scheme: Scheme, table: Table) -> Scheme | None:
    if isinstance(scheme, Hmac) and scheme.renamed:
        return scheme.under(name)
    table.fault("name", f"has no meaning for scheme 'hmac': {carrier.slug} names the header itself")
    return None
