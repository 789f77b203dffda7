from __future__ import annotations

import subprocess
import sys

import pytest

from alscope.backbones.mlp import MlpSpec
from alscope.backbones.small_cnn import SmallCnnSpec
from alscope.errors import ConfigError
from alscope.hashing import digest
from alscope.inputs import ContrastiveEncoder, Projections, encoder_setting, setting_problem
from alscope.types import SampleSpec

IMAGE = SampleSpec(modality="image", shape=(1, 8, 8))
PLAIN = SampleSpec(modality="features", shape=(4,))

WRONG = ["", "sl:30", "ssl", "ssl:", "ssl:0", "ssl:-1", "ssl:1.5", "ssl:5001", "ssl:030"]
WRONG += ["SSL:30", " ssl:30", "ssl:30 ", "ssl:30\n", "paper:700", "frozen:x", "none", 3]


@pytest.mark.parametrize("setting", ["frozen", "paper", "ssl:1", "ssl:30", "ssl:5000"])
def test_legal_settings_have_no_problem(setting):
    assert setting_problem(setting) is None


@pytest.mark.parametrize("setting", WRONG)
def test_wrong_settings_are_named_with_what_is_legal(setting):
    problem = setting_problem(setting)

    assert problem is not None
    assert repr(setting) in problem
    assert "'frozen'" in problem
    assert "'ssl:30'" in problem
    assert "'paper'" in problem


def test_the_paper_stands_for_its_epochs():
    assert encoder_setting("paper", paper_epochs=700) == "paper:700"
    assert encoder_setting("frozen", paper_epochs=700) == "frozen"
    assert encoder_setting("ssl:12", paper_epochs=700) == "ssl:12"


@pytest.mark.parametrize(
    ("setting", "n_epochs", "published"),
    [("frozen", 0, False), ("ssl:12", 12, False), ("paper:700", 700, True)],
)
def test_settings_are_read(setting, n_epochs, published):
    encoder = ContrastiveEncoder(setting=setting)

    assert (encoder.n_epochs, encoder.is_published) == (n_epochs, published)
    assert encoder.problems(SmallCnnSpec(), IMAGE) == ()


def test_a_wrong_setting_is_a_problem_and_cannot_be_trained():
    encoder = ContrastiveEncoder(setting="sl:30")

    assert encoder.problems(SmallCnnSpec(), IMAGE) == (setting_problem("sl:30"),)
    with pytest.raises(ConfigError, match="'sl:30'"):
        encoder.n_epochs  # noqa: B018 - reading it is what fails


def test_features_cannot_be_trained_on_but_can_be_taken_as_they_are():
    trained = Projections(companion=ContrastiveEncoder(setting="ssl:5"))
    frozen = Projections(companion=ContrastiveEncoder())

    (reason,) = trained.problems(MlpSpec(), PLAIN)

    assert "'ssl:5'" in reason
    assert "choose 'frozen'" in reason
    assert frozen.problems(MlpSpec(), PLAIN) == ()


def test_frozen_encoders_are_one_with_or_without_shifts_and_views():
    plain = Projections(companion=ContrastiveEncoder())
    same = Projections(companion=ContrastiveEncoder(shifts=True), n_views=10)

    assert plain == same
    assert digest(plain) == digest(same)


def test_trained_encoders_differ_by_setting_shifts_and_views():
    encoders = [
        ContrastiveEncoder(setting=setting, shifts=shifts)
        for setting in ("ssl:5", "ssl:6", "paper:5")
        for shifts in (False, True)
    ]
    keys = {digest(Projections(companion=e, n_views=n)) for e in encoders for n in (1, 10)}

    assert len(keys) == 12


@pytest.mark.parametrize(
    ("encoder", "title"),
    [
        (ContrastiveEncoder(), "frozen features, nothing trained"),
        (ContrastiveEncoder(setting="ssl:1"), "contrastive encoder, 1 epoch"),
        (
            ContrastiveEncoder(setting="paper:700", shifts=True),
            "contrastive encoder with shifted copies, 700 epochs as published",
        ),
    ],
)
def test_titles_are_words(encoder, title):
    assert encoder.title == title


def test_encoders_are_described_without_torch():
    code = (
        "import sys; from alscope.inputs import ContrastiveEncoder, Projections;"
        "Projections(companion=ContrastiveEncoder(setting='ssl:3')).companion.title;"
        "sys.exit('torch' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
