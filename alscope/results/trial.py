"""What the data set says about the samples of a trial: their classes, and what they look like.

Records hold row numbers; everything here is looked up in the data of this machine, which may be
absent or others than those that were recorded. Then there is a reason, in words, and no picture.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alscope.config import RunConfig
from alscope.data.pools import load_pool, pool_summary
from alscope.data.protocols import DataRoot, DataSummary, RawData
from alscope.data.scenario import Scenario, build_scenario
from alscope.errors import ALScopeError, DatasetError
from alscope.types import IntArray

__all__ = ["Samples", "Trial", "load_samples", "open_trial"]

_LARGEST = 96
"""Pixels of the longer side of a thumbnail."""
_TEXT = 600
"""Characters of a text that are shown."""


@dataclass(frozen=True, eq=False)
class Trial:
    """The samples of a trial and their classes.

    Attributes:
        scenario: Index sets and labels.
        summary: The data set.
    """

    scenario: Scenario
    summary: DataSummary

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the known classes in label order."""
        return self.scenario.class_names

    @property
    def rows(self) -> IntArray:
        """Everything that takes part: the initial set and the pool, sorted."""
        split = self.scenario.split
        return np.sort(np.concatenate([split.labeled, split.unknowns, split.pool]))

    def true_names(self, samples: IntArray) -> list[str]:
        """Name of the true class of each sample, unknown classes included."""
        targets = self.summary.train_targets[samples]
        return [self.summary.class_names[target] for target in targets]

    def unknown(self, samples: IntArray) -> NDArray[np.bool_]:
        """(n,), True where the true class is unknown to the classifier."""
        found: NDArray[np.bool_] = self.scenario.labels[samples] < 0
        return found

    def pool_counts(self) -> IntArray:
        """Samples of every known class in the pool before the first query, (n_classes,)."""
        labels = self.scenario.labels[self.scenario.split.pool]
        return np.bincount(labels[labels >= 0], minlength=len(self.class_names)).astype(np.int64)


def open_trial(config: RunConfig, root: DataRoot, *, fingerprint: str) -> Trial:
    """The samples of a run; nothing is downloaded.

    Args:
        config: The run.
        root: Where data sets are.
        fingerprint: Of the data that the run read.

    Raises:
        DatasetError: If the data are not on this machine, or are others than the recorded ones.
    """
    try:
        summary = pool_summary(config.scenario, replace(root, allow_download=False))
        if summary.fingerprint != fingerprint:
            raise DatasetError(
                f"the data of {config.scenario.title} on this machine are not the ones this run "
                "read; bring back the same version to see its samples"
            )
        return Trial(build_scenario(config.scenario, summary, seed=config.seed), summary)
    except DatasetError:
        raise
    except ALScopeError as error:
        raise DatasetError(f"the samples cannot be looked up: {error}") from error


@dataclass(frozen=True, eq=False)
class Samples:
    """The examples of a trial's data.

    Attributes:
        data: Loaded data.
    """

    data: RawData

    @property
    def modality(self) -> str:
        """`image`, `text` or `features`."""
        return self.data.sample.modality

    def image(self, sample: int) -> str:
        """A PNG of an image as a data URL, at most 96 pixels long."""
        from PIL import Image

        pixels = np.asarray(self.data.train.inputs[sample])  # (channels, height, width)
        flat = pixels.transpose(1, 2, 0) if len(pixels) == 3 else pixels[0]
        picture = Image.fromarray(np.ascontiguousarray(flat))
        picture.thumbnail((_LARGEST, _LARGEST))
        file = io.BytesIO()
        picture.save(file, "PNG")
        return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()

    def words(self, sample: int) -> str:
        """A text, cut; of features, how many there are and how long the vector is."""
        value = self.data.train.inputs[sample]
        if isinstance(value, str):
            return value if len(value) <= _TEXT else value[: _TEXT - 1].rstrip() + "…"
        vector = np.asarray(value, dtype=np.float64).ravel()
        return f"{vector.size:,} features, length {np.linalg.norm(vector):.3g}"

    def matrix(self, samples: IntArray) -> NDArray[np.float32] | Sequence[str]:
        """Pixels in [0, 1] or features, (n, n_features); or a list of n texts."""
        inputs = self.data.train.inputs
        if isinstance(inputs, list):
            return [inputs[sample] for sample in samples]
        rows = np.asarray(inputs[samples]).reshape(samples.size, -1).astype(np.float32)
        return rows / 255.0 if self.modality == "image" else rows


def load_samples(config: RunConfig, root: DataRoot) -> Samples:
    """The examples of a run's data; nothing is downloaded.

    Raises:
        DatasetError: If the data are missing or damaged.
    """
    return Samples(load_pool(config.scenario, replace(root, allow_download=False)))
