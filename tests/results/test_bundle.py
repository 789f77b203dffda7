"""Study bundles: what is written is read back exactly, and nothing else is believed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alscope.config import BackboneConfig, ScenarioConfig, StrategySpec, StudyConfig
from alscope.engine.service import Service
from alscope.errors import BundleError, StoreError
from alscope.results.bundle import bundle_bytes, check_bundle, import_bundle, write_bundle
from alscope.results.export import frame_bytes
from alscope.results.frames import classes_frame, queries_frame, rounds_frame
from alscope.store import _faults
from alscope.store.bundle import pack_study
from alscope.store.codecs import encode
from alscope.store.files import seal, unseal
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore
from tests.results.records import query_arrays, record_run, round_data


@dataclass(eq=False)
class Place:
    """A cache folder."""

    runs: RunStore
    studies: StudyStore

    @classmethod
    def at(cls, folder: Path) -> Place:
        return cls(RunStore(folder / "runs"), StudyStore(folder / "studies"))


def study(name: str = "A study: one & two", *, n_seeds: int = 2) -> StudyConfig:
    return StudyConfig(
        name=name,
        description="Two\nlines.",
        scenarios=(ScenarioConfig(n_initial=10, query_size=5, n_rounds=2),),
        strategies=(StrategySpec(name="random"), StrategySpec(name="margin")),
        seeds=tuple(range(n_seeds)),
        backbone=BackboneConfig(name="mlp"),
    )


def filled(folder: Path, config: StudyConfig | None = None, *, n_recorded: int = 99) -> Place:
    place = Place.at(folder)
    config = config or study()
    place.studies.save(StudyStore.id_of(config), config)
    for run in config.runs():
        record_run(place.runs, run, n_recorded=n_recorded)
    return place


@cache
def packed(place: Place, *, compact: bool = False) -> bytes:
    """The bundle of the only study of a place, made once."""
    return packed_anew(place, compact=compact)


def packed_anew(place: Place, *, compact: bool = False) -> bytes:
    (study_id,) = place.studies.ids()
    return bundle_bytes(study_id, runs=place.runs, studies=place.studies, compact=compact)


def taken(data: bytes, place: Place) -> Any:
    return import_bundle(io.BytesIO(data), runs=place.runs, studies=place.studies, name="x.zip")


def frames(place: Place) -> list[bytes]:
    (study_id,) = place.studies.ids()
    run_ids = place.studies.load(study_id).run_ids
    makers = (rounds_frame, classes_frame, queries_frame)
    return [frame_bytes(make(place.runs, run_ids), "csv") for make in makers]


def changed(data: bytes, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> bytes:
    """A bundle whose head and files were changed by somebody who computes all checksums anew."""
    files = contents(data)
    head = unseal(files.pop("bundle.json"))
    del head["check"]
    change(head, files)
    return archive({**files, "bundle.json": seal(head)})


def contents(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return stream.getvalue()


def relist(head: dict[str, Any], files: dict[str, bytes]) -> None:
    head["files"] = {
        name: [hashlib.sha256(content).hexdigest(), len(content)] for name, content in files.items()
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A finished study; tests only read it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        return filled(tmp_path_factory.mktemp("source"))


@pytest.fixture(autouse=True)
def _unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only power cuts need the real thing, and it is slow."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setattr(os, "sync", lambda: None)


@pytest.fixture
def target(tmp_path: Path) -> Place:
    return Place.at(tmp_path / "target")


def test_a_study_is_the_same_on_another_machine_to_the_last_byte(
    source: Place, target: Place
) -> None:
    report = taken(packed(source), target)

    assert frames(target) == frames(source)
    assert target.studies.ids() == source.studies.ids() == (report.study_id,)
    assert target.studies.load(report.study_id).config == study()
    for run_id in report.imported:
        assert target.runs.journal_bytes(run_id) == source.runs.journal_bytes(run_id)
        assert target.runs.records(run_id) == source.runs.records(run_id)
        assert target.runs.verify(run_id) == []
    assert (len(report.imported), report.kept, report.missing) == (4, (), ())


def test_a_bundle_of_an_imported_study_is_the_same_bundle(source: Place, target: Place) -> None:
    taken(packed(source), target)

    assert packed(target) == packed(source)


def test_equal_contents_give_equal_bytes(source: Place) -> None:
    assert packed_anew(source) == packed(source)


def test_the_frames_in_a_bundle_are_those_of_the_study(source: Place) -> None:
    files = contents(packed(source))
    names = ("rounds", "classes", "queries")

    assert [files[f"frames/{name}.csv"] for name in names] == frames(source)


def test_an_imported_study_says_where_it_came_from(source: Place, target: Place) -> None:
    report = taken(packed(source), target)
    origin = target.studies.origin(report.study_id)

    assert origin == report.origin
    assert origin.source == "x.zip"
    assert origin.created == source.studies.load(report.study_id).created
    assert source.studies.origin(report.study_id) is None


def test_the_service_and_so_every_page_sees_an_imported_study(
    source: Place, cache_folder: Path
) -> None:
    with Service.open(cache_folder, executor="serial", offline=True) as service:
        import_bundle(io.BytesIO(packed(source)), runs=service.runs, studies=service.studies_store)
        (status,) = service.studies()

    assert (status.state, status.n_done, status.name) == ("done", 4, study().name)


def test_a_second_import_changes_nothing(source: Place, target: Place) -> None:
    data = packed(source)
    first = taken(data, target)
    before = frames(target)
    second = taken(data, target)

    assert (second.imported, second.kept, second.known) == ((), first.imported, True)
    assert second.differing == ()
    assert frames(target) == before


def test_rounds_recorded_here_are_never_replaced(source: Place, target: Place) -> None:
    mine = study().runs()[0]
    run_id = target.runs.create(mine)
    with target.runs.open(run_id) as writer:
        data = round_data(mine, 0)
        data["result"]["metrics"]["accuracy"] = 0.99
        writer.append("round", data, blobs={"query": query_arrays(0)})
    before = target.runs.journal_bytes(run_id)
    report = taken(packed(source), target)

    assert (report.kept, report.differing) == ((run_id,), (run_id,))
    assert target.runs.journal_bytes(run_id) == before
    assert len(report.imported) == 3


def test_a_run_that_waits_here_without_rounds_is_filled(source: Place, target: Place) -> None:
    run_id = target.runs.create(study().runs()[0])
    report = taken(packed(source), target)

    assert run_id in report.imported
    assert len(target.runs.history(run_id).rounds) == 3


def test_unfinished_runs_travel_with_what_they_have(tmp_path: Path, target: Place) -> None:
    source = filled(tmp_path / "half", n_recorded=2)
    report = taken(packed(source), target)

    assert frames(target) == frames(source)
    assert all(len(target.runs.history(run_id).rounds) == 2 for run_id in report.imported)


def test_runs_that_never_began_are_named_as_missing(tmp_path: Path, target: Place) -> None:
    place = Place.at(tmp_path / "one")
    place.studies.save("one", study())
    record_run(place.runs, study().runs()[0])
    report = taken(packed(place), target)

    assert len(report.missing) == 3
    assert report.n_runs == 4


def test_a_study_without_results_has_no_bundle(tmp_path: Path) -> None:
    place = Place.at(tmp_path / "none")
    place.studies.save("none", study())

    with pytest.raises(StoreError, match="no results yet"):
        packed(place)


def test_a_check_tells_the_same_and_changes_nothing(source: Place, target: Place) -> None:
    data = packed(source)
    report = check_bundle(io.BytesIO(data), runs=target.runs, studies=target.studies)

    assert len(report.imported) == 4
    assert target.runs.run_ids() == ()
    assert target.studies.ids() == ()


def test_another_study_under_the_same_id_is_not_touched(source: Place, target: Place) -> None:
    (study_id,) = source.studies.ids()
    target.studies.save(study_id, study("other"))
    data = changed(packed(source), lambda head, files: head.update(study_id="other-id"))
    assert taken(data, target).study_id == "other-id"
    target.studies.delete("other-id")
    target.studies.save("other-id", study("third"))

    with pytest.raises(BundleError, match="another study is stored here"):
        taken(data, target)


def test_a_compact_bundle_has_the_same_results_and_is_smaller(source: Place, target: Place) -> None:
    small = packed(source, compact=True)
    report = taken(small, target)
    run_ids = target.studies.load(report.study_id).run_ids
    full, lean = (queries_frame(place.runs, run_ids) for place in (source, target))

    assert len(small) < len(packed(source))
    assert frames(target)[:2] == frames(source)[:2]
    assert full.drop(columns="score").equals(lean.drop(columns="score"))
    assert lean["score"].isna().all()
    assert report.origin.compact
    assert all(target.runs.verify(run_id) == [] for run_id in run_ids)


def test_a_compact_bundle_keeps_predictions_for_queried_samples_only(
    tmp_path: Path, target: Place
) -> None:
    place = Place.at(tmp_path / "predicted")
    config = study(n_seeds=1)
    place.studies.save("predicted", config)
    run = config.runs()[0]
    run_id = place.runs.create(run)
    predictions = {"id": np.arange(50, dtype=np.uint16), "predicted": np.arange(50) % 3}
    with place.runs.open(run_id) as writer:
        blobs = {"query": query_arrays(0), "predictions": predictions, "state": {"w": np.ones(9)}}
        writer.append("round", round_data(run, 0), blobs=blobs)
    taken(packed(place, compact=True), target)
    (event,) = target.runs.history(run_id).rounds

    assert sorted(event.blobs) == ["predictions", "query"]
    kept = target.runs.blob(run_id, event.blobs["predictions"])
    assert kept["id"].tolist() == [0, 1, 2, 3, 4]
    assert kept["predicted"].tolist() == [0, 1, 2, 0, 1]


def test_a_bundle_is_written_to_a_file_whole(source: Place, tmp_path: Path) -> None:
    (study_id,) = source.studies.ids()
    path = tmp_path / "x.zip"
    size = write_bundle(path, study_id, runs=source.runs, studies=source.studies)

    assert path.read_bytes() == packed(source)
    assert size == path.stat().st_size


# ---------------------------------------------------------------- hostile bundles


def refused(data: bytes, target: Place) -> str:
    """Why a bundle is refused; nothing of it may be left."""
    with pytest.raises(BundleError) as caught:
        taken(data, target)
    assert target.runs.run_ids() == ()
    assert target.studies.ids() == ()
    assert not list(target.runs.staging().parent.glob(".import-*/*"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../evil", "does not belong"),
        ("/etc/passwd", "does not belong"),
        ("C:\\evil", "does not belong"),
        ("runs/../bundle.json", "does not belong"),
        ("runs/00000.bin", "does not belong"),
        ("nested.zip", "does not belong"),
    ],
)
def test_names_that_no_bundle_has_are_refused(
    source: Place, target: Place, name: str, reason: str
) -> None:
    assert reason in refused(archive({**contents(packed(source)), name: b"x"}), target)


def test_a_name_that_is_cut_at_a_zero_byte_is_refused(source: Place, target: Place) -> None:
    data = archive({**contents(packed(source)), "README.md_exe": b"x"})

    assert "does not belong" in refused(data.replace(b"README.md_exe", b"README.md\0exe"), target)


def test_a_file_that_is_there_twice_is_refused(source: Place, target: Place) -> None:
    stream = io.BytesIO(packed(source))
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "a") as file:
        warnings.simplefilter("ignore")
        file.writestr("README.md", b"again")

    assert "README.md is in it twice" in refused(stream.getvalue(), target)


def test_links_are_refused(source: Place, target: Place) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in contents(packed(source)).items():
            entry = zipfile.ZipInfo(name)
            if name == "README.md":
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            file.writestr(entry, content)

    assert "README.md is a link" in refused(stream.getvalue(), target)


def test_bombs_are_refused_before_they_are_unpacked(source: Place, target: Place) -> None:
    files = {**contents(packed(source)), "README.md": bytes(4 * 2**20)}

    assert "would unpack from" in refused(archive(files), target)


def test_a_file_that_holds_more_than_it_announces_is_refused(source: Place, target: Place) -> None:
    data = bytearray(packed(source))
    place = data.rindex(b"PK\x01\x02")  # the last entry is the head
    (size,) = struct.unpack_from("<L", data, place + 24)
    struct.pack_into("<L", data, place + 24, size - 10)

    reason = refused(bytes(data), target)
    assert "unpack" in reason or "announces" in reason or "damaged" in reason


def test_encrypted_files_are_refused(source: Place, target: Place) -> None:
    data = bytearray(packed(source))
    place = data.index(b"PK\x01\x02")
    data[place + 8] |= 1

    assert "is encrypted" in refused(bytes(data), target)


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x05\x06" + bytes(17), b"not a zip" * 100])
def test_what_is_no_archive_is_refused(data: bytes, target: Place) -> None:
    assert "zip archive" in refused(data, target)


def test_an_archive_without_its_beginning_is_refused(source: Place, target: Place) -> None:
    # Found by fuzzing: the reader of zip archives seeks to a negative place.
    whole = packed(source)
    for n_lost in (1, 2, 30, 500):
        assert "unpacked" in refused(whole[n_lost:], target)


def test_an_archive_of_something_else_is_refused(target: Place) -> None:
    assert "no bundle of ALScope" in refused(archive({"README.md": b"hello"}), target)


@pytest.mark.parametrize(
    "name", ["README.md", "frames/rounds.csv", "runs/0000.jsonl", "runs/0000.bin"]
)
def test_a_changed_byte_is_noticed(source: Place, target: Place, name: str) -> None:
    files = contents(packed(source))
    files[name] = bytes([files[name][0] ^ 1]) + files[name][1:]

    assert f"{name} does not match its checksum" in refused(archive(files), target)


def test_a_missing_file_is_noticed(source: Place, target: Place) -> None:
    files = contents(packed(source))
    del files["README.md"]

    assert "README.md is missing" in refused(archive(files), target)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": 2}, "update ALScope"),
        ({"schema": "1"}, "bundle schema '1'"),
        ({"format": "zip"}, "does not say that it is a bundle"),
        ({"extra": 1}, "the key 'extra' of its head is unknown"),
        ({"created": "x" * 999}, "'created' in its head is no short text"),
        ({"alscope": 3}, "'alscope' in its head is no short text"),
        ({"compact": "yes"}, "other types"),
        ({"runs": ["0" * 20]}, "is not a run of the study's configuration"),
        ({"runs": []}, "is not where its head lists it"),
        ({"runs": None}, "cannot be understood"),
        ({"config": {"name": "x", "surprise": 1}}, "is not a setting"),
        ({"config": {"name": "x", "seeds": 1000, "strategies": ["a", "b"] * 99}}, "listed twice"),
        ({"config": {"name": "x", "scenarios": [{"dataset": {}}]}}, "must be a text"),
        ({"config": {"name": "a\x1b[31m"}}, "characters that can be shown"),
        ({"config": []}, "other types"),
    ],
)
def test_a_head_that_says_something_else_is_refused(
    source: Place, target: Place, change: dict[str, Any], reason: str
) -> None:
    data = changed(packed(source), lambda head, files: head.update(change))

    assert reason in refused(data, target)


def test_a_study_with_too_many_runs_is_refused(source: Place, target: Place) -> None:
    names = [{"name": "random", "params": {"x": number}} for number in range(100)]
    config = {"name": "x", "seeds": 1000, "strategies": names}
    data = changed(packed(source), lambda head, files: head.update(config=config))

    assert "100,000 runs" in refused(data, target)


def test_a_configuration_that_does_not_belong_to_the_runs_is_refused(
    source: Place, target: Place
) -> None:
    def other(head: dict[str, Any], files: dict[str, bytes]) -> None:
        head["config"]["train"]["epochs"] += 1

    assert "is not a run of the study" in refused(changed(packed(source), other), target)


def tampered(change: Callable[[list[bytes]], list[bytes]]) -> Callable[..., None]:
    """A change of the lines of one journal."""

    def apply(head: dict[str, Any], files: dict[str, bytes]) -> None:
        name = "runs/0000.jsonl"
        lines = files[name].splitlines(keepends=True)
        files[name] = b"".join([*change(lines[:5]), *lines[5:]])  # those of the first run
        relist(head, files)

    return apply


def rewritten(line: bytes, **fields: Any) -> bytes:
    record = unseal(line.rstrip(b"\n"))
    del record["check"]
    record["data"].update(fields)
    return seal(record) + b"\n"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: lines[:3] + lines[4:], "does not follow the entry before it"),
        (lambda lines: [*lines[:3], lines[4], lines[3]], "does not follow"),
        (lambda lines: [*lines[:-1], rewritten(lines[-1]), b"{}\n"], "checksum"),
        (lambda lines: [*lines, b"torn"], "complete JSON"),
        (lambda lines: [*lines[:1], rewritten(lines[1], result={}), *lines[2:]], "does not follow"),
        (lambda lines: [rewritten(lines[0], env=1), *lines[1:]], "does not follow"),
        (lambda lines: lines[:2], "do not match their hash"),
    ],
)
def test_a_broken_chain_is_refused(
    source: Place, target: Place, change: Callable[[list[bytes]], list[bytes]], reason: str
) -> None:
    assert reason in refused(changed(packed(source), tampered(change)), target)


def forged(place: Place, *events: tuple[str, dict[str, Any], dict[str, Any]]) -> bytes:
    """A bundle with a sound journal of made-up events."""
    config = study()
    place.studies.save("forged", config)
    run_id = place.runs.create(config.runs()[0])
    with place.runs.open(run_id) as writer:
        for kind, data, blobs in events:
            writer.append(kind, data, blobs=blobs)
    stream = io.BytesIO()
    pack_study(stream, "forged", runs=place.runs, studies=place.studies, alscope="1", extras={})
    return stream.getvalue()


def round_with(number: int, **changes: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    data = round_data(study().runs()[0], number)
    for path, value in changes.items():
        part = data
        *parents, last = path.split("__")
        for key in parents:
            part = part[key]
        part[last] = value
    return "round", data, {"query": query_arrays(number)}


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([("done", {}, {})], "called done after 0 of 3 rounds"),
        ([round_with(number) for number in range(4)], "has 4 rounds where its configuration has 3"),
        ([round_with(1)], "round 0 is expected"),
        ([round_with(0), ("round", round_data(study().runs()[0], 1), {"query": query_arrays(0)})],
         "bought before"),
        ([round_with(0, result__metrics={})], "no results can be made of it"),
        ([("started", {"env": 1}, {}), round_with(0)], "no results can be made of it"),
        ([("started", {"env": {"torch": "2"}}, {}), round_with(0)], "no results can be made of it"),
        ([round_with(0, result__metrics__accuracy="<b>")], "no results can be made of it"),
        ([round_with(0, timing__executed_s=[])], "no results can be made of it"),
        ([("round", round_data(study().runs()[0], 0), {"query": {"queried": np.arange(5)}})],
         "no results can be made of it"),
    ],
)  # fmt: skip
def test_a_sound_journal_of_nonsense_is_refused(
    tmp_path: Path, target: Place, events: list[Any], reason: str
) -> None:
    assert reason in refused(forged(Place.at(tmp_path / "f"), *events), target)


def test_arrays_under_a_wrong_hash_are_refused(source: Place, target: Place) -> None:
    def swap(head: dict[str, Any], files: dict[str, bytes]) -> None:
        name = "runs/0000.bin"
        other = encode({"queried": np.arange(5)}, {})
        files[name] = other + files[name][len(other) :]
        relist(head, files)

    assert "do not match their hash" in refused(changed(packed(source), swap), target)


def test_arrays_of_no_run_are_refused(source: Place, target: Place) -> None:
    def add(head: dict[str, Any], files: dict[str, bytes]) -> None:
        files["runs/0000.bin"] += b"more"
        relist(head, files)

    assert "bytes of arrays where its journals name" in refused(
        changed(packed(source), add), target
    )


def test_runs_in_another_order_than_listed_are_refused(source: Place, target: Place) -> None:
    data = changed(packed(source), lambda head, files: head["runs"].reverse())

    assert "is not where its head lists it" in refused(data, target)


def test_runs_that_are_listed_but_not_there_are_refused(source: Place, target: Place) -> None:
    def cut(head: dict[str, Any], files: dict[str, bytes]) -> None:
        files["runs/0000.jsonl"] = files["runs/0000.bin"] = b""
        relist(head, files)

    assert "is listed but not complete" in refused(changed(packed(source), cut), target)


def test_a_large_study_is_written_in_parts_and_read_back(
    source: Place, target: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alscope.store.bundle_runs._PART_BYTES", 1000)
    data = packed_anew(source)
    taken(data, target)

    assert [name for name in contents(data) if name.endswith(".jsonl")] == [
        f"runs/{number:04}.jsonl" for number in range(4)
    ]
    assert frames(target) == frames(source)


def test_a_failure_half_way_takes_back_what_was_taken_over(source: Place, target: Place) -> None:
    def hook(name: str) -> None:
        if name == "study.before":
            raise OSError(28, "No space left on device")

    _faults.install(hook)
    try:
        with pytest.raises(StoreError, match="No space left"):
            taken(packed(source), target)
    finally:
        _faults.install(None)

    assert target.runs.run_ids() == ()
    assert target.studies.ids() == ()


def test_no_file_of_a_bundle_is_a_pickle(source: Place) -> None:
    for name, content in contents(packed(source)).items():
        assert name.endswith((".json", ".jsonl", ".toml", ".md", ".csv", ".bin"))
        assert not content.startswith(b"\x80")
        if name.endswith(".json"):
            json.loads(content)
