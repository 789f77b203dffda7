"""What people read: tables on standard output, complaints on standard error."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from alscope.errors import StoreError
from alscope.texts import visible

if TYPE_CHECKING:
    import pandas as pd

_LEGEND = (
    "AUBC: mean accuracy over the budget, with its 95% t-interval over seeds.",
    "*: best; =: not told apart from the best by the paired interval.",
    "vs random: paired difference in AUBC, and what an exact test can say about it.",
)

_LAYOUT = "\n\t"

__all__ = ["area_lines", "complain", "put", "put_json", "table"]


def put(*lines: str) -> None:
    """Write lines to standard output.

    Raises:
        BrokenPipeError: If whoever reads it has gone.
        StoreError: If it goes to a file that cannot be written.
    """
    try:
        sys.stdout.write("".join(f"{visible(line, keep=_LAYOUT)}\n" for line in lines))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is still to be written would be refused once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        reason = error.strerror or type(error).__name__
        raise StoreError(f"cannot write the output: {reason}; send it to another place") from error


def put_json(value: Any) -> None:
    """Write a value as JSON to standard output."""
    put(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def complain(message: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"alscope: {visible(message, keep=_LAYOUT)}\n")
    sys.stderr.flush()


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Lines of an aligned table; columns of numbers stand to the right.

    Args:
        head: Titles of the columns.
        rows: Cells.
    """
    body = [[str(cell) for cell in row] for row in rows]
    columns = list(zip(head, *body, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [all(map(_is_number, column[1:])) for column in columns]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in ([*head], *body)
    ]
    rule = "  ".join("-" * width for width in widths).rstrip()
    return [lines[0], rule, *lines[1:]]


def area_lines(areas: pd.DataFrame, verdicts: pd.DataFrame) -> list[str]:
    """The table of areas as text, one block per scenario.

    Args:
        areas: From `alscope.results.tables.aubc_table`.
        verdicts: From `alscope.results.compare.compare_with_random`.
    """
    said = {(row["scenario"], row["strategy"]): row for _, row in verdicts.iterrows()}
    head = (
        "strategy",
        "seeds",
        "AUBC",
        "final",
        "labels to random's final",
        "s/query",
        "vs random",
    )
    lines: list[str] = []
    for scenario, part in areas.groupby("scenario", sort=False):
        rows = [_area_row(row, said.get((scenario, row["strategy"]))) for _, row in part.iterrows()]
        lines += ["", str(scenario), *table(head, rows)]
    return [*lines, "", *_LEGEND]


def _area_row(row: pd.Series[Any], verdict: pd.Series[Any] | None) -> tuple[str, ...]:
    mark = " *" if row["best"] else " =" if row["tied"] else ""
    unfinished = f" (+{row['n_incomplete']} unfinished)" if row["n_incomplete"] else ""
    return (
        f"{row['strategy']}{mark}",
        f"{row['n']}{unfinished}",
        _with_interval(row["aubc"], row["aubc_high"]),
        _with_interval(row["final"], row["final_high"]),
        _number(row["labels_to_target"], ".0f") if row["n"] else "",
        _number(row["selection_s"], ".3g"),
        f"{verdict['difference']:+.3f} {verdict['verdict']}" if verdict is not None else "",
    )


def _with_interval(mean: float, high: float) -> str:
    if math.isnan(mean):
        return "-"
    return f"{mean:.3f}" if math.isnan(high) else f"{mean:.3f} ±{high - mean:.3f}"


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"-|-?\d+(\.\d+)?(e-?\d+)?", cell) is not None
