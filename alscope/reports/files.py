"""What can be taken away of a figure or a table, each made only when somebody asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from alscope.charts.render import render
from alscope.charts.snippet import chart_script
from alscope.charts.spec import AnyChart, chart_spec
from alscope.results.export import frame_bytes, has_formulas
from alscope.results.latex import latex_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ExportFile", "figure_files", "table_files"]


class ExportFile(NamedTuple):
    """A file that can be made."""

    label: str
    """Of the button."""
    name: str
    """Of the file."""
    mime: str
    """Media type."""
    about: str
    """What it is good for, in a sentence."""
    make: Callable[[], bytes]
    """Makes it."""


def figure_files(chart: AnyChart, data: pd.DataFrame, *, stem: str, title: str) -> list[ExportFile]:
    """The files of a figure.

    Args:
        chart: From `alscope.charts`.
        data: The plotted frame.
        stem: Of the file names; legal on every system.
        title: What the figure is, in words.
    """
    return [
        ExportFile(
            "SVG",
            f"{stem}.svg",
            "image/svg+xml",
            "Vector graphics, for slides and the web",
            lambda: render(chart, "svg"),
        ),
        ExportFile(
            "PNG",
            f"{stem}.png",
            "image/png",
            "Pixels, 300 per inch",
            lambda: render(chart, "png"),
        ),
        ExportFile(
            "PDF",
            f"{stem}.pdf",
            "application/pdf",
            "Vector graphics, for papers",
            lambda: render(chart, "pdf"),
        ),
        *_csv_files(data, stem),
        ExportFile(
            "Vega-Lite",
            f"{stem}.vl.json",
            "application/json",
            "The specification with its data, for the Vega editor and Altair",
            lambda: (json.dumps(chart_spec(chart), indent=1) + "\n").encode(),
        ),
        ExportFile(
            "Python",
            f"{stem}.py",
            "text/x-python",
            "A script with the data in it that draws this figure with Altair",
            lambda: chart_script(chart, title=title, stem=stem).encode(),
        ),
    ]


def table_files(frame: pd.DataFrame, *, stem: str, title: str = "") -> list[ExportFile]:
    """The files of a table.

    Args:
        frame: The table.
        stem: Of the file names; legal on every system.
        title: Caption in LaTeX.
    """
    return [
        *_csv_files(frame, stem),
        ExportFile(
            "LaTeX",
            f"{stem}.tex",
            "application/x-tex",
            "A booktabs table: the best bold, what is tied with it underlined",
            lambda: latex_table(frame, caption=title or stem, label=f"tab:{stem}").encode(),
        ),
        ExportFile(
            "JSON",
            f"{stem}.json",
            "application/json",
            "One record per row",
            lambda: frame_bytes(frame, "json"),
        ),
        ExportFile(
            "Parquet",
            f"{stem}.parquet",
            "application/vnd.apache.parquet",
            "With the types of the columns",
            lambda: frame_bytes(frame, "parquet"),
        ),
    ]


def _csv_files(frame: pd.DataFrame, stem: str) -> list[ExportFile]:
    about = "Exactly the numbers shown"
    files = [ExportFile("CSV", f"{stem}.csv", "text/csv", about, lambda: frame_bytes(frame, "csv"))]
    if has_formulas(frame):
        files[0] = files[0]._replace(about=f"{about}; texts that look like formulas get a '")
        files.append(
            ExportFile(
                "CSV, raw",
                f"{stem}-raw.csv",
                "text/csv",
                "Texts as they are; a spreadsheet may run some of them as formulas",
                lambda: frame_bytes(frame, "csv", safe=False),
            )
        )
    return files
