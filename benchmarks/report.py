"""What every benchmark shares: options, tables, the machine, and the page they are written to.

A section is a function from `Options` to tables; `benchmarks.run` calls it and puts what it gives
between the lines `<!-- begin NAME -->` and `<!-- end NAME -->` of docs/benchmarks.md.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import threadpoolctl

__all__ = ["Options", "Section", "Table", "between", "machine", "markdown", "seconds", "timed"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line asked of every section.

    Attributes:
        device: "cpu" or "cuda"; a section that cannot use it says so in its table.
        repeats: Timed calls per figure; the median is reported.
        quick: Small sizes that take seconds, to see that a section works.
    """

    device: str = "cpu"
    repeats: int = 3
    quick: bool = False


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        caption: A sentence above it: sizes, units, what was counted.
        columns: Headings.
        rows: Cells, as they will be shown.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


Section = Callable[[Options], Iterable[Table]]


def timed(
    run: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Median seconds of some calls, by the wall clock unless another one is given."""
    taken = []
    for _ in range(repeats):
        start = clock()
        run()
        taken.append(clock() - start)
    return statistics.median(taken)


def seconds(value: float) -> str:
    """Seconds with two significant digits or more, never in exponents."""
    if value < 0.001:
        return f"{value:.5f}"
    return f"{value:.4f}" if value < 0.01 else f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def markdown(tables: Iterable[Table], options: Options) -> str:
    """The body of a section: where it was measured, and its tables."""
    parts = [machine(options)]
    for table in tables:
        parts += ["", table.caption, "", line(table.columns), line(["---"] * len(table.columns))]
        parts += [line(row) for row in table.rows]
    return "\n".join(parts)


def line(cells: Iterable[str]) -> str:
    """A row of a table."""
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def between(page: str, name: str, body: str) -> str:
    """The page with the body of one section replaced, and everything else as it was.

    Raises:
        ValueError: If the page does not have exactly one place for it.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        raise ValueError(f"the page needs one line {begin!r} and, after it, one line {end!r}")
    before, rest = page.split(begin)
    return f"{before}{begin}\n{body.strip()}\n{end}{rest.split(end)[1]}"


def machine(options: Options) -> str:
    """On what, with what and when: one line."""
    pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    threads = max(pools, default=1)
    named = [f"{name} {version(name).split('+')[0]}" for name in ("numpy", "scipy", "torch")]
    parts = [
        f"{processor()} ({os.cpu_count()} cores)",
        f"{threads} thread{'s' * (threads > 1)}",
        f"device {accelerator(options.device)}",
        f"Python {platform.python_version()}",
        *named,
        f"median of {options.repeats}",
        time.strftime("%Y-%m-%d", time.gmtime()),
    ]
    return "*" + ", ".join(parts) + ".*"


def processor() -> str:
    """What the processor is called."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [text.split(":", 1)[1].strip() for text in lines if text.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def accelerator(device: str) -> str:
    """The device with its name, if it is a GPU."""
    if device == "cpu":
        return device
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})"
