"""The page Data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from alscope.data.importing import import_data, inspect_source
from alscope.data.own import own_sets
from alscope.engine.service import Service
from alscope.ui.state import Key
from tests.ui.records import page


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


def test_a_table_is_checked_and_becomes_a_data_set(service: Service, tmp_path: Path) -> None:
    app = page("data")
    by_key(app, "own_how").set_value("Path on this computer").run()
    by_key(app, "own_path").set_value(str(csv(tmp_path))).run()
    button(app, "Check the data").click().run()
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
