from __future__ import annotations

from alscope.data.downloads import STAGING, report
from alscope.engine.service import Service
from alscope.types import RunState
from alscope.ui.monitor_view import remaining_s
from tests.ui.records import address, page, record, small_study


def button(app, label):
    return next(item for item in app.button if item.label == label)


def test_the_address_chooses_the_study(service: Service) -> None:
    first = record(service, small_study("first"))
    record(service, small_study("second", n_initial=30))

    app = page("monitor", exp=first)

    assert app.selectbox[0].value == first


def test_without_an_address_the_newest_study_is_shown_and_the_address_says_so(
    service: Service,
) -> None:
    record(service, small_study("first"))
    second = record(service, small_study("second", n_initial=30))

    app = page("monitor")

    assert app.selectbox[0].value == second
    assert address(app, "exp") == [second]


def test_an_unknown_study_gets_a_notice_with_the_nearest_name(service: Service) -> None:
    study_id = record(service, small_study("first"))

    app = page("monitor", exp=study_id[:-1])

    assert "There is no study" in app.warning[0].value
    assert any(study_id in link.proto.label for link in app.get("page_link"))
    assert app.selectbox[0].value is None


def test_choosing_another_study_changes_the_address(service: Service) -> None:
    first = record(service, small_study("first"))
    record(service, small_study("second", n_initial=30))
    app = page("monitor")

    app.selectbox[0].select(first).run()

    assert address(app, "exp") == [first]
    assert not app.exception


def test_failed_runs_show_their_reason_and_folded_traceback(service: Service) -> None:
    record(service, small_study(), failed=(1,))

    app = page("monitor")

    assert r"the \<b\>loss\</b\> is NaN" in app.error[0].value
    assert app.code[0].value.strip() == "Trace"


def test_failed_runs_can_be_retried(service: Service) -> None:
    study_id = record(service, small_study(), failed=(1,))
    app = page("monitor")

    button(app, "Retry failed").click().run()

    states = [run.state for run in service.study(study_id).runs]
    assert states.count(RunState.QUEUED) == 1
    assert states.count(RunState.DONE) == 5
    assert not app.exception


def test_a_queued_study_can_be_paused_and_cancelled(service: Service) -> None:
    study_id = service.submit(small_study())
    app = page("monitor")

    button(app, "Pause").click().run()
    assert service.study(study_id).state == "paused"

    button(app, "Cancel").click().run()
    assert service.study(study_id).state == "cancelled"


def test_deleting_asks_first(service: Service) -> None:
    record(service, small_study())
    app = page("monitor")
    assert len(service.studies()) == 1

    next(item for item in app.button if item.key == "really_delete").click().run()

    assert service.studies() == ()
    assert app.title[0].value == "ALScope"


def test_the_grid_has_a_row_per_strategy_and_a_column_per_seed(service: Service) -> None:
    record(service, small_study(), failed=(1,))

    grid = page("monitor").table[0].value

    assert list(grid.columns) == ["Strategy", "Seed 0", "Seed 1"]
    assert grid["Strategy"].tolist() == ["random", "margin", "badge"]
    assert "failed" in grid["Seed 0"][1]


def test_the_remaining_time_follows_from_the_rounds_recorded(service: Service) -> None:
    study_id = record(service, small_study(), failed=(1,))
    service.retry(study_id)

    # 6 runs of 3 rounds, 0.25 s each; one run has 2 rounds to go.
    left = remaining_s(service.study(study_id))

    assert left is not None
    assert abs(left - 0.5) < 1e-9


def test_what_runs_is_shown_beside_every_page(service: Service) -> None:
    service.submit(small_study())

    app = page("home")

    assert "Running 0" in app.sidebar.get("progress")[0].proto.text
    assert "6 runs waiting" in app.sidebar.caption[0].value


def test_a_download_that_a_study_waits_for_is_shown_with_how_far_it_is(service: Service) -> None:
    study_id = record(service, small_study())
    report(service.data_root.path / "cifar10" / STAGING, "cifar10", 63_000_000)

    app = page("monitor", exp=study_id)

    assert r"Downloading cifar10\: 63 MB of 162 MB" in [item.value for item in app.info]
