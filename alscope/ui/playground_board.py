"""Boards, curves and the buttons that move a game on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from alscope.charts.playground import PICK, board_chart, race_chart
from alscope.playground.config import GameConfig
from alscope.playground.frames import curve_rows, player_title, points_frame
from alscope.playground.game import Board, play
from alscope.playground.link import SHOWN, Game
from alscope.playground.shapes import HALF_WIDTH
from alscope.playground.shown import background, ceiling
from alscope.playground.words import board_words, game_words
from alscope.ui import playground_state as state
from alscope.ui.figures import figure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["boards_of", "show_board", "show_curves", "show_scores", "transport"]

SIDE = 60
SMALL_SIDE = 40
_SHOWN_TITLES = {"classes": "Classifier", "scores": "Strategy's scores", "nothing": "Nothing"}


def boards_of(game: Game) -> list[Board]:
    """The boards of all strategies after the game's steps."""
    return [play(game.config, name, game.n_steps) for name in game.players]


def transport(game: Game, *, is_over: bool) -> None:
    """Step, play, undo, reset; every button has a key."""
    playing = state.is_playing()
    with st.container(horizontal=True):
        st.button(
            "Step",
            type="primary",
            icon=":material/skip_next:",
            shortcut="S",
            disabled=is_over or playing,
            on_click=lambda: state.replace(n_steps=game.n_steps + 1, point=-1),
            key="playground_step",
        )
        st.button(
            "Pause" if playing else "Play",
            icon=":material/pause:" if playing else ":material/play_arrow:",
            shortcut="P",
            disabled=is_over and not playing,
            on_click=lambda: state.set_playing(on=not playing),
            key="playground_play",
        )
        back_buttons(
            is_start=not game.n_steps,
            undo=lambda: state.replace(n_steps=game.n_steps - 1, point=-1),
            reset=lambda: state.replace(n_steps=0, point=-1),
        )


def back_buttons(*, is_start: bool, undo: Callable[[], None], reset: Callable[[], None]) -> None:
    """Undo and reset; both stop the play."""

    def stopping(change: Callable[[], None]) -> Callable[[], None]:
        def stop_and_change() -> None:
            state.set_playing(on=False)
            change()

        return stop_and_change

    st.button(
        "Undo",
        icon=":material/undo:",
        shortcut="U",
        disabled=is_start,
        on_click=stopping(undo),
        key="playground_undo",
    )
    st.button(
        "Reset",
        icon=":material/restart_alt:",
        shortcut="X",
        disabled=is_start,
        on_click=stopping(reset),
        key="playground_reset",
    )


def background_choice(game: Game, options: Sequence[str] = SHOWN) -> None:
    """What lies behind the points."""
    key = "playground_shown"
    st.session_state[key] = game.shown
    st.segmented_control(
        "Behind the points",
        options,
        required=True,
        format_func=_SHOWN_TITLES.__getitem__,
        key=key,
        on_change=lambda: state.replace(shown=st.session_state[key]),
    )


def show_board(
    board: Board,
    *,
    shown: str,
    key: str,
    small: bool = False,
    picks: Sequence[int] = (),
    marked: int = -1,
    on_pick: Callable[[], None] | None = None,
) -> None:
    """One board with its caption and its files.

    Args:
        board: The board.
        shown: Of `SHOWN`.
        key: Of session state; with `on_pick` also where the selection is found.
        small: One of several.
        picks: Points bought but not yet learned from.
        marked: A point to draw attention to.
        on_pick: Called after a click on a point of the pool.
    """
    behind = background(board, SMALL_SIDE if small else SIDE, shown)
    points = points_frame(board, picks=picks, marked=marked)
    chart = board_chart(
        points,
        behind.field,
        behind.border,
        edge=HALF_WIDTH,
        scores=shown == "scores",
        clickable=on_pick is not None,
        legend=not small,
        height=330 if small else 560,
    )
    figure(
        chart,
        points,
        key=key,
        alt=board_words(board),
        stem=f"Playground {player_title(board.player)}",
        caption="" if small else _caption(board, shown, empty=not len(behind.field)),
        on_select={PICK: on_pick} if on_pick else None,
        legend_columns=4,
    )


def show_curves(boards: Sequence[Board], config: GameConfig) -> None:
    """Learning curves of the game so far."""
    rows = curve_rows(boards)
    n_last = len(boards[0].batches[0]) + config.budget
    top = ceiling(config)
    words = ", ".join(
        f"{player_title(board.player)} {board.scores[-1].accuracy:.3f}" for board in boards
    )
    figure(
        race_chart(rows, n_last=n_last, ceiling=top),
        rows,
        key="playground_curves",
        alt=f"Test accuracy over the labels paid for, now: {words}.",
        stem="Playground curves",
        caption=f"One game, one seed. Dotted: all points labeled ({top:.3f}).",
    )


def show_scores(boards: Sequence[Board]) -> None:
    """What everybody has at the moment, best first."""
    names = ", ".join(player_title(board.player) for board in boards)
    st.table(_score_table(boards), alt=f"Accuracy and labels of {names}.")


def _score_table(boards: Sequence[Board]) -> pd.DataFrame:
    import pandas as pd

    ordered = sorted(boards, key=lambda board: -board.scores[-1].accuracy)
    rows = []
    for board in ordered:
        last = board.scores[-1]
        row = {
            "Player": player_title(board.player),
            "Accuracy": f"{last.accuracy:.3f}",
            "Worst class": f"{last.worst:.3f}",
            "Labels": str(last.n_annotated),
        }
        if any(other.scores[-1].n_unknown for other in boards):
            row["Unknown bought"] = str(last.n_unknown)
        rows.append(row)
    return pd.DataFrame(rows).set_index("Player")


def _caption(board: Board, shown: str, *, empty: bool) -> str:
    if shown == "scores" and empty:
        return (
            f"{player_title(board.player)} does not score points one by one: it chooses whole "
            "batches, or weighs the pool as a whole. So there is nothing to draw behind."
        )
    behind = {
        "classes": "Colour: predicted class, paler where the classifier doubts.",
        "scores": "Darker: wanted more, by rank.",
        "nothing": "",
    }[shown]
    return f"{game_words(board.config)}. Rings: last step. {behind}"
