"""What a text in a carrier's field says of an order's id."""

import pytest

from receiver.vtex.order_ids import Labels, as_stored, own_id, read_order_text, says_reverse, words_in

LABELS = Labels.of("lux-store", ["ERP-"])


class TestOrderText:
    @pytest.mark.parametrize(
        ("text", "order_id"),
        [
            ("1172452900788-01", "1172452900788-01"),
            ("#1172452900788-01", "1172452900788-01"),
            ("1172452900788-01-1", "1172452900788-01"),
            ("1172452900788-01 (501456)", "1172452900788-01"),
            ("1172452900788/02", "1172452900788-02"),
            ("Pedido 1172452900788 - 02", "1172452900788-02"),
            ("V5195004LUX_02", "v5195004lux-02"),
            ("1172452900788-01/02", "1172452900788-01"),
            ("1172452900788 02/11/2026", "1172452900788"),
            ("1172452900788/2", "1172452900788"),
            ("VTEX-1172452900788-01", "1172452900788-01"),
            ("Pedido: 1172452900788", "1172452900788"),
            ("ORDEN 1172452900788-01", "1172452900788-01"),
            ("loja v502556llux-01", "v502556llux-01"),
            ("lux_store_1172452900788-01", "1172452900788-01"),
            ("erp 1172452900788-01", "1172452900788-01"),
            ("ERP1172452900788-01", "1172452900788-01"),
            ("V5195004LUX-01", "v5195004lux-01"),
            ("SLR-V5195004LUX-01", "SLR-v5195004lux-01"),
        ],
    )
    def test_labels(self, text: str, order_id: str):
        """Digits, signs and labels around an order id say nothing; capitals are not VTEX's."""
        read = read_order_text(text, LABELS)

        assert (order_id, ()) == (read.order_id, read.unknown)

    @pytest.mark.parametrize(
        ("text", "unknown"),
        [
            ("TROCA-1900000000005-01", ["troca"]),
            ("Devolução 1900000000005-01", ["devolucao"]),
            ("DEV-1900000000005-01", ["dev"]),
            ("ERPX-1900000000005-01", ["erpx"]),
            ("pedido SLR-1900000000005-01", ["slr"]),
        ],
    )
    def test_unknown_words(self, text: str, unknown: list[str]):
        """Other letters around an order id are named, never stripped. A vowel makes no affiliate."""
        assert ("1900000000005-01", unknown) == ((read := read_order_text(text, LABELS)).order_id, list(read.unknown))

    @pytest.mark.parametrize(
        ("text", "reverse"),
        [
            ("TROCA-1900000000005-01", ("troca",)),
            ("Ana, devolução de 1900000000005-01", ("devolucao",)),
            ("Ana 1900000000005-01", ()),
            ("1900000000005-01", ()),
        ],
    )
    def test_reverse(self, text: str, reverse: tuple[str, ...]):
        """Of the words around an order id only those of a return or an exchange say that it is one."""
        assert reverse == read_order_text(text, LABELS).reverse
        assert bool(reverse) == says_reverse(text, LABELS)

    @pytest.mark.parametrize(
        ("text", "sequence"),
        [("501456", "501456"), ("#501456", "501456"), ("pedido 501456", "501456"), ("Ana 501456", None)],
    )
    def test_sequence(self, text: str, sequence: str | None):
        """Digits as short as a sequence may be one, unless unknown words stand beside them."""
        assert sequence == read_order_text(text, LABELS).sequence

    @pytest.mark.parametrize(
        "text",
        [
            "SLR-1900000000005-01",
            "SLR-V5195004LUX-01 X",
            "MNC-ABC-77",
            "1-01",
            "1900000000005-01 + 1900000000006-01",
            "1900000000005-01a",
            "PED/1",
        ],
    )
    def test_opaque(self, text: str):
        """An affiliate's order, two ids, and what only resembles an id stay as they are."""
        assert (text, ()) == ((read := read_order_text(text, LABELS)).order_id, read.unknown)

    @pytest.mark.parametrize(
        ("text", "several"),
        [
            ("1900000000005-01 + V502556LLUX-01", ("1900000000005-01", "v502556llux-01")),
            ("1900000000005-01 (1900000000005)", ()),
            ("SLR-1900000000005-01 1900000000006-01", ()),
        ],
    )
    def test_several(self, text: str, several: tuple[str, ...]):
        """Two ids are told apart, but for an order's own group; another store's order is one whole."""
        assert several == read_order_text(text, LABELS).several

    @pytest.mark.parametrize(
        ("text", "is_short"),
        [
            *(("501456", True), ("Pedido 501456", True), ("77", True), ("55", True)),
            *(("123456789", False), ("1172452900788", False), ("1172452900788-01", False), ("501456-01", False)),
        ],
    )
    def test_short(self, text: str, is_short: bool):
        """A number as short as a sequence may be another system's own."""
        assert is_short is read_order_text(text, LABELS).is_short

    def test_an_affix_like_an_affiliate(self):
        """Three consonants that the merchant calls an affix are no affiliate."""
        assert "1900000000005-01" == read_order_text("LJV-1900000000005-01", Labels.of("lux", ["LJV-"])).order_id


def test_words():
    """Case, accents and signs make no other word, composed or not."""
    assert ["devolucao", "devolucao", "n", "o"] == words_in("DEVOLUÇÃO devoluc\u0327a\u0303o_n.o 12")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Maria 1900000000005-01", "1900000000005-01"),
        ("V502556LLUX-01", "v502556llux-01"),
        ("1900000000005-01 + 1900000000006-01", None),
        ("Maria Silva", None),
    ],
)
def test_own_id(text: str, found: str | None):
    """The one id of the account's own in a text, and none of the words around it."""
    assert found == own_id(text)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("V502556LLUX-01", "v502556llux-01"),
        ("SLR-V502559MKTP-01", "SLR-v502559mktp-01"),
        ("1410000000001-01", "1410000000001-01"),
        ("Pedido V502556LLUX-01", "Pedido V502556LLUX-01"),
        ("ABC1234", "ABC1234"),
    ],
)
def test_as_stored(text: str, stored: str):
    """Of VTEX's own ids the case is known; what else a merchant's system says stays as it is."""
    assert stored == as_stored(text, "lux")
