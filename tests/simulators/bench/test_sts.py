"""The bench runs, and names its figures."""

from simulators.bench.sts import tokens


def test_every_figure_is_there() -> None:
    figures = tokens(count=600, rounds=1)
    assert {name for name in figures if name.startswith("ea")} == {
        f"{kind}_{way}"
        for kind in ("ea07_dkga04", "ea07_dkga02", "ea11_dkga04")
        for way in ("cached", "derived")
    }
    assert all(figure > 0 for figure in figures.values())
