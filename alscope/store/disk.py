"""The only way bytes enter and leave diskcache: no pickle, no text, no foreign file names.

diskcache pickles keys and values that are not plain, and unpickles what a row claims to be pickled;
whoever can write into the folder could run code (CVE-2025-69872). Here keys are text, values are
bytes, and everything else is refused before it is looked at. Checksums are in the bytes themselves;
see `alscope.store.codecs`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import MODE_BINARY, MODE_RAW, UNKNOWN

from alscope.store._faults import point
from alscope.store.files import halves, read_regular

__all__ = ["RefusedEntryError", "SafeDisk"]

_FILE_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{28}\.val")
_KEY_PART = 24
_log = logging.getLogger(__name__)


class RefusedEntryError(OSError):
    """An entry that we never wrote; diskcache turns an `OSError` at reading into a miss."""


class SafeDisk(diskcache.Disk):  # type: ignore[misc]
    """Reads and writes bytes under text keys, in the cache folder only.

    The first 24 digits of a file name are made from the key, so that files left by a killed or
    failed writer are found again when the key is computed anew.
    """

    def __init__(self, directory: str, **settings: Any) -> None:
        super().__init__(directory, **settings)
        self.n_refused = 0

    def put(self, key: Any) -> tuple[str, bool]:
        """The key for the database.

        Raises:
            TypeError: If it is not text.
        """
        if type(key) is not str:
            raise TypeError(f"keys of the cache are text, not {type(key).__name__}")
        return key, True

    def get(self, key: Any, raw: bool) -> str:
        """The key from the database.

        Raises:
            RefusedEntryError: If it is not text.
        """
        if not raw or type(key) is not str:
            raise self._refusal("a key that is not text")
        return key

    def store(
        self, value: Any, read: bool, key: Any = UNKNOWN
    ) -> tuple[int, int, str | None, memoryview | None]:
        """Store bytes: small ones in the database, others in a file of their own.

        Raises:
            TypeError: If the value is not bytes.
            OSError: If it cannot be written; then no file is left.
        """
        if read or type(value) is not bytes:
            raise TypeError(f"values of the cache are bytes, not {type(value).__name__}")
        point("cache.set.before")
        if len(value) < self.min_file_size:
            point("cache.set.inside")
            return 0, MODE_RAW, None, sqlite3.Binary(value)
        name, full = self.filename(key, value)
        try:
            self._write(full, halves(value, "cache.set"), "xb")
        except Exception:
            self.remove(name)
            raise
        point("cache.set.written")
        return len(value), MODE_BINARY, name, None

    def fetch(self, mode: Any, filename: Any, value: Any, read: bool) -> bytes:
        """The bytes of a row.

        Raises:
            RefusedEntryError: If the row is not of the only form that `store` makes.
            OSError: If its file is gone or no regular file.
        """
        if not read and mode == MODE_RAW and filename is None and type(value) is bytes:
            return value
        if not read and mode == MODE_BINARY and value is None:
            return read_regular(self._path(filename))
        raise self._refusal(f"a value stored in mode {mode!r:.20}")

    def filename(self, key: Any = UNKNOWN, value: Any = UNKNOWN) -> tuple[str, str]:
        """Relative and full path of a new file for a key."""
        name = _key_part(key) + os.urandom(4).hex()
        relative = f"{name[:2]}/{name[2:4]}/{name[4:]}.val"
        return relative, str(Path(self._directory) / relative)

    def remove(self, file_path: Any) -> None:
        """Delete the file of a row; a name that is not ours is left alone."""
        try:
            self._path(file_path)
        except OSError:
            return
        super().remove(file_path)

    def remove_files_of(self, key: str) -> None:
        """Delete what failed or killed writers of a key left; nobody may be writing it now."""
        part = _key_part(key)
        folder = f"{part[:2]}/{part[2:4]}"
        with suppress(OSError):
            # Not `glob`, which would compile a pattern for every key.
            for path in Path(self._directory, folder).iterdir():
                if path.name.startswith(part[4:]):
                    self.remove(f"{folder}/{path.name}")

    def remove_all_files(self) -> None:
        """Delete every value file, with or without a row."""
        root = Path(self._directory)
        for path in root.glob("??/??/*.val"):
            self.remove(path.relative_to(root).as_posix())

    def _path(self, name: Any) -> Path:
        if type(name) is not str or not _FILE_NAME.fullmatch(name):
            raise self._refusal(f"the file name {name!r:.80}")
        root = Path(self._directory)
        if not (root / name).parent.resolve().is_relative_to(root.resolve()):
            raise self._refusal(f"the linked folder of {name!r:.80}")
        return root / name

    def _refusal(self, what: str) -> RefusedEntryError:
        self.n_refused += 1
        _log.warning("the artifact cache holds %s, which ALScope never writes; ignored", what)
        return RefusedEntryError(f"refused {what}")


def _key_part(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=_KEY_PART // 2).hexdigest()
