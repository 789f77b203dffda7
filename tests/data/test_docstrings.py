import logging
import re

import pytest

from alscope.data._harvest import harvest
from alscope.data.docstrings import Docstrings
from alscope.errors import DatasetError

MODULE = '''
def documented():
    """Returns the :class:`~numpy.ndarray` of ``sums`` along
    the given axis of an array.

    The second paragraph is kept as well.

    The third one is not.
    """


def listed():
    """Compute the mean of many given values.

    Parameters
    ----------
    x : array of numbers that nobody wants to read about here
    """


def short():
    """Too short."""


def long():
    """{many}"""


def _private():
    """A private function whose docstring nobody should ever see."""


class Public:
    """A public class with a docstring of its own."""

    async def method(self):
        """A public method with a docstring of its own."""

    def _hidden(self):
        """A private method whose docstring nobody should ever see."""


def bare():
    return "\\d"
'''.replace("{many}", "word " * 60)


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "site" / "harvested_package"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('imported')")
    (folder / "_module.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


def texts(**limits):
    return harvest("harvested_package", **{"max_files": 100, "max_texts": 100, **limits})


def test_harvest_keeps_two_paragraphs_without_markup_and_library_names(package):
    assert (
        "Returns the library.ndarray of sums along the given axis of an array. "
        "The second paragraph is kept as well."
    ) in texts()


def test_harvest_stops_before_parameter_lists(package):
    assert "Compute the mean of many given values." in texts()


def test_harvest_keeps_six_to_fifty_words(package):
    assert {len(text.split()) for text in texts()} <= set(range(6, 51))
    assert " ".join(["word"] * 50) in texts()


def test_harvest_leaves_private_names_out_and_takes_methods(package):
    joined = " ".join(texts())

    assert "private" not in joined
    assert "public method" in joined


@pytest.mark.parametrize("name", ["tests/a.py", "_vendor/a.py", "test_a.py", "conftest.py"])
def test_harvest_skips_tests_and_private_folders(package, name):
    path = package / name
    path.parent.mkdir(exist_ok=True)
    path.write_text('def f():\n    """This docstring stands where nobody looks for it."""\n')

    assert not any("nobody looks" in text for text in texts())


def test_harvest_skips_files_that_are_no_python(package):
    (package / "template.py").write_text("def {{ name }}():")

    assert len(texts()) == 5


def test_harvest_obeys_its_limits(package):
    assert len(texts(max_texts=2)) == 2
    assert texts(max_files=0) == []


def test_harvest_of_a_missing_package_says_what_to_do():
    with pytest.raises(DatasetError, match="install it, or choose the digits set"):
        harvest("no_such_package_anywhere", max_files=1, max_texts=1)


def test_package_without_sources_is_not_available(root, package):
    spec = Docstrings(packages=("harvested_package",))
    assert spec.available(root)

    (package / "__init__.py").unlink()
    assert not spec.available(root)


@pytest.fixture
def small():
    return Docstrings(packages=("networkx", "scikit-learn"), max_files=12, max_texts=40)


def test_docstrings_split_three_to_one(root, small):
    raw = small.load(root)
    shares = [len(raw.test.inputs) / (len(raw.train.inputs) + len(raw.test.inputs))]

    assert shares[0] == pytest.approx(0.25, abs=0.02)
    assert set(raw.test.targets) == set(raw.train.targets) == {0, 1}


def test_docstrings_never_name_their_library(root, small):
    raw = small.load(root)
    names = re.compile(r"\b(networkx|sklearn|numpy)\b", re.IGNORECASE)

    assert not any(names.search(text) for text in raw.train.inputs)


def test_docstrings_are_unique_over_all_classes(root, small):
    raw = small.load(root)
    every = [*raw.train.inputs, *raw.test.inputs]

    assert len(set(every)) == len(every)


def test_text_of_two_packages_belongs_to_neither(root, package, monkeypatch):
    twin = package.parent / "harvested_twin"
    twin.mkdir()
    (twin / "__init__.py").write_text('def f():\n    """A text that only the twin has, really."""')
    (twin / "module.py").write_text(MODULE)
    raw = Docstrings(packages=("harvested_package", "harvested_twin")).load(root)

    assert [*raw.train.inputs, *raw.test.inputs] == ["A text that only the twin has, really."]


def test_note_lists_the_versions(root, small):
    from importlib.metadata import version

    assert f"docstrings of networkx {version('networkx')}, scikit-learn" in small.summary(root).note


def test_the_first_look_makes_the_table(root, small):
    assert not small.at_once(root)
    small.summary(root)
    assert small.at_once(root)


def test_table_is_read_from_the_cache(root, small, monkeypatch):
    first = small.load(root)
    monkeypatch.setattr("alscope.data.docstrings.harvest", lambda *args, **limits: [])

    assert small.load(root).train.inputs == first.train.inputs


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-2], lambda data: data.replace("the", "teh", 1), lambda _: "[]"]
)
def test_damaged_table_is_reported_and_made_again(root, small, caplog, damage):
    before = small.summary(root).fingerprint
    (path,) = (root.cache / "docstrings").iterdir()
    path.write_text(damage(path.read_text()))
    with caplog.at_level(logging.WARNING):
        after = small.summary(root).fingerprint

    assert after == before
    assert "is damaged; reading the packages again" in caplog.text


@pytest.mark.slow
def test_complete_docstrings_have_six_classes_of_useful_size(root):
    summary = Docstrings().summary(root)

    assert len(summary.class_names) == 6
    assert min(map(summary.train_targets.tolist().count, range(6))) > 150
