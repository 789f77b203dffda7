from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import alscope
from alscope import rng
from alscope.errors import SelectionError, UnknownNameError
from alscope.playground import game
from alscope.playground.config import MODELS, DataConfig, GameConfig, of_shape
from alscope.playground.deal import deal
from alscope.playground.game import YOU, bought, choose, play, scene_of
from alscope.playground.offers import make_view, playable, strategy_of, unavailable
from alscope.registry import strategies

OPEN = GameConfig(table=dataclasses.replace(of_shape("unknown"), n=120), query_size=4, budget=10)


@pytest.mark.parametrize("model", MODELS)
def test_every_strategy_plays_or_says_why_it_cannot(model: str) -> None:
    config = dataclasses.replace(OPEN, model=model)
    for name in strategies:
        if unavailable(name, model):
            assert name not in playable(model)
            continue
        board = play(config, name, 3)

        assert [len(batch) for batch in board.batches] == [6, 4, 4, 2]
        assert len(set(board.annotated)) == 16
        assert board.n_next == 0
        assert 0 < board.scores[-1].accuracy <= 1


def test_what_a_deep_network_is_needed_for_is_refused_with_the_reason() -> None:
    assert "deep network" in unavailable("learning_loss", "mlp")
    assert "WorstCaseLosses" in unavailable("saal", "rbf")
    assert "linear layer" in unavailable("alpha_mix", "knn")
    assert not unavailable("alpha_mix", "mlp")
    assert {"random", "margin", "badge", "bald", "coreset", "similar", "mqnet"} <= set(
        playable("rbf")
    )


def test_the_same_configuration_and_moves_give_the_same_board() -> None:
    first = [play(OPEN, name, 2) for name in ("random", "margin", "badge", "bald", "mqnet")]
    for memory in (game._played, game._start, game.learned, deal):
        memory.cache_clear()
    second = [play(OPEN, name, 2) for name in ("random", "margin", "badge", "bald", "mqnet")]

    assert first == second


def test_a_board_does_not_depend_on_how_it_was_reached() -> None:
    by_steps = [play(OPEN, "margin", number) for number in range(4)][2]
    game._played.cache_clear()

    assert play(OPEN, "margin", 2) == by_steps


@pytest.mark.parametrize("name", ["random", "margin", "coreset", "badge", "alpha_mix"])
def test_a_step_buys_what_select_chooses_from_the_same_arrays(name: str) -> None:
    board = play(OPEN, name, 1)
    scene = scene_of(board)
    fitted, points = scene.fitted, scene.points
    chosen = alscope.select(
        name,
        logits=fitted.logits(points["pool"]),
        embeddings=fitted.features(points["pool"]),
        labeled_embeddings=fitted.features(points["labeled"]),
        unknown_embeddings=fitted.features(points["unknowns"]),
        labels=scene.labels,
        head=fitted.head(),
        ids=scene.ids,
        query_size=4,
        seed=OPEN.table.seed,
        round=1,
    )

    assert play(OPEN, name, 2).batches[-1] == tuple(scene.ids[chosen.positions])


@pytest.mark.parametrize("name", ["bald", "core_mse", "ccal", "lfosa", "similar", "entropy_cb"])
def test_a_step_buys_what_the_strategy_class_chooses_when_called_directly(name: str) -> None:
    board = play(OPEN, name, 1)
    scene = scene_of(board)
    draws = rng.generator(OPEN.table.seed, "strategy", name, 1)
    direct = strategy_of(name).select(make_view(strategy_of(name), scene), 4, draws, None)

    assert np.array_equal(choose(board).positions, direct.positions)
    assert play(OPEN, name, 2).batches[-1] == tuple(scene.ids[direct.positions])


def test_a_strategy_sees_only_the_inputs_it_declares() -> None:
    from alscope.inputs import Embeddings

    view = make_view(strategy_of("margin"), scene_of(play(OPEN, "margin", 0)))

    with pytest.raises(KeyError):
        view[Embeddings(on="labeled")]


def test_mqnet_keeps_what_it_learned_from_the_answers() -> None:
    assert play(OPEN, "mqnet", 0).state is None
    state = play(OPEN, "mqnet", 2).state

    assert state is not None
    assert "n_pairs" in state


def test_unknown_points_are_paid_for_and_never_trained_on() -> None:
    board = play(OPEN, "entropy", 3)
    scene, cards = scene_of(board), deal(OPEN.table)
    n_unknown = int((cards.labels[list(board.annotated)] < 0).sum())

    assert board.scores[-1].n_unknown == n_unknown == len(scene.points["unknowns"]) > 0
    assert (scene.labels >= 0).all()
    assert len(scene.labels) == 16 - n_unknown


def test_a_person_learns_in_full_batches_and_the_last_one_may_be_short() -> None:
    free = [int(row) for row in scene_of(play(OPEN, "random", 0)).ids[:10]]

    assert bought(OPEN, ()).player == YOU
    assert len(bought(OPEN, tuple(free[:3])).batches) == 1
    assert bought(OPEN, tuple(free[:9])).batches[1:] == (tuple(free[:4]), tuple(free[4:8]))
    assert bought(OPEN, tuple(free)).batches[-1] == tuple(free[8:])
    assert bought(OPEN, tuple(free)).n_next == 0


def test_a_person_who_buys_what_a_strategy_bought_scores_the_same() -> None:
    theirs = play(OPEN, "margin", 3)
    mine = bought(OPEN, theirs.annotated[6:])

    assert mine.scores == theirs.scores


@pytest.mark.parametrize(
    ("picks", "said"),
    [((500,), "no point 500"), ((-1,), "no point"), (tuple(range(50)), "budget is 10")],
)
def test_impossible_picks_are_refused(picks: tuple[int, ...], said: str) -> None:
    with pytest.raises(SelectionError, match=said):
        bought(OPEN, picks)


def test_buying_a_point_twice_is_refused() -> None:
    taken = deal(OPEN.table).start[0]

    with pytest.raises(SelectionError, match="labeled already"):
        bought(OPEN, (taken,))


def test_an_unknown_player_is_refused() -> None:
    with pytest.raises(UnknownNameError):
        play(OPEN, "margn", 1)


def test_a_game_ends_when_the_pool_is_empty() -> None:
    config = GameConfig(table=of_shape("drawn"), query_size=20, budget=100)
    board = play(config, "random", 100)

    assert sorted(board.annotated) == list(range(48))
    assert board.n_next == 0


def test_the_area_is_the_mean_accuracy_over_the_labels() -> None:
    board = play(GameConfig(table=DataConfig(n=60), query_size=2, budget=6), "margin", 3)
    a = [score.accuracy for score in board.scores]

    assert np.isclose(board.area, ((a[0] + a[1]) / 2 + (a[1] + a[2]) / 2 + (a[2] + a[3]) / 2) / 3)
    assert play(board.config, "margin", 0).area == a[0]
