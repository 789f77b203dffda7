"""CLINC150 by domain, with its out-of-scope queries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from alscope.data._copies import Columns, Facts
from alscope.data._hub import TextSpec
from alscope.data._parquet import class_label_metadata
from alscope.data._transfer import RECEIVED, Expected, receive_any
from alscope.registry import datasets

__all__ = ["Clinc150"]

_URL = "https://raw.githubusercontent.com/clinc/oos-eval/master/data/"
_SHA256 = {
    "data_full.json": "36923c3705a59e08fe9c3883d8bc2dd966ef93e22cb78ac41171782a698d56e0",
    "domains.json": "b947b579d3b8e74b06f93b01083d8efaff2888b43a3e362533bd88a6e1211b3a",
}
_OUTSIDE = "oos"


@datasets.register("clinc150", title="CLINC150")
@dataclass(frozen=True, kw_only=True)
class Clinc150(TextSpec):
    """Requests to an assistant, by domain: 15,100 training and 5,500 test texts of 10 domains.

    The eleventh class, `oos`, holds real queries that belong to no domain: 100 for training, 1,000
    for testing. They can only be unknown: absent from a closed set, unknown in an open one. The
    official validation part is not used.

    References:
        Larson et al. 2019, arXiv:1909.02027.
    """

    title: ClassVar[str] = "CLINC150"
    licence: ClassVar[str] = "CC BY 3.0"
    citation: ClassVar[str] = (
        "Larson et al. 2019, An evaluation dataset for intent classification and out-of-scope "
        "prediction, EMNLP, arXiv:1909.02027"
    )
    homepage: ClassVar[str] = "https://github.com/clinc/oos-eval"
    backbone: ClassVar[str] = "text_bag"
    never_known: ClassVar[tuple[str, ...]] = (_OUTSIDE,)
    facts: ClassVar[Facts] = Facts(
        names=(
            "banking",
            "credit_cards",
            "kitchen_and_dining",
            "home",
            "auto_and_commute",
            "travel",
            "utility",
            "work",
            "small_talk",
            "meta",
            _OUTSIDE,
        ),
        counts={"train": (*(1500,) * 10, 100), "test": (*(450,) * 10, 1000)},
        shape=(),
    )
    columns: ClassVar[Columns] = Columns(inputs=("text",), labels=("domain",))
    folder: ClassVar[str] = "clinc150"
    folders: ClassVar[tuple[str, ...]] = ("clinc150",)
    places: ClassVar[tuple[str, ...]] = (
        "clinc150/train-*.parquet and test-*.parquet",
        "clinc150/train.jsonl and test.jsonl",
    )
    download_size: ClassVar[str] = "3 MB"

    def fetch(self, folder: Path) -> None:
        """From the authors: the copies on the hub have no domains."""
        queries, domains = (_received(name, folder.parent) for name in _SHA256)
        domain_of = {intent: name for name, intents in domains.items() for intent in intents}
        domain_of[_OUTSIDE] = _OUTSIDE
        for part in ("train", "test"):
            rows = [*queries[part], *queries[f"{_OUTSIDE}_{part}"]]
            labels = [self.facts.names.index(domain_of[intent]) for _, intent in rows]
            _save(folder / f"{part}-00000-of-00001.parquet", rows, labels, self.facts.names)


def _received(name: str, folder: Path) -> Any:
    target = folder / RECEIVED / name
    receive_any([_URL + name], target, Expected("sha256", _SHA256[name]), dataset="clinc150")
    return json.loads(target.read_bytes())


def _save(path: Path, rows: list[Any], labels: list[int], names: tuple[str, ...]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts, intents = ([row[column] for row in rows] for column in (0, 1))
    table = pa.table({"text": texts, "intent": intents, "domain": labels})
    pq.write_table(table.replace_schema_metadata(class_label_metadata("domain", names)), path)
