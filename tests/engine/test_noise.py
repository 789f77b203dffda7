"""Runs whose annotator errs."""

from __future__ import annotations

import numpy as np

from tests.engine.conftest import Bench, tiny_run

NOISY = {"label_noise": 0.4}


def test_wrong_labels_are_trained_on_and_counted(bench: Bench) -> None:
    clean, noisy = tiny_run("random"), tiny_run("random", **NOISY)
    for config in (clean, noisy):
        bench.execute(config)
    rounds = [event.data["result"] for event in bench.store.history(noisy.run_id).rounds]
    plain = [event.data["result"] for event in bench.store.history(clean.run_id).rounds]

    assert "n_mislabeled" not in plain[0]
    assert 0 < rounds[0]["n_mislabeled"] < rounds[0]["n_labeled"]
    assert rounds[-1]["n_mislabeled"] >= rounds[0]["n_mislabeled"]
    assert rounds[-1]["metrics"]["accuracy"] < plain[-1]["metrics"]["accuracy"]


def test_answers_in_the_journal_are_those_of_the_annotator(bench: Bench) -> None:
    clean, noisy = tiny_run("random"), tiny_run("random", **NOISY)
    labels = []
    for config in (clean, noisy):
        bench.execute(config)
        first = bench.store.history(config.run_id).rounds[0]
        arrays = bench.store.blob(config.run_id, first.blobs["query"])
        labels.append((arrays["queried"], arrays["labels"]))

    assert np.array_equal(labels[0][0], labels[1][0])
    assert not np.array_equal(labels[0][1], labels[1][1])
