"""What a page says of itself."""

from dataclasses import dataclass

#: Bytes of a form, where a page does not say more.
LARGEST_FORM = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """``name`` is that of its module, template and texts. ``path`` goes behind ``/console``. ``position``: its place in
    the navigation, ``None``: it has none. ``is_searched``: the search box of every page leads to it, as ``?q=``.
    ``largest_form``: bytes that its forms may have. ``is_for_deciding``: the role ``view`` has nothing to do there."""

    name: str
    path: str
    position: int | None = None
    is_searched: bool = False
    largest_form: int = LARGEST_FORM
    is_for_deciding: bool = False
