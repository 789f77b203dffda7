"""Fuzz what reads the files and arrays of strangers, for as long as you like.

    python benchmarks/fuzz.py --seconds 240                   # every target, the time shared evenly
    python benchmarks/fuzz.py --seconds 60 "bundle stories"   # one of them

Prints the examples drawn per target and every failure with its smallest example; the exit status is
1 if there is one. Another seed draws other examples: `--seed`, by default the time.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from tests.faults.fuzzing import TARGETS

_BATCH = 200


def fuzz(name: str, seconds: float, start_seed: int) -> tuple[int, str]:
    """How many examples were drawn, and the first failure; "" if there was none."""
    drawn, read = TARGETS[name]
    n_drawn, number = 0, start_seed
    deadline = time.monotonic() + seconds

    def once(example: object) -> None:
        nonlocal n_drawn
        if time.monotonic() > deadline and not failing:
            return
        n_drawn += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read(example)
            except BaseException:
                failing.append(True)
                raise

    failing: list[bool] = []
    while time.monotonic() < deadline:
        batch = settings(
            max_examples=_BATCH,
            deadline=None,
            database=None,
            derandomize=False,
            print_blob=True,
            verbosity=Verbosity.quiet,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        try:
            seed(number)(batch(given(drawn)(once)))()
        except BaseException:
            return n_drawn, f"seed {number}\n{traceback.format_exc()}"
        number += 1
    return n_drawn, ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args(arguments)
    names = chosen.targets or list(TARGETS)
    failures = 0
    for name in names:
        n_drawn, failure = fuzz(name, chosen.seconds / len(names), chosen.seed)
        print(f"{name}: {n_drawn:,} examples{', FAILED' if failure else ''}", flush=True)
        if failure:
            failures += 1
            print(failure[-6000:], flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
