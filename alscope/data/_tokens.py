"""Token ids of a text data set: computed once per tokenizer, kept in the cache, never trusted."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alscope.data.protocols import Examples, RawData
from alscope.files import write_atomic
from alscope.hashing import digest
from alscope.types import Arrays, IntArray, Tokenizer

__all__ = ["TokenTable", "token_tables"]

_log = logging.getLogger(__name__)
_FORMAT = 1
_CHUNK = 4096
_NAMES = ("train_values", "train_offsets", "test_values", "test_offsets")


@dataclass(frozen=True, eq=False)
class TokenTable:
    """Token ids of all samples of one part, one after the other.

    Attributes:
        values: Ids, (n_tokens,), int32.
        offsets: Sample i is `values[offsets[i]:offsets[i + 1]]`, (n + 1,), int64.
    """

    values: NDArray[np.int32]
    offsets: IntArray


def token_tables(raw: RawData, tokenizer: Tokenizer, cache: Path) -> tuple[TokenTable, TokenTable]:
    """Tokens of the training and the test part.

    A damaged file in the cache is reported through logging and replaced.

    Args:
        raw: A text data set.
        tokenizer: Its `key` is part of the file name.
        cache: Folder under which `tokens/` is kept.
    """
    key = digest({"tokens": _FORMAT, "data": raw.fingerprint, "tokenizer": tokenizer.key})
    path = cache / "tokens" / f"{key}.npz"
    arrays = _read(path)
    if arrays is None:
        train, test = _tokenize(raw.train, tokenizer), _tokenize(raw.test, tokenizer)
        parts = (train.values, train.offsets, test.values, test.offsets)
        arrays = dict(zip(_NAMES, parts, strict=True))
        _write(path, arrays)
    return (
        TokenTable(arrays["train_values"], arrays["train_offsets"]),
        TokenTable(arrays["test_values"], arrays["test_offsets"]),
    )


def _tokenize(part: Examples, tokenizer: Tokenizer) -> TokenTable:
    texts = list(part.inputs)
    values = [np.empty(0, dtype=np.int32)]
    lengths = [0]
    # In chunks: lists of Python integers take ten times the memory of the array.
    for start in range(0, len(texts), _CHUNK):
        encoded = tokenizer.encode(texts[start : start + _CHUNK])
        lengths.extend(len(ids) for ids in encoded)
        values.extend(np.array(ids, dtype=np.int32) for ids in encoded)
    return TokenTable(np.concatenate(values), np.cumsum(lengths, dtype=np.int64))


def _write(path: Path, arrays: Arrays) -> None:
    checksum = np.frombuffer(digest(arrays).encode(), dtype=np.uint8)
    stream = BytesIO()
    np.savez(stream, allow_pickle=False, checksum=checksum, **arrays)
    write_atomic(path, stream.getvalue())


def _read(path: Path) -> Arrays | None:
    if not path.exists():
        return None
    try:
        # Opened here, because np.load leaves a file open when it fails.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _NAMES}
            sound = stored["checksum"].tobytes() == digest(arrays).encode()
    except Exception as error:  # a flipped bit can raise nearly anything in the zip reader
        _log.warning("the tokens in %s cannot be read (%s); tokenizing again", path, error)
        return None
    if not sound:
        _log.warning("the tokens in %s do not match their checksum; tokenizing again", path)
        return None
    return arrays
