"""Hours of studies being launched, stopped, resumed and deleted while sessions come and go.

    python benchmarks/soak --minutes 120 [--pause 2] [--seed 1] [--out FOLDER]

Starts the app with a driver in it (`server.py`) on a cache folder of its own, opens and closes
sessions at random, and records memory, file handles and threads of the server and of its workers,
and the size of the cache folder. At the end it compares the second half with the time just after
the warm-up, and ends with code 1 if something grew beyond its tolerance, if a page showed an
exception, or if the driver met a surprise. Needs /proc, so Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from machine import free_port, status, wait_ready
from server import children, command
from sessions import Session, enter

PAGES = ("home", "playground", "lessons", "strategies", "build", "monitor", "compare", "inspect")
PAGES += ("report", "library")
MOST_SESSIONS = 6
SERVER = Path(__file__).with_name("server.py")
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Sample:
    """What a moment looked like; sums over all workers."""

    minute: float
    rss_mb: float
    fds: int
    threads: int
    workers: int
    worker_rss_mb: float
    worker_fds: int
    worker_threads: int
    disk_mb: float
    files: int
    sessions: int


@dataclass
class Seen:
    """What sessions met."""

    draws: int = 0
    opened: int = 0
    slowest_s: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)


TOLERANCE = {
    "rss_mb": (1.15, 40.0),
    "fds": (1.0, 12.0),
    "threads": (1.0, 8.0),
    "worker_rss_mb": (1.15, 40.0),
    "worker_fds": (1.0, 4.0),
    "worker_threads": (1.0, 4.0),
    "disk_mb": (1.5, 20.0),
}
"""Allowed at the end: the level after the warm-up times the first number, plus the second."""


def disk(folder: Path) -> tuple[float, int]:
    """Megabytes and number of the files in a folder."""
    sizes = []
    for place, _, names in os.walk(folder):  # which passes over what is deleted meanwhile
        for name in names:
            with suppress(OSError):
                sizes.append(Path(place, name).lstat().st_size)
    return sum(sizes) / 2**20, len(sizes)


def sample(pid: int, cache: Path, minute: float, n_sessions: int) -> Sample:
    """Look at the server, its workers and the cache folder."""
    workers = []
    for child in children(pid):
        try:
            if "alscope.engine.worker" in command(child):
                workers.append(status(child))
        except (OSError, KeyError):  # it has just ended
            continue
    memory, files, threads = status(pid)
    sums = [sum(values) for values in zip(*workers, strict=True)] or [0.0, 0, 0]
    megabytes, n_files = disk(cache)
    return Sample(
        minute=round(minute, 2),
        rss_mb=round(memory, 1),
        fds=files,
        threads=threads,
        workers=len(workers),
        worker_rss_mb=round(sums[0], 1),
        worker_fds=int(sums[1]),
        worker_threads=int(sums[2]),
        disk_mb=round(megabytes, 2),
        files=n_files,
        sessions=n_sessions,
    )


async def visit(port: int, dice: random.Random, until: float, pause: float, seen: Seen) -> None:
    """Sessions open, look at pages, and leave, some without saying so."""
    open_now: list[Session] = []
    while time.monotonic() < until:
        await asyncio.sleep(dice.uniform(0, 2 * pause))
        await _act(port, dice, open_now, seen)
        seen.draws += 1
    for session in open_now:
        await session.leave()


async def _act(port: int, dice: random.Random, open_now: list[Session], seen: Seen) -> None:
    try:
        if not open_now or (len(open_now) < MOST_SESSIONS and dice.random() < 0.2):
            open_now.append(await enter(port, dice.choice(PAGES)))
            seen.opened += 1
            return
        session = dice.choice(open_now)
        if dice.random() < 0.2:
            open_now.remove(session)
            await session.leave()
            return
        fragment = dice.choice([*sorted(session.fragments), ""])
        page = None if fragment else dice.choice(PAGES)
        took = await session.draw(page, fragment=fragment)
        seen.slowest_s = max(seen.slowest_s, took)
        seen.errors.update(f"{session.page}: {error}" for error in session.errors)
        session.errors.clear()
    except (OSError, TimeoutError) as error:
        seen.errors[f"{type(error).__name__}: {error}"] += 1


async def watch(
    pid: int, cache: Path, until: float, every: float, out: Path, seen: Seen
) -> list[Sample]:
    """Samples until the end, each written at once."""
    began, samples = time.monotonic(), []
    names = [name for name in Sample.__dataclass_fields__]
    with out.open("w", newline="", encoding="utf-8", buffering=1) as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        while time.monotonic() < until:
            await asyncio.sleep(every)
            samples.append(sample(pid, cache, (time.monotonic() - began) / 60, seen.opened))
            writer.writerow(asdict(samples[-1]))
    return samples


def growth(samples: list[Sample], warm_up: float, slack: float) -> tuple[list[str], list[str]]:
    """A table of what was measured, and what grew too much.

    Args:
        samples: In order.
        warm_up: Share of the time that is left out; then comes the level to compare with.
        slack: Factor of the absolute part of all tolerances.
    """
    rest = samples[int(warm_up * len(samples)) :]
    third = max(len(rest) // 3, 1)
    lines, grown = (
        [f"{'':16}{'after warm-up':>14}{'at the end':>12}{'per hour':>10}{'most':>9}"],
        [],
    )
    for name, (factor, more) in TOLERANCE.items():
        first = [float(getattr(item, name)) for item in rest[:third]]
        last = [float(getattr(item, name)) for item in rest[-third:]]
        if name.startswith("worker"):
            # Workers are killed now and then and begin small, so their level is the most that any
            # of them had until then, during the warm-up too.
            until = len(samples) - len(rest) + third
            before = max(float(getattr(item, name)) for item in samples[:until])
            after = max(last)
        else:
            before, after = statistics.median(first), statistics.median(last)
        minutes = [item.minute for item in rest]
        values = [float(getattr(item, name)) for item in rest]
        slope = 60 * statistics.linear_regression(minutes, values).slope if len(rest) > 2 else 0.0
        lines.append(f"{name:16}{before:14.1f}{after:12.1f}{slope:10.1f}{max(values):9.1f}")
        if after > factor * before + slack * more:
            grown.append(f"{name} grew from {before:.1f} to {after:.1f}")
    return lines, grown


async def both(
    pid: int, port: int, cache: Path, options: argparse.Namespace, seen: Seen
) -> list[Sample]:
    """Sessions and samples at the same time."""
    until = time.monotonic() + 60 * options.minutes
    dice = random.Random(options.seed)
    watching = watch(pid, cache, until, options.every, options.out / "samples.csv", seen)
    samples, _ = await asyncio.gather(watching, visit(port, dice, until, options.pause, seen))
    return samples


def wait_computed(events: Path, server: subprocess.Popen[bytes]) -> None:
    """Wait until a run was finished, so that what is measured is not how a worker starts."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        found = (json.loads(line) for line in events.read_text(encoding="utf-8").splitlines())
        said = [event["said"] for event in found if event["action"] == "check"]
        if any(words.endswith("known") and not words.startswith("0 ") for words in said):
            return
        time.sleep(0.2)
    raise SystemExit(f"no run was finished within {_PATIENCE_S:.0f} seconds")


def report(samples: list[Sample], seen: Seen, events: Path, options: argparse.Namespace) -> int:
    """Print what happened; 1 if something must not have."""
    acted: Counter[str] = Counter()
    surprises: list[str] = []
    n_known = 0
    for line in events.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        refused = " (refused)" if event["said"].startswith("refused") else ""
        acted[event["action"] + refused] += 1
        if event["said"].startswith("SURPRISE"):
            surprises.append(f"{event['action']}: {event['said']}")
        if event["action"] == "check" and event["said"].endswith("known"):
            n_known = int(event["said"].split()[-2])
    if not acted["launch"]:
        surprises.append("no study was ever launched, so nothing was soaked")
    lines, grown = growth(samples, options.warm_up, options.slack)
    print("\n".join(lines))
    print(f"{samples[-1].minute:.1f} minutes, {len(samples)} samples")
    print(f"different runs finished and checked: {n_known}")
    print("actions:", ", ".join(f"{n} x {name}" for name, n in sorted(acted.items())))
    print(f"sessions: {seen.opened}, pages and fragments drawn: {seen.draws}", end=", ")
    print(f"slowest {seen.slowest_s:.2f} s")
    wrong = [*grown, *surprises, *(f"{n} x {error}" for error, n in seen.errors.items())]
    print("\n".join(["PROBLEMS:", *wrong] if wrong else ["nothing grew, nothing went wrong"]))
    return int(bool(wrong))


def main() -> int:
    """Start the server, soak it, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=120.0, help="how long")
    parser.add_argument("--pause", type=float, default=2.0, help="mean seconds between actions")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between samples")
    parser.add_argument("--seed", type=int, default=1, help="of everything random")
    parser.add_argument("--warm-up", type=float, default=0.2, help="share of the time left out")
    kept = "seconds that the server remembers a page that was left, with its handles"
    parser.add_argument("--kept", type=int, default=60, help=kept)
    parser.add_argument("--slack", type=float, default=1.0, help="multiplies what may be added")
    parser.add_argument("--out", type=Path, default=None, help="folder for samples and events")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="alscope-soak-") as place:
        options.out = options.out or Path(place) / "out"
        options.out.mkdir(parents=True, exist_ok=True)
        cache, events = Path(place) / "cache", options.out / "events.jsonl"
        events.write_text("")
        port = free_port()
        given = [cache, port, options.seed, events, options.pause, options.kept]
        with (options.out / "server.log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, str(SERVER), *map(str, given)],
                env={"PYTHONPATH": str(SERVER.parents[2])} | os.environ | {"ALSCOPE_SAMPLES": "0"},
                stdout=log,
                stderr=log,
            )
        seen = Seen()
        try:
            wait_ready(port, server)
            wait_computed(events, server)
            samples = asyncio.run(both(server.pid, port, cache, options, seen))
        finally:
            # Asked to stop, it would wait for connections that nobody here answers any more. That
            # its workers notice is tested in tests/faults/test_processes.py.
            server.kill()
            server.wait()
        return report(samples, seen, events, options)


if __name__ == "__main__":
    sys.exit(main())
