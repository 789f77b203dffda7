from __future__ import annotations

import pytest

from alscope.backbones.presets import TRANSFORMERS, preset
from alscope.config import TrainConfig
from alscope.learn.optim import n_steps_of, rate
from alscope.registry import backbones, datasets

IMAGES = {"cifar10", "cifar100", "mnist", "svhn", "tiny_imagenet"}
TEXTS = {"ag_news", "dbpedia14", "imdb", "sst5", "trec6", "yelp5"}


@pytest.mark.parametrize("name", sorted(IMAGES | TEXTS))
def test_every_preset_is_a_valid_study(name: str) -> None:
    found = preset(name)

    assert found is not None
    assert name in datasets
    assert backbones.get(found["backbone"]["name"])(**found["backbone"]["params"])
    assert list(TrainConfig(**found["train"]).problems()) == []


def test_the_eleven_sets_of_the_paper_have_presets_and_others_none() -> None:
    assert {name for name in datasets if preset(name)} == IMAGES | TEXTS


def test_image_training_divides_its_rate_after_100_and_150_of_200_epochs() -> None:
    train = TrainConfig(**preset("cifar10")["train"])
    n_steps = n_steps_of(train, 640)
    rates = [rate(train, epoch * 10, n_steps) for epoch in (0, 99, 100, 149, 150, 199)]

    assert n_steps == 2000
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_ten_texts_are_trained_on_for_thirty_steps_as_in_the_paper() -> None:
    assert n_steps_of(TrainConfig(**preset("sst5")["train"]), 10) == 30


def test_a_preset_cannot_be_changed_from_outside() -> None:
    preset("trec6")["backbone"]["params"]["model"] = "other"

    assert preset("trec6")["backbone"]["params"]["model"] in TRANSFORMERS
