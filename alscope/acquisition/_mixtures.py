"""Many two-component mixtures at once; see `mixture`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.types import IntArray

__all__ = ["Mixture", "blocks", "fitted", "log_densities", "two_means_cut"]

_MAX_ITERATIONS = 10
_TOLERANCE = 1e-2  # of the mean log-likelihood
_VARIANCE_FLOOR = 5e-4  # added to every variance
_NO_MEMBERS = 10 * float(np.finfo(np.float64).eps)  # keeps an empty component defined
_BLOCK = 1 << 13  # values that stay in the cache while shares are made of them

_Vector = NDArray[np.float64]


class Mixture(NamedTuple):
    """Two normal components of one variable, in no fixed order; or one such pair per group."""

    weights: _Vector
    """(2,) or (2, n_groups), sum 1."""
    means: _Vector
    """(2,) or (2, n_groups)."""
    variances: _Vector
    """(2,) or (2, n_groups), positive."""

    def of(self, groups: IntArray | slice) -> Mixture:
        """Those of some groups."""
        return Mixture(*(part[:, groups] for part in self))


def two_means_cut(ordered: _Vector) -> int:
    """How many values form the lower cluster of the best split in two.

    Every split of sorted values into a lower and an upper part is tried by prefix sums, so that the
    result is the global optimum of 2-means. O(n) time.

    Args:
        ordered: Ascending, (n,) with n >= 2.
    """
    values = ordered[:-1] - ordered.mean()  # far from 0, squared sums would cancel
    below = np.arange(1.0, ordered.size)
    # What the clusters' means explain, up to a constant factor, as all values add up to 0 now; the
    # rest of the squares is to be as small as possible.
    explained = np.square(np.add.accumulate(values, out=values), out=values)
    explained /= below
    explained /= below[::-1]
    return int(explained.argmax()) + 1


def fitted(ordered: _Vector, sizes: IntArray) -> Mixture:
    """Fit two normal components to every group by expectation and maximization.

    Groups whose fit has ended are left out of the next iteration, so that each is fitted as it
    would be by itself.

    Args:
        ordered: Values of one group after the other, ascending within each, (n,).
        sizes: Values of each group, at least 2, (n_groups,).
    """
    mixture = _started(ordered, sizes)
    before = np.full(sizes.size, -np.inf)
    left = np.arange(sizes.size)
    for _ in range(_MAX_ITERATIONS):
        now = _improved(ordered, sizes[left], mixture.of(left))
        for part, new in zip(mixture, now.mixture, strict=True):
            part[:, left] = new
        going = np.abs(now.likelihood - before[left]) >= _TOLERANCE
        if not going.any():
            break
        if not going.all():
            ordered = ordered[np.repeat(going, sizes[left])]
        before[left] = now.likelihood
        left = left[going]
    return mixture


def log_densities(values: _Vector, mixture: Mixture, counts: IntArray) -> _Vector:
    """Of each value under each component of its group, with the weight, (2, n).

    The constant log(2 pi) / 2 is left out, as it changes neither odds nor progress.

    Args:
        values: Of one group after the other, (n,).
        mixture: Of each group.
        counts: Values of each group, (n_groups,).
    """
    means, scales, heights = _parabolas(mixture, counts)
    found: _Vector = values - means
    np.square(found, out=found)
    found *= scales
    found += heights
    return found


def blocks(sizes: IntArray) -> Iterator[tuple[slice, slice, IntArray]]:
    """Values that stay in the cache while they are worked on.

    Args:
        sizes: Values of each group, at least 1, (n_groups,).

    Yields:
        Which values, which groups they are of, and how many are of each.
    """
    ends = np.cumsum(sizes)
    n = int(sizes.sum())
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        first, last = np.searchsorted(ends, [start, stop - 1], side="right")
        groups = slice(int(first), int(last) + 1)
        bounds = np.minimum(ends[groups], stop)
        yield slice(start, stop), groups, np.diff(bounds, prepend=start)


def _parabolas(mixture: Mixture, counts: IntArray) -> tuple[_Vector, _Vector, _Vector]:
    # Mean, scale and height of each component's log density; one column for all, or for each value.
    heights: _Vector = np.log(mixture.weights) - np.log(mixture.variances) / 2
    found = mixture.means, -0.5 / mixture.variances, heights
    if counts.size == 1:
        return found
    means, scales, heights = (np.repeat(part, counts, axis=1) for part in found)
    return means, scales, heights


class _Fit(NamedTuple):
    mixture: Mixture
    likelihood: _Vector
    """Mean logarithm under the mixture before, (n_groups,)."""


def _started(ordered: _Vector, sizes: IntArray) -> Mixture:
    # Every group cut in two where that explains most.
    ends = np.cumsum(sizes)
    cuts = [two_means_cut(ordered[end - size : end]) for end, size in zip(ends, sizes, strict=True)]
    starts = np.stack([ends - sizes, ends - sizes + cuts], axis=1).ravel()  # of every half
    counts = np.diff(starts, append=ordered.size)
    means = np.add.reduceat(ordered, starts) / counts
    spreads = np.add.reduceat(np.square(ordered - np.repeat(means, counts)), starts) / counts
    halves = [part.reshape(-1, 2).T for part in (counts / np.repeat(sizes, 2), means, spreads)]
    return Mixture(halves[0].copy(), halves[1].copy(), halves[2] + _VARIANCE_FLOOR)


def _improved(ordered: _Vector, sizes: IntArray, mixture: Mixture) -> _Fit:
    # One iteration. Moments are taken around the means before, in the pass that makes the shares.
    sums = np.zeros((7, sizes.size))
    for rows, groups, counts in blocks(sizes):
        terms = _terms(ordered[rows], mixture.of(groups), counts)
        sums[:, groups] += np.add.reduceat(terms, np.cumsum(counts) - counts, axis=1)
    members = sums[:2] + _NO_MEMBERS
    shifts = sums[2:4] / members
    spreads = np.maximum(sums[4:6] / members - np.square(shifts), 0)
    return _Fit(
        Mixture(members / members.sum(axis=0), mixture.means + shifts, spreads + _VARIANCE_FLOOR),
        sums[6] / sizes,
    )


def _terms(values: _Vector, mixture: Mixture, counts: IntArray) -> _Vector:
    # What is summed over a group, (7, n): shares of both components, shares times gaps to their
    # means, shares times squared gaps, and log-likelihoods.
    means, scales, heights = _parabolas(mixture, counts)
    terms = np.empty((7, values.size))
    shares, gaps, squares, likelihoods = terms[:2], terms[2:4], terms[4:6], terms[6]
    np.subtract(values, means, out=gaps)
    np.square(gaps, out=squares)
    joint = np.multiply(squares, scales)
    joint += heights
    np.maximum(joint[0], joint[1], out=likelihoods)
    np.subtract(joint, likelihoods, out=shares)
    np.exp(shares, out=shares)  # one of the two is 1
    total = shares[0] + shares[1]
    shares /= total
    likelihoods += np.log(total, out=total)
    gaps *= shares
    squares *= shares
    return terms
