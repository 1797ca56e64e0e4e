"""Tables of settings from TOML, read key by key. Every fault is collected with its place, none is raised."""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, overload
from zoneinfo import ZoneInfo

_PLACEHOLDER = re.compile(r"\$\{(file:)?([^}]*)\}")
#: What `fill` says where there is no value for a ``${…}``.
_NO_VALUE = re.compile(r": (environment variable|file) \S+ (is unset or empty|cannot be read)")
#: Hosts to which credentials may travel without encryption.
THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
#: The default of a setting that must be there.
REQUIRED: Any = object()
#: What a table gives for a key that it does not have.
_ABSENT = object()


def did_you_mean(written: str, known: Iterable[str]) -> str:
    """``; did you mean …?`` if a known name is similar to the one written, else ``""``."""
    near = difflib.get_close_matches(written, sorted(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def fill(value: Any, folder: Path, environ: Mapping[str, str], faults: list[str], where: str) -> Any:
    """The tree with every ``${…}`` replaced; unset and empty ones are faults."""
    if isinstance(value, dict):
        return {key: fill(item, folder, environ, faults, f"{where}.{key}".lstrip(".")) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, folder, environ, faults, f"{where}[{index}]") for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def fetch(match: re.Match[str]) -> str:
        from_file, name = match.groups()
        try:
            found = ((folder / name).read_text(encoding="utf-8") if from_file else environ.get(name, "")).strip()
        except (OSError, UnicodeDecodeError) as error:
            faults.append(f"{where}: file {name} cannot be read: {error}")
            return "-"
        if not found:
            faults.append(f"{where}: {'file' if from_file else 'environment variable'} {name} is unset or empty")
        return found or "-"

    return _PLACEHOLDER.sub(fetch, value)


class Table:
    """One TOML table, read key by key. Every fault is collected with its place instead of raised."""

    def __init__(self, given: object, where: str, faults: list[str]) -> None:
        self.where, self.faults = where, faults
        self.given: dict[str, Any] = given if isinstance(given, dict) else {}
        self.read: set[str] = set()
        self.notices: list[str] = []
        if not isinstance(given, dict):
            faults.append(f"{where}: must be a table")

    def fault(self, key: str, why: str) -> None:
        """Note what is wrong with a setting, unless its value is missing: what stands in for it says nothing."""
        place = ".".join(part for part in (self.where, key) if part)
        of_value = (f"{place}: ", f"{place}[")
        if not any(fault.startswith(of_value) and _NO_VALUE.search(fault) for fault in self.faults):
            self.faults.append(f"{place}: {why}")

    def renamed(self, former: str, name: str) -> None:
        """Accept a setting under its former name, with a notice that names the present one."""
        if former not in self.given:
            return
        if name in self.given:
            self.fault(former, f"is the former name of {name}, which is set too: remove one")
        self.notices.append(f"{self.where}.{former} is now called {name}; the former name still works")
        self.given = {**self.given, name: self.given[former]}
        self.read.add(former)

    def finish(self) -> None:
        """Report every key that was not read as a typing error."""
        for key in self.given.keys() - self.read:
            self.fault(key, f"is not a setting{did_you_mean(key, self.read)}")

    def ignore_rest(self) -> None:
        self.read.update(self.given)

    def _get(self, key: str, default: Any, right: Callable[[Any], bool], expected: str) -> Any:
        self.read.add(key)
        value = self.given.get(key, _ABSENT)
        if value is _ABSENT:
            if default is REQUIRED:
                self.fault(key, "is missing")
                return None
            return default
        if not right(value):
            self.fault(key, f"must be {expected}")
            return None if default is REQUIRED else default
        return value

    @overload
    def text(self, key: str) -> str: ...

    @overload
    def text(self, key: str, default: None) -> str | None: ...

    @overload
    def text(self, key: str, default: str) -> str: ...

    def text(self, key: str, default: str | None = REQUIRED) -> Any:
        """A text that is not blank. ``""`` where it must be there and is missing or wrong, which is noted."""
        found = self._get(
            key, default, lambda value: isinstance(value, str) and value.strip() != "", "a non-empty text"
        )
        return "" if found is None and default is REQUIRED else found

    def texts(self, key: str, default: tuple[str, ...] = REQUIRED) -> tuple[str, ...]:
        def right(value: Any) -> bool:
            values = value if isinstance(value, list) else [value]
            return bool(values) and all(isinstance(item, str) and item.strip() for item in values)

        value = self._get(key, default, right, "a non-empty text or a list of them")
        if value is None:
            return ()
        return (value,) if isinstance(value, str) else tuple(value)

    def number(self, key: str, default: float, *, least: float) -> float:
        def right(value: Any) -> bool:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return False
            return math.isfinite(value) and value >= least

        return float(self._get(key, default, right, f"a number of at least {least:g}"))

    def optional_number(self, key: str, *, least: float) -> float | None:
        return self.number(key, least, least=least) if key in self.given else None

    def growing(self, key: str, default: tuple[float, ...], *, least: float) -> tuple[float, ...]:
        def right(value: Any) -> bool:
            if not isinstance(value, list) or not value or any(isinstance(item, bool) for item in value):
                return False
            numbers = all(isinstance(item, int | float) and math.isfinite(item) and item >= least for item in value)
            return numbers and sorted(value) == value

        value = self._get(
            key, default, right, f"a list of numbers of at least {least:g}, none less than the one before"
        )
        return tuple(map(float, value))

    def boolean(self, key: str, *, default: bool) -> bool:
        return bool(self._get(key, default, lambda value: isinstance(value, bool), "true or false"))

    def choice(self, key: str, options: tuple[Any, ...], default: Any) -> Any:
        return self._get(key, default, lambda value: value in options, f"one of {', '.join(map(str, options))}")

    def zone(self, key: str) -> ZoneInfo | None:
        name = self.text(key, None)
        try:
            return ZoneInfo(name) if name else None
        except (ValueError, OSError, KeyError):
            self.fault(key, f"{name!r} is no time zone (use a name such as America/Sao_Paulo)")
            return None

    def address(self, key: str) -> str | None:
        """``HOST:PORT``, or ``None``."""
        written = self.text(key, None)
        host, _, port = (written or "").rpartition(":")
        if written and not (host and port.isascii() and port.isdecimal() and int(port) < 65_536):
            self.fault(key, f"{written!r} is not HOST:PORT, such as 127.0.0.1:9464")
            return None
        return written if written is None else str(written)

    def networks(self, key: str) -> tuple[IPv4Network | IPv6Network, ...]:
        """Addresses and networks, such as ``10.0.0.0/8``; none if it is not given."""
        found = []
        for written in self.texts(key, ()):
            try:
                found.append(ip_network(written))
            except ValueError as error:
                self.fault(key, f"{written!r} is no address or network, such as 10.0.0.0/8: {error}")
        return tuple(found)

    def table(self, key: str) -> "Table":
        self.read.add(key)
        return Table(self.given.get(key, {}), f"{self.where}.{key}".lstrip("."), self.faults)

    def tables(self, key: str) -> dict[str, "Table"]:
        outer = self.table(key)
        return {name: Table(given, f"{outer.where}.{name}", self.faults) for name, given in outer.given.items()}

    def list_of_tables(self, key: str) -> list[Any]:
        value = self._get(key, [], lambda value: isinstance(value, list), "a list of tables")
        return value or []
