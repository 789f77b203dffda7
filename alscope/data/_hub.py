"""Sets that come from the Hugging Face hub, and text sets in the formats used there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from alscope.data._copies import Columns, Copy
from alscope.data._jsonl import JsonlCopy
from alscope.data._parquet import ParquetCopy
from alscope.data._stored import StoredSpec
from alscope.errors import DatasetError

__all__ = ["HubSet", "TextSpec", "fetch_from_hub"]

_PARTS = ("test", "train")


class HubSet(NamedTuple):
    """A data set on the hub; none of them runs code of its own."""

    name: str
    """Owner and name."""
    config: str | None = None
    revision: str | None = None
    """Branch; None: the main one."""


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
        """From the hub, saved as Parquet."""
        fetch_from_hub(self.hub, folder, check=lambda: self.check_official(folder.parent))


def fetch_from_hub(
    sources: tuple[HubSet, ...],
    folder: Path,
    *,
    check: Callable[[], None],
    parts: tuple[str, ...] = _PARTS,
) -> None:
    """Save the parts of a hub data set as Parquet with class names.

    Args:
        sources: Data sets on the hub, tried in this order.
        folder: Receives `train-00000-of-00001.parquet` and one such file for each other part.
        check: Raises `DatasetError` if what was saved is not the official set.
        parts: The hub's names of the parts.

    Raises:
        DatasetError: If none of the sources gives the official set; with the reason for each.
    """
    reasons = []
    for source in sources:
        try:
            _save(source, folder, parts)
            check()
        except Exception as error:  # the hub's libraries raise nearly anything
            reasons.append(f"{source.name}: {error}")
        else:
            return
    raise DatasetError("; ".join(reasons))


def _save(source: HubSet, folder: Path, parts: tuple[str, ...]) -> None:
    import tempfile

    from datasets import load_dataset

    # Beside the result: unpacked, the large sets take half a gigabyte.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacked-") as cache:
        loaded: Any = load_dataset(
            source.name, source.config, revision=source.revision, cache_dir=cache
        )
        for part in parts:
            loaded[part].to_parquet(folder / f"{part}-00000-of-00001.parquet")
