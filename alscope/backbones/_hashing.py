"""Tokenizer without a vocabulary."""

from __future__ import annotations

import functools
import hashlib
import itertools
import re

import numpy as np
from numpy.typing import NDArray

from alscope.hashing import digest
from alscope.types import IntArray

__all__ = ["HashingTokenizer"]

_WORD = re.compile(r"\w+")
_PAD, _EMPTY, _RESERVED = 0, 1, 2
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class HashingTokenizer:
    """Lower-cased words and pairs of neighbouring words, hashed into buckets.

    The hash is BLAKE2b, the same on every machine. Id 0 is padding, id 1 stands for a text without
    any word, buckets follow.

    Args:
        n_buckets: Number of buckets; more buckets, fewer collisions, a larger table.
        max_tokens: Most words and pairs per text, together.
        with_pairs: Whether pairs follow the words; without them, the ids are in the text's order.

    References:
        Weinberger et al. 2009, arXiv:0902.2206 (feature hashing).
    """

    pad_id = _PAD

    def __init__(self, *, n_buckets: int, max_tokens: int, with_pairs: bool = True) -> None:
        self.n_ids = _RESERVED + n_buckets
        kind = "hashed words and pairs" if with_pairs else "hashed words"
        self.key = digest([kind, 1, n_buckets, max_tokens])
        self._n_buckets = np.uint64(n_buckets)
        self._with_pairs = with_pairs
        # w words have w - 1 pairs.
        self._n_words = (max_tokens + 1) // 2 if with_pairs else max_tokens

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Ids of the words, then of the pairs, of each text."""
        codes = [
            [_code(word) for word in _WORD.findall(text.lower())[: self._n_words]] for text in texts
        ]
        flat = np.fromiter(itertools.chain.from_iterable(codes), dtype=np.uint64)
        words = self._bucket(flat).tolist()
        if not self._with_pairs:
            return _cut(words, [len(row) for row in codes])
        # Pairs that straddle two texts are computed as well and never read.
        pairs = self._bucket(_scramble(flat[:-1] * _FACTOR + flat[1:])).tolist()
        ids, start = [], 0
        for row in codes:
            end = start + len(row)
            ids.append([*words[start:end], *pairs[start : end - 1]] if row else [_EMPTY])
            start = end
        return ids

    def _bucket(self, codes: NDArray[np.uint64]) -> IntArray:
        return (codes % self._n_buckets).astype(np.int64) + _RESERVED


def _cut(ids: list[int], lengths: list[int]) -> list[list[int]]:
    """One list per text; id 1 for a text without words."""
    bounds = itertools.pairwise(itertools.accumulate(lengths, initial=0))
    return [ids[start:end] or [_EMPTY] for start, end in bounds]


@functools.lru_cache(maxsize=1 << 18)
def _code(word: str) -> int:
    raw = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "little")


def _scramble(codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # Bucket numbers read the low bits; bring the high ones down.
    mixed: NDArray[np.uint64] = (codes ^ (codes >> np.uint64(31))) * _FACTOR
    scrambled: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(29))
    return scrambled
