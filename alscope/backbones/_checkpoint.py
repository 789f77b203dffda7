"""Checkpoints that torch saved, read without unpickling anything.

The old format is a program for a stack machine, and running it with `pickle` can run any code. Here
`pickletools` lists its opcodes, and a machine that knows no functions follows them: it builds
dictionaries, tuples and descriptions of tensors. Everything else is refused.
"""

from __future__ import annotations

import hashlib
import math
import pickletools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch
from torch import Tensor

from alscope.errors import StoreError

__all__ = ["check_sha256", "read_checkpoint"]

_TYPES = {
    "torch FloatStorage": torch.float32,
    "torch DoubleStorage": torch.float64,
    "torch HalfStorage": torch.float16,
    "torch LongStorage": torch.int64,
    "torch IntStorage": torch.int32,
}
_PLAIN = frozenset({"BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "BINFLOAT"})
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Name(str):
    """A function or class that the program names; never looked up."""


class _Mark:
    """Where the arguments of the next opcode begin on the stack."""


class _Storage(NamedTuple):
    dtype: torch.dtype
    key: str
    numel: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def check_sha256(path: Path, expected: str) -> str:
    """Check that a file is the one that was looked at when its digest was pinned.

    Args:
        path: The file.
        expected: SHA-256 in hexadecimal, or its beginning.

    Returns:
        Its SHA-256, complete.

    Raises:
        StoreError: If it is another one.
    """
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if not found.startswith(expected):
        raise StoreError(
            f"{path} is not the expected file: its SHA-256 is {found}, not {expected}; "
            "remove it and fetch it again"
        )
    return found


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of a state dictionary in either format of torch.

    Raises:
        StoreError: If the file holds anything but named tensors, or is damaged.
    """
    try:
        if zipfile.is_zipfile(path):
            return _from_archive(path)
        with path.open("rb") as stream:
            return _from_stream(stream)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError) as error:
        raise StoreError(
            f"{path} is not a checkpoint of named tensors ({error}); convert it to safetensors"
        ) from error


def _from_archive(path: Path) -> dict[str, Tensor]:
    with zipfile.ZipFile(path) as archive:
        (program,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        folder = program.removesuffix("data.pkl")
        with archive.open(program) as stream:
            found = _follow(stream)
        return _tensors(found, lambda key: archive.read(f"{folder}data/{key}"))


def _from_stream(stream: IO[bytes]) -> dict[str, Tensor]:
    for _ in range(3):  # magic number, version of the format, facts about the machine
        _follow(stream)
    found, keys = _follow(stream), _follow(stream)
    storages = {item.storage.key: item.storage for item in _described(found).values()}
    raw: dict[str, bytes] = {}
    for key in keys:
        numel = int.from_bytes(stream.read(8), "little")
        raw[key] = stream.read(numel * storages[key].dtype.itemsize)
    return _tensors(found, raw.__getitem__)


def _described(found: Any) -> dict[str, _Tensor]:
    if not isinstance(found, dict):
        raise TypeError(f"it holds a {type(found).__name__}")
    for name, item in found.items():
        if not isinstance(name, str) or not isinstance(item, _Tensor):
            raise TypeError(f"{name!r} is no tensor")
    return found


def _tensors(found: Any, read: Callable[[str], bytes]) -> dict[str, Tensor]:
    return {name: _tensor(item, read(item.storage.key)) for name, item in _described(found).items()}


def _tensor(item: _Tensor, raw: bytes) -> Tensor:
    steps = zip(item.shape, item.stride, strict=True)
    last = item.offset + sum((size - 1) * step for size, step in steps)
    if len(raw) != item.storage.numel * item.storage.dtype.itemsize or (
        math.prod(item.shape) > 0 and not 0 <= last < item.storage.numel
    ):
        raise ValueError("a tensor reaches beyond its data")
    flat = torch.frombuffer(bytearray(raw), dtype=item.storage.dtype)
    return flat.as_strided(item.shape, item.stride, item.offset).clone()


def _follow(stream: IO[bytes]) -> Any:
    """What a program would build, with descriptions in place of tensors."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for opcode, argument, _ in pickletools.genops(stream):
        name = opcode.name
        if name in _PLAIN:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name == "GLOBAL":
            stack.append(_Name(argument))
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[_number(argument)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[_number(argument)])
        elif name == "STOP":
            break
        elif name != "PROTO":
            _step(name, stack)
    (result,) = stack
    return result


def _number(argument: Any) -> int:
    return int(argument)


def _step(name: str, stack: list[Any]) -> None:
    """Carry out an opcode that combines what is on the stack."""
    if name == "MARK":
        stack.append(_Mark())
    elif name in _TUPLES:
        start = len(stack) - _TUPLES[name]
        stack[start:] = [tuple(stack[start:])]
    elif name == "TUPLE":
        stack.append(tuple(_above_mark(stack)))
    elif name == "APPENDS":
        items = _above_mark(stack)
        stack[-1].extend(items)
    elif name in ("SETITEM", "SETITEMS"):
        items = _above_mark(stack) if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
        stack[-1].update(zip(items[::2], items[1::2], strict=True))
    elif name == "BINPERSID":
        stack.append(_storage(stack.pop()))
    elif name == "REDUCE":
        arguments, function = stack.pop(), stack.pop()
        stack.append(_described_call(function, arguments))
    elif name == "BUILD":
        stack.pop()  # attributes of the dictionary: versions of modules
    else:
        raise ValueError(f"its program has the opcode {name}")


def _above_mark(stack: list[Any]) -> list[Any]:
    place = max(index for index, item in enumerate(stack) if isinstance(item, _Mark))
    items = stack[place + 1 :]
    del stack[place:]
    return items


def _storage(identity: Any) -> _Storage:
    _, kind, key, _, numel, *_ = identity
    return _Storage(_TYPES[kind], key, numel)


def _described_call(function: Any, arguments: Any) -> Any:
    if function == "collections OrderedDict" and arguments == ():
        return {}
    if function == "torch._utils _rebuild_tensor_v2":
        storage, offset, shape, stride, *_ = arguments
        return _Tensor(storage, offset, shape, stride)
    if function == "torch._utils _rebuild_parameter":
        return arguments[0]
    raise ValueError(f"its program calls {function}")
