from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from alscope.backbones.mlp import MlpSpec
from alscope.backbones.transformer import TransformerSpec
from alscope.errors import Cancelled, ShapeError, TrainingDiverged
from alscope.inputs import ContrastiveEncoder, Projections
from alscope.learn.contrastive import csi_loss, nt_xent, project
from alscope.learn.passes import Batches
from alscope.types import SampleSpec
from tests.backbones.checkpoints import save_tiny_bert
from tests.learn.contexts import (
    CNN,
    Trial,
    cosines,
    digits_trial,
    image_trial,
    same_class_neighbours,
    text_trial,
)
from tests.learn.fakes import CPU, RecordingControl, TensorSource, images
from tests.oracles_contrastive import csi as csi_loop
from tests.oracles_contrastive import nt_xent as nt_xent_loop

SHORT = ContrastiveEncoder(setting="ssl:2")
SHIFTED = ContrastiveEncoder(setting="ssl:2", shifts=True)
PUBLISHED = ContrastiveEncoder(setting="paper:2", shifts=True)


def equal(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    """Whether two states are the same to the last bit."""
    return first.keys() == second.keys() and all(
        first[name].tobytes() == second[name].tobytes() for name in first
    )


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_nt_xent_is_the_double_loop(temperature):
    rng = np.random.default_rng(0)
    for _ in range(100):
        rows = rng.normal(size=(2 * rng.integers(1, 7), rng.integers(2, 6)))

        value = nt_xent(torch.from_numpy(rows), temperature=temperature)

        assert value.item() == pytest.approx(nt_xent_loop(rows, temperature), abs=1e-10)


@pytest.mark.parametrize("n_shifts", [1, 2, 4])
def test_csi_loss_is_the_loop_over_shifted_copies(n_shifts):
    rng = np.random.default_rng(n_shifts)
    for _ in range(50):
        n = 2 * n_shifts * int(rng.integers(1, 5))
        rows, logits = rng.normal(size=(n, 3)), rng.normal(size=(n, n_shifts))
        given = torch.from_numpy(rows), torch.from_numpy(logits)

        value = csi_loss(*given, n_shifts=n_shifts, temperature=0.5)

        assert value.item() == pytest.approx(csi_loop(rows, logits, n_shifts, 0.5), abs=1e-10)


def test_nt_xent_does_not_overflow():
    rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])

    assert nt_xent(rows, temperature=1e-3).item() == pytest.approx(0.0, abs=1e-6)
    assert nt_xent(rows.flip(1).roll(1, 0), temperature=1e-3).isfinite()


def test_nt_xent_is_least_when_views_agree_and_samples_differ():
    agreeing = torch.eye(4).repeat(2, 1)

    crossed = agreeing[[0, 1, 2, 3, 1, 0, 3, 2]]

    assert nt_xent(agreeing, temperature=0.5) < nt_xent(crossed, temperature=0.5)


@pytest.mark.parametrize("encoder", [SHORT, SHIFTED, PUBLISHED])
@pytest.mark.parametrize("trial", [image_trial(), text_trial()], ids=["images", "texts"])
def test_same_seed_same_encoder_other_seed_another(encoder, trial):
    first, facts = trial.fit(encoder)
    second, same_facts = trial.fit(encoder)
    other, _ = trial.fit(encoder, seed=6)

    assert equal(first, second)
    assert facts == same_facts
    assert not equal(first, other)


@pytest.mark.parametrize("trial", [image_trial(), text_trial()], ids=["images", "texts"])
def test_labels_are_never_read(trial):
    with pytest.raises(AssertionError, match="read the labels"):
        len(trial.learner().labels)

    state, _ = trial.fit(SHIFTED)

    assert trial.projections(Projections(companion=SHIFTED), state).shape[0] == 24


def test_the_number_of_classes_does_not_matter():
    context = image_trial().learner()

    few, _ = SHORT.fit(dataclasses.replace(context, n_classes=2))
    many, _ = SHORT.fit(dataclasses.replace(context, n_classes=9))

    assert equal(few, many)


def test_training_leaves_the_global_generator_alone():
    before = torch.get_rng_state()

    image_trial().fit(SHIFTED)

    assert torch.equal(torch.get_rng_state(), before)


def test_training_can_be_interrupted_before_any_batch():
    with pytest.raises(Cancelled):
        image_trial(80).fit(SHORT, control=RecordingControl(stop_at=4))


def test_progress_goes_up_to_the_end():
    control = RecordingControl()
    image_trial(80).fit(SHORT, control=control)

    fractions = [fraction for _, fraction in control.seen]

    assert {stage for stage, _ in control.seen} == {"auxiliary"}
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1], len(fractions)) == (0.0, 1.0, 7)  # 2 epochs of 3 batches


def test_a_loss_that_is_not_finite_is_said_in_words():
    trial = image_trial()
    assert isinstance(trial.source, TensorSource)
    trial.source.values[3] = math.nan

    with pytest.raises(TrainingDiverged, match=r"loss became nan in step \d of 2; choose"):
        trial.fit(SHORT)


def test_one_sample_cannot_be_compared():
    with pytest.raises(ShapeError, match="compares samples, and there are 1"):
        image_trial().fit(SHORT, indices=np.array([4]))


def test_a_last_batch_of_one_sample_is_merged():
    _, facts = image_trial(33).fit(SHORT)

    assert facts["steps"] == 2


@pytest.mark.parametrize(
    ("trial", "encoder", "n_shifts"),
    [
        (image_trial(), SHORT, 1),
        (image_trial(), SHIFTED, 4),
        (image_trial(side=(8, 12), channels=3), SHIFTED, 2),
        (text_trial(), SHIFTED, 1),
    ],
    ids=["without shifts", "square", "oblong", "words without order"],
)
def test_projections_have_one_row_per_shift(trial, encoder, n_shifts):
    state, facts = trial.fit(encoder)

    rows = trial.projections(Projections(companion=encoder), state)

    assert rows.shape == (24, n_shifts, 128)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    assert facts["n_shifts"] == n_shifts


@pytest.mark.parametrize("n_views", [1, 3])
@pytest.mark.parametrize("trial", [image_trial(), text_trial()], ids=["images", "texts"])
def test_projections_do_not_depend_on_batches_or_on_the_index_set(trial, n_views):
    output = Projections(companion=SHIFTED, n_views=n_views)
    state, _ = trial.fit(SHIFTED)
    some = np.array([1, 4, 5, 11, 20])

    whole = trial.projections(output, state, batch_size=24)
    small = trial.projections(output, state, batch_size=5)
    part = trial.projections(output, state, batch_size=2, indices=some)

    np.testing.assert_allclose(small, whole, rtol=0, atol=1e-5)
    np.testing.assert_allclose(part, whole[some], rtol=0, atol=1e-5)


def test_looking_can_be_interrupted_between_the_views_of_a_batch():
    trial = image_trial()
    state, _ = trial.fit(SHIFTED)
    control = RecordingControl(stop_at=10)
    context = trial.learner(control=control)
    batches = Batches(trial.source, context.indices, batch_size=24, device=CPU, control=control)

    with pytest.raises(Cancelled):
        project(context, state, batches, shifts=True, n_views=5)
    fractions = [fraction for _, fraction in control.seen]
    assert fractions == sorted(fractions)
    assert 0 < fractions[-1] < 1


def test_looking_does_not_change_the_state():
    trial = image_trial()
    state, _ = trial.fit(SHIFTED)
    before = {name: array.copy() for name, array in state.items()}

    first = trial.projections(Projections(companion=SHIFTED, n_views=2), state)
    second = trial.projections(Projections(companion=SHIFTED, n_views=2), state)

    assert equal(state, before)
    assert np.array_equal(first, second)


def test_more_views_are_a_mean_of_other_views():
    trial = image_trial()
    state, _ = trial.fit(SHORT)

    plain, two, four = (
        trial.projections(Projections(companion=SHORT, n_views=n), state) for n in (1, 2, 4)
    )

    assert not np.allclose(plain, two)
    assert not np.allclose(two, four)


def test_a_turned_image_projects_as_the_shift_does():
    trial = image_trial()
    state, _ = trial.fit(SHIFTED)
    output = Projections(companion=SHIFTED)
    assert isinstance(trial.source, TensorSource)
    turned_pixels = torch.rot90(trial.source.values, 1, dims=(2, 3))
    other = dataclasses.replace(trial, source=TensorSource(turned_pixels))

    straight = trial.projections(output, state)
    turned = other.projections(output, state)

    np.testing.assert_allclose(turned, np.roll(straight, -1, axis=1), rtol=0, atol=1e-5)


def test_images_are_mirrored_only_where_the_data_allow_it():
    trial = image_trial()

    digits, _ = trial.fit(SHORT)
    photos, _ = dataclasses.replace(trial, flip=True).fit(SHORT)

    assert not equal(digits, photos)


@pytest.mark.parametrize("encoder", [SHORT, PUBLISHED])
def test_training_lowers_the_loss(encoder):
    trial = image_trial(64)
    longer = dataclasses.replace(encoder, setting=encoder.setting.replace(":2", ":12"))

    _, short = trial.fit(encoder)
    _, long = trial.fit(longer)

    assert long["loss"] < short["loss"]


def test_images_of_one_class_come_closer_without_labels():
    pixels, labels = images(60, n_classes=2)
    pixels = pixels.clamp(0.0, 1.0)
    spec = SampleSpec(modality="image", shape=(1, 8, 8))
    trial = Trial(TensorSource(pixels), spec, CNN)
    encoder = ContrastiveEncoder(setting="ssl:15")

    state, _ = trial.fit(encoder)
    similar = cosines(trial.projections(Projections(companion=encoder), state)[:, 0])
    same = labels[:, None] == labels
    others = ~np.eye(60, dtype=bool)

    assert similar[same & others].mean() > similar[~same].mean() + 0.5


@pytest.mark.slow
def test_training_finds_the_classes_of_digits_better_than_pixels(tmp_path):
    trial, labels = digits_trial(tmp_path)
    found = {}
    for encoder in (ContrastiveEncoder(), ContrastiveEncoder(setting="ssl:20")):
        state, _ = trial.fit(encoder)
        rows = trial.projections(Projections(companion=encoder), state)[:, 0]
        found[encoder.setting] = same_class_neighbours(rows, labels, n_neighbours=20)

    assert found["ssl:20"] > found["frozen"] + 0.02


def test_any_network_can_be_trained():
    trial = dataclasses.replace(image_trial(), backbone=MlpSpec(hidden=8, depth=1))
    state, _ = trial.fit(SHIFTED)

    assert trial.projections(Projections(companion=SHIFTED), state).shape == (24, 4, 128)


@pytest.mark.slow
def test_a_transformer_sees_the_order_of_words(tmp_path):
    spec = TransformerSpec(model=str(save_tiny_bert(tmp_path)), max_tokens=16)
    trial = text_trial(backbone=spec)
    trial.source.rows = [[token % 6 + 4 for token in row] for row in trial.source.rows]  # type: ignore[attr-defined]
    state, facts = trial.fit(SHIFTED)

    rows = trial.projections(Projections(companion=SHIFTED), state)

    assert rows.shape == (24, 2, 128)
    assert facts["n_shifts"] == 2
    assert not np.allclose(rows[:, 0], rows[:, 1])
