from __future__ import annotations

import dataclasses
import random
import shutil
from pathlib import Path

import pytest

from alscope.config import ScenarioConfig, StrategySpec, StudyConfig
from alscope.errors import StoreError
from alscope.store import studies
from alscope.store.files import is_id, seal
from alscope.store.studies import DESIRED, StudyStore, slug
from tests.store.conftest import CrashError, fail_at, hooked, points_of
from tests.store.test_runs import BAD_IDS

NAMES = [
    "",
    " ",
    "../../etc/passwd",
    "a/b\\c",
    "CON",
    "nul.txt",
    "%2e%2e%2f",
    "été à Zürich",
    "主动学习",
    "\u202egnp.exe",
    "\0\n\t",
    "<script>alert(1)</script>",
    "[link](http://x)",
    "😀",
    "-_-",
    "a" * 10_000,
    "--x--" * 50,
    "\ud800",
    "ⅷ ﬁ ²",
]


def study(name: str = "Quick look", seeds: tuple[int, ...] = (0, 1)) -> StudyConfig:
    return StudyConfig(
        name=name,
        scenarios=(ScenarioConfig(),),
        strategies=(StrategySpec(name="random"), StrategySpec(name="margin")),
        seeds=seeds,
    )


def save(store: StudyStore, config: StudyConfig) -> str:
    study_id = store.id_of(config)
    store.save(study_id, config)
    return study_id


def test_a_study_comes_back(tmp_path: Path) -> None:
    study_id = save(StudyStore(tmp_path / "studies"), study())
    record = StudyStore(tmp_path / "studies").load(study_id)

    assert record.study_id == study_id
    assert record.config == study()
    assert record.run_ids == tuple(run.run_id for run in study().runs())
    assert study_id.startswith("quick-look-")


def test_saving_again_changes_nothing(tmp_path: Path) -> None:
    store = StudyStore(tmp_path)
    study_id = save(store, study())
    before = (tmp_path / study_id / "study.json").read_bytes()
    save(store, study())

    assert (tmp_path / study_id / "study.json").read_bytes() == before


def test_an_id_never_takes_another_configuration(tmp_path: Path) -> None:
    store = StudyStore(tmp_path)
    study_id = save(store, study())

    with pytest.raises(StoreError, match="already holds another configuration"):
        store.save(study_id, study(seeds=(7,)))


def test_the_newest_study_is_first_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = StudyStore(tmp_path)
    ids = []
    for year, name in [("2030", "a"), ("2020", "b"), ("2025", "c")]:
        monkeypatch.setattr(studies, "now", lambda year=year: f"{year}-01-01T00:00:00+00:00")
        ids.append(save(store, study(name)))

    assert store.ids() == tuple(reversed(ids))


def test_a_damaged_study_is_listed_last_and_says_what_is_wrong(tmp_path: Path) -> None:
    store = StudyStore(tmp_path)
    good, bad = save(store, study("good")), save(store, study("bad"))
    path = tmp_path / bad / "study.json"
    path.write_bytes(path.read_bytes()[:-9])

    assert store.ids() == (good, bad)
    with pytest.raises(StoreError, match=f"study {bad} is damaged"):
        store.load(bad)


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    store = StudyStore(tmp_path)
    study_id = save(store, study())
    path = tmp_path / study_id / "study.json"
    data = path.read_bytes()
    chance = random.Random(3)
    for _ in range(100):
        place = chance.randrange(len(data))
        flipped = bytes([data[place] ^ 1 << chance.randrange(8)])
        path.write_bytes(data[:place] + flipped + data[place + 1 :])
        with pytest.raises(StoreError):
            store.load(study_id)


@pytest.mark.parametrize(
    "change",
    [
        {"study_id": "other"},
        {"config": {}},
        {"config": []},
        {"run_ids": ["../x"]},
        {"run_ids": 3},
        {"number": "many"},
    ],
)
def test_a_sealed_study_of_another_form_is_an_error_in_words(
    tmp_path: Path, change: dict[str, object]
) -> None:
    store = StudyStore(tmp_path)
    study_id = save(store, study())
    record = dataclasses.asdict(store.load(study_id)) | {"config": study().to_dict()}
    (tmp_path / study_id / "study.json").write_bytes(seal({**record, **change}))

    with pytest.raises(StoreError):
        store.load(study_id)
    assert store.ids() == (study_id,)


def test_what_the_user_wants_is_remembered(tmp_path: Path) -> None:
    store = StudyStore(tmp_path)
    study_id = save(store, study())
    seen = [store.desired(study_id)]
    for state in DESIRED[::-1]:
        store.set_desired(study_id, state)
        seen.append(StudyStore(tmp_path).desired(study_id))

    assert seen == ["active", "cancelled", "paused", "active"]
    with pytest.raises(StoreError, match="unknown state 'stopped'"):
        store.set_desired(study_id, "stopped")


@pytest.mark.parametrize("content", [b"", b"{}", seal({"desired": "on"}), seal({"desired": []})])
def test_a_damaged_wish_is_an_error_and_can_be_set_again(tmp_path: Path, content: bytes) -> None:
    store = StudyStore(tmp_path)
    study_id = save(store, study())
    (tmp_path / study_id / "state.json").write_bytes(content)

    with pytest.raises(StoreError, match=f"state of study {study_id}"):
        store.desired(study_id)
    store.set_desired(study_id, "paused")
    assert store.desired(study_id) == "paused"


def test_a_deleted_study_is_gone(tmp_path: Path) -> None:
    store = StudyStore(tmp_path)
    study_id = save(store, study())
    store.delete(study_id)

    assert store.ids() == ()
    assert list(tmp_path.iterdir()) == []
    for method in (store.load, store.delete, store.desired):
        with pytest.raises(StoreError, match="there is no study"):
            method(study_id)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_makes_a_legal_id(name: str) -> None:
    study_id = f"{slug(name)}-abcdef"

    assert is_id(study_id)
    assert "--" not in study_id


def test_slugs_keep_what_can_be_read() -> None:
    assert slug("été à Zürich!") == "ete-a-zurich"
    assert slug("主动学习") == "study"


@pytest.mark.parametrize("study_id", BAD_IDS)
def test_illegal_ids_reach_no_file(tmp_path: Path, study_id: str) -> None:
    store = StudyStore(tmp_path / "studies")
    for method in (store.load, store.delete, store.desired):
        with pytest.raises(StoreError, match="is no study id"):
            method(study_id)
    with pytest.raises(StoreError, match="is no study id"):
        store.save(study_id, study())

    assert list(tmp_path.iterdir()) == []


def test_a_crash_at_any_point_leaves_the_study_old_or_new(tmp_path: Path) -> None:
    def work(store: StudyStore) -> None:
        store.set_desired(save(store, study()), "paused")

    for n in range(len(points_of(lambda: work(StudyStore(tmp_path / "whole"))))):
        store = StudyStore(tmp_path / str(n))
        with hooked(fail_at(n, CrashError)), pytest.raises(CrashError):
            work(store)
        before = [store.desired(study_id) for study_id in store.ids()]
        work(store)

        assert before in ([], ["active"], ["paused"])
        assert store.load(store.id_of(study())).config == study()


def test_a_study_that_cannot_be_deleted_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = StudyStore(tmp_path)
    study_id = save(store, study())
    monkeypatch.setattr(shutil, "rmtree", fail_at(0, lambda: OSError(13, "Permission denied")))

    with pytest.raises(StoreError, match="cannot be deleted: Permission denied"):
        store.delete(study_id)


def test_a_full_disk_is_an_error_in_words(tmp_path: Path) -> None:
    store = StudyStore(tmp_path)
    with (
        hooked(fail_at(1, lambda: OSError(28, "No space left on device"))),
        pytest.raises(StoreError, match="cannot be written: No space left on device"),
    ):
        save(store, study())

    assert store.ids() == ()
    assert list(tmp_path.rglob("*.tmp")) == []


def test_a_study_that_changed_on_disk_is_read_again(tmp_path: Path) -> None:
    store = StudyStore(tmp_path)
    study_id = save(store, study())
    path = tmp_path / study_id / "study.json"
    whole = path.read_bytes()
    assert store.load(study_id) is store.load(study_id)

    path.write_bytes(whole.replace(b"Quick", b"Quack"))
    with pytest.raises(StoreError, match="damaged"):
        store.load(study_id)
    path.write_bytes(whole)
    assert store.load(study_id).config == study()
