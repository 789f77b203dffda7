"""Scores as formulas with their numbers filled in, in LaTeX.

What is shown here is checked against what the strategy computed: see `written`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from alscope.inputs import McMoments
from alscope.playground.offers import Scene, make_view, strategy_of

__all__ = ["Formula", "written"]


class Formula(NamedTuple):
    """A score, written out."""

    symbols: str
    """The definition, in LaTeX."""
    numbers: tuple[str, ...]
    """The same with the numbers of one point, line by line."""
    value: float
    """What it comes to."""

    def latex(self) -> str:
        """Definition, numbers and value below each other."""
        first, *more = self.numbers
        lines = [f"&= {first}", *(rf"&\quad {line}" for line in more), f"&= {self.value:.3f}"]
        return rf"\begin{{aligned}} &{self.symbols} \\ " + r" \\ ".join(lines) + r" \end{aligned}"


def written(name: str, scene: Scene, row: int) -> Formula | None:
    """The score of a point under a strategy, written out; None where no short formula exists.

    Args:
        name: Of the strategy.
        scene: The moment.
        row: Position of the point in the pool.
    """
    if name in _OF_PROBS:
        probs = scene.fitted.probs(scene.points["pool"][[row]])[0]
        return _OF_PROBS[name](probs, "p")
    if name in _OF_PASSES:
        strategy = strategy_of(name)
        (key,) = (need for need in strategy.needs() if isinstance(need, McMoments))
        moments = make_view(strategy, scene)[key]
        if name == "bald":
            return _information(moments.mean_probs[row], float(moments.mean_entropy[row]))
        if name == "var_ratio":
            return _variation(moments.votes[row])
        if name == "mean_std":
            return _mean_std(moments.std_probs[row])
        return _OF_PROBS[name.removesuffix("_dropout")](moments.mean_probs[row], r"\bar p")
    return None


def _entropy(probs: Sequence[float], p: str) -> Formula:
    terms = [f"{_n(q)} \\ln {_n(q)}" for q in probs]
    value = float(-np.sum([q * np.log(q) for q in probs if q > 0]))
    lines = _lines(terms)
    lines = (f"-({lines[0]}", *lines[1:-1], f"{lines[-1]})") if lines[1:] else (f"-({lines[0]})",)
    return Formula(rf"H = -\sum_c {p}_c \ln {p}_c", lines, value)


def _margin(probs: Sequence[float], p: str) -> Formula:
    second, first = np.sort(probs)[-2:]
    return Formula(
        f"-({p}_{{(1)}} - {p}_{{(2)}})", (f"-({_n(first)} - {_n(second)})",), float(second - first)
    )


def _least(probs: Sequence[float], p: str) -> Formula:
    first = float(np.max(probs))
    if p != "p":  # averaged probabilities have no logits to take a logarithm from
        return Formula(rf"1 - \max_c {p}_c", (f"1 - {_n(first)}",), 1 - first)
    return Formula(
        r"\ln\left(1 - \max_c p_c\right)", (rf"\ln(1 - {_n(first)})",), float(np.log1p(-first))
    )


def _information(probs: Sequence[float], mean_entropy: float) -> Formula:
    total = _entropy(probs, "p").value
    return Formula(
        r"H(\bar p) - \frac{1}{T} \sum_t H(p_t)",
        (f"{_n(total)} - {_n(mean_entropy)}",),
        total - mean_entropy,
    )


def _variation(votes: Sequence[int]) -> Formula:
    most, n = int(np.max(votes)), int(np.sum(votes))
    return Formula(r"1 - \frac{\max_c v_c}{T}", (rf"1 - \frac{{{most}}}{{{n}}}",), 1 - most / n)


def _mean_std(stds: Sequence[float]) -> Formula:
    total = " + ".join(_n(std) for std in stds)
    return Formula(
        r"\frac{1}{K} \sum_c \sigma_c",
        (rf"\tfrac{{1}}{{{len(stds)}}} ({total})",),
        float(np.mean(stds)),
    )


_OF_PROBS: dict[str, Callable[[Sequence[float], str], Formula]] = {
    "entropy": _entropy,
    "margin": _margin,
    "least_confidence": _least,
}
_OF_PASSES = (
    "bald",
    "var_ratio",
    "mean_std",
    *(f"{name}_dropout" for name in _OF_PROBS),
)


def _n(value: float) -> str:
    return f"{value:.3f}"


def _lines(terms: Sequence[str]) -> tuple[str, ...]:
    """Two terms of a sum per line; later lines begin with the sign."""
    pairs = [" + ".join(terms[place : place + 2]) for place in range(0, len(terms), 2)]
    return (pairs[0], *(f"+ {pair}" for pair in pairs[1:]))
