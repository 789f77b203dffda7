"""Uploads, data sets and bundles: what views change passes the guard here."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest

from alscope.data.own import own_sets
from alscope.engine.access import Allowance, Role, Visitor
from alscope.engine.service import Service
from alscope.errors import AccessError, ALScopeError
from alscope.results.bundle import bundle_bytes
from alscope.ui import import_form
from alscope.ui.actions import add_data, delete_data, keep_upload, look_at_bundle, take_bundle
from tests.data.importing.sources import TEXT, texts, write_csv
from tests.results.records import query_arrays
from tests.ui.records import record, small_study

ADA = Visitor(id="ada", role=Role.RUNNER)
BOB = Visitor(id="bob", role=Role.RUNNER)
ROOT = Visitor(id="root", role=Role.ADMIN)
EVE = Visitor(id="eve", role=Role.VIEWER)


def as_(service: Service, visitor: Visitor) -> None:
    service.guard.who = lambda: visitor


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "t.csv", texts())


@pytest.fixture
def bundle(tmp_path: Path) -> io.BytesIO:
    with Service.open(tmp_path / "elsewhere", executor="serial", offline=True) as other:
        study_id = record(
            other,
            small_study("brought", n_seeds=1),
            blobs=lambda run, number: {"query": query_arrays(number)},
        )
        made = bundle_bytes(study_id, runs=other.runs, studies=other.studies_store)
    return io.BytesIO(made)


def files(service: Service) -> set[Path]:
    return {path for path in service.cache.rglob("*") if path.is_file()}


def test_a_viewer_brings_nothing(service: Service, table: Path, bundle: io.BytesIO) -> None:
    as_(service, EVE)
    before = files(service)

    for action in (
        lambda: keep_upload([io.BytesIO(b"x")], lambda *_: pytest.fail("kept"), "x"),
        lambda: add_data(table, TEXT, name="mine", title="Mine"),
        lambda: delete_data("mine"),
        lambda: look_at_bundle(bundle, "x.zip"),
        lambda: take_bundle(bundle, "x.zip"),
    ):
        with pytest.raises(AccessError, match="Viewers cannot"):
            action()
    assert files(service) == before


def test_what_somebody_brings_is_theirs(service: Service, table: Path, bundle: io.BytesIO) -> None:
    as_(service, ADA)
    add_data(table, TEXT, name="mine", title="Mine")
    study_id = take_bundle(bundle, "x.zip").study_id

    as_(service, BOB)
    with pytest.raises(AccessError, match="'mine' is not yours"):
        delete_data("mine")
    with pytest.raises(AccessError, match="'mine' is not yours"):
        add_data(table, TEXT, name="mine", title="Bob's", replace=True)
    with pytest.raises(AccessError, match="not yours"):
        service.delete(study_id)
    assert [info.title for info in own_sets(service.data_root)] == ["Mine"]

    as_(service, ADA)
    add_data(table, TEXT, name="mine", title="Mine again", replace=True)
    delete_data("mine")
    service.delete(study_id)
    assert own_sets(service.data_root) == ()
    as_(service, BOB)
    add_data(table, TEXT, name="mine", title="Bob's")


def test_a_data_set_from_before_the_login_is_the_admins(service: Service, table: Path) -> None:
    add_data(table, TEXT, name="mine", title="Mine")

    as_(service, ADA)
    with pytest.raises(AccessError, match="is not yours"):
        delete_data("mine")
    as_(service, ROOT)
    delete_data("mine")


def test_what_somebody_brings_fits_into_their_share_of_the_disk(
    service: Service, table: Path, bundle: io.BytesIO
) -> None:
    as_(service, dataclasses.replace(ADA, allowance=Allowance(disk_bytes=10)))
    before = files(service)

    for read in (look_at_bundle, take_bundle):
        with pytest.raises(ALScopeError, match="would unpack to"):
            read(bundle, "x.zip")
    with pytest.raises(ALScopeError, match="need more than 10 bytes"):
        add_data(table, TEXT, name="mine", title="Mine")
    assert files(service) == before

    as_(service, dataclasses.replace(ADA, allowance=Allowance(disk_bytes=2**20)))
    add_data(table, TEXT, name="mine", title="Mine")
    as_(service, dataclasses.replace(ADA, allowance=Allowance(disk_bytes=10)))
    with pytest.raises(AccessError, match="per user; delete some"):
        add_data(table, TEXT, name="more", title="More")
    with pytest.raises(AccessError, match="per user; delete some"):
        take_bundle(bundle, "x.zip")
    assert service.runs.run_ids() == ()


def test_uploads_are_kept_and_counted_for_everybody_apart(service: Service) -> None:
    class Upload(io.BytesIO):
        name, size = "x.csv", 600

    def keep(_: object, folder: Path) -> Path:
        folder.mkdir(parents=True)
        (folder / "x.csv").write_bytes(bytes(600))
        return folder

    small = Allowance(upload_bytes=1000)
    as_(service, dataclasses.replace(ADA, allowance=small))
    mine = keep_upload([Upload()], keep, "one")
    with pytest.raises(AccessError, match="kept since yesterday"):
        keep_upload([Upload()], keep, "two")
    as_(service, dataclasses.replace(BOB, allowance=small))
    theirs = keep_upload([Upload()], keep, "one")

    assert mine.parent != theirs.parent
    assert "ada" not in str(mine)


@pytest.mark.parametrize("own", [True, False])
def test_files_of_others_are_read_in_a_process_of_their_own(
    monkeypatch: pytest.MonkeyPatch, table: Path, own: bool
) -> None:
    apart: list[str] = []
    monkeypatch.setattr(import_form, "is_own_computer", lambda: own)
    for name in ("check_apart", "inspect_apart"):
        monkeypatch.setattr(import_form, name, lambda *_, name=name: apart.append(name))

    import_form._checked(table, TEXT)
    import_form._inspected.__wrapped__(table)

    assert apart == ([] if own else ["check_apart", "inspect_apart"])
