"""The end of a game: the same game with hidden seeds, one after the other."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from alscope.charts.playground import contest_chart
from alscope.playground.contest import hidden_seeds, outcomes, outcomes_of_seed
from alscope.playground.frames import player_title
from alscope.playground.game import YOU, Board
from alscope.playground.link import Game
from alscope.playground.verdict import Standing, verdict
from alscope.results.intervals import mean_interval
from alscope.ui import playground_state as state
from alscope.ui.figures import figure

__all__ = ["N_HIDDEN", "is_counting", "show_contest"]

N_HIDDEN = 20
_SLICE_S = 0.3
"""Seconds of one refresh, so that the page stays answerable and others get their turn."""
_DONE = "playground_contest"


def is_counting(game: Game) -> bool:
    """Whether hidden seeds of this game are still to be played."""
    asked, done = st.session_state.get(_DONE, (None, 0))
    return bool(asked == _identity(game) and done < N_HIDDEN)


def show_contest(game: Game, boards: Sequence[Board]) -> None:
    """A button that plays the hidden seeds, then what they say.

    Args:
        game: A game that is over.
        boards: Everybody's, yours first if you played.
    """
    st.header("Luck or skill?")
    asked, done = st.session_state.get(_DONE, (None, 0))
    if asked != _identity(game):
        st.markdown(
            f"One game is one draw. The strategies can play {N_HIDDEN} more games of this kind "
            "with seeds that nobody has seen: other points, other first labels, other luck."
        )
        st.button(
            f"Play {N_HIDDEN} hidden seeds",
            icon=":material/casino:",
            type="primary",
            on_click=_begin,
            key="playground_hidden",
        )
        return
    done = _advance(game, done)
    mine = boards[0] if boards[0].player == YOU else None
    _show(game, done, mine)


def _identity(game: Game) -> tuple[object, ...]:
    return (game.config, game.players)


def _begin() -> None:
    st.session_state[_DONE] = (_identity(state.current()), 0)


def _advance(game: Game, done: int) -> int:
    began, seeds = time.monotonic(), hidden_seeds(game.config, N_HIDDEN)
    while done < N_HIDDEN:
        outcomes_of_seed(game.config, game.players, seeds[done])
        done += 1
        if time.monotonic() - began > _SLICE_S:
            break
    st.session_state[_DONE] = (_identity(game), done)
    return done


def _show(game: Game, done: int, mine: Board | None) -> None:
    frame = outcomes(game.config, game.players, hidden_seeds(game.config, done))
    frame.insert(0, "strategy", [player_title(name) for name in frame["player"]])
    standings = _standings(frame)
    yours = mine.scores[-1].accuracy if mine else None
    accuracies = {
        str(title): part["accuracy"].tolist()
        for title, part in frame.groupby("strategy", sort=False)
    }
    said = verdict(standings, accuracies, yours)
    if done < N_HIDDEN:
        st.progress(done / N_HIDDEN, f"{done} of {N_HIDDEN} hidden seeds")
    st.markdown(said)
    figure(
        contest_chart(frame, pd.DataFrame(standings), yours=yours),
        frame,
        key="playground_contest_chart",
        alt=said.replace("*", ""),
        stem="Playground hidden seeds",
        caption=f"A tick is one of {done} hidden seeds; dot and bar are mean and 95 % t-interval.",
    )


def _standings(frame: pd.DataFrame) -> list[Standing]:
    found = [
        Standing(str(player), player_title(str(player)), *mean_interval(part["accuracy"]))
        for player, part in frame.groupby("player", sort=False)
    ]
    return sorted(found, key=lambda one: -one.mean)
