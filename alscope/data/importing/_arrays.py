"""Reading precomputed features: an array file with labels beside it, or columns of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alscope.data.importing._findings import Collector
from alscope.data.importing._limits import Limits, Refused, open_plain, shown
from alscope.data.importing._mapping import Mapping
from alscope.data.importing._scan import Progress, Scan, content_key, label_text
from alscope.data.importing._tables import SUFFIXES, open_table
from alscope.data.importing._texts import Labels, check_columns
from alscope.types import FloatArray, IntArray

__all__ = ["Features", "find_arrays", "open_array", "scan_features"]

_CHUNK = 4096


@dataclass(eq=False)
class Features:
    """Features of all samples, where they are; converted to float32 when read.

    Attributes:
        values: (n, n_features), numbers of any kind.
    """

    values: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """(n_features,)."""
        return self.values.shape[1:]

    def chunks(self) -> Iterator[FloatArray]:
        """Rows in order, (at most 4096, n_features)."""
        for start in range(0, len(self.values), _CHUNK):
            yield _float32(self.values[start : start + _CHUNK])

    def write(self, rows: IntArray, folder: Path, part: str) -> None:
        """Features as one array, (n, n_features), float32."""
        target = np.lib.format.open_memmap(
            folder / f"{part}.npy", mode="w+", dtype=np.float32, shape=(rows.size, *self.shape)
        )
        for start in range(0, rows.size, _CHUNK):
            target[start : start + _CHUNK] = _float32(self.values[rows[start : start + _CHUNK]])
        target.flush()


def scan_features(
    path: Path, mapping: Mapping, limits: Limits, collect: Collector, *, progress: Progress
) -> Scan:
    """Read every sample once.

    Raises:
        Refused: If the source as a whole is refused.
    """
    if path.is_dir() or path.suffix.lower() == ".npy":
        features_path, labels_path = find_arrays(path, mapping)
        scan = _from_arrays(features_path, labels_path, mapping, limits, collect)
    else:
        scan = _from_table(path, mapping, limits, collect)
    if not scan.where:
        raise Refused("empty", f"{path.name} has no samples")
    payload = scan.payload
    assert isinstance(payload, Features)
    row = 0
    for chunk in payload.chunks():
        finite = np.atleast_1d(np.isfinite(chunk).all(axis=1))
        for place, values in enumerate(chunk, start=row):
            if finite[place - row]:
                scan.keys[place] = content_key(values.tobytes())
            else:
                scan.bad.setdefault("non_finite", []).append((place, ""))
        row += len(chunk)
        progress("read", row / len(scan.where))
    for place, _ in scan.bad.get("damaged", []):
        scan.keys[place] = b""
    return scan


def find_arrays(path: Path, mapping: Mapping) -> tuple[Path, Path]:
    """The file with features and the file with labels.

    Raises:
        Refused: If one is missing or more than one fits.
    """
    folder = path if path.is_dir() else path.parent
    if path.is_dir():
        arrays = sorted(folder.glob("*.npy"))
        candidates = [each for each in arrays if not _is_label_name(each)]
        chosen = folder / mapping.features_file if mapping.features_file else None
        features = chosen or _only(candidates, "features_file", folder)
    else:
        features = path
    if mapping.labels_file:
        return features, folder / mapping.labels_file
    files = [each for each in sorted(folder.iterdir()) if each != features and each.is_file()]
    labels = [each for each in files if each.suffix.lower() in (".npy", *SUFFIXES)]
    named = [each for each in labels if _is_label_name(each)]
    own = [each for each in named if each.stem.lower().startswith(features.stem.lower())]
    return features, _only(own or named or labels, "labels_file", folder)


def _is_label_name(path: Path) -> bool:
    stem = path.stem.lower()
    return stem in {"y", "target", "targets"} or "label" in stem or stem.endswith("_y")


def _only(found: Sequence[Path], name: str, folder: Path) -> Path:
    if len(found) == 1:
        return found[0]
    listed = ", ".join(path.name for path in found[:10]) or "none"
    raise Refused(
        "files", f"{folder} has {len(found)} files that may be the {name} ({listed}); name one"
    )


def open_array(path: Path, limits: Limits) -> NDArray[Any]:
    """An array file, mapped into memory; objects are refused, nothing is unpickled.

    Raises:
        Refused: If it is no array file, damaged, or holds something else than numbers or text.
    """
    with open_plain(path, limit=limits.file_bytes) as stream:
        is_array = stream.read(6) == b"\x93NUMPY"
    if not is_array:
        raise Refused(
            "not_an_array",
            f"{path.name} is no array file, whatever its name says; save it with numpy.save",
        )
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # a damaged head can raise nearly anything
        raise Refused(
            "unreadable",
            f"{path.name} cannot be read ({shown(error)}); save it as plain numbers "
            "(allow_pickle=False)",
        ) from error
    if array.dtype.kind not in "biufU":
        raise Refused("not_numbers", f"{path.name} holds {shown(array.dtype)}, not numbers")
    return np.asarray(array)


def _from_arrays(
    features_path: Path, labels_path: Path, mapping: Mapping, limits: Limits, collect: Collector
) -> Scan:
    values = open_array(features_path, limits)
    if values.ndim != 2 or values.dtype.kind not in "iuf" or 0 in values.shape:
        raise Refused(
            "not_features",
            f"{features_path.name} has the shape {values.shape} and the type {values.dtype}; "
            "features are numbers, (samples, features)",
        )
    _check_width(values.shape[1], limits)
    if values.dtype != np.float32:
        collect.changes.append(f"converted features from {values.dtype} to float32")
    scan = Scan("features", has_parts=bool(mapping.split_column), payload=Features(values))
    if labels_path.suffix.lower() == ".npy":
        _array_labels(labels_path, scan, limits)
    else:
        _table_labels(labels_path, mapping, scan, limits, collect)
    if len(scan.where) != len(values):
        raise Refused(
            "lengths",
            f"{features_path.name} has {len(values):,} samples, but {labels_path.name} has "
            f"{len(scan.where):,} labels (is there a line of column names?)",
        )
    return scan


def _array_labels(path: Path, scan: Scan, limits: Limits) -> None:
    labels = open_array(path, limits)
    if labels.ndim != 1 or scan.has_parts:
        wanted = "a table" if scan.has_parts else "one label per sample"
        raise Refused("labels", f"{path.name} has the shape {labels.shape}; needed is {wanted}")
    for row, value in enumerate(labels.tolist()):
        scan.add(f"row {row}", key=b"", label=label_text(value), part=None, limits=limits)


def _table_labels(
    path: Path, mapping: Mapping, scan: Scan, limits: Limits, collect: Collector
) -> None:
    if not mapping.label_column:
        raise Refused("mapping", f"label_column is not chosen; name the column of {path.name}")
    table = open_table(path, mapping, limits)
    table.survey(collect)
    labels = Labels(table, mapping)
    check_columns(table, labels.columns)
    for record in table.records(labels.columns):
        _add(record.where, record.values, record.problem, labels, scan, limits)


def _from_table(path: Path, mapping: Mapping, limits: Limits, collect: Collector) -> Scan:
    if not mapping.feature_columns or not mapping.label_column:
        raise Refused("mapping", "feature_columns or label_column is not chosen; name the columns")
    table = open_table(path, mapping, limits)
    table.survey(collect)
    labels = Labels(table, mapping)
    check_columns(table, (*labels.columns, *mapping.feature_columns))
    scan = Scan("features", has_parts=bool(mapping.split_column))
    rows = _FeatureRows(len(labels.columns))
    for record in table.records((*labels.columns, *mapping.feature_columns)):
        problem = rows.add(record.values, record.problem)
        _add(record.where, record.values, problem, labels, scan, limits)
        _check_width(rows.width, limits)
    scan.payload = Features(rows.stacked())
    return scan


class _FeatureRows:
    """Rows of features of equal width.

    Args:
        skip: Values before the features in every record.
    """

    def __init__(self, skip: int) -> None:
        self.width = 1
        self._skip = skip
        self._rows: list[FloatArray | None] = []
        self._known = False

    def add(self, values: Sequence[Any], problem: str) -> str:
        """One record; returns what is wrong with it, or ""."""
        features = None
        if not problem:
            try:
                features = _numbers(values[self._skip :])
            except (ValueError, TypeError, OverflowError) as error:
                problem = f"holds features that are no numbers ({shown(error, 60)})"
        if features is not None and not self._known:
            self.width, self._known = features.size, True
        if features is not None and features.size != self.width:
            problem = f"has {features.size} features, but the first sample has {self.width}"
        self._rows.append(None if problem else features)
        return problem

    def stacked(self) -> FloatArray:
        """All rows, (n, width); zeros where there is none."""
        blank = np.zeros(self.width, dtype=np.float32)
        return np.stack([blank if row is None else row for row in self._rows] or [blank])


def _add(
    where: str,
    values: Sequence[Any],
    problem: str,
    labels: Labels,
    scan: Scan,
    limits: Limits,
) -> None:
    # A row that cannot be read is one problem, not also a missing label.
    label: str | None = ""
    part = None
    if not problem:
        try:
            label, part = labels.read(values[: len(labels.columns)])
        except ValueError as error:
            label, problem = "", str(error)
    scan.add(where, key=b"", label=label, part=part, limits=limits)
    if problem:
        scan.mark("damaged", problem)


def _numbers(values: Sequence[Any]) -> FloatArray:
    # One list of numbers, or one number per column; what is missing is not finite.
    if len(values) == 1 and isinstance(values[0], list | np.ndarray):
        row = np.asarray(values[0], dtype=np.float64)
        if row.ndim != 1:
            raise ValueError("lists within lists")
        return _float32(row)
    if len(values) == 1 and values[0] is None:
        raise ValueError("there are none")
    numbers = [np.nan if value is None or value == "" else float(value) for value in values]
    return _float32(np.array(numbers))


def _float32(values: NDArray[Any]) -> FloatArray:
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite, which is reported
        return values.astype(np.float32)


def _check_width(width: int, limits: Limits) -> None:
    if not 0 < width <= limits.features:
        raise Refused(
            "too_many_features", f"samples have {width:,} features; 1 to {limits.features:,} work"
        )
