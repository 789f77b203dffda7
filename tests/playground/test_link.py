from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alscope.playground.config import DATA, MODELS, STARTS, GameConfig, of_shape
from alscope.playground.game import play, scene_of
from alscope.playground.link import (
    MODES,
    SHOWN,
    Game,
    read_game,
    read_picks,
    write_game,
    write_picks,
)

HOSTILE = (
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "nul\x00byte",
    "x" * 5000,
    "-1",
    "1e9",
    "\u0663",
    "99999999999999999999",
    "NaN",
)


@st.composite
def games(draw: st.DrawFn) -> Game:
    mode = draw(st.sampled_from(sorted(MODES)))
    rules = MODES[mode]
    pool = st.sampled_from(["random", "margin", "entropy", "coreset", "badge", "bald"])
    config = GameConfig(
        table=dataclasses.replace(
            of_shape(draw(st.sampled_from(DATA))),
            n=draw(st.integers(50, 1000)),
            noise=draw(st.integers(0, 50)),
            ratio=draw(st.integers(1, 50)),
            ood=draw(st.integers(0, 80)),
            start=draw(st.sampled_from(STARTS)),
            seed=draw(st.integers(0, 999_999)),
        ),
        model=draw(st.sampled_from(MODELS)),
        query_size=draw(st.integers(1, 20)),
        budget=draw(st.integers(1, 100)),
    )
    players = st.lists(pool, min_size=rules.fewest, max_size=rules.most, unique=True)
    return Game(
        config=config,
        mode=mode,
        players=tuple(draw(players)),
        n_steps=0 if mode == "duel" else draw(st.integers(0, config.n_steps)),
        point=draw(st.integers(-1, 40)) if mode == "explain" else -1,
        shown=draw(st.sampled_from(SHOWN)),
        minimal=draw(st.booleans()),
    )


@given(games())
def test_a_game_survives_its_own_address(game: Game) -> None:
    assert read_game(write_game(game)) == (game, [])


def test_picks_survive_the_address() -> None:
    config = GameConfig(query_size=2, budget=5)
    free = tuple(int(row) for row in scene_of(play(config, "random", 0)).ids[:5])
    game = Game(config=config, mode="duel", players=("random",), picks=free)

    assert read_game(write_game(game)) == (game, [])
    assert len(write_picks(free)) == 10
    assert read_picks(write_picks((0, 61, 62, 999, 3843))) == (0, 61, 62, 999, 3843)


def test_the_published_example_is_understood() -> None:
    game, dropped = read_game(
        {
            "data": ["honeypot"],
            "n": ["300"],
            "m": ["rbf"],
            "opp": ["margin", "coreset"],
            "mode": ["race"],
            "seed": ["7"],
            "ui": ["min"],
        }
    )

    assert not dropped
    assert (game.config.table.data, game.config.table.n, game.config.model) == (
        "honeypot",
        300,
        "rbf",
    )
    assert (game.mode, game.players, game.config.table.seed) == ("race", ("margin", "coreset"), 7)
    assert game.minimal


def test_an_empty_address_is_a_game() -> None:
    game, dropped = read_game({})

    assert not dropped
    assert (game.mode, game.config.table.data) == ("watch", "moons")


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "key", ["data", "n", "noise", "m", "mode", "opp", "seed", "t", "picks", "pt", "ui", "show"]
)
def test_what_cannot_be_read_is_dropped_and_said(key: str, value: str) -> None:
    game, dropped = read_game({key: [value]})

    assert len(dropped) == 1
    assert dropped[0].startswith(key)
    assert len(dropped[0]) < 300
    assert game == read_game({})[0]


def test_hostile_drawings_are_refused_for_the_example() -> None:
    for value in ("<b>", "000" * 1000, "000001"):
        game, dropped = read_game({"data": ["drawn"], "pts": [value]})

        assert len(dropped) == 1
        assert game.config.table == of_shape("drawn")


def test_strategies_that_cannot_play_are_left_out_with_the_reason() -> None:
    game, dropped = read_game(
        {"m": ["knn"], "mode": ["race"], "opp": ["alpha_mix", "margin", "nobody"]}
    )

    assert game.players == ("margin", "random")
    assert "linear layer" in dropped[0]
    assert "no such strategy" in dropped[1]


def test_a_mode_has_room_for_a_few_strategies_only() -> None:
    names = ["margin", "entropy", "random", "badge", "coreset"]
    game, dropped = read_game({"mode": ["race"], "opp": names})

    assert game.players == tuple(names[:4])
    assert "room for 4" in dropped[0]


def test_picks_of_another_game_are_dropped() -> None:
    taken = read_game({})[0]
    first = play(taken.config, "random", 0).annotated[0]
    game, dropped = read_game({"mode": ["duel"], "picks": [write_picks((first,))]})

    assert game.picks == ()
    assert "labeled already" in dropped[0]
