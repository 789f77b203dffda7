from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from alscope.backbones.transformer import TransformerSpec
from alscope.errors import Cancelled
from alscope.inputs import ContrastiveEncoder, Projections
from alscope.learn.frozen import _signs
from alscope.types import SampleSpec
from tests.backbones.checkpoints import save_tiny_bert
from tests.learn.contexts import (
    BAG,
    CNN,
    Trial,
    cosines,
    digits_trial,
    image_trial,
    same_class_neighbours,
    text_trial,
)
from tests.learn.fakes import PLANE, TEXT, RecordingControl, TensorSource, TextSource, blobs
from tests.oracles_contrastive import tf_idf

FROZEN = ContrastiveEncoder()
OUTPUT = Projections(companion=FROZEN)


def feature_trial(n: int = 24) -> Trial:
    return Trial(TensorSource(blobs(n)[0]), PLANE, CNN)


TRIALS = [
    pytest.param(image_trial(), "frozen: pixels", 64, id="images"),
    pytest.param(text_trial(), "frozen: tf-idf of words", 512, id="texts"),
    pytest.param(feature_trial(), "frozen: features", 4, id="features"),
]


def rows_of(trial: Trial, **chosen: object) -> np.ndarray:
    """Features of all samples, (n, d)."""
    state, _ = trial.fit(FROZEN)
    return trial.projections(OUTPUT, state, **chosen)[:, 0]


@pytest.mark.parametrize(("trial", "kind", "width"), TRIALS)
def test_frozen_features_name_their_kind_and_have_length_one(trial, kind, width):
    state, facts = trial.fit(FROZEN)

    rows = trial.projections(OUTPUT, state)

    assert facts == {"encoder": kind, "n_samples": 24}
    assert rows.shape == (24, 1, width)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=2), 1.0, atol=1e-5)


@pytest.mark.parametrize(("trial", "kind", "width"), TRIALS)
def test_frozen_features_do_not_depend_on_batches_or_on_the_index_set(trial, kind, width):
    some = np.array([0, 3, 17])
    state, _ = trial.fit(FROZEN)

    whole = trial.projections(OUTPUT, state, batch_size=24)
    part = trial.projections(OUTPUT, state, batch_size=2, indices=some)

    np.testing.assert_allclose(part, whole[some], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("trial", "kind", "width"), TRIALS)
def test_frozen_features_do_not_depend_on_the_seed(trial, kind, width):
    first, _ = trial.fit(FROZEN, seed=1)
    second, _ = trial.fit(FROZEN, seed=2)

    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_pixels_are_centred_over_the_trial():
    trial = image_trial()
    assert isinstance(trial.source, TensorSource)
    pixels = trial.source.values.flatten(1).double().numpy()

    centred = pixels - pixels.mean(axis=0)
    wanted = centred / np.linalg.norm(centred, axis=1, keepdims=True)

    np.testing.assert_allclose(rows_of(trial), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("side", "width"), [((32, 32), 3072), ((33, 32), 3 * 17 * 16), ((64, 96), 3 * 22 * 32)]
)
def test_large_images_are_averaged_down(side, width):
    assert rows_of(image_trial(4, side=side, channels=3)).shape == (4, width)


def test_word_weights_are_those_of_the_definition():
    trial = text_trial()
    assert isinstance(trial.source, TextSource)
    weighted = tf_idf(trial.source.rows, 62)

    projected = weighted @ _signs(np.arange(62)).astype(np.float64)
    centred = projected - projected.mean(axis=0)
    wanted = centred / np.linalg.norm(centred, axis=1, keepdims=True)

    np.testing.assert_allclose(rows_of(trial), wanted, atol=1e-5)


def test_random_signs_keep_cosines():
    signs = _signs(np.arange(1000)).astype(np.float64)

    similar = signs @ signs.T

    np.testing.assert_allclose(np.diag(similar), 1.0, atol=1e-6)
    off = similar[~np.eye(1000, dtype=bool)]
    assert abs(off.mean()) < 1e-3
    assert abs(off.std() - 512**-0.5) < 2e-3


def test_texts_that_share_rare_words_are_closer_than_those_that_share_common_ones():
    common, rare = 2, 3
    rows = [[common, rare, 10], [common, 11, 12], [rare, 13, 14]]
    rows += [[common, 20 + i, 40 + i] for i in range(15)]
    trial = Trial(TextSource(rows), TEXT, BAG)

    similar = cosines(rows_of(trial))

    assert similar[0, 2] > similar[0, 1] + 0.1


def test_a_text_without_words_has_no_direction_and_no_nan():
    rows = [[2, 3], [4, 5]]
    source = TextSource(rows)
    trial = Trial(source, TEXT, BAG)
    state, _ = trial.fit(FROZEN)
    state["mean"] = np.zeros_like(state["mean"])
    empty = {"input_ids": torch.zeros(1, 2).long(), "attention_mask": torch.zeros(1, 2).long()}
    source.eval_batch = lambda indices: empty  # type: ignore[method-assign]

    projections = trial.projections(OUTPUT, state, indices=np.array([0]))

    assert not projections.any()


def test_equal_samples_have_no_direction_and_no_nan():
    source = TensorSource(torch.ones(4, 4))

    assert not rows_of(Trial(source, PLANE, CNN)).any()


@pytest.mark.parametrize("stop_at", [1, 2])
def test_fitting_can_be_interrupted(stop_at):
    with pytest.raises(Cancelled):
        text_trial().fit(FROZEN, control=RecordingControl(stop_at=stop_at))


def test_neighbours_of_digits_are_mostly_of_their_class(tmp_path):
    trial, labels = digits_trial(tmp_path)

    share = same_class_neighbours(rows_of(trial, batch_size=256), labels, n_neighbours=1)

    assert share > 0.95  # chance: 0.1


@pytest.mark.slow
def test_a_pretrained_network_gives_its_embeddings(tmp_path):
    spec = TransformerSpec(model=str(save_tiny_bert(tmp_path)), max_tokens=16)
    draws = np.random.default_rng(0)
    rows = [[2, *draws.integers(4, 10, draws.integers(1, 9)).tolist(), 3] for _ in range(12)]
    trial = Trial(TextSource(rows), SampleSpec(modality="text"), spec)
    state, facts = trial.fit(FROZEN)
    again, _ = trial.fit(FROZEN, seed=9)
    model = spec.build(TEXT, 2)
    with torch.no_grad():
        model.eval()  # type: ignore[attr-defined]
        embeddings = model.embed(trial.source.eval_batch(np.arange(12))).double().numpy()

    centred = embeddings - embeddings.mean(axis=0)
    wanted = centred / np.linalg.norm(centred, axis=1, keepdims=True)

    assert facts["encoder"] == "frozen: pretrained transformer"
    assert np.array_equal(state["mean"], again["mean"])
    np.testing.assert_allclose(trial.projections(OUTPUT, state)[:, 0], wanted, atol=1e-4)


def test_only_pretrained_networks_are_read():
    other = dataclasses.replace(image_trial(), backbone=dataclasses.replace(CNN, width=8))

    assert np.array_equal(rows_of(image_trial()), rows_of(other))
