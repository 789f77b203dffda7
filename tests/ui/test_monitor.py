from __future__ import annotations

import pyarrow as pa
import pytest

from alscope.data.downloads import STAGING, report
from alscope.engine.service import Service
from alscope.types import RunState
from tests.ui.records import address, page, record, small_study, texts

pytestmark = pytest.mark.slow


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


def grid(app) -> list[dict]:
    """The cells of the run grid, from the data of the chart."""
    for data in app.get("vega_lite_chart")[0].proto.datasets:
        frame = pa.ipc.open_stream(data.data.data).read_pandas()
        if "sign" in frame.columns:
            return frame.to_dict("records")
    return []


def test_the_grid_has_a_cell_per_run_with_sign_and_word(service: Service) -> None:
    record(service, small_study(), failed=(1,))

    app = page("monitor")
    cells = {(row["strategy"], row["seed"]): row for row in grid(app)}

    assert len(cells) == 6
    assert (cells["margin", 0]["state"], cells["margin", 0]["sign"]) == ("failed", "✕")
    assert "✓ 5 done · ✕ 1 failed" in texts(app)


def test_runs_that_were_done_before_are_told_apart(service: Service) -> None:
    first = record(service, small_study())
    larger = service.add_seeds(first, 1)

    states = [row["state"] for row in grid(page("monitor", exp=larger))]

    assert states.count("reused") == 6
    assert states.count("queued") == 3


def test_what_lists_offer_does_not_change_while_a_study_goes_on(service: Service) -> None:
    # The browser answers with the text that it was shown; another text by then means nothing.
    study_id = service.submit(small_study())
    app = page("monitor", exp=study_id)
    before = [box.options for box in app.selectbox]
    record(service, small_study())
    service._supervisor._queue.clear()
    app.run()

    assert [box.options for box in app.selectbox][: len(before)] == before
    assert not any("ago" in option or "now" in option for option in before[0])


def test_a_run_in_the_address_is_shown_with_its_rounds_and_log(service: Service) -> None:
    study_id = record(service, small_study(), failed=(1,))
    run = service.study(study_id).runs[1]

    app = page("monitor", exp=study_id, run=run.run_id)

    said = "\n".join(code.value for code in app.code)
    assert "**margin, seed 0**" in texts(app)
    assert "ERROR   ValueError: the <b>loss</b> is NaN" in said
    assert app.dataframe[0].value["Labels"].tolist() == [20]
    assert address(app, "run") == [run.run_id]
    assert not app.exception


def test_an_unknown_run_in_the_address_is_said_and_left_out(service: Service) -> None:
    record(service, small_study())

    app = page("monitor", run="nope")

    assert "run “nope”" in texts(app)
    assert address(app, "run") == []


def test_the_log_is_filtered_by_level(service: Service) -> None:
    study_id = record(service, small_study(), failed=(1,))
    run = service.study(study_id).runs[1].run_id
    app = page("monitor", exp=study_id, run=run)

    app.get_by_key(f"monitor_level_{run}").set_value("ERROR").run()

    log = next(code.value for code in app.code if "ValueError" in code.value)
    assert "round 0" not in log


def test_only_the_runs_that_the_filter_leaves_are_changed(service: Service) -> None:
    study_id = service.submit(small_study())
    app = page("monitor")
    app.get_by_key("monitor_strategies").set_value(["badge"]).run()

    app.get_by_key("monitor_shown_Cancel").click().run()

    states = {run.strategy: run.state for run in service.study(study_id).runs}
    assert states == {
        "random": RunState.QUEUED,
        "margin": RunState.QUEUED,
        "badge": RunState.CANCELLED,
    }


def test_a_single_run_is_raised_in_the_queue(service: Service) -> None:
    study_id = service.submit(small_study())
    run = service.study(study_id).runs[4].run_id
    app = page("monitor", exp=study_id, run=run)

    app.get_by_key("monitor_one_Raise").click().run()

    assert [one.priority for one in service.study(study_id).runs] == [0, 0, 0, 0, 1, 0]
    assert "priority 1" in texts(app)


def test_the_priority_of_a_study_is_set(service: Service) -> None:
    study_id = service.submit(small_study())
    app = page("monitor")
    app.get_by_key(f"monitor_priority_{study_id}").set_value(4)

    app.get_by_key("set_priority").click().run()

    assert {run.priority for run in service.study(study_id).runs} == {4}


def test_seeds_are_added_as_a_second_study(service: Service) -> None:
    first = record(service, small_study())
    app = page("monitor", exp=first)
    app.get_by_key("monitor_more_seeds").set_value(3)

    app.get_by_key("add_seeds").click().run()

    newest = service.studies()[0]
    assert newest.config.seeds == (0, 1, 2, 3, 4)
    assert address(app, "exp") == [newest.study_id]


def test_a_study_that_ends_while_somebody_looks_is_announced_once(service: Service) -> None:
    service.submit(small_study(n_seeds=1))
    app = page("monitor")
    record(service, small_study(n_seeds=1))
    service._supervisor._queue.clear()
    app.run()
    assert [toast.value for toast in app.toast] == ["small is finished."]
    assert any("Open in Compare" in link.proto.label for link in app.get("page_link"))
    app.run()
    assert not app.toast


def test_the_time_left_is_a_range(service: Service) -> None:
    study_id = record(service, small_study(), failed=(1,))
    service.retry(study_id)

    app = page("monitor")

    left = next(metric for metric in app.metric if metric.label == "Time left")
    assert left.value not in {"-", "not known yet"}


def test_where_there_is_no_room_for_cells_runs_are_counted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alscope.ui.monitor_view._ROOMY", 5)
    record(service, small_study(), failed=(1,))

    app = page("monitor")

    assert "6 runs are too many for a cell each" in texts(app)
    assert not app.exception


def test_what_runs_is_shown_beside_every_page(service: Service) -> None:
    service.submit(small_study())

    app = page("home")

    assert "Running 0" in app.sidebar.get("progress")[0].proto.text
    assert any("6 runs waiting" in item.value for item in app.sidebar.caption)


def test_a_download_that_a_study_waits_for_is_shown_with_how_far_it_is(service: Service) -> None:
    study_id = record(service, small_study())
    report(service.data_root.path / "cifar10" / STAGING, "cifar10", 63_000_000)

    app = page("monitor", exp=study_id)

    assert r"Downloading cifar10\: 63 MB of 162 MB" in [item.value for item in app.info]
