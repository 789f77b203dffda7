"""Sets that come from the Hugging Face hub, and text sets in the formats used there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from alscope.data._copies import Columns, Copy
from alscope.data._jsonl import JsonlCopy
from alscope.data._parquet import ParquetCopy
from alscope.data._stored import StoredSpec
from alscope.data._transfer import Expected, receive
from alscope.errors import DatasetError

__all__ = ["HubSet", "TextSpec", "fetch_from_hub"]

_PARTS = ("test", "train")
_REVISIONS = ("main", "refs/convert/parquet")


class HubSet(NamedTuple):
    """A data set on the hub, of one configuration; nothing of it but Parquet files is read."""

    name: str
    """Owner and name."""
    revision: str | None = None
    """Branch; None: the main one, else the one with the hub's own conversion to Parquet."""


@dataclass(frozen=True, kw_only=True)
class TextSpec(StoredSpec):
    """Base of text sets: folders with Parquet files or JSON lines, else the hub."""

    modality: ClassVar[str] = "text"
    folders: ClassVar[tuple[str, ...]]
    """Sub-folders of the data folder, in reading order."""
    columns: ClassVar[Columns] = Columns(inputs=("text",), labels=("label",))
    hub: ClassVar[tuple[HubSet, ...]] = ()
    """Where it is fetched from, the first that has the official counts."""

    def copies(self, root: Path) -> Iterator[Copy | None]:
        """Parquet, then JSON lines, in each folder."""
        for folder in self.folders:
            yield ParquetCopy.find(root / folder, self.columns)
            yield JsonlCopy.find(root / folder, self.columns)

    def fetch(self, folder: Path) -> None:
        """From the hub."""
        fetch_from_hub(self.hub, folder, check=lambda: self.check_official(folder.parent))


def fetch_from_hub(
    sources: tuple[HubSet, ...],
    folder: Path,
    *,
    check: Callable[[], None],
    parts: tuple[str, ...] = _PARTS,
) -> None:
    """Bring the Parquet files of a data set from the hub, as they are.

    A file that broke off is continued, also after a restart.

    Args:
        sources: Data sets on the hub, tried in this order.
        folder: Receives `train-00000-of-00001.parquet`, or several such files, for each part.
        check: Raises `DatasetError` if what was received is not the official set.
        parts: The hub's names of the parts.

    Raises:
        DatasetError: If none of the sources gives the official set; with the reason for each.
    """
    reasons = []
    for source in sources:
        try:
            for name, url, expected in _wanted(source, parts):
                receive(url, folder / name, expected)
            check()
        except Exception as error:  # the hub's library raises nearly anything
            reasons.append(f"{source.name}: {error}")
            for path in folder.glob("*.parquet"):  # they are complete, and of another set
                path.unlink()
        else:
            return
    raise DatasetError("; ".join(reasons))


def _wanted(source: HubSet, parts: tuple[str, ...]) -> list[tuple[str, str, Expected]]:
    """Name, address and content of every file, the smallest parts first."""
    from huggingface_hub import hf_hub_url

    revision, files = _listed(source, parts)
    wanted = []
    for part in parts:
        for number, (path, expected) in enumerate(files[part]):
            name = f"{part}-{number:05d}-of-{len(files[part]):05d}.parquet"
            url = hf_hub_url(source.name, path, repo_type="dataset", revision=revision)
            wanted.append((name, url, expected))
    return wanted


def _listed(
    source: HubSet, parts: tuple[str, ...]
) -> tuple[str, dict[str, list[tuple[str, Expected]]]]:
    """A revision and its Parquet files by part: the set's own, else those the hub made of it."""
    revisions = (source.revision,) if source.revision else _REVISIONS
    for revision in revisions:
        tree = _tree(source.name, revision)
        files = {part: [f for f in tree if _belongs(f[0], part)] for part in parts}
        if all(files.values()):
            return revision, files
    raise DatasetError(f"no Parquet files of {' and '.join(parts)} in {' or '.join(revisions)}")


def _tree(name: str, revision: str) -> list[tuple[str, Expected]]:
    """Paths and contents of all files of a revision, sorted."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    items = HfApi().list_repo_tree(name, repo_type="dataset", revision=revision, recursive=True)
    files = [item for item in items if isinstance(item, RepoFile)]
    return sorted(
        (
            file.path,
            Expected("sha256", file.lfs.sha256, file.size)
            if file.lfs
            else Expected("git", file.blob_id, file.size),
        )
        for file in files
    )


def _belongs(path: str, part: str) -> bool:
    """Whether a file is `.../train-*.parquet`, `.../train.parquet` or `.../train/*.parquet`."""
    return re.search(rf"(?:^|/){part}(?:-[^/]*|/[^/]*)?\.parquet$", path) is not None
