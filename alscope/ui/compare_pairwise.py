"""Compare, pairwise: the matrix of wins, and what is behind a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from alscope.results.columns import METRICS
from alscope.results.matrices import MATRICES, matrix_frame, matrix_order
from alscope.results.paired import CORRECTIONS, LEVEL, TESTS, needed_pairs
from alscope.results.pairwise import area_tests, block_tests, pair_blocks
from alscope.ui import nav
from alscope.ui.choices import Choices
from alscope.ui.dropped import show_dropped
from alscope.ui.figures import download_frame, figure
from alscope.ui.state import Key
from alscope.ui.text import NOTHING, count, plain
from alscope.ui.urlstate import here

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["show_pairwise"]


def show_pairwise(rounds: pd.DataFrame, metric: str, *, budget: int | None = None) -> None:
    """Who beats whom, and how, on the chosen scenarios.

    Args:
        rounds: From `rounds_frame`, of the chosen scenarios, strategies and seeds.
        metric: One of `METRICS`.
        budget: Annotations to mark in the curves; None: none.
    """
    n_strategies = rounds["strategy"].nunique()
    if n_strategies < 2:
        st.info(f"A pairwise comparison needs 2 strategies; you have {n_strategies}.")
        nav.link("build", "Build an experiment with more strategies")
        return
    choices = Choices(st.container(), "compare")
    value, test, correction = _choose_how(choices)
    blocks = _blocks(_identity(rounds), rounds, metric, test, correction)
    if not (blocks["n"] > 0).any():
        st.info(
            "No two strategies have a complete run with the same seed after the first query. "
            "Wait for the runs to finish, or choose other seeds."
        )
        show_dropped(rounds, metric)
        return
    matrix = matrix_frame(blocks, sorted(rounds["strategy"].unique()))
    order = matrix_order(matrix, value)
    names = order["strategy"].tolist()
    matrix_place = st.container()  # the lists below choose what is outlined in it
    first, second = _choose_pair(choices, names)
    _say_reach(blocks, test, correction)
    with matrix_place:
        _show_matrix(matrix, order, value, (first, second), _made_of(blocks, test, correction))
    show_dropped(rounds, metric)
    _show_pair(metric, pair_blocks(blocks, first, second), (first, second), budget)
    areas = area_tests(rounds, first, second, metric, test=test, correction=correction)
    _show_areas(areas, test)


def _choose_how(choices: Choices) -> tuple[str, str, str]:
    one, two, three = st.columns([3, 3, 2])
    with one:
        value = choices.one(Key.MATRIX, "Matrix", MATRICES)
    with two:
        titles = {name: item.title for name, item in TESTS.items()}
        test = choices.one(Key.TEST, "Paired test", titles, help=_help_of_tests())
    with three:
        correction = choices.one(
            Key.CORRECTION,
            "Correction",
            CORRECTIONS,
            help="Holm: over all pairs of strategies within a block. Without a correction, about "
            "5 % of the blocks would show a win by luck alone if no strategy were better.",
        )
    return value, test, correction


def _help_of_tests() -> str:
    return "\n\n".join(f"**{item.title}** assumes {item.assumes}." for item in TESTS.values())


def _choose_pair(choices: Choices, names: list[str]) -> tuple[str, str]:
    one, two = st.columns(2)
    with one:
        first = choices.one(Key.ROW, "Row: the strategy that wins", _same(names))
    with two:
        others = [name for name in names if name != first]
        second = choices.one(Key.COLUMN, "Column: the strategy that is beaten", _same(others))
    return first, second


def _same(names: list[str]) -> dict[str, str]:
    return {name: name for name in names}


def _show_matrix(
    matrix: pd.DataFrame,
    order: pd.DataFrame,
    value: str,
    chosen: tuple[str, str],
    caption: str,
) -> None:
    from alscope.charts.matrix import matrix_chart, matrix_data

    names = order["strategy"].tolist()
    data = matrix_data(matrix, order, value)
    title = MATRICES[value]
    unit = "in % of the blocks" if value == "share" else "in scenarios"
    figure(
        matrix_chart(data, names, value=value, title=title, chosen=chosen),
        data,
        key=Key.CELL,
        on_select={"cell": _follow_click},
        alt=f"{title}, {unit}: a row beats a column. The best strategy is {names[0]}. The numbers "
        "are in the file below; the two lists below choose a cell.",
        stem=f"pairwise-{value}",
        caption=f"{title}, {unit}. Strategies that beat most and are beaten least stand first; a "
        f"click on a cell shows what is behind it. {caption}",
    )


def _follow_click() -> None:
    """Copy the clicked cell into the two lists, before they are drawn again."""
    selection: Any = st.session_state.get(Key.CELL)
    cells = selection.get("selection", {}).get("cell", []) if selection else []
    if cells and {"row", "column"} <= set(cells[0]):
        st.session_state[Key.ROW] = cells[0]["row"]
        st.session_state[Key.COLUMN] = cells[0]["column"]


def _made_of(blocks: pd.DataFrame, test: str, correction: str) -> str:
    used = blocks[blocks["n"] > 0]
    n_blocks = len(used[["scenario", "n_annotated"]].drop_duplicates())
    holm = "Holm over the pairs of a block" if correction == "holm" else "no correction"
    return (
        f"{count(n_blocks, 'block')} (scenario at one budget after the first query) of "
        f"{count(used['scenario'].nunique(), 'scenario')}, {_seeds_of(used)} per pair; "
        f"{TESTS[test].title.lower()} test at {LEVEL}, {holm}."
    )


def _say_reach(blocks: pd.DataFrame, test: str, correction: str) -> None:
    """Say it where no result of these seeds could have been significant."""
    used = blocks[blocks["n"] > 0]
    mute = used["smallest_corrected"] > LEVEL
    if not mute.any():
        return
    n_seeds = int(used.loc[mute, "n"].max())
    family = int(used["n_comparisons"].max()) if correction == "holm" else 1
    pairs = f" and {count(family, 'pair')} of strategies" if family > 1 else ""
    needed = needed_pairs(test, family)
    more = f"Use at least {needed} seeds" if needed else "Compare fewer strategies"
    other = ", or the paired t-test" if test != "t" and n_seeds > 1 else ""
    where = "" if mute.all() else f" in {int(mute.sum()):,} of {len(used):,} comparisons"
    st.warning(
        f"This test cannot reach {LEVEL} with {count(n_seeds, 'seed')}{pairs}{where}, whatever the "
        f"results: cells where nothing can be shown say n/a. {more}{other}.",
        icon=":material/science:",
    )


def _show_pair(
    metric: str, blocks: pd.DataFrame, pair: tuple[str, str], budget: int | None
) -> None:
    from alscope.charts.matrix import block_dots_chart, pair_data

    first, second = pair
    st.subheader(f"{plain(first)} against {plain(second)}")
    data = pair_data(blocks)
    if not len(data):
        st.info("The two have no complete run with the same seed.")
        return
    title = METRICS[metric].title
    gap = f"{title}: {first} - {second}"
    panels = sorted(data["scenario"].unique())
    columns = st.columns(2) if len(panels) > 1 else [st.container()]
    for place, scenario in enumerate(panels):
        part = data[data["scenario"] == scenario].reset_index(drop=True)
        with columns[place % len(columns)]:
            _show_difference(part, pair, metric, budget, key=f"pair_curve_{place}")
    figure(
        block_dots_chart(data, first, second, x_title=gap),
        data,
        key="pair_blocks",
        alt="The same differences block by block, one row per scenario: who is better where.",
        stem=f"{first}-vs-{second}-{metric}-blocks",
        caption=_meaning_of_marks(first, second),
    )


def _meaning_of_marks(first: str, second: str) -> str:
    from alscope.charts.matrix import SHAPES

    up, down, dot, cross = SHAPES.values()
    return (
        f"One mark per block: {up} {plain(first)} is better, {down} {plain(second)} is better, "
        f"{dot} not shown, {cross} cannot be shown with these seeds. The last two are no proof of "
        "equality."
    )


def _show_difference(
    part: pd.DataFrame, pair: tuple[str, str], metric: str, budget: int | None, *, key: str
) -> None:
    from alscope.charts.matrix import difference_chart

    first, second = pair
    scenario, title = str(part["scenario"].iloc[0]), METRICS[metric].title
    better = "above" if METRICS[metric].higher_is_better else "below"
    st.markdown(f"**{plain(scenario)}**")
    figure(
        difference_chart(
            part, first, second, y_title=f"{title}: {first} - {second}", budget=budget
        ),
        part,
        key=key,
        alt=f"Difference in {title.lower()} between {first} and {second} over annotated samples "
        f"on {scenario}.",
        stem=f"{first}-vs-{second}-{metric}-{scenario}",
        caption=f"Mean difference with the same seed and its 95 % t-interval, {_seeds_of(part)}; "
        f"{better} zero {plain(first)} is better. Triangles: significant blocks.",
    )


def _seeds_of(blocks: pd.DataFrame) -> str:
    low, high = int(blocks["n"].min()), int(blocks["n"].max())
    return count(high, "seed") if low == high else f"{low} to {high} seeds"


def _show_areas(table: pd.DataFrame, test: str) -> None:
    if not len(table):
        return
    st.markdown("**In area under the budget curve**")
    st.table(
        [
            _area_row({str(key): item for key, item in row.items()})
            for row in table.to_dict("records")
        ],
        hide_index=True,
        border="horizontal",
        alt="Paired difference in area under the curve, by scenario",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Mean difference with the same seed, 95 % t-interval; the correction runs over the "
            f"scenarios.{_trust(table, test)}",
            width="stretch",
        )
        download_frame(table, key="pair_areas", stem="pairwise-areas")


def _trust(table: pd.DataFrame, test: str) -> str:
    """What a verdict of the t-test rests on where no other test could have given one."""
    needed = needed_pairs("sign_flip", 1)
    if test != "t" or table["n"].max() >= needed:
        return ""
    return (
        f" With fewer than {needed} seeds only the t-test can tell strategies apart, because "
        "it takes differences to be normally distributed."
    )


def _area_row(row: dict[str, Any]) -> dict[str, str]:
    known = row["low"] == row["low"]
    interval = f" [{row['low']:+.3f}, {row['high']:+.3f}]" if known else ""
    dropped = f" ({row['n_dropped']} dropped)" if row["n_dropped"] else ""
    return {
        "Scenario": f"[{plain(row['scenario'])}]({here(Key.SCENARIO, row['scenario'])})",
        "Difference": f"{row['difference']:+.3f}{plain(interval)}" if row["n"] else NOTHING,
        "Seeds": f"{row['n']}{dropped}",
        "p": f"{row['p']:.3g}" if row["n"] else NOTHING,
        "p corrected": f"{row['p_corrected']:.3g}" if row["n"] else NOTHING,
        "Verdict": plain(row["verdict"]),
    }


def _identity(rounds: pd.DataFrame) -> tuple[str, ...]:
    """What the cached tests depend on: the runs, and how many rounds are recorded."""
    return (str(len(rounds)), *sorted(rounds["run_id"].unique()))


@st.cache_data(show_spinner=False, max_entries=16)
def _blocks(
    identity: tuple[str, ...], _rounds: pd.DataFrame, metric: str, test: str, correction: str
) -> pd.DataFrame:
    # Recorded rounds never change, so the runs and the number of rounds are the whole key.
    return block_tests(_rounds, metric, test=test, correction=correction)
