"""The page docs/strategies.md."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from alscope.catalogue._cards import REGIMES, SAMPLES, SETTINGS, Card, cards
from alscope.params import Param

__all__ = ["catalogue_page", "range_text"]

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


def catalogue_page() -> str:
    """The page docs/strategies.md."""
    found = cards()
    head = _INTRODUCTION.format(n=len(found), overview=_overview(found), matrix=_matrix(found))
    return "\n".join([head, *("\n".join(_section(item)) for item in found)])


def _overview(found: tuple[Card, ...]) -> str:
    lines = ["| name | family | inputs | trains | |", "|---|---|---|---|---|"]
    for c in found:
        family, inputs = c.group.replace("_", " "), ", ".join(c.inputs)
        cells = (f"[`{c.key}`](#{c.key})", family, inputs or "none", c.trains or "-", c.summary)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _matrix(found: tuple[Card, ...]) -> str:
    lines = [f"| | {' | '.join(SETTINGS)} |", "|---" * (len(SETTINGS) + 1) + "|"]
    said: dict[str, list[str]] = {}
    for c in found:
        cells = []
        for setting in SETTINGS:
            runs = [modality for modality in SAMPLES if not c.runs[setting, modality]]
            cells.append("all" if len(runs) == len(SAMPLES) else ", ".join(runs) or "refused")
        lines.append(f"| `{c.key}` | {' | '.join(cells)} |")
        for text in dict.fromkeys(itertools.chain(*c.runs.values(), *c.remarks.values())):
            said.setdefault(text, []).append(f"`{c.key}`")
    lines.append("")
    lines += [f"- {', '.join(names)}: {text}." for text, names in said.items()]
    return "\n".join(lines)


def _section(c: Card) -> Iterator[str]:
    yield f"## {c.key}\n"
    yield f"**{c.title}** · {c.group.replace('_', ' ')} · `{c.source}`\n"
    if c.formula:
        yield f"```math\n{c.formula}\n```\n"
    yield f"{c.idea}\n"
    if c.evidence:
        yield f"*Budgets.* {REGIMES[c.regime].capitalize()}: {c.evidence} (counted by us).\n"
    if c.params:
        yield "| parameter | default | range | paper | |"
        yield "|---|---|---|---|---|"
        for p in c.params:
            yield f"| `{p.name}` | {p.default} | {range_text(p)} | {p.paper or '-'} | {p.help} |"
        yield ""
    for title, text in (("References", c.references), ("Deviations", c.deviations)):
        if text:
            yield f"*{title}.* {text}\n"


def range_text(p: Param) -> str:
    """Legal values of a parameter, in words."""
    if p.choices is not None:
        return ", ".join(map(str, p.choices))
    if p.low is None and p.high is None:
        return "-"
    low = "" if p.low is None else f"{p.low:g}"
    return f"{low} to {p.high:g}" if p.high is not None else f"from {low}"
