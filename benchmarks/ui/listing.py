"""How long thousands of stored runs keep people waiting.

    python benchmarks/ui/listing.py                  # 125 studies of 40 runs: 5,000 runs
    python benchmarks/ui/listing.py --studies 1000 --seeds 1 --strategies 5

Makes finished studies with made-up results through the stores' own interface in a temporary folder
and prints medians of: the list of all studies and the rounds of 400 runs, each in a process that
reads everything for the first time, in a new process after another one has looked, and again in
the same process; and drawing the pages, first and again, through Streamlit's AppTest. "First" means
nothing was read by this process; the files are in the system's memory, as they are after writing.
Seconds of the processor are given beside seconds on the clock, which depend on what else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from alscope.config import RunConfig, ScenarioConfig, StrategySpec, StudyConfig  # noqa: E402 - see above
from alscope.engine.service import Service  # noqa: E402
from tests.ui import records  # noqa: E402

NAMES = ("random", "margin", "badge", "entropy", "coreset", "bald", "least_confidence", "core_mse")
N_QUERIES = 5
QUERY_SIZE = 10
N_AGGREGATE = 400
COMPARED = 10
"""Studies on Compare: 400 runs."""
PAGES = ("home", "library", "compare")


def main() -> None:
    """Make the studies, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--studies", type=int, default=125)
    parser.add_argument("--strategies", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    n_runs = arguments.studies * arguments.strategies * arguments.seeds
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}, Python {platform.python_version()}, one thread, no GPU"
    )
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        seconds = timed(lambda: make(cache, arguments))[0]
        print(f"{n_runs:,} runs in {arguments.studies:,} studies made in {seconds:.0f} s")
        untouched = [fresh(cache) for _ in range(arguments.repeats)]
        new_process = [in_process(cache) for _ in range(arguments.repeats)]
    report("first look of all", untouched)
    report("new process", new_process)


def make(cache: Path, arguments: argparse.Namespace) -> None:
    """Store finished studies with made-up results."""
    os.fsync = lambda handle: None  # nothing of this has to survive a power cut
    with Service.open(cache, executor="serial", offline=True) as service:
        for number in range(arguments.studies):
            study = StudyConfig(
                name=f"study {number:04}",
                scenarios=(
                    ScenarioConfig(
                        n_initial=20 + number, query_size=QUERY_SIZE, n_rounds=N_QUERIES
                    ),
                ),
                strategies=tuple(StrategySpec(name=name) for name in NAMES[: arguments.strategies]),
                seeds=tuple(range(arguments.seeds)),
            )
            records.record(service, study, blobs=bought)


def bought(run: RunConfig, number: int) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of a round."""
    if number == run.scenario.n_rounds:
        return {}
    arrays = {
        "queried": np.arange(number * QUERY_SIZE, (number + 1) * QUERY_SIZE),
        "labels": np.full(QUERY_SIZE, number),
        "scores": np.linspace(0, 1, QUERY_SIZE),
    }
    return {"query": arrays}


def fresh(cache: Path) -> dict[str, list[float]]:
    """Measure where nobody has looked before: without what earlier looks left."""
    shutil.rmtree(cache / "derived", ignore_errors=True)
    return in_process(cache)


def in_process(cache: Path) -> dict[str, list[float]]:
    """Measure in a new process."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", str(cache)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "ALSCOPE_CACHE": str(cache), "OMP_NUM_THREADS": "1"},
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(cache: Path) -> dict[str, list[float]]:
    """Seconds on the clock and of the processor, by what was done."""
    from alscope.results.frames import rounds_frame

    service = Service.open(cache, executor="serial", offline=True)
    found = {"list": timed(service.studies), "list again": timed(service.studies)}
    runs = [run.run_id for study in service.studies() for run in study.runs][:N_AGGREGATE]
    for name in ("rounds of 400 runs", "rounds of 400 runs again"):
        found[name] = timed(lambda: rounds_frame(service.runs, runs))
    found |= pages(cache)
    return found


def pages(cache: Path) -> dict[str, list[float]]:
    """The same for every page: drawn first by a service that has read nothing, and again."""
    from alscope.ui.service import adopt

    with tempfile.TemporaryDirectory() as empty:  # so that everything is imported
        adopt(Service.open(empty, executor="serial", offline=True))
        app = records.page("home")
    with Service.open(cache, executor="serial", offline=True) as service:
        studies = list(service.studies_store.ids()[:COMPARED])
    found = {}
    for name in PAGES:
        adopt(Service.open(cache, executor="serial", offline=True))
        app.switch_page(f"pages/{name}.py")
        if name == "compare":
            app.query_params["exp"] = studies
        found[f"page {name}"] = timed(app.run)
        found[f"page {name} again"] = timed(app.run)
    return found


def timed(action: Callable[[], object]) -> list[float]:
    """Seconds on the clock and of the processor."""
    began, used = time.perf_counter(), time.process_time()
    action()
    return [time.perf_counter() - began, time.process_time() - used]


def report(title: str, measured: list[dict[str, list[float]]]) -> None:
    """Print medians."""
    print(f"\n{title} (median of {len(measured)}; in brackets seconds of the processor)")
    for name in measured[0]:
        clock, processor = (
            statistics.median(item[name][place] for item in measured) for place in (0, 1)
        )
        print(f"  {name:28} {clock:6.3f} s  ({processor:.3f})")


if __name__ == "__main__":
    main()
