"""The blocks a report is made of: each is a function from results to sections."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from alscope.charts.composition import purity_chart, purity_data
from alscope.charts.curves import curve_chart, curve_data
from alscope.charts.timing import timing_chart, timing_data
from alscope.config import ScenarioConfig
from alscope.config_io import write_study
from alscope.reports.comparisons import pairwise, ranks
from alscope.reports.document import Code, Figure, Items, Mark, Part, Row, Section, Table, Text
from alscope.reports.results import Results
from alscope.results.bought import bought_table
from alscope.results.cautions import caution_texts
from alscope.results.columns import METRICS
from alscope.results.compare import compare_with_random
from alscope.results.curves import BANDS, curve_frame
from alscope.results.methods import methods
from alscope.results.tables import RANDOM, aubc_table
from alscope.results.timing import timing_table

__all__ = ["BLOCKS"]

Record = dict[str, Any]


def _setting(results: Results) -> list[Section]:
    head = ["Scenario", "Classes", "Unknown", "Imbalance", "Initial set", "Queries", "Budget"]
    rows = [Row(_setting_cells(scenario)) for scenario in results.study.scenarios]
    study = results.study
    caption = (
        f"{len(study.strategies)} strategies, {len(study.seeds)} seeds, "
        f"{results.rounds['run_id'].nunique()} runs with {len(results.rounds):,} recorded rounds."
    )
    about = [Text(study.description)] if study.description else []
    return [Section("Setting", [*about, Table(head, rows, caption, words=(0, 1))])]


def _setting_cells(scenario: ScenarioConfig) -> list[str]:
    known = len(scenario.known_classes) or scenario.n_known
    return [
        scenario.title,
        f"{known} known" if known else "all known",
        f"{100 * scenario.ood_ratio:g} %",
        f"{scenario.imbalance_ratio:g}",
        f"{scenario.n_initial} ({scenario.initial})",
        f"{scenario.n_rounds} x {scenario.query_size}",
        str(scenario.budget),
    ]


def _methods(results: Results) -> list[Section]:
    paragraphs = methods(results.study, results.rounds, results.metric)
    return [Section("Methods", [Text(paragraph) for paragraph in paragraphs])]


def _curves(results: Results) -> list[Section]:
    title = METRICS[results.metric].title
    sections = [Section("Learning curves", [])]
    for place, scenario, part in results.scenarios():
        data = curve_data(curve_frame(part, results.metric, band=results.band))
        figure = Figure(
            curve_chart(data, y_title=title, x_title="Annotated samples"),
            data,
            alt=f"{title} over annotated samples on {scenario}, one line per strategy",
            caption=f"{title} on {scenario}: mean over seeds; band: {BANDS[results.band]}.",
            name=f"curves-{place + 1}",
        )
        sections.append(Section(scenario, [figure], level=2))
    return sections


def _table(results: Results) -> list[Section]:
    areas = aubc_table(results.rounds, results.metric)
    verdicts = compare_with_random(results.rounds, results.metric)
    sections = [Section("Results", [])]
    for scenario, part in areas.groupby("scenario", sort=False):
        rows, said = _records(part), _records(verdicts[verdicts["scenario"] == scenario])
        parts: list[Part] = [_area_table(rows, str(scenario), results.metric)]
        if said:
            parts.append(_random_table(said, str(scenario)))
        fitted = [f"{row['strategy']}: {row['companions']}" for row in rows if row["companions"]]
        if fitted:
            parts += [Text("Fitted beside the model:"), Items(fitted)]
        cautions = caution_texts(results.rounds[results.rounds["scenario"] == scenario])
        if cautions:
            parts += [Text("What strategies recorded against their own queries:"), Items(cautions)]
        sections.append(Section(str(scenario), parts, level=2))
    return sections


def _area_table(rows: list[Record], scenario: str, metric: str) -> Table:
    is_open = any(row["purity"] < 1 for row in rows)
    purity = ["Purity"] if is_open else []
    target = rows[0]["target"]
    reached = "" if math.isnan(target) else f" Target: Random's mean final value, {target:.3f}."
    return Table(
        ["Strategy", "Seeds", "AUBC", "Final", "Labels to target", *purity],
        [Row(_area_cells(row, purity=is_open), _mark(row)) for row in rows],
        f"{METRICS[metric].title} on {scenario}. AUBC is the area under the curve over the "
        "annotations, divided by their range; means over complete runs with 95 % t-intervals. The "
        f"best is bold, what is tied with it underlined or marked so.{reached}",
        marked=(0, 2),
    )


def _area_cells(row: Record, *, purity: bool) -> list[str]:
    open_runs = f" (+{row['n_incomplete']} open)" if row["n_incomplete"] else ""
    return [
        row["strategy"],
        f"{row['n']}{open_runs}",
        _interval(row["aubc"], row["aubc_high"]),
        _interval(row["final"], row["final_high"]),
        _number(row["labels_to_target"], ",.0f"),
        *([_number(row["purity"], ".2f")] if purity else []),
    ]


def _random_table(said: list[Record], scenario: str) -> Table:
    rows = [
        Row(
            [
                row["strategy"],
                f"{row['n']}" + (f" ({row['n_dropped']} dropped)" if row["n_dropped"] else ""),
                _interval(row["difference"], row["high"], "+.3f"),
                _number(row["p_holm"], ".3g"),
                row["verdict"],
            ]
        )
        for row in said
    ]
    return Table(
        ["Strategy", "Seeds", f"AUBC - {RANDOM}", "p (Holm)", "Verdict"],
        rows,
        f"Compared with Random on {scenario}: paired difference in AUBC with its 95 % t-interval; "
        "two-sided sign-flip test, Holm's correction over the strategies.",
        words=(0, 4),
    )


def _timing(results: Results) -> list[Section]:
    table = timing_table(results.rounds)
    if not len(table):
        return [Section("Selection time", [Text("No query was measured alone on its machine.")])]
    data = timing_data(table)
    names = ("selection_s", "load_s", "inference_s", "acquisition_s", "aux_s", "train_s")
    heads = ("Selection", "Load", "Inference", "Acquisition", "Auxiliary", "Training")
    rows = [
        Row(
            [
                row["scenario"],
                row["strategy"],
                f"{row['device']}, {row['n_threads']}",
                *(_seconds(row[name]) for name in names),
            ]
        )
        for row in _records(table)
    ]
    caption = (
        "Median seconds of a query as if the strategy ran alone; rounds beside other runs are "
        "left out. Selection is load, inference and acquisition; auxiliary training is apart."
    )
    figure = Figure(
        timing_chart(data),
        data,
        alt="Median seconds per query by strategy: loading, inference, acquisition",
        caption=caption,
        name="seconds",
    )
    head = ["Scenario", "Strategy", "Device, threads", *heads]
    return [Section("Selection time", [figure, Table(head, rows, caption, words=(0, 1, 2))])]


def _purity(results: Results) -> list[Section]:
    is_open = results.rounds[results.rounds["setting"] == "open"]
    if not len(is_open):
        return []
    data = purity_data(is_open)
    figure = Figure(
        purity_chart(data),
        data,
        alt="Share of samples of known classes in each query, by strategy",
        caption="Share of samples of known classes in each query; mean over seeds.",
        name="purity",
    )
    return [Section("Purity of the queries", [figure])]


def _bought(results: Results) -> list[Section]:
    table = bought_table(results.rounds, results.classes)
    if not len(table):
        return []
    head = ["Scenario", "Strategy", "Labeled", "Unknown", "Smallest class", "Largest class",
            "Classes without a label"]  # fmt: skip
    names = ("n_labeled", "n_unknowns", "smallest_class", "largest_class", "empty_classes")
    rows = [
        Row([row["scenario"], row["strategy"], *(_number(row[name], ".1f") for name in names)])
        for row in _records(table)
    ]
    caption = "What the whole budget bought: samples, means over the seeds of complete runs."
    return [Section("What was bought", [Table(head, rows, caption, words=(0, 1))])]


def _configuration(results: Results) -> list[Section]:
    text = Text("The study as a file for the command alscope run, which repeats it.")
    return [Section("Configuration", [text, Code(write_study(results.study), "toml")])]


def _environment(results: Results) -> list[Section]:
    names = list(dict.fromkeys(name for entry in results.environments for name in entry))
    rows = [
        Row([name.replace("_", " "), *(str(entry.get(name, "")) for entry in results.environments)])
        for name in names
    ]
    head = ["", *(f"{place + 1}" for place in range(len(results.environments)))]
    caption = "Conditions under which the rounds were made; one column for each set of conditions."
    return [Section("Environment", [Table(head, rows, caption, words=range(len(head)))])]


BLOCKS: Mapping[str, tuple[str, Callable[[Results], list[Section]]]] = {
    "setting": ("Setting", _setting),
    "methods": ("Methods paragraph", _methods),
    "curves": ("Learning curves", _curves),
    "table": ("Results with tests", _table),
    "pairwise": ("Who beats whom", pairwise),
    "ranks": ("Ranks over scenarios", ranks),
    "purity": ("Purity (open sets)", _purity),
    "bought": ("What was bought", _bought),
    "timing": ("Selection time", _timing),
    "configuration": ("Configuration", _configuration),
    "environment": ("Environment", _environment),
}
"""Key -> title for people, and what makes the sections; in the order of a report."""


def _mark(row: Record) -> Mark:
    return "best" if row["best"] else "tied" if row["tied"] else ""


def _interval(mean: float, high: float, form: str = ".3f") -> str:
    if math.isnan(mean):
        return "-"
    half = "" if math.isnan(high) else f" \N{PLUS-MINUS SIGN} {high - mean:.3f}"
    return f"{mean:{form}}{half}"


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def _seconds(value: float) -> str:
    if math.isnan(value):
        return "-"
    return "< 0.001" if 0 < value < 0.001 else format(value, ".3g")


def _records(frame: pd.DataFrame) -> list[Record]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
