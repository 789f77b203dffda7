"""Zip archives: read like folders; bombs, paths, links and encryption are refused."""

from __future__ import annotations

import stat
import struct
import zipfile

import pytest

from alscope.data.importing import Limits, Refused, check, import_data, inspect_source
from alscope.data.lookup import find_dataset
from tests.data.importing.sources import IMAGES, codes, drawn, encoded, finding, image_folder

PICTURE = encoded(drawn(99))


@pytest.fixture
def archive(tmp_path):
    folder = image_folder(tmp_path / "pictures")
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for image in sorted(folder.rglob("*.png")):
            file.write(image, image.relative_to(tmp_path))
    return path


def add(path, name, data=PICTURE, **facts):
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    for fact, value in facts.items():
        setattr(entry, fact, value)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(entry, data)


def test_an_archive_is_the_same_data_set_as_its_folder(archive, tmp_path, root):
    import_data(archive, IMAGES, root, name="packed", title="")
    import_data(tmp_path / "pictures", IMAGES, root, name="unpacked", title="")
    packed, unpacked = (find_dataset(f"own:{name}").load(root) for name in ("packed", "unpacked"))

    assert inspect_source(archive).class_counts == {"blue": 12, "red": 12}
    assert (packed.train.inputs == unpacked.train.inputs).all()
    assert (packed.test.targets == unpacked.test.targets).all()


@pytest.mark.parametrize("name", ["/red/x.png", "../x.png", "red/../../x.png", "C:/x.png"])
def test_paths_out_of_the_archive_are_refused(archive, name):
    add(archive, name)

    assert codes(check(archive, IMAGES)) == ["zip_path"]
    with pytest.raises(Refused, match="leads out of the archive"):
        inspect_source(archive)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(archive, kind):
    add(archive, "red/link.png", b"/etc/passwd", external_attr=(kind | 0o777) << 16)

    assert codes(check(archive, IMAGES)) == ["zip_link"]


def test_an_entry_that_unpacks_to_far_more_is_refused(archive):
    add(archive, "red/bomb.png", bytes(30_000_000))

    assert codes(check(archive, IMAGES)) == ["zip_bomb"]


def test_many_small_entries_that_unpack_to_far_more_are_refused(archive):
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        for i in range(40):
            file.writestr(f"red/{i}.bmp", bytes(1_000_000))

    assert codes(check(archive, IMAGES)) == ["zip_bomb"]


def test_entries_that_state_a_wrong_size_are_unreadable(archive):
    data = bytearray(archive.read_bytes())
    place = data.index(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 50)  # the size of the first entry
    archive.write_bytes(bytes(data))
    report = check(archive, IMAGES)

    assert codes(report) == ["unreadable"]
    assert finding(report, "unreadable").count == 1


def test_damaged_entries_are_unreadable(archive):
    data = bytearray(archive.read_bytes())
    data[100:140] = bytes(40)
    archive.write_bytes(bytes(data))

    assert codes(check(archive, IMAGES)) == ["unreadable"]


@pytest.mark.parametrize("announced", [1, 3000, 0xFFFF])
def test_a_long_table_of_contents_is_refused_before_it_is_read(archive, announced, monkeypatch):
    # A row costs a stranger 50 bytes, and Python's reader ten times as many.
    head = struct.Struct("<4s4B4HL2L5H2L")
    rows = b"".join(
        head.pack(b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0)
        + b"%04d" % place
        for place in range(3000)
    )
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, announced, announced, len(rows), 0, 0)
    archive.write_bytes(rows + end)
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("it was read"))

    assert codes(check(archive, IMAGES, limits=Limits(files=2999))) == ["too_many_files"]


def test_encrypted_entries_are_refused(archive):
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(bytes(data))

    assert codes(check(archive, IMAGES)) == ["encrypted"]


def test_the_same_entry_twice_is_refused(archive):
    with pytest.warns(UserWarning, match="Duplicate name"):
        add(archive, "pictures/red/00.png")

    assert codes(check(archive, IMAGES)) == ["zip_twice"]


def test_archives_inside_are_left_out_and_said(archive):
    add(archive, "pictures/red/more.zip", b"PK\x05\x06" + bytes(18))
    report = check(archive, IMAGES)

    assert report.ok
    assert finding(report, "nested_archive").examples == ("pictures/red/more.zip",)


def test_what_other_systems_add_is_ignored(archive):
    add(archive, "__MACOSX/pictures/red/._00.png", b"x")
    add(archive, "pictures/red/.DS_Store", b"x")

    assert check(archive, IMAGES).findings == ()


@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\x03\x04" + bytes(100)])
def test_files_that_are_no_archives_are_errors(tmp_path, data):
    path = tmp_path / "data.zip"
    path.write_bytes(data)

    assert codes(check(path, IMAGES)) == ["unreadable"]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(files=10), "too_many_files"),
        (Limits(depth=1), "too_deep"),
        (Limits(file_bytes=100), "too_large"),
        (Limits(total_bytes=100), "zip_bomb"),
        (Limits(image_bytes=10), "unreadable"),
    ],
)
def test_limits_of_archives_are_kept(archive, limits, code):
    assert codes(check(archive, IMAGES, limits=limits))[0] == code
