"""You against strategies: a click buys a label, keys do too."""

from __future__ import annotations

import dataclasses
from typing import cast

import streamlit as st

from alscope.playground.cursor import nearest
from alscope.playground.deal import deal
from alscope.playground.explain import ranks
from alscope.playground.game import Board, bought, play, scene_of
from alscope.playground.link import Game
from alscope.playground.offers import Scene
from alscope.ui import playground_state as state
from alscope.ui.playground_board import (
    back_buttons,
    background_choice,
    show_board,
    show_curves,
    show_scores,
)
from alscope.ui.playground_explain import picked_point, rank_sentences, walk_buttons
from alscope.ui.text import count

__all__ = ["show_duel"]

_CURSOR = "playground_cursor"
_SEEN = "playground_seen_pick"
_BOARD = "playground_duel_board"
_TURN = "playground_turn"
_SHOWN = ("classes", "nothing")  # you have no scores


def show_duel(game: Game) -> list[Board]:
    """Your board, everybody's scores; returns the boards, yours first."""
    mine = bought(game.config, game.picks)
    n_rounds = len(mine.batches) - 1
    boards = [mine, *(play(game.config, name, n_rounds) for name in game.players)]
    is_over = len(game.picks) >= _n_last(game)
    scene = scene_of(mine)
    cursor = _cursor(scene, game.picks)
    shown = game.shown if game.shown in _SHOWN else _SHOWN[0]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        show_board(
            mine,
            shown=shown,
            key=_board_key(),
            picks=game.picks,
            marked=-1 if is_over else cursor,
            on_pick=None if is_over else _pick,
        )
        background_choice(dataclasses.replace(game, shown=shown), _SHOWN)
    with right:
        _turn(game, scene, cursor, is_over=is_over)
        show_scores(boards)
        show_curves(boards, game.config)
        _last_pick(game)
    return boards


def _n_last(game: Game) -> int:
    first = deal(game.config.table)
    return min(game.config.budget, len(first.labels) - len(first.start))


def _turn(game: Game, scene: Scene, cursor: int, *, is_over: bool) -> None:
    left = _n_last(game) - len(game.picks)
    if is_over:
        st.success("Your budget is spent. How good was that?", icon=":material/flag:")
    else:
        until = game.config.query_size - len(game.picks) % game.config.query_size
        pace = "" if game.config.query_size == 1 else f" The classifier learns after {until} more."
        st.markdown(f"**Click the point you want labeled.** {count(left, 'label')} left.{pace}")
        walk_buttons(scene, cursor, _set_cursor)
    with st.container(horizontal=True):
        st.button(
            "Label this point",
            type="primary",
            icon=":material/new_label:",
            shortcut="B",
            disabled=is_over or cursor < 0,
            on_click=lambda: _buy(cursor),
            help="The point in the diamond.",
            key="playground_buy",
        )
        back_buttons(
            is_start=not game.picks,
            undo=lambda: _go_back(game.picks[:-1]),
            reset=lambda: _go_back(()),
        )


def _board_key() -> str:
    # A chart remembers what was clicked on it; after going back it must not.
    return f"{_BOARD}_{st.session_state.get(_TURN, 0)}"


def _pick() -> None:
    point = picked_point(_board_key())
    if point >= 0 and point != st.session_state.get(_SEEN):
        st.session_state[_SEEN] = point
        _buy(point)


def _buy(point: int) -> None:
    game = state.current()
    taken = {*game.picks, *deal(game.config.table).start}
    if point in taken or len(game.picks) >= _n_last(game):
        return
    state.replace(picks=(*game.picks, point))


def _go_back(picks: tuple[int, ...]) -> None:
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
    st.session_state.pop(_SEEN, None)
    state.replace(picks=picks)


def _set_cursor(point: int) -> None:
    st.session_state[_CURSOR] = point


def _cursor(scene: Scene, picks: tuple[int, ...]) -> int:
    """The point in the diamond; the closest one that is left if it was bought."""
    free = [int(row) for row in scene.ids if row not in picks]
    found = cast("int", st.session_state.get(_CURSOR, -1))
    if found not in free:
        found = nearest(scene, (0.0, 0.0))
        found = found if found in free else (free[0] if free else -1)
    st.session_state[_CURSOR] = found
    return found


def _last_pick(game: Game) -> None:
    if not game.picks:
        return
    size = game.config.query_size
    before = game.picks[: (len(game.picks) - 1) // size * size]
    pick = game.picks[-1]
    table = ranks(bought(game.config, before), pick, names=game.players)
    said = " ".join(rank_sentences(table))
    st.caption(f"Your last point, {pick}, in their eyes: {said}")
