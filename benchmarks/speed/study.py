"""Whole studies: against a plain loop, on several workers, and what is neither work nor waiting.

python -m benchmarks.run study workers overhead
python -m benchmarks.speed.study --study digits [--seeds 1] [--workers 1]   # one, as JSON
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alscope.config import BackboneConfig, ScenarioConfig, StrategySpec, StudyConfig
from alscope.engine.defaults import demo_study
from alscope.engine.service import Service
from alscope.results.frames import rounds_frame
from alscope.results.timing import spent
from benchmarks.report import Options, Table, seconds
from benchmarks.speed.plain_loop import N_INITIAL, QUERY, ROUNDS, STRATEGIES

ROOT = Path(__file__).parents[2]


def plain_and_ours(options: Options) -> Iterator[Table]:
    """The same study, as a plain loop and by ALScope."""
    n_seeds = 1
    loop = [processes("plain_loop", "--seeds", n_seeds) for _ in range(options.repeats)]
    ours = [processes("study", "--seeds", n_seeds) for _ in range(options.repeats)]
    rows = [
        (name, seconds(median(runs, "wall")), seconds(median(runs, "cpu")), ratio(runs, loop))
        for name, runs in (("plain PyTorch loop", loop), ("ALScope, one worker", ours))
    ]
    caption = (
        f"Digits, small CNN, {len(STRATEGIES)} strategies ({', '.join(STRATEGIES)}), "
        f"{n_seeds} seed, {N_INITIAL} labels and {ROUNDS} queries of {QUERY}; one thread; from "
        "starting Python to the last accuracy. ALScope also records every query and prediction. "
        f"Load of the machine meanwhile: {loads([*loop, *ours])}."
    )
    yield Table(caption, ("way", "seconds", "CPU seconds", "CPU, times the loop"), rows)


def workers(options: Options) -> Iterator[Table]:
    """The same study with one worker and with two, by turns."""
    n_seeds = 6
    pairs = [
        [processes("study", "--study", "small", "--seeds", n_seeds, "--workers", n) for n in (1, 2)]
        for _ in range(options.repeats)
    ]
    ratios = sorted(one["wall"] / two["wall"] for one, two in pairs)
    rows = [
        (
            str(place + 1),
            seconds(one["wall"]),
            seconds(two["wall"]),
            f"{one['wall'] / two['wall']:.2f}",
            loads([one, two]),
        )
        for place, (one, two) in enumerate(pairs)
    ]
    rows.append(("median", "", "", f"{statistics.median(ratios):.2f}", ""))
    caption = (
        f"Digits, multilayer perceptron, {len(STRATEGIES) * n_seeds} runs, one thread per worker: "
        "seconds from submitting the study to its end; the processes were warm."
    )
    yield Table(caption, ("pair", "1 worker", "2 workers", "times faster", "load"), rows)


def overhead(options: Options) -> Iterator[Table]:
    """Which share of a study's time is neither training nor evaluation nor selection."""
    names = ["small", "digits"]
    if os.environ.get("ALSCOPE_DATA"):
        names.append("frozen")
    rows = []
    for name in names:
        done = processes("study", "--study", name)
        parts = done["parts"]
        other = parts.pop("everything else")
        rows.append(
            (
                done["title"],
                str(done["n_runs"]),
                seconds(done["wall"]),
                seconds(sum(parts.values())),
                seconds(other),
                seconds(done["between"]),
                f"{100 * (other + done['between']) / done['wall']:.1f} %",
            )
        )
    caption = (
        "One worker, one thread, warm: the process has started and the data are read, because two "
        "other runs went before. *Work* is training, evaluation, inference, acquisition and "
        "own learners; *in rounds* is building and warming up networks and the artifact cache; "
        "*between* is what the journal makes a run wait for (a round is written while the next one "
        "trains), and what passes between runs."
    )
    yield Table(
        caption,
        ("study", "runs", "seconds", "work", "in rounds", "between", "outside work"),
        rows,
    )


def median(runs: list[dict[str, Any]], name: str) -> float:
    """Of one figure."""
    return statistics.median(run[name] for run in runs)


def ratio(runs: list[dict[str, Any]], others: list[dict[str, Any]]) -> str:
    """Of the medians of CPU seconds."""
    return f"{median(runs, 'cpu') / median(others, 'cpu'):.2f}"


def loads(runs: list[dict[str, Any]]) -> str:
    """Load averages, from the least to the largest."""
    found = sorted(run["load"] for run in runs)
    return f"{found[0]:.1f} to {found[-1]:.1f}"


def processes(module: str, *options: object) -> dict[str, Any]:
    """Run a module, its children included: wall and CPU seconds, and what it printed last."""
    import resource

    command = [sys.executable, "-m", f"benchmarks.speed.{module}", *map(str, options)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    last = done.stdout.strip().splitlines()[-1]
    said = json.loads(last) if last.startswith("{") else {}
    return {"wall": wall, "cpu": cpu, "load": os.getloadavg()[0], **said}


@dataclass(frozen=True)
class Case:
    """A study to measure, and the small one that starts the worker before."""

    study: StudyConfig

    @property
    def starter(self) -> StudyConfig:
        """Two strategies, a seed that the study does not have: a run for each of two workers."""
        return replace(self.study, strategies=self.study.strategies[:2], seeds=(98,))


def case(name: str, n_seeds: int) -> Case:
    """By name."""
    study = demo_study()
    if name in {"digits", "small"}:
        network = "small_cnn" if name == "digits" else "mlp"
        study = replace(
            study,
            name=f"digits, {network}",
            backbone=BackboneConfig(name=network),
            scenarios=(ScenarioConfig(n_initial=N_INITIAL, query_size=QUERY, n_rounds=ROUNDS),),
            strategies=tuple(StrategySpec(name=key) for key in STRATEGIES),
        )
    elif name == "frozen":
        from alscope.config_io import parse_study

        file = ROOT / "benchmarks" / "studies" / "frozen_ag_news.toml"
        study = parse_study(file.read_text(encoding="utf-8"))
        scenario = replace(study.scenarios[0], dataset="trec6")
        study = replace(study, name="TREC-6, frozen MiniLM", scenarios=(scenario,))
    return Case(replace(study, seeds=tuple(range(n_seeds))))


def main() -> None:
    """Run one study and print what it took as JSON; with `--study`, after a starter."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--study", default="")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    chosen = case(args.study or "digits", args.seeds)
    with tempfile.TemporaryDirectory() as cache:
        with Service.open(cache, threads=1, workers=args.workers, offline=True) as service:
            if args.study:
                service.wait(service.submit(chosen.starter))
            began = time.perf_counter()
            status = service.wait(service.submit(chosen.study))
            wall = time.perf_counter() - began
        if status.n_done != status.n_runs:
            raise SystemExit(f"{status.n_failed} runs failed: {status.runs[0].message}")
        rounds = rounds_frame(service.runs, [run.run_id for run in status.runs])
    said: dict[str, Any] = {"title": chosen.study.name, "n_runs": status.n_runs}
    found = spent(rounds)
    said |= {"parts": dict(found.parts), "between": wall - found.total}
    if args.study:  # else from starting Python, as the loop is measured
        said["wall"] = wall
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
