"""By how much the presets of the playground show what they claim.

    python benchmarks/ui/presets.py

Plays every preset over its seeds and prints the lead with a 95 % t-interval: the numbers that are
written in `alscope/playground/presets.py` and in docs/playground.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from alscope.playground.contest import outcomes  # noqa: E402 - the checkout is not installed
from alscope.playground.presets import ALL_LABELS, PRESETS, leads  # noqa: E402
from alscope.playground.threads import use_one_thread  # noqa: E402
from alscope.results.intervals import mean_interval  # noqa: E402


def main() -> None:
    """Measure and print."""
    use_one_thread()
    for name, preset in PRESETS.items():
        effect, game = preset.effect, preset.game
        values = leads(game, effect, effect.n_seeds)
        found = mean_interval(values)
        players = [player for player in (effect.ahead, effect.behind) if player != ALL_LABELS]
        ends = outcomes(game.config, players, range(effect.n_seeds))
        means = ends.groupby("player")[effect.column].mean()
        behind = float(means[effect.behind])
        print(
            f"{name}: {effect.column}, {effect.ahead} {behind + found.mean:.3f}, "
            f"{effect.behind} {behind:.3f}: lead {found.mean:.3f} "
            f"[{found.low:.3f}, {found.high:.3f}], ahead in "
            f"{int((values > 0).sum())} of {effect.n_seeds} seeds"
        )


if __name__ == "__main__":
    main()
