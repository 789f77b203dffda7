"""CIFAR-100, SVHN and TinyImageNet in every format they are found in."""

import numpy as np
import pytest

from alscope.data import _cifar, _mat
from alscope.data._files import md5
from alscope.data.cifar100 import Cifar100
from alscope.data.svhn import Svhn
from alscope.data.tiny_imagenet import TinyImagenet
from alscope.errors import DatasetError

CIFAR_NAMES = Cifar100.facts.names
WORDNET = TinyImagenet.facts.names


def test_class_names_are_the_official_ones_in_order():
    assert CIFAR_NAMES[:3] == ("apple", "aquarium_fish", "baby")
    assert CIFAR_NAMES[26] == "crab"
    assert CIFAR_NAMES[-1] == "worm"
    assert (len(CIFAR_NAMES), len(WORDNET)) == (100, 200)
    assert (WORDNET[0], WORDNET[-1]) == ("n01443537", "n12267677")
    assert tuple(sorted(WORDNET)) == WORDNET


def test_official_counts_add_up():
    assert [sum(counts) for counts in Svhn.facts.counts.values()] == [73257, 26032]
    assert [sum(counts) for counts in Cifar100.facts.counts.values()] == [50000, 10000]
    assert [sum(counts) for counts in TinyImagenet.facts.counts.values()] == [100000, 10000]


@pytest.mark.parametrize(
    "folder",
    [
        "cifar100/cifar-100-python",
        "cifar-100-python",
        "cifar100/cifar-100-binary",
        "cifar-100-binary",
    ],
)
def test_cifar100_reads_both_archives(make, root, folder):
    pixels = make.cifar(folder, _cifar.CIFAR100)
    raw = Cifar100().load(root)

    assert np.array_equal(raw.train.inputs.reshape(4, -1), pixels[:4])
    assert np.array_equal(raw.test.inputs.reshape(4, -1), pixels[4:])
    assert raw.train.targets.tolist() == [0, 1, 2, 3]  # not the superclasses
    assert raw.test.targets.tolist() == [4, 5, 6, 7]


def test_cifar100_pickles_are_never_executed(make, root, monkeypatch):
    (make.path / "trap").mkdir(parents=True)
    (make.path / "trap" / "alscope_test_canary.py").write_text("raise SystemExit('executed')")
    monkeypatch.syspath_prepend(make.path / "trap")
    make.cifar("cifar-100-python", _cifar.CIFAR100)

    assert Cifar100().load(root).train.inputs.shape == (4, 3, 32, 32)


def test_cifar100_pickle_with_another_checksum_is_refused(make, root):
    make.cifar("cifar-100-python", _cifar.CIFAR100)
    path = make.path / "cifar-100-python/train"
    path.write_bytes(path.read_bytes() + b".")

    with pytest.raises(DatasetError, match="train is not the official file: its MD5 is"):
        Cifar100().summary(root)


def test_cifar100_reads_parquet_of_the_hub_with_its_misspelt_class(make, root):
    names = [name if name != "crab" else "cra" for name in CIFAR_NAMES]
    pixels = make.images("cifar100", label="fine_label", names=names)
    raw = Cifar100().load(root)

    assert np.array_equal(raw.train.inputs, pixels.transpose(0, 3, 1, 2))
    assert raw.class_names[26] == "crab"


def test_long_lists_of_other_names_are_shown_by_their_difference(make, root):
    names = ["unicorn", *CIFAR_NAMES[1:]]
    make.images("cifar100", label="fine_label", names=names)

    with pytest.raises(DatasetError, match="unexpected: unicorn; missing: apple"):
        Cifar100().summary(root)


@pytest.mark.parametrize("folder", ["svhn", "."])
def test_svhn_reads_matlab_files_and_counts_ten_as_zero(make, root, folder):
    pixels = make.mat(folder, labels=(10, 1, 2, 9, 5))
    raw = Svhn().load(root)

    assert raw.train.targets.tolist() == [0, 1, 2, 9, 5]
    assert np.array_equal(raw.train.inputs, pixels.transpose(0, 3, 1, 2))
    assert raw.train.inputs.flags["C_CONTIGUOUS"]


def test_svhn_is_never_mirrored(make, root):
    make.mat()
    raw = Svhn().load(root)

    assert not raw.flip
    assert raw.crop_padding == 4


def test_svhn_reads_parquet_of_the_hub(make, root):
    pixels = make.images("svhn", column="image", names=tuple("0123456789"))

    assert np.array_equal(Svhn().load(root).train.inputs, pixels.transpose(0, 3, 1, 2))


def test_svhn_file_with_another_checksum_is_refused_before_it_is_parsed(make, root):
    make.mat()
    (make.path / "svhn/test_32x32.mat").write_bytes(b"MATLAB 5.0 MAT-file, or something else")

    with pytest.raises(DatasetError, match=r"test_32x32\.mat is not the official file: its MD5"):
        Svhn().summary(root)


def test_svhn_labels_out_of_range_are_refused(make, root):
    make.mat(labels=(1, 11))

    with pytest.raises(DatasetError, match="row 1 has the label 11, but labels go from 0 to 9"):
        Svhn().summary(root)


def test_svhn_with_one_file_is_refused(make, root):
    make.mat()
    (make.path / "svhn/train_32x32.mat").unlink()

    with pytest.raises(DatasetError, match=r"incomplete: train_32x32\.mat is missing"):
        Svhn().summary(root)


def test_replaced_matlab_file_is_checked_again(make, root):
    make.mat()
    Svhn().summary(root)
    path = make.path / "svhn/train_32x32.mat"
    path.write_bytes(path.read_bytes() + b"x")

    assert _mat.OFFICIAL_MD5[path.name] != md5(path.read_bytes())
    with pytest.raises(DatasetError, match="is not the official file"):
        Svhn().summary(root)


def tiny(make, encode, images):
    for part in ("train", "valid"):
        structs = [{"bytes": encode(image, "JPEG"), "path": None} for image in images]
        columns = {"image": structs, "label": list(range(len(images)))}
        make.parquet("tiny_imagenet", part, columns, names=WORDNET)


def test_tiny_imagenet_takes_the_validation_part_as_test_part(make, root):
    make.images("tiny_imagenet", column="image", shape=(64, 64, 3), names=WORDNET, test="valid")
    raw = TinyImagenet().load(root)

    assert raw.train.inputs.shape == (20, 3, 64, 64)
    assert raw.test.targets.tolist() == list(range(10))
    assert (raw.crop_padding, raw.flip) == (8, True)


def test_grey_images_of_a_color_set_get_three_equal_channels(make, root, encode):
    grey = np.full((64, 64), 90, dtype=np.uint8)
    color = np.zeros((64, 64, 3), dtype=np.uint8)
    tiny(make, encode, [color, grey])
    pixels = TinyImagenet().load(root).train.inputs

    assert (pixels[1] == 90).all()
    assert (pixels[0] == 0).all()


def test_grey_image_of_another_size_is_refused(make, root, encode):
    tiny(make, encode, [np.zeros((64, 63), dtype=np.uint8)])

    with pytest.raises(DatasetError, match="row 0 is 64x63 L, but expected 64x64 RGB"):
        TinyImagenet().load(root)


def test_tiny_imagenet_without_its_validation_part_is_refused(make, root):
    make.images("tiny_imagenet", column="image", shape=(64, 64, 3), names=WORDNET)

    with pytest.raises(DatasetError, match=r"has no valid-\*\.parquet; put both parts there"):
        TinyImagenet().summary(root)


def test_images_of_several_shards_are_in_order(make, root, encode):
    for number, value in enumerate((10, 200)):
        image = {"bytes": encode(np.full((64, 64, 3), value, dtype=np.uint8)), "path": None}
        columns = {"image": [image], "label": [number]}
        shard = f"0000{number}-of-00002"
        make.parquet("tiny_imagenet", "train", columns, names=WORDNET, shard=shard)
        make.parquet("tiny_imagenet", "valid", columns, names=WORDNET, shard=shard)
    raw = TinyImagenet().load(root)

    assert raw.train.inputs[:, 0, 0, 0].tolist() == [10, 200]
    assert raw.train.targets.tolist() == [0, 1]
