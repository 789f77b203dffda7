"""A board to draw on: clicks, or a table for those who prefer keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from alscope.charts.playground import PICK, drawing_chart
from alscope.errors import ConfigError
from alscope.playground.config import DRAWN
from alscope.playground.drawing import (
    EXAMPLE,
    GRID,
    MOST_CLASSES,
    MOST_POINTS,
    Dot,
    coordinates,
    dot_problems,
    parse_dots,
    write_dots,
)
from alscope.playground.link import Game
from alscope.playground.shapes import HALF_WIDTH
from alscope.ui import playground_state as state
from alscope.ui.cards import show_chart
from alscope.ui.notices import show_problems
from alscope.ui.text import count

if TYPE_CHECKING:
    from streamlit.elements.lib.column_types import ColumnConfig

__all__ = ["show_drawing"]

_DRAFT = "playground_draft"
_TURN = "playground_draft_turn"
_SIZES = (1, 5, 20)
_SPREAD = 3.0  # places, of several points per click
_STRIDE = 2  # places between what can be clicked
_CLASSES = (*(str(label + 1) for label in range(MOST_CLASSES)), "unknown")


def show_drawing(game: Game) -> None:
    """The drawing board of a game whose points are drawn."""
    if game.config.table.data != DRAWN:
        st.session_state.pop(_DRAFT, None)
        return
    with st.expander("Draw your points", icon=":material/draw:", key="playground_drawing"):
        dots = parse_dots(st.session_state.setdefault(_DRAFT, game.config.table.pts))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.segmented_control(
                "Class", _CLASSES, default="1", required=True, key="playground_draw_class"
            )
            st.segmented_control(
                "Points per click", _SIZES, default=5, required=True, key="playground_draw_size"
            )
        board, table = st.columns([3, 2], gap="medium")
        with board:
            _board(dots)
        with table:
            _table(dots)
        _buttons(dots)


def _board(dots: tuple[Dot, ...]) -> None:
    chart = drawing_chart(_dot_frame(dots), _places(), edge=HALF_WIDTH)
    show_chart(
        chart,
        key=_key("board"),
        on_select={PICK: _click},
        legend_columns=4,
        alt=f"A drawing board with {count(len(dots), 'point')}; the table beside it says the same.",
    )


def _table(dots: tuple[Dot, ...]) -> None:
    frame = pd.DataFrame(
        {
            "column": [dot.column for dot in dots],
            "row": [dot.row for dot in dots],
            "class": [_CLASSES[dot.label] for dot in dots],
        }
    )
    edited = st.data_editor(
        frame,
        num_rows="dynamic",
        hide_index=True,
        height=400,
        column_config={
            "column": _whole("Column"),
            "row": _whole("Row"),
            "class": st.column_config.SelectboxColumn(
                "Class", options=list(_CLASSES), required=True
            ),
        },
        key=_key("table"),
        alt="The points: column and row from 0 at the lower left, and class.",
    )
    complete = edited.dropna()
    changed = tuple(
        Dot(int(row[0]), int(row[1]), _label(str(row[2])))
        for row in complete.itertuples(index=False)
    )
    if changed != dots:
        _keep(changed)
        st.rerun()


def _whole(title: str) -> ColumnConfig:
    return st.column_config.NumberColumn(
        title, min_value=0, max_value=GRID - 1, step=1, required=True
    )


def _buttons(dots: tuple[Dot, ...]) -> None:
    problems = dot_problems(dots)
    with st.container(horizontal=True):
        st.button(
            "Play with these points",
            type="primary",
            disabled=bool(problems),
            on_click=lambda: state.set_table(pts=write_dots(dots)),
            key="playground_draw_play",
        )
        st.button("Undo", disabled=not dots, on_click=lambda: _keep(dots[:-1]), key="draw_undo")
        st.button("Clear", disabled=not dots, on_click=lambda: _keep(()), key="draw_clear")
        st.button("Example", on_click=lambda: _keep(parse_dots(EXAMPLE)), key="draw_example")
    if problems:
        show_problems(problems, "Before this can be played:")


def _click() -> None:
    chosen = st.session_state.get(_key("board"), {}).get("selection", {}).get(PICK)
    if not chosen:
        return
    place = chosen[-1]
    dots = parse_dots(st.session_state[_DRAFT])
    size = int(st.session_state["playground_draw_size"])
    label = _label(st.session_state["playground_draw_class"])
    added = _spray(place, size, label, seed=len(dots))
    if len(dots) + len(added) > MOST_POINTS:
        st.toast(f"At most {MOST_POINTS} points fit into an address.")
        return
    _keep((*dots, *added))


def _spray(place: dict[str, Any], size: int, label: int, *, seed: int) -> tuple[Dot, ...]:
    middle = np.array([int(place["column"]), int(place["row"])])
    moves = np.random.default_rng(seed).normal(scale=_SPREAD, size=(size, 2))
    moves[0] = 0
    places = np.clip(np.round(middle + moves), 0, GRID - 1).astype(int)
    return tuple(Dot(int(column), int(row), label) for column, row in places)


def _keep(dots: tuple[Dot, ...]) -> None:
    try:
        text = write_dots(dots)
        parse_dots(text)
    except (ConfigError, IndexError):
        return
    st.session_state[_DRAFT] = text
    # The table and the board start anew from the points.
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1


def _key(what: str) -> str:
    return f"playground_draw_{what}_{st.session_state.get(_TURN, 0)}"


def _label(name: str) -> int:
    return -1 if name == "unknown" else _CLASSES.index(name)


def _dot_frame(dots: tuple[Dot, ...]) -> pd.DataFrame:
    where = coordinates(dots)
    labels = ["unknown" if dot.label < 0 else str(dot.label + 1) for dot in dots]
    return pd.DataFrame(
        {"x": where[:, 0], "y": where[:, 1], "label": pd.Series(labels, dtype="str")}
    )


def _places() -> pd.DataFrame:
    ticks = range(_STRIDE // 2, GRID, _STRIDE)
    dots = tuple(Dot(column, row, 0) for row in ticks for column in ticks)
    where = coordinates(dots)
    return pd.DataFrame(
        {
            "x": where[:, 0],
            "y": where[:, 1],
            "column": [dot.column for dot in dots],
            "row": [dot.row for dot in dots],
        }
    )
