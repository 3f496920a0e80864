from __future__ import annotations

import math
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.admin.plots import Series, bars, line, round_ticks, shares, short_number

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</title><script>alert(1)</script>\"'&"


def series(*values: float, kind: str = "all", label: str = "all") -> Series:
    return Series(kind=kind, label=label, values=values)


def parsed(markup: str) -> ET.Element:
    root = ET.fromstring(markup)  # noqa: S314 - our own
    assert root.attrib["role"] == "img"
    ids = {element.attrib["id"] for element in root if "id" in element.attrib}
    assert set(root.attrib["aria-labelledby"].split()) == ids
    assert root[0].tag == f"{SVG}title"
    assert root[1].tag == f"{SVG}desc"
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in {"svg", "title", "desc", "polygon", "polyline", "line", "text"}
        assert not {"style", "fill", "stroke", "width", "onload"} & element.attrib.keys()
    return root


def points(element: ET.Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in element.attrib["points"].split())]


def polygons(root: ET.Element, kind: str) -> list[list[tuple[float, float]]]:
    return [points(one) for one in root.iter(f"{SVG}polygon") if one.attrib["class"] == f"cc-plot-{kind}"]


def texts(root: ET.Element) -> list[str]:
    return [one.text or "" for one in root.iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (0, [0, 1]),
        (1, [0, 0.5, 1]),
        (3, [0, 1, 2, 3]),  # no half choices
        (7, [0, 2, 4, 6, 8]),
        (167, [0, 50, 100, 150, 200]),
        (1000, [0, 500, 1000]),
        (10_000_000, [0, 5_000_000, 10_000_000]),
        (-3, [0, 1]),
        (math.nan, [0, 1]),
        (math.inf, [0, 1]),
    ],
)
def test_ticks_are_round(highest: float, ticks: list[float]) -> None:
    assert round_ticks(highest) == ticks


@given(st.floats(min_value=1e-3, max_value=1e18))
def test_ticks_reach_above_the_highest_and_are_few(highest: float) -> None:
    ticks = round_ticks(highest)
    assert ticks[0] == 0
    assert ticks[-1] >= highest * (1 - 1e-9)
    assert 2 <= len(ticks) <= 7


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.5, "0.5"), (999, "999"), (1000, "1k"), (1500, "1.5k"), (2e6, "2M"), (3.5e9, "3.5G"), (1e13, "10T")],
)
def test_numbers_of_an_axis_are_short(value: float, text: str) -> None:
    assert short_number(value) == text


def test_bars_stand_upon_each_other() -> None:
    made = [series(30, 0, 10), series(20, 5, 0, kind="none", label="none")]
    root = parsed(bars(made, ["a", "b", "c"], title="t", description="d", name="p"))
    below, above = polygons(root, "all"), polygons(root, "none")
    assert (len(below), len(above)) == (2, 2)  # none of no height
    height = {
        name: max(y for _, y in box) - min(y for _, y in box) for name, box in (("all", below[0]), ("none", above[0]))
    }
    assert height["all"] / height["none"] == pytest.approx(1.5, rel=0.01)
    assert min(y for _, y in below[0]) == max(y for _, y in above[0])
    assert max(x for x, _ in below[0]) < min(x for x, _ in below[1])
    assert [one[0].text for one in root.iter(f"{SVG}polygon")] == ["a: all 30", "a: none 20", "b: none 5", "c: all 10"]


@pytest.mark.parametrize("count", [1, 2, 90, 1096])
def test_all_stays_inside_whatever_the_number(count: int) -> None:
    labels = [(date(2024, 1, 1) + timedelta(days=at)).isoformat() for at in range(count)]
    made = series(*(at * 1e12 for at in range(count)))
    for markup in (
        bars([made], labels, title="t", description="d", name="p"),
        line(made, labels, title="t", description="d", name="p"),
    ):
        root = parsed(markup)
        _, _, width, height = map(float, root.attrib["viewBox"].split())
        for element in (*root.iter(f"{SVG}polygon"), *root.iter(f"{SVG}polyline")):
            assert all(-0.1 <= x <= width and -0.1 <= y <= height for x, y in points(element))
        shown = [text for text in texts(root) if text.startswith("20")]
        assert (shown[0], shown[-1]) == (labels[0], labels[-1])
        assert len(shown) == min(count, 3)


def test_nothing_is_drawn_of_nothing() -> None:
    assert bars([series()], [], title="t", description="d", name="p") == ""
    assert line(series(), [], title="t", description="d", name="p") == ""
    assert shares([], title="t", description="d", name="p", rtl=False) == ""


def test_zeros_are_a_flat_line() -> None:
    root = parsed(line(series(0, 0, 0), ["a", "b", "c"], title="t", description="d", name="p"))
    (path,) = root.iter(f"{SVG}polyline")
    assert len({y for _, y in points(path)}) == 1


@pytest.mark.parametrize("rtl", [False, True])
def test_shares_begin_where_reading_does(rtl: bool) -> None:  # noqa: FBT001
    rows = [("half", 0.5, "50 %"), ("more than all", 1.7, "170 %"), ("none", 0.0, "0 %")]
    root = parsed(shares(rows, title="t", description="d", name="p", rtl=rtl))
    spans = [(min(x for x, _ in box), max(x for x, _ in box)) for box in polygons(root, "share")]
    assert spans == ([(300, 600), (0, 600), (600, 600)] if rtl else [(0, 300), (0, 600), (0, 0)])
    first = next(root.iter(f"{SVG}text"))
    assert first.attrib["x"] == ("600" if rtl else "0")


def test_texts_are_escaped() -> None:
    made = series(1, label=HOSTILE)
    for markup in (
        bars([made], [HOSTILE], title=HOSTILE, description=HOSTILE, name="p"),
        line(made, [HOSTILE], title=HOSTILE, description=HOSTILE, name="p"),
        shares([(HOSTILE, 0.5, HOSTILE)], title=HOSTILE, description=HOSTILE, name="p", rtl=False),
    ):
        assert "<script" not in markup
        root = parsed(markup)
        assert root[0].text == root[1].text == HOSTILE
        assert HOSTILE in texts(root)
