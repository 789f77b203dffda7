"""Many sessions that watch one study while it is computed.

    python benchmarks/soak/crowd.py [--sessions 50] [--seconds 25]

Starts the app with a driver that launches studies (`server.py`), opens the sessions one after the
other, and lets each ask for the page Monitor or its live part every two seconds. Printed are the
times until that part was there, and the memory of the server. Ends with code 1 if a page showed an
exception.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import free_port, status, wait_ready
from sessions import Session, enter

SERVER = Path(__file__).with_name("server.py")
CYCLE_S = 2.0


async def watch(session: Session, dice: random.Random, until: float) -> list[float]:
    """Ask for a live part again and again; seconds of every time."""
    waits = []
    while time.monotonic() < until:
        await asyncio.sleep(dice.uniform(0, 2 * CYCLE_S))
        fragment = dice.choice([*sorted(session.fragments), ""])
        waits.append(await session.draw(fragment=fragment))
    return waits


async def crowd(port: int, pid: int, options: argparse.Namespace) -> int:
    """Open the sessions, let them watch, print what was measured."""
    dice = random.Random(options.seed)
    opening, sessions = [], []
    for _ in range(options.sessions):
        began = time.perf_counter()
        sessions.append(await enter(port, "monitor"))
        opening.append(time.perf_counter() - began)
    until = time.monotonic() + options.seconds
    seeds = [random.Random(dice.random()) for _ in sessions]
    watched = await asyncio.gather(
        *(watch(session, chance, until) for session, chance in zip(sessions, seeds, strict=True))
    )
    waits = sorted(wait for one in watched for wait in one)
    errors = [error for session in sessions for error in session.errors]
    memory, files, threads = status(pid)
    print(f"{len(sessions)} sessions, opened in {statistics.median(opening):.2f} s each (median)")
    print(
        f"{len(waits)} pages and live parts: median {1e3 * statistics.median(waits):.0f} ms, "
        f"p95 {1e3 * waits[int(0.95 * len(waits))]:.0f} ms, largest {1e3 * waits[-1]:.0f} ms"
    )
    print(f"server: {memory:.0f} MB, {files} open files, {threads} threads")
    print("\n".join([f"{len(errors)} exceptions on pages", *errors[:5]]))
    for session in sessions:
        await session.leave()
    return int(bool(errors))


def main() -> int:
    """Start the server, let the crowd in, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=50, help="how many")
    parser.add_argument("--seconds", type=float, default=25.0, help="how long they watch")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="alscope-crowd-") as place:
        port, events = free_port(), Path(place, "events.jsonl")
        events.touch()
        given = [Path(place, "cache"), port, options.seed, events, 1.0, 60]
        with Path(place, "server.log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, str(SERVER), *map(str, given)],
                env={"PYTHONPATH": str(SERVER.parents[2])} | os.environ | {"ALSCOPE_SAMPLES": "0"},
                stdout=log,
                stderr=log,
            )
        try:
            wait_ready(port, server)
            while '"launch"' not in events.read_text(encoding="utf-8"):
                time.sleep(0.2)  # there is something to watch then
            return asyncio.run(crowd(port, server.pid, options))
        finally:
            server.kill()  # asked to stop, it would wait for connections
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
