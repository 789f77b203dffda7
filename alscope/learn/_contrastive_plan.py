"""How contrastive encoders are trained: a small training of our own, and the published one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from alscope.backbones.protocols import BackboneSpec
from alscope.config import TrainConfig
from alscope.learn.optim import SGD, Optimizer, make_optimizer, rate

__all__ = ["Plan", "plan_of"]

_DECAY = 1e-6
_MOMENTUM = 0.9
_IMAGE_RATE = 0.03
_TEXT_RATE = 3e-4
_FINE_RATE = 3e-5
_WARMUP = 0.1
_TRUST = 0.001
_PUBLISHED_RATE, _PUBLISHED_RISE, _PUBLISHED_WARMUP = 0.1, 10.0, 10


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Batches, temperature, optimizer and schedule of our own.

    Attributes:
        n_epochs: Passes over the samples.
        batch_size: Samples per step.
        temperature: Of NT-Xent.
        train: Optimizer and schedule.
    """

    n_epochs: int
    batch_size: int
    temperature: float
    train: TrainConfig

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """The optimizer."""
        return make_optimizer(self.train, parameters)

    def rate(self, step: int, n_steps: int) -> float:
        """Learning rate of a step."""
        return rate(self.train, step, n_steps)

    def adjust(self, parameters: Iterable[nn.Parameter]) -> None:
        """What happens to gradients before a step: nothing."""


@dataclass(frozen=True, kw_only=True)
class _Published(Plan):
    """SGD with LARS, ten epochs of warm-up to ten times the rate, then a cosine."""

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        return SGD(parameters, momentum=_MOMENTUM)

    def rate(self, step: int, n_steps: int) -> float:
        epoch = self.n_epochs * step / n_steps
        if epoch < _PUBLISHED_WARMUP:
            return _PUBLISHED_RATE * (1 + (_PUBLISHED_RISE - 1) * epoch / _PUBLISHED_WARMUP)
        done = (epoch - _PUBLISHED_WARMUP) / (self.n_epochs - _PUBLISHED_WARMUP)
        return _PUBLISHED_RATE * _PUBLISHED_RISE * 0.5 * (1 + math.cos(math.pi * done))

    @torch.no_grad()
    def adjust(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give every gradient, weight decay included, a share of the length of its weights."""
        for weights in parameters:
            if weights.grad is None:
                continue
            length, slope = weights.norm(), weights.grad.norm()
            share = _TRUST * length / (slope + _DECAY * length)
            # Offsets begin at 0 and would stay there.
            scale = torch.where((length > 0) & (slope > 0), share, torch.ones_like(share))
            weights.grad.add_(weights, alpha=_DECAY).mul_(scale)


def plan_of(backbone: BackboneSpec, modality: str, n_epochs: int, *, published: bool) -> Plan:
    """The plan for a network on samples of a modality.

    References:
        You, Gitman and Ginsburg 2017, arXiv:1708.03888 (LARS).
    """
    is_text = modality == "text"
    kind = _Published if published else Plan
    return kind(
        n_epochs=n_epochs,
        batch_size=64 if is_text else 32,
        temperature=0.05 if is_text else 0.5,
        train=_text_training(backbone) if is_text else _image_training(),
    )


def _image_training() -> TrainConfig:
    return TrainConfig(
        optimizer="sgd",
        lr=_IMAGE_RATE,
        momentum=_MOMENTUM,
        weight_decay=_DECAY,
        warmup=_WARMUP,
    )


def _text_training(backbone: BackboneSpec) -> TrainConfig:
    # Most rows of a table of word vectors have no gradient in a step; AdamW gives rare words
    # steps of the same size as frequent ones.
    lr = _FINE_RATE if backbone.pretrained else _TEXT_RATE
    return TrainConfig(optimizer="adamw", lr=lr, weight_decay=_DECAY, warmup=_WARMUP)
