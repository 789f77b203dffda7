"""Frozen encoders: features of every sample, computed once per data set and kept."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alscope.backbones.encoders import EncoderSpec
from alscope.data.views import Prepared, Source, feature_source
from alscope.hashing import digest
from alscope.learn.passes import Batches
from alscope.store.artifacts import ArtifactCache
from alscope.types import Arrays, Control, FloatArray, SampleSpec

if TYPE_CHECKING:
    import torch

__all__ = ["Encoding"]

_BATCH = {"image": 64, "text": 32}
_VERSION = 1


@dataclass(frozen=True, eq=False)
class Encoding:
    """An encoder on one data set.

    Attributes:
        encoder: Which one.
        data: The samples as the encoder reads them: deterministic views.
        numerics: Device kind, threads and versions that decide rounding.
        device: Where to compute.
        control: Asked once per batch whether to go on.
        cache: Where features are kept; None: nowhere.
        derived: Folder for weights in a form that is read faster; None: nowhere.
    """

    encoder: EncoderSpec
    data: Prepared
    numerics: str
    device: torch.device
    control: Control
    cache: ArtifactCache | None
    derived: Path | None = None

    def prepared(self) -> Prepared:
        """The data set as features.

        Raises:
            ConfigError: If the encoder is not on this machine.
            Interrupted: If the run is to stop.
        """
        train, test = (
            self._features("train", self.data.train),
            self._features("test", self.data.test),
        )
        return Prepared(
            train=feature_source(train, self.device),
            test=feature_source(test, self.device),
            sample=SampleSpec(modality="features", shape=(train.shape[1],)),
            fingerprint=digest(self._identity()),
        )

    def _identity(self) -> list[object]:
        # Without the numerics, like every fingerprint of data: another thread count rounds
        # differently, but it is the same encoder on the same samples.
        weights = self.encoder.weights_digest()
        return ["encoding", _VERSION, self.encoder, weights, self.data.fingerprint]

    def _features(self, part: str, source: Source) -> FloatArray:
        def produce() -> tuple[Arrays, dict[str, float]]:
            start = time.perf_counter()
            features = self._encode(source)
            return {"features": features}, {"compute_s": time.perf_counter() - start}

        if self.cache is None:
            return produce()[0]["features"]
        key = digest([*self._identity(), self.numerics, part])
        found = self.cache.get_or_compute(key, produce, check=self.control.check)
        features: FloatArray = found.arrays["features"]
        return features

    def _encode(self, source: Source) -> FloatArray:
        import torch

        encoder = self.encoder.load(
            mean=self.data.pixel_mean, std=self.data.pixel_std, cache=self.derived
        )
        encoder.to(self.device)
        batches = Batches(
            source,
            np.arange(source.n, dtype=np.int64),
            batch_size=_BATCH[self.data.sample.modality],
            device=self.device,
            control=self.control,
            stage="load",
        )
        features = np.empty((source.n, self.encoder.n_features), dtype=np.float32)
        with torch.no_grad():
            for positions, inputs in batches:
                features[positions] = encoder(inputs).float().cpu().numpy()
        return features
