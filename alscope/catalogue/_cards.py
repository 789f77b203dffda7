"""What is known about one strategy: read from its registration, its docstring and its inputs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass

from alscope.backbones.protocols import BackboneSpec
from alscope.config import ScenarioConfig
from alscope.engine.plan import strategy_problems
from alscope.params import Param, params_of
from alscope.registry import backbones, strategies
from alscope.strategies._base import Strategy
from alscope.types import SampleSpec

__all__ = ["ASKS", "COSTS", "REGIMES", "SAMPLES", "SETTINGS", "Card", "card", "cards"]

_SECTION = re.compile(r"^(Attributes|References|Deviations):$", flags=re.MULTILINE)
SAMPLES = {
    "image": ("small_cnn", SampleSpec(modality="image", shape=(1, 28, 28))),
    "text": ("text_bag", SampleSpec(modality="text")),
    "features": ("mlp", SampleSpec(modality="features", shape=(64,))),
}
SETTINGS = {
    "closed": ScenarioConfig(),
    "open": ScenarioConfig(setting="open", n_known=6, ood_ratio=0.4),
    "no initial label": ScenarioConfig(initial="random", n_initial=0),
}
ASKS = {
    "probabilities": "class probabilities",
    "features": "embeddings",
    "dropout": "Monte Carlo dropout",
    "weights": "changed weights",
    "training": "training of its own",
    "other": "something else",
}
"""Word of an input (`Input.asks`) -> what it asks for, in words."""

COSTS = ("no inference", "one pass", "repeated head", "many passes", "a learner of its own")
"""What one query costs beside training the target model, cheapest first."""

REGIMES = {
    "any": "any budget",
    "large": "larger budgets",
    "open": "no independent evidence",
}
"""Budgets for which independent benchmarks found a strategy above Random."""

_COST_OF = {"probabilities": 1, "features": 1, "dropout": 2, "weights": 3, "training": 4}
_COST_OF_OTHERS = 3  # a plug-in's own kind of pass


@dataclass(frozen=True)
class Card:
    """One strategy.

    Attributes:
        key: Registry name.
        title: As the paper spells it.
        group: Family.
        summary: One sentence.
        idea: First part of the docstring: idea, definition, shapes, complexity.
        attributes: Its hyper-parameters in words.
        references: Who introduced it.
        deviations: Where it differs from the paper.
        params: Hyper-parameters with ranges and the paper's values.
        inputs: What it asks for, in words.
        trains: What is trained besides the target model; "" for nothing.
        source: File, relative to the project.
        runs: Setting and modality to the reasons why not; empty reasons where it runs.
        remarks: Setting to what to know there.
        formula: The score or the rule, in LaTeX; "" if none was given.
        asks: Keys of `ASKS`.
        cost: One of `COSTS`.
        regime: Key of `REGIMES`.
        evidence: What the regime rests on; counted by us in published results.
    """

    key: str
    title: str
    group: str
    summary: str
    idea: str
    attributes: str
    references: str
    deviations: str
    params: tuple[Param, ...]
    inputs: tuple[str, ...]
    trains: str
    source: str
    runs: dict[tuple[str, str], tuple[str, ...]]
    remarks: dict[str, tuple[str, ...]]
    formula: str
    asks: tuple[str, ...]
    cost: str
    regime: str
    evidence: str

    @property
    def explanation(self) -> str:
        """The idea without its complexity."""
        return self._split[0]

    @property
    def complexity(self) -> str:
        """Time and memory, in words."""
        return self._split[1]

    @property
    def _split(self) -> tuple[str, str]:
        before, _, after = self.idea.partition("Complexity:")
        return before.strip(), after.strip()


def card(name: str) -> Card:
    """What is known about a strategy.

    Raises:
        UnknownNameError: If there is no such strategy.
    """
    cls, info = strategies.get(name), strategies.info(name)
    strategy: Strategy = cls()
    parts = _sections(inspect.getdoc(cls) or "")
    return Card(
        key=name,
        title=str(info.get("title", name)),
        group=str(info.get("group", "other")),
        summary=str(info.get("summary", "")),
        idea=parts[""],
        attributes=parts.get("Attributes", ""),
        references=parts.get("References", ""),
        deviations=parts.get("Deviations", ""),
        params=params_of(cls),
        inputs=tuple(_inputs(strategy)),
        trains=_trains(strategy),
        source=cls.__module__.replace(".", "/") + ".py",
        runs={
            (setting, modality): strategy_problems(strategy, scenario, _backbone(backbone), sample)
            for setting, scenario in SETTINGS.items()
            for modality, (backbone, sample) in SAMPLES.items()
        },
        remarks={setting: strategy.remarks(scenario) for setting, scenario in SETTINGS.items()},
        formula=str(info.get("formula", "")),
        asks=(asks := tuple(dict.fromkeys(key.asks for key in strategy.needs()))),
        cost=COSTS[max((_COST_OF.get(word, _COST_OF_OTHERS) for word in asks), default=0)],
        regime=str(info.get("regime", "open")),
        evidence=str(info.get("evidence", "")),
    )


def cards() -> tuple[Card, ...]:
    """All strategies, by family and name."""
    return tuple(sorted(map(card, strategies), key=lambda item: (item.group, item.key)))


def _backbone(name: str) -> BackboneSpec:
    spec: BackboneSpec = backbones.get(name)()
    return spec


def _sections(text: str) -> dict[str, str]:
    pieces = _SECTION.split(text)
    names = ["", *pieces[1::2]]
    return {name: inspect.cleandoc(body) for name, body in zip(names, pieces[::2], strict=True)}


def _inputs(strategy: Strategy) -> Iterator[str]:
    for key in strategy.needs():
        where = "" if key.on == "pool" else f" ({key.on})"
        yield f"{type(key).__name__}{where}"


def _trains(strategy: Strategy) -> str:
    companions = {
        companion.title: None
        for key in strategy.needs()
        if (companion := getattr(key, "companion", None)) is not None
    }
    heads = ["head"] if strategy.attachments() else []
    return "; ".join([*heads, *(f"companion: {title}" for title in companions)])
