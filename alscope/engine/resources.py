"""What stages may use: data by reference, the device, and the results of other stages."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from alscope import rng
from alscope.config import ScenarioConfig, TrainConfig
from alscope.data.pools import load_pool, pool_summary
from alscope.data.protocols import DataRoot, DataSummary
from alscope.data.scenario import Scenario, build_scenario
from alscope.data.views import Prepared, Source, prepare
from alscope.engine.control import NullControl
from alscope.engine.encoding import Encoding
from alscope.engine.stages import DataRef, Produced, Stage, TrainStage
from alscope.errors import DatasetError, TrainingDiverged
from alscope.hashing import digest
from alscope.learn import device as devices
from alscope.learn.attachments import build_heads, load_heads, target_state
from alscope.learn.passes import Batches, arrange, load_state
from alscope.learn.protocols import Attachment
from alscope.store.artifacts import Artifact, ArtifactCache
from alscope.store.codecs import normal_arrays
from alscope.types import Control, Cost, IntArray

if TYPE_CHECKING:
    import torch
    from torch import nn

    from alscope.backbones.encoders import EncoderSpec
    from alscope.backbones.protocols import Backbone, BackboneSpec
    from alscope.learn.trainer import Fit

__all__ = ["Resources"]

MEMORY_BYTES = 1 << 30
"""Budget for artifacts kept in memory: those of the current round and the shared ones."""

T = TypeVar("T")


class _Recent(Generic[T]):
    """The most recently used values within a budget; at least the newest is kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: OrderedDict[Any, tuple[T, int]] = OrderedDict()

    def get(self, key: Any) -> T | None:
        if key not in self._items:
            return None
        self._items.move_to_end(key)
        return self._items[key][0]

    def put(self, key: Any, value: T, size: int = 1) -> T:
        self._items[key] = (value, size)
        self._items.move_to_end(key)
        while sum(size for _, size in self._items.values()) > self._limit and len(self._items) > 1:
            self._items.popitem(last=False)
        return value


@dataclass(frozen=True, eq=False)
class _Data:
    prepared: Prepared
    test_targets: IntArray


class Resources:
    """The hands of the engine in one process.

    Args:
        data_root: Where data sets are.
        cache: The artifact cache; None computes everything anew.
        device: "auto", "cpu" or "cuda".
        n_threads: CPU threads; part of every key, because they change rounding.
        slot: Which of several processes this is.
    """

    def __init__(
        self,
        data_root: DataRoot,
        cache: ArtifactCache | None,
        *,
        device: str = "auto",
        n_threads: int | None = None,
        slot: int = 0,
    ) -> None:
        self.data_root = data_root
        self.cache = cache
        self.n_threads = n_threads or devices.default_threads()
        devices.configure(self.n_threads)
        self.device: torch.device = devices.pick_device(device, slot=slot)
        self.device_name = devices.device_name(self.device)
        self.numerics = devices.numerics_tag(self.device, self.n_threads)
        self.control: Control = NullControl()
        self.contended = False
        self._scenarios: _Recent[Scenario] = _Recent(limit=2)
        self._loaded: _Recent[_Data] = _Recent(limit=2)
        self._current: _Data | None = None
        self._models: _Recent[Backbone] = _Recent(limit=2)
        self._warm: set[str] = set()
        self._memory: _Recent[Artifact] = _Recent(limit=MEMORY_BYTES)
        self._trained: dict[str, Fit | TrainingDiverged] = {}

    def summary(self, scenario: ScenarioConfig) -> DataSummary:
        """Labels and facts of what a scenario draws from."""
        return pool_summary(scenario, self.data_root)

    def scenario(self, config: ScenarioConfig, summary: DataSummary, *, seed: int) -> Scenario:
        """The index sets of a trial; kept for its other strategies, which begin with the same.

        Raises:
            ConfigError: With every problem found.
        """
        key = (config, summary.fingerprint, seed)
        held = self._scenarios.get(key)
        if held is not None:
            return held
        return self._scenarios.put(key, build_scenario(config, summary, seed=seed))

    def prepare(
        self, scenario: ScenarioConfig, backbone: BackboneSpec, train: TrainConfig
    ) -> Prepared:
        """Load the data of a scenario, bound to a backbone's input; kept for the next runs."""
        tokenizer, encoder = backbone.tokenizer(), backbone.encoder_spec
        augment = train.augment and encoder is None
        fingerprint = self.summary(scenario).fingerprint
        key = (fingerprint, tokenizer.key if tokenizer else "", augment, encoder)
        loaded = self._loaded.get(key)
        if loaded is None:
            raw = load_pool(scenario, self.data_root)
            if raw.fingerprint != fingerprint:
                raise DatasetError(
                    f"the data of {scenario.title} changed while they were read; start again"
                )
            prepared = prepare(
                raw,
                tokenizer,
                augment=augment,
                cache=self.data_root.cache,
                device=self.device,
            )
            if encoder is not None:
                prepared = self._encoded(prepared, encoder)
            loaded = _Data(prepared, raw.test.targets)
            self._loaded.put(key, loaded)
        self._current = loaded
        return loaded.prepared

    def _encoded(self, prepared: Prepared, encoder: EncoderSpec) -> Prepared:
        return Encoding(
            encoder=encoder,
            data=prepared,
            numerics=self.numerics,
            device=self.device,
            control=self.control,
            cache=self.cache,
            derived=self.data_root.cache,
        ).prepared()

    def train_data(self, ref: DataRef) -> Prepared:
        """The prepared data that a reference names."""
        return self._fetch(ref).prepared

    def test_data(self, ref: DataRef) -> tuple[Prepared, IntArray]:
        """The prepared data and the test targets that a reference names."""
        loaded = self._fetch(ref)
        return loaded.prepared, loaded.test_targets

    def _fetch(self, ref: DataRef) -> _Data:
        loaded = self._current
        if loaded is None or loaded.prepared.fingerprint != ref.fingerprint:
            raise LookupError(f"data {ref.dataset!r} ({ref.fingerprint[:12]}) were not prepared")
        return loaded

    def batches(self, source: Source, indices: IntArray, *, batch_size: int, stage: str) -> Batches:
        """Inference batches of some samples on the device."""
        return Batches(
            source,
            indices,
            batch_size=batch_size,
            device=self.device,
            control=self.control,
            stage=stage,
        )

    def resolve(self, stage: Stage, *, persist: bool) -> Artifact:
        """The artifact of a stage: from memory, from the cache, or computed now.

        Args:
            stage: What is wanted.
            persist: Keep it on disk: it will be asked for by other runs, or is expensive.
        """
        self.control.check()
        held = self._memory.get(stage.key)
        if held is not None:
            return Artifact(arrays=held.arrays, meta=held.meta, hit=True)

        def produce() -> Produced:
            arrays, facts = stage.compute(self)
            return arrays, {**facts, **self._conditions()}

        if persist and self.cache is not None:
            artifact = self.cache.get_or_compute(stage.key, produce, check=self.control.check)
        else:
            arrays, facts = produce()
            # The memory layout of a cached array, because it can decide the last bit of a product.
            artifact = Artifact(arrays=normal_arrays(arrays), meta=facts, hit=False)
        self._keep(stage, artifact)
        return artifact

    def _keep(self, stage: Stage, artifact: Artifact) -> None:
        size = sum(array.nbytes for array in artifact.arrays.values())
        self._memory.put(stage.key, artifact, size)

    def train_together(self, stages: Sequence[TrainStage], controls: Sequence[Control]) -> None:
        """Train what is missing in lockstep, for `resolve` to take up stage by stage.

        Only where that saves time; everything else stays for `resolve`.

        Args:
            stages: Of different runs on the data of this moment.
            controls: Of these runs.

        Raises:
            Interrupted: If one of the runs is asked to stop; then nothing was trained.
        """
        from alscope.learn.trainer import fit_together

        if self.device.type != "cpu":
            return
        wanted = {stage.key for stage in stages}
        self._trained = {key: fit for key, fit in self._trained.items() if key in wanted}
        alike: dict[int, list[tuple[TrainStage, Control]]] = {}
        for stage, control in zip(stages, controls, strict=True):
            if stage.indices.size and stage.trains_together and not self._is_at_hand(stage):
                alike.setdefault(stage.indices.size, []).append((stage, control))
        for group in alike.values():
            if len(group) > 1:
                jobs = []
                for stage, control in group:
                    self.control = control  # of whose run an earlier model may be needed
                    jobs.append(stage.training(self, control))
                fits = fit_together(jobs)
                self._trained |= {
                    stage.key: fit for (stage, _), fit in zip(group, fits, strict=True)
                }

    def take_trained(self, stage: TrainStage) -> Fit | TrainingDiverged | None:
        """What `train_together` made of a stage; once."""
        return self._trained.pop(stage.key, None)

    def spent_before(self, stage: TrainStage) -> float:
        """Seconds that `train_together` spent on a stage which is not taken up yet."""
        found = self._trained.get(stage.key)
        return 0.0 if found is None or isinstance(found, Exception) else found.total_s

    def _is_at_hand(self, stage: TrainStage) -> bool:
        if stage.key in self._trained or self._memory.get(stage.key) is not None:
            return True
        artifact = self.cache.get(stage.key) if self.cache is not None else None
        if artifact is not None:
            self._keep(stage, artifact)
        return artifact is not None

    def model(self, stage: TrainStage) -> Backbone:
        """The trained model of a stage, in evaluation mode, warmed up.

        It is always rebuilt from the artifact, so a cached model and a fresh one are the same.
        """
        held = self._models.get(stage.key)
        if held is not None:
            return held
        artifact = self.resolve(stage, persist=True)
        prepared = self.train_data(stage.data)
        with rng.seeded(stage.seed, "rebuild"):
            model = stage.backbone.build(prepared.sample, stage.data.known.size)
        load_state(model, target_state(artifact.arrays))
        model.to(self.device)  # type: ignore[attr-defined]
        model.eval()  # type: ignore[attr-defined]
        arrange(model, stage.train)
        self._warm_up(model, prepared, stage)
        return self._models.put(stage.key, model)

    def heads(self, stage: TrainStage) -> dict[Attachment, nn.Module]:
        """The heads that were trained with the model of a stage, in evaluation mode."""
        if not stage.attachments:
            return {}
        prepared = self.train_data(stage.data)
        with rng.seeded(stage.seed, "rebuild"):
            heads = build_heads(
                stage.attachments,
                self.model(stage),
                prepared.train,
                n_classes=stage.data.known.size,
            )
        load_heads(heads, self.resolve(stage, persist=True).arrays)
        return dict(zip(stage.attachments, heads, strict=True))

    def forget_run(self) -> None:
        """Drop what only the finished run needed."""
        self._models = _Recent(limit=2)
        self._trained.clear()
        gc.collect()

    def make_room(self) -> None:
        """Drop everything that is kept in memory for later; what is in use stays."""
        self._memory = _Recent(limit=MEMORY_BYTES)
        self._loaded = _Recent(limit=2)
        self._scenarios = _Recent(limit=2)
        self.forget_run()

    def cost(self, artifact: Artifact) -> Cost:
        """What an artifact cost when it was made."""
        meta = artifact.meta
        return Cost(
            load_s=meta["load_s"],
            compute_s=meta["compute_s"],
            device=meta["device"],
            n_threads=meta["n_threads"],
            contended=meta["contended"],
        )

    def _conditions(self) -> dict[str, Any]:
        return {
            "device": self.device_name,
            "n_threads": self.n_threads,
            "contended": self.contended,
        }

    def _warm_up(self, model: Backbone, prepared: Prepared, stage: TrainStage) -> None:
        # The first batch pays for kernel selection and lazy allocation; no strategy should. The
        # process pays it once for all networks of one shape.
        shape = digest([stage.backbone, stage.train, prepared.sample, stage.data.known.size])
        if shape in self._warm:
            return
        self._warm.add(shape)
        few = np.arange(min(2, prepared.train.n), dtype=np.int64)
        import torch

        with torch.no_grad():
            for _, inputs in self.batches(prepared.train, few, batch_size=2, stage="load"):
                model(inputs)
        devices.synchronize(self.device)  # or the first pass would be charged for the rest of it
