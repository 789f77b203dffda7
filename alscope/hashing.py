"""Content addresses: one canonical form of a value, one digest of that form.

Two values have the same digest if and only if their canonical forms are equal; what cannot be
brought into canonical form (sets, functions, objects) is refused rather than guessed.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

__all__ = ["LATER", "canonical_json", "digest", "digest_bytes"]

LATER = "alscope_later"
"""Metadata of a dataclass field that is left out of digests while it has its default."""
_DIGEST_BYTES = 20
_FORM = "_canonical_form"


def digest(value: Any) -> str:
    """Hexadecimal BLAKE2b-160 digest of a value's canonical form (40 characters).

    Raises:
        TypeError: If the value holds something without a canonical form.
    """
    return digest_bytes(canonical_json(value).encode())


def digest_bytes(data: bytes | memoryview) -> str:
    """Hexadecimal BLAKE2b-160 digest of bytes."""
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; floats by their shortest exact form, NaN refused."""
    return json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True
    )


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return {"~f": float(value).hex()}
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, np.ndarray):
        return _array(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _remembered(value) if getattr(type(value), "hash_once", False) else _record(value)
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, PurePath):
        raise TypeError(f"a path has no canonical form across machines: {value.name!r}")
    raise TypeError(f"no canonical form for {type(value).__name__}")


def _array(value: np.ndarray) -> dict[str, Any]:
    if value.dtype.hasobject:
        raise TypeError("an array of objects has no canonical form")
    contiguous = np.ascontiguousarray(value)
    little = contiguous.astype(contiguous.dtype.newbyteorder("<"), copy=False)
    return {
        "~a": digest_bytes(little.tobytes()),
        "dtype": little.dtype.str,
        "shape": list(little.shape),
    }


def _remembered(value: Any) -> dict[str, Any]:
    # For types that say `hash_once`: they are parts of many values, and never change.
    form: dict[str, Any] | None = value.__dict__.get(_FORM)
    if form is None:
        form = _record(value)
        value.__dict__[_FORM] = form
    return form


def _record(value: Any) -> dict[str, Any]:
    # A type may name itself (registry key) so that moving a class between modules keeps its digest.
    name = getattr(type(value), "hash_name", type(value).__name__)
    version = getattr(type(value), "version", None)
    fields = {
        field.name: _plain(getattr(value, field.name))
        for field in dataclasses.fields(value)
        if field.compare and not _unused(field, getattr(value, field.name))
    }
    return {"~d": name, "v": version, **fields} if version is not None else {"~d": name, **fields}


def _unused(field: dataclasses.Field[Any], value: Any) -> bool:
    # An option that came later leaves the digests of those who do not use it as they were.
    return bool(field.metadata.get(LATER)) and bool(value == field.default)


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"mapping keys must be strings, not {type(key).__name__}")
    return {key: _plain(item) for key, item in value.items()}
