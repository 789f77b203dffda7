"""How long a step of the playground takes, for every classifier and strategy.

    python benchmarks/ui/playground.py [--n 1000] [--steps 12]

A step is what one click costs the server before Streamlit sends it: the choice, the new classifier,
its test accuracy, the 60 x 60 field with its border, and the chart. Printed are medians and largest
values over the steps in milliseconds of CPU time of the process, on one thread, and of wall time.
"""

from __future__ import annotations

import argparse
import dataclasses
import platform
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from alscope.charts.playground import board_chart  # noqa: E402 - the checkout is not installed
from alscope.playground.config import MODELS, GameConfig, of_shape  # noqa: E402
from alscope.playground.frames import points_frame  # noqa: E402
from alscope.playground.game import play  # noqa: E402
from alscope.playground.offers import playable  # noqa: E402
from alscope.playground.shapes import HALF_WIDTH  # noqa: E402
from alscope.playground.shown import background  # noqa: E402
from alscope.playground.threads import use_one_thread  # noqa: E402

SIDE = 60


def step(config: GameConfig, name: str, number: int) -> tuple[float, float]:
    """Milliseconds of CPU and of wall time for one step."""
    cpu, wall = time.process_time(), time.perf_counter()
    board = play(config, name, number)
    behind = background(board, SIDE, "classes")
    board_chart(points_frame(board), behind.field, behind.border, edge=HALF_WIDTH)
    return 1e3 * (time.process_time() - cpu), 1e3 * (time.perf_counter() - wall)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1000, help="points")
    parser.add_argument("--steps", type=int, default=12, help="steps per strategy")
    options = parser.parse_args()
    use_one_thread()
    table = dataclasses.replace(of_shape("unknown"), n=options.n, ood=30)
    print(f"{platform.processor() or platform.machine()}, {options.n} points, 5 labels per step")
    for model in MODELS:
        config = GameConfig(table=table, model=model, query_size=5, budget=5 * options.steps)
        rows = []
        for name in playable(model):
            step(config, name, 0)  # what is needed once, not at every step
            times = [step(config, name, number) for number in range(1, options.steps + 1)]
            cpu, wall = zip(*times, strict=True)
            rows.append((statistics.median(cpu), max(cpu), statistics.median(wall), name))
        print(f"{model}: {summary(rows)}")


def summary(rows: list[tuple[float, float, float, str]]) -> str:
    """Medians over steps, of all strategies and of the slowest one."""
    usual = statistics.median(row[0] for row in rows)
    median, _, _, name = max(rows)
    largest, wall = max(row[1] for row in rows), max(row[2] for row in rows)
    return (
        f"{len(rows)} strategies, {usual:.1f} ms of CPU time; slowest {name}, {median:.1f} ms; "
        f"largest step of all {largest:.1f} ms; largest median of wall time {wall:.1f} ms"
    )


if __name__ == "__main__":
    main()
