"""Sources that are read in a process of its own: the same answers, within limits."""

from __future__ import annotations

import pytest

from alscope.data.importing import Mapping, Refused, check, inspect_source
from alscope.data.importing.apart import check_apart, inspect_apart
from tests.data.importing.sources import (
    ARRAYS,
    IMAGES,
    TEXT,
    arrays,
    codes,
    image_folder,
    texts,
    write_csv,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["text", "images", "features"])
def test_the_answers_are_those_of_this_process(tmp_path, kind):
    if kind == "text":
        path, mapping = write_csv(tmp_path / "t.csv", [*texts(), ("", "a")]), TEXT
    elif kind == "images":
        path, mapping = image_folder(tmp_path / "pictures", n=3), IMAGES
    else:
        arrays(tmp_path / "v")
        path, mapping = tmp_path / "v", ARRAYS

    assert inspect_apart(path) == inspect_source(path)
    assert check_apart(path, mapping) == check(path, mapping)


def test_what_is_refused_is_refused_in_the_same_words(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xff\xfe\x00\x00text")

    with pytest.raises(Refused, match="UTF-32") as caught:
        inspect_apart(path)
    assert caught.value.code == "encoding"


def test_what_takes_more_memory_than_it_may_is_refused_and_this_process_goes_on(tmp_path):
    path = write_csv(
        tmp_path / "t.csv", [(f"{i} " + "x" * 900_000, "ab"[i % 2]) for i in range(90)]
    )

    report = check_apart(path, Mapping("text", "text", "label"), memory=20 * 2**20)

    assert codes(report) == ["too_costly"]


def test_what_takes_longer_than_it_may_is_ended(tmp_path):
    with pytest.raises(Refused, match=r"or 0 s; upload a smaller part"):
        inspect_apart(write_csv(tmp_path / "t.csv", texts()), seconds=0.01)
