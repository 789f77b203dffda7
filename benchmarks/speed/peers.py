"""Selections of other tools on the same arrays, as they publish them, beside ours.

python -m benchmarks.run peers     # those that are installed; none of them is a dependency

Every call runs in a process of its own, with a limit of time. Counted is the choice alone, from
logits and embeddings in memory to positions; gradients are there already where others want them.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from alscope.inputs import Embeddings, Logits, Probs
from alscope.registry import strategies
from alscope.rng import generator
from alscope.testing.fakes import make_pool, softmax
from alscope.types import PoolView
from benchmarks.report import Options, Table, seconds

__all__ = ["peers"]

_ROOT = Path(__file__).parents[2]
_LIMIT_S = 300
_OURS = "ALScope"
_PROBABILITIES = ("least_confidence", "margin", "entropy")


@dataclass(frozen=True)
class Case:
    """A selection that others offer too."""

    strategy: str
    n: int = 50_000
    b: int = 1_000
    params: Mapping[str, Any] = field(default_factory=dict)

    def view(self) -> PoolView:
        """The made-up pool: 512 features, 10 classes, 1,000 labeled, 200 unknowns."""
        pool = make_pool(
            strategies.get(self.strategy)(**self.params),
            n_pool=self.n,
            n_features=512,
            n_classes=10,
            n_labeled=1_000,
            n_unknowns=200,
        )
        return pool.view()


CASES = {
    **{name: Case(name) for name in _PROBABILITIES},
    "coreset": Case("coreset"),
    "badge": Case("badge", b=100),
    "similar(flcmi)": Case("similar", n=5_000, b=100, params={"function": "flcmi"}),
}


def peers(options: Options) -> Iterator[Table]:
    """Every case by every tool that offers it and is here."""
    rows: list[tuple[str, ...]] = []
    there: dict[str, str] = {}
    for label, case in CASES.items():
        ours = _taken(label, _OURS, options.repeats)
        rows.append((f"`{label}`", f"{case.n:,}", f"{case.b:,}", _OURS, _shown(ours), ""))
        for tool in (name for known, name in TOOLS if known == label):
            try:
                there[tool] = version(tool)
            except PackageNotFoundError:
                continue
            theirs = _taken(label, tool, options.repeats)
            times = f"{(theirs or _LIMIT_S) / ours:.3g}" if ours else ""
            rows.append(("", "", "", tool, _shown(theirs), times if theirs else f"> {times}"))
    names = ", ".join(f"{tool} {number}" for tool, number in sorted(there.items())) or "none"
    caption = (
        "Made-up pools, 512 features, 10 classes, 1,000 labeled, 200 unknowns; seconds of the "
        f"clock, the same arrays for all, at most {_LIMIT_S} s. Tools: {names}."
    )
    yield Table(caption, ("strategy", "n", "b", "tool", "seconds", "times ours"), rows)


def _shown(taken: float | None) -> str:
    return f"> {_LIMIT_S}" if taken is None else seconds(taken)


def _taken(label: str, tool: str, repeats: int) -> float | None:
    """Median seconds; None if it took too long."""
    command = [sys.executable, "-m", "benchmarks.speed.peers", label, tool, str(repeats)]
    try:
        done = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=_LIMIT_S + 60
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    found = float(done.stdout.split()[-1])
    return None if found > _LIMIT_S else found


def main() -> None:
    """One case by one tool: prints its median seconds, or one call's if that takes long."""
    parser = argparse.ArgumentParser()
    parser.add_argument("label")
    parser.add_argument("tool")
    parser.add_argument("repeats", type=int)
    args = parser.parse_args()
    case = CASES[args.label]
    view = case.view()
    choose = _ours(case) if args.tool == _OURS else TOOLS[args.label, args.tool](view)
    taken: list[float] = []
    while len(taken) < args.repeats and sum(taken) < _LIMIT_S / 10:
        start = time.perf_counter()
        choose(view, case.b)
        taken.append(time.perf_counter() - start)
    sys.stdout.write(f"{statistics.median(taken)}\n")


Choose = Callable[[PoolView, int], object]


def _ours(case: Case) -> Choose:
    strategy = strategies.get(case.strategy)(**case.params)
    return lambda view, b: strategy.select(view, b, generator(0, "peers"), None)


def _scored(tool: str, name: str) -> Callable[[PoolView], Choose]:
    """Probabilities of the logits, a score of them, and the best by it."""

    def prepare(_: PoolView) -> Choose:
        if tool == "scikit-activeml":
            from skactiveml.pool import uncertainty_scores
            from skactiveml.utils import simple_batch

            return lambda view, b: simple_batch(
                uncertainty_scores(view[Probs()], method=name), random_state=0, batch_size=b
            )
        from modAL import uncertainty

        score = getattr(uncertainty, name)
        sign = -1 if name == "_proba_margin" else 1
        return lambda view, b: np.argsort(-sign * score(view[Probs()]))[:b]

    return prepare


def _points(view: PoolView) -> tuple[np.ndarray, np.ndarray]:
    pool, *sets = (view[Embeddings(on=name)] for name in ("pool", "labeled", "unknowns"))
    return pool, np.concatenate(sets)


def _skactiveml_cover(view: PoolView) -> Choose:
    from skactiveml.pool import k_greedy_center

    pool, centres = _points(view)
    points = np.concatenate([centres, pool])
    labels = np.r_[np.zeros(len(centres)), np.full(len(pool), np.nan)]
    return lambda _, b: k_greedy_center(points, labels, batch_size=b, random_state=0)


def _small_text_cover(view: PoolView) -> Choose:
    from small_text.query_strategies.coresets import greedy_coreset

    pool, centres = _points(view)
    points, n = np.concatenate([pool, centres]), len(pool)
    unlabeled, labeled = np.arange(n), np.arange(n, len(points))
    options = {"distance_metric": "euclidean", "batch_size": 1_000}
    return lambda _, b: greedy_coreset(points, unlabeled, labeled, b, **options)


def _distil_cover(view: PoolView) -> Choose:
    from distil.active_learning_strategies.core_set import CoreSet

    pool, centres = _points(view)
    return lambda _, b: CoreSet.furthest_first(None, pool, centres, b)


def _gradients(logits: np.ndarray, embeddings: np.ndarray) -> Any:
    """Of the last layer at the predicted class, one row each."""
    errors = softmax(logits.astype(np.float32))
    errors[np.arange(len(errors)), errors.argmax(axis=1)] -= 1
    return (errors[:, :, None] * embeddings[:, None, :]).reshape(len(errors), -1)


def _distil_badge(view: PoolView) -> Choose:
    import torch
    from distil.active_learning_strategies.badge import init_centers

    rows = _gradients(view[Logits()], view[Embeddings()])
    return lambda _, b: init_centers(rows, b, torch.device("cpu"))


def _skactiveml_badge(view: PoolView) -> Choose:
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.pool import Badge

    probs, points = view[Probs()], view[Embeddings()]

    class Known(SkactivemlClassifier):  # type: ignore[misc]
        """Says what the pool says."""

        def fit(self, x: object, y: object) -> Known:
            return self

        def predict_proba(self, x: object) -> np.ndarray:
            return probs

    labels = np.full(len(points), np.nan)
    known = Known(classes=list(range(view.n_classes)))
    badge = Badge(random_state=0)
    return lambda _, b: badge.query(points, labels, known, fit_clf=False, batch_size=b)


def _submodlib_flcmi(view: PoolView) -> Choose:
    from submodlib import FacilityLocationConditionalMutualInformationFunction as Information

    values = [view[key] for key in strategies.get("similar")().needs()]
    pool, query, private = (_unit(_gradients(each.logits, each.embeddings)) for each in values)
    query = query[:500]  # as many as SIMILAR compares with
    sizes = len(pool), len(query), len(private)

    def choose(_: PoolView, b: int) -> object:
        # Its own similarities go through lists of Python's numbers and take minutes.
        kernels = (np.maximum(pool @ others.T, 0) for others in (pool, query, private))
        function = Information(*sizes, *kernels)
        return function.maximize(b, optimizer="LazyGreedy", show_progress=False)

    return choose


def _unit(rows: np.ndarray) -> Any:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


TOOLS: Mapping[tuple[str, str], Callable[[PoolView], Choose]] = {
    ("least_confidence", "scikit-activeml"): _scored("scikit-activeml", "least_confident"),
    ("least_confidence", "modAL-python"): _scored("modAL-python", "_proba_uncertainty"),
    ("margin", "scikit-activeml"): _scored("scikit-activeml", "margin_sampling"),
    ("margin", "modAL-python"): _scored("modAL-python", "_proba_margin"),
    ("entropy", "scikit-activeml"): _scored("scikit-activeml", "entropy"),
    ("entropy", "modAL-python"): _scored("modAL-python", "_proba_entropy"),
    ("coreset", "scikit-activeml"): _skactiveml_cover,
    ("coreset", "small-text"): _small_text_cover,
    ("coreset", "decile-distil"): _distil_cover,
    ("badge", "scikit-activeml"): _skactiveml_badge,
    ("badge", "decile-distil"): _distil_badge,
    ("similar(flcmi)", "submodlib-py"): _submodlib_flcmi,
}
"""Case and distribution -> what prepares its arrays, which is not counted, and chooses."""


if __name__ == "__main__":
    main()
