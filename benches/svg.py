"""Small diagrams as SVG text: axes, lines, points, a legend. The same figures give the same bytes; no library is needed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import msgspec

LEFT, TOP = 64, 40  # pixels around the plot
_FONT = 'font-family="sans-serif" font-size="12"'


class Mark(msgspec.Struct, frozen=True):
    """A point: where (0 to 1 on both axes) and its radius in pixels."""

    x: float
    y: float
    radius: float = 3


class Picture:
    """A diagram in the making. Points are given as shares of the axes; whoever draws scales them."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._size = (width, height)
        self._side = (width, height)
        self._legends = 0
        self._parts = [f'<text x="{LEFT}" y="24" {_FONT} font-weight="bold">{escape(title)}</text>']

    def axes(self, side: int, xs: Sequence[tuple[float, str]], ys: Sequence[tuple[float, str]], x_title: str, y_title: str, height: int = 0) -> None:  # fmt: skip
        """Draw a frame with ticks, each a share of the axis and its label."""
        self._side = (side, height or side)
        wide, high = self._side
        self._parts.append(f'<rect x="{LEFT}" y="{TOP}" width="{wide}" height="{high}" fill="white" stroke="#555555"/>')
        for share, label in xs:
            x, y = self._at(share, 0)
            self._parts.append(f'<line x1="{x}" y1="{y}" x2="{x}" y2="{y + 4}" stroke="#555555"/><text x="{x}" y="{y + 17}" text-anchor="middle" {_FONT}>{escape(label)}</text>')  # fmt: skip
        for share, label in ys:
            x, y = self._at(0, share)
            self._parts.append(f'<line x1="{x - 4}" y1="{y}" x2="{x}" y2="{y}" stroke="#555555"/><text x="{x - 7}" y="{y + 4}" text-anchor="end" {_FONT}>{escape(label)}</text>')  # fmt: skip
        x, y = self._at(0.5, 0)
        self._parts.append(f'<text x="{x}" y="{y + 34}" text-anchor="middle" {_FONT}>{escape(x_title)}</text>')
        self._parts.append(f'<text x="16" y="{TOP + high / 2}" text-anchor="middle" {_FONT} transform="rotate(-90 16 {TOP + high / 2})">{escape(y_title)}</text>')  # fmt: skip

    def line(self, points: Sequence[tuple[float, float]], colour: str, *, dashed: bool = False) -> None:
        """Join points."""
        path = " ".join(f"{x},{y}" for x, y in (self._at(*point) for point in points))
        dash = ' stroke-dasharray="4 4"' if dashed else ""
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>')

    def marks(self, marks: Sequence[Mark], colour: str) -> None:
        """Draw points."""
        for mark in marks:
            x, y = self._at(mark.x, mark.y)
            self._parts.append(f'<circle cx="{x}" cy="{y}" r="{mark.radius:.1f}" fill="{colour}" fill-opacity="0.6"/>')

    def legend(self, words: str, colour: str) -> None:
        """Add a line of the legend, below the diagram."""
        y = TOP + self._side[1] + 54 + 18 * self._legends
        self._legends += 1
        self._parts.append(f'<rect x="{LEFT}" y="{y - 9}" width="10" height="10" fill="{colour}"/><text x="{LEFT + 16}" y="{y}" {_FONT}>{escape(words)}</text>')  # fmt: skip

    def text(self) -> str:
        """The whole file."""
        width, height = self._size
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height + TOP}" viewBox="0 0 {width} {height + TOP}">'
        ground = '<rect width="100%" height="100%" fill="white"/>'
        return "\n".join([head, ground, *self._parts, "</svg>", ""])

    def _at(self, x: float, y: float) -> tuple[float, float]:
        wide, high = self._side
        return round(LEFT + x * wide, 1), round(TOP + (1 - y) * high, 1)
