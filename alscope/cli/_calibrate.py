"""`alscope calibrate`: what this machine can do."""

from __future__ import annotations

import argparse
import math

from alscope.cli._commands import open_service
from alscope.cli._terminal import complain, put, table

__all__ = ["add_calibrate", "calibrate"]

_BATCH = 32


def add_calibrate(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument(
        "--seconds", metavar="S", type=_seconds, default=20.0, help="how long (default: 20)"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 to 3600")
    return seconds


def calibrate(arguments: argparse.Namespace) -> int:
    """Measure, keep the figures for estimates, and print them."""
    with open_service(arguments) as service:
        complain(f"measuring this machine for about {arguments.seconds:.0f} s")
        found = service.calibrate(arguments.seconds)
    rows = [
        (
            name,
            f"{1000 * speed.per_step(_BATCH, None):.2f}",
            f"{1000 * speed.per_sample(None):.4f}",
            f"{speed.n_pixels} pixels" if speed.n_pixels else "",
        )
        for name, speed in sorted(found.networks.items())
    ]
    threads = f"{found.n_threads} CPU thread{'s' * (found.n_threads > 1)}"
    put(f"{found.device}, {threads}, in {found.took_s:.1f} s", "")
    put(*table(("network", f"step of {_BATCH}, ms", "inference, ms per sample", "on"), rows), "")
    if found.skipped:
        more = math.ceil(3 * arguments.seconds)
        put(f"no time for {', '.join(found.skipped)}; --seconds {more} gives them more", "")
    head = ("selection from", "by a score, ms", "by a cover, ms")
    sizes = zip(found.ranking, found.covering, strict=True)
    put(
        *table(head, [(f"{n:,}", f"{1000 * a:.2f}", f"{1000 * b:.2f}") for (n, a), (_, b) in sizes])
    )
    return 0
