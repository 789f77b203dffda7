"""Looking samples up in the data of this machine, and placing them in the plane."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from sklearn.decomposition import PCA

from alscope.charts.plane import map_chart
from alscope.data.protocols import DataRoot
from alscope.errors import ConfigError, DatasetError
from alscope.results import projection
from alscope.results.projection import density_frame, project
from alscope.results.trial import Samples, Trial, load_samples, open_trial
from tests.results.records import make_run

RUN = make_run(setting="open", n_known=6, ood_ratio=0.4)


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    return DataRoot(path=tmp_path / "data", cache=tmp_path / "derived")


@pytest.fixture
def trial(root: DataRoot) -> Trial:
    fingerprint = load_samples(RUN, root).data.fingerprint
    return open_trial(RUN, root, fingerprint=fingerprint)


@pytest.fixture
def samples(root: DataRoot) -> Samples:
    return load_samples(RUN, root)


def test_true_names_include_those_of_unknown_classes(trial: Trial) -> None:
    rows = trial.rows
    names, unknown = np.array(trial.true_names(rows)), trial.unknown(rows)

    assert set(names[~unknown]) == set(trial.class_names)
    assert not set(names[unknown]) & set(trial.class_names)
    assert unknown.mean() == pytest.approx(0.4, abs=0.01)


def test_the_pool_is_counted_by_known_class(trial: Trial) -> None:
    pool = trial.scenario.split.pool
    labels = trial.scenario.labels[pool]

    assert trial.pool_counts().tolist() == [(labels == index).sum() for index in range(6)]


def test_other_data_than_the_recorded_are_refused_in_words(root: DataRoot) -> None:
    with pytest.raises(DatasetError, match="not the ones this run read"):
        open_trial(RUN, root, fingerprint="another")


def test_absent_data_are_a_reason_and_are_never_downloaded(root: DataRoot) -> None:
    run = make_run(dataset="cifar10")

    with pytest.raises(DatasetError, match="was not found"):
        open_trial(run, root, fingerprint="any")
    assert not (root.path / "cifar10").exists()


def test_an_image_is_a_small_png_with_the_same_pixels(samples: Samples) -> None:
    kind, data = samples.image(3).split(",", 1)
    picture = Image.open(io.BytesIO(base64.b64decode(data)))

    assert kind == "data:image/png;base64"
    assert np.array_equal(np.asarray(picture), samples.data.train.inputs[3][0])


def test_large_images_are_made_smaller_and_long_texts_are_cut(samples: Samples) -> None:
    large = np.zeros((1, 3, 300, 200), dtype=np.uint8)
    texts = ["<b>" + "word " * 500]
    picture = Samples(replace(samples.data, train=replace(samples.data.train, inputs=large)))
    text = Samples(replace(samples.data, train=replace(samples.data.train, inputs=texts)))

    decoded = Image.open(io.BytesIO(base64.b64decode(picture.image(0).split(",", 1)[1])))
    assert decoded.size == (64, 96)
    assert len(text.words(0)) <= 600


def test_the_plane_is_that_of_a_full_pca_up_to_signs(samples: Samples, tmp_path: Path) -> None:
    rows = np.arange(0, 1200, 3)

    plane = project(samples, rows, method="pca", fingerprint="f", folder=tmp_path)
    exact = PCA(n_components=2, svd_solver="full").fit_transform(samples.matrix(rows))

    assert np.allclose(np.abs(plane), np.abs(exact), atol=1e-2)


def test_a_kept_plane_is_read_and_a_damaged_one_is_made_again(
    samples: Samples, tmp_path: Path
) -> None:
    rows = np.arange(100)
    first = project(samples, rows, method="pca", fingerprint="f", folder=tmp_path)
    (file,) = (tmp_path / "projections").iterdir()
    kept = project(samples, rows, method="pca", fingerprint="f", folder=tmp_path)
    file.write_bytes(b"damaged")
    again = project(samples, rows, method="pca", fingerprint="f", folder=tmp_path)

    assert np.array_equal(first, kept)
    assert np.allclose(first, again, atol=1e-4)
    assert file.stat().st_size > 100


def test_a_large_pool_is_placed_by_a_map_fitted_on_a_part(
    samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "N_FITTED", 200)
    monkeypatch.setattr(projection, "_CHUNK", 150)
    rows = np.arange(900)

    plane = project(samples, rows, method="pca", fingerprint="f", folder=tmp_path)

    assert plane.shape == (900, 2)
    with pytest.raises(ConfigError, match="up to 200 samples, this pool has 900"):
        project(samples, rows, method="umap", fingerprint="f", folder=tmp_path)


def test_texts_are_placed_by_their_words(samples: Samples, tmp_path: Path) -> None:
    texts = [f"{'cats purr' if i % 2 else 'stocks fell'} number {i}" for i in range(60)]
    text = replace(
        samples.data,
        sample=replace(samples.data.sample, modality="text", shape=()),
        train=replace(samples.data.train, inputs=texts),
    )

    plane = project(Samples(text), np.arange(60), method="pca", fingerprint="t", folder=tmp_path)

    side = plane[:, 0] > 0
    assert len(set(side[::2])) == len(set(side[1::2])) == 1
    assert side[0] != side[1]


def test_the_density_counts_every_point_once() -> None:
    plane = np.random.default_rng(0).normal(size=(5000, 2)).astype(np.float32)

    cells = density_frame(plane, n_bins=20)

    assert cells["n"].sum() == 5000
    assert (cells["n"] > 0).all()
    inside = (plane[:, 0] >= cells["x"].iloc[3]) & (plane[:, 0] < cells["x2"].iloc[3])
    inside &= (plane[:, 1] >= cells["y"].iloc[3]) & (plane[:, 1] < cells["y2"].iloc[3])
    assert inside.sum() == cells["n"].iloc[3]


def test_ten_thousand_points_travel_in_under_half_a_megabyte() -> None:
    rng = np.random.default_rng(0)
    points = pd.DataFrame(
        {
            "x": rng.normal(size=10_000).astype(np.float32),
            "y": rng.normal(size=10_000).astype(np.float32),
            "sample": np.arange(10_000),
            "group": rng.choice(["airplane", "automobile", "horse"], 10_000),
        }
    )
    picked = points.head(100).assign(who="A only", round=0)
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pandas(points)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)

    chart = map_chart(points, picked, coloring="class")

    assert sink.getvalue().size < 500_000
    assert len(chart.layer) == 2


@pytest.mark.slow
@pytest.mark.timeout(900)  # numba compiles for the first time
def test_umap_places_digits_apart_and_gives_everybody_the_same_picture(
    samples: Samples, tmp_path: Path
) -> None:
    rows = np.arange(400)
    targets = samples.data.train.targets[rows]

    plane = project(samples, rows, method="umap", fingerprint="f", folder=tmp_path)
    again = project(samples, rows, method="umap", fingerprint="g", folder=tmp_path)

    distances = np.linalg.norm(plane[:, None] - plane[None], axis=2) + np.eye(400) * 1e9
    assert np.array_equal(plane, again)
    assert (targets[distances.argmin(axis=1)] == targets).mean() > 0.7
