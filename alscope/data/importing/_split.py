"""A test part for sources that have none."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping

__all__ = ["test_rows"]


def test_rows(
    keys: Mapping[int, bytes], labels: Mapping[int, str], *, share: float, seed: int
) -> set[int]:
    """The samples to test with: of every class the share with the smallest hashes.

    The hash is that of the content, so equal samples are never in both parts, and the order of the
    source does not matter. Adding a sample to a class moves at most one other sample of it into
    the other part, and none of the other classes. A class of at least two contents has one in
    either part.

    Args:
        keys: Sample -> digest of its content.
        labels: Sample -> class.
        share: Share of every class to test with.
        seed: Another one gives another split.
    """
    by_class: dict[str, set[bytes]] = defaultdict(set)
    for row, key in keys.items():
        by_class[labels[row]].add(key)
    decided: dict[bytes, bool] = {}
    for label in sorted(by_class):
        contents = sorted(by_class[label], key=lambda key: _hash(key, seed))
        n_test = min(max(1, round(share * len(contents))), len(contents) - 1)
        for place, key in enumerate(contents):
            # A content with several labels goes where its first class sends it.
            decided.setdefault(key, place < n_test)
    return {row for row, key in keys.items() if decided[key]}


def _hash(key: bytes, seed: int) -> bytes:
    return hashlib.blake2b(key, digest_size=16, key=str(seed).encode()).digest()
