from __future__ import annotations

import pytest

from alscope.engine.service import Service
from alscope.results import samples
from tests.ui.records import address, page, record, small_study, texts


def button(app, label):
    return next(item for item in app.button if item.label == label)


def test_one_click_starts_the_demo_and_shows_it_on_monitor(service: Service) -> None:
    app = page("home")
    button(app, "Start the demo study").click().run()

    (study,) = service.studies()
    assert study.name == "demo"
    assert app.title[0].value == "Monitor"
    assert address(app, "exp") == [study.study_id]


def test_a_finished_study_names_its_best_strategy(service: Service) -> None:
    record(service, small_study())

    said = texts(page("home"))

    assert "badge: 0.66" in said
    assert "6 / 6 runs" in said


def test_a_study_that_is_not_finished_names_no_best_strategy(service: Service) -> None:
    record(service, small_study(), failed=(0,))

    assert "trophy" not in texts(page("home"))


def test_names_of_studies_are_shown_as_text_not_as_markup(service: Service) -> None:
    record(service, small_study("**bold** <b>x</b> $x^2$ :material/home:"))

    names = [element.value for element in page("home").markdown]

    assert r"**\*\*bold\*\* \<b\>x\</b\> \$x^2\$ \:material/home\:**" in names


@pytest.mark.slow
def test_samples_are_marked_and_give_a_measured_fact(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256, path = next(item for item in samples.bundles().items() if item[1].stem == "digits")
    monkeypatch.setattr(samples, "bundles", lambda: {sha256: path})
    samples.install(service.cache, runs=service.runs, studies=service.studies_store)

    app = page("home")
    said = texts(app)

    assert not app.exception
    assert "[sample]" in said
    assert "Did you know?" in said
    assert "better in area by an exact paired test" in said
    button(app, "Explore sample results").click().run()
    assert app.title[0].value == "Compare"
    assert address(app, "exp") == [service.studies()[0].study_id]
