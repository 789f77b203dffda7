from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from alscope.errors import ConfigError
from alscope.playground.config import DATA, DataConfig, GameConfig, of_shape
from alscope.playground.deal import N_TEST, deal
from alscope.playground.drawing import (
    EXAMPLE,
    GRID,
    Dot,
    coordinates,
    dot_problems,
    parse_dots,
    write_dots,
)
from alscope.playground.shapes import HALF_WIDTH, SHAPES, class_counts

HOSTILE = (
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "000001" * 1000,
    "0",
    "009",
    "00é",
    "0\x000",
    "\u0660\u06600",
    " 000",
    "000\n",
)


@pytest.mark.parametrize("data", SHAPES)
def test_a_shape_has_exactly_the_points_and_shares_that_were_asked_for(data: str) -> None:
    config = DataConfig(data=data, n=333, ratio=7, ood=20)
    cards = deal(config)
    n_classes = SHAPES[data].n_classes

    assert cards.points.shape == (333, 2)
    assert (cards.labels < 0).sum() == round(333 * 0.2)
    known = 333 - round(333 * 0.2)
    assert np.bincount(cards.labels[cards.labels >= 0]).tolist() == class_counts(
        known, n_classes, 7
    )
    assert np.abs(cards.points).max() <= HALF_WIDTH


def test_classes_form_an_exponential_tail_that_sums_exactly() -> None:
    assert class_counts(111, 3, 100) == [100, 10, 1]
    assert class_counts(10, 4, 1) == [3, 3, 2, 2]
    assert min(class_counts(50, 6, 50)) == 1
    assert sum(class_counts(997, 6, 20)) == 997


@pytest.mark.parametrize("data", DATA)
def test_a_deal_is_a_function_of_its_configuration(data: str) -> None:
    config = of_shape(data)
    first = deal(config)
    deal.cache_clear()
    second = deal(config)

    for name in ("points", "labels", "test_points", "test_labels"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert first.start == second.start


def test_another_seed_draws_other_points_and_other_first_labels() -> None:
    first, second = deal(DataConfig(seed=1)), deal(DataConfig(seed=2))

    assert not np.array_equal(first.points, second.points)
    assert first.start != second.start


def test_test_points_are_balanced_known_and_independent_of_the_pool() -> None:
    long, short = deal(of_shape("long_tail")), deal(DataConfig(data="long_tail", n=50))

    assert np.bincount(long.test_labels).tolist() == [N_TEST // 6] * 6
    other = deal(dataclasses.replace(of_shape("long_tail"), n=700, ood=50, ratio=3))
    assert np.array_equal(other.test_points, long.test_points)
    assert long.test_labels.min() == short.test_labels.min() == 0


def test_ids_say_nothing_about_classes() -> None:
    labels = deal(DataConfig(n=1000)).labels

    assert abs(labels[:500].mean() - 0.5) < 0.1


def test_a_balanced_start_takes_turns_and_a_start_on_the_left_is_on_the_left() -> None:
    cards = deal(DataConfig(data="blobs", start="balanced", n_start=10))
    left = deal(DataConfig(start="left", n_start=5))

    counts = np.bincount(cards.labels[list(cards.start)], minlength=4)
    assert counts.max() - counts.min() <= 1
    assert len(cards.start) == 10
    bound = left.points[list(left.start), 0].max()
    assert (left.points[:, 0] < bound).sum() == 4


def test_first_labels_are_of_known_classes() -> None:
    cards = deal(DataConfig(data="unknown", ood=80, start="random", n_start=20))

    assert (cards.labels[list(cards.start)] >= 0).all()


def test_honeypot_labels_in_the_cloud_are_coin_flips_and_pure_outside() -> None:
    cards = deal(DataConfig(data="honeypot", n=1000, noise=0))
    cloud = cards.points[:, 1] > 0
    groups = np.round((cards.points[~cloud, 0] + 1) / 0.4).astype(int)

    assert abs(cards.labels[cloud].mean() - 0.5) < 0.05
    assert (cards.labels[~cloud] == groups % 2).all()


def test_drawn_points_survive_their_text() -> None:
    dots = (Dot(0, GRID - 1, 0), Dot(61, 0, 5), Dot(10, 36, -1))

    assert parse_dots(write_dots(dots)) == dots
    assert write_dots(dots) == "0Z0Z05aAu"
    corners = coordinates((Dot(0, 0, 0), Dot(GRID - 1, GRID - 1, 0)))
    assert np.allclose(corners, [[-1.4 + 1.4 / 62] * 2, [1.4 - 1.4 / 62] * 2])


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_that_are_no_points_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        GameConfig(table=DataConfig(data="drawn", pts=text))


def test_drawn_points_need_two_classes_without_a_gap() -> None:
    one = tuple(Dot(place, place, 0) for place in range(12))
    gap = (*one, Dot(5, 6, 2))

    assert "at least 2" in str(dot_problems(one)[0])
    assert "without a gap" in str(dot_problems(gap)[0])
    assert "at least 10" in str(dot_problems((Dot(0, 0, 0), Dot(0, 0, 1)))[0])
    assert not dot_problems(parse_dots(EXAMPLE))


def test_drawn_points_are_the_pool_and_test_points_are_near_them() -> None:
    cards = deal(of_shape("drawn"))
    gaps = np.linalg.norm(cards.test_points[:, None] - cards.points[None], axis=2).min(axis=1)

    assert len(cards.points) == len(parse_dots(EXAMPLE))
    assert gaps.max() < 0.5


def test_everything_wrong_with_a_game_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        GameConfig(table=DataConfig(data="mons", n=5), model="svm", query_size=0)

    said = str(caught.value)
    assert all(word in said for word in ("mons", "moons", "n: is 5", "svm", "query_size"))
