"""Small plots as SVG, in the reader's light or dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.statistics import Spread

WIDTH = 760
LABELS = 190
"""Pixels for the names at the left."""
VALUES = 90
"""Pixels for the figures at the right."""
ROW = 30
TOP = 44
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 } .small { font-size: 11px; fill: #59636e }
.ours { fill: #0969da } .theirs { fill: #8c959f } .line { stroke: #8c959f; fill: none }
.spread { stroke: #1f2328; stroke-width: 1.5 } .grid { stroke: #d1d9e0 }
.curve { stroke: #0969da; stroke-width: 2; fill: none } .dot { fill: #0969da }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .small { fill: #9198a1 } .ours { fill: #4493f8 }
.theirs { fill: #656c76 } .line { stroke: #656c76 } .spread { stroke: #f0f6fc }
.grid { stroke: #3d444d } .curve { stroke: #4493f8 } .dot { fill: #4493f8 }
}
"""


@dataclass(frozen=True)
class Bar:
    """One row: its name, its figure with its spread, and whether it is ours."""

    name: str
    spread: Spread
    ours: bool


def bars(title: str, unit: str, rows: Sequence[Bar]) -> str:
    """Medians as bars, from the lowest to the highest run as a line on each."""
    height = TOP + ROW * len(rows) + 10
    most = max((row.spread.high for row in rows), default=1.0) or 1.0
    scale = (WIDTH - LABELS - VALUES) / most
    parts = [_text(0, 18, title, "title"), _text(0, 35, unit, "small")]
    for number, row in enumerate(rows):
        parts += _bar(row, TOP + ROW * number, scale)
    return _svg(height, title, parts)


def _bar(row: Bar, top: float, scale: float) -> list[str]:
    width = max(1.0, row.spread.median * scale)
    low, high = (LABELS + value * scale for value in (row.spread.low, row.spread.high))
    kind = "ours" if row.ours else "theirs"
    middle = top + ROW / 2
    return [
        _text(LABELS - 8, middle + 4, row.name, "", end=True),
        f'<rect class="{kind}" x="{LABELS}" y="{top + 5:.0f}" width="{width:.1f}" height="{ROW - 10}"/>',
        f'<line class="spread" x1="{low:.1f}" y1="{middle:.0f}" x2="{high:.1f}" y2="{middle:.0f}"/>',
        _text(max(LABELS + width, high) + 6, middle + 4, number(row.spread.median), ""),
    ]


def curve(title: str, unit: str, points: Sequence[tuple[float, Spread]]) -> str:
    """Medians over something that grows by powers; the x axis is logarithmic."""
    height, bottom, left = 240, 200.0, 60.0
    most = max((spread.high for _, spread in points), default=1.0) or 1.0
    first, last = (math.log(points[n][0]) for n in (0, -1))
    across = (WIDTH - left - 40) / ((last - first) or 1.0)

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (math.log(x) - first) * across, bottom - y / most * (bottom - TOP - 6)

    parts = [_text(0, 18, title, "title"), _text(0, 35, unit, "small")]
    parts.append(f'<line class="grid" x1="{left}" y1="{bottom}" x2="{WIDTH}" y2="{bottom}"/>')
    track = " ".join("{:.1f},{:.1f}".format(*place(x, spread.median)) for x, spread in points)
    parts.append(f'<polyline class="curve" points="{track}"/>')
    for x, spread in points:
        (at, low), (_, high), (_, middle) = (
            place(x, y) for y in (spread.low, spread.high, spread.median)
        )
        parts += [
            f'<line class="spread" x1="{at:.1f}" y1="{low:.1f}" x2="{at:.1f}" y2="{high:.1f}"/>',
            f'<circle class="dot" cx="{at:.1f}" cy="{middle:.1f}" r="3.5"/>',
            _text(at, middle - 9, number(spread.median), "small", middle=True),
            _text(at, bottom + 18, number(x), "small", middle=True),
        ]
    return _svg(height, title, parts)


def number(value: float) -> str:
    """Three digits, thousands apart."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}" if digits else f"{round(value, 0):,.0f}"


def _text(
    x: float, y: float, words: str, kind: str, *, end: bool = False, middle: bool = False
) -> str:
    anchor = ' text-anchor="end"' if end else ' text-anchor="middle"' if middle else ""
    name = f' class="{kind}"' if kind else ""
    return f'<text{name} x="{x:.1f}" y="{y:.1f}"{anchor}>{escape(words)}</text>'


def _svg(height: float, title: str, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img" aria-label="{escape(title)}">'
    )
    return "\n".join([head, f"<style>{STYLE}</style>", *parts, "</svg>", ""])
