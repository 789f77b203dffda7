"""Contrastive losses and color changes, written out loop by loop."""

from __future__ import annotations

import colorsys
import math

import numpy as np

__all__ = ["csi", "hue_moved", "nt_xent", "tf_idf"]


def nt_xent(projections: np.ndarray, temperature: float) -> float:
    """Chen et al. 2020, eq. 1; rows i and i + m are the views of sample i."""
    z = projections / np.linalg.norm(projections, axis=1, keepdims=True)
    n = len(z)
    total = 0.0
    for i in range(n):
        partner = (i + n // 2) % n
        others = [math.exp(z[i] @ z[k] / temperature) for k in range(n) if k != i]
        total -= math.log(math.exp(z[i] @ z[partner] / temperature) / sum(others))
    return total / n


def csi(projections: np.ndarray, logits: np.ndarray, n_shifts: int, temperature: float) -> float:
    """NT-Xent over shifted copies plus cross-entropy of the shift; view, shift, sample."""
    m = len(projections) // (2 * n_shifts)
    errors = []
    for row, values in enumerate(logits):
        shift = (row // m) % n_shifts
        errors.append(math.log(sum(math.exp(v) for v in values)) - values[shift])
    return nt_xent(projections, temperature) + sum(errors) / len(errors)


def hue_moved(pixel: tuple[float, float, float], turn: float) -> tuple[float, float, float]:
    """A color with its hue moved by `turn` circles."""
    hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
    return colorsys.hsv_to_rgb((hue + turn) % 1.0, saturation, value)


def tf_idf(texts: list[list[int]], n_ids: int) -> np.ndarray:
    """Term frequency times log((1 + n) / (1 + df)) + 1, rows of length 1, (n, n_ids)."""
    rows = np.zeros((len(texts), n_ids))
    for row, text in zip(rows, texts, strict=True):
        for token in text:
            having = sum(token in other for other in texts)
            row[token] += math.log((1 + len(texts)) / (1 + having)) + 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
