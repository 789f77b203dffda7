"""Which classes are known, and how many samples of each are used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.config import ScenarioConfig
from alscope.data._counts import apportion, open_sizes, profile_shares, thin
from alscope.data.protocols import DataSummary, class_counts
from alscope.rng import generator
from alscope.types import IntArray

__all__ = ["Draft", "draft_of", "eligible_classes"]


@dataclass(frozen=True, eq=False)
class Draft:
    """Known classes, and per original class how many samples are used and in which order."""

    known: IntArray
    capped_counts: IntArray
    train_counts: IntArray
    test_counts: IntArray
    train_orders: list[IntArray]
    test_orders: list[IntArray]

    @property
    def n_known(self) -> int:
        return int(self.train_counts[self.known].sum())

    @property
    def n_train(self) -> int:
        return int(self.train_counts.sum())

    def relabel(self, targets: IntArray) -> IntArray:
        label_of = np.full(self.train_counts.size, -1, dtype=np.int64)
        label_of[self.known] = np.arange(self.known.size)
        labels: IntArray = label_of[targets]
        labels.setflags(write=False)
        return labels


def draft_of(config: ScenarioConfig, summary: DataSummary, seed: int) -> Draft:
    """Who is known, and how many samples of every class are used.

    Args:
        config: The scenario.
        summary: The data set it names.
        seed: Trial seed; matters only with `vary_split`.
    """
    n_classes = len(summary.class_names)
    stream = seed if config.vary_split else config.split_seed
    known = _known_classes(config, summary, stream)
    unknown = _unknown(summary, known) if config.setting == "open" else known[:0]
    available = class_counts(summary.train_targets, n_classes)
    # Classes that are left out take no share of the limits.
    available[np.setdiff1d(np.arange(n_classes), np.concatenate([known, unknown]))] = 0
    if config.pool_per_class is not None:
        available = np.minimum(available, config.pool_per_class)
    if config.pool_limit is not None:
        available = _capped(config, available, summary.n_own)
    shares = profile_shares(available[known], config.imbalance_profile, config.imbalance_ratio)
    return Draft(
        known=known,
        capped_counts=available,
        train_counts=_train_counts(config, available, known, unknown, shares),
        test_counts=_test_counts(config, summary, known, shares),
        train_orders=_orders(summary.train_targets, n_classes, stream, "train"),
        test_orders=_orders(summary.test_targets, n_classes, stream, "test"),
    )


def _capped(config: ScenarioConfig, available: IntArray, n_own: int | None) -> IntArray:
    """At most `pool_limit` samples, in proportion; another set gets the share of unknowns."""
    limit = config.pool_limit or 0
    if n_own is None:
        return apportion(available, limit)
    n_other = round(limit * config.ood_ratio)
    parts = (available[:n_own], limit - n_other), (available[n_own:], n_other)
    return np.concatenate([apportion(counts, total) for counts, total in parts])


def _known_classes(config: ScenarioConfig, summary: DataSummary, stream: int) -> IntArray:
    eligible = eligible_classes(summary)
    if config.known_classes:
        # Backwards, so that of two classes of one name the first counts.
        id_of = {name: c for c, name in reversed(list(enumerate(summary.class_names)))}
        ids = [id_of[name] for name in config.known_classes]
        return np.sort(np.array(ids, dtype=np.int64))
    if config.setting == "closed" or config.n_known is None:
        return eligible
    drawn = generator(stream, "split", "known").permutation(eligible)
    return np.sort(drawn[: config.n_known]).astype(np.int64)


def eligible_classes(summary: DataSummary) -> IntArray:
    """Classes that can be known."""
    return np.setdiff1d(np.arange(len(summary.class_names)), summary.never_known).astype(np.int64)


def _unknown(summary: DataSummary, known: IntArray) -> IntArray:
    """Classes that are unknown in an open set: those of another data set, if there is one."""
    n_own = summary.n_own or 0
    others = np.arange(n_own, len(summary.class_names))
    return np.setdiff1d(others, known).astype(np.int64)


def _orders(targets: IntArray, n_classes: int, stream: int, part: str) -> list[IntArray]:
    # One stable sort instead of one search per class: sets may have thousands of classes.
    by_class = np.argsort(targets, kind="stable")
    ends = np.cumsum(class_counts(targets, n_classes))[:-1]
    return [
        generator(stream, "split", part, c).permutation(rows)
        for c, rows in enumerate(np.split(by_class, ends))
    ]


def _train_counts(
    config: ScenarioConfig,
    available: IntArray,
    known: IntArray,
    unknown: IntArray,
    shares: NDArray[np.float64],
) -> IntArray:
    counts = np.zeros_like(available)
    counts[known] = available[known]
    if config.imbalance_ratio > 1:
        counts[known] = thin(counts[known], shares)
    if config.setting == "closed":
        return counts
    counts[unknown] = available[unknown]
    n_known, n_unknown = open_sizes(
        config.ood_ratio, int(counts[known].sum()), int(counts[unknown].sum())
    )
    counts[known] = apportion(counts[known], n_known)
    counts[unknown] = apportion(counts[unknown], n_unknown)
    return counts


def _test_counts(
    config: ScenarioConfig, summary: DataSummary, known: IntArray, shares: NDArray[np.float64]
) -> IntArray:
    counts = np.zeros(len(summary.class_names), dtype=np.int64)
    counts[known] = class_counts(summary.test_targets, counts.size)[known]
    if config.imbalance_test and config.imbalance_ratio > 1:
        counts[known] = thin(counts[known], shares)
    return counts if config.test_limit is None else apportion(counts, config.test_limit)
