"""Configuration: frozen, typed, validated once at the boundary.

`config` checks types and ranges; `alscope.engine.plan` checks names and counts against the
registries and the data. Reading a file with line numbers is in `alscope.config_io`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from alscope.errors import ConfigError, Problem
from alscope.hashing import digest
from alscope.params import check_fields, make_floats, param

__all__ = [
    "MAX_DESCRIPTION",
    "MAX_NAME",
    "SCHEMA",
    "BackboneConfig",
    "RunConfig",
    "ScenarioConfig",
    "StrategySpec",
    "StudyConfig",
    "TrainConfig",
]

SCHEMA = 1
MAX_NAME, MAX_DESCRIPTION = 200, 20_000
"""Characters of a study's name and description."""


@dataclass(frozen=True, kw_only=True)
class ScenarioConfig:
    """Data, its difficulty, and the budget.

    Attributes:
        dataset: Registry name of the data set.
        setting: "closed": every class is known; "open": some classes are unknown to the classifier.
        known_classes: Names of the known classes; empty: draw `n_known` of them.
        n_known: How many classes are known when `known_classes` is empty; None in a closed set.
        ood_ratio: Unknown / (known + unknown) over the training pool including the initial set.
        imbalance_ratio: Largest / smallest known class in the pool, >= 1; 1 leaves the data alone.
        imbalance_profile: "exponential" tail, or "step": half the classes are small.
        imbalance_test: Thin the test set by the same profile (it stays balanced otherwise).
        initial: Initial labeled set: uniformly "random", "balanced" over classes, or "given".
        initial_ids: Row numbers of the training part for `initial = "given"`.
        initial_ood: Let the random initial set contain unknowns at the pool's share.
        n_initial: Size of the initial set, in annotations.
        query_size: Annotations bought per round.
        n_rounds: Queries; a run has `n_rounds + 1` evaluations.
        pool_limit: Use at most this many training samples (stratified); None: all.
        test_limit: Use at most this many test samples (stratified); None: all.
        pool_per_class: Use at most this many training samples of every class, so that huge sets
            stay usable and balanced; None: all.
        ood_dataset: Another data set of the same modality whose samples are the unknown ones (far
            from the task); "": the classes of the data set that are not known. Classes of the data
            set that are neither known nor needed are then left out.
        label_noise: Probability that the annotator names a wrong known class. Every sample has one
            answer; unknown samples are recognized always, and test labels are true.
        noise_kind: A wrong answer is any other class, "symmetric", or the next one, "pair".
        split_seed: Stream of the class choice and of the subsampling, shared by all trials.
        vary_split: Draw classes and subsample anew in every trial.
    """

    dataset: str = "digits"
    setting: str = param("closed", choices=("closed", "open"), help="Are there unknown classes?")
    known_classes: tuple[str, ...] = ()
    n_known: int | None = param(None, low=2, help="Number of known classes in the open set.")
    ood_ratio: float = param(0.0, low=0.0, high=0.95, help="Share of unknown samples in the pool.")
    imbalance_ratio: float = param(1.0, low=1.0, high=10000.0, help="Largest / smallest class.")
    imbalance_profile: str = param("exponential", choices=("exponential", "step"))
    imbalance_test: bool = False
    initial: str = param("balanced", choices=("random", "balanced", "given"))
    initial_ids: tuple[int, ...] = ()
    initial_ood: bool = True
    n_initial: int = param(20, low=0, unit="labels", help="Labels before the first query.")
    query_size: int = param(20, low=1, unit="labels", help="Labels bought per round.")
    n_rounds: int = param(5, low=0, help="Queries; evaluations are one more.")
    pool_limit: int | None = param(None, low=2, help="Cap on training samples.")
    test_limit: int | None = param(None, low=2, help="Cap on test samples.")
    pool_per_class: int | None = param(
        None, low=1, help="Cap on training samples of every class.", later=True
    )
    ood_dataset: str = param("", help="Data set whose samples are the unknown ones.", later=True)
    label_noise: float = param(
        0.0, low=0.0, high=0.95, help="Probability of a wrong answer.", later=True
    )
    noise_kind: str = param(
        "symmetric",
        choices=("symmetric", "pair"),
        help="Which wrong class is named: any, or the next one.",
        later=True,
    )
    split_seed: int = param(0, low=0)
    vary_split: bool = False

    def __post_init__(self) -> None:
        """Equal configurations have one form."""
        make_floats(self)
        if self.label_noise == 0:  # without errors there is no kind of error
            object.__setattr__(self, "noise_kind", "symmetric")

    @property
    def budget(self) -> int:
        """Annotations a run may spend."""
        return self.n_initial + self.n_rounds * self.query_size

    @property
    def title(self) -> str:
        """Short name for people: `digits, open set (OOD 0.40)`."""
        parts = [self.dataset]
        if self.setting == "open":
            parts.append(f"open set, OOD {self.ood_ratio:.2f}")
        if self.ood_dataset:
            parts[-1] += f" from {self.ood_dataset}"
        if self.imbalance_ratio > 1:
            parts.append(f"imbalance {self.imbalance_ratio:g}")
        if self.label_noise > 0:
            parts.append(f"label noise {self.label_noise:.2f} ({self.noise_kind})")
        return " · ".join(parts)

    def problems(self, path: str = "") -> Iterator[Problem]:
        """Everything wrong that can be seen without the data."""
        yield from check_fields(self, path)
        prefix = f"{path}." if path else ""
        if self.setting == "open":
            yield from self._open_problems(prefix)
        else:
            yield from self._closed_problems(prefix)
        if self.initial == "given" and len(self.initial_ids) != self.n_initial:
            yield Problem(
                f"{prefix}initial_ids",
                f"holds {len(self.initial_ids)} ids but n_initial is {self.n_initial}; "
                "make them equal",
            )
        if self.initial != "given" and self.initial_ids:
            yield Problem(
                f"{prefix}initial_ids", f'is set but initial is {self.initial!r}; use "given"'
            )
        if len(set(self.initial_ids)) != len(self.initial_ids):
            yield Problem(f"{prefix}initial_ids", "holds an id twice; list each once")

    def _open_problems(self, prefix: str) -> Iterator[Problem]:
        if self.ood_dataset == self.dataset:
            yield Problem(
                f"{prefix}ood_dataset",
                f"is {self.ood_dataset!r}, the data set itself; name another one, or remove it to "
                "take the classes that are not known",
            )
        if self.known_classes and self.n_known not in (None, len(self.known_classes)):
            yield Problem(
                f"{prefix}n_known",
                f"is {self.n_known} but known_classes names {len(self.known_classes)}; "
                "give one of them",
            )
        if self.known_classes and len(self.known_classes) < 2:
            yield Problem(f"{prefix}known_classes", "names 1 class; at least 2 must be known")
        if len(set(self.known_classes)) != len(self.known_classes):
            yield Problem(f"{prefix}known_classes", "names a class twice; name each once")

    def _closed_problems(self, prefix: str) -> Iterator[Problem]:
        for name in ("known_classes", "n_known", "ood_ratio", "ood_dataset"):
            if getattr(self, name):
                yield Problem(
                    f"{prefix}{name}",
                    f"is {getattr(self, name)!r} in a closed set, where every class is known; "
                    'remove it or set setting = "open"',
                )


@dataclass(frozen=True, kw_only=True)
class BackboneConfig:
    """Which network, and its parameters.

    Attributes:
        name: Registry name.
        params: Fields of the backbone's specification, such as `dropout`.
    """

    name: str = "small_cnn"
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How the target model is trained in every round.

    Attributes:
        epochs: Passes over the labeled set; the number of steps is clipped by the next two.
        min_steps: Fewest optimizer steps, so that ten labels are not under-trained.
        max_steps: Most optimizer steps; None: no limit.
        batch_size: Samples per step.
        optimizer: "adamw" or "sgd" (Nesterov).
        lr: Peak learning rate.
        weight_decay: Decoupled for adamw, L2 for sgd.
        momentum: For sgd.
        schedule: Learning-rate schedule, stretched to the actual number of steps.
        warmup: Share of the steps in which the rate rises linearly from 0.
        grad_clip: Largest gradient norm; 0: no clipping.
        label_smoothing: Of the cross-entropy.
        augment: Use the data set's training transform.
        init: "scratch" at every round, or "previous" (warm start; ends sharing between strategies).
        precision: "float32", or "bf16": matrix products and convolutions of training steps in
            bfloat16 where the device is fast at it. Everything else, all inference included, stays
            in float32, because strategies compare differences that bfloat16 cannot hold.
        batches: Of training: "random", or "by_length": texts of similar length share a batch, which
            saves padding; every sample still comes once per pass, in a random order of batches.
            Images and features have one length and stay "random". Inference always groups by
            length, because there it changes nothing.
        layout: How images lie in memory, in training and inference: "channels_first", or
            "channels_last": often faster for convolutions; the same up to rounding, which training
            enlarges, so results are others. Other networks do not change.
        eval_batch: Samples per inference batch; part of the key because it can change rounding.
    """

    epochs: int = param(30, low=1, help="Passes over the labeled set.")
    min_steps: int = param(100, low=1, help="Fewest optimizer steps per round.")
    max_steps: int | None = param(None, low=1, help="Most optimizer steps per round.")
    batch_size: int = param(64, low=1)
    optimizer: str = param("adamw", choices=("adamw", "sgd"))
    lr: float = param(1e-3, low=1e-7, high=10.0)
    weight_decay: float = param(1e-2, low=0.0, high=1.0)
    momentum: float = param(0.9, low=0.0, high=0.999)
    schedule: str = param("cosine", choices=("cosine", "linear", "multistep", "constant"))
    warmup: float = param(0.0, low=0.0, high=0.5)
    grad_clip: float = param(0.0, low=0.0)
    label_smoothing: float = param(0.0, low=0.0, high=0.5)
    augment: bool = True
    init: str = param("scratch", choices=("scratch", "previous"))
    eval_batch: int = param(256, low=1)
    precision: str = param(
        "float32",
        choices=("float32", "bf16"),
        help="Of the matrix products in training; inference is always float32.",
        later=True,
    )
    batches: str = param(
        "random",
        choices=("random", "by_length"),
        help="Texts: random batches, or texts of similar length together (less padding).",
        later=True,
    )
    layout: str = param(
        "channels_first",
        choices=("channels_first", "channels_last"),
        help="Of images in memory: channels_last is often faster, and rounds otherwise.",
        later=True,
    )

    def __post_init__(self) -> None:
        """Equal configurations have one form."""
        make_floats(self)

    @property
    def has_plain_steps(self) -> bool:
        """Whether a step of a linear head is that of the textbook: float32, labels as they are."""
        return self.precision == "float32" and self.label_smoothing == 0

    def problems(self, path: str = "") -> Iterator[Problem]:
        """Everything wrong with the fields."""
        yield from check_fields(self, path)
        if self.max_steps is not None and self.max_steps < self.min_steps:
            prefix = f"{path}." if path else ""
            yield Problem(
                f"{prefix}max_steps",
                f"is {self.max_steps}, below min_steps ({self.min_steps}); raise it",
            )


@dataclass(frozen=True, kw_only=True)
class StrategySpec:
    """A strategy by name, with its hyper-parameters.

    Attributes:
        name: Registry name.
        params: Fields of the strategy's dataclass.
        candidates: Score only this many pool samples, drawn at random, the same for all strategies
            of a trial and round; None: the whole pool.
    """

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    candidates: int | None = param(None, low=1)

    @property
    def title(self) -> str:
        """Name with the parameters that were set: `bald(n_samples=20)`."""
        shown = [f"{key}={value}" for key, value in sorted(self.params.items())]
        if self.candidates is not None:
            shown.append(f"candidates={self.candidates}")
        return f"{self.name}({', '.join(shown)})" if shown else self.name

    def n_seen(self, n_pool: int, query_size: int) -> int:
        """Samples of a pool that it sees: all, or its candidates, but never less than a query."""
        limit = n_pool if self.candidates is None else max(self.candidates, query_size)
        return min(n_pool, limit)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One strategy on one scenario with one seed. Equal configurations are the same run."""

    scenario: ScenarioConfig
    backbone: BackboneConfig
    train: TrainConfig
    strategy: StrategySpec
    seed: int
    schema: int = SCHEMA

    @cached_property
    def run_id(self) -> str:
        """Content address, 20 hexadecimal characters."""
        return digest(self)[:20]

    @cached_property
    def comparison_key(self) -> str:
        """Content address of everything but strategy and seed: runs with one can be compared."""
        return digest([self.scenario, self.backbone, self.train])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-serializable form; `from_dict` reverses it."""
        return {key: _plain(item) for key, item in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RunConfig:
        """Rebuild a configuration that `to_dict` made.

        Raises:
            ConfigError: If a field is unknown or missing.
        """
        try:
            return cls(
                scenario=_scenario(data["scenario"]),
                backbone=BackboneConfig(**data["backbone"]),
                train=TrainConfig(**data["train"]),
                strategy=StrategySpec(**data["strategy"]),
                seed=int(data["seed"]),
                schema=int(data["schema"]),
            )
        except (KeyError, TypeError) as error:
            raise ConfigError([Problem("", f"not a run configuration: {error}")]) from error


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """A set of runs to compare: scenarios x strategies x seeds with one backbone and training.

    Attributes:
        name: Title for people; identifiers are made from it, never paths.
        scenarios: At least one.
        strategies: At least one.
        seeds: Trial seeds, equal for all strategies.
        backbone: Network.
        train: Training.
        description: Free text.
    """

    name: str = "study"
    scenarios: tuple[ScenarioConfig, ...] = (ScenarioConfig(),)
    strategies: tuple[StrategySpec, ...] = (StrategySpec(name="random"),)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    backbone: BackboneConfig = BackboneConfig()
    train: TrainConfig = TrainConfig()
    description: str = ""
    schema: int = SCHEMA

    def runs(self) -> tuple[RunConfig, ...]:
        """All runs: by scenario, then seed, then strategy, so that shared work comes together."""
        return self._runs

    @cached_property
    def _runs(self) -> tuple[RunConfig, ...]:
        return tuple(
            RunConfig(
                scenario=scenario,
                backbone=self.backbone,
                train=self.train,
                strategy=strategy,
                seed=seed,
                schema=self.schema,
            )
            for scenario in self.scenarios
            for seed in self.seeds
            for strategy in self.strategies
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-serializable form; `from_dict` reverses it."""
        return {key: _plain(item) for key, item in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> StudyConfig:
        """Rebuild a configuration that `to_dict` made.

        Raises:
            ConfigError: If a field is unknown or missing.
        """
        try:
            return cls(
                name=str(data["name"]),
                scenarios=tuple(_scenario(item) for item in data["scenarios"]),
                strategies=tuple(StrategySpec(**item) for item in data["strategies"]),
                seeds=tuple(int(seed) for seed in data["seeds"]),
                backbone=BackboneConfig(**data["backbone"]),
                train=TrainConfig(**data["train"]),
                description=str(data.get("description", "")),
                schema=int(data.get("schema", SCHEMA)),
            )
        except (KeyError, TypeError) as error:
            raise ConfigError([Problem("", f"not a study configuration: {error}")]) from error

    def problems(self) -> Iterator[Problem]:
        """Everything wrong that can be seen without registries and data."""
        if self.schema != SCHEMA:
            yield Problem("schema", f"is {self.schema}; this version reads schema {SCHEMA}")
        if not self.name.strip():
            yield Problem("name", "is empty; give the study a name")
        if not self.name.isprintable() or len(self.name) > MAX_NAME:
            yield Problem(
                "name",
                f"is {self.name[:MAX_NAME]!a}; use at most {MAX_NAME} characters that can be shown",
            )
        if len(self.description) > MAX_DESCRIPTION or "\0" in self.description:
            yield Problem(
                "description", f"holds NUL or more than {MAX_DESCRIPTION:,} characters; shorten it"
            )
        for name in ("scenarios", "strategies", "seeds"):
            if not getattr(self, name):
                yield Problem(name, "is empty; give at least one")
        if len(set(self.seeds)) != len(self.seeds):
            yield Problem("seeds", "holds a seed twice; list each once")
        for seed in self.seeds:
            if not 0 <= seed < 2**31:
                yield Problem("seeds", f"holds {seed}; seeds are between 0 and 2147483647")
        titles = [digest(strategy) for strategy in self.strategies]
        for index, title in enumerate(titles):
            if title in titles[:index]:
                yield Problem(
                    f"strategies[{index}]",
                    f"{self.strategies[index].title} is listed twice; list it once",
                )
            yield from check_fields(self.strategies[index], f"strategies[{index}]")
        for index, scenario in enumerate(self.scenarios):
            yield from scenario.problems(f"scenarios[{index}]")
        yield from self.train.problems("train")


def _scenario(data: Mapping[str, Any]) -> ScenarioConfig:
    fields = dict(data)
    fields["known_classes"] = tuple(fields.get("known_classes", ()))
    fields["initial_ids"] = tuple(int(i) for i in fields.get("initial_ids", ()))
    return ScenarioConfig(**fields)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
