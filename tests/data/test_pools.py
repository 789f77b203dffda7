"""Unknown samples from another data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alscope.config import ScenarioConfig
from alscope.data import pools
from alscope.data.pools import load_pool, pool_summary
from alscope.data.protocols import DataRoot, DatasetSpec, DataSummary, Examples, RawData
from alscope.data.scenario import build_scenario, scenario_problems
from alscope.errors import ConfigError
from alscope.types import SampleSpec


class Made(DatasetSpec):
    """A data set of made-up examples."""

    def __init__(self, name: str, sample: SampleSpec, classes: tuple[str, ...], n: int) -> None:
        object.__setattr__(self, "facts", (name, sample, classes, n))

    def summary(self, root: DataRoot) -> DataSummary:
        """Labels in turn."""
        name, sample, classes, n = self.facts
        train, test = (np.arange(size) % len(classes) for size in (n, n // 2))
        return DataSummary(classes, train, test, sample, source=name, fingerprint=name)

    def load(self, root: DataRoot) -> RawData:
        """Grey levels by row, or words."""
        name, sample, classes, n = self.facts

        def part(size: int) -> Examples:
            targets = np.arange(size) % len(classes)
            if sample.modality == "text":
                return Examples([f"{name} {row}" for row in range(size)], targets)
            images = (
                np.zeros((size, *sample.shape), np.uint8) + np.arange(size)[:, None, None, None]
            )
            return Examples(images.astype(np.uint8), targets)

        return RawData(name, sample, classes, part(n), part(n // 2), fingerprint=name)


def image(*shape: int) -> SampleSpec:
    return SampleSpec(modality="image", shape=shape)


SETS = {
    "birds": Made("birds", image(3, 8, 8), ("owl", "jay", "kiwi"), 60),
    "digits": Made("digits", image(1, 6, 6), ("0", "1"), 40),
    "notes": Made("notes", SampleSpec(modality="text"), ("a", "b"), 20),
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataRoot:
    monkeypatch.setattr(pools, "find_dataset", SETS.__getitem__)
    return DataRoot(path=tmp_path, cache=tmp_path)


def config(**fields: Any) -> ScenarioConfig:
    base: dict[str, Any] = {
        "dataset": "birds",
        "setting": "open",
        "ood_dataset": "digits",
        "ood_ratio": 0.25,
        "initial": "random",
        "n_initial": 8,
        "query_size": 4,
        "n_rounds": 2,
    }
    return ScenarioConfig(**{**base, **fields})


def test_all_classes_of_the_set_are_known_and_all_others_unknown(root: DataRoot) -> None:
    scenario = build_scenario(config(), pool_summary(config(), root), seed=0)
    split = scenario.split
    rows = np.concatenate([split.labeled, split.unknowns, split.pool])

    assert scenario.class_names == ("owl", "jay", "kiwi")
    assert (scenario.labels[rows] >= 0).sum() == 60
    assert ((scenario.labels[rows] < 0) == (rows >= 60)).all()
    assert (rows >= 60).sum() == 20
    assert split.test.max() < 30


def test_classes_of_the_set_that_are_not_known_are_left_out(root: DataRoot) -> None:
    scenario = build_scenario(
        config(known_classes=("owl", "kiwi")), pool_summary(config(), root), seed=0
    )
    split = scenario.split
    rows = np.concatenate([split.labeled, split.unknowns, split.pool])
    targets = pool_summary(config(), root).train_targets

    assert set(targets[rows].tolist()) == {0, 2, 3, 4}


def test_a_class_of_the_other_set_cannot_be_known(root: DataRoot) -> None:
    summary = pool_summary(config(), root)
    (problem,) = scenario_problems(config(known_classes=("owl", "digits: 0")), summary)

    assert problem.path == "known_classes"


def test_images_are_brought_to_the_shape_of_the_set(root: DataRoot) -> None:
    raw = load_pool(config(), root)

    assert raw.train.inputs.shape == (100, 3, 8, 8)
    assert (raw.train.inputs[60 + 7] == 7).all()
    assert raw.train.targets.tolist() == pool_summary(config(), root).train_targets.tolist()
    assert raw.fingerprint == pool_summary(config(), root).fingerprint
    assert len(raw.test.inputs) == 30


def test_other_unknown_samples_make_other_data(root: DataRoot) -> None:
    plain = config(ood_dataset="", n_known=2)

    assert pool_summary(plain, root).fingerprint != pool_summary(config(), root).fingerprint


def test_texts_cannot_be_mixed_into_images(root: DataRoot) -> None:
    with pytest.raises(ConfigError, match="same modality"):
        pool_summary(config(ood_dataset="notes"), root)


def test_texts_are_appended(root: DataRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETS, "mails", Made("mails", SampleSpec(modality="text"), ("x", "y"), 6))
    raw = load_pool(config(dataset="notes", ood_dataset="mails"), root)

    assert raw.train.inputs[20:22] == ["mails 0", "mails 1"]


def test_classes_that_are_left_out_take_no_share_of_the_limit(root: DataRoot) -> None:
    limited = config(known_classes=("owl", "kiwi"), pool_limit=40, ood_ratio=0.5)
    scenario = build_scenario(limited, pool_summary(limited, root), seed=0)

    assert scenario.split.pool.size + limited.n_initial == 40


def test_a_cap_is_shared_by_the_ratio_not_by_the_sizes_of_the_sets(root: DataRoot) -> None:
    limited = config(pool_limit=40)
    scenario = build_scenario(limited, pool_summary(limited, root), seed=0)
    split = scenario.split
    rows = np.concatenate([split.labeled, split.unknowns, split.pool])

    assert (scenario.labels[rows] >= 0).sum() == 30
    assert (scenario.labels[rows] < 0).sum() == 10
