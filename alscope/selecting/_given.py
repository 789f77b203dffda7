"""The arguments of `select`, as arrays that fit each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alscope.errors import ConfigError, Problem, ShapeError
from alscope.inputs import HeadParams
from alscope.types import FloatArray, IntArray

__all__ = ["Given", "missing"]

# For every array argument: its axes, and what it is.
_ARGUMENTS = {
    "logits": ("(n, n_classes)", "logits of the pool"),
    "embeddings": ("(n, n_features)", "inputs of the final linear layer for the pool"),
    "labeled_embeddings": (
        "(n_labeled, n_features)",
        "inputs of the final linear layer for the labeled samples",
    ),
    "unknown_embeddings": (
        "(n_unknowns, n_features)",
        "inputs of the final linear layer for annotated samples of unknown classes",
    ),
    "mc_logits": ("(n_samples, n, n_classes)", "logits of stochastic passes over the pool"),
    "head": ("(weight, bias)", "weight and bias of the final linear layer"),
    "labels": ("(n_labeled,)", "class indices of the labeled samples, 0..n_classes-1"),
    "ids": ("(n,)", "one distinct integer per pool sample"),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """The arguments as arrays that fit each other."""

    matrices: Mapping[str, FloatArray]
    mc_logits: FloatArray | None
    head: HeadParams | None
    labels: IntArray | None
    ids: IntArray

    @classmethod
    def of(
        cls,
        *,
        matrices: Mapping[str, ArrayLike | None],
        mc_logits: ArrayLike | None,
        head: Sequence[ArrayLike] | None,
        labels: ArrayLike | None,
        ids: ArrayLike | None,
    ) -> Given:
        """Convert and check everything that was given."""
        found = {
            name: _floats(name, value, n_axes=2)
            for name, value in matrices.items()
            if value is not None
        }
        passes = None if mc_logits is None else _floats("mc_logits", mc_logits, n_axes=3)
        layer = None if head is None else _head(head)
        sizes: dict[str, int] = {
            name: len(found[name]) for name in ("logits", "embeddings") if name in found
        }
        if passes is not None:
            sizes["mc_logits"] = passes.shape[1]
        rows = None if ids is None else _integers("ids", ids)
        if rows is not None:
            sizes["ids"] = len(rows)
        _require_equal(sizes, "pool samples")
        if not sizes:
            raise ConfigError(
                [Problem("ids", "nothing describes the pool; give ids, or an array of the pool")]
            )
        if rows is None:
            rows = np.arange(next(iter(sizes.values())), dtype=np.int64)
        given = cls(
            matrices=found,
            mc_logits=passes,
            head=layer,
            labels=None if labels is None else _integers("labels", labels),
            ids=rows,
        )
        given.check()
        return given

    @property
    def class_counts(self) -> dict[str, int]:
        """Number of classes, by the argument that says so."""
        counts = {}
        if "logits" in self.matrices:
            counts["logits"] = self.matrices["logits"].shape[1]
        if self.mc_logits is not None:
            counts["mc_logits"] = self.mc_logits.shape[2]
        if self.head is not None:
            counts["head"] = len(self.head.weight)
        return counts

    @property
    def n_classes(self) -> int:
        """Classes of the logits; without logits or head, what the labels show."""
        from_labels = 1 if self.labels is None else int(self.labels.max(initial=0)) + 1
        return next(iter(self.class_counts.values()), from_labels)

    def has(self, name: str) -> bool:
        """Whether an argument was given."""
        return name in self.matrices or getattr(self, name, None) is not None

    def check(self) -> None:
        """Refuse what does not fit.

        Raises:
            ShapeError: Naming the arguments and their sizes.
        """
        widths = {name: a.shape[1] for name, a in self.matrices.items() if name != "logits"}
        if self.head is not None:
            widths["head"] = self.head.weight.shape[1]
        _require_equal(widths, "features")
        _require_equal(self.class_counts, "classes")
        values, counts = np.unique(self.ids, return_counts=True)
        if (counts > 1).any():
            raise ShapeError(f"ids hold {int(values[counts > 1][0])} twice; give distinct ids")
        self._check_labels()

    def _check_labels(self) -> None:
        if self.labels is None:
            return
        if "labeled_embeddings" in self.matrices:
            sizes = {"labels": self.labels.size}
            sizes["labeled_embeddings"] = len(self.matrices["labeled_embeddings"])
            _require_equal(sizes, "labeled samples")
        wrong = self.labels[(self.labels < 0) | (self.labels >= self.n_classes)]
        if wrong.size:
            raise ShapeError(
                f"labels hold {int(wrong[0])}, but the known classes are 0..{self.n_classes - 1}; "
                "samples of unknown classes go to unknown_embeddings"
            )


def missing(argument: str, who: str) -> Problem:
    """The problem that an argument is missing: what it is, and its axes."""
    axes, what = _ARGUMENTS[argument]
    return Problem(argument, f"{who} needs it: {what}, {axes}")


def _floats(name: str, value: ArrayLike, *, n_axes: int) -> FloatArray:
    array = _numbers(name, value)
    if array.ndim != n_axes or (n_axes == 3 and array.shape[0] < 2):
        axes, what = _ARGUMENTS[name]
        least = " with at least 2 passes" if n_axes == 3 else ""
        raise ShapeError(
            f"{name} has the shape {array.shape}, but {axes}{least} is needed: the {what}"
        )
    _require_finite(name, array if n_axes == 2 else np.moveaxis(array, 1, 0))
    return array


def _array(name: str, value: ArrayLike) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ShapeError(
            f"{name} is no array ({error!s:.200}); give rows of equal length"
        ) from error


def _numbers(name: str, value: ArrayLike) -> FloatArray:
    array = _array(name, value)
    if array.dtype.kind not in "biufO":
        raise ShapeError(f"{name} holds {array.dtype}, but real numbers are needed")
    try:
        with np.errstate(over="ignore"):  # what leaves the range of float32 is refused as infinite
            return array.astype(np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise ShapeError(f"{name} holds something else than numbers: {error!s:.200}") from error


def _require_finite(name: str, rows: FloatArray) -> None:
    # Before rows are sorted by id, so that the message counts as the caller does.
    wrong = np.flatnonzero(~np.isfinite(rows).all(axis=tuple(range(1, rows.ndim))))
    if wrong.size:
        raise ShapeError(
            f"{name} of row {wrong[0]} hold NaN or infinity ({wrong.size} of {len(rows)} rows do)"
        )


def _integers(name: str, value: ArrayLike) -> IntArray:
    array = _array(name, value)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        axes, what = _ARGUMENTS[name]
        raise ShapeError(
            f"{name} has the shape {array.shape} and the type {array.dtype}, but integers of the "
            f"shape {axes} are needed: {what}"
        )
    if not array.size:
        return np.zeros(0, dtype=np.int64)  # whatever an empty array was made of
    if int(array.max()) > np.iinfo(np.int64).max:
        raise ShapeError(f"{name} hold {int(array.max())}; numbers up to 2**63 - 1 can be used")
    return array.astype(np.int64)


def _head(value: Sequence[ArrayLike]) -> HeadParams:
    try:
        n_parts = len(value)
    except TypeError as error:
        raise ShapeError(f"head is {value!r:.60}, but (weight, bias) is needed") from error
    if n_parts != 2:
        raise ShapeError(f"head has {n_parts} parts, but (weight, bias) is needed")
    weight, bias = (_numbers("head", part) for part in value)
    if weight.ndim != 2 or bias.shape != weight.shape[:1]:
        raise ShapeError(
            f"head has a weight of the shape {weight.shape} and a bias of the shape {bias.shape}, "
            "but (n_classes, n_features) and (n_classes,) are needed"
        )
    _require_finite("head weights", weight)
    _require_finite("head biases", bias)
    return HeadParams(weight, bias)


def _require_equal(sizes: Mapping[str, int], what: str) -> None:
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ShapeError(f"the arguments disagree on the number of {what}: {listed}")
