"""Annotators who err."""

from __future__ import annotations

import numpy as np
import pytest

from alscope.data._noise import noisy
from alscope.rng import generator


def answers(rate: float, kind: str = "symmetric", *, n: int = 20_000, seed: int = 0) -> tuple:
    labels = np.arange(n) % 5 - 1  # one in five is unknown
    given = noisy(labels, n_classes=4, rate=rate, kind=kind, rng=generator(seed, "noise"))
    return labels, given


def test_without_noise_answers_are_the_labels() -> None:
    labels, given = answers(0.0)

    assert given is labels


@pytest.mark.parametrize("kind", ["symmetric", "pair"])
def test_the_share_of_wrong_answers_is_the_rate(kind: str) -> None:
    labels, given = answers(0.3, kind)
    known = labels >= 0

    assert (given != labels)[known].mean() == pytest.approx(0.3, abs=0.01)


def test_unknown_samples_are_always_recognized() -> None:
    labels, given = answers(0.9)

    assert ((given == -1) == (labels == -1)).all()


def test_symmetric_errors_name_every_other_class_alike() -> None:
    labels, given = answers(0.5)
    wrong = given[(labels == 0) & (given != 0)]

    assert np.bincount(wrong, minlength=4)[1:] / wrong.size == pytest.approx([1 / 3] * 3, abs=0.04)


def test_pair_errors_name_the_next_class() -> None:
    labels, given = answers(0.5, "pair")
    wrong = (given != labels) & (labels >= 0)

    assert (given[wrong] == (labels[wrong] + 1) % 4).all()


def test_errors_nest_over_rates_and_repeat_with_the_seed() -> None:
    labels, few = answers(0.1)
    _, many = answers(0.4)

    assert (many != labels)[few != labels].all()
    assert (answers(0.1)[1] == few).all()
    assert (answers(0.1, seed=1)[1] != few).any()
