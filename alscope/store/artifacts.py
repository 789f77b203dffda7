"""The artifact cache: what can be computed again, under a content address, within a size limit.

    <path>/v1/               a diskcache folder that holds nothing else
    <path>/v1.corrupt-<n>/   a broken one, set aside
    <path>/locks/            single flight

An entry is right or a miss: it carries its own key and a checksum. Losing an entry or the whole
folder costs time, never a result; so nothing here is synced to the disk, and no failure to cache
fails a computation.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alscope.errors import StoreError
from alscope.hashing import digest_bytes
from alscope.store.codecs import decode, encode, normal_arrays, plain_values
from alscope.store.flight import SingleFlight
from alscope.store.safe_cache import SafeCache
from alscope.types import Arrays

__all__ = ["Artifact", "ArtifactCache", "CacheStats"]

_SCHEMA = "v1"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Artifact:
    """Something computed.

    Attributes:
        arrays: Named arrays, in C order and native byte order whether computed or read.
        meta: JSON values, such as `cost`.
        hit: Whether it was read rather than computed.
    """

    arrays: Arrays
    meta: dict[str, Any]
    hit: bool


@dataclass(frozen=True)
class CacheStats:
    """What is in the cache, and how it served this process.

    Attributes:
        available: Whether anything can be cached.
        n_entries: Entries on the disk.
        size: Bytes on the disk.
        size_limit: Above this many bytes, the least recently used entries go.
        hits: Values read.
        misses: Values not found.
        damaged: Entries that were found but were not what was once written.
        write_errors: Values that could not be stored.
    """

    available: bool
    n_entries: int
    size: int
    size_limit: int
    hits: int
    misses: int
    damaged: int
    write_errors: int


class ArtifactCache:
    """Content-addressed arrays on disk, shared by threads and processes.

    Args:
        path: Folder of the cache; made if it is missing.
        size_limit: Bytes; above, the least recently used entries are evicted.
    """

    def __init__(self, path: Path, *, size_limit: int = 10 * 2**30) -> None:
        self._flight = SingleFlight(path / "locks")
        self._counts: Counter[str] = Counter()
        self._guard = threading.Lock()
        self._size_limit = size_limit
        self._cache = SafeCache(
            path / _SCHEMA, size_limit=size_limit, exclusive=self._flight.exclusive
        )

    def get(self, key: str) -> Artifact | None:
        """Read an entry; None if there is none or it is damaged.

        Args:
            key: Content address: everything that can change the value.
        """
        artifact = self._read(key)
        self._count("misses" if artifact is None else "hits")
        return artifact

    def get_or_compute(
        self,
        key: str,
        compute: Callable[[], tuple[Arrays, dict[str, Any]]],
        *,
        check: Callable[[], None] | None = None,
    ) -> Artifact:
        """Read an entry, or compute and store it; at most one thread of one process computes.

        Args:
            key: Content address: everything that can change the value.
            compute: Returns arrays and meta data; may use the cache itself, for other keys.
            check: Called several times per second while another one computes; may raise.

        Raises:
            ShapeError: If an array cannot be stored.
            StoreError: If the meta data have no JSON form.
        """
        artifact = self._read(key)
        if artifact is None:
            with self._flight.exclusive(_address(key), check):
                artifact = self._read(key) or self._compute(key, compute)
        self._count("hits" if artifact.hit else "misses")
        return artifact

    def stats(self) -> CacheStats:
        """Counters of this process and size on the disk."""
        n_entries, size = self._cache.extent()
        counts = self._counts
        return CacheStats(
            available=self._cache.available,
            n_entries=n_entries,
            size=size,
            size_limit=self._size_limit,
            hits=counts["hits"],
            misses=counts["misses"],
            damaged=counts["damaged"] + self._cache.n_refused,
            write_errors=counts["write_errors"],
        )

    def forget(self, address: str) -> None:
        """Delete an entry by its address in the database, such as one that was found damaged."""
        self._cache.delete(address)

    def shrink(self) -> None:
        """Evict what is above the size limit now, not at the next entry."""
        self._cache.shrink()

    def clear(self) -> None:
        """Delete all entries."""
        self._cache.clear()

    def close(self) -> None:
        """Close the connection of this thread. The cache can be used again afterwards."""
        self._cache.close()

    def _compute(self, key: str, compute: Callable[[], tuple[Arrays, dict[str, Any]]]) -> Artifact:
        arrays, meta = compute()
        # Go on with exactly what a later reader will get, down to the memory layout.
        arrays, meta = normal_arrays(arrays), plain_values(meta)
        if not self._cache.set(_address(key), encode(arrays, {"key": key, "meta": meta})):
            self._count("write_errors")
        return Artifact(arrays, meta, hit=False)

    def _read(self, key: str) -> Artifact | None:
        data = self._cache.get(_address(key))
        if data is None:
            return None
        try:
            arrays, envelope = decode(data)
            if envelope.get("key") != key:
                raise StoreError("it belongs to another key")
            return Artifact(arrays, envelope["meta"], hit=True)
        except (StoreError, KeyError) as error:
            self._count("damaged")
            _log.warning("damaged entry in the artifact cache, computed again: %s", error)
            self._cache.delete(_address(key))
            return None

    def _count(self, what: str) -> None:
        with self._guard:
            self._counts[what] += 1


def _address(key: str) -> str:
    return digest_bytes(key.encode(errors="surrogatepass"))
