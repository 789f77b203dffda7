"""Measuring a machine for some seconds, in a process of its own.

    python -m alscope.engine.measure --cache DIR [--device auto] [--threads N] [--seconds 20]

Networks are trained by the trainer of every run, on made-up samples, so that a step costs what it
costs in a study. Results go to the cache folder; see `alscope.engine.calibration`.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from alscope.acquisition.cover import k_center_greedy
from alscope.acquisition.ranking import top_k
from alscope.acquisition.uncertainty import entropy
from alscope.backbones.protocols import BackboneSpec
from alscope.config import TrainConfig
from alscope.data.views import Source
from alscope.engine.calibrating import SECONDS
from alscope.engine.calibration import Calibration, NetworkSpeed, keep, machine_key
from alscope.engine.control import NullControl
from alscope.engine.defaults import Paths
from alscope.errors import Interrupted
from alscope.learn import device as devices
from alscope.learn.passes import Batches, forward_pass, module_of
from alscope.learn.trainer import fit
from alscope.registry import backbones
from alscope.rng import generator, tie_keys
from alscope.store.writer import now
from alscope.types import IntArray, SampleSpec

__all__ = ["calibrate", "main"]

_N_CLASSES, _N_SAMPLES = 10, 64
_N_TOKENS, _N_IDS = 32, 1_000
_SAMPLES = (
    SampleSpec(modality="features", shape=(384,)),
    SampleSpec(modality="image", shape=(3, 32, 32)),
    SampleSpec(modality="text"),
)
_BATCHES, _MOST_STEPS = (4, 32), 40
_POOLS, _N_FEATURES, _N_QUERY = (2_000, 20_000), 128, 50
_LONG_S = 1.0
_LEAST_REST = 12  # steps of the smaller batch: one of the larger batch, and a pass over all samples
_NICENESS = 10
_SHARES = 30  # one part of so many is what a network gets that could do with less


def calibrate(device: torch.device, *, n_threads: int, seconds: float = SECONDS) -> Calibration:
    """Measure what this machine can do; small networks first, large ones if there is time.

    A step or a pass that has begun is finished. What is not measured in time is named.

    Args:
        device: Where networks run.
        n_threads: CPU threads, which the process was configured for.
        seconds: How long.
    """
    families = sorted(_families(), key=lambda family: family.n_weights)
    control = _Until(seconds)
    ranking, covering = _selection_times(seconds / 40)
    networks: dict[str, NetworkSpeed] = {}
    for place, family in enumerate(families):
        share = min(control.remaining_s / (len(families) - place), seconds / _SHARES)
        with suppress(Interrupted):
            networks[family.spec.key] = family.speed(device, share, control)
    return Calibration(
        at=now(),
        took_s=seconds - control.remaining_s,
        device=devices.device_name(device),
        n_threads=n_threads,
        networks=networks,
        ranking=ranking,
        covering=covering,
        skipped=tuple(family.spec.key for family in families if family.spec.key not in networks),
    )


class _Until(NullControl):
    """Stops what asks after some seconds."""

    def __init__(self, seconds: float) -> None:
        self._end = time.perf_counter() + seconds

    @property
    def remaining_s(self) -> float:
        """Seconds that are left; negative afterwards."""
        return self._end - time.perf_counter()

    def check(self) -> None:
        """Go on, or not."""
        if self.remaining_s <= 0:
            raise Interrupted("the time of the calibration is over")


@dataclass(frozen=True, eq=False)
class _Made:
    """Random samples of one kind, as a trainer reads them."""

    inputs: dict[str, torch.Tensor]
    lengths: IntArray | None = None

    @property
    def n(self) -> int:
        """Samples."""
        return _N_SAMPLES

    def eval_batch(self, indices: IntArray) -> dict[str, torch.Tensor]:
        """Rows of them."""
        rows = torch.from_numpy(indices)
        return {name: values[rows] for name, values in self.inputs.items()}

    def train_batch(self, indices: IntArray, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Rows of them."""
        return self.eval_batch(indices)


@dataclass(frozen=True, eq=False)
class _Family:
    """A kind of network on made-up samples."""

    spec: BackboneSpec
    sample: SampleSpec
    source: Source
    n_weights: int

    def speed(self, device: torch.device, seconds: float, control: _Until) -> NetworkSpeed:
        """Seconds of steps and of inference, measured for about that long.

        Raises:
            Interrupted: If control does not let it finish.
        """
        small, large = _BATCHES
        few = self._step_s(device, small, seconds / 3, control)
        if few * _LEAST_REST > control.remaining_s:
            raise Interrupted("the rest would take too long")
        many = self._step_s(device, large, seconds / 3, control)
        sample_s = max(many - few, 0.0) / (large - small)
        return NetworkSpeed(
            step_s=max(few - small * sample_s, 0.0),
            sample_s=sample_s,
            infer_s=self._inference_s(device, seconds / 3, control),
            n_pixels=int(np.prod(self.sample.shape[1:])) if self._is_image else 0,
        )

    @property
    def _is_image(self) -> bool:
        return self.sample.modality == "image"

    def _step_s(
        self, device: torch.device, batch_size: int, seconds: float, control: _Until
    ) -> float:
        # The first step pays what is only paid once, and counts only if that hardly matters.
        first = self._train(device, batch_size, 1, control)
        n_steps = int(min(max(seconds / max(first, 1e-6) - 1, first < _LONG_S), _MOST_STEPS))
        return self._train(device, batch_size, n_steps, control) / n_steps if n_steps else first

    def _train(self, device: torch.device, batch_size: int, n_steps: int, control: _Until) -> float:
        """Seconds of one training of so many steps."""
        indices = np.arange(_N_SAMPLES, dtype=np.int64)
        done = fit(
            self.spec,
            self.sample,
            self.source,
            indices=indices,
            labels=indices % _N_CLASSES,
            n_classes=_N_CLASSES,
            train=TrainConfig(
                epochs=1, min_steps=n_steps, max_steps=n_steps, batch_size=batch_size, augment=False
            ),
            seed=0,
            device=device,
            control=control,
            attempts=1,  # nothing can be learned from such samples, at a second trial neither
        )
        devices.synchronize(device)
        return done.load_s + done.compute_s

    def _inference_s(self, device: torch.device, seconds: float, control: _Until) -> float:
        model = self.spec.build(self.sample, _N_CLASSES)
        module_of(model).to(device).eval()

        def run() -> None:
            indices = np.arange(_N_SAMPLES, dtype=np.int64)
            batches = Batches(
                self.source,
                indices,
                batch_size=_N_SAMPLES,
                device=device,
                control=control,
                stage="infer",
            )
            forward_pass(model, batches, n_classes=_N_CLASSES)

        return _fastest(run, seconds) / _N_SAMPLES


def _families() -> Iterator[_Family]:
    """Every network of our own; those that a name chooses could be of any size."""
    rng = generator(0, "calibration")
    sources = {sample: _Made(_inputs(sample, rng)) for sample in _SAMPLES}
    for name in backbones:
        spec: BackboneSpec = backbones.get(name)()
        if any(field.name == "model" for field in dataclasses.fields(spec)):
            continue
        sample = next((sample for sample in _SAMPLES if _reads(spec, sample)), None)
        if sample is not None:
            yield _Family(spec, sample, sources[sample], _n_weights(spec, sample))


def _reads(spec: BackboneSpec, sample: SampleSpec) -> bool:
    if spec.encoder_spec is not None:  # its head is what is trained
        return sample.modality == "features"
    return not spec.problems(sample)


def _n_weights(spec: BackboneSpec, sample: SampleSpec) -> int:
    with torch.device("meta"):  # shapes without numbers: large networks take seconds to initialize
        model = spec.build(sample, _N_CLASSES)
    return sum(weights.numel() for weights in module_of(model).parameters())


def _inputs(sample: SampleSpec, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    if sample.modality == "text":
        ids = rng.integers(2, _N_IDS, size=(_N_SAMPLES, _N_TOKENS))
        mask = np.ones_like(ids)
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    values = rng.normal(size=(_N_SAMPLES, *sample.shape)).astype(np.float32)
    name = "pixel_values" if sample.modality == "image" else "features"
    return {name: torch.from_numpy(values)}


def _selection_times(seconds: float) -> tuple[tuple[tuple[int, float], ...], ...]:
    """Ranking by entropy, and a greedy cover, at two sizes of the pool."""
    rng = generator(0, "calibration", "selection")
    times: tuple[list[tuple[int, float]], list[tuple[int, float]]] = ([], [])
    for n in _POOLS:
        points = rng.normal(size=(n, _N_FEATURES)).astype(np.float32)
        logits = points[:, :_N_CLASSES]
        keys = tie_keys(np.arange(n), seed=0, round=0)

        def rank(logits: np.ndarray = logits, keys: np.ndarray = keys) -> None:
            top_k(entropy(logits), _N_QUERY, keys=keys)

        def cover(points: np.ndarray = points, keys: np.ndarray = keys) -> None:
            k_center_greedy(points, points[:_N_QUERY], _N_QUERY, keys=keys)

        for found, run in zip(times, (rank, cover), strict=True):
            found.append((n, _fastest(run, seconds)))
    return tuple(tuple(found) for found in times)


def _fastest(run: Callable[[], None], seconds: float) -> float:
    """The shortest of some calls; others only disturb. The first pays what is only paid once."""
    began = time.perf_counter()
    first = _seconds(run)
    more = [] if first > _LONG_S else [_seconds(run)]
    while time.perf_counter() - began < seconds and len(more) < _MOST_STEPS:
        more.append(_seconds(run))
    return min(more, default=first)


def _seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Measure, and keep what was found."""
    parser = argparse.ArgumentParser(prog="alscope.engine.measure")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    if hasattr(os, "nice"):
        os.nice(_NICENESS)  # as workers are
    n_threads = options.threads or devices.default_threads()
    devices.configure(n_threads)
    device = devices.pick_device(options.device)
    found = calibrate(device, n_threads=n_threads, seconds=options.seconds)
    key = machine_key(device=options.device, n_threads=n_threads)
    keep(Paths(options.cache).calibration, key, found)


if __name__ == "__main__":
    main()
