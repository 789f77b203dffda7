"""The data of a scenario: one data set, or one with unknown samples from another.

Samples of the other set come after those of the set itself, with classes of their own that no task
knows. Images are brought to the shape of the set; nothing else is changed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alscope.config import ScenarioConfig
from alscope.data.lookup import find_dataset
from alscope.data.protocols import DataRoot, DataSummary, Examples, RawData
from alscope.errors import ConfigError, Problem
from alscope.hashing import digest
from alscope.types import SampleSpec

__all__ = ["load_pool", "pool_problems", "pool_summary"]


def pool_summary(config: ScenarioConfig, root: DataRoot) -> DataSummary:
    """Labels and facts of everything a scenario draws from.

    Raises:
        UnknownNameError: If there is no such data set.
        DatasetError: If data are missing or damaged.
        ConfigError: If the two sets do not go together.
    """
    own = find_dataset(config.dataset).summary(root)
    if not config.ood_dataset:
        return own
    other = find_dataset(config.ood_dataset).summary(root)
    problems = pool_problems(config, own.sample, other.sample)
    if problems:
        raise ConfigError(problems)
    n_own = len(own.class_names)
    names = tuple(f"{config.ood_dataset}: {name}" for name in other.class_names)
    notes = [text for text in (own.note, other.note) if text]
    return replace(
        own,
        class_names=own.class_names + names,
        train_targets=np.concatenate([own.train_targets, n_own + other.train_targets]),
        source=f"{own.source}; unknown: {other.source}",
        fingerprint=_joined(own.fingerprint, other.fingerprint),
        note=" ".join(notes),
        never_known=own.never_known + tuple(range(n_own, n_own + len(names))),
        n_own=n_own,
    )


def load_pool(config: ScenarioConfig, root: DataRoot) -> RawData:
    """The examples of everything a scenario draws from; rows as in `pool_summary`.

    Raises:
        DatasetError: If data are missing or damaged.
        ConfigError: If the two sets do not go together.
    """
    own = find_dataset(config.dataset).load(root)
    if not config.ood_dataset:
        return own
    other = find_dataset(config.ood_dataset).load(root)
    problems = pool_problems(config, own.sample, other.sample)
    if problems:
        raise ConfigError(problems)
    targets = np.concatenate([own.train.targets, len(own.class_names) + other.train.targets])
    return replace(
        own,
        class_names=own.class_names + other.class_names,
        train=Examples(inputs=_appended(own, other), targets=targets),
        fingerprint=_joined(own.fingerprint, other.fingerprint),
    )


def pool_problems(
    config: ScenarioConfig, own: SampleSpec, other: SampleSpec, path: str = ""
) -> list[Problem]:
    """Why samples of another set cannot be mixed in; empty if they can."""
    at = f"{path}.ood_dataset" if path else "ood_dataset"
    if other.modality != own.modality:
        return [
            Problem(
                at,
                f"{config.ood_dataset} holds {other.modality} data and {config.dataset} "
                f"{own.modality} data; choose a set of the same modality",
            )
        ]
    if own.modality == "features" and own.shape != other.shape:
        return [
            Problem(
                at,
                f"features of {config.ood_dataset} have width {other.shape[0]}, those of "
                f"{config.dataset} {own.shape[0]}; both must come from one encoder",
            )
        ]
    return []


def _joined(own: str, other: str) -> str:
    return digest({"own": own, "unknown": other})


def _appended(own: RawData, other: RawData) -> NDArray[np.generic] | list[str]:
    if own.sample.modality == "text":
        return [*own.train.inputs, *other.train.inputs]
    added = np.asarray(other.train.inputs)
    if own.sample.modality == "image":
        added = _fitted(added, own.sample.shape)
    return np.concatenate([np.asarray(own.train.inputs), added])


def _fitted(images: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Images (n, channels, height, width) with another number of channels and another size."""
    from PIL import Image

    n_channels, height, width = shape
    if images.shape[1:] == shape:
        return images
    mode = "RGB" if n_channels == 3 else "L"
    fitted = np.empty((len(images), *shape), dtype=np.uint8)
    for row, image in enumerate(images):
        plane = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        picture = Image.fromarray(plane).convert(mode)
        if picture.size != (width, height):
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)
        fitted[row] = np.asarray(picture).reshape(height, width, n_channels).transpose(2, 0, 1)
    return fitted
