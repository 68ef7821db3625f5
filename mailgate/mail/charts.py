"""How do figures become a picture? Pure: numbers and words go in, SVG 1.1 comes out, to stand in a page as it is.

Colours are classes that the page's stylesheet knows (`one`, `two`, `good`, `bad`, `soft`), so that a picture is dark where the page is. A
picture with axes says in words what it shows; bars in tables are hidden from who cannot see them, since the number stands beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from markupsafe import Markup, escape

# A picture is as wide as a phone, and grows with its place: so its letters can be read on either. All in units of the picture.
_WIDTH, _HEIGHT = 420, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 6, 10, 24
_PLOT = _WIDTH - _LEFT - _RIGHT
_FLOOR = _HEIGHT - _BOTTOM
# So many labels stand below an axis without touching each other, and so many lines across it help to read it.
_LABELS, _LINES = 6, 4
# Half a label, in the larger letters of a phone.
_HALF = 30
# A column is no wider than this, and so much of its step is left free; a curve has dots as long as they are apart.
_WIDEST, _FREE, _DOTS = 22.0, 0.28, 16

# Name, class of its colour, and a value for each label.
Series = tuple[str, str, Sequence[int]]


def columns(key: str, title: str, told: str, labels: Sequence[str], *series: Series) -> Markup:
    """Columns side by side, of each series one for each label; `told` says in words what they show, `key` is unique on the page."""
    top = scale(max((value for _, _, values in series for value in values), default=0))
    step = _PLOT / max(1, len(labels))
    wide = min(_WIDEST, step * (1 - _FREE) / max(1, len(series)))
    return _picture(key, title, told, _axes(labels, top), *(
        _group(label, _middle(at, step) - wide * len(series) / 2, wide, top, [(name, tone, values[at]) for name, tone, values in series])
        for at, label in enumerate(labels)
    ))  # fmt: skip


def curve(key: str, title: str, told: str, labels: Sequence[str], series: Series) -> Markup:
    """One line through a value for each label, and the space below it."""
    name, tone, values = series
    top = scale(max(values, default=0))
    step = _PLOT / max(1, len(labels))
    points = [(_middle(at, step), _height(value, top)) for at, value in enumerate(values)]
    line = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    parts = [_axes(labels, top)]
    if points:
        area = f"{_n(points[0][0])},{_FLOOR} {line} {_n(points[-1][0])},{_FLOOR}"
        parts += [f'<polygon class="area {tone}" points="{area}"/>', f'<polyline class="line {tone}" points="{line}"/>']
    for (x, y), label, value in zip(points, labels, values, strict=True):
        dot = f'<circle class="{tone}" cx="{_n(x)}" cy="{_n(y)}" r="3"/>' if len(points) <= _DOTS else ""
        hidden = f'<rect class="hover" x="{_n(x - step / 2)}" y="{_TOP}" width="{_n(step)}" height="{_FLOOR - _TOP}"/>'
        parts.append(f"<g><title>{escape(label)}: {value} {escape(name)}</title>{dot}{hidden}</g>")
    return _picture(key, title, told, *parts)


def bar(*parts: tuple[int, str], of: int) -> Markup:
    """A bar for the row of a table: (how much, class of its colour), … one after the other; `of` is a full one."""
    ends = [0]
    for part, _ in parts:
        ends.append(ends[-1] + part)
    spans = [(begin / max(1, of) * 100, (end - begin) / max(1, of) * 100) for begin, end in pairwise(ends)]
    drawn = "".join(
        f'<rect class="{escape(tone)}" x="{_n(begin)}" width="{_n(wide)}" height="8"/>'
        for (begin, wide), (_, tone) in zip(spans, parts, strict=True) if wide
    )  # fmt: skip
    # Safe: numbers and names of classes, which are escaped.
    return Markup(  # noqa: S704
        f'<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">{drawn}</svg>'
    )


def scale(most: int) -> tuple[int, ...]:
    """The round numbers that stand beside an axis, from nought to one that nothing exceeds."""
    step = next(step for step in _steps() if step * _LINES >= most)
    return tuple(range(0, max(1, -(-most // step)) * step + 1, step))


def _steps() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50, …"""
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _axes(labels: Sequence[str], ticks: Sequence[int]) -> str:
    lines = "".join(
        f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_n(_height(tick, ticks))}" y2="{_n(_height(tick, ticks))}"/>'
        f'<text x="{_LEFT - 6}" y="{_n(_height(tick, ticks) + 3.5)}" text-anchor="end">{tick}</text>'
        for tick in ticks
    )
    step, every = _PLOT / max(1, len(labels)), -(-len(labels) // _LABELS)
    below = "".join(
        f'<text {_placed(_middle(at, step))} y="{_HEIGHT - 7}">{escape(label)}</text>'
        for at, label in enumerate(labels) if at % every == 0
    )  # fmt: skip
    return lines + below


def _placed(middle: float) -> str:
    """Where a label stands below its step; the last one ends with the picture instead of beyond it."""
    if middle > _WIDTH - _HALF:
        return f'x="{_WIDTH}" text-anchor="end"'
    return f'x="{_n(middle)}" text-anchor="middle"'


def _group(label: str, begin: float, wide: float, ticks: Sequence[int], values: Sequence[tuple[str, str, int]]) -> str:
    """The columns of one label; whoever points at them reads their values."""
    drawn = "".join(
        f'<rect class="{tone}" x="{_n(begin + at * wide + 0.5)}" y="{_n(_height(value, ticks))}" width="{_n(wide - 1)}"'
        f' height="{_n(_FLOOR - _height(value, ticks))}" rx="{_n(min(2.0, wide / 4))}"/>'
        for at, (_, tone, value) in enumerate(values) if value
    )  # fmt: skip
    hidden = f'<rect class="hover" x="{_n(begin)}" y="{_TOP}" width="{_n(wide * len(values))}" height="{_FLOOR - _TOP}"/>'
    words = ", ".join(f"{value} {escape(name)}" for name, _, value in values)
    return f"<g><title>{escape(label)}: {words}</title>{drawn}{hidden}</g>"


def _picture(key: str, title: str, told: str, *parts: str) -> Markup:
    # Safe: all words in it are escaped, here and where its parts are made.
    return Markup(  # noqa: S704
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="{key}-title {key}-told">'
        f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-told">{escape(told)}</desc>{"".join(parts)}</svg>'
    )


def _middle(at: int, step: float) -> float:
    return _LEFT + (at + 0.5) * step


def _height(value: int, ticks: Sequence[int]) -> float:
    return _FLOOR - value / ticks[-1] * (_FLOOR - _TOP)


def _n(number: float) -> str:
    """A coordinate, to the tenth."""
    return f"{number:.1f}".removesuffix(".0")
