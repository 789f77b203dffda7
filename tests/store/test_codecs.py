from __future__ import annotations

import hashlib
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save

from alscope.errors import ShapeError, StoreError
from alscope.store.codecs import decode, encode, from_json, normal_arrays, plain_values, to_json
from alscope.types import RunState

DTYPES = ("bool", "uint8", "int16", "uint16", "int64", "uint64", "float16", "float32", "float64")
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda name: hnp.arrays(np.dtype(name), SHAPES, fill=st.nothing())
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def bits(array: np.ndarray) -> tuple[object, ...]:
    return array.shape, array.dtype.name, array.tobytes()


@given(arrays=st.dictionaries(st.text(), ARRAYS, max_size=4), meta=st.dictionaries(st.text(), JSON))
def test_arrays_and_meta_come_back_bit_for_bit(
    arrays: dict[str, np.ndarray], meta: dict[str, object]
) -> None:
    found, found_meta = decode(encode(arrays, meta))

    assert {name: bits(array) for name, array in found.items()} == {
        name: bits(array) for name, array in arrays.items()
    }
    assert to_json(found_meta) == to_json(meta)


@given(JSON)
def test_json_keeps_every_bit_of_a_value(value: object) -> None:
    assert repr(from_json(to_json(value).encode())) == repr(_sorted(value))
    assert repr(plain_values(value)) == repr(_sorted(value))


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def test_payloads_of_nan_and_signs_of_zero_survive() -> None:
    raw = np.array([0x7FF8000000000001, 0xFFF8000000000002, 0x8000000000000000], dtype=np.uint64)
    found, _ = decode(encode({"x": raw.view(np.float64)}, {}))

    assert found["x"].view(np.uint64).tolist() == raw.tolist()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4).T,
        np.arange(12)[::-3],
        np.arange(5, dtype=">i8"),
        np.array(2.5, dtype=">f4"),
        np.zeros((0, 3), dtype=np.uint16),
        np.array(True),
    ],
)
def test_odd_layouts_come_back_equal_contiguous_and_native(array: np.ndarray) -> None:
    found = decode(encode({"x": array}, {}))[0]["x"]

    assert found.shape == array.shape
    assert found.dtype == array.dtype.newbyteorder("=")
    assert np.array_equal(found, array)
    assert found.flags.c_contiguous
    assert found.flags.writeable


def test_normal_arrays_are_what_a_reader_gets() -> None:
    arrays = {"b": np.arange(6.0).reshape(2, 3).T, "a": np.arange(3, dtype=">u2")}
    computed, read = normal_arrays(arrays), decode(encode(arrays, {}))[0]

    assert list(computed) == list(read)
    for name, array in computed.items():
        assert bits(array) == bits(read[name])
        assert array.strides == read[name].strides


def test_equal_contents_give_equal_bytes_in_any_order() -> None:
    a, b = np.arange(3), np.arange(2.0)

    assert encode({"a": a, "b": b}, {"x": 1, "y": 2}) == encode({"b": b, "a": a}, {"y": 2, "x": 1})


def test_reserved_names_are_names_like_any_other() -> None:
    found, _ = decode(encode({"__metadata__": np.arange(2), "": np.arange(3)}, {}))

    assert {name: array.size for name, array in found.items()} == {"__metadata__": 2, "": 3}


@pytest.mark.parametrize(
    "array",
    [
        np.array([None, 1], dtype=object),
        np.array(["text"]),
        np.array([b"bytes"]),
        np.zeros(2, dtype=[("a", "f4")]),
        np.zeros(1, dtype=np.complex128),
        np.zeros(1, dtype="datetime64[s]"),
    ],
)
def test_what_cannot_be_stored_exactly_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ShapeError, match="cannot be stored"):
        encode({"x": array}, {})


@pytest.mark.parametrize("value", [{1: 2}, {"a": {1, 2}}, [np.zeros(2)], object(), b"x"])
def test_values_without_a_json_form_are_refused(value: object) -> None:
    with pytest.raises(StoreError):
        to_json(value)


def test_numpy_scalars_enumerations_and_tuples_become_plain_json() -> None:
    value = {"n": np.int64(3), "x": np.float32(0.5), "b": np.bool_(True), "s": RunState.DONE}

    assert to_json({**value, "t": (1, 2)}) == '{"b":true,"n":3,"s":"done","t":[1,2],"x":0.5}'
    assert math.isnan(from_json(to_json(np.float64("nan")).encode()))


def test_every_flipped_byte_and_every_truncation_is_noticed() -> None:
    data = encode({"x": np.arange(4, dtype=np.int16)}, {"cost": 1.5})

    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        for bad in (bytes(damaged), data[:place]):
            with pytest.raises(StoreError):
                decode(bad)
    with pytest.raises(StoreError):
        decode(data + b"\0")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"[]", save({})),
        (b"{}", save({})),
        (b"{", save({})),
        (b"[" * 100_000, save({})),
        (b'{"meta":{},"names":["a"]}', save({})),
        (b'{"meta":[],"names":[]}', save({})),
        (b'{"meta":{},"names":[]}', save({"0": np.zeros(1)})),
        (b'{"meta":{},"names":["a"]}', save({"1": np.zeros(1)})),
        (b'{"meta":{},"names":[]}', b"no arrays"),
    ],
)
def test_a_record_with_a_right_checksum_and_a_wrong_content_is_refused(
    head: bytes, body: bytes
) -> None:
    rest = struct.pack("<Q", len(head)) + head + body
    forged = b"ALSCOPE1" + hashlib.blake2b(rest, digest_size=32).digest() + rest

    with pytest.raises(StoreError, match="form"):
        decode(forged)


def test_plain_values_are_what_a_reader_gets_in_the_same_order() -> None:
    value = {
        "b": (np.float32(0.1), np.int64(3), float("inf"), True, None),
        "a": {"z": ["\ud800", "é"], "y": np.bool_(True)},
    }
    read, plain = from_json(to_json(value).encode()), plain_values(value)

    assert plain == read
    assert (
        [list(plain), list(plain["a"])] == [list(read), list(read["a"])] == [["a", "b"], ["y", "z"]]
    )
    assert [type(item) for item in plain["b"]] == [type(item) for item in read["b"]]
