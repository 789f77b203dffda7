"""IMDB, SST-5, Yelp-5, DBpedia-14 and CLINC150: their columns and their oddities."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alscope.config import ScenarioConfig
from alscope.data import _parquet
from alscope.data.clinc150 import Clinc150
from alscope.data.dbpedia14 import Dbpedia14
from alscope.data.imdb import Imdb
from alscope.data.protocols import class_counts
from alscope.data.scenario import build_scenario
from alscope.data.sst5 import Sst5
from alscope.data.yelp5 import Yelp5
from alscope.errors import DatasetError

SST_NAMES = Sst5.facts.names
YELP_NAMES = ("1 star", "2 star", "3 stars", "4 stars", "5 stars")  # as the hub spells them


def both_parts(make, folder, columns, **options):
    for part in ("train", "test"):
        make.parquet(folder, part, columns, **options)


@pytest.mark.parametrize(
    ("spec", "sizes"),
    [
        (Imdb, (25000, 25000)),
        (Sst5, (8544, 2210)),
        (Yelp5, (650000, 50000)),
        (Dbpedia14, (560000, 70000)),
        (Clinc150, (15100, 5500)),
    ],
)
def test_official_counts_add_up(spec, sizes):
    assert tuple(sum(spec.facts.counts[part]) for part in ("train", "test")) == sizes


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Good.<br /><br />Bad.", "Good. Bad."),
        ("one<br/> two<BR>three", "one two three"),
        ("<br />first", "first"),
        ("1 < 2 <i>and</i> more", "1 < 2 <i>and</i> more"),
        ("two  spaces", "two  spaces"),
    ],
)
def test_line_breaks_of_web_pages_become_spaces_in_imdb(make, root, text, read):
    both_parts(make, "imdb", {"text": [text], "label": [0]}, names=("neg", "pos"))

    assert Imdb().load(root).train.inputs == [read]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r"Nice.\n\nWell done\nby all", "Nice. Well done by all"),
        (r"they said \"no\" to me", 'they said "no" to me'),
        (r'they said \""no\"" to me', 'they said "no" to me'),
        (r"\nfirst", "first"),
        ('a "plain" text', 'a "plain" text'),
    ],
)
def test_escaped_lines_and_quotes_are_resolved_in_yelp(make, root, text, read):
    both_parts(make, "yelp5", {"label": [4], "text": [text]}, names=YELP_NAMES)

    assert Yelp5().load(root).train.inputs == [read]


def test_yelp_accepts_the_spelling_of_the_hub(make, root):
    both_parts(make, "yelp5", {"label": [0, 1, 4], "text": ["a", "b", "c"]}, names=YELP_NAMES)
    summary = Yelp5().summary(root)

    assert summary.train_targets.tolist() == [0, 1, 4]
    assert summary.class_names[1] == "2 stars"


@pytest.mark.parametrize("title", ["", "  ", None])
def test_empty_titles_leave_the_content_alone_in_dbpedia(make, root, title):
    columns = {
        "label": [0, 13],
        "title": ["E. D. Abbott Ltd", title],
        "content": [" Abbott of Farnham was a coachbuilder.", " A book."],
    }
    both_parts(make, "dbpedia14", columns, names=Dbpedia14.facts.names)

    assert Dbpedia14().load(root).train.inputs == [
        "E. D. Abbott Ltd Abbott of Farnham was a coachbuilder.",
        "A book.",
    ]


def test_missing_content_is_refused_with_its_row_beyond_the_first_batch(make, root, monkeypatch):
    monkeypatch.setattr(_parquet, "_TEXTS", 2)
    columns = {"label": [0] * 4, "title": ["t"] * 4, "content": ["a", "b", "c", None]}
    both_parts(make, "dbpedia14", columns, names=Dbpedia14.facts.names)

    with pytest.raises(DatasetError, match="row 3 of column 'content' is null"):
        Dbpedia14().load(root)


def test_batches_of_texts_keep_their_order(make, root, monkeypatch):
    monkeypatch.setattr(_parquet, "_TEXTS", 3)
    texts = [f"text {i}" for i in range(8)]
    both_parts(make, "yelp5", {"label": [0] * 8, "text": texts}, names=YELP_NAMES)

    assert Yelp5().load(root).train.inputs == texts


def test_row_groups_keep_their_order_and_number_their_rows_on(make, root):
    both_parts(make, "yelp5", {"label": [0], "text": ["?"]}, names=YELP_NAMES)
    path = make.path / "yelp5/train-00000-of-00001.parquet"
    table = pa.table({"label": [0] * 5, "text": ["a", "b", "c", "d", None]})
    pq.write_table(table.slice(0, 4), path, row_group_size=2)
    read = Yelp5().load(root).train.inputs
    pq.write_table(table, path, row_group_size=2)

    assert read == ["a", "b", "c", "d"]
    with pytest.raises(DatasetError, match="row 4 of column 'text' is null"):
        Yelp5().load(root)


def test_sst5_reads_json_lines_of_the_hub(make, root):
    rows = [
        {"text": f"it is {name}", "label": label, "label_text": name}
        for label, name in enumerate(SST_NAMES)
    ]
    make.jsonl("sst5", rows)
    raw = Sst5().load(root)

    assert raw.train.targets.tolist() == [0, 1, 2, 3, 4]
    assert raw.train.inputs[0] == "it is very negative"
    assert Sst5().summary(root).source == "local JSON lines"


def test_sst5_reads_parquet_with_spelled_labels(make, root):
    columns = {"text": ["a", "b", "c"], "label": [9, 9, 9], "label_text": list(SST_NAMES[2::-1])}
    both_parts(make, "sst5", columns)

    assert Sst5().summary(root).train_targets.tolist() == [2, 1, 0]


def test_unknown_spelled_label_is_refused_with_its_row(make, root):
    columns = {"text": ["a", "b"], "label": [0, 1], "label_text": ["neutral", "meh"]}
    both_parts(make, "sst5", columns)

    with pytest.raises(DatasetError, match="row 1 has the class 'meh', but expected one of very"):
        Sst5().summary(root)


def test_clinc150_knows_its_domains_and_keeps_outside_queries_apart(make, root):
    columns = {"text": ["a", "b", "c"], "intent": [0, 1, 150], "domain": [0, 9, 10]}
    both_parts(make, "clinc150", columns, names=Clinc150.facts.names, label="domain")
    summary = Clinc150().summary(root)

    assert summary.class_names[-1] == "oos"
    assert summary.never_known == (10,)
    assert summary.train_targets.tolist() == [0, 9, 10]


def sorted_and_shuffled(make, folder, n_classes, names):
    """Summary counts of a class-sorted copy, then of the same rows in random order."""
    labels = np.repeat(np.arange(n_classes), 60)
    orders = {
        "sorted": np.arange(labels.size),
        "shuffled": np.random.default_rng(0).permutation(labels.size),
    }
    for order in orders.values():
        columns = {
            "text": [f"row {i}" for i in order],
            "content": [f"row {i}" for i in order],
            "label": labels[order].tolist(),
        }
        both_parts(make, folder, columns, names=names)
        yield


@pytest.mark.parametrize("spec", [Imdb, Dbpedia14])
def test_class_sorted_files_give_subsets_of_all_classes(make, root, spec):
    n_classes = len(spec.facts.names)
    config = ScenarioConfig(
        dataset=spec.key, pool_limit=20 * n_classes, n_initial=2 * n_classes, query_size=1
    )
    counts = []
    for _ in sorted_and_shuffled(make, spec.key, n_classes, spec.facts.names):
        scenario = build_scenario(config, spec().summary(root), seed=0)
        parts = (scenario.split.labeled, scenario.split.pool)
        counts.append([class_counts(scenario.labels[part], n_classes).tolist() for part in parts])

    assert counts[0] == counts[1] == [[2] * n_classes, [18] * n_classes]


@pytest.mark.parametrize("spec", [Imdb, Dbpedia14])
def test_subsets_of_class_sorted_files_are_not_their_first_rows(make, root, spec):
    n_classes = len(spec.facts.names)
    next(sorted_and_shuffled(make, spec.key, n_classes, spec.facts.names))
    config = ScenarioConfig(
        dataset=spec.key, pool_limit=20 * n_classes, n_initial=n_classes, query_size=1
    )
    scenario = build_scenario(config, spec().summary(root), seed=0)
    rows = np.concatenate([scenario.split.labeled, scenario.split.pool])

    assert (rows % 60).max() > 40
