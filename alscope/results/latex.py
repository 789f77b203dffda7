"""Frames as LaTeX tables with booktabs rules, ready to be put into a paper."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from alscope.errors import UnknownNameError

__all__ = ["escape", "latex_table"]

_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
    # After a line break these two would be taken for its options.
    "[": "{[}",
    "*": "{*}",
    "\u00b1": r"$\pm$",
    "\u00b7": r"$\cdot$",
    "\u2248": r"$\approx$",
    "\u2264": r"$\leq$",
    "\u2265": r"$\geq$",
    "\u2212": r"$-$",
}
_ENDS = ("_low", "_high")


def escape(text: str) -> str:
    """A text that LaTeX prints as it is, whatever is in it; control characters become spaces."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return "".join(_SIGNS.get(letter, letter) for letter in shown)


def latex_table(
    frame: pd.DataFrame,
    *,
    caption: str = "",
    label: str = "",
    titles: Mapping[str, str] | None = None,
    marked: Sequence[str] | None = None,
    digits: int = 3,
) -> str:
    r"""A floating table with booktabs rules.

    Columns `x`, `x_low` and `x_high` become one: the value with its interval, `0.91 \pm 0.02` if it
    is symmetric and `0.91 [0.88, 0.93]` if not. Where there are columns `best` and `tied` of
    booleans, cells of the best row are bold and those of rows tied with it are underlined. Empty
    columns are left out, and a text that is the same in several rows becomes a comment above the
    table.

    Args:
        frame: Numbers, booleans and texts; texts are escaped.
        caption: Text under the rules; escaped. "" makes a bare tabular.
        label: For `\ref`.
        titles: Head of a column, by its name; others are made of the name.
        marked: Columns whose cells are bold or underlined; by default the first column of texts
            and the first of fractions.
        digits: After the decimal point.

    Raises:
        UnknownNameError: If `marked` names a column that is not there.
    """
    shown, constants = _shown_columns(frame)
    marks = list(marked) if marked is not None else _default_marks(frame, shown)
    for name in marks:
        if name not in frame.columns:
            raise UnknownNameError("column", name, map(str, frame.columns))
    heads = [escape((titles or {}).get(name, _head(name))) for name in shown]
    rows = [
        " & ".join(_marked(_cell(row, name, digits), row, on=name in marks) for name in shown)
        for row in _records(frame)
    ]
    align = "".join("l" if _is_text(frame[name]) else "r" for name in shown)
    lines = [
        *(f"% {name}: {escape(value)}" for name, value in constants.items()),
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *(rf"{row} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(_floating(lines, caption, label) if caption else lines) + "\n"


def _floating(lines: list[str], caption: str, label: str) -> list[str]:
    name = re.sub(r"[^A-Za-z0-9:._-]+", "-", label)
    return [
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        *lines,
        rf"\caption{{{escape(caption)}}}",
        *([rf"\label{{{name}}}"] if name else []),
        r"\end{table}",
    ]


def _shown_columns(frame: pd.DataFrame) -> tuple[list[str], dict[str, str]]:
    """The columns of the table, and texts that are the same in all rows."""
    shown, constants = [], {}
    for name in map(str, frame.columns):
        column = frame[name]
        if name in ("best", "tied") or _is_end(name, frame):
            continue
        if _is_text(column):
            said = column.fillna("").astype(str).unique().tolist()
            if said == [""]:
                continue
            if len(said) == 1 and len(column) > 1:
                constants[name] = said[0]
                continue
        elif column.isna().all():
            continue
        shown.append(name)
    return shown, constants


def _is_end(name: str, frame: pd.DataFrame) -> bool:
    """Whether a column is an end of the interval around another one."""
    return any(name.endswith(end) and name.removesuffix(end) in frame.columns for end in _ENDS)


def _default_marks(frame: pd.DataFrame, shown: list[str]) -> list[str]:
    texts = [name for name in shown if _is_text(frame[name])]
    fractions = [name for name in shown if pd.api.types.is_float_dtype(frame[name])]
    return texts[:1] + fractions[:1]


def _is_text(column: pd.Series[Any]) -> bool:
    return not pd.api.types.is_numeric_dtype(column)


def _head(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def _cell(row: dict[str, Any], name: str, digits: int) -> str:
    value = row[name]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return escape(value)
    if value is None or math.isnan(value):
        return "--"
    if isinstance(value, int):
        return str(value)
    low, high = (row.get(f"{name}{end}", math.nan) for end in _ENDS)
    return _interval(value, low, high, digits)


def _interval(value: float, low: float, high: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    if math.isnan(low) or math.isnan(high):
        return f"${text}$"
    if math.isclose(value - low, high - value, rel_tol=1e-6, abs_tol=1e-12):
        return rf"${text} \pm {high - value:.{digits}f}$"
    return f"${text}$ [${low:.{digits}f}$, ${high:.{digits}f}$]"


def _marked(cell: str, row: dict[str, Any], *, on: bool) -> str:
    if on and row.get("best"):
        return rf"\textbf{{{_bold(cell)}}}"
    return rf"\underline{{{cell}}}" if on and row.get("tied") else cell


def _bold(cell: str) -> str:
    r"""The cell with its formulas bold too, into which `\textbf` does not reach."""
    return re.sub(r"(?<!\\)\$([^$]+)(?<!\\)\$", r"$\\mathbf{\1}$", cell)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
