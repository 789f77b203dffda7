"""Acquisition of every strategy: seconds, memory, and the distance to the machine's limit.

Counted is `select` alone, from arrays in memory to positions, each case in a process of its own, on
the made-up pools of `alscope.testing.fakes`. Run by `python -m benchmarks.run`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from alscope.registry import strategies
from benchmarks.memory import in_own_process
from benchmarks.report import Options, Table, seconds
from benchmarks.speed.floors import FLOORS, KNOWN, Rates, Sizes, rates

__all__ = ["batches", "classes_10", "classes_100", "growth", "million"]

_LIMIT_S = 480
_COLUMNS = (
    "strategy",
    "clock, s",
    "CPU, s",
    "floor, s",
    "ratio",
    "known, s",
    "ratio to it",
    "inputs, MiB",
    "peak above, MiB",
    "remark",
)
_GROWING = (5_000, 20_000, 50_000, 200_000)
_POOL = Sizes(n=50_000, d=512, c=100, labeled=1_000, unknowns=200, b=1_000)
_QUICK = Sizes(n=500, d=16, c=5, labeled=50, unknowns=10, b=20)
_FACTS = (
    "ratios are those of the clock to the floor, and to the least known to suffice where that is "
    "less, at the rates below"
)
_LARGE = 200_000  # from here on one call is timed


@dataclass(frozen=True)
class Case:
    """A strategy with parameters; `label` is how tables and floors call it."""

    label: str
    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    largest: int = 10**9
    """Pools above this are not tried: the selection compares all pairs."""


def cases() -> list[Case]:
    """Every strategy with its default parameters, and SIMILAR with its other function."""
    found = [Case(name, name) for name in strategies.names()]
    return [*found, Case("similar(flcmi)", "similar", {"function": "flcmi"}, largest=20_000)]


def classes_10(options: Options) -> Iterator[Table]:
    """Every strategy with 10 classes."""
    yield _all(replace(_POOL, c=10), options)


def classes_100(options: Options) -> Iterator[Table]:
    """Every strategy with 100 classes."""
    yield _all(_POOL, options)


def batches(options: Options) -> Iterator[Table]:
    """Every strategy with a batch of 100."""
    yield _all(replace(_POOL, c=10, b=100), options)


def million(options: Options) -> Iterator[Table]:
    """A million samples: every strategy that does not compare all pairs."""
    chosen = [case for case in cases() if case.largest >= 10**6]
    yield _all(replace(_POOL, n=1_000_000, c=10), options, chosen)


def growth(options: Options) -> Iterator[Table]:
    """Seconds against the size of the pool."""
    base = replace(_QUICK if options.quick else _POOL, c=10)
    sizes = [n // 100 if options.quick else n for n in _GROWING]
    rows = []
    for case in cases():
        cells = [_run(case, replace(base, n=n), options) for n in sizes]
        rows.append([f"`{case.label}`", *(_seconds(cell) for cell in cells)])
    caption = f"Seconds of the clock against n; {_described(base, with_n=False)}."
    yield Table(caption, ("strategy", *(f"n = {n:,}" for n in sizes)), rows)


def _all(sizes: Sizes, options: Options, chosen: Sequence[Case] | None = None) -> Table:
    sizes = _QUICK if options.quick else sizes
    before = rates(sizes.c)
    some = cases() if chosen is None else chosen
    found = [_run(case, sizes, options) for case in some]
    speed = before.best(rates(sizes.c))
    rows = [_row(case, sizes, speed, one) for case, one in zip(some, found, strict=True)]
    caption = (
        f"{_described(sizes)}; {_FACTS}. Measured rates: {speed.flop / 1e9:.0f} GFLOP/s in float32 "
        f"products and {speed.flop64 / 1e9:.0f} in float64, {speed.n_bytes / 1e9:.1f} GB/s, "
        f"{speed.n_logs / 1e9:.2f} G exp/s in float32 and {speed.n_logs64 / 1e9:.2f} in float64, "
        f"{speed.n_rows / 1e6:.0f} M rows/s, {speed.n_ranked / 1e9:.1f} G scores/s compared and "
        f"{speed.n_found / 1e9:.1f} found, "
        f"{speed.n_sorted / 1e6:.0f} M picks/s sorted."
    )
    if options.device != "cpu":
        caption += f" Products with all of the pool ran on {options.device}, the rest on the CPU."
    return Table(caption, _COLUMNS, rows)


def _run(case: Case, sizes: Sizes, options: Options) -> Mapping[str, Any]:
    size = min(sizes.n, case.largest)
    given = {
        "n_pool": size,
        "n_features": sizes.d,
        "n_classes": sizes.c,
        "n_labeled": sizes.labeled,
        "n_unknowns": sizes.unknowns,
        "query_size": sizes.b,
    }
    repeats = options.repeats if size < _LARGE else 1
    found = in_own_process(
        case.name,
        given,
        params=case.params,
        limit=_LIMIT_S,
        repeats=repeats,
        device=options.device,
    )
    sys.stderr.write(f"{case.label} n={size} C={sizes.c} b={sizes.b}: {_seconds(found)} s\n")
    return found | ({"n_pool": size} if size < sizes.n else {})


def _row(case: Case, sizes: Sizes, speed: Rates, found: Mapping[str, Any]) -> Sequence[str]:
    remark = found["remark"]
    if "n_pool" in found:
        sizes = replace(sizes, n=found["n_pool"])
        remark = remark or f"n = {sizes.n:,}: compares all pairs"
    if "seconds" not in found:
        return [f"`{case.label}`", *[""] * (len(_COLUMNS) - 2), remark]
    cells = [seconds(found["seconds"]), seconds(found["cpu_s"])]
    for works, counted in ((FLOORS, "specified"), (KNOWN, "known")):
        work = works[case.label](sizes, found["diagnostics"]).plus(found[counted])
        cells += _limit(speed.seconds(work), found["seconds"])
    if cells[2:4] == cells[4:]:
        cells[4:] = ["", ""]
    memory = [f"{found[name]:,.0f}" for name in ("inputs_mib", "peak_mib")]
    return [f"`{case.label}`", *cells, *memory, remark]


def _limit(least: float, taken: float) -> list[str]:
    ratio = taken / least
    return [seconds(least), f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}"]


def _seconds(found: Mapping[str, Any]) -> str:
    if "seconds" not in found or "n_pool" in found:
        return ""
    taken = seconds(found["seconds"])
    return f"> {taken}" if found["remark"] else taken


def _described(sizes: Sizes, *, with_n: bool = True) -> str:
    parts = [f"n = {sizes.n:,}"] * with_n
    parts += [f"{sizes.d} features", f"{sizes.c} classes", f"{sizes.labeled:,} labeled"]
    return ", ".join([*parts, f"{sizes.unknowns} unknowns", f"b = {sizes.b:,}"])
