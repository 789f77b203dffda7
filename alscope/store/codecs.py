"""Arrays and JSON to bytes and back, exactly, checked, and without pickle.

A record is `magic | BLAKE2b of the rest | length of the head | head | arrays`: the head is JSON
with the meta data and the names, the arrays are in safetensors form. Equal contents give equal
bytes, in whatever order the names were inserted. Any damage is noticed; nothing read is executed.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from alscope.errors import ShapeError, StoreError
from alscope.types import Arrays

__all__ = [
    "decode",
    "encode",
    "from_json",
    "json_again",
    "normal_arrays",
    "plain_values",
    "to_json",
]

_MAGIC = b"ALSCOPE1"
_CHECK_BYTES = 32
_LENGTH = struct.Struct("<Q")
_HEAD_AT = len(_MAGIC) + _CHECK_BYTES + _LENGTH.size
_DTYPES = frozenset(
    np.dtype(code).name for code in ("?", *np.typecodes["AllInteger"], "e", "f", "d", "F")
)


def encode(arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> bytes:
    """One checksummed record.

    Args:
        arrays: Named arrays of any shape; booleans and numbers.
        meta: JSON-serializable; see `to_json`.

    Raises:
        ShapeError: If an array holds objects, text or another type that cannot be stored.
        StoreError: If `meta` has no JSON form.
    """
    names = sorted(arrays)
    head = to_json({"meta": meta, "names": names}).encode()
    # Numbers instead of names: safetensors reserves some names.
    numbered = {str(place): _normal(name, arrays[name]) for place, name in enumerate(names)}
    parts = (_LENGTH.pack(len(head)), head, safetensors.numpy.save(numbered))
    return b"".join((_MAGIC, _check(*parts), *parts))


def decode(data: bytes) -> tuple[Arrays, dict[str, Any]]:
    """Arrays (writable, C order, native byte order) and meta data of a record.

    Raises:
        StoreError: If anything in it is damaged.
    """
    view = memoryview(data)
    if len(view) < _HEAD_AT or view[: len(_MAGIC)] != _MAGIC:
        raise StoreError("not a stored record: it is too short or begins with other bytes")
    rest = view[len(_MAGIC) + _CHECK_BYTES :]
    if view[len(_MAGIC) : len(_MAGIC) + _CHECK_BYTES] != _check(rest):
        raise StoreError("the checksum of the record does not match; it is damaged")
    (length,) = _LENGTH.unpack_from(rest)
    try:
        head = from_json(bytes(rest[_LENGTH.size : _LENGTH.size + length]))
        numbered = safetensors.numpy.load(bytes(rest[_LENGTH.size + length :]))
        arrays = {name: numbered.pop(str(place)) for place, name in enumerate(head["names"])}
        meta = head["meta"]
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the record is not in the expected form: {error}") from error
    if numbered or not isinstance(meta, dict):
        raise StoreError("the record is not in the expected form: names and arrays differ")
    return arrays, meta


def normal_arrays(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """The arrays as `decode` would return them: names sorted, C order, native byte order.

    Who computes and who reads from a cache must go on with the same memory layout, because the
    order in memory can change the rounding of later sums.

    Raises:
        ShapeError: If an array holds objects, text or another type that cannot be stored.
    """
    return {name: _normal(name, arrays[name]) for name in sorted(arrays)}


def to_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; `from_json` gives back equal values.

    Floats keep every bit, also infinities and NaN; tuples become lists; NumPy scalars become plain
    numbers.

    Raises:
        StoreError: If a value or a key has no JSON form.
    """
    return json_again(plain_values(value))


def plain_values(value: Any) -> Any:
    """What `from_json` gives for what `to_json` writes: sorted dictionaries, lists, text, numbers.

    Raises:
        StoreError: If a value or a key has no JSON form.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    for kind in (str, int, float):  # enumerations and other subclasses become what they are
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, tuple | list):
        return [plain_values(item) for item in value]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise StoreError(f"JSON keys must be text, not {key!r}; convert it")
        return {str(key): plain_values(item) for key, item in sorted(value.items())}
    raise StoreError(f"a {type(value).__name__} cannot be stored as JSON; convert {value!r:.80}")


def json_again(value: Any) -> str:
    """As `to_json`, for what needs no conversion, as `from_json` gives it; ten times as fast."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def from_json(data: bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: If it is none.
    """
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _check(*parts: bytes | memoryview) -> bytes:
    state = hashlib.blake2b(digest_size=_CHECK_BYTES)
    for part in parts:
        state.update(part)
    return state.digest()


def _normal(name: str, array: NDArray[Any]) -> NDArray[Any]:
    native = np.asarray(array).dtype.newbyteorder("=")
    if native.name not in _DTYPES:
        raise ShapeError(
            f"array {name!r} has the type {native}, which cannot be stored; "
            f"use one of {', '.join(sorted(_DTYPES))}"
        )
    # Not np.ascontiguousarray, which would turn () into (1,).
    return np.asarray(array, dtype=native, order="C")
