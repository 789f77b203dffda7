"""JSON lines, for every text set."""

import pytest

from alscope.data.ag_news import AgNews
from alscope.data.dbpedia14 import Dbpedia14
from alscope.data.trec6 import Trec6
from alscope.errors import DatasetError


def test_numbers_without_names_use_the_known_order(make, root):
    make.jsonl("ag_news", [{"text": "a", "label": 3}, {"text": "b", "label": 0}])
    raw = AgNews().load(root)

    assert raw.train.inputs == ["a", "b"]
    assert raw.train.targets.tolist() == [3, 0]


def test_parquet_is_preferred(make, root):
    make.jsonl("ag_news", [{"text": "a", "label": 3}])
    make.texts()

    assert AgNews().summary(root).source == "local Parquet"


def test_trec_takes_the_names_because_its_numbers_vary(make, root):
    rows = [
        {"text": "How?", "label": 0, "label_coarse": 0, "label_coarse_original": "DESC"},
        {"text": "Who?", "label": 9, "label_coarse": 3, "label_coarse_original": "HUM"},
    ]
    make.jsonl("trec6", rows)

    assert Trec6().summary(root).train_targets.tolist() == [2, 3]


def test_trec_numbers_without_names_are_refused(make, root):
    make.jsonl("trec6", [{"text": "How?", "label_coarse": 0}])

    with pytest.raises(DatasetError, match="holds no class names, and copies of this set number"):
        Trec6().summary(root)


def test_titles_are_put_before_the_text(make, root):
    rows = [
        {"title": "T", "content": " c", "label": 0},
        {"title": "", "content": "d", "label": 1},
        {"content": "e", "label": 2},
    ]
    make.jsonl("dbpedia14", rows)

    assert Dbpedia14().load(root).train.inputs == ["T c", "d", "e"]


def test_blank_lines_and_a_byte_order_mark_do_no_harm(make, root):
    make.jsonl("ag_news", ['\ufeff{"text": "a", "label": 1}', "", '{"text": "b", "label": 2}', ""])

    assert AgNews().load(root).train.inputs == ["a", "b"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "a", "label": 0}, "{broken"], r"train\.jsonl: row 1 is not JSON"),
        (["[1, 2]"], "row 0 is no JSON object"),
        ([{"text": "a", "label": 4}], "row 0 has the label 4, but labels go from 0 to 3"),
        ([{"text": "a", "label": True}], "row 0 has True in 'label', but needs an integer"),
        ([{"text": "a", "label": 2**80}], "in 'label', but needs an integer"),
        ([{"text": "a", "label": 0}, {"text": "b"}], "row 1 has None in 'label'"),
        ([{"text": "a", "class": 0}], "has the fields text, class, but needs label"),
        ([], "has 0 samples; expected 1 to 120000"),
    ],
)
def test_wrong_labels_are_refused_with_row_and_value(make, root, rows, message):
    make.jsonl("ag_news", rows)

    with pytest.raises(DatasetError, match=message):
        AgNews().summary(root)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": None, "label": 0}, "row 0 has None in 'text', but needs a text"),
        ({"text": 5, "label": 0}, "row 0 has 5 in 'text', but needs a text"),
        ({"body": "a", "label": 0}, "has the fields body, label, but needs text"),
    ],
)
def test_wrong_texts_are_refused(make, root, row, message):
    make.jsonl("ag_news", [row])

    with pytest.raises(DatasetError, match=message):
        AgNews().load(root)


def test_text_that_is_not_utf8_is_refused(make, root):
    make.jsonl("ag_news", [{"text": "a", "label": 0}])
    path = make.path / "ag_news/train.jsonl"
    path.write_bytes(b'{"text": "caf\xe9", "label": 0}')

    with pytest.raises(DatasetError, match=r"train\.jsonl is not UTF-8"):
        AgNews().summary(root)


def test_one_part_alone_is_refused(make, root):
    make.jsonl("ag_news", [{"text": "a", "label": 0}])
    (make.path / "ag_news/test.jsonl").unlink()

    with pytest.raises(DatasetError, match=r"incomplete: test\.jsonl is missing"):
        AgNews().summary(root)
