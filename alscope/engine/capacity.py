"""Whether strategies can look at pools of such a size, asked before anything is trained.

Every strategy says by itself what is too much (`Strategy.excess`). How large a pool is follows from
the scenario: the first query sees the largest one. What is annotated grows meanwhile; how it
divides into known and unknown samples is known beforehand where all classes are known only.
"""

from __future__ import annotations

from collections.abc import Iterator

from alscope.config import ScenarioConfig, StrategySpec, StudyConfig
from alscope.data.lookup import find_dataset
from alscope.data.pools import pool_summary
from alscope.data.protocols import DataRoot
from alscope.data.scenario import build_scenario
from alscope.errors import ALScopeError, Problem, SelectionError
from alscope.registry import datasets, strategies
from alscope.strategies._base import Load, Strategy
from alscope.types import Split

__all__ = ["capacity_problems", "capacity_remarks", "load_of", "require_capacity"]


def load_of(split: Split, spec: StrategySpec, query_size: int) -> Load:
    """What the next query of a trial looks at."""
    return Load(
        n_pool=spec.n_seen(split.pool.size, query_size),
        n_labeled=split.labeled.size,
        n_unknowns=split.unknowns.size,
        query_size=query_size,
    )


def require_capacity(strategy: Strategy, load: Load) -> None:
    """Refuse a query before the model for it is trained.

    Raises:
        SelectionError: If the strategy cannot look at so much.
    """
    if excess := strategy.excess(load):
        raise SelectionError(f"{strategy.key}: {excess}")


def capacity_problems(study: StudyConfig, root: DataRoot) -> list[Problem]:
    """Pools that strategies will certainly refuse.

    Args:
        study: With names and parameters that exist. Scenarios that cannot be built, or whose data
            are not here, are left out.
        root: Where data sets are.
    """
    return [
        Problem(f"strategies[{index}].candidates", f"{spec.title}, {scenario.title}: {excess}")
        for index, spec, scenario, certain, excess in _found(study, root)
        if certain
    ]


def capacity_remarks(study: StudyConfig, root: DataRoot) -> list[str]:
    """Pools that strategies may refuse in a later round, which depends on what is found by then."""
    return [
        f"{spec.title}, {scenario.title}: a later round is refused if that much is found: {excess}"
        for _, spec, scenario, certain, excess in _found(study, root)
        if not certain
    ]


def _found(
    study: StudyConfig, root: DataRoot
) -> Iterator[tuple[int, StrategySpec, ScenarioConfig, bool, str]]:
    for scenario in study.scenarios:
        if any(not find_dataset(name).available(root) for name in _names(scenario)):
            continue  # reading its summary might download it
        try:
            summary = pool_summary(scenario, root)
            for index, spec, strategy in _doubtful(study, scenario, summary.train_targets.size):
                split = build_scenario(scenario, summary, seed=next(iter(study.seeds), 0)).split
                certain, excess = _excess(strategy, scenario, spec, split)
                if excess:
                    yield index, spec, scenario, certain, excess
        except ALScopeError:  # not here, or a problem that is reported elsewhere
            continue


def _names(scenario: ScenarioConfig) -> list[str]:
    # Unknown names are reported elsewhere.
    return [name for name in (scenario.dataset, scenario.ood_dataset) if name in datasets]


def _doubtful(
    study: StudyConfig, scenario: ScenarioConfig, n_pool: int
) -> Iterator[tuple[int, StrategySpec, Strategy]]:
    # Cheap and never too small, so that hardly any scenario has to be built for this.
    for index, spec in enumerate(study.strategies):
        strategy: Strategy = strategies.get(spec.name)(**spec.params)
        most = Load(
            n_pool=spec.n_seen(n_pool, scenario.query_size),
            n_labeled=scenario.budget,
            n_unknowns=scenario.budget,
            query_size=scenario.query_size,
        )
        if strategy.excess(most):
            yield index, spec, strategy


def _excess(
    strategy: Strategy, scenario: ScenarioConfig, spec: StrategySpec, split: Split
) -> tuple[bool, str]:
    """Whether a refusal is certain, and its words; "" if there is none."""
    size, is_open = scenario.query_size, scenario.setting == "open"
    for number in range(scenario.n_rounds):
        bought = number * size
        load = Load(
            n_pool=spec.n_seen(split.pool.size - bought, size),
            n_labeled=split.labeled.size + bought,
            n_unknowns=split.unknowns.size + bought * is_open,
            query_size=size,
        )
        if excess := strategy.excess(load):
            return number == 0 or not is_open, excess
    return False, ""
