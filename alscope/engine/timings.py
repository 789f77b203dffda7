"""What rounds took here, and what others will take: the cost model behind every estimate.

A round is a training, an evaluation and a selection. Each is measured in every record, and scales
with one number: training with optimizer steps, evaluation with test samples, selection with pool
samples. So a recorded round gives three rates, and rates times sizes give the time of a round that
was never run. Rates are looked up under the most specific key that was measured; where a wider one
had to do, the range is doubled to both sides and the plan says so. A training that seeds shared is
another work than one alone. For a network that was never run
the calibration has to do, if there is one; the plan says that, too.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from alscope.config import RunConfig, ScenarioConfig, TrainConfig
from alscope.engine.calibration import Calibration
from alscope.engine.sharing import takes_turns
from alscope.errors import ALScopeError
from alscope.hashing import digest
from alscope.store.journal import Event
from alscope.store.runs import RunStore

__all__ = ["Estimate", "Measured", "Rates", "Sizes", "TimingBook", "steps_of"]

NEWEST_RUNS = 400
"""How many runs are looked at, the last written first."""
_FRESH_S = 2.0
_DRIFT = 1.15
"""The same work is that much slower or faster another time."""
_BORROWED = 2.0
"""And that much where the rate is of another strategy or data set."""
_CALIBRATED = 2.5
"""And that much where only the calibration says something: other sizes, texts, and parameters."""


@dataclass(frozen=True)
class Measured:
    """One recorded round.

    Attributes:
        run_id: Its run.
        dataset: Data set.
        backbone: Digest of the network with its parameters.
        strategy: Registry name.
        machine: Device and number of threads.
        train: Seconds per optimizer step; None if it took none.
        evaluate: Seconds per test sample.
        select: Seconds per pool sample, auxiliary training included; None in the last round.
        n_test: Test samples.
        shared: Whether the model was trained together with those of other seeds.
    """

    run_id: str
    dataset: str
    backbone: str
    strategy: str
    machine: str
    train: float | None
    evaluate: float | None
    select: float | None
    n_test: int
    shared: bool = False


@dataclass(frozen=True)
class Estimate:
    """How long work will take.

    Attributes:
        low: Seconds, if it goes well.
        high: Seconds, if it does not.
        n_runs: Runs that were measured for it.
        n_rounds: Rounds that were measured for it.
        borrowed: What was judged by something else, in words.
    """

    low: float
    high: float
    n_runs: int
    n_rounds: int
    borrowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sizes:
    """How large the parts of a scenario are.

    Attributes:
        n_pool: Training samples, annotated ones included.
        n_test: Test samples; None: as measured.
        n_pixels: Height times width of an image; None: unknown, or no image.
    """

    n_pool: int
    n_test: int | None = None
    n_pixels: int | None = None


def steps_of(train: TrainConfig, n_labeled: int) -> int:
    """Optimizer steps of a training on so many labels."""
    steps = train.epochs * math.ceil(n_labeled / train.batch_size)
    steps = max(steps, train.min_steps)
    return steps if train.max_steps is None else min(steps, train.max_steps)


class TimingBook:
    """The measured rounds of the newest runs, each journal read once.

    Args:
        runs: The run store.
        calibration: What this machine can do, asked for at every look.
    """

    def __init__(
        self, runs: RunStore, calibration: Callable[[], Calibration | None] = lambda: None
    ) -> None:
        self._runs = runs
        self._calibration = calibration
        self._known: dict[str, tuple[float, tuple[Measured, ...]]] = {}
        self._made: tuple[float, Rates] | None = None

    def rates(self) -> Rates:
        """The rates of the newest runs on the machine that wrote the last of them.

        At most two seconds old, because pages ask at every refresh.
        """
        now = time.monotonic()
        if self._made is None or now - self._made[0] > _FRESH_S:
            self._made = (now, self._read_newest())
        return self._made[1]

    def _read_newest(self) -> Rates:
        found: list[Measured] = []
        # What was imported was measured on another machine.
        for run_id, written in self._runs.newest(NEWEST_RUNS, executed_here=True):
            known = self._known.get(run_id)
            if known is None or known[0] != written:
                known = (written, self._read(run_id))
                self._known[run_id] = known
            found.extend(known[1])
        return Rates(found, self._calibration())

    def _read(self, run_id: str) -> tuple[Measured, ...]:
        try:
            config, history = self._runs.config(run_id), self._runs.history(run_id)
            return tuple(_measured(run_id, config, event) for event in history.rounds)
        except (ALScopeError, KeyError, TypeError, ValueError):
            return ()  # a damaged run says nothing about the time of others


def _measured(run_id: str, config: RunConfig, event: Event) -> Measured:
    timing, result, env = (event.data[name] for name in ("timing", "result", "env"))
    n_pool = config.strategy.n_seen(result["n_pool"], config.scenario.query_size)
    selecting = sum(timing[name] for name in ("load_s", "inference_s", "acquisition_s", "aux_s"))
    n_test = int(result["metrics"].get("n_test", 0))
    return Measured(
        run_id=run_id,
        dataset=config.scenario.dataset,
        backbone=digest(config.backbone),
        strategy=config.strategy.name,
        machine=f"{env['device']}, {env['n_threads']}",
        train=_rate(timing["train_s"], result["train"]["steps"]),
        evaluate=_rate(timing["evaluate_s"], n_test),
        select=_rate(selecting, n_pool) if result["query"] else None,
        n_test=n_test,
        shared=timing.get("trained_with", 1) > 1,
    )


def _rate(seconds: float, amount: float) -> float | None:
    return seconds / amount if amount else None


@dataclass(frozen=True)
class Rate:
    """Seconds for one step or sample, low and high.

    `place` is 0 if measured on just this, and `_PLACE_CALIBRATED` if by the calibration.
    """

    low: float
    high: float
    place: int


_PLACE_CALIBRATED = 9
_Key = tuple[str, ...]
_Part = Callable[[Measured], "float | None"]


class Rates:
    """Rates by what they were measured on.

    Args:
        measured: Rounds, the newest run first; its machine is the one that estimates are for.
        calibration: What this machine can do, for networks that were never run; None: not known.
    """

    def __init__(
        self, measured: Sequence[Measured], calibration: Calibration | None = None
    ) -> None:
        self._calibration = calibration
        machine = measured[0].machine if measured else ""
        self._rounds = [one for one in measured if one.machine == machine]
        self.n_runs = len({one.run_id for one in self._rounds})
        self.n_rounds = len(self._rounds)
        self._train = self._table(
            lambda one: one.train,
            lambda one: _train_keys(one.dataset, one.backbone, shared=one.shared)[:3],
        )
        self._evaluate = self._table(
            lambda one: one.evaluate, lambda one: [(one.dataset, one.backbone), (one.backbone,)]
        )
        self._select = self._table(lambda one: one.select, _select_keys)
        self._n_test = {one.dataset: one.n_test for one in reversed(self._rounds)}

    def _table(
        self, part: _Part, keys: Callable[[Measured], list[_Key]]
    ) -> dict[_Key, list[float]]:
        table: dict[_Key, list[float]] = defaultdict(list)
        for one in self._rounds:
            rate = part(one)
            if rate is not None:
                for key in keys(one):
                    table[key].append(rate)
        return table

    def estimate(
        self,
        todo: Iterable[tuple[RunConfig, int, bool]],
        sizes: Callable[[ScenarioConfig], Sizes],
        *,
        workers: int,
    ) -> Estimate | None:
        """The time of runs, or None if nothing was measured that says something about one of them.

        Args:
            todo: Each run with its first round that is not recorded, and whether another run of
                `todo` trains the model of that round for it.
            sizes: Of a scenario.
            workers: Runs at the same time.
        """
        lows: list[float] = []
        highs: list[float] = []
        words: set[str] = set()
        todo = list(todo)
        shares = _sharing([run for run, _, _ in todo])
        for (run, first, is_trained), shared in zip(todo, shares, strict=True):
            cost = self._cost(run, sizes(run.scenario), shared=shared)
            if cost is None:
                return None
            low, high = cost.total(first, is_trained=is_trained)
            lows.append(low)
            highs.append(high)
            words |= cost.borrowed
        return Estimate(
            low=_spread(lows, workers),
            high=_spread(highs, workers),
            n_runs=self.n_runs,
            n_rounds=self.n_rounds,
            borrowed=tuple(sorted(words)),
        )

    def _cost(self, run: RunConfig, sizes: Sizes, *, shared: bool) -> _Cost | None:
        data, net, name = run.scenario.dataset, digest(run.backbone), run.strategy.name
        train = _look_up(self._train, _train_keys(data, net, shared=shared))
        evaluate = _look_up(self._evaluate, [(data, net), (net,)])
        select = _look_up(self._select, [(data, net, name), ("any", net, name), (data, net)])
        if train is None or evaluate is None or select is None:
            guessed = self._calibrated(run, sizes)
            if guessed is None:
                return None
            train, evaluate, select = train or guessed[0], evaluate or guessed[1], guessed[2]
        n_test = sizes.n_test or self._n_test.get(data, 0)
        return _Cost(run, sizes.n_pool, n_test, train, evaluate, select)

    def _calibrated(self, run: RunConfig, sizes: Sizes) -> tuple[Rate, Rate, Rate] | None:
        """Rates of training, evaluation and selection by what the machine can do."""
        made = self._calibration
        speed = made.networks.get(run.backbone.name) if made is not None else None
        if made is None or speed is None:
            return None
        step = speed.per_step(run.train.batch_size, sizes.n_pixels)
        passing = speed.per_sample(sizes.n_pixels)
        simple, covering = made.selecting(sizes.n_pool)
        return (
            _guess(step, step),
            _guess(passing, passing),
            _guess(passing + simple, passing + covering),
        )


def _guess(low: float, high: float) -> Rate:
    return Rate(low / _CALIBRATED, high * _CALIBRATED, _PLACE_CALIBRATED)


def _look_up(table: Mapping[_Key, list[float]], keys: Sequence[_Key]) -> Rate | None:
    """The rate under the first key that was measured."""
    for place, key in enumerate(keys):
        if key in table:
            low, high = _quantiles(table[key])
            factor = _BORROWED if place else _DRIFT
            return Rate(low / factor, high * factor, place)
    return None


def _train_keys(dataset: str, backbone: str, *, shared: bool) -> list[_Key]:
    """Of a training of this kind: on the data set, on any, and of the other kind; most apt first.

    The first three are those under which one that was measured is found.
    """
    kind, other = ("shared", "alone") if shared else ("alone", "shared")
    return [
        (dataset, backbone, kind),
        ("any", backbone, kind),
        (dataset, backbone),
        ("any", backbone, other),
    ]


def _sharing(runs: Sequence[RunConfig]) -> list[bool]:
    """Whether each will be trained together with others of these runs."""
    kinds = [(run.scenario, repr(run.strategy)) for run in runs]
    counts = Counter(kinds)
    one_of_each = {kind: run for kind, run in zip(kinds, runs, strict=True) if counts[kind] > 1}
    together = {kind for kind, run in one_of_each.items() if takes_turns(run)}
    return [kind in together for kind in kinds]


def _select_keys(one: Measured) -> list[_Key]:
    return [
        (one.dataset, one.backbone, one.strategy),
        ("any", one.backbone, one.strategy),
        (one.dataset, one.backbone),
    ]


@dataclass(frozen=True)
class _Cost:
    """The rates that apply to one run, each with its low and high value."""

    run: RunConfig
    n_pool: int
    n_test: int
    train: Rate
    evaluate: Rate
    select: Rate

    @property
    def borrowed(self) -> set[str]:
        """What another data set or strategy stands in for."""
        dataset, strategy = self.run.scenario.dataset, self.run.strategy.name
        words = set()
        if _PLACE_CALIBRATED in (self.train.place, self.select.place):
            name = self.run.backbone.name
            words.add(f"{name} on {dataset}, judged by the calibration of its usual size")
        if self.train.place in (1, 3):
            words.add(f"training on {dataset}, judged by other data sets")
        if self.train.place in (2, 3):
            words.add("training of seeds alone or together, each judged by the other")
        if self.select.place == 1:
            words.add(f"{strategy} on {dataset}, judged by other data sets")
        if self.select.place == 2:
            words.add(f"{strategy}, judged by other strategies")
        return words

    def total(self, first: int, *, is_trained: bool) -> tuple[float, float]:
        """Low and high seconds of the rounds from `first` on."""
        rounds = range(first, self.run.scenario.n_rounds + 1)
        parts = [
            part
            for number in rounds
            for part in self._round(number, with_model=not (is_trained and number == first))
        ]
        return (
            sum(rate.low * amount for rate, amount in parts),
            sum(rate.high * amount for rate, amount in parts),
        )

    def _round(self, number: int, *, with_model: bool) -> list[tuple[Rate, float]]:
        scenario = self.run.scenario
        n_annotated = scenario.n_initial + number * scenario.query_size
        n_labeled = max(1, round(n_annotated * (1 - scenario.ood_ratio)))
        parts: list[tuple[Rate, float]] = []
        if with_model:
            parts.append((self.train, steps_of(self.run.train, n_labeled)))
            parts.append((self.evaluate, self.n_test))
        if number < scenario.n_rounds:
            n_pool = max(0, self.n_pool - n_annotated)
            parts.append((self.select, self.run.strategy.n_seen(n_pool, scenario.query_size)))
        return parts


def _quantiles(values: list[float]) -> tuple[float, float]:
    """The 10 % and the 90 % quantile; the value itself if there is one."""
    if len(values) == 1:
        return values[0], values[0]
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return tenths[0], tenths[-1]


def _spread(seconds: Sequence[float], workers: int) -> float:
    """Time on several workers: an even share of all, but no less than the longest run."""
    return max(sum(seconds) / workers, max(seconds, default=0.0))
