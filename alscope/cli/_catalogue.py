"""Commands that list what can be used."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
from typing import Any

from alscope.cli._terminal import put, put_json, table
from alscope.data.lookup import dataset_names, find_dataset
from alscope.data.protocols import DataRoot
from alscope.errors import DatasetError
from alscope.params import params_of
from alscope.registry import backbones, strategies

__all__ = ["data_root_of", "dataset_facts", "list_backbones", "list_datasets", "list_strategies"]


def list_strategies(arguments: argparse.Namespace) -> int:
    """`alscope strategies`."""
    if arguments.markdown:
        from alscope.catalogue import catalogue_page

        put(catalogue_page().rstrip("\n"))
        return 0
    facts = [_strategy_facts(name) for name in strategies]
    if arguments.json:
        put_json(facts)
        return 0
    rows = [(f["name"], f["group"], _settings(f), f["summary"]) for f in facts]
    put(*table(("strategy", "family", "parameters", ""), rows))
    return 0


def list_backbones(arguments: argparse.Namespace) -> int:
    """`alscope backbones`."""
    facts = [
        {
            "name": name,
            "title": backbones.get(name).title,
            "modalities": sorted(backbones.get(name).modalities),
            "parameters": _parameters(backbones.get(name)),
            "summary": _summary(backbones.get(name)),
        }
        for name in backbones
    ]
    if arguments.json:
        put_json(facts)
        return 0
    rows = [(f["name"], ", ".join(f["modalities"]), _settings(f), f["summary"]) for f in facts]
    put(*table(("backbone", "reads", "parameters", ""), rows))
    return 0


def list_datasets(arguments: argparse.Namespace) -> int:
    """`alscope datasets`."""
    root = data_root_of(arguments)
    facts = [dataset_facts(name, root) for name in dataset_names(root)]
    if arguments.json:
        put_json(facts)
        return 0
    rows = [
        (f["name"], f["modality"], "yes" if f["available"] else "no", f["licence"], f["title"])
        for f in facts
    ]
    put(*table(("dataset", "modality", "here", "licence", ""), rows))
    return 0


def data_root_of(arguments: argparse.Namespace) -> DataRoot:
    """Where the options say that data sets are."""
    from alscope.engine.defaults import Paths, cache_root, data_root

    cache = cache_root(arguments.cache)
    return DataRoot(
        path=data_root(cache, arguments.data),
        cache=Paths(cache).derived,
        allow_download=not arguments.offline,
    )


def dataset_facts(name: str, root: DataRoot) -> dict[str, Any]:
    """A row of the catalogue of data sets."""
    spec = find_dataset(name, root)
    try:
        available = spec.available(root)
    except DatasetError:
        available = False
    return {
        "name": name,
        "title": spec.title,
        "modality": spec.modality,
        "built_in": spec.built_in,
        "available": available,
        "backbone": spec.backbone,
        "licence": spec.licence,
        "citation": spec.citation,
        "homepage": spec.homepage,
    }


def _strategy_facts(name: str) -> dict[str, Any]:
    cls, info = strategies.get(name), strategies.info(name)
    return {
        "name": name,
        "title": info.get("title", name),
        "group": info.get("group", ""),
        "parameters": _parameters(cls),
        "summary": info.get("summary") or _summary(cls),
    }


def _parameters(cls: type) -> list[dict[str, Any]]:
    return [dataclasses.asdict(parameter) for parameter in params_of(cls)]


def _settings(facts: dict[str, Any]) -> str:
    return ", ".join(f"{p['name']}={p['default']}" for p in facts["parameters"])


def _summary(cls: type) -> str:
    return (inspect.getdoc(cls) or "").split("\n", 1)[0]
