"""AG News and TREC-6: Parquet folders, class names, and what is refused."""

import pytest

from alscope.data.ag_news import AgNews
from alscope.data.trec6 import Trec6
from alscope.errors import DatasetError

TREC_NAMES = ("ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM")


def test_ag_news_reads_texts_in_file_order(make, root):
    make.texts()
    raw = AgNews().load(root)

    assert raw.train.inputs[:2] == ["text of class 0", "text of class 1"]
    assert raw.test.targets.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


def test_labels_are_mapped_by_class_name(make, root):
    make.texts(names=("Sci/Tech", "World", "Sports", "Business"))

    assert AgNews().summary(root).train_targets[:4].tolist() == [3, 0, 1, 2]


def test_files_without_class_names_use_the_known_order(make, root):
    make.texts(names=None)

    assert AgNews().summary(root).train_targets[:4].tolist() == [0, 1, 2, 3]


def test_other_class_names_are_refused_and_both_lists_shown(make, root):
    make.texts(names=("World", "Sports", "Business", "Weather"))

    with pytest.raises(
        DatasetError,
        match="has the classes World, Sports, Business, Weather, but expected World, Sports, "
        "Business, Sci/Tech",
    ):
        AgNews().summary(root)


@pytest.mark.parametrize("label", ["coarse_label", "label_coarse", "label"])
@pytest.mark.parametrize("folder", ["trec6", "trec"])
def test_trec_accepts_its_folders_and_columns(make, root, folder, label):
    make.texts(folder, names=TREC_NAMES, label=label, n_classes=6)

    assert Trec6().summary(root).train_targets[:6].tolist() == [0, 1, 2, 3, 4, 5]


def test_trec_without_class_names_is_refused(make, root):
    make.texts("trec", names=None, n_classes=6)

    with pytest.raises(DatasetError, match="holds no class names"):
        Trec6().summary(root)


def test_local_subset_is_visible_in_the_note(make, root):
    make.texts()

    assert AgNews().summary(root).note == (
        "local subset: 20 of 120,000 training samples, 8 of 7,600 test samples"
    )


def test_complete_copy_has_no_note(make, root):
    counts = {"train": [86, 1250, 1162, 1223, 835, 896], "test": [9, 94, 138, 65, 81, 113]}
    for part, sizes in counts.items():
        labels = [label for label, size in enumerate(sizes) for _ in range(size)]
        columns = {"text": ["?"] * len(labels), "label": labels}
        make.parquet("trec", part, columns, names=TREC_NAMES)

    assert Trec6().summary(root).note == ""


def test_official_size_with_other_class_counts_is_refused(make, root):
    make.texts("trec", names=TREC_NAMES, n_classes=6)
    labels = [i % 6 for i in range(500)]
    make.parquet("trec", "test", {"text": ["?"] * 500, "label": labels}, names=TREC_NAMES)

    with pytest.raises(DatasetError, match=r"test part of TREC-6 .* has the official size, but"):
        Trec6().summary(root)


@pytest.mark.parametrize("n", [0, 501])
def test_empty_and_oversized_parts_are_refused(make, root, n):
    import pyarrow as pa

    make.texts("trec", names=TREC_NAMES, n_classes=6)
    columns = {"text": pa.array(["?"] * n, pa.string()), "label": pa.array([0] * n, pa.int64())}
    make.parquet("trec", "test", columns, names=TREC_NAMES)

    with pytest.raises(DatasetError, match=f"has {n} samples; expected 1 to 500"):
        Trec6().summary(root)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a", "b"], "label": [0, 4]}, "row 1 has the label 4, but labels go from 0 to 3"),
        ({"text": ["a", "b"], "label": [0, -1]}, "row 1 has the label -1"),
        ({"text": ["a", "b"], "label": [0, None]}, "row 1 of column 'label' is null"),
        ({"text": ["a"], "label": ["World"]}, "column 'label' holds string, but labels are"),
        ({"text": ["a"], "target": [0]}, "has the columns text, target, but needs label"),
    ],
)
def test_wrong_labels_are_refused_with_row_and_value(make, root, columns, message):
    make.texts()
    make.parquet("ag_news", "test", columns)

    with pytest.raises(DatasetError, match=message):
        AgNews().summary(root)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a", None], "label": [0, 1]}, "row 1 of column 'text' is null"),
        ({"text": [1, 2], "label": [0, 1]}, "column 'text' holds int64, not text"),
        ({"title": ["a"], "label": [0]}, "has the columns title, label, but needs text"),
    ],
)
def test_wrong_texts_are_refused(make, root, columns, message):
    make.texts()
    make.parquet("ag_news", "test", columns)

    with pytest.raises(DatasetError, match=message):
        AgNews().load(root)


@pytest.mark.parametrize("metadata", [b"no json", b"{}", b"[]"])
def test_unreadable_feature_metadata_counts_as_none(make, root, metadata):
    import pyarrow.parquet as pq

    make.texts()
    path = make.path / "ag_news/train-00000-of-00001.parquet"
    table = pq.read_table(path).replace_schema_metadata({"huggingface": metadata})
    pq.write_table(table, path)

    assert AgNews().summary(root).train_targets[:4].tolist() == [0, 1, 2, 3]


def test_file_that_is_no_parquet_is_refused(make, root):
    make.texts()
    (make.path / "ag_news/test-00000-of-00001.parquet").write_bytes(b"hello")

    with pytest.raises(DatasetError, match="is not a readable Parquet file"):
        AgNews().summary(root)


def test_folder_with_one_part_is_refused(make, root):
    make.texts()
    (make.path / "ag_news/test-00000-of-00001.parquet").unlink()

    with pytest.raises(DatasetError, match=r"has no test-\*.parquet; put both parts there"):
        AgNews().summary(root)


def test_shards_are_read_in_order(make, root):
    make.texts()
    make.path.joinpath("ag_news/train-00000-of-00001.parquet").unlink()
    for number, word in enumerate(["first", "second"]):
        columns = {"text": [word], "label": [number]}
        make.parquet("ag_news", "train", columns, shard=f"0000{number}-of-00002")

    assert AgNews().load(root).train.inputs == ["first", "second"]


def test_missing_shards_are_refused(make, root):
    make.texts()
    make.path.joinpath("ag_news/train-00000-of-00001.parquet").unlink()
    make.parquet("ag_news", "train", {"text": ["a"], "label": [0]}, shard="00001-of-00002")

    with pytest.raises(DatasetError, match="shards are missing"):
        AgNews().summary(root)


def test_mixed_shards_are_refused(make, root):
    make.texts()
    make.parquet("ag_news", "train", {"text": ["a"], "label": [0]}, shard="00000-of-00002")

    with pytest.raises(DatasetError, match="shards are missing"):
        AgNews().summary(root)


def test_summary_follows_a_replaced_file(make, root):
    make.texts()
    before = AgNews().summary(root)
    make.parquet("ag_news", "train", {"text": ["other"], "label": [3]})
    after = AgNews().summary(root)

    assert after.train_targets.tolist() == [3]
    assert after.fingerprint != before.fingerprint


def test_summary_is_remembered(make, root):
    make.texts()

    assert AgNews().summary(root) is AgNews().summary(root)
