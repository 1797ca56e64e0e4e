"""Commands for carriers: list them, try one on a recording, begin a new one, update its page."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from adapters import Ignored, NotAuthentic, Request, Unreadable
from receiver.carriers import BrokenCarriers, Carrier, Carriers, discover
from receiver.carriers.pages import BadPage, computed, facts, stored, with_facts, with_table, words_of
from receiver.carriers.scaffolding import CannotScaffold, scaffold
from receiver.commands._common import fail, json_option, printable, show_rows
from receiver.commands._types import TEXT
from receiver.commands.unknown_words import unknown
from receiver.config import BadConfig, Config, Endpoint, default_path, did_you_mean, endpoint_from, load
from receiver.intake.redaction import REDACTED
from receiver.recordings import BadRecording, Recording, read_http
from receiver.recordings import load as load_recording
from receiver.recordings.replay import Replay, Replayed, orders_by_id
from receiver.sandbox import BadOrders, load_orders
from receiver.vtex.orders import UnexpectedOrder

#: Where a checkout keeps its recordings and its pages.
_SAMPLES, _PAGES = Path("tests/samples"), Path("docs/carriers")
#: The fields of a shipment in ``try --json``, besides its references and events.
_FIELDS = (
    *("key", "status", "happened_at", "tracking_number", "tracking_url", "courier"),
    *("dispatched_at", "delivered_at"),
)
_NOT_PROVEN = "not proven"


def _headers(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE`` as headers in lower case."""
    if wrong := [text for text in given if not text.partition("=")[1] or not text.partition("=")[0].strip()]:
        raise click.BadParameter(f"{wrong[0]!r} is not NAME=VALUE")
    return {name.strip().lower(): value for name, _, value in (text.partition("=") for text in given)}


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def carriers(context: click.Context, *, as_json: bool) -> None:
    """List the carriers; try one, or begin a new one.

    How they prove themselves, where they carry the order, how well their adapter is proven, and
    whether real traffic was ever seen.
    """
    if context.invoked_subcommand is not None:
        return
    columns = {
        "carrier": "carrier",
        "name": "name",
        "auth": "proves itself by",
        "references": "where the order may be",
        "words": "status words",
        "quality": "quality",
        "seen": "seen live",
    }
    rows = [_row(carrier) for carrier in _known().values()]
    if not as_json:
        rows = [
            {
                **row,
                "references": row["references"] or "only by `receiver link`",
                "words": words_of(row["carrier"]),
                "quality": row["quality"]["level"],
                "seen": {True: "yes", False: "never", None: ""}[row["seen_live"]],
            }
            for row in rows
        ]
    show_rows(rows, columns, as_json=as_json, empty="no carriers")


@carriers.command(name="new")
@click.argument("slug")
@click.option("--name", type=TEXT, help="What people call the carrier; default: made from the slug.")
@click.option(
    "--in", "folder", type=click.Path(file_okay=False, path_type=Path),
    help="A folder of carriers of your own, outside the tree; name it as [receiver] carriers.",
)  # fmt: skip
def new(slug: str, name: str | None, folder: Path | None) -> None:
    """Write the first files of a carrier: module, schema, recording, page.

    The tests then say what to write next.
    """
    if slug in discover():
        fail(f"there is a carrier {slug} already")
    if folder is None and not Path("adapters").is_dir():
        fail("this is no checkout (there is no adapters/ here): name a folder of your own with --in")
    try:
        written = scaffold(slug, name or slug.replace("_", " ").title(), folder or Path(), private=folder is not None)
    except CannotScaffold as error:
        fail(str(error))
    for file in written:
        click.echo(f"wrote {file}")
    click.echo("next: put a real request into the recording, then its fields into the schema and the module")
    click.echo(f"  receiver carriers try {slug} {written[2]}")
    where = f"tests/carriers/test_every_carrier.py --own-carriers {folder.absolute()}" if folder else f"-k {slug}"
    click.echo(f'  {"in a checkout of the receiver: " if folder else ""}make test ARGS="{where}"')


@carriers.command(name="try")
@click.argument("slug")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--secret", type=TEXT, help="The carrier's secret, to check the signature that the recording came with.")
@click.option(
    "--endpoint", "endpoint_name", type=TEXT, metavar="NAME", help="Under this endpoint's settings and secrets."
)
@click.option(
    "--orders", "orders_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="VTEX orders to decide on: a JSON list or JSON Lines.",
)  # fmt: skip
@click.option(
    "--header", "headers", multiple=True, metavar="NAME=VALUE", callback=_headers,
    help="A header of the request, such as Content-Type=text/xml; repeatable.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object: outcome, why, and every shipment.")
def try_one(
    slug: str, file: Path, secret: str | None, endpoint_name: str | None, orders_file: Path | None,
    headers: dict[str, str], *, as_json: bool,
) -> None:  # fmt: skip
    """Run one recording, or one bare body, through a carrier's adapter.

    Shows whether the body fits the schema, the shipments read, and the PATCH that they would cause. With --secret or
    --endpoint the sender is proven first; without, it is read without proof. Nothing is sent, nothing is stored. Exit
    code 1 where it stops short of a shipment.
    """
    carrier = _known().get(slug)
    if carrier is None:
        fail(f"{slug!r} is no carrier{did_you_mean(slug, _known())} (receiver carriers lists them)")
    recording = _recording(file, carrier)
    request = replace(recording.request, headers={**recording.request.headers, **headers})
    recording = replace(recording, request=request)
    endpoint = _endpoint(carrier, recording, secret, endpoint_name)
    steps = list(_tried(endpoint, replace(request, zone=endpoint.zone), secret_given=secret is not None))
    result = _dry(carrier, endpoint, recording, _orders(orders_file, recording))
    if as_json:
        click.echo(json.dumps(_result(carrier, steps, result)))
    else:
        for line in (*(line for line, _ in steps), *_decision(result)):
            click.echo(printable(line))
    raise SystemExit(0 if all(fine for _, fine in steps) else 1)


@carriers.command(name="page")
@click.argument("slugs", nargs=-1)
@click.option("--write", is_flag=True, help="Bring docs/carriers/, quality.json and the README up to date.")
def page(slugs: tuple[str, ...], *, write: bool) -> None:
    """Print what a carrier's page tells of its module; in a checkout, bring the pages up to date."""
    chosen = [carrier for slug, carrier in discover().items() if not slugs or slug in slugs]
    try:
        for carrier in chosen:
            if write:
                _write_page(carrier)
            else:
                click.echo("\n".join([f"# {carrier.name}", "", *facts(carrier, computed(carrier.slug, _SAMPLES)), ""]))
        if write:
            proven = {slug: computed(slug, _SAMPLES).to_json() for slug in discover()}
            text = json.dumps(proven, indent=1, sort_keys=True) + "\n"
            Path("receiver/carriers/quality.json").write_text(text, encoding="utf-8")
            stored.cache_clear()
            readme = Path("README.md").read_text(encoding="utf-8")
            Path("README.md").write_text(with_table(readme, discover().values()), encoding="utf-8")
            click.echo(f"{len(chosen)} pages, receiver/carriers/quality.json and the README's table are up to date")
    except BadPage as error:
        fail(str(error))


def _write_page(carrier: Carrier) -> None:
    file = _PAGES / f"{carrier.slug}.md"
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadPage(f"{file}: {error.strerror}") from None
    file.write_text(with_facts(text, carrier, computed(carrier.slug, _SAMPLES), name=str(file)), encoding="utf-8")


def _known() -> Carriers:
    """The built-in carriers, and those of the configuration if there is one."""
    try:
        config = _config()
        return config.carriers if config else discover()
    except BrokenCarriers as error:
        fail(str(error))


def _config() -> Config | None:
    if not default_path().exists():
        return None
    try:
        return load()
    except BadConfig as error:
        fail(str(error))


def _row(carrier: Carrier) -> dict[str, Any]:
    proven = stored().get(carrier.slug)
    return {
        "carrier": carrier.slug,
        "name": carrier.name,
        "auth": list(dict.fromkeys(scheme.kind for scheme in carrier.auth)),
        "references": list(carrier.references),
        "unreadable": carrier.reply.unreadable,
        "zone": str(carrier.zone) if carrier.zone else None,
        "docs": carrier.docs,
        "digest": carrier.digest,
        "quality": proven or {"level": "your own"},
        "seen_live": "captured" in proven["sources"] if proven else None,
    }


def _recording(file: Path, carrier: Carrier) -> Recording:
    try:
        if file.suffix == ".http":
            return load_recording(file)
        head = f"POST /webhooks/{carrier.slug.replace('_', '-')} HTTP/1.1\nContent-Type: application/json\n\n"
        request = read_http(head.encode() + file.read_bytes(), received_at=datetime.now(UTC), name=str(file))
    except (BadRecording, OSError) as error:
        fail(str(error))
    return Recording(name=str(file), request=request)


def _endpoint(carrier: Carrier, recording: Recording, secret: str | None, name: str | None) -> Endpoint:
    if name is not None:
        config = _config()
        if config is None or name not in config.endpoints:
            fail(f"endpoint {name!r} is not in the configuration")
        return config.endpoints[name]
    settings = {**recording.expected.get("endpoint", {}), "carrier": carrier.slug}
    settings.pop("secrets", None)
    if secret is not None:
        settings["secrets"] = [secret]
    try:
        return endpoint_from(settings, account="dry-run", carriers=_known(), only_reads=True)
    except BadConfig as error:
        fail("; ".join(error.faults))


def _tried(endpoint: Endpoint, request: Request, *, secret_given: bool) -> Iterator[tuple[str, bool]]:
    """Each step in words, and whether it succeeded."""
    carrier = endpoint.carrier
    if carrier.probe and carrier.probe.matches(request):
        yield "a probe of the URL: answered with success, and nothing else happens", False
        return
    yield _sender(endpoint, request, secret_given=secret_given)
    try:
        conversion = carrier.convert(request)
    except Ignored as ignored:
        yield f"body      fits {_schema(carrier)}", True
        yield f"ignored   {ignored.reason}", False
        return
    except Unreadable as unreadable:
        yield f"body      cannot be read: {unreadable}", False
        return
    for refused in conversion.refused:
        yield f"member    cannot be read: {refused}", False
    yield f"body      fits {_schema(carrier)}", True


def _schema(carrier: Carrier) -> str:
    return f"{carrier.slug}.json" if carrier.own else f"schemas/{carrier.slug}.json"


def _sender(endpoint: Endpoint, request: Request, *, secret_given: bool) -> tuple[str, bool]:
    """Whether the sender is authenticated; without a secret nothing is checked."""
    scheme = endpoint.scheme
    redacted = any(request.headers.get(name) == REDACTED for name in scheme.credential_headers)
    if not endpoint.secrets:
        return f"sender    not checked ({scheme.kind}): read without proof; --secret checks it", True
    try:
        scheme.check(request, endpoint.secrets)
    except NotAuthentic as error:
        if secret_given and not redacted:
            return f"sender    {_NOT_PROVEN} ({scheme.kind}): {error.reason}", False
        why = "the credential is redacted" if redacted else error.reason
        return f"sender    not checked ({scheme.kind}): {why}; --secret checks one", True
    return f"sender    authenticated ({scheme.kind})", True


def _orders(file: Path | None, recording: Recording) -> dict[str, Any]:
    try:
        documents = load_orders(file) if file else recording.expected.get("orders", ())
        return orders_by_id(documents)
    except (BadOrders, UnexpectedOrder) as error:
        fail(str(error))


def _dry(carrier: Carrier, endpoint: Endpoint, recording: Recording, orders: dict[str, Any]) -> Replayed:
    settings = {**recording.expected, "endpoint": {**recording.expected.get("endpoint", {}), "carrier": carrier.slug}}
    return Replay(orders=orders, given=endpoint).dry(replace(recording, expected=settings))


def _decision(result: Replayed) -> Iterator[str]:
    for one in result.fields:
        yield f"shipment  {one.shipment}"
        for name, value in one.wanted.items():
            yield f"          {name:<16}{value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        if one.patch:
            yield f"PATCH     invoice {one.patch['invoice']} of {one.patch['order']}, by {one.rule}"
            yield from (f"          {name:<16}{value or '(none)'}" for name, value in one.patch["body"].items())
        elif one.state:
            yield f"no PATCH  {one.state}: {one.note or one.reason or ''}"
        else:
            yield "no PATCH  without an order to decide on: give one with --orders FILE"


def _result(carrier: Carrier, steps: list[tuple[str, bool]], result: Replayed) -> dict[str, Any]:
    """The result as one object; ``null`` if the carrier does not say, times in ISO 8601. A shipment has its state and
    its PATCH only where there are orders to decide on, and a volume only where the carrier tells one."""
    sender = next((line.removeprefix("sender").strip() for line, _ in steps if line.startswith("sender")), None)
    unproven = sender is not None and sender.startswith(_NOT_PROVEN)
    return {
        "carrier": carrier.slug,
        "outcome": "unproven" if unproven else result.outcome,
        "why": sender if unproven else result.reason,
        "sender": sender,
        "shipments": [
            {
                **{name: one.wanted.get(name) for name in _FIELDS},
                "references": [{"kind": kind, "value": value} for kind, value in one.wanted.get("references", ())],
                "events": one.wanted.get("events", []),
                **({"volume": one.wanted["volume"]} if "volume" in one.wanted else {}),
                **({"state": one.state, "patch": one.patch} if one.state else {}),
            }
            for one in result.fields
        ],
    }


carriers.add_command(unknown)

COMMANDS = (carriers,)
