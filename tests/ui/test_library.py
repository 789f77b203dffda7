from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from alscope.engine.service import Service
from alscope.engine.settings import GIB
from alscope.results.bundle import bundle_bytes, import_bundle
from alscope.results.samples import bundles
from alscope.ui.text import size
from tests.ui.records import address, page, raw_texts, record, small_study, texts

pytestmark = pytest.mark.slow


def button(app: AppTest, label: str):
    return next(item for item in app.button if item.label == label)


def by_key(items, key: str):
    return next(item for item in items if item.key == key)


def listed(app: AppTest) -> list[str]:
    return app.dataframe[0].value["Id"].tolist() if app.dataframe else []


@pytest.fixture
def two(service: Service) -> tuple[str, str]:
    """Two finished studies; the first one has a tag and a note."""
    first = record(service, small_study("first look"))
    second = record(service, small_study("open set", setting="open", n_known=6, ood_ratio=0.4))
    service.library.describe(first, tags=["thesis"], note="Überraschung at 40 labels")
    return first, second


def test_every_study_is_listed_newest_first_with_what_one_wants_to_know(
    service: Service, two: tuple[str, str]
) -> None:
    frame = page("library").dataframe[0].value

    assert frame["Id"].tolist() == [two[1], two[0]]
    row = frame.iloc[1]
    assert row["Study"] == "first look"
    assert row["State"] == "done"
    assert row["Runs"] == "6 / 6"
    assert list(row["Tags"]) == ["thesis"]
    assert row["Source"] == "run here"
    assert row["Best"].startswith("badge 0.6")
    assert row["Size"] > 0.001


def test_what_came_with_alscope_is_marked_as_a_sample(service: Service) -> None:
    digits = next(path for path in bundles().values() if path.name == "digits.zip")
    import_bundle(digits, runs=service.runs, studies=service.studies_store)

    assert page("library").dataframe[0].value["Source"].tolist() == ["sample"]


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"q": "uberraschung"}, 0),
        ({"q": "OPEN digits"}, 1),
        ({"tag": "thesis"}, 0),
        ({"q": "badge", "tag": "thesis"}, 0),
    ],
)
def test_a_link_finds_studies_by_text_and_tag(
    service: Service, two: tuple[str, str], params: dict[str, str], place: int
) -> None:
    app = page("library", **params)

    assert listed(app) == [two[place]]
    assert all(address(app, key) == [value] for key, value in params.items())


def test_a_search_without_result_says_what_to_do(service: Service, two: tuple[str, str]) -> None:
    app = page("library", q="nowhere to be found")

    assert listed(app) == []
    assert "take one of them away" in app.info[0].value


def test_unknown_values_of_a_link_are_dropped_with_a_notice(
    service: Service, two: tuple[str, str]
) -> None:
    app = page("library", tag="thesys", exp=two[0][:-1], tab="trsh")

    said = "\n".join(warning.value for warning in app.warning)
    assert "thesis" in said
    assert two[0] in said.replace("\\", "")
    assert "trash" in said
    assert len(listed(app)) == 2


def test_a_link_chooses_a_study_and_shows_its_note_as_text(
    service: Service, two: tuple[str, str]
) -> None:
    service.library.describe(two[0], tags=["a_b"], note="<b>x</b> **y**\nsecond")
    app = page("library", exp=two[0])

    assert address(app, "exp") == [two[0]]
    assert r"\<b\>x\</b\> \*\*y\*\*" in raw_texts(app)
    assert "second" in texts(app)


def test_tags_and_note_are_edited(service: Service, two: tuple[str, str]) -> None:
    app = page("library", exp=two[1])
    by_key(app.text_area, f"note_text_{two[1]}").set_value("to be repeated")
    by_key(app.multiselect, f"note_tags_{two[1]}").set_value(["thesis"])
    button(app, "Save").click().run()

    about = service.library.about(two[1])
    assert (about.tags, about.note) == (("thesis",), "to be repeated")
    assert listed(page("library", tag="thesis")) == [two[1], two[0]]


def test_a_deleted_study_can_be_brought_back_at_once(
    service: Service, two: tuple[str, str]
) -> None:
    app = page("library", exp=two[0])
    button(app, "Delete").click().run()
    assert [study.study_id for study in service.studies()] == [two[1]]
    assert listed(app) == [two[1]]

    button(app, "Undo").click().run()
    assert [study.study_id for study in service.studies()] == [two[1], two[0]]
    assert not app.exception


def test_several_studies_are_deleted_together(service: Service, two: tuple[str, str]) -> None:
    app = page("library", exp=list(two))
    button(app, "Delete 2 studies").click().run()

    assert service.studies() == ()
    assert len(service.library.trash()) == 2
    assert "library is empty" in texts(app)


def test_the_trash_brings_back_and_deletes_for_ever(service: Service, two: tuple[str, str]) -> None:
    entries = [service.delete(study_id) for study_id in two]
    app = page("library", tab="trash")
    assert "first look" in texts(app)
    by_key(app.button, f"restore_{entries[0]}").click().run()
    assert [study.study_id for study in service.studies()] == [two[0]]

    by_key(app.button, f"purge_{entries[1]}").click().run()
    assert service.library.trash() == ()
    assert "The trash is empty" in app.info[0].value


def test_an_error_of_the_trash_is_a_message(service: Service, two: tuple[str, str]) -> None:
    entry = service.delete(two[0])
    record(service, small_study("first look"))
    app = page("library", tab="trash")
    by_key(app.button, f"restore_{entry}").click().run()

    assert "delete that one first" in app.error[0].value
    assert not app.exception


def test_a_damaged_study_is_shown_with_what_to_do(service: Service, two: tuple[str, str]) -> None:
    (service.cache / "studies" / two[0] / "study.json").write_text("{", encoding="utf-8")
    app = page("library")

    assert "cannot be read" in app.error[0].value
    assert "its bundle" in texts(app)
    assert listed(app) == [two[1]]
    by_key(app.button, f"discard_{two[0]}").click().run()
    assert service.library.damaged() == ()
    assert [entry.study_id for entry in service.library.trash()] == [two[0]]


def test_damaged_runs_are_counted_in_the_list(service: Service, two: tuple[str, str]) -> None:
    run = service.study(two[0]).runs[0].run_id
    journal = service.runs.path_of(run) / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30] + b"x" * 29 + b"\n")

    frame = page("library").dataframe[0].value
    assert "1 damaged" in frame.set_index("Id").loc[two[0], "State"]


def test_a_damaged_note_is_told_and_can_be_written_again(
    service: Service, two: tuple[str, str]
) -> None:
    (service.cache / "studies" / two[0] / "about.json").write_text("{", encoding="utf-8")
    app = page("library", exp=two[0])
    assert "Write tags and note again" in app.warning[0].value

    by_key(app.text_area, f"note_text_{two[0]}").set_value("again")
    button(app, "Save").click().run()
    assert service.library.about(two[0]).note == "again"


def test_checking_the_files_finds_a_flipped_bit(service: Service, two: tuple[str, str]) -> None:
    app = page("library", exp=two[0])
    button(app, "Check the files").click().run()
    assert not app.error
    config = service.runs.path_of(service.study(two[0]).runs[0].run_id) / "config.json"
    config.write_bytes(config.read_bytes()[:-3])
    button(app, "Check the files").click().run()

    assert "damaged" in app.error[0].value


def test_a_study_is_duplicated_into_build(service: Service, two: tuple[str, str]) -> None:
    app = page("library", exp=two[0])
    button(app, "Duplicate into Build").click().run()

    assert app.title[0].value == "Build an experiment"
    assert any("first look (copy)" in str(item.value) for item in app.text_input)


def test_a_bundle_is_made_and_imports_elsewhere(
    service: Service, two: tuple[str, str], tmp_path: Path
) -> None:
    app = page("library", exp=two[0])
    button(app, "Make the bundle").click().run()
    assert any(item.label.startswith("Download") for item in app.get("download_button"))

    stores = {"runs": service.runs, "studies": service.studies_store}
    data = bundle_bytes(two[0], **stores)
    service.library.purge(service.delete(two[0]))
    app = page("library", tab="import")
    app.file_uploader[0].upload("mine.zip", data, "application/zip").run()
    assert "6 runs will be added" in texts(app)
    button(app, "Import").click().run()
    assert "first look is here" in app.success[0].value
    assert service.study(two[0]).n_done == 6
    assert service.study(two[0]).source == "imported"
    assert listed(page("library", source="imported")) == [two[0]]


def hostile() -> list[bytes]:
    climbing = io.BytesIO()
    with zipfile.ZipFile(climbing, "w") as archive:
        archive.writestr("../../escape.txt", "x")
    return [b"no zip at all", b"", climbing.getvalue()]


@pytest.mark.parametrize("data", hostile())
def test_a_hostile_bundle_is_refused_with_a_reason(service: Service, data: bytes) -> None:
    app = page("library", tab="import")
    app.file_uploader[0].upload("bad.zip", data, "application/zip").run()

    assert "refused" in app.error[0].value
    assert service.studies() == ()
    assert not app.exception


def test_disk_use_is_shown_and_the_limit_is_kept(service: Service, two: tuple[str, str]) -> None:
    app = page("library", tab="disk")
    shown = app.table[0].value
    assert shown["Store"].tolist()[:2] == ["Recorded runs", "Studies"]
    assert shown["Size"][0] == size(service.library.disk().runs)

    by_key(app.number_input, "library_limit_gib").set_value(2.5)
    button(app, "Save the limit").click().run()
    assert service.library.settings().artifact_limit == round(2.5 * GIB)
    assert not app.exception


def test_cleaning_deletes_only_what_can_be_made_again(
    service: Service, two: tuple[str, str]
) -> None:
    (service.cache / "derived").mkdir(exist_ok=True)
    (service.cache / "derived" / "tokens.bin").write_bytes(b"x" * 1000)
    before = service.library.disk()
    app = page("library", tab="disk")
    by_key(app.button, "library_clear_derived").click().run()
    after = service.library.disk()

    assert before.derived >= 1000
    assert after.derived == 0
    assert (after.runs, after.studies) == (before.runs, before.studies)
    assert not app.exception


def test_sizes_are_written_in_words_people_read() -> None:
    assert [size(n) for n in (0, 999, 1000, 1449, 12_300_000, 1.2e9)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.4 kB",
        "12 MB",
        "1.2 GB",
    ]
