"""Scenarios as the cross product of data sets, settings and budgets.

Nothing is hidden: equal scenarios are taken once and counted, and combinations that cannot exist
are kept apart with the reason, not dropped.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from alscope.config import ScenarioConfig
from alscope.errors import Problem

__all__ = ["Grid", "Impossible", "Scenarios", "as_grid"]

_AXES = ("dataset", "ood", "imbalance_ratio", "n_initial", "query_size", "n_rounds")


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Every combination of some choices.

    Attributes:
        base: Everything that all scenarios share.
        datasets: Names of data sets.
        ood_ratios: One open set for each; None among them: the closed set.
        imbalance_ratios: 1 leaves the classes as they are.
        n_initial: Sizes of the initial set.
        query_sizes: Labels bought per round.
        n_rounds: Numbers of queries.
    """

    base: ScenarioConfig
    datasets: tuple[str, ...]
    ood_ratios: tuple[float | None, ...] = (None,)
    imbalance_ratios: tuple[float, ...] = (1.0,)
    n_initial: tuple[int, ...]
    query_sizes: tuple[int, ...]
    n_rounds: tuple[int, ...]

    def combinations(self) -> list[ScenarioConfig]:
        """All of them, in the order of the fields; equal ones more than once."""
        return [
            replace(
                _in_setting(self.base, ood),
                dataset=dataset,
                imbalance_ratio=ratio,
                n_initial=start,
                query_size=size,
                n_rounds=rounds,
            )
            for dataset, ood, ratio, start, size, rounds in itertools.product(
                self.datasets,
                self.ood_ratios,
                self.imbalance_ratios,
                self.n_initial,
                self.query_sizes,
                self.n_rounds,
            )
        ]


@dataclass(frozen=True)
class Impossible:
    """A scenario that cannot exist, and why."""

    scenario: ScenarioConfig
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Scenarios:
    """What came of some combinations.

    Attributes:
        possible: Those that can be run, each once.
        impossible: Those that cannot.
        n_equal: Combinations that were equal to another one.
    """

    possible: tuple[ScenarioConfig, ...]
    impossible: tuple[Impossible, ...]
    n_equal: int

    @classmethod
    def sorted_out(
        cls,
        scenarios: Iterable[ScenarioConfig],
        problems: Callable[[ScenarioConfig], Iterable[Problem]],
    ) -> Scenarios:
        """Equal ones taken once, impossible ones apart.

        Args:
            scenarios: Any, in the order in which they shall be shown.
            problems: Why a scenario cannot be run; nothing if it can.
        """
        everything = list(scenarios)
        different = list(dict.fromkeys(everything))
        judged = [(scenario, tuple(problems(scenario))) for scenario in different]
        return cls(
            possible=tuple(scenario for scenario, found in judged if not found),
            impossible=tuple(Impossible(scenario, found) for scenario, found in judged if found),
            n_equal=len(everything) - len(different),
        )


def as_grid(scenarios: tuple[ScenarioConfig, ...]) -> Grid | None:
    """The grid that makes just these scenarios in this order; None if there is none."""
    first = scenarios[0]
    values: dict[str, tuple[Any, ...]] = {
        name: tuple(dict.fromkeys(_value(s, name) for s in scenarios)) for name in _AXES
    }
    opened = next((s for s in scenarios if s.setting == "open"), first)
    grid = Grid(
        base=opened,
        datasets=values["dataset"],
        ood_ratios=values["ood"],
        imbalance_ratios=values["imbalance_ratio"],
        n_initial=values["n_initial"],
        query_sizes=values["query_size"],
        n_rounds=values["n_rounds"],
    )
    return grid if tuple(grid.combinations()) == scenarios else None


def _value(scenario: ScenarioConfig, name: str) -> Any:
    if name == "ood":
        return scenario.ood_ratio if scenario.setting == "open" else None
    return getattr(scenario, name)


def _in_setting(base: ScenarioConfig, ood: float | None) -> ScenarioConfig:
    """The base as an open set with a share of unknown samples, or as a closed set."""
    if ood is not None:
        return replace(base, setting="open", ood_ratio=ood)
    return replace(
        base,
        setting="closed",
        ood_ratio=0.0,
        ood_dataset="",
        n_known=None,
        known_classes=(),
        initial_ood=True,
    )
