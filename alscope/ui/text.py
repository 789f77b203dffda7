"""Numbers, durations and moments in words."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from urllib.parse import quote

from alscope.texts import visible, without_folders

__all__ = [
    "NOTHING",
    "ago",
    "count",
    "duration",
    "duration_range",
    "file_stem",
    "moment",
    "number",
    "percent",
    "plain",
    "seconds",
    "share",
    "size",
    "strategy_link",
]

NOTHING = "\u2013"
"""What a table says where there is no value; a hyphen in a cell would be drawn as a bullet."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_TELLING = 1e-5


def number(value: float, digits: int = 3) -> str:
    """`12,345` for whole numbers, `0.912` for others."""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.{digits}f}"


def size(n_bytes: float) -> str:
    """`0 B`, `512 B`, `1.4 kB`, `23 MB`, `1.2 GB`; a kilobyte has 1,000 bytes."""
    value, unit = float(n_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    shown = f"{value:.1f}" if unit != "B" and value < 9.95 else f"{value:.0f}"
    return f"{shown} {unit}"


def count(n: int, noun: str, plural: str = "") -> str:
    """`1 run`, `12 runs`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def percent(fraction: float) -> str:
    """`61 %`; 100 % only when everything is done, 0 % only when nothing is."""
    value = round(100 * fraction)
    if value == 100 and fraction < 1:
        value = 99
    if value == 0 and fraction > 0:
        value = 1
    return f"{value} %"


def share(fraction: float) -> str:
    """`61 %`; what is there but rounds to nothing is `under 1 %`."""
    return "under 1 %" if 0 < fraction < 0.005 else f"{round(100 * fraction)} %"


def duration(seconds: float) -> str:
    """`45 s`, `3 min`, `1 h 20 min`, `2 days 3 h`."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 1.5 * _MINUTE:
        return f"{round(seconds)} s"
    if seconds < _HOUR - _MINUTE / 2:
        return f"{round(seconds / _MINUTE)} min"
    if seconds < _DAY:
        return _two(seconds, _HOUR, "h", _MINUTE, "min")
    days, rest = divmod(round(seconds / _HOUR), 24)
    return count(days, "day") + (f" {rest} h" if rest else "")


def seconds(value: float) -> str:
    """A measured time, to three digits: `12.3 ms`, `1.05 s`, `41 min`; `NOTHING` for none.

    Below a hundredth of a millisecond a clock around some lines of Python says nothing.
    """
    if math.isnan(value):
        return NOTHING
    if 0 < value < _TELLING:
        return f"under {1000 * _TELLING:g} ms"
    if value >= 1.5 * _MINUTE:
        return duration(value)
    return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"


def duration_range(low: float, high: float) -> str:
    """`2 to 5 min`: the unit once if it is the same."""
    first, last = duration(low), duration(high)
    if first == last:
        return f"about {last}"
    if first.count(" ") == last.count(" ") == 1 and first.split()[-1] == last.split()[-1]:
        first = first.split()[0]
    return f"{first} to {last}"


def ago(moment: str, now: datetime | None = None) -> str:
    """How long ago an ISO moment was, in words; the moment itself if it cannot be read."""
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    return "just now" if seconds < 10 else f"{duration(seconds)} ago"


def moment(iso: str) -> str:
    """`2026-11-29 22:47 UTC`: an ISO moment in words that stay the same; itself if it is none."""
    try:
        then = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return f"{then.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def plain(text: str) -> str:
    """Text of a user, a file or an error, neutralized.

    Markdown interprets nothing in it, no character turns or hides what follows, and folders of this
    computer are named in short.
    """
    text = visible(without_folders(text).replace("\n", " "))
    for sign in "\\`*_[]$:<>#~|&":
        text = text.replace(sign, f"\\{sign}")
    return text


def strategy_link(title: str) -> str:
    """Markdown: the title of a strategy, leading to its card.

    In a table that is wider than the window, the link is also what the keyboard scrolls to.
    """
    return f"[{plain(title)}](strategies?s={quote(title.partition('(')[0])})"


def file_stem(name: str) -> str:
    """A name that every file system takes, made from a title; `study` if nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "study"


def _two(seconds: float, big: int, big_name: str, small: int, small_name: str) -> str:
    whole, rest = divmod(round(seconds / small), big // small)
    return f"{whole} {big_name}" + (f" {rest} {small_name}" if rest else "")
