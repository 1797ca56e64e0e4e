"""The order of the tests loses none, and gives each worker its part of those that wait."""

from tests.support.order import dealt

TESTS = [f"{module}{number}" for module in "abcdefgh" for number in range(5)]


def shares(workers: int) -> list[list[str]]:
    ordered = dealt(TESTS, waits=lambda test: test[0] in "cdg", module=lambda test: test[0], workers=workers)
    assert sorted(TESTS) == sorted(ordered)
    size = len(TESTS) // workers
    return [ordered[at : at + size] for at in range(0, len(TESTS), size)]


def test_waiting_first():
    """Each worker begins with modules that wait, which stay whole."""
    first, second = shares(2)

    assert ["c0", "c1", "c2", "c3", "c4", "g0", "g1", "g2", "g3", "g4"] == first[:10]
    assert ["d0", "d1", "d2", "d3", "d4"] == second[:5]
    assert [0, 0] == [sum(test[0] in "cdg" for test in rest) for rest in (first[10:], second[5:])]


def test_alone():
    """One worker has those that wait first, and then the others in their order."""
    [only] = shares(1)

    assert [test for test in TESTS if test[0] in "cdg"] == only[:15]
    assert [test for test in TESTS if test[0] not in "cdg"] == only[15:]
