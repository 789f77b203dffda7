"""LaTeX tables: exact cells, escaped texts, marks for the best and what is tied with it."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from alscope.errors import UnknownNameError
from alscope.results.latex import escape, latex_table
from alscope.results.tables import aubc_table
from tests.results.records import make_rounds

FRAME = pd.DataFrame(
    {
        "scenario": ["digits"] * 3,
        "strategy": ["core_log", "margin", "100% $random$"],
        "n": [5, 5, 4],
        "area": [0.9126, 0.91, np.nan],
        "area_low": [0.90, 0.88, np.nan],
        "area_high": [0.9252, 0.92, np.nan],
        "note": ["", "", ""],
        "nothing": [np.nan] * 3,
        "done": [True, True, False],
        "best": [True, False, False],
        "tied": [True, True, False],
    }
)


def rows(table: str) -> list[list[str]]:
    body = table.split(r"\midrule")[1].split(r"\bottomrule")[0]
    lines = [line.removesuffix(r" \\") for line in body.strip().splitlines()]
    return [re.split(r"(?<!\\) & ", line) for line in lines]


def test_the_table_of_an_example_is_exactly_this() -> None:
    assert latex_table(FRAME) == (
        "% scenario: digits\n"
        "\\begin{tabular}{lrrr}\n"
        "\\toprule\n"
        "Strategy & N & Area & Done \\\\\n"
        "\\midrule\n"
        "\\textbf{core\\_log} & 5 & \\textbf{$\\mathbf{0.913 \\pm 0.013}$} & yes \\\\\n"
        "\\underline{margin} & 5 & \\underline{$0.910$ [$0.880$, $0.920$]} & yes \\\\\n"
        "100\\% \\$random\\$ & 4 & -- & no \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
    )


def test_a_caption_makes_a_floating_table() -> None:
    table = latex_table(FRAME, caption="Areas & more", label="tab:a b{")

    assert "\\usepackage{booktabs}" in table.splitlines()[0]
    assert "\\caption{Areas \\& more}" in table
    assert "\\label{tab:a-b-}" in table
    assert table.endswith("\\end{table}\n")


def test_titles_marks_and_digits_are_taken_over() -> None:
    table = latex_table(FRAME, titles={"area": "AUBC"}, marked=["n"], digits=1)

    assert "AUBC" in table
    assert rows(table)[0] == ["core\\_log", "\\textbf{5}", "$0.9 \\pm 0.0$", "yes"]


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'area'"):
        latex_table(FRAME, marked=["aera"])


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b", r"a\_b"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("50% & #1 ~ ^", r"50\% \& \#1 \textasciitilde{} \textasciicircum{}"),
        ("x\n\\\\y\x00", r"x \textbackslash{}\textbackslash{}y "),
        ("≥ 1", r"$\geq$ 1"),
        ('[*] "x"', r"{[}{*}] {\char34}x{\char34}"),
    ],
)
def test_texts_are_escaped(text: str, escaped: str) -> None:
    assert escape(text) == escaped


def test_a_comment_cannot_be_left_by_a_line_break() -> None:
    frame = pd.DataFrame({"s": ["x\n\\evil"] * 2, "v": [1.0, 2.0]})

    assert latex_table(frame).splitlines()[0] == "% s: x \\textbackslash{}evil"


def test_the_table_of_areas_marks_the_best_and_its_ties() -> None:
    curves = {
        "random": lambda seed: [0.5, 0.6 + seed / 100],
        "margin": lambda seed: [0.5, 0.9 + seed / 100],
        "badge": lambda seed: [0.5, 0.9 + (seed == 1) / 50],
    }
    table = latex_table(aubc_table(make_rounds(curves, seeds=range(3))))
    first = {row[0] for row in rows(table)}

    assert first == {"\\textbf{margin}", "\\underline{badge}", "random"}


def test_an_empty_table_has_rules_only() -> None:
    assert rows(latex_table(FRAME.iloc[:0])) == []
