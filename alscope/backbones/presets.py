"""Backbones and training of the benchmark's paper, per data set, and text models by name.

They are presets, not defaults: few labels mean few steps (ten labels, 30 epochs, batches of 64: 30
steps), so early rounds are under-trained. Build and the command line offer them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["TRANSFORMERS", "preset"]

TRANSFORMERS: Mapping[str, str] = MappingProxyType(
    {
        "distilbert-base-uncased": "DistilBERT, 66 million weights",
        "roberta-base": "RoBERTa, 125 million weights",
        "nreimers/MiniLM-L6-H384-uncased": "MiniLM, 23 million weights",
        "sentence-transformers/all-MiniLM-L6-v2": "MiniLM for sentences, 23 million weights",
    }
)
"""Names for `backbone.params.model` of the backbone `transformer`, with what they are."""

_IMAGE_TRAIN: Mapping[str, Any] = MappingProxyType(
    {
        "epochs": 200,
        "min_steps": 1,
        "batch_size": 64,
        "optimizer": "sgd",
        "lr": 0.1,
        "weight_decay": 5e-4,
        "momentum": 0.9,
        "schedule": "multistep",  # a tenth after epochs 100 and 150
        "eval_batch": 500,
    }
)
_TEXT_TRAIN: Mapping[str, Any] = MappingProxyType(
    {
        "epochs": 30,
        "min_steps": 1,
        "batch_size": 64,
        "optimizer": "adamw",
        "lr": 1e-4,
        "weight_decay": 5e-4,
        "schedule": "constant",
        "eval_batch": 500,
    }
)
_IMAGE_PARAMS: Mapping[str, Any] = MappingProxyType({})
_TEXT_PARAMS: Mapping[str, Any] = MappingProxyType(
    {"model": "distilbert-base-uncased", "max_tokens": 128, "pooling": "first"}
)

# Sizes of the initial set and of every query, as in the paper's scripts; none where it has no run.
_IMAGE_SIZES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "cifar10": (100, 200, 500),
        "cifar100": (200, 500, 1000),
        "mnist": (),
        "svhn": (),
        "tiny_imagenet": (200, 500, 1000),
    }
)
_TEXT_SIZES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "ag_news": (10, 20, 50),
        "dbpedia14": (),
        "imdb": (10,),
        "sst5": (10, 20, 50),
        "trec6": (),
        "yelp5": (20, 50, 100),
    }
)


def preset(dataset: str) -> dict[str, Any] | None:
    """The paper's backbone and training for a data set, as fields of a study.

    Two differences: a dropout of 0.2 precedes the head of ResNet-18, without which Monte Carlo
    methods cannot work; and ResNet-18 keeps its stem for small images up to 64 pixels.

    Args:
        dataset: Registry name.

    Returns:
        "backbone" (name, params), "train", "query_sizes" (of the initial set and every query, from
        small to large; may be empty), "n_rounds" (queries) and "n_seeds"; None for other data sets.
    """
    if dataset in _IMAGE_SIZES:
        name, params, train = "resnet18", _IMAGE_PARAMS, _IMAGE_TRAIN
        sizes = _IMAGE_SIZES[dataset]
    elif dataset in _TEXT_SIZES:
        name, params, train = "transformer", _TEXT_PARAMS, _TEXT_TRAIN
        sizes = _TEXT_SIZES[dataset]
    else:
        return None
    return {
        "backbone": {"name": name, "params": dict(params)},
        "train": dict(train),
        "query_sizes": sizes,
        "n_rounds": 9,
        "n_seeds": 5,
    }
