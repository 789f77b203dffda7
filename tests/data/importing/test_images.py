"""Image folders: what becomes of sizes and colors, unreadable files, and hostile ones."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from alscope.data.importing import Limits, Mapping, check, import_data, inspect_source
from alscope.data.lookup import find_dataset
from tests.data.importing.sources import (
    COLORS,
    IMAGES,
    codes,
    drawn,
    dropping,
    encoded,
    finding,
    image_folder,
)


@pytest.fixture
def folder(tmp_path):
    return image_folder(tmp_path / "pictures")


def add(folder, name, data):
    (folder / "red" / name).write_bytes(data)


def bare_png(width: int, height: int) -> bytes:
    """A PNG whose head claims a size, with hardly any pixels behind it."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def test_a_sound_folder_has_no_findings(folder):
    report = check(folder, IMAGES)

    assert report.findings == ()
    assert report.changes == ()
    assert list(report.class_counts) == ["blue", "red"]


def test_pixels_of_the_right_size_come_back_unchanged(folder, root):
    import_data(folder, IMAGES, root, name="pictures", title="Pictures")
    raw = find_dataset("own:pictures").load(root)
    source = {np.asarray(Image.open(path)).tobytes() for path in folder.rglob("*.png")}
    stored = [*raw.train.inputs, *raw.test.inputs]

    assert {image.transpose(1, 2, 0).tobytes() for image in stored} == source


def test_mean_and_deviation_are_those_of_the_training_pixels(folder, root):
    import_data(folder, IMAGES, root, name="pictures", title="")
    raw = find_dataset("own:pictures").load(root)
    scaled = raw.train.inputs / 255.0

    assert raw.mean == pytest.approx(scaled.mean(axis=(0, 2, 3)), abs=1e-6)
    assert raw.std == pytest.approx(scaled.std(axis=(0, 2, 3)), abs=1e-6)


def test_images_of_one_color_have_a_deviation_to_divide_by(tmp_path, root):
    for name in COLORS:
        (tmp_path / "plain" / name).mkdir(parents=True)
        for i in range(4):
            image = Image.new("L", (8, 8))
            (tmp_path / "plain" / name / f"{i}.png").write_bytes(encoded(image, optimize=i > 1))
    import_data(tmp_path / "plain", Mapping("images"), root, name="plain", title="")

    assert find_dataset("own:plain").load(root).std == (pytest.approx(1 / 255, abs=1e-5),)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_common_formats_are_read(folder, format):
    add(folder, f"new.{format.lower()}", encoded(drawn(99), format))

    assert check(folder, IMAGES).n_rows == 25
    assert check(folder, IMAGES).ok


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no image",
        encoded(drawn(99, size=(64, 64)))[:-3000],
        b"II*\0" + bytes(50),
    ],
    ids=["empty", "text", "truncated", "tiff"],
)
def test_unreadable_images_are_errors_unless_left_out(folder, data):
    add(folder, "bad.png", data)
    report = check(folder, IMAGES)

    assert codes(report) == ["unreadable"]
    assert finding(report, "unreadable").examples[0].startswith("red/bad.png: ")
    assert check(folder, dropping(IMAGES, "unreadable")).ok


@pytest.mark.parametrize("size", [(200_000, 200_000), (11_000, 11_000), (8_000, 8_000)])
def test_pixel_bombs_are_refused_by_their_heads(folder, size):
    add(folder, "bomb.png", bare_png(*size))
    found = finding(check(folder, IMAGES), "unreadable")

    assert found.count == 1
    assert "pixels" in found.examples[0]


def test_other_sizes_are_an_error_without_a_chosen_size(folder):
    add(folder, "large.png", encoded(drawn(99, size=(20, 30))))
    report = check(folder, replace(IMAGES, size=0))

    assert codes(report) == ["mixed_sizes"]
    assert "16x16 (24), 30x20 (1)" in finding(report, "mixed_sizes").message


def test_equal_images_that_are_not_square_need_a_chosen_size(tmp_path):
    for name in COLORS:
        (tmp_path / "wide" / name).mkdir(parents=True)
        for i in range(4):
            data = encoded(drawn(i, COLORS[name], size=(8, 12)))
            (tmp_path / "wide" / name / f"{i}.png").write_bytes(data)

    assert codes(check(tmp_path / "wide", Mapping("images"))) == ["mixed_sizes"]


def test_resizing_keeps_the_centre_square_and_is_recorded(folder, root):
    bands = np.zeros((30, 90, 3), dtype=np.uint8)
    bands[:, 30:60] = 255  # the centre is white, both sides are black
    add(folder, "bands.png", encoded(Image.fromarray(bands)))
    info = import_data(folder, IMAGES, root, name="pictures", title="")
    raw = find_dataset("own:pictures").load(root)
    stored = np.concatenate([raw.train.inputs, raw.test.inputs])

    assert info.changes == (
        "resized 1 images to 16x16",
        "cut the centre square out of 1 images",
    )
    assert (stored.min(axis=(1, 2, 3)) == 255).sum() == 1


def test_other_color_modes_are_an_error_without_a_chosen_color(folder):
    add(folder, "grey.png", encoded(drawn(99, (120,))))
    report = check(folder, replace(IMAGES, color=""))

    assert codes(report) == ["mixed_colors"]
    assert "rgb (24), grey (1)" in finding(report, "mixed_colors").message


@pytest.mark.parametrize(
    ("image", "value"),
    [
        (Image.new("L", (16, 16), 120), (120, 120, 120)),
        (Image.new("1", (16, 16), 1), (255, 255, 255)),
        (Image.new("RGBA", (16, 16), (10, 20, 30, 0)), (255, 255, 255)),
        (Image.new("LA", (16, 16), (50, 255)), (50, 50, 50)),
        (Image.new("I;16", (16, 16), 0x7F00), (127, 127, 127)),
    ],
    ids=["grey", "black and white", "transparent", "grey and opaque", "16 bits"],
)
def test_color_modes_are_converted_as_asked_and_recorded(folder, root, image, value):
    add(folder, "other.png", encoded(image))
    info = import_data(folder, IMAGES, root, name="pictures", title="")
    raw = find_dataset("own:pictures").load(root)
    stored = np.concatenate([raw.train.inputs, raw.test.inputs])

    assert any(change.startswith("converted 1 images from ") for change in info.changes)
    assert (stored == np.array(value).reshape(3, 1, 1)).all(axis=(1, 2, 3)).sum() == 1


def test_images_can_be_made_grey(folder, root):
    info = import_data(folder, replace(IMAGES, color="grey"), root, name="grey", title="")

    assert info.shape == (1, 16, 16)
    assert info.changes == ("converted 24 images from rgb to grey",)


def test_photographs_are_turned_upright(folder, root):
    pixels = np.zeros((16, 16, 3), dtype=np.uint8)
    pixels[:8] = 255  # white above
    exif = Image.Exif()
    exif[0x0112] = 3  # taken upside down
    add(folder, "photo.png", encoded(Image.fromarray(pixels), exif=exif))
    import_data(folder, IMAGES, root, name="pictures", title="")
    raw = find_dataset("own:pictures").load(root)
    stored = np.concatenate([raw.train.inputs, raw.test.inputs])

    assert codes(check(folder, IMAGES), "info") == ["turned"]
    assert ((stored[:, :, 8:].min(axis=(1, 2, 3)) == 255).sum()) == 1


def test_the_first_frame_of_an_animation_is_read(folder):
    frames = [drawn(7), drawn(8, COLORS["blue"])]
    add(folder, "moving.gif", encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))

    assert "animated" in codes(check(folder, IMAGES), "info")


def test_equal_files_are_found_by_their_bytes(folder):
    add(folder, "copy.png", (folder / "red" / "00.png").read_bytes())
    found = finding(check(folder, IMAGES), "duplicate")

    assert found.examples == ("red/copy.png: like red/00.png (red)",)


def test_other_files_are_left_out_and_said(folder):
    add(folder, "notes.txt", b"notes")
    add(folder, "scan.tiff", b"II*\0")
    add(folder, "more.zip", b"PK")
    add(folder, ".hidden.png", b"")
    report = check(folder, IMAGES)

    assert report.ok
    assert codes(report, "warning") == ["nested_archive", "unsupported_images"]
    assert codes(report, "info") == ["other_files"]


def test_images_outside_of_class_folders_have_no_label(folder):
    (folder / "lost.png").write_bytes(encoded(drawn(99)))

    assert finding(check(folder, IMAGES), "unlabeled").examples == ("lost.png",)


def test_part_folders_are_recognized_and_kept(tmp_path):
    folder = image_folder(tmp_path / "pictures", 4, parts=("train", "test"))
    preview = inspect_source(folder)
    report = check(folder, preview.mapping)

    assert preview.mapping.split_folders
    assert preview.class_counts == {"blue": 8, "red": 8}
    assert report.class_counts == {"blue": (4, 4), "red": (4, 4)}


def test_a_validation_folder_is_the_test_part_if_there_is_no_other(tmp_path):
    folder = image_folder(tmp_path / "pictures", 4, parts=("train", "val"))
    report = check(folder, inspect_source(folder).mapping)

    assert (report.ok, report.n_test) == (True, 8)


def test_a_validation_folder_beside_a_test_folder_is_the_users_decision(tmp_path):
    folder = image_folder(tmp_path / "pictures", 4, parts=("train", "val", "test"))
    mapping = inspect_source(folder).mapping

    assert codes(check(folder, mapping)) == ["other_split"]
    assert check(folder, dropping(mapping, "other_split")).n_rows == 24
    assert check(folder, replace(mapping, train_values=("train", "val"))).n_train == 16


def test_folders_around_everything_are_ignored(tmp_path):
    image_folder(tmp_path / "outer" / "inner")

    assert inspect_source(tmp_path / "outer").class_counts == {"blue": 12, "red": 12}


def test_a_proposal_has_the_most_common_size_up_to_224(tmp_path):
    large = image_folder(tmp_path / "large", 2)
    for i in range(5):
        add(large, f"l{i}.jpg", encoded(drawn(i, size=(300, 400)), "JPEG"))

    assert inspect_source(image_folder(tmp_path / "small", 2)).mapping == Mapping(
        "images", size=16, color="rgb"
    )
    assert inspect_source(large).mapping.size == 224


def test_grey_images_are_proposed_to_stay_grey(tmp_path):
    for name in COLORS:
        (tmp_path / "grey" / name).mkdir(parents=True)
        (tmp_path / "grey" / name / "1.png").write_bytes(encoded(drawn(1, (100,))))

    assert inspect_source(tmp_path / "grey").mapping.color == "grey"


def test_folders_without_images_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()

    assert codes(check(tmp_path / "empty", IMAGES)) == ["empty"]


def test_links_out_of_the_folder_are_refused(folder, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(encoded(drawn(99)))
    (folder / "red" / "link.png").symlink_to(secret)

    assert codes(check(folder, IMAGES)) == ["link"]


def test_links_to_folders_are_not_followed(folder):
    (folder / "red" / "again").symlink_to(folder, target_is_directory=True)
    report = check(folder, IMAGES)

    assert report.n_rows == 24
    assert codes(report, "warning") == ["link"]


def test_links_that_lead_nowhere_are_refused(folder):
    (folder / "red" / "link.png").symlink_to(folder / "nothing.png")

    assert codes(check(folder, IMAGES)) == ["link"]


def test_pipes_are_refused_without_waiting(folder):
    os.mkfifo(folder / "red" / "pipe.png")

    assert codes(check(folder, IMAGES)) == ["special_file"]


def test_a_pipe_in_place_of_the_source_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "data.csv")

    assert codes(check(tmp_path / "data.csv", Mapping("text", "a", "b"))) == ["special_file"]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(files=10), "too_many_files"),
        (Limits(depth=0), "too_deep"),
        (Limits(output_bytes=1000), "too_large"),
        (Limits(image_bytes=10), "unreadable"),
    ],
)
def test_limits_of_folders_are_kept(folder, limits, code):
    assert codes(check(folder, IMAGES, limits=limits))[0] == code
