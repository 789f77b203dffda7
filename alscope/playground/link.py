"""A game as an address: everything that is needed to show it again.

The keys are public. What cannot be read is dropped and said, never guessed.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alscope.errors import SelectionError
from alscope.params import Param, params_of
from alscope.playground.config import DRAWN, DataConfig, GameConfig, of_shape
from alscope.playground.drawing import EXAMPLE
from alscope.playground.game import bought
from alscope.playground.offers import playable, unavailable

__all__ = ["MODES", "SHOWN", "Game", "Mode", "read_game", "read_picks", "write_game", "write_picks"]

_NUMBER = re.compile(r"[0-9]{1,6}")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PICKS = re.compile(r"(?:[0-9a-zA-Z]{2})*")
_SHOWN = 40  # characters of a bad value that a message repeats


@dataclass(frozen=True)
class Mode:
    """A way to play.

    Attributes:
        title: For people.
        summary: What happens.
        players: Strategies if nobody chooses.
        fewest: Strategies it needs.
        most: Strategies it has room for.
    """

    title: str
    summary: str
    players: tuple[str, ...]
    fewest: int
    most: int


MODES = {
    "watch": Mode("Watch", "One strategy buys labels, step by step.", ("margin",), 1, 1),
    "race": Mode("Race", "Two to four strategies from the same start.", ("random", "margin"), 2, 4),
    "duel": Mode(
        "Duel", "You buy labels, against up to three strategies.", ("random", "margin"), 1, 3
    ),
    "explain": Mode("Explain", "Why this point? Scores, formulas, ranks.", ("entropy",), 1, 1),
}
"""By the name in addresses."""

SHOWN = ("classes", "scores", "nothing")
"""What lies behind the points."""


@dataclass(frozen=True, kw_only=True)
class Game:
    """All that an address says.

    Attributes:
        config: Data, model and rules.
        mode: Of `MODES`.
        players: Names of strategies; in a duel, the opponents.
        n_steps: Steps of the strategies, unless it is a duel.
        picks: Points that a person bought, in order.
        point: The point that is explained; -1 for the strategy's next one.
        shown: What lies behind the points.
        minimal: Hide the controls, for a class.
    """

    config: GameConfig
    mode: str = "watch"
    players: tuple[str, ...] = MODES["watch"].players
    n_steps: int = 0
    picks: tuple[int, ...] = ()
    point: int = -1
    shown: str = "classes"
    minimal: bool = False


# Names in addresses of the fields of DataConfig and GameConfig.
_TABLE = {
    "data": "data",
    "n": "n",
    "noise": "noise",
    "ratio": "ratio",
    "ood": "ood",
    "start": "start",
    "init": "n_start",
    "seed": "seed",
}
_RULES = {"m": "model", "q": "query_size", "budget": "budget"}


def write_game(game: Game) -> dict[str, list[str]]:
    """The parameters of an address, every one of them: a link keeps its meaning."""
    table, config = game.config.table, game.config
    params = {key: [str(getattr(table, name))] for key, name in _TABLE.items()}
    if table.data == DRAWN:
        params["pts"] = [table.pts]
    params |= {key: [str(getattr(config, name))] for key, name in _RULES.items()}
    params |= {"mode": [game.mode], "opp": list(game.players), "show": [game.shown]}
    if game.mode == "duel":
        params["picks"] = [write_picks(game.picks)] if game.picks else []
    else:
        params["t"] = [str(game.n_steps)]
    params["pt"] = [str(game.point)] if game.mode == "explain" and game.point >= 0 else []
    params["ui"] = ["min"] if game.minimal else []
    return params


def read_game(params: Mapping[str, Sequence[str]]) -> tuple[Game, list[str]]:
    """The game of an address, and what was dropped of it, in sentences.

    Args:
        params: Values by name; unknown names are left alone.
    """
    reader = _Reader(params)
    config = reader.config()
    mode = reader.choice("mode", tuple(MODES), "watch")
    game = Game(
        config=config,
        mode=mode,
        players=reader.players(MODES[mode], config.model),
        n_steps=reader.number("t", 0, config.n_steps, 0),
        point=reader.number("pt", 0, config.table.n - 1, -1),
        shown=reader.choice("show", SHOWN, "scores" if mode == "explain" else "classes"),
        minimal=reader.choice("ui", ("min", "full"), "full") == "min",
        picks=reader.picks(config),
    )
    return game, reader.dropped


def write_picks(picks: Iterable[int]) -> str:
    """Ids below 3844 as two characters each."""
    return "".join(_DIGITS[pick // len(_DIGITS)] + _DIGITS[pick % len(_DIGITS)] for pick in picks)


def read_picks(text: str) -> tuple[int, ...] | None:
    """The ids of a text; None if it is none."""
    if not _PICKS.fullmatch(text):
        return None
    places = [_DIGITS.index(sign) for sign in text]
    return tuple(
        len(_DIGITS) * first + second
        for first, second in zip(places[::2], places[1::2], strict=True)
    )


class _Reader:
    """Reads parameters one by one and notes what it had to drop."""

    def __init__(self, params: Mapping[str, Sequence[str]]) -> None:
        self.params = params
        self.dropped: list[str] = []

    def drop(self, key: str, why: str) -> None:
        value = (self.first(key) or "")[:_SHOWN]
        self.dropped.append(f"{key}={value}: {why}")

    def first(self, key: str) -> str | None:
        values = self.params.get(key) or [""]
        return values[0] or None

    def choice(self, key: str, options: Sequence[str], default: str) -> str:
        value = self.first(key)
        if value is None or value in options:
            return value or default
        self.drop(key, f"must be one of {', '.join(options)}")
        return default

    def number(self, key: str, low: int, high: int, default: int) -> int:
        value = self.first(key)
        if value is None:
            return default
        if _NUMBER.fullmatch(value) and low <= int(value) <= high:
            return int(value)
        self.drop(key, f"must be a whole number from {low} to {high}")
        return default

    def config(self) -> GameConfig:
        metas = {meta.name: meta for meta in params_of(DataConfig)}
        data = self._field("data", metas["data"], "moons")
        table = of_shape(str(data))
        fields: dict[str, Any] = {
            name: self._field(key, metas[name], getattr(table, name))
            for key, name in _TABLE.items()
            if key != "data"
        }
        if data == DRAWN:
            fields["pts"] = self._pts()
        rules = {meta.name: meta for meta in params_of(GameConfig)}
        values: dict[str, Any] = {
            name: self._field(key, rules[name], rules[name].default) for key, name in _RULES.items()
        }
        return GameConfig(table=DataConfig(data=str(data), **fields), **values)

    def players(self, mode: Mode, model: str) -> tuple[str, ...]:
        asked = list(dict.fromkeys(self.params.get("opp") or mode.players))
        good = [name for name in asked if self._plays(name, model)]
        if len(good) > mode.most:
            self.dropped.append(f"opp: {mode.title} has room for {mode.most}; the rest is left out")
        defaults = (name for name in (*mode.players, "random", "entropy") if name not in good)
        while len(good) < mode.fewest:
            good.append(next(defaults))
        return tuple(good[: mode.most])

    def picks(self, config: GameConfig) -> tuple[int, ...]:
        found = read_picks((self.first("picks") or "")[: 4 * config.budget])
        if found is None:
            self.drop("picks", "is no list of points")
            return ()
        try:
            bought(config, found)
        except SelectionError as error:
            self.drop("picks", str(error))
            return ()
        return found

    def _plays(self, name: str, model: str) -> bool:
        if name in playable(model):
            return True
        known = name in _all_strategies()
        why = unavailable(name, model) if known else "there is no such strategy"
        self.dropped.append(f"opp={name[:_SHOWN]}: {why}")
        return False

    def _field(self, key: str, meta: Param, default: int | str) -> int | str:
        if meta.choices is not None:
            return self.choice(key, meta.choices, str(default))
        assert meta.low is not None
        assert meta.high is not None
        return self.number(key, int(meta.low), int(meta.high), int(default))

    def _pts(self) -> str:
        text = self.first("pts") or EXAMPLE
        problems = list(dataclasses.replace(of_shape(DRAWN), pts=text).problems())
        if not problems:
            return text
        self.dropped.append(f"pts: {'; '.join(problem.message for problem in problems)}")
        return EXAMPLE


def _all_strategies() -> tuple[str, ...]:
    from alscope.registry import strategies

    return strategies.names()
