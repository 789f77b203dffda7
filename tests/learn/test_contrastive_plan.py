from __future__ import annotations

import pytest
import torch

from alscope.backbones.transformer import TransformerSpec
from alscope.learn._contrastive_plan import plan_of
from tests.learn.contexts import BAG, CNN


def test_published_rate_rises_tenfold_then_falls_along_a_cosine():
    plan = plan_of(CNN, "image", 110, published=True)

    rates = [plan.rate(epoch, 110) for epoch in (0, 5, 10, 60, 109)]

    assert rates[:4] == pytest.approx([0.1, 0.55, 1.0, 0.5])
    assert 0 < rates[4] < 1e-3


def test_published_optimizer_scales_gradients_to_the_length_of_the_weights():
    plan = plan_of(CNN, "image", 20, published=True)
    weights = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    offset = torch.nn.Parameter(torch.zeros(2))
    weights.grad, offset.grad = torch.tensor([0.0, 100.0]), torch.tensor([1.0, 2.0])

    plan.adjust([weights, offset])

    torch.testing.assert_close(weights.grad.norm(), torch.tensor(0.001 * 5.0))
    assert offset.grad.tolist() == [1.0, 2.0]


def test_own_training_differs_between_images_texts_and_pretrained_networks():
    images_, texts, pretrained = (
        plan_of(spec, kind, 5, published=False)
        for spec, kind in ((CNN, "image"), (BAG, "text"), (TransformerSpec(), "text"))
    )

    assert (images_.batch_size, images_.temperature, images_.train.optimizer) == (32, 0.5, "sgd")
    assert (texts.batch_size, texts.temperature, texts.train.optimizer) == (64, 0.05, "adamw")
    assert pretrained.train.lr < texts.train.lr
