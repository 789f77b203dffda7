"""Inspect on made-up queries over real digits, and on runs that lack something."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from alscope.config import RunConfig, StudyConfig
from alscope.data.pools import pool_summary
from alscope.data.scenario import Scenario, build_scenario
from alscope.engine.service import Service
from alscope.types import Arrays
from tests.ui.records import address, page, raw_texts, record, small_study, texts

pytestmark = pytest.mark.slow

TABS = ("picks", "balance", "openset", "overlap", "map", "point")
OPEN = {"setting": "open", "n_known": 6, "ood_ratio": 0.4}


class Recorded:
    """A study on real digits whose strategies chose at random."""

    def __init__(self, service: Service, *, predicted: bool = True, **scenario: Any) -> None:
        self.predicted = predicted
        self.study: StudyConfig = small_study("looked", **scenario)
        self.summary = pool_summary(self.study.scenarios[0], service.data_root)
        self.study_id = record(
            service, self.study, fingerprint=self.summary.fingerprint, blobs=self.blobs
        )

    @functools.cache  # noqa: B019 - lives as long as one test
    def scenario(self, seed: int) -> Scenario:
        return build_scenario(self.study.scenarios[0], self.summary, seed=seed)

    def picks(self, strategy: str, seed: int, number: int) -> np.ndarray:
        pool = self.scenario(seed).split.pool
        order = np.random.default_rng([seed, len(strategy)]).permutation(pool)
        return order[10 * number : 10 * number + 10]

    def blobs(self, run: RunConfig, number: int) -> dict[str, Arrays]:
        scenario = self.scenario(run.seed)
        queried = self.picks(run.strategy.name, run.seed, number)
        query = {"queried": queried, "labels": scenario.labels[queried]}
        if not self.predicted:
            return {"query": query}
        pool = scenario.split.pool
        rng = np.random.default_rng(number)
        thoughts = {
            "id": pool.astype(np.uint16),
            "predicted": rng.integers(0, scenario.known.size, pool.size).astype(np.uint8),
            "ood_score": rng.random(pool.size).astype(np.float16),
        }
        return {"query": query, "predictions": thoughts}


def tiles(app: AppTest) -> list[int]:
    """The samples whose tiles are shown."""
    found = "".join(element.proto.body for element in app.get("html"))
    return [int(number) for number in re.findall(r"<b>#(\d+)</b>", found)]


def html(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.get("html"))


def widget(app: AppTest, param: str) -> Any:
    return next(item for item in app.selectbox if item.key == f"inspect_{param}")


def test_the_picks_of_a_round_are_those_that_were_recorded(service: Service) -> None:
    recorded = Recorded(service)

    app = page("inspect", a="badge", seed="1", r="1")

    assert not app.exception
    assert tiles(app) == recorded.picks("badge", 1, 1).tolist()
    assert html(app).count("data:image/png;base64,") == 10
    assert "10 samples bought by badge in round 1" in texts(app)


def test_two_strategies_stand_side_by_side(service: Service) -> None:
    recorded = Recorded(service)

    app = page("inspect", a="badge", b="margin")

    expected = [*recorded.picks("badge", 0, 0), *recorded.picks("margin", 0, 0)]
    assert tiles(app) == expected


def test_shortcuts_show_what_everybody_and_nobody_picked(service: Service) -> None:
    recorded = Recorded(service)
    sets = [
        set(np.concatenate([recorded.picks(name, 0, number) for number in (0, 1)]))
        for name in ("badge", "margin", "random")
    ]
    pool = set(recorded.scenario(0).split.pool.tolist())

    every = page("inspect", r="1", of="every", sort="sample")
    nobody = page("inspect", r="1", of="none", sort="sample")

    assert tiles(every) == sorted(set.intersection(*sets))[:24]
    assert tiles(nobody) == sorted(pool - set.union(*sets))[:24]


def test_picks_are_filtered_by_class_and_sorted_by_confidence(service: Service) -> None:
    recorded = Recorded(service, **OPEN)
    queried = recorded.picks("margin", 0, 0)
    unknown = queried[recorded.scenario(0).labels[queried] < 0]
    arrays = recorded.blobs(recorded.study.runs()[0], 0)["predictions"]
    doubt = dict(zip(arrays["id"].tolist(), arrays["ood_score"].tolist(), strict=True))

    app = page("inspect", a="margin", **{"class": "unknown"}, sort="confident")

    assert tiles(app) == sorted(unknown.tolist(), key=lambda sample: (doubt[sample], sample))
    assert html(app).count('<span class="als-badge">OOD</span>') == unknown.size


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_is_drawn_from_its_address_and_only_that_one(service: Service, tab: str) -> None:
    Recorded(service, **OPEN)

    app = page("inspect", a="badge", b="margin", seed="1", r="1", tab=tab)

    assert not app.exception
    assert not app.error
    assert address(app, "tab") == [tab]
    charts = {"picks": 0, "balance": 4, "openset": 6, "overlap": 2, "map": 1, "point": 1}
    assert len(app.get("vega_lite_chart")) == charts[tab]
    assert all(element.proto.alt for element in app.get("vega_lite_chart"))


def test_a_view_survives_its_own_address(service: Service) -> None:
    recorded = Recorded(service)
    app = page("inspect", tab="point", sample="7")
    widget(app, "a").select("margin").run()
    widget(app, "b").select("random").run()
    widget(app, "seed").select("1").run()
    app.select_slider[0].set_value("1").run()

    link = {key: address(app, key) for key in ("exp", "data", "a", "b", "seed", "r", "tab")}
    copy = page("inspect", **link, sample=address(app, "sample"))

    assert link["a"] + link["b"] + link["seed"] + link["r"] == ["margin", "random", "1", "1"]
    assert {key: address(copy, key) for key in link} == link
    assert copy.number_input[0].value == 7
    assert link["exp"] == [recorded.study_id]


def test_unknown_values_are_dropped_with_a_notice(service: Service) -> None:
    Recorded(service)

    app = page("inspect", exp="lookd-1", a="bagde", seed="99", r="7", tab="mpa", sample="../x")

    said = " ".join(element.value for element in app.warning)
    assert not app.exception
    assert "Did you mean badge?" in said
    assert "Did you mean map?" in said
    assert "seed “99”" in said
    assert address(app, "r") == ["0"]
    assert address(app, "tab") == ["picks"]


def test_runs_without_predictions_still_show_their_picks(service: Service) -> None:
    recorded = Recorded(service, predicted=False, **OPEN)

    picks = page("inspect", a="badge")
    scores = page("inspect", a="badge", tab="openset")
    nobody = page("inspect", a="badge", of="none")
    point = page("inspect", a="badge", tab="point", sample=str(recorded.picks("badge", 0, 0)[0]))

    assert tiles(picks) == recorded.picks("badge", 0, 0).tolist()
    assert "Predictions were not stored for this run" in texts(picks)
    assert "Predictions were not stored for this run" in texts(scores)
    assert "nobody knows who else was there" in texts(nobody)
    assert "round 0, choice 1" in point.table[0].value["Picked"].tolist()


@pytest.mark.parametrize("tab", ["picks", "overlap", "point"])
def test_runs_without_picks_say_so(service: Service, tab: str) -> None:
    record(service, small_study())

    app = page("inspect", tab=tab)

    assert not app.exception
    assert not app.error
    assert "Picks were not stored" in texts(app)


@pytest.mark.parametrize("tab", ["picks", "balance", "map", "point"])
def test_data_that_are_not_here_leave_everything_that_was_recorded(
    service: Service, tab: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded(service, **OPEN)
    other = replace(recorded.summary, fingerprint="other")
    monkeypatch.setattr("alscope.results.trial.pool_summary", lambda *_: other)

    app = page("inspect", a="badge", tab=tab)

    assert not app.exception
    assert not app.error
    assert "are not the ones this run read" in texts(app)
    if tab == "picks":
        assert tiles(app) == recorded.picks("badge", 0, 0).tolist()
        assert "data:image" not in html(app)


def test_a_study_before_its_first_query_says_what_to_wait_for(service: Service) -> None:
    record(service, small_study(n_rounds=0))

    assert "no query yet" in texts(page("inspect"))


def test_without_a_study_the_page_says_where_to_begin(service: Service) -> None:
    assert "nothing to inspect yet" in texts(page("inspect"))


def test_a_closed_set_has_no_open_set_charts(service: Service) -> None:
    Recorded(service)

    app = page("inspect", tab="openset")

    assert "purity is 1 and nothing is wasted" in texts(app)
    assert not app.get("vega_lite_chart")


def test_names_of_classes_and_texts_are_escaped() -> None:
    from alscope.data.protocols import Examples, RawData
    from alscope.results.trial import Samples
    from alscope.types import SampleSpec
    from alscope.ui import inspect_tiles

    nasty = "<img src=x onerror=alert(1)>"
    data = RawData(
        name="texts",
        sample=SampleSpec(modality="text"),
        class_names=(nasty,),
        train=Examples(inputs=[nasty], targets=np.zeros(1, dtype=np.int64)),
        test=Examples(inputs=[nasty], targets=np.zeros(1, dtype=np.int64)),
        fingerprint="f",
    )
    trial: Any = type("T", (), {"class_names": (nasty,), "true_names": lambda *_: [nasty]})()
    row = {"sample": 0, "round": 0, "rank": 0, "label": 0, "known": True, "score": 0.5}
    row |= {"predicted": 0, "confidence": 0.7}

    tile = inspect_tiles._tile(row, trial, Samples(data))

    assert "<img" not in tile
    assert tile.count("&lt;img src=x onerror=alert(1)&gt;") >= 2


def test_notes_of_files_never_become_markdown(service: Service) -> None:
    Recorded(service)

    app = page("inspect", a="<b>bold</b>")

    assert "<b>" not in raw_texts(app).replace("\\<b\\>", "")
