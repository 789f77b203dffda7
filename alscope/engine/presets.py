"""Studies to begin with: strategies, difficulties and budgets that belong together.

A preset is a value: the app fills its form from one, the command line runs one, and both get the
same study. Budgets count labels per class, so that one preset fits data sets of any size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from alscope.backbones.presets import preset as paper_preset
from alscope.backbones.protocols import BackboneSpec
from alscope.config import (
    BackboneConfig,
    ScenarioConfig,
    StrategySpec,
    StudyConfig,
    TrainConfig,
)
from alscope.data.lookup import find_dataset
from alscope.data.protocols import DataRoot
from alscope.engine.plan import strategy_problems
from alscope.errors import ConfigError, Problem, UnknownNameError
from alscope.registry import backbones, strategies
from alscope.types import SampleSpec

__all__ = ["PRESETS", "LeftOut", "Preset", "PresetStudy", "find_preset"]

KNOWN_SHARE = 0.6
"""Share of the classes that are known in an open set, where the preset does not say otherwise."""
_UNSEEN_CLASSES = 10
"""Number of classes that budgets are made for while a data set is not here to be counted."""


@dataclass(frozen=True)
class LeftOut:
    """A strategy of a preset that cannot run on the data, and why."""

    strategy: str
    reason: str


@dataclass(frozen=True)
class PresetStudy:
    """A study made from a preset.

    Attributes:
        study: What to run.
        left_out: Strategies of the preset that cannot run on these data.
    """

    study: StudyConfig
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Strategies and scenarios that answer one question.

    Attributes:
        key: Its name on the command line and in links.
        title: For people.
        summary: What it is for, in one sentence.
        strategies: Registry names; empty: all that are registered.
        n_seeds: Trials.
        starts: Initial labels per class; one scenario for each.
        per_query: Labels per class that a query buys.
        n_rounds: Queries.
        ood_ratios: One open set for each; empty: all classes are known.
        imbalance_ratios: One scenario for each.
        is_paper: Network, training, budgets and difficulties are those of the benchmark's paper.
    """

    key: str
    title: str
    summary: str
    strategies: tuple[str, ...] = ()
    n_seeds: int = 5
    starts: tuple[int, ...] = (2,)
    per_query: int = 2
    n_rounds: int = 5
    ood_ratios: tuple[float, ...] = ()
    imbalance_ratios: tuple[float, ...] = (1.0,)
    is_paper: bool = False

    @property
    def is_everything(self) -> bool:
        """Whether it compares whatever is registered."""
        return not self.strategies

    @property
    def names(self) -> tuple[str, ...]:
        """Its strategies by registry name."""
        return self.strategies or strategies.names()

    def refusal(self, dataset: str) -> str:
        """Why there is no such study on a data set, in words; "" if there is one."""
        if not self.is_paper or (paper_preset(dataset) or {}).get("query_sizes"):
            return ""
        return f"the paper has no run on {dataset!r}; take another preset, or one of its data sets"

    def study(self, dataset: str, root: DataRoot) -> PresetStudy:
        """The study on a data set; nothing is downloaded for it.

        Args:
            dataset: Registry name, or `own:<slug>`.
            root: Where data sets are.

        Raises:
            UnknownNameError: If there is no such data set.
            ConfigError: If the paper has no run on it and this is the paper's preset.
        """
        if self.refusal(dataset):
            raise ConfigError([Problem("preset", self.refusal(dataset))])
        spec = find_dataset(dataset, root)
        summary = spec.summary(root) if spec.available(root) else None
        n_classes = _UNSEEN_CLASSES
        if summary is not None:
            n_classes = len(summary.class_names) - len(summary.never_known)
        if self.is_paper:
            study = _paper_study(self, dataset, n_classes)
        else:
            study = StudyConfig(
                name=f"{self.title.lower()} {dataset}",
                scenarios=tuple(self._scenarios(dataset, n_classes)),
                seeds=tuple(range(self.n_seeds)),
                backbone=BackboneConfig(name=spec.backbone or BackboneConfig().name),
            )
        sample = summary.sample if summary is not None else SampleSpec(modality=spec.modality)
        return _with_strategies(study, self.names, sample)

    def _scenarios(self, dataset: str, n_classes: int) -> Iterator[ScenarioConfig]:
        for ratio in self.imbalance_ratios:
            for settings in self._settings(n_classes):
                for start in self.starts:
                    yield ScenarioConfig(
                        dataset=dataset,
                        imbalance_ratio=ratio,
                        n_initial=start * n_classes,
                        query_size=self.per_query * n_classes,
                        n_rounds=self.n_rounds,
                        **settings,
                    )

    def _settings(self, n_classes: int) -> Iterator[dict[str, Any]]:
        if not self.ood_ratios:
            yield {}
        n_known = max(2, round(KNOWN_SHARE * n_classes))
        for ratio in self.ood_ratios:
            yield {"setting": "open", "n_known": n_known, "ood_ratio": ratio}


def find_preset(key: str) -> Preset:
    """A preset by name; case, `-` and `_` do not matter.

    Raises:
        UnknownNameError: With the nearest name.
    """
    plain = key.lower().replace("-", "").replace("_", "")
    if plain not in PRESETS:
        raise UnknownNameError("preset", key, PRESETS)
    return PRESETS[plain]


def _with_strategies(study: StudyConfig, names: tuple[str, ...], sample: SampleSpec) -> PresetStudy:
    backbone: BackboneSpec = backbones.get(study.backbone.name)(**study.backbone.params)
    kept, left_out = [], []
    for name in names:
        strategy = strategies.get(name)()
        reasons = [
            reason
            for scenario in study.scenarios
            for reason in strategy_problems(strategy, scenario, backbone, sample)
        ]
        if reasons:
            left_out.append(LeftOut(name, reasons[0]))
        else:
            kept.append(StrategySpec(name=name))
    return PresetStudy(replace(study, strategies=tuple(kept)), tuple(left_out))


# ---------------------------------------------------------------------------------- the paper's

_PAPER_LEVELS = (0.2, 0.4, 0.6)
"""Unknown shares, and the factors of smallest to largest class: ratios of 5, 2.5 and 1.67."""
_PAPER_HARD = ("cifar10", "sst5")
"""The data sets with runs in open sets and with imbalance."""


def _paper_study(preset: Preset, dataset: str, n_classes: int) -> StudyConfig:
    found = paper_preset(dataset)
    assert found is not None, "refused before"
    base = ScenarioConfig(dataset=dataset, initial="random", n_rounds=found["n_rounds"])
    scenarios = [replace(base, n_initial=size, query_size=size) for size in found["query_sizes"]]
    if dataset in _PAPER_HARD:
        scenarios += _hard(scenarios[0], n_classes)
    return StudyConfig(
        name=f"{preset.title.lower()} {dataset}",
        scenarios=tuple(scenarios),
        seeds=tuple(range(found["n_seeds"])),
        backbone=BackboneConfig(**found["backbone"]),
        train=TrainConfig(**found["train"]),
    )


def _hard(smallest: ScenarioConfig, n_classes: int) -> list[ScenarioConfig]:
    """Open sets, in which the known classes become fewer as the unknown share grows; imbalance."""
    opened = [
        dataclasses.replace(
            smallest,
            setting="open",
            ood_ratio=level,
            n_known=max(2, round((1 - level) * n_classes)),
        )
        for level in _PAPER_LEVELS
    ]
    thinned = [
        dataclasses.replace(smallest, imbalance_ratio=round(1 / level, 2))
        for level in _PAPER_LEVELS
    ]
    return opened + thinned


_ALL = (
    Preset(
        key="essentials",
        title="Essentials",
        summary="Six strategies, one or two of each kind, and the baseline: where to begin.",
        strategies=("random", "entropy", "margin", "bald", "coreset", "badge"),
    ),
    Preset(
        key="lowbudget",
        title="Low budget",
        summary="From one and from four labels per class, ten seeds: what helps when labels are "
        "scarce and luck is large.",
        strategies=("random", "least_confidence", "margin", "coreset", "badge", "alpha_mix"),
        n_seeds=10,
        starts=(1, 4),
        per_query=1,
        n_rounds=6,
    ),
    Preset(
        key="imbalance",
        title="Imbalance",
        summary="Balanced classes against ratios of 5 and 20, with the strategies made for it.",
        strategies=(
            "random",
            "entropy",
            "margin",
            "coreset",
            "badge",
            "entropy_cb",
            "coreset_cb",
        ),
        imbalance_ratios=(1.0, 5.0, 20.0),
    ),
    Preset(
        key="openset",
        title="Open set",
        summary="20, 40 and 60 % of the pool are of unknown classes; the strategies that avoid "
        "them against those that do not.",
        strategies=("random", "entropy", "margin", "badge", "lfosa", "ccal", "similar", "mqnet"),
        ood_ratios=_PAPER_LEVELS,
    ),
    Preset(
        key="paper",
        title="Paper replication",
        summary="Random and 21 strategies with the paper's networks, training, budgets, unknown "
        "shares and imbalance; days of a GPU.",
        strategies=(
            "random",
            "least_confidence",
            "margin",
            "entropy",
            "var_ratio",
            "mean_std",
            "bald",
            "coreset",
            "badge",
            "alpha_mix",
            "core_mse",
            "core_log",
            "learning_loss",
            "tidal",
            "noise_stability",
            "saal",
            "entropy_cb",
            "coreset_cb",
            "lfosa",
            "ccal",
            "similar",
            "mqnet",
        ),
        is_paper=True,
    ),
    Preset(
        key="everything",
        title="Everything",
        summary="Every strategy that is registered, plug-ins included, and can run on the data.",
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.key: preset for preset in _ALL})
"""By key, in the order in which they are offered."""
