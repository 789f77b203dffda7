from __future__ import annotations

import dataclasses
import enum
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alscope.hashing import canonical_json, digest, digest_bytes


class Color(enum.Enum):
    RED = "red"


@dataclass(frozen=True)
class Plain:
    n: int = 1
    note: str = dataclasses.field(default="", compare=False)


@dataclass(frozen=True)
class Named:
    hash_name: ClassVar[str] = "kind:named"
    version: ClassVar[int] = 1
    n: int = 1


@dataclass(frozen=True)
class Part:
    ids: np.ndarray


@dataclass(frozen=True)
class Remembered:
    hash_name: ClassVar[str] = "Part"
    hash_once: ClassVar[bool] = True
    ids: np.ndarray


def test_the_digest_is_pinned() -> None:
    # Digests name runs and cached artifacts on disk: a change here orphans both.
    assert digest({"b": [1, 2.5, None], "a": "ä"}) == "64c926de2e95f58e2699bbc9d35b37d3da4b526d"
    assert digest(np.arange(3)) == "8edef66c3c6a1ff131e53a07e7a400b0b76c566d"


def test_a_digest_has_forty_hexadecimal_characters() -> None:
    assert len(digest(None)) == len(digest_bytes(b"")) == 40
    assert int(digest(None), 16) >= 0


def test_the_order_of_keys_does_not_matter_and_the_order_of_items_does() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest([1, 2]) != digest([2, 1])
    assert digest([1, 2]) == digest((1, 2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0, None),
        ("1", 1),
        ([], None),
        (0.0, -0.0),
        (0.1 + 0.2, 0.3),
        (np.zeros(2), np.zeros(2, dtype=np.float32)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros(0, dtype=np.int64), np.zeros(0)),
        (Plain(1), {"n": 1}),
        (Plain(1), Plain(2)),
    ],
)
def test_different_values_have_different_digests(one: Any, other: Any) -> None:
    assert digest(one) != digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.int32(3), 3),
        (np.float64(0.5), 0.5),
        (Color.RED, "red"),
        (Plain(1, note="a"), Plain(1, note="b")),
        (np.arange(6).reshape(2, 3).T, np.arange(6).reshape(2, 3).T.copy()),
        (np.arange(3, dtype=">i4"), np.arange(3, dtype="<i4")),
    ],
)
def test_equal_values_have_equal_digests(one: Any, other: Any) -> None:
    assert digest(one) == digest(other)


def test_a_registered_name_and_version_stand_for_the_class() -> None:
    @dataclass(frozen=True)
    class Moved:
        hash_name: ClassVar[str] = "kind:named"
        version: ClassVar[int] = 1
        n: int = 1

    @dataclass(frozen=True)
    class Changed(Moved):
        version: ClassVar[int] = 2

    assert digest(Moved()) == digest(Named())
    assert digest(Changed()) != digest(Named())


@given(st.floats(allow_nan=False))
def test_floats_are_told_apart_exactly(value: float) -> None:
    assert digest(value) == digest(float(str(value)))
    assert math.isinf(value) or digest(value) != digest(math.nextafter(value, math.inf))


@pytest.mark.parametrize(
    "value", [{1, 2}, len, object(), b"bytes", {1: "a"}, np.array([None]), Plain, 1j]
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        digest(value)


def test_a_path_is_refused_because_it_differs_between_machines() -> None:
    with pytest.raises(TypeError, match="across machines"):
        digest({"data": Path("folder") / "data"})


def test_a_form_that_is_remembered_is_the_form_and_belongs_to_one_value() -> None:
    part, once = Part(np.arange(3)), Remembered(np.arange(3))

    assert digest([once, {"again": once}]) == digest([part, {"again": part}])
    assert digest(once) == digest(part) != digest(Remembered(np.arange(4)))
    assert once.__dict__["_canonical_form"]["ids"]["shape"] == [3]


def test_canonical_json_is_compact_sorted_and_ascii() -> None:
    assert canonical_json({"b": "ä", "a": [True, None]}) == '{"a":[true,null],"b":"\\u00e4"}'
