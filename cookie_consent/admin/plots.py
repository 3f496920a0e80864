"""Plots as SVG, rendered on the server, without scripts, and styled by the classes of ``admin.css``.

The pages' style sheet resets all properties, and so overrides SVG's presentation attributes, including the geometry of
``rect`` and ``path``. So everything is drawn with polygons, lines and texts, whose coordinates are not CSS properties
(SVG 2, chapter 7). Numbers and texts are escaped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Series", "bars", "line", "round_ticks", "shares", "short_number"]

_WIDTH = 600
_HEIGHT = 250
_LEFT = 58
_RIGHT = 8
_TOP = 14
_BOTTOM = 32
_ROW = 50
_BAR = 16
_LABELS = 3  # below the axis, at most
_POINTS = 100  # a line of more has no marks
_SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True, kw_only=True)
class Series:
    """Numbers that belong together, drawn with the class ``cc-plot-KIND``."""

    kind: str
    label: str
    values: Sequence[float]


def round_ticks(highest: float, count: int = 4) -> list[float]:
    """Return about ``count`` round numbers, from 0 to at least ``highest``.

    Steps are 1, 2 or 5 times a power of ten, and at least 1 if ``highest`` is more than 1.
    """
    if not math.isfinite(highest) or highest <= 0:
        return [0.0, 1.0]
    rough = highest / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    if highest > 1:
        step = max(step, 1.0)
    return [at * step for at in range(math.ceil(highest / step - 1e-9) + 1)]


def short_number(value: float) -> str:
    """Return a number for an axis, with an SI suffix if it is large: ``12k``, ``1.5M``."""
    for size, suffix in _SUFFIXES:
        if abs(value) >= size:
            return f"{value / size:.3g}{suffix}"
    return f"{value:.3g}"


def bars(series: Sequence[Series], labels: Sequence[str], *, title: str, description: str, name: str) -> Markup:
    """Return a stacked bar for each label, or nothing without labels.

    ``name`` is the prefix of element ids.
    """
    if not labels:
        return Markup()
    totals = [sum(one.values[at] for one in series) for at in range(len(labels))]
    ticks = round_ticks(max(totals))
    slot = (_WIDTH - _LEFT - _RIGHT) / len(labels)
    gap = min(slot * 0.2, 6.0) if slot > 2.5 else 0.0
    drawn = []
    for at, label in enumerate(labels):
        left, right = _LEFT + at * slot + gap / 2, _LEFT + (at + 1) * slot - gap / 2
        below = 0.0
        for one in series:
            value = one.values[at]
            if value <= 0:
                continue
            bottom, top = _y(below, ticks[-1]), _y(below + value, ticks[-1])
            below += value
            corners = f"{_n(left)},{_n(bottom)} {_n(left)},{_n(top)} {_n(right)},{_n(top)} {_n(right)},{_n(bottom)}"
            hint = f"{label}: {one.label} {value:,.0f}"
            drawn.append(
                Markup('<polygon class="cc-plot-{}" points="{}"><title>{}</title></polygon>').format(
                    one.kind, corners, hint
                )
            )
    return _plot([_axes(ticks, labels, slot), *drawn], title=title, description=description, name=name)


def line(series: Series, labels: Sequence[str], *, title: str, description: str, name: str, top: float = 0) -> Markup:
    """Return a line with a point for each label, or nothing without labels. The axis reaches at least ``top``."""
    if not labels:
        return Markup()
    ticks = round_ticks(max([*series.values, top]))
    slot = (_WIDTH - _LEFT - _RIGHT) / len(labels)
    points = [(_LEFT + (at + 0.5) * slot, _y(value, ticks[-1])) for at, value in enumerate(series.values)]
    path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    drawn = [Markup('<polyline class="cc-plot-line" points="{}"/>').format(path)]
    if len(points) <= _POINTS:
        for (x, y), label, value in zip(points, labels, series.values, strict=True):
            corners = f"{_n(x - 3.5)},{_n(y)} {_n(x)},{_n(y - 3.5)} {_n(x + 3.5)},{_n(y)} {_n(x)},{_n(y + 3.5)}"
            drawn.append(
                Markup('<polygon class="cc-plot-point" points="{}"><title>{}</title></polygon>').format(
                    corners, f"{label}: {series.label} {short_number(value)}"
                )
            )
    return _plot([_axes(ticks, labels, slot), *drawn], title=title, description=description, name=name)


def shares(rows: Sequence[tuple[str, float, str]], *, title: str, description: str, name: str, rtl: bool) -> Markup:
    """Return a horizontal bar for each row of label, share (0 to 1) and the share as text; nothing without rows.

    With ``rtl``, bars and labels start at the right.
    """
    if not rows:
        return Markup()
    drawn = []
    for at, (label, share, shown) in enumerate(rows):
        top = at * _ROW + 26
        full = max(0.0, min(1.0, share)) * _WIDTH
        near, far = (_WIDTH, 0) if rtl else (0, _WIDTH)
        drawn += [
            _text("cc-plot-name", near, top - 8, label, "end" if rtl else "start"),
            _text("cc-plot-name", far, top - 8, shown, "start" if rtl else "end"),
            _box("cc-plot-rest", 0, top, _WIDTH),
            _box("cc-plot-share", _WIDTH - full if rtl else 0, top, full),
        ]
    return _plot(drawn, title=title, description=description, name=name, height=len(rows) * _ROW)


def _plot(content: Sequence[Markup], *, title: str, description: str, name: str, height: int = _HEIGHT) -> Markup:
    return Markup(
        '<svg class="cc-plot" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-title {}-text" '
        'xmlns="http://www.w3.org/2000/svg"><title id="{}-title">{}</title><desc id="{}-text">{}</desc>{}</svg>'
    ).format(_WIDTH, height, name, name, name, title, name, description, Markup().join(content))


def _axes(ticks: Sequence[float], labels: Sequence[str], slot: float) -> Markup:
    """Return the grid, its numbers, and a few of the labels below, always including the first and the last."""
    drawn = []
    for tick in ticks:
        y = _y(tick, ticks[-1])
        kind = "cc-plot-axis" if tick == 0 else "cc-plot-grid"
        drawn.append(
            Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
                kind, _LEFT, _n(y), _WIDTH - _RIGHT, _n(y)
            )
        )
        drawn.append(_text("cc-plot-tick", _LEFT - 8, y + 4, short_number(tick), "end"))
    count = min(len(labels), _LABELS)
    for at in sorted({round(part * (len(labels) - 1) / max(count - 1, 1)) for part in range(count)}):
        x, anchor = _LEFT + (at + 0.5) * slot, "middle"
        if len(labels) > 1 and at == 0:
            x, anchor = _LEFT, "start"
        elif len(labels) > 1 and at == len(labels) - 1:
            x, anchor = _WIDTH - _RIGHT, "end"
        drawn.append(_text("cc-plot-tick", x, _HEIGHT - 8, labels[at], anchor))
    return Markup().join(drawn)


def _text(kind: str, x: float, y: float, content: str, anchor: str) -> Markup:
    return Markup('<text class="{} cc-plot-{}" x="{}" y="{}">{}</text>').format(kind, anchor, _n(x), _n(y), content)


def _box(kind: str, x: float, y: float, width: float) -> Markup:
    corners = ((x, y), (x + width, y), (x + width, y + _BAR), (x, y + _BAR))
    points = " ".join(f"{_n(left)},{_n(top)}" for left, top in corners)
    return Markup('<polygon class="{}" points="{}"/>').format(kind, points)


def _y(value: float, highest: float) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / highest)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
