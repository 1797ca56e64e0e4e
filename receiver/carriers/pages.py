"""A carrier's page under ``docs/carriers/``: the facts that its module declares stand between two marks, a person's
text around them. And ``quality.json`` beside this module: an installed receiver reads there what only a checkout can
compute."""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from adapters import Probe, Retries, Scheme
from receiver.carriers.quality import LEVELS, Quality, Words, quality
from receiver.carriers.registry import Carrier

BEGIN, END = "<!-- facts -->", "<!-- end of facts -->"


_HEAD = "| carrier | name | proves itself by | where the order may be | status words | quality |"
_NOT_COUNTED = "not counted"


class BadPage(Exception):
    """A page, or one of its sources, is wrong; the message names the file and the fault."""


def computed(slug: str, samples: Path) -> Quality:
    """The quality of a carrier from its recordings in ``samples/<slug>``. Raises `BadPage`."""
    folder = samples / slug
    try:
        provenance = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
        expected = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.expected.json"))]
        return quality([one.get("source", "") for one in expected], provenance)
    except OSError as error:
        raise BadPage(f"{folder}/provenance.json: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BadPage(f"{folder}: {error}") from None


@cache
def stored() -> dict[str, Any]:
    """The qualities by slug, computed when the program was packed."""
    found: dict[str, Any] = json.loads(files("receiver.carriers").joinpath("quality.json").read_text(encoding="utf-8"))
    return found


def with_facts(page: str, carrier: Carrier, proven: Quality, *, name: str) -> str:
    """The page with updated facts. Raises `BadPage` if the marks are missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise BadPage(f"{name}: the lines {BEGIN} and {END} are missing")
    return f"{before}{BEGIN}\n\n" + "\n".join(facts(carrier, proven)) + f"\n\n{END}{after}"


def facts(carrier: Carrier, proven: Quality) -> Iterator[str]:
    """The lines of the table of facts that the module declares."""
    signed = [scheme.signature for scheme in carrier.auth if hasattr(scheme, "signature")]
    rows = {
        "carrier": f"`{carrier.slug}`",
        "documentation": f"<{carrier.docs}>",
        "proves itself by": "; ".join(_scheme(scheme) for scheme in carrier.auth),
        "is signed": "; ".join(signed) or "not at all: the proof is a secret that travels along",
        "is answered": f"{carrier.reply.success}; {carrier.reply.unreadable} for what cannot be read",
        "checks the URL by": _probe(carrier.probe),
        "repeats": _retries(carrier.retries),
        "a time without an offset is": f"read as {carrier.zone}" if carrier.zone else "not read as an instant",
        "tracking page": f"`{carrier.tracking_page}`" if carrier.tracking_page else "as the payload says, or none",
        "the order may be in": ", ".join(f"`{path}`" for path in carrier.references) or "no field: it takes a link",
        "quality": f"**{proven.level}**: {LEVELS[proven.level]} ({proven.details})",
        "status words": proven.words.details if proven.words else _NOT_COUNTED,
        "seen live": proven.seen_live,
    }
    yield "| | |"
    yield "| --- | --- |"
    yield from (f"| {name} | {value.replace('|', chr(92) + '|')} |" for name, value in rows.items())


def with_table(readme: str, carriers: Iterable[Carrier]) -> str:
    """The README with an updated table of carriers. Raises `BadPage` if it has none."""
    lines = readme.splitlines()
    try:
        head = lines.index(_HEAD)
    except ValueError:
        raise BadPage("README.md: the head of the table of carriers is missing") from None
    end = next(at for at in range(head, len(lines)) if not lines[at].startswith("|"))
    return "\n".join([*lines[: head + 2], *(row(carrier) for carrier in carriers), *lines[end:]]) + "\n"


def row(carrier: Carrier) -> str:
    """A carrier's line in the README's table; `receiver carriers` shows the same."""
    schemes = ", ".join(dict.fromkeys(scheme.kind for scheme in carrier.auth))
    references = ", ".join(carrier.references) or "only by `receiver link`"
    level, words = stored()[carrier.slug]["level"], words_of(carrier.slug)
    link = f"[`{carrier.slug}`](docs/carriers/{carrier.slug}.md)"
    return f"| {link} | {carrier.name} | {schemes} | {references} | {words} | {level} |"


def words_of(slug: str) -> str:
    """How many of the carrier's status words its adapter knows, for a table."""
    words = stored().get(slug, {}).get("words")
    return Words(**words).short if words else _NOT_COUNTED


def _scheme(scheme: Scheme) -> str:
    headers = ", ".join(f"`{name}`" for name in scheme.credential_headers if name)
    if scheme.kind == "header" and not headers:
        return "`header` of your choice"
    if getattr(scheme, "renamed", False):
        headers += " or a header of your choice"
    return f"`{scheme.kind}`" + (f" in {headers}" if headers and scheme.kind not in ("bearer", "basic") else "")


def _probe(probe: Probe | None) -> str:
    if probe is None:
        return "nothing known"
    ways = list(probe.methods)
    ways += [f"POST of {'nothing' if not body else f'`{body.decode()}`'}" for body in probe.bodies]
    ways += [f"`{probe.hollow[0]}` without `{probe.hollow[1]}`"] if probe.hollow else []
    ways += [f"a text to send back in `{name}`" for name in (probe.echo, probe.challenge) if name]
    ways += ["any body without its signature"] if probe.unsigned else []
    return ", ".join(ways)


def _retries(retries: Retries | None) -> str:
    if retries is None:
        return "not documented"
    if retries.times == 0:
        return "never: what is not received is lost there"
    if retries.over is None:
        return f"{retries.times} times, how far apart is not documented"
    hours = retries.over.total_seconds() / 3600
    span = f"{hours:g} h" if hours >= 2 else f"{hours * 60:g} min"
    return f"{'an unknown number of' if retries.times is None else retries.times} times within {span}"
