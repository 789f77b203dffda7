"""The values that travel between the rooms."""

from __future__ import annotations

import enum
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from alscope.errors import SelectionError, ShapeError

__all__ = [
    "CAUTION",
    "Arrays",
    "Control",
    "Cost",
    "FloatArray",
    "InputKey",
    "IntArray",
    "Outcome",
    "PoolView",
    "RunState",
    "SampleSpec",
    "Selection",
    "Split",
    "State",
    "Tokenizer",
]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]
State = Mapping[str, NDArray[Any]]
"""What a strategy remembers between rounds: named arrays, passed in and out."""
CAUTION = "caution"
"""The entry of a selection's diagnostics that readers of results are shown."""


@runtime_checkable
class InputKey(Hashable, Protocol):
    """What `PoolView` needs of an `alscope.inputs.Input`: how to read its value."""

    def extract(self, arrays: Arrays) -> Any:
        """The value a strategy sees, made from the arrays of the source input."""

    def source(self) -> InputKey:
        """The input that is computed; itself unless it is a part of another one."""


class RunState(enum.StrEnum):
    """Where a run stands. `interrupted` is inferred: it was running and nobody holds its lock."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """No further round will be recorded unless somebody asks for it."""
        return self in {RunState.DONE, RunState.FAILED, RunState.CANCELLED}


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the annotator answered.

    Attributes:
        labels: (n,), int64, in 0..n_classes-1, or -1 for a sample of an unknown class; in the order
            of the query.
    """

    labels: IntArray

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,), True where the sample belongs to a known class."""
        return self.labels >= 0


@dataclass(frozen=True, eq=False)
class Split:
    """Who is where. Index arrays into the training or test part of a data set; sorted, disjoint.

    Attributes:
        labeled: Annotated samples of known classes.
        unknowns: Annotated samples found to be of an unknown class; paid for, never trained on.
        pool: Not yet annotated.
        test: Samples of the test part that are evaluated; a different index space.
    """

    labeled: IntArray
    unknowns: IntArray
    pool: IntArray
    test: IntArray

    def __post_init__(self) -> None:
        for name in ("labeled", "unknowns", "pool", "test"):
            # Stable, because that is quick with what is sorted already, as most of it is.
            values = np.sort(np.asarray(getattr(self, name), dtype=np.int64), kind="stable")
            if _repeats(values):
                raise ShapeError(f"the split's {name} holds an index twice")
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        parts = np.concatenate([self.labeled, self.unknowns, self.pool])
        if _repeats(np.sort(parts, kind="stable")):
            raise ShapeError("labeled, unknowns and pool of a split overlap")

    @property
    def n_annotated(self) -> int:
        """Annotations paid for so far: labeled and unknowns."""
        return self.labeled.size + self.unknowns.size

    def annotate(self, queried: IntArray, outcome: Outcome) -> Split:
        """The split after the annotator answered.

        Args:
            queried: Indices taken from `pool`, (n,), in query order.
            outcome: The answers, in the same order.

        Raises:
            SelectionError: If an index is not in the pool or the lengths differ.
        """
        queried = np.asarray(queried, dtype=np.int64)
        if queried.shape != outcome.labels.shape:
            raise SelectionError(
                f"{queried.size} samples were queried but {outcome.labels.size} answers came"
            )
        if not np.isin(queried, self.pool).all() or _repeats(np.sort(queried)):
            raise SelectionError("a queried sample is not in the pool or was queried twice")
        return Split(
            labeled=np.concatenate([self.labeled, queried[outcome.known]]),
            unknowns=np.concatenate([self.unknowns, queried[~outcome.known]]),
            pool=np.setdiff1d(self.pool, queried, assume_unique=True),
            test=self.test,
        )


def _repeats(ordered: IntArray) -> bool:
    """Whether sorted numbers hold one twice."""
    return bool((ordered[1:] == ordered[:-1]).any())


@dataclass(frozen=True, eq=False)
class Selection:
    """What a strategy chose.

    Attributes:
        positions: Positions in the pool, (query_size,), int64, in order of preference.
        scores: Acquisition scores of the whole pool, (n_pool,), higher = more worth labelling;
            None for strategies that do not score.
        diagnostics: Numbers and words worth recording (JSON-serializable). Words under `CAUTION`
            are shown beside results: what makes this query another one than the strategy is meant
            to ask, and what to do about it. No numbers in them, so that queries can be counted.
    """

    positions: IntArray
    scores: NDArray[np.float64] | None = None
    diagnostics: Mapping[str, Any] = field(default_factory=dict)


class PoolView:
    """All that a strategy may see in one round.

    There is no data set, no pool label and no absolute index in it, so a strategy cannot peek. The
    pool is ordered by ascending sample id; arrays are read-only.

    Args:
        values: For each source input, the arrays computed for it.
        n_pool: Samples in the pool.
        n_classes: Known classes.
        round: Round number, from 0.
        labels: Labels of the labeled set, (n_labeled,), int64.
        n_unknowns: Annotated samples of unknown classes.
        tie_keys: Keys that break ties, (n_pool,), uint64; see `alscope.rng.tie_keys`.
    """

    def __init__(
        self,
        values: Mapping[InputKey, Arrays],
        *,
        n_pool: int,
        n_classes: int,
        round: int,
        labels: IntArray,
        n_unknowns: int,
        tie_keys: NDArray[np.uint64],
    ) -> None:
        self.n_pool = n_pool
        self.n_classes = n_classes
        self.round = round
        self.n_unknowns = n_unknowns
        self.labels = _frozen(labels)
        self.tie_keys = _frozen(tie_keys)
        self._values = {
            key: {name: _frozen(array) for name, array in arrays.items()}
            for key, arrays in values.items()
        }

    @property
    def n_labeled(self) -> int:
        """Labeled samples of known classes."""
        return int(self.labels.size)

    def __getitem__(self, key: InputKey) -> Any:
        """The value of a declared input.

        Raises:
            KeyError: If the strategy did not declare it in `needs`.
        """
        source = key.source()
        if source not in self._values:
            raise KeyError(f"{key!r} was not declared in needs()")
        return key.extract(self._values[source])


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    view = np.asarray(array).view()
    view.setflags(write=False)
    return view


@dataclass(frozen=True, kw_only=True)
class SampleSpec:
    """What one sample looks like.

    Attributes:
        modality: "image", "text" or "features".
        shape: (channels, height, width) of an image, (n_features,) of features, () of a text.
    """

    modality: str
    shape: tuple[int, ...] = ()


class Tokenizer(Protocol):
    """Turns texts into token ids. `key` is part of every cache key that depends on it."""

    key: str
    """Content address of vocabulary and options."""

    @property
    def pad_id(self) -> int:
        """Id of the padding token."""

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included, cut to the maximum length."""


class Control(Protocol):
    """How long work is watched and stopped; called at least once per batch."""

    def check(self) -> None:
        """Raise `Cancelled` or `Paused` if the run was asked to stop."""

    def progress(self, stage: str, fraction: float) -> None:
        """Report that `fraction` (0..1) of `stage` ("train", "infer", "select") is done."""


@dataclass(frozen=True)
class Cost:
    """What it cost to produce an artifact, measured once, charged to everyone who uses it.

    Attributes:
        load_s: Decoding, transforms, tokenisation, copies to the device, in seconds.
        compute_s: Forward passes, training or arithmetic, in seconds.
        device: Device string: "cpu", "cuda:NVIDIA ...".
        n_threads: CPU threads in use.
        contended: Whether other runs were active on this machine.
    """

    load_s: float = 0.0
    compute_s: float = 0.0
    device: str = "cpu"
    n_threads: int = 1
    contended: bool = False

    @property
    def total_s(self) -> float:
        """All seconds."""
        return self.load_s + self.compute_s
