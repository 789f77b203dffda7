"""Every page in every state of the store: no traceback, and something to do next."""

from __future__ import annotations

import subprocess
import sys

import pytest
from streamlit.testing.v1 import AppTest

from alscope.engine.service import Service
from alscope.ui import nav
from tests.source import ROOT
from tests.ui.records import page, raw_texts, record, small_study

pytestmark = pytest.mark.slow

PAGES = tuple(name for name in nav.PAGES if name != "data")  # tests/ui/test_data.py

HOSTILE = (
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "nul\x00byte",
    "x" * 5000,
    "' OR 1=1 --",
    "[a](http://evil.example)",
)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_an_empty_store_says_what_to_do(service: Service, name: str) -> None:
    app = page(name)

    assert not app.exception
    assert not app.error
    assert app.title[0].value
    assert app.info or app.button or app.main.get("page_link")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_results_without_errors(service: Service, name: str) -> None:
    record(service, small_study())

    app = page(name)

    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("name", PAGES)
def test_a_page_survives_failed_runs(service: Service, name: str) -> None:
    record(service, small_study(), failed=(0, 3))

    app = page(name)

    assert not app.exception
    assert not any("unexpected" in error.value for error in app.error)


@pytest.mark.parametrize("name", ["monitor", "compare", "report"])
@pytest.mark.parametrize("value", HOSTILE)
def test_a_page_survives_hostile_addresses(service: Service, name: str, value: str) -> None:
    record(service, small_study())

    app = page(name, exp=value, s=[value, "margin"], metric=value, band=value, x=value, data=value)

    assert not app.exception
    assert not any("unexpected" in error.value for error in app.error)
    assert "<script>" not in raw_texts(app)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_survives_a_damaged_store(service: Service, name: str) -> None:
    study_id = record(service, small_study())
    for journal in (service.cache / "runs").rglob("journal.jsonl"):
        journal.write_bytes(b"\x00garbage\n" + journal.read_bytes()[:40])
    (service.cache / "studies" / study_id / "study.json").write_text("{", encoding="utf-8")

    app = page(name)

    assert not app.exception


@pytest.mark.parametrize("name", PAGES)
def test_a_page_file_run_by_itself_passes_the_gate(service: Service, name: str) -> None:
    app = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=30).run()

    assert not app.exception
    assert app.title[0].value == "ALScope"  # the frame was drawn and led to its default page


WALK = """
import sys
from alscope.engine.service import Service
from alscope.ui import nav
from alscope.ui.service import adopt
from tests.ui.records import page, record, small_study
service = Service.open(sys.argv[1], executor="serial", offline=True)
adopt(service)
record(service, small_study())
for name in ("home", "playground", "build", "monitor", "compare"):
    assert not page(name).exception
print(sorted({"torch", "torchvision", "transformers", "datasets"} & set(sys.modules)))
"""


def test_drawing_every_page_never_imports_torch(cache_folder: object) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WALK, str(cache_folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == "[]", done.stderr


def test_home_imports_neither_pandas_nor_altair_before_there_are_results() -> None:
    code = (
        "import sys, alscope.ui.shell, alscope.ui.cards, alscope.ui.results, alscope.ui.nav\n"
        "from alscope.engine.service import Service\n"
        "print(sorted({'pandas', 'altair', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout.strip() == "[]", done.stderr
