from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest

from alscope import registry
from alscope.errors import UnknownNameError
from alscope.registry import Registry

ENTRY = """
from tests.test_registry import CURRENT

@CURRENT[0].register({name!r}, title={name!r})
class {cls}:
    pass
"""

CURRENT: list[Registry] = []


@pytest.fixture
def things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry over a package of three modules, one of them private."""
    package = tmp_path / "things_of_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "apple.py").write_text(ENTRY.format(name="apple", cls="Apple"))
    (package / "pear.py").write_text(ENTRY.format(name="pear", cls="Pear"))
    (package / "_hidden.py").write_text("raise AssertionError('private modules stay unread')")
    monkeypatch.syspath_prepend(tmp_path)
    made: Registry = Registry("thing", "things_of_test")
    monkeypatch.setattr("tests.test_registry.CURRENT", [made])
    yield made
    for name in [name for name in sys.modules if name.startswith("things_of_test")]:
        del sys.modules[name]


def test_public_modules_are_found_and_sorted_by_name(things: Registry) -> None:
    assert things.names() == ("apple", "pear")
    assert list(things) == ["apple", "pear"]
    assert len(things) == 2
    assert "pear" in things
    assert "plum" not in things


def test_an_entry_knows_its_key_and_its_name_for_digests(things: Registry) -> None:
    assert things.get("apple").key == "apple"
    assert things.get("apple").hash_name == "thing:apple"


def test_facts_are_kept_and_cannot_be_changed_from_outside(things: Registry) -> None:
    things.info("apple")["title"] = "changed"

    assert things.info("apple") == {"title": "apple"}


def test_an_unknown_name_comes_with_the_nearest_valid_one(things: Registry) -> None:
    with pytest.raises(UnknownNameError, match="unknown thing 'aple'; did you mean 'apple'"):
        things.get("aple")
    with pytest.raises(UnknownNameError, match="known: apple, pear"):
        things.info("zzzzzz")


def test_a_name_belongs_to_one_class(things: Registry) -> None:
    class Other:
        pass

    things.names()
    with pytest.raises(ValueError, match=r"'pear' is registered by things_of_test\.pear"):
        things.register("pear")(Other)


def test_registering_a_class_again_replaces_it(things: Registry) -> None:
    # A module that is reloaded defines the same class anew.
    def define() -> type:
        class Plum:
            pass

        return Plum

    things.register("plum")(define())
    latest = things.register("plum")(define())

    assert things.get("plum") is latest


def test_plug_ins_are_loaded_and_a_broken_one_takes_no_other_down(
    things: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load() -> None:
        things.register("plum")(type("Plum", (), {}))

    def points(group: str) -> list[object]:
        assert group == "things_of_test"
        broken = EntryPoint("bad", "no_such_module_of_test", group)
        return [broken, SimpleNamespace(name="plum", value="plums", load=load)]

    monkeypatch.setattr(registry, "entry_points", points)
    with pytest.warns(UserWarning, match="plug-in 'bad' .* could not be loaded and is left out"):
        names = things.names()

    assert names == ("apple", "pear", "plum")


def test_the_package_has_three_registries() -> None:
    kinds = [one.kind for one in (registry.strategies, registry.datasets, registry.backbones)]

    assert kinds == ["strategy", "dataset", "backbone"]
