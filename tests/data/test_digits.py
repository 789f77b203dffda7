from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from alscope.data import digits
from alscope.data.digits import Digits
from alscope.errors import DatasetError


@pytest.fixture
def raw(root):
    return Digits().load(root)


def test_digits_have_the_documented_sizes(raw):
    assert raw.train.inputs.shape == (1297, 1, 8, 8)
    assert raw.test.inputs.shape == (500, 1, 8, 8)
    assert raw.train.inputs.dtype == np.uint8


def test_digits_split_is_stratified(raw):
    assert set(np.bincount(raw.test.targets)) <= {48, 49, 50, 51}


def test_digits_split_uses_every_image_once(raw):
    from sklearn.datasets import load_digits

    images = np.concatenate([raw.train.inputs, raw.test.inputs]).reshape(1797, -1)
    original = np.round(load_digits().data * 255 / 16)

    assert np.array_equal(np.unique(images, axis=0), np.unique(original, axis=0))


def test_digits_use_the_whole_grey_scale(raw):
    assert (raw.train.inputs.min(), raw.train.inputs.max()) == (0, 255)


def test_digits_statistics_are_those_of_the_training_part(raw):
    scaled = raw.train.inputs / 255

    assert raw.mean[0] == pytest.approx(scaled.mean(), abs=5e-5)
    assert raw.std[0] == pytest.approx(scaled.std(), abs=5e-5)


def test_digits_have_no_augmentation(raw):
    assert (raw.crop_padding, raw.flip) == (0, False)


def test_digits_are_those_of_scikit_learn_to_the_last_byte():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    table = digits._table()

    assert np.array_equal(table[:, :-1].reshape(-1, 8, 8), bunch.images)
    assert np.array_equal(table[:, -1], bunch.target)


@pytest.mark.parametrize("package", [None, "empty"])
def test_missing_digits_are_said_in_words(package, tmp_path: Path, monkeypatch):
    spec = ModuleSpec("sklearn", None, origin=str(tmp_path / "__init__.py")) if package else None
    monkeypatch.setattr(digits, "find_spec", lambda _: spec)

    with pytest.raises(DatasetError, match="install"):
        digits._table()
