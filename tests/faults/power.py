"""A disk that forgets what was not synced.

While it is in use, every `fsync` is noted: of a file, the bytes that are safe from then on; of a
folder, the names in it. `cut` then writes, into another folder, one of the states that a power loss
at this moment could leave: for every name that changed since its folder was synced, the old state
or the new one; for every file that changed since it was synced, the old bytes, the new ones, a part
of them, or zeros in their place.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Disk", "forgetful"]


class Disk:
    """What is safe below a folder.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.n_syncs = 0
        self._bytes: dict[int, bytes] = {}
        self._names: dict[int, dict[str, int]] = {}

    def synced(self, handle: int) -> None:
        """Note what a sync makes safe."""
        self.n_syncs += 1
        path, status = Path(f"/proc/self/fd/{handle}").resolve(), os.fstat(handle)
        if path.is_dir():
            self._names[status.st_ino] = _names(path)
        else:
            self._bytes[status.st_ino] = path.read_bytes()

    def forget(self, path: Path) -> None:
        """Note that a file is deleted, so that its number may be used again."""
        if path.exists() and path.stat().st_nlink == 1 and path.is_file():
            self._bytes.pop(path.stat().st_ino, None)

    def cut(self, target: Path, dice: random.Random) -> None:
        """Write one state that could be left."""
        self._folder(self.root, target, dice)

    def _folder(self, here: Path, target: Path, dice: random.Random) -> None:
        target.mkdir()
        now = _names(here)
        safe = self._names.get(here.stat().st_ino, {})
        for name in now.keys() | safe.keys():
            if now.get(name) == safe.get(name):
                inode = now[name]
            else:
                inode = dice.choice((now.get(name), safe.get(name)))
            if inode is None:
                continue
            if (here / name).is_dir():
                self._folder(here / name, target / name, dice)
            else:
                (target / name).write_bytes(self._content(here / name, inode, now.get(name), dice))

    def _content(self, path: Path, inode: int, now: int | None, dice: random.Random) -> bytes:
        safe = self._bytes.get(inode, b"")
        if inode != now:  # the name leads to a file that was replaced or deleted meanwhile
            return safe
        new = path.read_bytes()
        if new == safe:
            return new
        kept = len(safe) if new.startswith(safe) else 0  # what is synced stays when more is added
        cut = dice.randint(kept, len(new))
        states = (safe, new, new[:cut], new[:kept] + bytes(len(new) - kept))
        return dice.choice(states)


@contextmanager
def forgetful(root: Path) -> Iterator[Disk]:
    """Keep track of what is safe below a folder."""
    disk = Disk(root)
    replace, unlink = os.replace, os.unlink

    def replaced(source: Path, target: Path) -> None:
        disk.forget(Path(target))
        replace(source, target)

    def unlinked(path: Path, **options: Any) -> None:
        if not options:  # else somebody clears away, by handles of folders, what is no longer used
            disk.forget(Path(path))
        unlink(path, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", disk.synced)
        patch.setattr(os, "replace", replaced)
        patch.setattr(os, "unlink", unlinked)
        yield disk


def _names(folder: Path) -> dict[str, int]:
    return {entry.name: entry.inode() for entry in os.scandir(folder)}
