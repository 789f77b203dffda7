"""Studies as rows of a list: what they are, how far, how large, who is ahead; and finding them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from alscope.types import RunState

if TYPE_CHECKING:
    from alscope.engine.status import RunStatus, StudyStatus

__all__ = ["Leader", "find_studies", "leaders", "tags_of"]


class Leader(NamedTuple):
    """The strategy with the largest mean area of a scenario."""

    scenario: str
    strategy: str
    aubc: float
    n: int
    """Seeds of the mean."""


def leaders(study: StudyStatus) -> tuple[Leader, ...]:
    """Who has the largest mean area under the accuracy curve, by scenario.

    For lists: computed from what the summaries of runs say, finished runs only, and of these the
    seeds that all strategies have finished: in a study that is under way some are behind, and an
    easy seed would be mistaken for a good strategy. A difference to the second can be chance; the
    tests on Compare tell.
    """
    areas: dict[str, dict[str, dict[int, float]]] = {}
    for run in study.runs:
        if run.state in {RunState.FAILED, RunState.CANCELLED}:
            continue  # whoever has no other runs is not waited for
        by_seed = areas.setdefault(run.scenario, {}).setdefault(run.strategy, {})
        area = _area(run)
        if area is not None:
            by_seed[run.seed] = area
    found = []
    for scenario, by_strategy in areas.items():
        seeds = set.intersection(*(set(by_seed) for by_seed in by_strategy.values()))
        if not seeds:
            continue
        means = {
            name: sum(by_seed[seed] for seed in sorted(seeds)) / len(seeds)
            for name, by_seed in by_strategy.items()
        }
        best = max(sorted(means), key=means.__getitem__)
        found.append(Leader(scenario, best, means[best], len(seeds)))
    return tuple(found)


def find_studies(
    studies: Iterable[StudyStatus],
    *,
    text: str = "",
    tags: Sequence[str] = (),
    states: Sequence[str] = (),
    sources: Sequence[str] = (),
) -> tuple[StudyStatus, ...]:
    """The studies that fit everything that is asked for, in the same order.

    Args:
        studies: Where to look.
        text: Every word of it must occur in the name, id, note, description, a tag, a data set or a
            strategy; case and accents do not matter.
        tags: All of these; case does not matter.
        states: One of these; none: any.
        sources: One of these; none: any.
    """
    words = _folded(text).split()
    wanted = {_folded(tag) for tag in tags}
    return tuple(
        study
        for study in studies
        if (not states or study.state in states)
        and (not sources or study.source in sources)
        and wanted <= {_folded(tag) for tag in study.about.tags}
        and _has_words(study, words)
    )


def tags_of(studies: Iterable[StudyStatus]) -> tuple[str, ...]:
    """All tags in use, sorted."""
    found = {tag for study in studies for tag in study.about.tags}
    return tuple(sorted(found, key=lambda tag: (tag.casefold(), tag)))


def _has_words(study: StudyStatus, words: list[str]) -> bool:
    if not words:
        return True
    config = study.config
    said = (
        study.name,
        study.study_id,
        study.about.note,
        study.origin.source if study.origin else "",
        config.description,
        *study.about.tags,
        *(scenario.title for scenario in config.scenarios),
        *(scenario.dataset for scenario in config.scenarios),
        *(strategy.title for strategy in config.strategies),
    )
    text = _folded("\n".join(said))
    return all(word in text for word in words)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    return "".join(char for char in plain if not unicodedata.combining(char)).casefold()


def _area(run: RunStatus) -> float | None:
    if run.state is not RunState.DONE or len(run.points) != run.n_rounds + 1:
        return None
    from alscope.results.curves import aubc

    return aubc([point[0] for point in run.points], [point[1] for point in run.points])
