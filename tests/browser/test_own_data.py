"""The user's own data, from the file on the desk to the data set in a study."""

from __future__ import annotations

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
FOLDER_WAIT = 180_000  # the browser sends hundreds of files one by one


def drawn_images(folder: Path) -> Path:
    """Three classes of drawn images in sub-folders; one file cannot be decoded."""
    rng = np.random.default_rng(0)
    for kind in range(3):
        (folder / f"shape{kind}").mkdir(parents=True)
        for number in range(100):
            pixels = rng.integers(0, 60, (24, 24, 3), dtype=np.uint8)
            pixels[8 * kind : 8 * kind + 6, 4:20] += 150
            Image.fromarray(pixels).save(folder / f"shape{kind}" / f"{number}.png")
    (folder / "shape0" / "broken.png").write_bytes(b"not an image")
    return folder


SOUND = [
    f"note {number} from caf\xe9;{('work', 'home')[number % 2]};{('train', 'test')[number > 49]}"
    for number in range(60)
]
DEFECTS = [
    ";home;train",  # no text
    "a note without label;;train",
    "a note of no part;home;elsewhere",
    "too;many;fields;here",
    SOUND[0],  # a copy
    "note 1 from caf\xe9;work;train",  # a copy with another label
    "note 50 from caf\xe9;work;train",  # of the test part
    "the only one;rare;train",
    "another spelling;Home ;train",
    "another spelling too;Home ;train",
    "it says nothing;nan;train",
    "it says nothing at all;nan;train",
    "a remnant<br />of a page;home;train",
    '"a text; of two\nlines";home;train',
]
FINDINGS = [
    "samples have no text",
    "samples have no label",
    "is not UTF-8",
    "lines end with",
    "fields, but the first line has",
    "differ only in case or spaces",
    "look like a missing label",
    "remnants of a web page",
    "fewer than 10 samples",
    "have no test sample",
    "samples are copies of others with the same label",
    "samples of equal content have different labels",
    "training samples are test samples too",
    "samples belong to neither part",
    "times the training samples of the smallest",
]
LEFT_OUT = [
    "samples without a text",
    "samples without a label",
    "rows that cannot be read",
    "samples of neither part",
    "copies with the same label, but the first",
    "all copies with different labels",
    "training samples that are test samples too",
    "classes with fewer than 2 samples",
]
MARKED = {"utf-8-sig": "UTF-8 with a byte-order mark", "utf-16": "UTF-16, as its byte-order mark"}
REFUSED = {
    "nul.csv": (b"text,label\na\0b,x\nc,y\n", "holds NUL bytes"),
    "quote.csv": (b'text,label\n"never closed,x\nb,y\n', "is a quotation mark not closed"),
    "twice.csv": (b"text,text\na,x\nb,y\n", "several columns of the name"),
    "wide.csv": ("text,label\na,x\n".encode("utf-32"), "UTF-32"),
    "empty.csv": (b"", "is empty"),
}


def defective_table(path: Path) -> Path:
    """Another encoding and separator, two kinds of line ends, and every defect of rows."""
    lines = ["text;label;split", *SOUND, *DEFECTS]
    text = "\r\n".join(lines[:30]) + "\r\n" + "\n".join([*lines[30:], ""])
    path.write_bytes(text.encode("latin-1"))
    return path


def open_own(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/data")
    page.get_by_role("tab", name="Your own data").click()


def upload(page: Page, server: Server, file: Path) -> None:
    open_own(page, server)
    chooser = page.locator("input[type=file]").first
    chooser.wait_for(state="attached", timeout=WAIT)
    chooser.set_input_files(file)


def upload_folder(page: Page, server: Server, folder: Path) -> None:
    open_own(page, server)
    page.get_by_text("Folder of images", exact=True).click()
    chooser = page.locator("input[type=file][webkitdirectory]")
    chooser.wait_for(state="attached", timeout=WAIT)
    chooser.set_input_files(folder)


def choose(page: Page, label: str, *options: str) -> None:
    chooser = page.get_by_role("combobox", name=label)
    for option in options:
        chooser.click()
        page.get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Escape")


def check(page: Page, n_errors: int, wait: int = WAIT) -> None:
    expect(page.get_by_role("heading", name="What is what")).to_be_visible(timeout=wait)
    page.get_by_role("button", name="Check the data").click()
    if n_errors:
        shown = f"{n_errors} error{'s' if n_errors > 1 else ''} to solve first"
        expect(page.get_by_text(shown)).to_be_visible(timeout=WAIT)
        expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()


def check_and_import(page: Page, title: str) -> None:
    page.get_by_role("button", name="Check the data").click()
    expect(page.get_by_text("can be imported.")).to_be_visible(timeout=WAIT)
    field = page.get_by_label("Title", exact=True)
    field.fill(title)
    field.press("Enter")
    page.get_by_role("button", name="Import", exact=True).click()
    own = page.get_by_role("tabpanel", name="Your own data")
    expect(own.get_by_text(f"own:{title.lower()}", exact=True)).to_be_visible(timeout=WAIT)


def test_a_folder_of_drawings_and_a_table_with_every_defect_become_data_sets(
    server: Server, browser: Browser, tmp_path: Path, cache_folder: Path
) -> None:
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    seen = watched(page, server)

    upload_folder(page, server, drawn_images(tmp_path / "shapes"))
    check(page, n_errors=1, wait=FOLDER_WAIT)
    choose(page, "Leave out", "images that cannot be decoded")
    check_and_import(page, "Shapes")

    upload(page, server, defective_table(tmp_path / "notes.csv"))
    choose(page, "Training or test (optional)", "split")
    check(page, n_errors=5)
    for words in FINDINGS:
        expect(page.get_by_text(words).first).to_be_visible()
    choose(page, "Leave out", *LEFT_OUT)
    check_and_import(page, "Notes")

    page.get_by_role("link", name="Build", exact=True).last.click()
    expect(page.get_by_role("heading", name="Build an experiment")).to_be_visible(timeout=WAIT)
    page.get_by_role("combobox", name="Data set").click()
    expect(page.get_by_role("option", name="Shapes")).to_be_visible(timeout=WAIT)

    root = DataRoot(path=cache_folder / "datasets", cache=cache_folder / "derived")
    found = {info.slug: info for info in own_sets(root)}
    assert {slug: info.modality for slug, info in found.items()} == {
        "shapes": "image",
        "notes": "text",
    }
    assert found["shapes"].class_counts.keys() == {"shape0", "shape1", "shape2"}
    assert found["shapes"].n_train + found["shapes"].n_test == 300
    assert seen.external == []
    assert seen.errors == []


def test_tables_with_a_byte_order_mark_are_read_and_that_is_said(
    server: Server, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    seen = watched(page, server)
    for encoding, said in MARKED.items():
        path = tmp_path / f"{encoding}.csv"
        path.write_bytes("\n".join(["text;label;split", *SOUND, ""]).encode(encoding))
        upload(page, server, path)
        check(page, n_errors=0)
        expect(page.get_by_text(said).first).to_be_visible(timeout=WAIT)
        expect(page.get_by_text("of 2 classes can be imported.")).to_be_visible(timeout=WAIT)

    assert seen.errors == []


def test_tables_that_are_none_are_refused_with_the_reason(
    server: Server, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    seen = watched(page, server)
    for name, (content, reason) in REFUSED.items():
        (tmp_path / name).write_bytes(content)
        upload(page, server, tmp_path / name)
        expect(page.get_by_text(reason).first).to_be_visible(timeout=WAIT)
        if page.get_by_role("heading", name="What is what").is_visible():
            check(page, n_errors=5)

    assert seen.errors == []
