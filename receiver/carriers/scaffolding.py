"""Writes the first files of a new carrier. Their failing tests then say what to write next."""

import re
from importlib.resources import files
from pathlib import Path
from string import Template

_SLUG = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


class CannotScaffold(Exception):
    """No file was written; the message says why."""


def scaffold(slug: str, name: str, root: Path, *, private: bool = False) -> list[Path]:
    """Write module, schema, first recording, provenance and page, and return the files.

    ``root`` is a checkout; or the merchant's own folder, with module and schema side by side. Raises `CannotScaffold`
    if the slug is invalid or one of the files exists.
    """
    if not _SLUG.fullmatch(slug) or len(slug) > 40:
        raise CannotScaffold(f"{slug!r} is no slug: lower-case letters, digits and single '_' between them")
    module, schema = ("", "") if private else ("adapters/", "schemas/")
    samples = f"samples/{slug}/" if private else f"tests/samples/{slug}/"
    places = {
        f"{module}{slug}.py": "module",
        f"{schema}{slug}.json": "schema",
        f"{samples}posted.http": "recording",
        f"{samples}posted.expected.json": "expected",
        f"{samples}provenance.json": "provenance",
        f"{'' if private else 'docs/carriers/'}{slug}.md": "page",
    }
    taken = [place for place in places if (root / place).exists()]
    if taken:
        raise CannotScaffold(f"{root / taken[0]} is there already")
    words = {"slug": slug, "name": name, "endpoint": slug.replace("_", "-")}
    for place, kind in places.items():
        file = root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        template = files("receiver.carriers").joinpath(f"scaffold/{kind}.txt").read_text(encoding="utf-8")
        file.write_text(Template(template).substitute(words), encoding="utf-8")
    return [root / place for place in places]
