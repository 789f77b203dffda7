"""The four ways to play; the part of the page that is drawn again at every step."""

from __future__ import annotations

import streamlit as st

from alscope.charts.playground import looks_in_words
from alscope.playground.deal import deal
from alscope.playground.frames import player_title
from alscope.playground.game import Board
from alscope.playground.link import Game
from alscope.ui import playground_state as state
from alscope.ui.notices import guarded
from alscope.ui.playground_board import (
    background_choice,
    boards_of,
    show_board,
    show_curves,
    show_scores,
    transport,
)
from alscope.ui.playground_contest import is_counting, show_contest
from alscope.ui.playground_duel import show_duel
from alscope.ui.playground_explain import show_explain

__all__ = ["is_ticking", "show_game"]

_TICKING = "playground_ticking"


def is_ticking() -> bool:
    """Whether the game has to be drawn again by itself; called when the page is drawn."""
    ticking = state.is_playing() or is_counting(state.current())
    st.session_state[_TICKING] = ticking
    return ticking


def show_game(*, address: bool = True) -> None:
    """The game of this session, one step further if it plays.

    Args:
        address: Write the game to the address; not where the address says something else.
    """
    with guarded("playing"):
        _tick()
        game = state.current()
        if game.mode == "duel":
            boards = show_duel(game)
            over = not boards[0].n_next
        else:
            boards = _show_strategies(game)
            over = not any(board.n_next for board in boards)
        if over and game.mode in ("duel", "race"):
            show_contest(game, boards)
        if address:
            state.publish()
    needed = state.is_playing() or is_counting(state.current())
    if needed != st.session_state.get(_TICKING, False):
        st.rerun()  # only the page itself can start or stop the refresh


def _tick() -> None:
    game = state.current()
    if not state.is_playing():
        return
    if game.mode == "duel" or game.n_steps >= game.config.n_steps:
        state.set_playing(on=False)
        return
    state.replace(n_steps=game.n_steps + 1, point=-1)


def _show_strategies(game: Game) -> list[Board]:
    boards = boards_of(game)
    if game.mode == "explain":
        show_explain(game, boards[0])
    elif game.mode == "race":
        _show_race(game, boards)
    else:
        _show_watch(game, boards)
    return boards


def _show_watch(game: Game, boards: list[Board]) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        show_board(boards[0], shown=game.shown, key="playground_watch_board")
        background_choice(game)
    with right:
        transport(game, is_over=not boards[0].n_next)
        show_scores(boards)
        show_curves(boards, game.config)


def _show_race(game: Game, boards: list[Board]) -> None:
    transport(game, is_over=not any(board.n_next for board in boards))
    per_row = 2 if len(boards) in (2, 4) else 3
    for begin in range(0, len(boards), per_row):
        row = boards[begin : begin + per_row]
        for column, board in zip(st.columns(per_row), row, strict=False):
            with column:
                accuracy = board.scores[-1].accuracy
                st.markdown(f"**{player_title(board.player)}** · test accuracy {accuracy:.3f}")
                show_board(board, shown=game.shown, key=f"playground_{board.player}", small=True)
    background_choice(game)
    n_classes = deal(game.config.table).n_classes
    st.caption(f"Bought: {looks_in_words(n_classes)}. Rings: last step.")
    table, curves = st.columns([2, 3], gap="medium")
    with table:
        show_scores(boards)
    with curves:
        show_curves(boards, game.config)
