"""Measure the memory of a selection: every strategy once, each in a process of its own.

    OMP_NUM_THREADS=2 python benchmarks/memory.py [--n-pool 50000] [--output table.md]

Inputs are made up by `alscope.testing.fakes`: one model that never existed, the same for all
strategies. They are built first; what is reported is the peak of resident memory above them during
`select`, and its wall-clock seconds, without inference. On Linux the kernel's record of the peak is
reset between the two. Elsewhere it cannot be, so that a selection that takes less than building its
inputs took is reported as 0.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

import threadpoolctl

from alscope.registry import strategies
from alscope.rng import generator
from alscope.strategies._base import Strategy
from alscope.testing.fakes import make_pool
from alscope.types import PoolView, Selection
from benchmarks.speed.tally import counted

SIZES = {
    "n_pool": 50_000,
    "n_features": 512,
    "n_classes": 100,
    "n_labeled": 1_000,
    "n_unknowns": 200,
    "query_size": 1_000,
}
HEADER = "| strategy | inputs, MiB | peak above them, MiB | seconds | remark |"
MIB = 2**20
ROOT = Path(__file__).resolve().parents[1]
_SHORT_S, _SHORT_REPEATS = 0.05, 21  # as the rates of the machine are measured, with warm caches
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")

Result = dict[str, Any]


class Expired(Exception):
    """A selection took longer than allowed."""


def main() -> None:
    """Measure one strategy, or all of them and write the table."""
    args = arguments()
    if args.one:
        strategy = strategies.get(args.one)(**json.loads(args.params))
        with on_device(args.device):
            found = measure(strategy, sizes(args), limit=args.limit, repeats=args.repeats)
        sys.stdout.write(json.dumps(found) + "\n")
        return
    results = []
    for name in args.strategies:
        results.append(in_own_process(name, sizes(args), limit=args.limit))
        sys.stderr.write(row(results[-1]) + "\n")
    text = "\n".join(table(results, sizes(args))) + "\n"
    if args.output is None:
        sys.stdout.write(text)
    else:
        args.output.write_text(text, encoding="utf-8")
    sys.exit(any(result["remark"].startswith("failed") for result in results))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in SIZES.items():
        parser.add_argument(option(name), type=int, default=default, help=f"default {default}")
    names = strategies.names()
    parser.add_argument("--strategies", nargs="+", default=names, choices=names, metavar="NAME")
    parser.add_argument(
        "--limit", type=int, default=900, help="seconds a selection may take; default 900"
    )
    parser.add_argument("--output", type=Path, help="file for the table; default standard output")
    inside = (("--one", None), ("--params", "{}"), ("--repeats", 1), ("--device", "cpu"))
    for hidden, default in inside:
        parser.add_argument(
            hidden, type=type(default or ""), default=default, help=argparse.SUPPRESS
        )
    return parser.parse_args()


def option(name: str) -> str:
    """The option of a size."""
    return "--" + name.replace("_", "-")


def sizes(args: argparse.Namespace) -> dict[str, int]:
    """The sizes asked for."""
    return {name: getattr(args, name) for name in SIZES}


def in_own_process(
    name: str,
    given: dict[str, int],
    *,
    params: Mapping[str, Any] | None = None,
    limit: int,
    repeats: int = 1,
    device: str = "cpu",
) -> Result:
    """Measure one strategy in a fresh process, where nothing else has taken memory before."""
    words = [word for size, n in given.items() for word in (option(size), str(n))]
    command = [sys.executable, __file__, "--one", name, "--params", json.dumps(params or {})]
    command += ["--limit", str(limit), "--repeats", str(repeats), "--device", device, *words]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": path},
    )
    result: Result = {"strategy": name}
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return result | {"remark": f"failed: {reason}"}
    return result | json.loads(done.stdout)


def on_device(name: str) -> contextlib.AbstractContextManager[None]:
    """Offer a device to the selection; on the CPU none, and torch is not imported."""
    if name == "cpu":
        return contextlib.nullcontext()
    import torch

    from alscope.accelerator import offering
    from alscope.learn.products import holder_for

    return offering(holder_for(torch.device(name)))


def measure(strategy: Strategy, given: dict[str, int], *, limit: int, repeats: int = 1) -> Result:
    """Size of the inputs, peak memory above them, and seconds; or why there is no measurement.

    The peak is that of the first call. Seconds are the median of `repeats` calls (of more, where
    one is short), as many as fit into the limit; the later ones are not watched, because watching
    empties the process's memory: each of its pages then takes a microsecond, which small selections
    would be measured by.
    """
    try:
        pool = make_pool(
            strategy,
            n_pool=given["n_pool"],
            n_features=given["n_features"],
            n_classes=given["n_classes"],
            n_labeled=given["n_labeled"],
            n_unknowns=given["n_unknowns"],
        )
    except TypeError as error:
        if "no made-up values" not in str(error):
            raise
        return {"remark": f"not measured: {error}"}
    n_bytes = sum(array.nbytes for arrays in pool.values.values() for array in arrays.values())
    view, query_size = pool.view(), given["query_size"]
    risen = watch_peak()
    with counted() as counts:
        taken, cpu, chosen = selection_costs(strategy, view, query_size, limit=limit)
    peak, times = risen(), [(taken, cpu)]
    wanted = max(repeats, _SHORT_REPEATS) if taken < _SHORT_S else repeats
    while chosen and len(times) < wanted and taken * (len(times) + 1) < limit:
        times.append(selection_costs(strategy, view, query_size, limit=limit)[:2])
    remark = "" if chosen else f"stopped after {limit} s; the peak is that until then"
    return {
        "inputs_mib": n_bytes / MIB,
        "peak_mib": peak / MIB,
        "seconds": statistics.median(wall for wall, _ in times),
        "cpu_s": statistics.median(cpu for _, cpu in times),
        "remark": remark,
        "diagnostics": dict(chosen.diagnostics) if chosen else {},
        "specified": dict(counts.specified),
        "known": dict(counts.known),
    }


def selection_costs(
    strategy: Strategy, view: PoolView, query_size: int, *, limit: int
) -> tuple[float, float, Selection | None]:
    """Seconds of the clock and of the processor, and the choice.

    The choice is None if it did not come to an end.
    """
    rng, chosen = generator(0, "memory"), None
    start, cpu = time.perf_counter(), time.process_time()
    signal.signal(signal.SIGALRM, expire)
    signal.alarm(limit)
    with contextlib.suppress(Expired):
        chosen = strategy.select(view, query_size, rng, None)
    signal.alarm(0)
    return time.perf_counter() - start, time.process_time() - cpu, chosen


def expire(number: int, frame: FrameType | None) -> None:
    """End the selection."""
    raise Expired


def watch_peak() -> Callable[[], int]:
    """Begin to watch; the function returned tells by how many bytes resident memory had risen."""
    gc.collect()
    if not _RESET.exists():
        before = highest()
        return lambda: highest() - before
    # What building the inputs has freed goes back to the system: reusing it would hide a rise.
    ctypes.CDLL(None).malloc_trim(0)
    _RESET.write_text("5\n", encoding="ascii")
    before = status("VmHWM")
    return lambda: status("VmHWM") - before


def status(field: str) -> int:
    """A line of the kernel's report on this process, in bytes."""
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def highest() -> int:
    """Peak of resident memory since the process began, in bytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def table(results: Iterable[Result], given: dict[str, int]) -> list[str]:
    """Where and with what it was measured, and the table: largest peak first."""
    threads = max((pool["num_threads"] for pool in threadpoolctl.threadpool_info()), default=1)
    versions = ", ".join(f"{name} {version(name).split('+')[0]}" for name in ("torch", "numpy"))
    ordered = sorted(results, key=lambda result: -result.get("peak_mib", float("inf")))
    return [
        ", ".join(f"{name} {n:,}" for name, n in given.items()) + ".",
        f"{processor()}, {threads} thread{'s' * (threads > 1)}, {versions}.",
        "",
        HEADER,
        "|---|---|---|---|---|",
        *map(row, ordered),
    ]


def processor() -> str:
    """What the processor is called."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def row(result: Result) -> str:
    """One strategy."""
    cells = [f"`{result['strategy']}`", "", "", "", result["remark"].replace("|", "/")]
    if "peak_mib" in result:
        cells[1:3] = f"{result['inputs_mib']:,.0f}", f"{result['peak_mib']:,.0f}"
        cells[3] = f"{result['seconds']:.3g}"
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
