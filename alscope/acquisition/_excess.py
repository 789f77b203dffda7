"""What the excess of a joint probability over independence is worth; see `expected_gain`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["SMALL", "small_terms", "terms_of"]

SMALL = 2.0**-10
"""Where |d| is below this, three terms of a series in d are off by less than 1e-16."""

_TINY = 1e-30  # u log u is 0 there

_Floats = NDArray[np.floating]


def terms_of(left: _Floats, right: _Floats) -> _Floats:
    """(1 + d) log(1 + d) - d, (n_rows, n_classes, n_columns).

    There is one product per row: equal rows then have equal terms, wherever they stand.

    Args:
        left: (n_rows, n_classes, n + 1) and
        right: (n + 1, n_columns), whose products are 1 + d; the last factors make the 1.
    """
    joint = left @ right  # 1 + d
    np.maximum(joint, _TINY, out=joint)
    terms: _Floats = np.log(joint)
    terms *= joint
    joint -= 1  # exact near 1: the rounding of 1 + d then hardly matters
    terms -= joint
    return terms


def small_terms(left: _Floats, right: _Floats) -> _Floats:
    """The same for |d| below `SMALL`: in float32, 1 + d would lose the digits of d."""
    excess: _Floats = left[:, :, :-1] @ right[:-1]
    factors = excess / 12
    factors -= 1 / 6
    factors *= excess
    factors += 1 / 2
    excess *= excess
    excess *= factors
    return excess
