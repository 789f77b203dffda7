from __future__ import annotations

import dataclasses

import numpy as np

from alscope.playground.config import GameConfig, of_shape
from alscope.playground.deal import deal
from alscope.playground.explain import grid_points
from alscope.playground.frames import border_frame, curve_rows, field_frame, points_frame
from alscope.playground.game import bought, play, scene_of

CONFIG = GameConfig(table=dataclasses.replace(of_shape("unknown"), n=100), query_size=3, budget=9)


def test_no_frame_tells_the_class_of_a_point_that_was_not_bought() -> None:
    frame = points_frame(play(CONFIG, "entropy", 2))
    pool = frame[frame["state"] == "pool"]

    assert set(pool["label"]) == {"not bought"}
    assert set(pool["step"]) == {-1}
    assert len(pool) == 100 - 6 - 6


def test_unknown_points_look_like_others_until_they_are_bought() -> None:
    board = play(CONFIG, "entropy", 3)
    frame = points_frame(board).set_index("id")
    labels = deal(CONFIG.table).labels

    unknown = [row for row in board.annotated if labels[row] < 0]
    assert unknown
    assert set(frame.loc[unknown, "state"]) == {"unknown"}
    assert (frame["state"] == "unknown").sum() == len(unknown)


def test_points_know_their_step_and_whether_it_was_the_last() -> None:
    board = play(CONFIG, "margin", 2)
    frame = points_frame(board).set_index("id")

    for step, batch in enumerate(board.batches):
        assert set(frame.loc[list(batch), "step"]) == {step}
    assert sorted(frame.index[frame["is_last"]]) == sorted(board.batches[-1])
    assert not points_frame(play(CONFIG, "margin", 0))["is_last"].any()


def test_a_pick_shows_its_class_before_the_batch_is_full() -> None:
    free = [int(row) for row in scene_of(play(CONFIG, "random", 0)).ids[:4]]
    board = bought(CONFIG, tuple(free))
    frame = points_frame(board, picks=free, marked=free[3]).set_index("id")

    assert len(board.batches) == 2
    assert frame.loc[free[3], "state"] != "pool"
    assert frame.loc[free[3], "step"] == 2
    assert frame.index[frame["is_marked"]].tolist() == [free[3]]


def test_the_field_covers_the_picture_without_gaps() -> None:
    frame = field_frame(play(CONFIG, "margin", 1), side=20, shown="classes")

    assert len(frame) == 400
    assert np.isclose(((frame["x2"] - frame["x"]) * (frame["y2"] - frame["y"])).sum(), 2.8**2)
    assert frame["value"].between(0, 1).all()
    assert set(frame["predicted"]) <= {"1", "2", "3"}


def test_a_strategy_without_scores_has_an_empty_field() -> None:
    assert not len(field_frame(play(CONFIG, "coreset", 1), side=20, shown="scores"))
    assert len(field_frame(play(CONFIG, "margin", 1), side=20, shown="scores")) == 400


def test_every_piece_of_the_border_has_two_classes_on_its_sides() -> None:
    board = play(CONFIG, "margin", 2)
    frame = border_frame(board, side=20)
    predicted = scene_of(board).fitted.logits(grid_points(20)).argmax(axis=1).reshape(20, 20)
    edges = (predicted[1:] != predicted[:-1]).sum() + (predicted[:, 1:] != predicted[:, :-1]).sum()

    assert len(frame) == edges > 0
    upright = frame["x"] == frame["x2"]
    assert (frame["y"] == frame["y2"])[~upright].all()


def test_curves_have_one_row_per_player_and_step() -> None:
    boards = [play(CONFIG, "margin", 2), bought(CONFIG, ())]
    frame = curve_rows(boards)

    assert frame["strategy"].tolist() == ["Margin"] * 3 + ["You"]
    assert frame["n_annotated"].tolist() == [6, 9, 12, 6]
