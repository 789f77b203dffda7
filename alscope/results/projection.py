"""Samples as points of a plane: PCA, or UMAP where it is installed; computed once and kept.

Pixels and features are projected as they are, texts as weighted words (TF-IDF). The plane belongs
to the data and not to a model, so it is the same for all strategies, seeds and rounds.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alscope.errors import ConfigError, Problem, StoreError
from alscope.hashing import digest
from alscope.results.trial import Samples
from alscope.rng import generator
from alscope.store.codecs import decode, encode
from alscope.store.files import make_folder, read_regular, write_file
from alscope.types import IntArray

__all__ = ["METHODS", "N_FITTED", "density_frame", "has_umap", "project"]

METHODS = {"pca": "PCA", "umap": "UMAP"}
N_FITTED = 10_000
"""Samples a projection is fitted on, and points a chart draws one by one."""

_VERSION = 1
_CHUNK = 5_000
_N_WORDS = 20_000
_N_REDUCED = 50
"""Dimensions that UMAP starts from."""


def has_umap() -> bool:
    """Whether umap-learn is installed."""
    return importlib.util.find_spec("umap") is not None


def project(
    samples: Samples, rows: IntArray, *, method: str, fingerprint: str, folder: Path
) -> NDArray[np.float32]:
    """Coordinates of samples in the plane, (n, 2).

    Fitted on all rows, or on `N_FITTED` of them drawn by a fixed seed; the others are placed by the
    same map.

    Args:
        samples: The examples.
        rows: Rows of the training part, (n,), sorted.
        method: One of `METHODS`.
        fingerprint: Of the data.
        folder: Where results are kept; may be deleted.

    Raises:
        ConfigError: If the method is not installed, or there are too many samples for it.
    """
    if method == "umap" and not has_umap():
        raise _problem("needs the package umap-learn; install it with: pip install alscope[umap]")
    if method == "umap" and rows.size > N_FITTED:
        raise _problem(f"is offered up to {N_FITTED:,} samples, this pool has {rows.size:,}")
    path = folder / "projections" / f"{_key(rows, method, fingerprint)}.bin"
    kept = _read(path, rows.size)
    if kept is not None:
        return kept
    plane = _pca(samples, rows) if method == "pca" else _umap(samples, rows)
    _keep(path, plane)
    return plane


def density_frame(plane: NDArray[np.float32], *, n_bins: int = 60) -> pd.DataFrame:
    """Samples per cell of a grid over the plane.

    Args:
        plane: (n, 2).
        n_bins: Cells along each axis.

    Returns:
        x, y (lower edges), x2, y2 (upper edges), n; empty cells are left out.
    """
    counts, xs, ys = np.histogram2d(plane[:, 0], plane[:, 1], bins=n_bins)
    column, row = np.nonzero(counts)
    return pd.DataFrame(
        {
            "x": xs[column],
            "y": ys[row],
            "x2": xs[column + 1],
            "y2": ys[row + 1],
            "n": counts[column, row].astype(np.int64),
        }
    )


def _pca(samples: Samples, rows: IntArray) -> NDArray[np.float32]:
    from sklearn.decomposition import PCA

    fitted = rows
    if rows.size > N_FITTED:
        fitted = np.sort(generator(0, "projection").choice(rows, N_FITTED, replace=False))
    to_matrix = _reader(samples, fitted)
    first = to_matrix(fitted)
    # Sparse matrices are centered without being filled only by ARPACK.
    solver = "randomized" if isinstance(first, np.ndarray) else "arpack"
    pca = PCA(n_components=2, svd_solver=solver, random_state=0).fit(first)
    parts = [pca.transform(to_matrix(part)) for part in _chunks(rows)]
    return np.concatenate(parts).astype(np.float32)


def _umap(samples: Samples, rows: IntArray) -> NDArray[np.float32]:
    from sklearn.decomposition import PCA

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # it misses an optional part of its own
        from umap import UMAP

    matrix = _reader(samples, rows)(rows)
    n_kept = min(_N_REDUCED, *(size - 1 for size in matrix.shape))
    solver = "randomized" if isinstance(matrix, np.ndarray) else "arpack"
    reduced = PCA(n_components=n_kept, svd_solver=solver, random_state=0).fit_transform(matrix)
    # A fixed seed costs UMAP its threads, and gives the same picture to everybody.
    n_neighbors = min(15, rows.size - 1)
    plane = UMAP(n_neighbors=n_neighbors, random_state=0, n_jobs=1).fit_transform(reduced)
    return np.asarray(plane, dtype=np.float32)


def _reader(samples: Samples, fitted: IntArray) -> Any:
    """A function from rows to a matrix: dense, or sparse weighted words of texts."""
    if samples.modality != "text":
        return samples.matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(max_features=_N_WORDS, sublinear_tf=True, dtype=np.float32)
    words.fit(samples.matrix(fitted))
    return lambda rows: words.transform(samples.matrix(rows))


def _chunks(rows: IntArray) -> Sequence[IntArray]:
    return [rows[start : start + _CHUNK] for start in range(0, rows.size, _CHUNK)]


def _key(rows: IntArray, method: str, fingerprint: str) -> str:
    packages = ["scikit-learn", "umap-learn"] if method == "umap" else ["scikit-learn"]
    versions = [metadata.version(name) for name in packages]
    return digest([_VERSION, method, fingerprint, rows, versions])


def _read(path: Path, n: int) -> NDArray[np.float32] | None:
    """What was kept, if it is sound; whatever is wrong with it, it can be computed again."""
    try:
        arrays, _ = decode(read_regular(path))
    except (OSError, StoreError):
        return None
    plane = arrays.get("plane")
    return plane if plane is not None and plane.shape == (n, 2) else None


def _keep(path: Path, plane: NDArray[np.float32]) -> None:
    try:
        make_folder(path.parent)
        write_file(path, encode({"plane": plane}, {}), label="projection", durable=False)
    except OSError:  # a full or read-only disk costs time, not the picture
        return


def _problem(message: str) -> ConfigError:
    return ConfigError([Problem("method", message)])
