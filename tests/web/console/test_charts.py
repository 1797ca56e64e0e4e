"""Bars: as high as their values, side by side, within the drawing."""

from itertools import pairwise

from receiver.web.console.charts import HEIGHT, WIDTH, bars


def test_heights():
    """The highest bar fills the height, half of it is half as high, and nothing is still a line."""
    drawn = bars([0, 50, 100])

    assert [1.0, (HEIGHT - 1) / 2, HEIGHT - 1.0] == [bar.height for bar in drawn]
    assert {float(HEIGHT)} == {bar.y + bar.height for bar in drawn}
    assert [0, 50, 100] == [bar.value for bar in drawn]


def test_widths():
    """They share the width, with a gap between them."""
    drawn = bars([1] * 24)

    assert all(left.x + left.width < right.x for left, right in pairwise(drawn))
    assert WIDTH >= drawn[-1].x + drawn[-1].width


def test_empty():
    """Where there is nothing to show, nothing is drawn; a day of silence is a flat line."""
    assert [] == bars([])
    assert {1.0} == {bar.height for bar in bars([0, 0])}
