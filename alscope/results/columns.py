"""What the columns of the result frames mean: the one table behind frames and documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "CLASS_COLUMNS",
    "COLUMNS",
    "METRICS",
    "QUERY_COLUMNS",
    "Column",
    "Metric",
    "fill_tables",
]


class Column(NamedTuple):
    """One column."""

    dtype: str
    """pandas type: "str", "int64", "float64" or "bool"."""
    unit: str
    """Unit, or "" for words and plain numbers."""
    meaning: str
    """One sentence."""


class Metric(NamedTuple):
    """One measure of quality."""

    title: str
    """For axes and table heads."""
    higher_is_better: bool
    """Whether a larger value is a better model."""


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric("Accuracy", higher_is_better=True),
    "balanced_accuracy": Metric("Balanced accuracy", higher_is_better=True),
    "macro_precision": Metric("Macro precision", higher_is_better=True),
    "macro_recall": Metric("Macro recall", higher_is_better=True),
    "macro_f1": Metric("Macro F1", higher_is_better=True),
    "nll": Metric("Negative log-likelihood (nats)", higher_is_better=False),
    "ece": Metric("Calibration error", higher_is_better=False),
}

_IDENTITY = {
    "run_id": Column("str", "", "Content address of the run's configuration."),
    "dataset": Column("str", "", "Data set."),
    "scenario": Column(
        "str", "", "Title of the scenario; different scenarios have different titles in one frame."
    ),
    "strategy": Column("str", "", "Strategy with the parameters that were set."),
    "seed": Column("int64", "", "Trial seed, equal for all strategies of a trial."),
    "round": Column("int64", "", "Round, from 0; round 0 trains on the initial set."),
}

COLUMNS: Mapping[str, Column] = {
    "study": Column("str", "", "Title given when the frame was made."),
    **_IDENTITY,
    "setting": Column("str", "", "closed: every class is known; open: some are unknown."),
    "backbone": Column("str", "", "Network."),
    "ood_ratio": Column("float64", "share", "Unknown samples in the training pool."),
    "imbalance_ratio": Column("float64", "", "Largest / smallest known class in the pool."),
    "n_initial": Column("int64", "labels", "Annotations before the first query."),
    "n_rounds": Column("int64", "", "Queries of the complete run; evaluations are one more."),
    "n_annotated": Column("int64", "labels", "Annotations paid for before this evaluation."),
    "n_labeled": Column("int64", "labels", "Of these, samples of known classes."),
    "n_unknowns": Column("int64", "labels", "Of these, samples of unknown classes."),
    "n_mislabeled": Column("int64", "labels", "Labeled samples with a wrong label."),
    "wasted": Column("int64", "labels", "Annotations so far that cannot train the model."),
    "n_pool": Column("int64", "samples", "Samples not yet annotated."),
    "accuracy": Column("float64", "share", "Correct test predictions."),
    "balanced_accuracy": Column("float64", "share", "Mean recall of the classes in the test set."),
    "macro_precision": Column("float64", "share", "Mean precision of the classes."),
    "macro_recall": Column("float64", "share", "Mean recall of the classes."),
    "macro_f1": Column("float64", "share", "Mean F1 of the classes."),
    "nll": Column("float64", "nats", "Mean negative log-likelihood of the test labels."),
    "ece": Column("float64", "share", "Expected calibration error, 15 bins of equal width."),
    "n_test": Column("int64", "samples", "Test samples evaluated."),
    "query_size": Column(
        "int64", "labels", "Annotations bought after this evaluation; 0 in the last round."
    ),
    "n_known_queried": Column("int64", "labels", "Of these, samples of known classes."),
    "purity": Column("float64", "share", "Known share of this query; NaN in the last round."),
    "companions": Column(
        "str", "", "What the query's strategy fitted beside the model, with its setting."
    ),
    "caution": Column("str", "", "What the strategy itself says against this query; mostly empty."),
    "train_s": Column(
        "float64", "s", "Training of the model, as if the strategy ran alone; see `trained_with`."
    ),
    "evaluate_s": Column("float64", "s", "Evaluation on the test set, as if alone."),
    "load_s": Column("float64", "s", "Selection: loading and copying, as if alone."),
    "inference_s": Column("float64", "s", "Selection: passes over the pool, as if alone."),
    "acquisition_s": Column("float64", "s", "Selection: the strategy's own computation."),
    "aux_s": Column("float64", "s", "Training of the strategy's own learners."),
    "selection_s": Column("float64", "s", "load_s + inference_s + acquisition_s."),
    "executed_s": Column(
        "float64", "s", "Wall time of the round as executed, shared work once, records apart."
    ),
    "recording_s": Column(
        "float64", "s", "A pass over the pool for the record alone; in no other time."
    ),
    "train_cached": Column("bool", "", "The training was taken from the artifact cache."),
    "inputs_cached": Column("bool", "", "All inputs of the selection were taken from the cache."),
    "contended": Column("bool", "", "Other runs were active; left out of timing comparisons."),
    "trained_with": Column(
        "int64", "runs", "Runs whose heads were trained in one solve; `train_s` is a share of it."
    ),
    "device": Column("str", "", "Device of the computation."),
    "n_threads": Column("int64", "threads", "CPU threads in use."),
    "data_fingerprint": Column("str", "", "Content address of the data that were read."),
}

QUERY_COLUMNS: Mapping[str, Column] = {
    **_IDENTITY,
    "rank": Column("int64", "", "Place in the query, from 0; the strategy's first choice is 0."),
    "sample": Column("int64", "", "Row of the sample in the training part of the data set."),
    "label": Column("int64", "", "Index among the known classes; -1 for an unknown class."),
    "known": Column("bool", "", "The sample is of a known class."),
    "score": Column(
        "float64", "", "Acquisition score, higher = more worth labelling; NaN if there is none."
    ),
}

CLASS_COLUMNS: Mapping[str, Column] = {
    **_IDENTITY,
    "n_annotated": COLUMNS["n_annotated"],
    "class_index": Column("int64", "", "Index among the known classes."),
    "n_labeled": Column("int64", "labels", "Labeled samples of the class before the evaluation."),
    "n_queried": Column("int64", "labels", "Samples of the class bought after the evaluation."),
    "recall": Column("float64", "share", "Recall on the test set; NaN if it has no such sample."),
}

TABLES: Mapping[str, Mapping[str, Column]] = {
    "rounds": COLUMNS,
    "queries": QUERY_COLUMNS,
    "classes": CLASS_COLUMNS,
}


def fill_tables(page: str) -> str:
    """A documentation page with its tables of columns brought up to date.

    Args:
        page: Markdown; a table stands between `<!-- columns: rounds -->` and `<!-- end -->`.
    """
    for name, columns in TABLES.items():
        before, start, rest = page.partition(f"<!-- columns: {name} -->\n")
        if start:
            after = rest[rest.index("<!-- end -->") :]
            page = f"{before}{start}{_markdown(columns)}{after}"
    return page


def _markdown(columns: Mapping[str, Column]) -> str:
    rows = [
        f"| `{name}` | {column.dtype} | {column.unit} | {column.meaning} |"
        for name, column in columns.items()
    ]
    return "\n".join(["| column | type | unit | meaning |", "|---|---|---|---|", *rows, ""])
