"""Every page in every state of the store: no exception, and something a reader can go on with."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alscope.engine.service import Service
from alscope.ui.nav import PAGES
from alscope.ui.service import adopt
from tests.ui.records import page, record, small_study, texts

# Drawing Data reads the labels of every built-in set: seconds, and the same in every state.
NAMES = [pytest.param(name, marks=[pytest.mark.slow] if name == "data" else []) for name in PAGES]


def empty(service: Service) -> None:
    """Nothing was ever run."""


def one_run(service: Service) -> None:
    """One finished run: no seed to average over, nothing to compare with."""
    study = small_study("lonely", n_seeds=1)
    record(service, dataclasses.replace(study, strategies=study.strategies[:1]))


def running(service: Service) -> None:
    """A study of which one run is being executed by somebody and the others wait."""
    study = small_study("busy")
    study_id = service.studies_store.id_of(study)
    service.studies_store.save(study_id, study)
    first, *others = [service.runs.create(run) for run in study.runs()]
    writer = service.runs.open(first)
    writer.append("started", {})
    writer.progress(force=True, stage="train", round=0, fraction=0.2)
    OPEN.append(writer.close)
    assert len(others) == 5


def damaged(service: Service) -> None:
    """A study that cannot be read, one with a damaged run, one whose note is damaged."""
    lost, hurt, noted = (
        record(service, small_study(name, n_initial=n))
        for name, n in (("lost", 20), ("hurt", 30), ("noted", 40))
    )
    (service.cache / "studies" / lost / "study.json").write_text("{", encoding="utf-8")
    run = service.study(hurt).runs[0].run_id
    journal = service.runs.path_of(run) / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30] + b"x" * 29 + b"\n")
    (service.cache / "studies" / noted / "about.json").write_text("[]", encoding="utf-8")


def many(service: Service) -> None:
    """Two hundred runs in seven studies."""
    for number in range(7):
        record(service, small_study(f"study {number}", n_seeds=10, n_initial=20 + number))


STATES: dict[str, Callable[[Service], None]] = {
    "empty": empty,
    "one run": one_run,
    "running": running,
    "damaged": damaged,
    "200 runs": many,
}
OPEN: list[Callable[[], None]] = []


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Cache folders in the states, each made once; pages only look at them."""
    made: dict[str, Path] = {}

    def store(state: str) -> Path:
        if state not in made:
            made[state] = tmp_path_factory.mktemp("state")
            with (
                pytest.MonkeyPatch.context() as patch,
                Service.open(made[state], executor="serial", offline=True) as service,
            ):
                patch.setattr(os, "fsync", lambda handle: None)
                STATES[state](service)
        return made[state]

    yield store
    while OPEN:
        OPEN.pop()()


# Many states of many pages take long; an empty store and one run are always tried.
RARE = {"200 runs", "damaged", "running"}
SHOWN = [pytest.param(name, marks=[pytest.mark.slow] if name in RARE else []) for name in STATES]


@pytest.mark.parametrize("state", SHOWN)
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_helpful_in_every_state(
    stores: Callable[[str], Path], name: str, state: str
) -> None:
    with Service.open(stores(state), executor="serial", offline=True) as service:
        former = adopt(service)
        try:
            app = page(name)
        finally:
            adopt(former)

    assert not app.exception
    assert not any("unexpected" in error.value for error in app.error)
    assert app.title[0].value
    assert len(texts(app)) > 30
    assert app.button or app.main.get("page_link") or app.selectbox or app.multiselect
    if state == "damaged" and name in {"home", "library"}:
        assert "cannot be read" in texts(app)
