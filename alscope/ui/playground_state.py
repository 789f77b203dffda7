"""The game of a session: in session state while it is played, in the address for everybody else."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import streamlit as st

from alscope.playground.config import DRAWN, GameConfig, of_shape
from alscope.playground.link import MODES, Game, read_game, write_game
from alscope.playground.offers import playable
from alscope.ui.state import Key

__all__ = [
    "current",
    "enter",
    "has_game",
    "is_playing",
    "publish",
    "put",
    "replace",
    "set_config",
    "set_data",
    "set_mode",
    "set_playing",
    "set_table",
]

_PUBLISHED = "playground_published"
_PLAYING = "playground_playing"


def enter() -> tuple[Game, list[str]]:
    """The game of the address if it says another one than this session wrote, else the session's.

    Returns:
        The game, and what of the address was dropped.
    """
    asked = {key: st.query_params.get_all(key) for key in st.query_params}
    if has_game() and asked in ({}, st.session_state.get(_PUBLISHED)):
        return current(), []
    game, dropped = read_game(asked)
    put(game)
    set_playing(on=False)
    return game, dropped


def current() -> Game:
    """The game of this session."""
    return cast("Game", st.session_state[Key.PLAYGROUND])


def has_game() -> bool:
    """Whether this session has a game."""
    return Key.PLAYGROUND in st.session_state


def put(game: Game) -> None:
    """Make a game that of this session."""
    st.session_state[Key.PLAYGROUND] = game


def replace(**changes: Any) -> None:
    """Change fields of the game."""
    put(dataclasses.replace(current(), **changes))


def publish() -> None:
    """Write the game to the address."""
    params = {key: values for key, values in write_game(current()).items() if values}
    if st.session_state.get(_PUBLISHED) != params or not st.query_params:
        st.query_params.from_dict(params)
        st.session_state[_PUBLISHED] = params


def set_config(config: GameConfig) -> None:
    """Play another game from its beginning; strategies that cannot are replaced."""
    game = current()
    if config == game.config:
        return
    replace(
        config=config,
        players=_fitting(game.players, game.mode, config.model),
        n_steps=0,
        picks=(),
        point=-1,
    )
    set_playing(on=False)


def set_table(**changes: Any) -> None:
    """Change fields of the data."""
    config = current().config
    table = dataclasses.replace(config.table, **changes)
    set_config(dataclasses.replace(config, table=table))


def set_data(data: str) -> None:
    """Change the kind of data; noise, ratio and unknown share become those that belong to it."""
    former = current().config.table
    kept = {} if data == DRAWN else {"n": former.n}
    set_table(**dataclasses.asdict(of_shape(data)) | kept | {"seed": former.seed})


def set_mode(mode: str) -> None:
    """Change the way to play; the labels bought so far stay."""
    game = current()
    replace(
        mode=mode,
        players=_fitting(game.players, mode, game.config.model),
        shown="scores" if mode == "explain" else "classes",
        n_steps=min(game.n_steps, game.config.n_steps),
    )
    set_playing(on=False)


def is_playing() -> bool:
    """Whether steps follow by themselves."""
    return bool(st.session_state.get(_PLAYING))


def set_playing(*, on: bool) -> None:
    """Let steps follow by themselves, or stop."""
    st.session_state[_PLAYING] = on


def _fitting(players: tuple[str, ...], mode: str, model: str) -> tuple[str, ...]:
    rules, able = MODES[mode], playable(model)
    kept = [name for name in players if name in able][: rules.most]
    for name in (*rules.players, *able):
        if len(kept) >= rules.fewest:
            break
        if name not in kept:
            kept.append(name)
    return tuple(kept)
