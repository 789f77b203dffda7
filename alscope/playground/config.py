"""What a game is played with: the data, the model, the rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from alscope.errors import ConfigError, Problem
from alscope.params import check_fields, param
from alscope.playground.drawing import EXAMPLE, dot_problems, parse_dots
from alscope.playground.shapes import SHAPES

__all__ = ["DATA", "DRAWN", "MODELS", "STARTS", "DataConfig", "GameConfig", "of_shape"]

DRAWN = "drawn"
DATA = (*SHAPES, DRAWN)
MODELS = ("logistic", "rbf", "knn", "mlp")
STARTS = ("balanced", "random", "left")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Everything the points, the test points and the first labels depend on.

    Attributes:
        data: Shape, or "drawn".
        n: Points, labeled ones included; without meaning for drawn points, as are the next three.
        noise: Standard deviation of the noise in percent of the half-width of the picture.
        ratio: Size of the largest known class over that of the smallest.
        ood: Share of points of unknown classes, in percent.
        start: Whose labels are given at the start: "balanced" over classes, "random" among known
            points, or the points furthest to the "left".
        n_start: How many labels are given.
        seed: Of points, first labels, models and strategies.
        pts: Drawn points, see `drawing`; empty unless `data` is "drawn".
    """

    data: str = param("moons", choices=DATA, help="Shape of the data.")
    n: int = param(300, low=50, high=1000, help="Points.")
    noise: int = param(10, low=0, high=50, unit="%", help="Noise.")
    ratio: int = param(1, low=1, high=50, help="Largest class over smallest.")
    ood: int = param(0, low=0, high=80, unit="%", help="Share of unknown points.")
    start: str = param("balanced", choices=STARTS, help="Which labels are given.")
    n_start: int = param(4, low=1, high=40, help="Labels given at the start.")
    seed: int = param(0, low=0, high=999_999, help="Seed.")
    pts: str = ""

    def problems(self) -> Iterator[Problem]:
        """All that is wrong."""
        yield from check_fields(self)
        if self.data != DRAWN:
            return
        try:
            yield from dot_problems(parse_dots(self.pts))
        except ConfigError as error:
            yield from error.problems


@dataclass(frozen=True, kw_only=True)
class GameConfig:
    """A game: data, model, and how labels are bought.

    Attributes:
        table: The data.
        model: Which classifier learns.
        query_size: Labels bought per step.
        budget: Labels bought in all, those of the start not counted.
    """

    table: DataConfig = DataConfig()
    model: str = param("rbf", choices=MODELS, help="Which classifier learns.")
    query_size: int = param(1, low=1, high=20, help="Labels bought per step.")
    budget: int = param(30, low=1, high=100, help="Labels bought in all.")

    def __post_init__(self) -> None:
        problems = [*self.table.problems(), *check_fields(self)]
        if problems:
            raise ConfigError(problems)

    @property
    def n_steps(self) -> int:
        """Steps until the budget is spent."""
        return -(-self.budget // self.query_size)

    def with_seed(self, seed: int) -> GameConfig:
        """The same game with other draws."""
        return dataclasses.replace(self, table=dataclasses.replace(self.table, seed=seed))


def of_shape(data: str) -> DataConfig:
    """The data of a shape with the noise, ratio and share that belong to it."""
    if data not in SHAPES:
        return DataConfig(data=data, pts=EXAMPLE if data == DRAWN else "")
    shape = SHAPES[data]
    return DataConfig(
        data=data,
        noise=shape.noise,
        ratio=shape.ratio,
        ood=shape.ood,
        n_start=2 * shape.n_classes,
    )
