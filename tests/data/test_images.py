"""MNIST and CIFAR-10 in every format they are found in."""

import numpy as np
import pytest

from alscope.data import _cifar, _idx, _mat
from alscope.data._files import md5
from alscope.data.cifar10 import Cifar10
from alscope.data.mnist import Mnist
from alscope.errors import DatasetError


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("folder", ["mnist/MNIST/raw", "MNIST/raw"])
def test_mnist_reads_idx_files(make, root, folder, packed):
    pixels = make.idx(folder, packed=packed)
    raw = Mnist().load(root)

    assert np.array_equal(raw.train.inputs[:, 0], pixels)
    assert raw.test.targets.tolist() == list(range(10))


def test_mnist_fingerprint_is_the_same_packed_and_unpacked(make, root):
    make.idx()
    unpacked = Mnist().summary(root).fingerprint
    make.idx(packed=True)

    assert Mnist().summary(root).fingerprint == unpacked


def test_mnist_reads_parquet(make, root):
    pixels = make.images(
        "mnist", column="image", shape=(28, 28), names=[str(digit) for digit in range(10)]
    )
    raw = Mnist().load(root)

    assert np.array_equal(raw.train.inputs[:, 0], pixels)


def test_idx_archive_with_another_checksum_is_refused(make, root):
    make.idx(packed=True)
    path = make.path / "mnist/MNIST/raw/train-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes() + b"x")

    with pytest.raises(DatasetError, match=r"train-labels-idx1-ubyte\.gz is damaged: its MD5"):
        Mnist().summary(root)


def test_idx_archive_that_is_no_gzip_is_refused(make, root):
    make.idx(packed=True)
    path = make.path / "mnist/MNIST/raw/t10k-labels-idx1-ubyte.gz"
    path.write_bytes(b"plain")
    make.patch.setitem(_idx.OFFICIAL_MD5, path.name, md5(b"plain"))

    with pytest.raises(DatasetError, match="is not a readable gzip archive"):
        Mnist().summary(root)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda data: b"\0\0\x0d\x01" + data[4:], "starts with 00000d01"),
        (lambda data: data[:-1], "has 27 bytes, but its header announces 28"),
        (lambda data: data[:6], "but its header announces"),
        (lambda data: b"", "starts with ,"),
        (lambda data: data[:-1] + b"\x0a", "row 19 has the label 10, but labels go from 0 to 9"),
    ],
)
def test_damaged_idx_labels_are_refused(make, root, edit, message):
    make.idx()
    path = make.path / "mnist/MNIST/raw/train-labels-idx1-ubyte"
    path.write_bytes(edit(path.read_bytes()))

    with pytest.raises(DatasetError, match=message):
        Mnist().summary(root)


def test_idx_images_of_another_size_are_refused(make, root):
    make.idx(size=27)

    with pytest.raises(DatasetError, match="images of 27x27 pixels, but expected 28x28"):
        Mnist().load(root)


def test_more_labels_than_images_are_refused(make, root):
    make.idx()
    folder = make.path / "mnist/MNIST/raw"
    (folder / "train-images-idx3-ubyte").write_bytes(
        (folder / "t10k-images-idx3-ubyte").read_bytes()
    )

    with pytest.raises(DatasetError, match="has 10 examples but 20 labels"):
        Mnist().load(root)


def test_incomplete_idx_folder_is_named(make, root):
    make.idx()
    (make.path / "mnist/MNIST/raw/t10k-labels-idx1-ubyte").unlink()

    with pytest.raises(DatasetError, match="incomplete: t10k-labels-idx1-ubyte is missing"):
        Mnist().summary(root)
    assert not Mnist().available(root)


@pytest.mark.parametrize(
    "folder",
    [
        "cifar10/cifar-10-batches-bin",
        "cifar-10-batches-bin",
        "cifar10/cifar-10-batches-py",
        "cifar-10-batches-py",
    ],
)
def test_cifar10_reads_both_archives(make, root, folder):
    pixels = make.cifar(folder)
    raw = Cifar10().load(root)

    assert np.array_equal(raw.train.inputs.reshape(20, -1), pixels[:20])
    assert raw.test.targets.tolist() == [0, 1, 2, 3]


def test_cifar10_reads_parquet(make, root):
    pixels = make.images()
    raw = Cifar10().load(root)

    assert np.array_equal(raw.train.inputs, pixels.transpose(0, 3, 1, 2))


def test_cifar10_prefers_parquet(make, root):
    make.cifar()
    make.images()

    assert Cifar10().summary(root).source == "local Parquet"


def test_python_batches_with_another_checksum_are_refused(make, root):
    make.cifar("cifar-10-batches-py")
    path = make.path / "cifar-10-batches-py/test_batch"
    path.write_bytes(path.read_bytes() + b".")

    with pytest.raises(DatasetError, match="test_batch is not the official file"):
        Cifar10().summary(root)


def test_python_batches_without_pixels_are_refused(make, root):
    make.cifar("cifar-10-batches-py")
    make.official(make.path / "cifar-10-batches-py/test_batch", b"\x80\x02}.")

    with pytest.raises(DatasetError, match="holds 0 labels and 0 bytes of pixels"):
        Cifar10().summary(root)


def test_python_batches_are_never_executed(make, root, monkeypatch):
    (make.path / "trap").mkdir(parents=True)
    (make.path / "trap" / "alscope_test_canary.py").write_text("raise SystemExit('executed')")
    monkeypatch.syspath_prepend(make.path / "trap")
    make.cifar("cifar-10-batches-py")

    assert Cifar10().load(root).train.inputs.shape == (20, 3, 32, 32)


def test_official_checksums_are_those_of_torchvision():
    from torchvision.datasets import CIFAR10, CIFAR100, MNIST, SVHN

    cifar = CIFAR10.train_list + CIFAR10.test_list + CIFAR100.train_list + CIFAR100.test_list
    svhn = {SVHN.split_list[part][1]: SVHN.split_list[part][2] for part in ("train", "test")}

    assert dict(cifar) == _cifar.OFFICIAL_MD5
    assert dict(MNIST.resources) == _idx.OFFICIAL_MD5
    assert svhn == _mat.OFFICIAL_MD5


def test_binary_batch_cut_short_is_refused(make, root):
    make.cifar()
    path = make.path / "cifar10/cifar-10-batches-bin/data_batch_3.bin"
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(DatasetError, match=r"data_batch_3\.bin has 12291 bytes"):
        Cifar10().summary(root)


def test_damaged_image_is_named_by_file_and_row(make, root):
    make.images()
    make.parquet("cifar10", "test", {"img": [{"bytes": b"\x89PNG", "path": ""}], "label": [0]})

    with pytest.raises(DatasetError, match=r"test-00000-of-00001.parquet: row 0 is not a readable"):
        Cifar10().load(root)


def test_image_formats_other_than_png_and_jpeg_are_refused(make, root, encode):
    make.images()
    data = encode(np.zeros((32, 32, 3), dtype=np.uint8), "BMP")
    make.parquet("cifar10", "test", {"img": [{"bytes": data, "path": ""}], "label": [0]})

    with pytest.raises(DatasetError, match="row 0 is not a readable PNG or JPEG image"):
        Cifar10().load(root)


def test_images_of_another_mode_or_size_are_refused(make, root, encode):
    make.images()
    data = encode(np.zeros((32, 31), dtype=np.uint8), "PNG")
    make.parquet("cifar10", "test", {"img": [{"bytes": data, "path": ""}], "label": [0]})

    with pytest.raises(DatasetError, match="is 32x31 L, but expected 32x32 RGB"):
        Cifar10().load(root)


@pytest.mark.parametrize("value", [None, {"bytes": None, "path": "somewhere.png"}])
def test_rows_without_image_bytes_are_refused(make, root, value, encode):
    make.images()
    image = {"bytes": encode(np.zeros((32, 32, 3), dtype=np.uint8), "PNG"), "path": ""}
    make.parquet("cifar10", "test", {"img": [image, value], "label": [0, 1]})

    with pytest.raises(DatasetError, match="row 1 holds no encoded image"):
        Cifar10().load(root)
