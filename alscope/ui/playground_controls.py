"""What a game is played with: mode, data, classifier, strategies, rules."""

from __future__ import annotations

import secrets
from typing import Any

import streamlit as st

from alscope.params import params_of
from alscope.playground.config import DATA, DRAWN, STARTS, DataConfig, GameConfig
from alscope.playground.frames import player_title
from alscope.playground.link import MODES, Game
from alscope.playground.models import MODELS
from alscope.playground.offers import playable, unavailable
from alscope.playground.shapes import SHAPES
from alscope.playground.words import data_title
from alscope.registry import strategies
from alscope.ui import playground_state as state

__all__ = ["show_controls"]

_PREFIX = "playground_"
_START_TITLES = {
    "balanced": "Classes take turns",
    "random": "At random",
    "left": "Furthest to the left",
}


def show_controls(game: Game) -> None:
    """All controls; each of them changes the game before the page is drawn again."""
    _put("mode", game.mode)
    st.segmented_control(
        "Mode",
        list(MODES),
        required=True,
        format_func=lambda mode: MODES[mode].title,
        key=_PREFIX + "mode",
        on_change=lambda: state.set_mode(_got("mode")),
        label_visibility="collapsed",
    )
    st.caption(MODES[game.mode].summary)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _data(game)
        _model(game)
        _players(game)
        _settings(game)
        _seed(game)
    if game.config.table.data != DRAWN:
        st.caption(SHAPES[game.config.table.data].summary)


def _data(game: Game) -> None:
    _put("data", game.config.table.data)
    st.selectbox(
        "Data",
        DATA,
        format_func=lambda data: "Draw your own" if data == DRAWN else data_title(data),
        key=_PREFIX + "data",
        on_change=lambda: state.set_data(_got("data")),
        width=220,
    )


def _model(game: Game) -> None:
    _put("model", game.config.model)
    st.segmented_control(
        "Classifier",
        list(MODELS),
        required=True,
        format_func=lambda model: MODELS[model].title,
        key=_PREFIX + "model",
        on_change=lambda: _set_rules("model"),
        help="  \n".join(f"**{spec.title}**: {spec.summary}" for spec in MODELS.values()),
    )


def _players(game: Game) -> None:
    rules, able = MODES[game.mode], playable(game.config.model)
    refused = [
        f"{player_title(name)}: {unavailable(name, game.config.model)}"
        for name in strategies
        if name not in able
    ]
    help_ = "Not here:  \n" + "  \n".join(refused) if refused else None
    if rules.most == 1:
        _put("player", game.players[0])
        st.selectbox(
            "Strategy",
            able,
            format_func=player_title,
            key=_PREFIX + "player",
            on_change=lambda: state.replace(players=(_got("player"),)),
            help=help_,
            width=220,
        )
        return
    _put("players", list(game.players))
    st.multiselect(
        "Opponents" if game.mode == "duel" else "Strategies",
        able,
        format_func=player_title,
        max_selections=rules.most,
        key=_PREFIX + "players",
        on_change=lambda: _set_players(rules.fewest),
        help=help_,
        width=360,
    )


def _settings(game: Game) -> None:
    config, table = game.config, game.config.table
    with st.popover("Settings", icon=":material/tune:", key=_PREFIX + "settings"):
        if table.data != DRAWN:
            _table_slider("n", "Points", table.n, step=10)
            _table_slider("noise", "Noise, %", table.noise)
            _table_slider("ratio", "Largest class over smallest", table.ratio)
            _table_slider("ood", "Unknown points, %", table.ood, step=5)
        _table_slider("n_start", "First labels", table.n_start)
        _put("start", table.start)
        st.selectbox(
            "Which first labels",
            STARTS,
            format_func=_START_TITLES.__getitem__,
            key=_PREFIX + "start",
            on_change=lambda: state.set_table(start=_got("start")),
        )
        _rule_slider("query_size", "Labels per step", config.query_size)
        _rule_slider("budget", "Budget of labels", config.budget)
        st.caption(f"Stochastic passes here: {MODELS[config.model].passes}.")


def _seed(game: Game) -> None:
    _put("seed", game.config.table.seed)
    st.number_input(
        "Seed",
        0,
        999_999,
        key=_PREFIX + "seed",
        on_change=lambda: state.set_table(seed=int(_got("seed"))),
        width=130,
    )
    st.button(
        "Another seed",
        icon=":material/casino:",
        key=_PREFIX + "dice",
        on_click=lambda: state.set_table(seed=secrets.randbelow(1000)),
        help="Other points, other first labels, other luck.",
    )


def _table_slider(name: str, label: str, value: int, *, step: int = 1) -> None:
    meta = next(meta for meta in params_of(DataConfig) if meta.name == name)
    _slider(name, label, value, meta, step, lambda: state.set_table(**{name: _got(name)}))


def _rule_slider(name: str, label: str, value: int) -> None:
    meta = next(meta for meta in params_of(GameConfig) if meta.name == name)
    _slider(name, label, value, meta, 1, lambda: _set_rules(name))


def _slider(name: str, label: str, value: int, meta: Any, step: int, on_change: Any) -> None:
    _put(name, value)
    low, high = int(meta.low), int(meta.high)
    st.slider(label, low, high, step=step, key=_PREFIX + name, on_change=on_change)


def _set_rules(name: str) -> None:
    import dataclasses

    state.set_config(dataclasses.replace(state.current().config, **{name: _got(name)}))


def _set_players(fewest: int) -> None:
    chosen = tuple(_got("players"))
    if len(chosen) >= fewest:
        state.replace(players=chosen)
    else:
        plural = "strategy" if fewest == 1 else "strategies"
        st.toast(f"This mode needs at least {fewest} {plural}.")


def _put(name: str, value: Any) -> None:
    """Show the game's value: the widget is never ahead of the game."""
    st.session_state[_PREFIX + name] = value


def _got(name: str) -> Any:
    return st.session_state[_PREFIX + name]
