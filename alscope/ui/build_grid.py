"""The part of Build that makes several scenarios: further values, every combination of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from alscope.config import ScenarioConfig
from alscope.data.lookup import dataset_names, find_dataset
from alscope.data.protocols import DataRoot
from alscope.ui import service
from alscope.ui.forms import remember
from alscope.ui.state import Key
from alscope.ui.text import count, number, plain

if TYPE_CHECKING:
    from alscope.engine.grid import Grid, Scenarios

__all__ = ["choose_scenarios", "fill_grid", "more_scenarios"]

_PREFIX = "build_grid"
_CLOSED = f"{_PREFIX}_closed"
_LEFT_OUT = f"{_PREFIX}_left_out"
_SHOWN_REASONS = 5
_NUMBERS: dict[str, tuple[str, type, tuple[float, ...]]] = {
    "ood_ratio": ("Also these unknown shares", float, (0.1, 0.2, 0.4, 0.6, 0.8)),
    "imbalance_ratio": ("Also these imbalance ratios", float, (1.0, 1.67, 2.5, 5.0, 20.0, 100.0)),
    "n_initial": ("Also these initial sets", int, (10, 20, 50, 100, 200, 500)),
    "query_size": ("Also these query sizes", int, (1, 5, 10, 20, 50, 100, 500)),
    "n_rounds": ("Also these numbers of queries", int, (3, 5, 9, 20)),
}


def choose_scenarios(base: ScenarioConfig, root: DataRoot) -> tuple[ScenarioConfig, ...]:
    """Further values for the scenario of the form; returns the scenarios of the study.

    Impossible ones are listed with their reasons. If none is possible, the form's own is returned,
    so that the plan says what is wrong with it.
    """
    with st.expander("Several scenarios: vary what is above", icon=":material/grid_view:"):
        grid = _grid_form(base, root)
    kept = more_scenarios()
    engine = service.get_service()
    found = engine.sort_out([*grid.combinations(), *kept])
    _keep_buttons(grid, kept)
    if len(found.possible) + len(found.impossible) == 1:
        return (*found.possible, *(one.scenario for one in found.impossible))
    chosen = _leave_out(found)
    _show(found, chosen)
    return chosen or (base,)


def fill_grid(scenarios: tuple[ScenarioConfig, ...]) -> ScenarioConfig:
    """Set the widgets to scenarios; returns the one that the form above has to show."""
    from alscope.engine.grid import as_grid

    st.session_state[_LEFT_OUT] = []
    grid = as_grid(scenarios)
    if grid is None or None in grid.ood_ratios[1:]:
        _fill({}, closed=False)
        st.session_state[Key.MORE_SCENARIOS] = list(scenarios[1:])
        return scenarios[0]
    st.session_state[Key.MORE_SCENARIOS] = []
    open_first = grid.base.setting == "open"
    shares = [ratio for ratio in grid.ood_ratios if ratio is not None]
    _fill(
        {
            "datasets": grid.datasets[1:],
            "ood_ratio": shares[1:],
            "imbalance_ratio": grid.imbalance_ratios[1:],
            "n_initial": grid.n_initial[1:],
            "query_size": grid.query_sizes[1:],
            "n_rounds": grid.n_rounds[1:],
        },
        closed=open_first and None in grid.ood_ratios,
    )
    return next(s for s in scenarios if s.setting == grid.base.setting)


def more_scenarios() -> list[ScenarioConfig]:
    """Scenarios of the study beside those of the form."""
    stored: list[ScenarioConfig] = st.session_state.get(Key.MORE_SCENARIOS, [])
    return stored


def _fill(values: dict[str, Any], *, closed: bool) -> None:
    for name in ("datasets", *_NUMBERS):
        found = values.get(name, ())
        texts = list(found) if name == "datasets" else [_text(value) for value in found]
        st.session_state[f"{_PREFIX}_{name}"] = texts
    st.session_state[_CLOSED] = closed


def _grid_form(base: ScenarioConfig, root: DataRoot) -> Grid:
    from alscope.engine.grid import Grid

    st.caption("Every combination of these values and those above becomes a scenario.")
    is_open = base.setting == "open"
    datasets = _datasets(base, root)
    names = [name for name in _NUMBERS if is_open or name != "ood_ratio"]
    more: dict[str, tuple[Any, ...]] = {}
    for place, column in zip(names, _columns(len(names)), strict=True):
        with column:
            more[place] = _numbers(place)
    ood: tuple[float | None, ...] = (None,)
    if is_open:
        closed = st.checkbox(
            "Also the closed set, in which all classes are known",
            key=remember(_CLOSED, False),
            persist_state="session",
        )
        ood = (*((None,) if closed else ()), base.ood_ratio, *more["ood_ratio"])
    return Grid(
        base=base,
        datasets=datasets,
        ood_ratios=ood,
        imbalance_ratios=(base.imbalance_ratio, *more["imbalance_ratio"]),
        n_initial=(base.n_initial, *more["n_initial"]),
        query_sizes=(base.query_size, *more["query_size"]),
        n_rounds=(base.n_rounds, *more["n_rounds"]),
    )


def _columns(n: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < n:
        found += st.columns(2)
    return found[:n]


def _datasets(base: ScenarioConfig, root: DataRoot) -> tuple[str, ...]:
    key = remember(f"{_PREFIX}_datasets", [])
    modality = find_dataset(base.dataset, root).modality
    specs = {name: find_dataset(name, root) for name in dataset_names(root)}
    names = [n for n, spec in specs.items() if spec.modality == modality and n != base.dataset]
    st.session_state[key] = [name for name in st.session_state[key] if name in names]
    chosen = st.multiselect(
        "Also these data sets",
        names,
        key=key,
        format_func=lambda name: specs[name].title or name,
        help="Of the same kind, because a study has one network.",
        persist_state="session",
    )
    return (base.dataset, *chosen)


def _numbers(name: str) -> tuple[Any, ...]:
    label, kind, offered = _NUMBERS[name]
    key = remember(f"{_PREFIX}_{name}", [])
    texts = list(dict.fromkeys([*map(_text, offered), *st.session_state[key]]))
    chosen = st.multiselect(
        label,
        texts,
        key=key,
        accept_new_options=True,
        placeholder="Choose or type",
        persist_state="session",
    )
    values, wrong = [], []
    for text in chosen:
        try:
            values.append(kind(text))
        except ValueError:
            wrong.append(text)
    if wrong:
        st.warning(f"Left out, because these are not numbers: {plain(', '.join(wrong[:5]))}")
    return tuple(values)


def _text(value: float) -> str:
    return f"{value:g}"


def _keep_buttons(grid: Grid, kept: list[ScenarioConfig]) -> None:
    mine = grid.combinations()
    with st.container(horizontal=True):
        st.button(
            "Keep and describe others",
            icon=":material/add:",
            on_click=_keep,
            args=(mine,),
            disabled=set(mine) <= set(kept),
            help="Keeps what is described above in the study, so that it can hold scenarios that "
            "are no combination of each other.",
        )
        if kept:
            st.button(
                f"Forget {count(len(kept), 'kept scenario')}",
                icon=":material/delete:",
                type="tertiary",
                on_click=_keep,
                args=([], True),
            )


def _keep(scenarios: list[ScenarioConfig], forget: bool = False) -> None:
    former = [] if forget else more_scenarios()
    st.session_state[Key.MORE_SCENARIOS] = list(dict.fromkeys([*former, *scenarios]))
    if not forget:
        _fill({}, closed=False)


def _leave_out(found: Scenarios) -> tuple[ScenarioConfig, ...]:
    labels = {_label(scenario): scenario for scenario in found.possible}
    key = remember(_LEFT_OUT, [])
    st.session_state[key] = [label for label in st.session_state[key] if label in labels]
    gone = st.multiselect(
        "Leave out",
        list(labels),
        key=key,
        placeholder="Scenarios that shall not be run",
        persist_state="session",
    )
    return tuple(scenario for label, scenario in labels.items() if label not in gone)


def _label(scenario: ScenarioConfig) -> str:
    return (
        f"{scenario.title} · {scenario.n_initial:,} + {scenario.n_rounds} x {scenario.query_size:,}"
    )


def _show(found: Scenarios, chosen: tuple[ScenarioConfig, ...]) -> None:
    words = [f"**{count(len(chosen), 'scenario')}** in the study"]
    if found.n_equal:
        words.append(f"{count(found.n_equal, 'equal combination')} taken once")
    if found.impossible:
        words.append(f"{count(len(found.impossible), 'combination')} impossible")
    left = len(found.possible) - len(chosen)
    if left:
        words.append(f"{number(left)} left out")
    st.markdown(" · ".join(words))
    st.dataframe(
        [_row(scenario) for scenario in chosen],
        hide_index=True,
        height="auto" if len(chosen) <= 8 else 320,
        alt="The scenarios of the study with their difficulty and budget",
    )
    for one in found.impossible[:_SHOWN_REASONS]:
        st.warning(
            f"{plain(_label(one.scenario))}: {plain(str(one.problems[0]))}",
            icon=":material/block:",
        )
    if len(found.impossible) > _SHOWN_REASONS:
        st.caption(f"and {len(found.impossible) - _SHOWN_REASONS} more that cannot be run")


def _row(scenario: ScenarioConfig) -> dict[str, Any]:
    return {
        "Data set": scenario.dataset,
        "Setting": f"open, {scenario.ood_ratio:.0%}" if scenario.setting == "open" else "closed",
        "Imbalance": scenario.imbalance_ratio,
        "Start": scenario.n_initial,
        "Query": scenario.query_size,
        "Queries": scenario.n_rounds,
        "Labels": scenario.budget,
    }
