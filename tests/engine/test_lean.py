"""What a worker does not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUDY = """
import sys
from alscope.config import BackboneConfig, StrategySpec
from alscope.engine.service import Service
from tests.engine.conftest import tiny_study, tiny_train
names = ("random", "badge", "bald", "alpha_mix", "noise_stability", "learning_loss", "tidal")
network = BackboneConfig(name="small_cnn")
strategies = tuple(StrategySpec(name=name) for name in names)
with Service.open(sys.argv[1], executor="serial", offline=True) as service:
    for optimizer in ("adamw", "sgd"):
        train = tiny_train(optimizer=optimizer)
        study = tiny_study(strategies=strategies, seeds=(0,), backbone=network, train=train)
        assert not service.wait(service.submit(study)).n_failed
print("torch" in sys.modules, sorted({"torch._dynamo", "sympy"} & set(sys.modules)))
"""


@pytest.mark.slow
def test_a_study_never_loads_the_compiler_of_torch(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUDY, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == "True []", done.stderr
