"""Studies in a list: who is ahead, and finding them."""

from __future__ import annotations

from pathlib import Path

import pytest

from alscope.engine.service import Service, StudyStatus
from alscope.results.frames import rounds_frame
from alscope.results.overview import find_studies, leaders, tags_of
from alscope.results.tables import aubc_table
from tests.ui.records import record, small_study


@pytest.fixture
def service(cache_folder: Path) -> Service:
    return Service.open(cache_folder, executor="serial", offline=True)


@pytest.fixture
def studies(service: Service) -> tuple[StudyStatus, ...]:
    first = record(service, small_study("Café résumé"))
    second = record(service, small_study("open one", setting="open", n_known=6), failed=(0,))
    service.library.describe(first, tags=["Thesis", "b"], note="forty labels")
    service.library.describe(second, tags=["thesis"], note="")
    return tuple(service.study(study_id) for study_id in (first, second))


def test_the_leader_has_the_area_that_the_tables_compute(
    service: Service, studies: tuple[StudyStatus, ...]
) -> None:
    (leader,) = leaders(studies[0])
    table = aubc_table(rounds_frame(service.runs, [run.run_id for run in studies[0].runs]))
    best = table[table["best"]].iloc[0]

    assert leader.strategy == best["strategy"]
    assert leader.aubc == pytest.approx(best["aubc"], abs=1e-12)
    assert leader.n == 2


def test_unfinished_runs_lead_nothing(studies: tuple[StudyStatus, ...]) -> None:
    (leader,) = leaders(studies[1])

    assert leader.n == 1  # of two: random failed with the other seed
    assert sum(run.round for run in studies[1].runs if run.strategy == "random") == 4


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        ({}, [0, 1]),
        ({"text": "cafe RESUME"}, [0]),
        ({"text": "labels forty"}, [0]),
        ({"text": "badge"}, [0, 1]),
        ({"text": "badge nowhere"}, []),
        ({"tags": ["THESIS"]}, [0, 1]),
        ({"tags": ["thesis", "b"]}, [0]),
        ({"states": ["failed"]}, [1]),
        ({"states": ["failed", "done"]}, [0, 1]),
        ({"sources": ["imported"]}, []),
        ({"sources": ["here"], "text": "open"}, [1]),
    ],
)
def test_studies_are_found_by_everything_that_is_asked_for(
    studies: tuple[StudyStatus, ...], asked: dict[str, object], places: list[int]
) -> None:
    assert find_studies(studies, **asked) == tuple(studies[place] for place in places)


def test_all_tags_in_use_are_known(studies: tuple[StudyStatus, ...]) -> None:
    assert tags_of(studies) == ("b", "Thesis", "thesis")
