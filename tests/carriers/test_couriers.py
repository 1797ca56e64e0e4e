"""The names of couriers, by the codes that gateways use for them."""

import pytest

from adapters import courier_name
from adapters._couriers import _NAMES, _NOT_ALNUM


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("usps", "USPS"),
        ("us-post", "USPS"),
        ("stamps_com", "USPS"),
        ("UPSDAP", "UPS"),
        ("DhlEcs", "DHL eCommerce"),
        ("dhl_parcel_de", "DHL"),
        ("brazil-correios", "Correios"),
        ("Canada Post", "Canada Post"),
    ],
)
def test_name(code: str, name: str) -> None:
    """Case, hyphens, underscores and blanks of a code mean nothing: all gateways' codes lead to one name."""
    assert name == courier_name(code)


@pytest.mark.parametrize("code", ["globex_local", "", None, "-"])
def test_unknown(code: str | None) -> None:
    """A code that is not listed names nothing."""
    assert courier_name(code) is None


def test_codes() -> None:
    """Every code can be found: each is written as it is looked up. They are sorted, so that two edits rarely meet."""
    assert [_NOT_ALNUM.sub("", code.lower()) for code in _NAMES] == list(_NAMES)
    assert sorted(_NAMES) == list(_NAMES)


def test_names() -> None:
    """A company has one spelling."""
    names = set(_NAMES.values())

    assert len(names) == len({_NOT_ALNUM.sub("", name.lower()) for name in names})
    assert [] == [name for name in names if name != name.strip() or not name]
