"""What is known about every strategy, for people: lists, cards and the page docs/strategies.md.

Everything is read from the registry and the docstrings, so that no second text can drift away from
the code.
"""

from __future__ import annotations

import inspect
import itertools
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

__all__ = ["Card", "card", "cards", "catalogue_page"]

_SECTION = re.compile(r"^(Attributes|References|Deviations):$", flags=re.MULTILINE)
_SAMPLES = {
    "image": ("small_cnn", SampleSpec(modality="image", shape=(1, 28, 28))),
    "text": ("text_bag", SampleSpec(modality="text")),
    "features": ("mlp", SampleSpec(modality="features", shape=(64,))),
}
_SETTINGS = {
    "closed": ScenarioConfig(),
    "open": ScenarioConfig(setting="open", n_known=6, ood_ratio=0.4),
    "no initial label": ScenarioConfig(initial="random", n_initial=0),
}
_INTRODUCTION = """\
# Strategies

<!-- made by `python -m alscope strategies --markdown`; edit the docstrings instead -->

{n} strategies; each is one file in `alscope/strategies/`, a frozen dataclass that declares its
inputs, receives arrays and returns positions in the pool. A higher score is always more worth
labelling. How to add your own: [conventions.md](conventions.md). How to use one on arrays of your
own: [select.md](select.md). What we found wrong in public code:
[reference_defects.md](reference_defects.md).

*Inputs* are computed for the pool unless another set is named. *Trains* says what is learned
besides the target model: a **head** is trained together with it and changes it; a **companion** is
a learner of its own, and the target model stays that of every other strategy.

{overview}

## Where they run

On which samples a strategy runs, with default parameters. Elsewhere a study is refused before
anything is trained. Reasons and remarks, which the plan and the Build page show too, are below.

{matrix}
"""


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
            for setting, scenario in _SETTINGS.items()
            for modality, (backbone, sample) in _SAMPLES.items()
        },
        remarks={setting: strategy.remarks(scenario) for setting, scenario in _SETTINGS.items()},
    )


def cards() -> tuple[Card, ...]:
    """All strategies, by family and name."""
    return tuple(sorted(map(card, strategies), key=lambda item: (item.group, item.key)))


def catalogue_page() -> str:
    """The page docs/strategies.md."""
    found = cards()
    head = _INTRODUCTION.format(n=len(found), overview=_overview(found), matrix=_matrix(found))
    return "\n".join([head, *("\n".join(_section(item)) for item in found)])


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


def _overview(found: tuple[Card, ...]) -> str:
    lines = ["| name | family | inputs | trains | |", "|---|---|---|---|---|"]
    for c in found:
        family, inputs = c.group.replace("_", " "), ", ".join(c.inputs)
        cells = (f"[`{c.key}`](#{c.key})", family, inputs or "none", c.trains or "-", c.summary)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _matrix(found: tuple[Card, ...]) -> str:
    lines = [f"| | {' | '.join(_SETTINGS)} |", "|---" * (len(_SETTINGS) + 1) + "|"]
    said: dict[str, list[str]] = {}
    for c in found:
        cells = []
        for setting in _SETTINGS:
            runs = [modality for modality in _SAMPLES if not c.runs[setting, modality]]
            cells.append("all" if len(runs) == len(_SAMPLES) else ", ".join(runs) or "refused")
        lines.append(f"| `{c.key}` | {' | '.join(cells)} |")
        for text in dict.fromkeys(itertools.chain(*c.runs.values(), *c.remarks.values())):
            said.setdefault(text, []).append(f"`{c.key}`")
    lines.append("")
    lines += [f"- {', '.join(names)}: {text}." for text, names in said.items()]
    return "\n".join(lines)


def _section(c: Card) -> Iterator[str]:
    yield f"## {c.key}\n"
    yield f"**{c.title}** · {c.group.replace('_', ' ')} · `{c.source}`\n"
    yield f"{c.idea}\n"
    if c.params:
        yield "| parameter | default | range | paper | |"
        yield "|---|---|---|---|---|"
        for p in c.params:
            yield f"| `{p.name}` | {p.default} | {_range(p)} | {p.paper or '-'} | {p.help} |"
        yield ""
    for title, text in (("References", c.references), ("Deviations", c.deviations)):
        if text:
            yield f"*{title}.* {text}\n"


def _range(p: Param) -> str:
    if p.choices is not None:
        return ", ".join(map(str, p.choices))
    if p.low is None and p.high is None:
        return "-"
    low = "" if p.low is None else f"{p.low:g}"
    return f"{low} to {p.high:g}" if p.high is not None else f"from {low}"
