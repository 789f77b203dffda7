"""The page Data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from alscope.data.importing import import_data, inspect_source
from alscope.data.lookup import find_dataset
from alscope.data.own import own_sets
from alscope.engine.service import Service
from alscope.ui.state import Key
from tests.ui.records import page, texts

pytestmark = pytest.mark.slow


def by_key(app: AppTest, key: str) -> Any:
    """The widget with a key."""
    return app.get_by_key(key)


def button(app: AppTest, label: str) -> Any:
    """The button with a label."""
    return next(item for item in app.button if item.label == label)


def csv(folder: Path, *, broken: bool = False) -> Path:
    rows = [f"text number {row},{'cats' if row % 2 else 'dogs'}" for row in range(40)]
    rows += [",cats"] if broken else []
    path = folder / "notes.csv"
    path.write_text("\n".join(["words,kind", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.slow
def test_every_set_has_a_card_with_its_licence(service: Service) -> None:
    app = page("data")
    shown = " ".join(element.value for element in (*app.markdown, *app.caption))

    assert not app.exception
    for text in ("CIFAR-10", "CLINC150", "Digits", "CC BY 4.0"):
        assert text in shown


def test_what_takes_seconds_to_count_is_counted_on_request(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> list[str]:
        raise AssertionError("nobody asked for it")

    def few(package: str, **_: object) -> list[str]:
        return [f"text {place} of a library, number {package}" for place in range(8)]

    monkeypatch.setattr("alscope.data.docstrings.harvest", never)
    app = page("data")
    assert not app.exception
    assert any("counted when it is first used" in element.value for element in app.caption)

    monkeypatch.setattr("alscope.data.docstrings.harvest", few)
    st.cache_resource.clear()  # labels that another test has read
    by_key(app, "count_docstrings").click().run()
    st.cache_resource.clear()
    assert not app.exception
    assert any("36 training and 12 test samples" in element.value for element in app.caption)
    assert not any("counted when it is first used" in element.value for element in app.caption)


@pytest.mark.slow
def test_a_table_is_checked_and_becomes_a_data_set(service: Service, tmp_path: Path) -> None:
    app = page("data")
    by_key(app, "own_how").set_value("Path on this computer").run()
    by_key(app, "own_path").set_value(str(csv(tmp_path))).run()
    button(app, "Check the data").click().run()
    assert by_key(app, "own_title").value == "notes"  # what the file is called
    by_key(app, "own_title").set_value("My notes").run()
    button(app, "Import").click().run()

    (info,) = own_sets(service.data_root)
    assert not app.exception
    assert (info.name, info.n_train, info.n_test) == ("own:my-notes", 32, 8)
    assert any("own:my-notes" in element.value for element in app.markdown)


def test_a_defect_is_named_and_can_be_left_out(service: Service, tmp_path: Path) -> None:
    app = page("data")
    by_key(app, "own_how").set_value("Path on this computer").run()
    by_key(app, "own_path").set_value(str(csv(tmp_path, broken=True))).run()
    button(app, "Check the data").click().run()

    assert any("1 error" in element.value for element in app.error)
    assert any("samples have no text" in element.value for element in app.markdown)
    assert button(app, "Import").disabled


def look_at(path: Path) -> AppTest:
    """The page with a source chosen by path, checked."""
    app = page("data")
    by_key(app, "own_how").set_value("Path on this computer").run()
    by_key(app, "own_path").set_value(str(path)).run()
    return button(app, "Check the data").click().run()


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-8-sig", "UTF-8 with a byte-order mark"), ("utf-16", "UTF-16, as its byte-order mark")],
)
def test_a_byte_order_mark_is_said_and_no_part_of_a_name(
    service: Service, tmp_path: Path, encoding: str, said: str
) -> None:
    path = csv(tmp_path)
    path.write_bytes(path.read_text(encoding="utf-8").replace("text", "t\xe9xt").encode(encoding))
    app = look_at(path)
    shown = texts(app)
    button(app, "Import").click().run()

    (info,) = own_sets(service.data_root)
    raw = find_dataset(info.name, service.data_root).load(service.data_root)
    assert said in shown
    assert info.class_counts.keys() == {"cats", "dogs"}
    assert all(text.startswith("t\xe9xt number ") for text in raw.test.inputs)


def test_copies_contradictions_leaks_and_other_parts_are_said_one_by_one(
    service: Service, tmp_path: Path
) -> None:
    rows = [f"text {r},{('dogs', 'cats')[r % 2]},{('train', 'test')[r > 29]}" for r in range(40)]
    rows += ["text 1,cats,train", "text 2,cats,train", "text 31,cats,train", "odd,cats,elsewhere"]
    path = tmp_path / "notes.csv"
    path.write_text("\n".join(["words,kind,split", *rows, ""]), encoding="utf-8")
    app = page("data")
    by_key(app, "own_how").set_value("Path on this computer").run()
    by_key(app, "own_path").set_value(str(path)).run()
    part = next(box for box in app.selectbox if box.label.startswith("Training or test"))
    part.set_value("split").run()
    button(app, "Check the data").click().run()
    shown = texts(app)

    assert "1 x samples are copies of others with the same label" in shown
    assert "2 x samples of equal content have different labels" in shown
    assert "1 x training samples are test samples too" in shown
    assert "1 x samples belong to neither part" in shown
    assert "1 error to solve first" in shown


def test_the_label_of_a_table_of_numbers_can_be_chosen(service: Service, tmp_path: Path) -> None:
    head = "a,b,c,d,kind,label"
    rows = [f"{r},{r + 1},{r % 7},{r / 3:.2f},{r % 2},{r % 3}" for r in range(60)]
    path = tmp_path / "numbers.csv"
    path.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    app = look_at(path)
    next(box for box in app.selectbox if box.label == "Label").set_value("kind").run()
    button(app, "Check the data").click().run()
    button(app, "Import").click().run()

    (info,) = own_sets(service.data_root)
    raw = find_dataset(info.name, service.data_root).load(service.data_root)
    assert info.class_counts.keys() == {"0", "1"}
    assert raw.sample.shape == (4,)


def test_a_path_that_does_not_exist_is_an_error_in_words(service: Service) -> None:
    app = page("data")
    by_key(app, "own_how").set_value("Path on this computer").run()
    by_key(app, "own_path").set_value("/nowhere/at/all.csv").run()

    assert not app.exception
    assert any("does not exist" in element.value for element in app.error)


def test_the_preview_counts_the_pool_of_the_scenario(service: Service) -> None:
    app = page("data")

    assert [metric.label for metric in app.metric] == [
        "Known",
        "Unknown",
        "Unknown share",
        "Imbalance",
    ]
    assert app.metric[0].value == "1,297"


def test_the_preview_follows_the_scenario_with_exact_counts_and_warnings(
    service: Service,
) -> None:
    form = Key.SCENARIO_FORM
    app = page("data")
    by_key(app, f"{form}_setting").set_value("open").run()
    for name, value in {
        "n_known": 6,
        "ood_ratio": 0.4,
        "imbalance_ratio": 5.0,
        "n_initial": 3,
        "label_noise": 0.1,
    }.items():
        by_key(app, f"{form}_{name}").set_value(value)
    app.run()
    plotted = app.get("vega_lite_chart")[0].proto.datasets[0].data.data
    bars = pa.ipc.open_stream(plotted).read_pandas()
    n = bars.groupby("state")["n"].sum()
    of_class = bars[bars["state"] == "known"]["n"]
    shown = {metric.label: metric.value for metric in app.metric}

    assert not app.exception
    assert n.sum() == 1297  # before: every training sample is drawn, used or left out
    assert abs(n["unknown"] - 0.4 * (n["known"] + n["unknown"])) <= 1
    assert len(of_class) == 6
    assert shown["Known"] == f"{n['known']:,}"
    assert shown["Unknown"] == f"{n['unknown']:,}"
    assert shown["Imbalance"] == f"{of_class.max() / of_class.min():.3g}"
    assert float(shown["Imbalance"]) == pytest.approx(5, rel=0.05)
    assert any("No sample at the start of" in element.value for element in app.warning)
    assert f"About {0.1 * n['known']:,.0f} of the known samples would get a wrong" in texts(app)


def test_unknown_samples_that_are_not_here_are_not_fetched_for_a_look(service: Service) -> None:
    app = page("data")
    by_key(app, f"{Key.SCENARIO_FORM}_setting").set_value("open").run()
    by_key(app, f"{Key.SCENARIO_FORM}_source").set_value("other").run()

    assert not app.error
    assert any("once the data set is here" in element.value for element in app.info)


def test_a_set_of_very_many_classes_is_counted_in_a_table_only(
    service: Service, tmp_path: Path
) -> None:
    rows = [f"text number {row},class {row % 500}" for row in range(2000)]
    path = tmp_path / "many.csv"
    path.write_text("\n".join(["words,kind", *rows]) + "\n", encoding="utf-8")
    import_data(path, inspect_source(path).mapping, service.data_root, name="many", title="Many")
    app = page("data")
    by_key(app, f"{Key.SCENARIO_FORM}_dataset").set_value("own:many").run()

    assert not app.exception
    assert any("up to 400 classes" in element.value for element in app.caption)
