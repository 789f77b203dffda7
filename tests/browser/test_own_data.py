"""The user's own data, from the file on the desk to the data set in a study."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from alscope.data.own import own_sets
from alscope.data.protocols import DataRoot
from tests.browser.conftest import Server, watched

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

WAIT = 60_000


def drawn_images(path: Path) -> Path:
    """A zip with three classes of drawn images, one of which cannot be decoded."""
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for kind in range(3):
            for number in range(100):
                pixels = rng.integers(0, 60, (24, 24, 3), dtype=np.uint8)
                pixels[8 * kind : 8 * kind + 6, 4:20] += 150
                file = BytesIO()
                Image.fromarray(pixels).save(file, "png")
                archive.writestr(f"shape{kind}/{number}.png", file.getvalue())
        archive.writestr("shape0/broken.png", b"not an image")
    return path


def defective_table(path: Path) -> Path:
    """Another encoding and separator, empty cells, copies and contradictions."""
    rows = [
        f"note {number} from caf\xe9;{'home' if number % 2 else 'work'}" for number in range(60)
    ]
    rows += [";home", "a note without label;", rows[0], "note 1 from caf\xe9;work"]
    path.write_bytes("\n".join(["words;kind", *rows, ""]).encode("latin-1"))
    return path


def upload(page: Page, server: Server, file: Path) -> None:
    page.goto(f"{server.url}/data")
    page.get_by_role("tab", name="Your own data").click()
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.get_by_role("heading", name="What is what")).to_be_visible(timeout=WAIT)


def leave_out(page: Page, *kinds: str) -> None:
    chooser = page.get_by_role("combobox", name="Leave out")
    for kind in kinds:
        chooser.click()
        page.get_by_role("option", name=kind, exact=True).click()
    page.keyboard.press("Escape")


def check_and_import(page: Page, title: str) -> None:
    page.get_by_role("button", name="Check the data").click()
    expect(page.get_by_text("can be imported.")).to_be_visible(timeout=WAIT)
    field = page.get_by_label("Title", exact=True)
    field.fill(title)
    field.press("Enter")
    page.get_by_role("button", name="Import", exact=True).click()
    own = page.get_by_role("tabpanel", name="Your own data")
    expect(own.get_by_text(f"own:{title.lower()}", exact=True)).to_be_visible(timeout=WAIT)


def test_drawn_images_and_a_defective_table_become_data_sets(
    server: Server, browser: Browser, tmp_path: Path, cache_folder: Path
) -> None:
    page = browser.new_page()
    seen = watched(page, server)

    upload(page, server, drawn_images(tmp_path / "shapes.zip"))
    page.get_by_role("button", name="Check the data").click()
    expect(page.get_by_text("1 error to solve first")).to_be_visible(timeout=WAIT)
    leave_out(page, "images that cannot be decoded")
    check_and_import(page, "Shapes")

    upload(page, server, defective_table(tmp_path / "../notes.csv"))
    page.get_by_role("button", name="Check the data").click()
    expect(page.get_by_text("2 errors to solve first")).to_be_visible(timeout=WAIT)
    expect(page.get_by_text("is not UTF-8").first).to_be_visible()
    leave_out(page, "samples without a text", "samples without a label")
    check_and_import(page, "Notes")

    page.get_by_role("link", name="Build", exact=True).last.click()
    expect(page.get_by_role("heading", name="Build an experiment")).to_be_visible(timeout=WAIT)
    page.get_by_role("combobox", name="Data set").click()
    expect(page.get_by_role("option", name="Shapes")).to_be_visible(timeout=WAIT)

    root = DataRoot(path=cache_folder / "datasets", cache=cache_folder / "derived")
    found = {info.slug: (info.modality, info.n_train + info.n_test) for info in own_sets(root)}
    assert found == {"shapes": ("image", 300), "notes": ("text", 62)}
    assert seen.external == []
    assert seen.errors == []
