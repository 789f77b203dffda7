"""A first look at a source: what it seems to be, and a mapping to begin with."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alscope.data.importing._arrays import find_arrays, open_array
from alscope.data.importing._findings import Collector
from alscope.data.importing._folders import Sample, image_samples
from alscope.data.importing._images import Facts, probe
from alscope.data.importing._limits import LIMITS, Limits, Refused, shown
from alscope.data.importing._mapping import TEST_WORDS, TRAIN_WORDS, VALIDATION_WORDS, Mapping
from alscope.data.importing._parquet_table import ParquetTable
from alscope.data.importing._places import Places
from alscope.data.importing._propose import Column, describe_columns, propose
from alscope.data.importing._scan import label_text
from alscope.data.importing._table import Table
from alscope.data.importing._tables import open_table

__all__ = ["Column", "SourcePreview", "inspect_source"]

_LOOKED_AT = 10_000
_ROWS = 20
_IMAGES = 50
_LARGEST_SIZE = 224
_SMALLEST_SIZE = 8


@dataclass(frozen=True)
class SourcePreview:
    """What a source looks like. Everything is for people but `mapping`, where they begin.

    Attributes:
        kind: "text", "images" or "features".
        format: "CSV", "Parquet", "folder", ...
        mapping: A proposal.
        n_rows: Rows, images or samples that were looked at.
        complete: Whether those are all.
        columns: Of a table.
        class_counts: Samples per class by the proposal, the largest class first.
        rows: The first rows, or images with class and size; short texts.
        notes: What was remarkable.
    """

    kind: str
    format: str
    mapping: Mapping
    n_rows: int
    complete: bool
    columns: tuple[Column, ...] = ()
    class_counts: dict[str, int] = field(default_factory=dict)
    rows: tuple[dict[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def inspect_source(path: Path, *, limits: Limits = LIMITS) -> SourcePreview:
    """Look at a source without reading all of it.

    Of a table the first 10,000 rows are read (and all bytes, for the encoding), of a folder all
    names and the heads of 50 images.

    Args:
        path: Image folder or zip, CSV, TSV, JSON lines, Parquet, or .npy with labels beside it.
        limits: Bounds.

    Raises:
        DatasetError: If it cannot be read or is refused; says why.
    """
    if not path.exists():
        raise Refused("missing", f"{path} does not exist; check the path")
    suffix = path.suffix.lower()
    if suffix == ".npy" or (path.is_dir() and any(path.glob("*.npy"))):
        return _arrays(path, limits)
    if path.is_dir() or suffix == ".zip":
        return _images(path, limits)
    return _table(path, limits)


def _table(path: Path, limits: Limits) -> SourcePreview:
    table = open_table(path, Mapping("text"), limits)
    collect = Collector()
    table.survey(collect)
    readable = tuple(name for name in table.columns if name not in _nested(table))
    records = list(itertools.islice(table.records(readable), _LOOKED_AT + 1))
    kept = [record.values for record in records[:_LOOKED_AT] if not record.problem]
    columns = describe_columns(readable, kept)
    mapping = propose(columns, kept)
    return SourcePreview(
        kind=mapping.kind,
        format=table.format,
        mapping=mapping,
        n_rows=min(len(records), _LOOKED_AT),
        complete=len(records) <= _LOOKED_AT,
        columns=(*columns, *(Column(name, "nested") for name in sorted(_nested(table)))),
        class_counts=_label_counts(table, mapping, readable, kept),
        rows=tuple(
            {name: shown(value) for name, value in zip(readable, row, strict=True)}
            for row in kept[:_ROWS]
        ),
        notes=tuple(finding.message for finding in collect.findings),
    )


def _nested(table: Table) -> frozenset[str]:
    return table.nested if isinstance(table, ParquetTable) else frozenset()


def _label_counts(
    table: Table, mapping: Mapping, names: tuple[str, ...], rows: list[tuple[Any, ...]]
) -> dict[str, int]:
    if not mapping.label_column:
        return {}
    place = names.index(mapping.label_column)
    labels = [_label(row[place]) for row in rows]
    known = table.class_names(mapping.label_column)
    return _counts(
        known[int(label)] if label.isdecimal() and int(label) < len(known) else label
        for label in labels
        if label
    )


def _label(value: Any) -> str:
    try:
        return label_text(value) or ""
    except ValueError:
        return ""


def _counts(labels: Any) -> dict[str, int]:
    return {shown(label): count for label, count in Counter(labels).most_common()}


def _images(path: Path, limits: Limits) -> SourcePreview:
    collect = Collector()
    with Places(path, limits, collect) as places:
        listed = places.list()
        split = _has_part_folders(image_samples(listed, split_folders=True))
        samples = image_samples(listed, split_folders=split)
        if not samples:
            raise Refused(
                "empty",
                f"{path.name} holds no PNG, JPEG, WebP, BMP or GIF images; put them into one "
                "folder per class",
            )
        step = max(1, len(samples) // _IMAGES)
        probed = [(sample, _probe(sample, limits)) for sample in samples[::step][:_IMAGES]]
    facts = [facts for _, facts in probed if facts]
    size = _common_size(facts)
    colored = any("grey" not in each.family for each in facts)
    mapping = Mapping(
        "images", split_folders=split, size=size, color="rgb" if colored or not facts else "grey"
    )
    if split:
        mapping = dataclasses.replace(mapping, **_validation({s.part or "" for s in samples}))
    return SourcePreview(
        kind="images",
        format="folder" if path.is_dir() else "zip",
        mapping=mapping,
        n_rows=len(samples),
        complete=True,
        class_counts=_counts(sample.label for sample in samples if sample.label),
        rows=tuple(_image_row(sample, facts) for sample, facts in probed[:_ROWS]),
        notes=tuple(finding.message for finding in collect.findings),
    )


def _has_part_folders(samples: list[Sample]) -> bool:
    # With a training and a test folder on top, and class folders in them.
    parts = {(sample.part or "").casefold() for sample in samples}
    known = {*TRAIN_WORDS, *TEST_WORDS, *VALIDATION_WORDS}
    has_both = not parts.isdisjoint(TRAIN_WORDS) and not parts.isdisjoint(known - {*TRAIN_WORDS})
    return has_both and parts <= known and all(sample.label for sample in samples)


def _validation(parts: set[str]) -> dict[str, Any]:
    # Without a test folder the validation folder is the test part; otherwise the user decides.
    words = {part.casefold() for part in parts}
    return {"test_values": VALIDATION_WORDS} if words.isdisjoint(TEST_WORDS) else {}


def _probe(sample: Sample, limits: Limits) -> Facts | None:
    try:
        return probe(sample.place.read(), limits)
    except Refused:
        return None


def _common_size(facts: list[Facts]) -> int:
    # The most common shorter side; a few pixels are drawn larger, for networks that halve images.
    if not facts:
        return 32
    sides = Counter(min(each.width, each.height) for each in facts)
    return max(_SMALLEST_SIZE, min(_LARGEST_SIZE, sides.most_common(1)[0][0]))


def _image_row(sample: Sample, facts: Facts | None) -> dict[str, str]:
    size = f"{facts.width}x{facts.height} {facts.family}" if facts else "cannot be read"
    row = {"image": shown(sample.place.name), "class": shown(sample.label or ""), "size": size}
    return row | ({"part": shown(sample.part)} if sample.part else {})


def _arrays(path: Path, limits: Limits) -> SourcePreview:
    features_path, labels_path = find_arrays(path, Mapping("features"))
    features = open_array(features_path, limits)
    names: dict[str, Any] = {"labels_file": labels_path.name}
    if path.is_dir():
        names["features_file"] = features_path.name
    notes = (f"{features_path.name}: {features.shape}, {features.dtype}",)
    if labels_path.suffix.lower() == ".npy":
        labels = open_array(labels_path, limits)[:_LOOKED_AT].tolist()
        counts = _counts(label for value in labels if (label := _label(value)))
        rows = tuple({"label": shown(label)} for label in labels[:_ROWS])
        columns: tuple[Column, ...] = ()
        mapping = Mapping("features", **names)
    else:
        table = _table(labels_path, limits)
        counts, rows, columns = table.class_counts, table.rows, table.columns
        mapping = dataclasses.replace(
            table.mapping, kind="features", text_column=None, feature_columns=(), **names
        )
    n_samples = len(features)
    return SourcePreview(
        kind="features",
        format="arrays",
        mapping=mapping,
        n_rows=n_samples,
        complete=n_samples <= _LOOKED_AT,
        columns=columns,
        class_counts=counts,
        rows=rows,
        notes=notes,
    )
