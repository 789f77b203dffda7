"""What Inspect looks at: study, scenario, strategies, seed, round; all of it in the address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from alscope.errors import nearest
from alscope.ui import nav
from alscope.ui.notices import tell_unknown
from alscope.ui.results import rounds_of
from alscope.ui.text import plain
from alscope.ui.urlstate import publish, restore_one

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from alscope.engine.service import StudyStatus

__all__ = ["NOBODY", "Focus", "choose", "choose_focus", "choose_study", "key_of"]

NOBODY = "none"
"""Second strategy when there is none."""


@dataclass(frozen=True, eq=False)
class Focus:
    """What is looked at.

    Attributes:
        study_id: The study.
        every_round: Recorded rounds of the scenario; `alscope.results.columns.COLUMNS`.
        a: Title of the first strategy.
        b: Title of the second one; "" if there is none.
        seed: Trial seed.
        round: Round number; its query is looked at.
    """

    study_id: str
    every_round: pd.DataFrame
    a: str
    b: str
    seed: int
    round: int

    @property
    def rounds(self) -> pd.DataFrame:
        """The rounds that have a query."""
        return self.every_round[self.every_round["query_size"] > 0]

    @property
    def front(self) -> tuple[str, ...]:
        """The strategies that were chosen."""
        return (self.a, self.b) if self.b else (self.a,)

    @property
    def strategies(self) -> list[str]:
        """All strategies of the scenario."""
        return sorted(self.rounds["strategy"].unique())

    @property
    def trial(self) -> pd.DataFrame:
        """Rounds of the chosen seed."""
        return self.rounds[self.rounds["seed"] == self.seed]

    @property
    def is_open(self) -> bool:
        """Whether there are unknown classes."""
        return bool((self.rounds["setting"] == "open").any())

    def run_of(self, strategy: str) -> str:
        """Run id of a strategy on the chosen seed; "" if it has no round yet."""
        rows = self.trial[self.trial["strategy"] == strategy]
        return str(rows["run_id"].iloc[0]) if len(rows) else ""


def key_of(param: str) -> str:
    """Key of the widget of a query parameter: other pages use the same words otherwise."""
    return f"inspect_{param}"


def choose(
    param: str, label: str, titles: Mapping[str, str], default: str, *, hint: str = ""
) -> str:
    """One of some values, kept in the address.

    Args:
        param: Name of the query parameter.
        label: Of the widget.
        titles: From value to what is shown.
        default: Value where the address says nothing.
        hint: Help of the widget.
    """
    options = list(titles)
    tell_unknown(restore_one(key_of(param), options, default, param=param), label.lower(), options)
    chosen = st.selectbox(
        label,
        options,
        key=key_of(param),
        format_func=lambda item: titles.get(item, item),
        help=hint or None,
    )
    publish(key_of(param), [chosen], param=param)
    return str(chosen)


def choose_study(studies: Sequence[StudyStatus]) -> StudyStatus:
    """The study of the address, else the newest."""
    by_id = {study.study_id: study for study in studies}
    asked = st.query_params.get("exp", "")
    guess = nearest(asked[:80], by_id) if asked and asked not in by_id else None
    titles = {key: f"{study.name} ({key})" for key, study in by_id.items()}
    chosen = choose("exp", "Study", titles, next(iter(by_id)))
    if guess:
        nav.link("inspect", f"Open {plain(guess)}", exp=guess)
    return by_id[chosen]


def choose_focus(studies: Sequence[StudyStatus]) -> Focus | None:
    """Let the user choose; None if the study has no query yet (and this is said)."""
    first, second, third, fourth, fifth = st.columns([3, 3, 2, 2, 1.2])
    with first:
        study = choose_study(studies)
    every_round = rounds_of([study])
    rounds = every_round[every_round["query_size"] > 0]
    if not len(rounds):
        st.info(
            "This study has no query yet: there is nothing to inspect before its first strategy "
            "has chosen samples.",
            icon=":material/hourglass_empty:",
        )
        nav.link("monitor", "Watch it on Monitor", exp=study.study_id)
        return None
    with second:
        scenarios = {name: name for name in sorted(rounds["scenario"].unique())}
        scenario = choose("data", "Scenario", scenarios, next(iter(scenarios)))
    every_round = every_round[every_round["scenario"] == scenario]
    rounds = rounds[rounds["scenario"] == scenario]
    names = sorted(rounds["strategy"].unique())
    with third:
        a = choose("a", "Strategy A", {name: name for name in names}, _interesting(names))
    with fourth:
        others = {NOBODY: "none"} | {name: name for name in names if name != a}
        b = choose("b", "Strategy B", others, NOBODY, hint="Shown beside A where it makes sense")
    seeds = sorted(rounds.loc[rounds["strategy"].isin([a, b]), "seed"].unique())
    with fifth:
        seed = choose("seed", "Seed", {str(item): str(item) for item in seeds}, str(seeds[0]))
    here = rounds[(rounds["seed"] == int(seed)) & rounds["strategy"].isin([a, b])]
    number = _choose_round([int(item) for item in sorted(here["round"].unique())])
    return Focus(study.study_id, every_round, a, "" if b == NOBODY else b, int(seed), number)


def _interesting(names: list[str]) -> str:
    """The first strategy that does not choose at random."""
    return next((name for name in names if not name.startswith("random")), names[0])


def _choose_round(numbers: list[int]) -> int:
    key, options = key_of("r"), [str(number) for number in numbers]
    tell_unknown(restore_one(key, options, options[0], param="r"), "round", options)
    chosen = st.session_state[key]
    if len(options) > 1:
        chosen = st.select_slider(
            "Round", options, key=key, help="The query made after this round's evaluation"
        )
    else:
        st.caption(f"Round {chosen}: the only query so far.")
    publish(key, [chosen], param="r")
    return int(chosen)
