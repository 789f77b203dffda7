"""`alscope list --tag`, `alscope tag` and `alscope trash`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alscope.cli import main
from alscope.engine.service import Service
from tests.ui.records import record, small_study


@pytest.fixture
def studies(cache_folder: Path) -> list[str]:
    with Service.open(cache_folder, executor="serial", offline=True) as service:
        return [record(service, small_study(name, n_seeds=1)) for name in ("first", "second")]


def alscope(cache: Path, *arguments: str) -> int:
    return main(["--cache", str(cache), *arguments])


def test_tags_are_added_removed_and_found(
    cache_folder: Path, studies: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert alscope(cache_folder, "tag", "first", "--add", "thesis", "--add", "old") == 0
    assert alscope(cache_folder, "tag", "first", "--remove", "OLD", "--note", "see page 4") == 0
    capsys.readouterr()
    alscope(cache_folder, "list", "--json", "--tag", "THESIS", "--search", "page digits")
    (found,) = json.loads(capsys.readouterr().out)

    assert found["study"] == studies[0]
    assert found["tags"] == ["thesis"]
    assert found["source"] == "here"
    assert found["size"] > 0
    assert alscope(cache_folder, "list", "--tag", "other") == 0
    assert capsys.readouterr().out == "no study fits\n"


def test_a_tag_that_cannot_be_kept_is_refused(
    cache_folder: Path, studies: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert alscope(cache_folder, "tag", "first", "--add", "x" * 31) == 2
    assert "longer than 30" in capsys.readouterr().err


def test_a_study_is_deleted_listed_brought_back_and_purged(
    cache_folder: Path, studies: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert alscope(cache_folder, "trash", "--put", "first") == 0
    entry = capsys.readouterr().out.split()[-1]
    alscope(cache_folder, "trash")
    assert entry in capsys.readouterr().out
    assert alscope(cache_folder, "trash", "--restore", entry) == 0
    assert studies[0] in capsys.readouterr().out

    alscope(cache_folder, "trash", "--put", studies[0])
    assert alscope(cache_folder, "trash", "--purge-older", "1") == 0
    assert "0 studies deleted" in capsys.readouterr().out
    assert alscope(cache_folder, "trash", "--purge-older", "0") == 0
    assert "1 studies deleted" in capsys.readouterr().out
    alscope(cache_folder, "trash")
    assert capsys.readouterr().out == "the trash is empty\n"


def test_a_damaged_study_is_told_and_can_be_deleted(
    cache_folder: Path, studies: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (cache_folder / "studies" / studies[0] / "study.json").write_text("{", encoding="utf-8")
    assert alscope(cache_folder, "list") == 0
    assert f"study {studies[0]} cannot be read" in capsys.readouterr().err
    assert alscope(cache_folder, "trash", "--put", studies[0]) == 0
    capsys.readouterr()
    alscope(cache_folder, "list")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("option", ["--restore", "--purge"])
def test_an_unknown_entry_is_an_error(
    cache_folder: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert alscope(cache_folder, "trash", option, "nothing") == 2
    assert "nothing" in capsys.readouterr().err
