"""Studies that travel from one cache folder to another on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from alscope.cli import main
from alscope.engine.defaults import Paths
from alscope.store.runs import RunStore
from tests.test_cli import stored, tiny


def test_a_study_travels_and_says_what_happened(
    cache_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study_id = stored(cache_folder, tiny())
    file, there = tmp_path / "tiny.zip", tmp_path / "there"
    to, source = ["--cache", str(there)], ["--cache", str(cache_folder)]

    assert main(["bundle", "tiny", "--out", str(file), "--compact", *source]) == 0
    assert main(["import-bundle", str(file), "--check", *to]) == 0
    assert RunStore(Paths(there).runs).run_ids() == ()
    assert main(["import-bundle", str(file), *to]) == 0
    assert main(["import-bundle", str(file), *to]) == 0
    said = capsys.readouterr().out

    assert f"{file.stat().st_size:,} bytes written" in said
    assert f"tiny ({study_id}): 4 of 4 runs would be imported" in said
    assert f"tiny ({study_id}): 4 of 4 runs imported" in said
    assert "4 are recorded here already" in said
    assert len(RunStore(Paths(there).runs).run_ids()) == 4


def test_a_file_that_is_no_bundle_is_refused_with_the_reason(
    cache_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.zip"
    file.write_bytes(b"something else")

    assert main(["import-bundle", str(file), "--cache", str(cache_folder)]) == 1
    assert "no zip archive" in capsys.readouterr().err
