"""Data sets by name: those of the registry and those that the user imported."""

from __future__ import annotations

from alscope.data._manifest import check_slug
from alscope.data.own import PREFIX, OwnDataset, own_info, own_sets
from alscope.data.protocols import DataRoot, DatasetSpec
from alscope.registry import datasets

__all__ = ["dataset_names", "find_dataset"]


def find_dataset(name: str, root: DataRoot | None = None) -> DatasetSpec:
    """The specification of a data set.

    Args:
        name: Registry name, or `own:<slug>` for an imported set.
        root: Where imported sets are; with it the specification of one has its title, modality and
            proposed backbone, without it only what every set can do. Whether the set exists is
            found out when it is read.

    Raises:
        UnknownNameError: If no data set is registered under the name; with the nearest one.
        DatasetError: If the slug of an imported set is none.
    """
    if not name.startswith(PREFIX):
        spec: DatasetSpec = datasets.get(name)()
        return spec
    slug = check_slug(name.removeprefix(PREFIX))
    return OwnDataset(slug=slug, info=own_info(root, slug) if root else None)


def dataset_names(root: DataRoot) -> tuple[str, ...]:
    """Names of the registry, then imported sets that can be read; each sorted."""
    own = (info.name for info in own_sets(root) if not info.problem)
    return (*datasets.names(), *own)
