"""The report page: what is chosen is in the address, files are offered, errors are said."""

from __future__ import annotations

import dataclasses

from alscope.engine.service import Service
from alscope.results.frames import rounds_frame
from alscope.results.methods import methods
from tests.ui.records import address, page, record, small_study, texts


def test_an_empty_store_says_what_to_do(service: Service) -> None:
    app = page("report")

    assert "nothing to report yet" in texts(app)
    assert not app.get("download_button")


def test_every_form_of_a_report_and_the_bundle_are_offered(service: Service) -> None:
    record(service, small_study())
    app = page("report")
    labels = [button.proto.label for button in app.get("download_button")]

    assert labels == ["Web page", "Markdown", "LaTeX", "Study bundle", "Compact bundle"]
    assert "6 finished runs, 18 recorded rounds" in texts(app)


def test_the_methods_paragraph_is_that_of_the_study(service: Service) -> None:
    study = small_study()
    record(service, study)
    app = page("report")

    rounds = rounds_frame(service.runs, [run.run_id for run in study.runs()])
    for paragraph in methods(study, rounds):
        assert paragraph in texts(app)


def test_choices_are_in_the_address_and_come_from_it(service: Service) -> None:
    first = record(service, small_study("first"))
    record(service, small_study("second"))
    app = page("report", exp=first, metric="macro_f1", block=["table", "curves"])

    assert app.selectbox(key="exp").value == first
    assert app.multiselect(key="block").value == ["table", "curves"]
    assert "area under the curve of macro F1" in texts(app)
    app.multiselect(key="block").set_value(["timing"]).run()
    assert address(app, "block") == ["timing"]


def test_unknown_parts_of_the_address_are_named(service: Service) -> None:
    record(service, small_study())
    app = page("report", block=["curvs", "table"])

    assert "curvs" in app.warning[0].value
    assert "Did you mean curves?" in app.warning[0].value


def test_results_of_different_data_have_no_report(service: Service) -> None:
    study = small_study()
    record(service, study, fingerprint="one")
    changed = study.runs()[0]
    service.runs.delete(changed.run_id)
    record(service, dataclasses.replace(study, seeds=(0,)), fingerprint="two")
    app = page("report", exp=service.studies_store.id_of(study))

    assert "made from different versions of the data" in app.error[0].value
    assert not app.get("download_button")
