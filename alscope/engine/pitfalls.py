"""What spoils a comparison although it runs, and how each of it is mended.

Each pitfall is a question about a study with an answer, and a study in which the answer is yes.
Sources: with n pairs the smallest two-sided p of a sign-flip test is 2^(1-n); without
Random no gain can be stated; Margin is the simple strategy that large comparisons find hardest to
beat; what wins at one size of the initial set need not win at another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from alscope.config import ScenarioConfig, StrategySpec, StudyConfig
from alscope.engine.defaults import REFERENCES
from alscope.registry import strategies

__all__ = ["ENOUGH_SEEDS", "Pitfall", "pitfalls"]

ENOUGH_SEEDS = 6
"""With fewer, a paired test that does not assume normal differences cannot reach p = 0.05."""


@dataclass(frozen=True)
class Pitfall:
    """One question about a study.

    Attributes:
        key: Its name.
        question: What is asked; yes is good.
        passed: Whether the answer is yes.
        why: What is wrong where the answer is no.
        mend: What the button that mends it says; "" where only the user knows.
        mended: The study in which the answer is yes; None where only the user knows.
    """

    key: str
    question: str
    passed: bool
    why: str
    mend: str = ""
    mended: StudyConfig | None = None


ClassCount = Callable[[ScenarioConfig], "int | None"]


def pitfalls(study: StudyConfig, n_classes: ClassCount) -> tuple[Pitfall, ...]:
    """Every question, answered.

    Args:
        study: A study without problems.
        n_classes: Known classes of a scenario; None while its data are not here.
    """
    return (
        _seeds(study),
        *_baselines(study),
        *_coverage(study, n_classes),
        _starts(study),
    )


def _seeds(study: StudyConfig) -> Pitfall:
    n = len(study.seeds)
    more = range(max(study.seeds, default=-1) + 1, 2**31)
    seeds = (*study.seeds, *more[: max(0, ENOUGH_SEEDS - n)])
    return Pitfall(
        key="seeds",
        question=f"At least {ENOUGH_SEEDS} seeds?",
        passed=n >= ENOUGH_SEEDS,
        why=f"with {n} {'seed' if n == 1 else 'seeds'} a test that assumes nothing about how "
        "differences are spread cannot reach p = 0.05 "
        f"(smallest possible p: {2.0 ** (1 - n):.3g}); for a claim take 10",
        mend=f"Use {ENOUGH_SEEDS} seeds",
        mended=replace(study, seeds=seeds),
    )


def _baselines(study: StudyConfig) -> Iterator[Pitfall]:
    chosen = {spec.name for spec in study.strategies}
    for name, why in REFERENCES.items():
        title = str(strategies.info(name).get("title", name))
        yield Pitfall(
            key=name,
            question=f"{title} among the strategies?",
            passed=name in chosen,
            why=f"{title} is not among the strategies; {why}",
            mend=f"Add {title}",
            mended=replace(study, strategies=(StrategySpec(name=name), *study.strategies)),
        )


def _starts(study: StudyConfig) -> Pitfall:
    sizes: dict[str, set[int]] = {}
    for scenario in study.scenarios:
        sizes.setdefault(scenario.dataset, set()).add(scenario.n_initial)
    alone = [name for name, found in sizes.items() if len(found) < 2]
    more = [
        replace(scenario, n_initial=2 * scenario.n_initial)
        for scenario in study.scenarios
        if scenario.dataset in alone and scenario.initial != "given" and scenario.n_initial
    ]
    return Pitfall(
        key="starts",
        question="Initial sets of several sizes?",
        passed=not alone,
        why="what wins from one size of the initial set often loses from another; a conclusion "
        "holds for the sizes that were tried",
        mend="Add a start of twice the size" if more else "",
        mended=replace(study, scenarios=tuple(dict.fromkeys((*study.scenarios, *more))))
        if more
        else None,
    )


def _coverage(study: StudyConfig, n_classes: ClassCount) -> Iterator[Pitfall]:
    counted = [(scenario, n_classes(scenario)) for scenario in study.scenarios]
    if all(count is None for _, count in counted):
        return
    short = [(s, count) for s, count in counted if count is not None and s.n_initial < count]
    words = "; ".join(
        f"{scenario.title}: {scenario.n_initial} initial labels for {count} classes"
        for scenario, count in short[:3]
    )
    raised = {s: replace(s, n_initial=count) for s, count in short if s.initial != "given"}
    mended = tuple(dict.fromkeys(raised.get(s, s) for s in study.scenarios))
    yield Pitfall(
        key="coverage",
        question="An initial label for every class?",
        passed=not short,
        why=f"{words}; some classes start without an example",
        mend="Raise the initial set to one per class" if raised else "",
        mended=replace(study, scenarios=mended) if raised else None,
    )
