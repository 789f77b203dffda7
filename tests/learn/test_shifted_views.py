from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from alscope import rng
from alscope.backbones.transformer import TransformerSpec
from alscope.learn.augment import image_view
from alscope.learn.shifted_views import ImageViews, TextViews, views_of
from tests.learn.contexts import image_trial, text_trial


def numbers(width: int) -> torch.Tensor:
    return torch.rand(6, width, generator=torch.Generator().manual_seed(3))


def test_colors_change_between_black_and_white_whatever_the_normalization():
    pixels = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)
    trial = dataclasses.replace(image_trial(channels=3), pixel_mean=mean, pixel_std=std)
    shift, scale = (torch.tensor(values).view(-1, 1, 1) for values in (mean, std))
    views = views_of(trial.learner(), shifts=False)
    assert isinstance(views, ImageViews)

    view = views.random({"pixel_values": (pixels - shift) / scale}, numbers)["pixel_values"]
    wanted = image_view(pixels, numbers(11), areas=views.areas, flip=False)

    torch.testing.assert_close(view * scale + shift, wanted, rtol=0, atol=1e-5)


def test_crops_for_projections_have_one_size():
    context = image_trial().learner()

    trained, looked = (views_of(context, shifts=False, fixed=fixed) for fixed in (False, True))

    assert isinstance(trained, ImageViews)
    assert isinstance(looked, ImageViews)
    assert trained.areas == (0.5625, 1.0)
    assert looked.areas == (0.54, 0.54)


@pytest.mark.parametrize(("side", "turns"), [((8, 8), (0, 1, 2, 3)), ((8, 12), (0, 2))])
def test_images_turn_as_far_as_their_shape_allows(side, turns):
    views = views_of(image_trial(side=side).learner(), shifts=True)
    inputs = {"pixel_values": torch.rand(2, 1, *side, generator=torch.Generator())}

    assert isinstance(views, ImageViews)
    assert views.turns == turns
    for shift, quarters in enumerate(turns):
        shown = views.shifted(inputs, shift, np.arange(2))["pixel_values"]
        assert torch.equal(shown, torch.rot90(inputs["pixel_values"], quarters, dims=(2, 3)))


def test_words_without_order_have_no_shift():
    bag, ordered = text_trial(), text_trial(backbone=TransformerSpec())

    assert views_of(bag.learner(), shifts=True).n_shifts == 1
    assert views_of(ordered.learner(), shifts=True).n_shifts == 2
    assert views_of(ordered.learner(), shifts=False).n_shifts == 1


def test_a_text_keeps_its_other_order_under_one_seed():
    inputs = {"input_ids": torch.arange(1, 13).repeat(3, 1)}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    first, second, other = (TextViews(n_shifts=2, seed=seed) for seed in (1, 1, 2))
    ids = np.array([4, 5, 9])

    order = first.shifted(inputs, 1, ids)["input_ids"]

    assert torch.equal(second.shifted(inputs, 1, ids)["input_ids"], order)
    assert not torch.equal(other.shifted(inputs, 1, ids)["input_ids"], order)
    assert len(order.unique(dim=0)) == 3
    assert first.shifted(inputs, 0, ids) is inputs


def test_networks_that_claim_so_do_not_see_the_order():
    trial = text_trial()
    with rng.seeded(0, "test"):
        model = trial.backbone.build(trial.sample, 2)
    inputs = trial.source.eval_batch(np.arange(6))
    views = TextViews(n_shifts=2, seed=1)

    other = views.shifted(inputs, 1, np.arange(6))

    assert trial.backbone.order_blind
    assert not torch.equal(other["input_ids"], inputs["input_ids"])
    torch.testing.assert_close(model.embed(other), model.embed(inputs))
