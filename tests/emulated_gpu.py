"""A GPU where there is none: its tensors are the CPU's, but no operation may mix the two kinds.

What this shows: that everything an operation needs is where the operation is; that nothing is read
from a tensor of the GPU without copying it back; that random numbers of the CPU are drawn on the
CPU. What it cannot show: how a GPU rounds, its memory, its speed, and reduced precision.

The tensors are torch's wrapper subclasses. Below Python they claim to be on "meta", because torch
refuses to differentiate for a GPU that it does not find; in Python they are on "cuda:0".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

__all__ = ["GPU", "GpuTensor", "emulated_gpu"]

GPU = torch.device("cuda", 0)
CPU = torch.device("cpu")
_ops = torch.ops.aten

# Their second argument is where to read or write, and may be on the CPU for a tensor of the GPU.
_INDEXING = {
    _ops.index.Tensor,
    _ops.index_put.default,
    _ops.index_put_.default,
    _ops._index_put_impl_.default,
}
# Those take no numbers of the CPU either, which most operations accept beside tensors of a GPU.
_STRICT = {_ops.cat.default, _ops.stack.default, _ops._fused_adamw_.default}
# For these a GPU has no kernel of whole numbers.
_PRODUCTS = {_ops.mm.default, _ops.addmm.default, _ops.bmm.default, _ops.mv.default}
# They make tensors from numbers, and below Python they would make them on "meta".
_WITH_NUMBERS = {functional.one_hot, torch.where}


class GpuTensor(Tensor):
    """A tensor that claims to be on the GPU.

    Args:
        here: Its values.
    """

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> GpuTensor:
        made: GpuTensor = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            here.size(),
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            layout=here.layout,
            device="meta",
        )
        made.here = here
        return made

    device = property(lambda self: GPU)  # type: ignore[assignment]
    is_cuda = property(lambda self: True)  # type: ignore[assignment]
    is_cpu = property(lambda self: False)  # type: ignore[assignment]
    is_meta = property(lambda self: False)  # type: ignore[assignment]

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["here"], None

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = kwargs or {}
        if func in _INDEXING:
            _refuse(func, tree_leaves((args[0], args[2:])))
        elif func is not _ops.copy_.default:
            _refuse(func, tree_leaves((args, options)))
        here, named = tree_map(_here, (args, options))
        stays = named.get("device") is None or _is_there(named["device"])
        if named.get("device") is not None:
            named["device"] = CPU
        found = func(*here, **named)
        if not stays:
            return found
        found = tree_map(lambda value: GpuTensor(value) if type(value) is Tensor else value, found)
        return return_and_correct_aliasing(func, args, options, found)


class _Commands(TorchFunctionMode):
    """What Python asks of a GPU: tensors made there, and copies there and back."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Any = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        options = dict(kwargs or {})
        if func is Tensor.pin_memory:
            assert not isinstance(args[0], GpuTensor), "only memory of the CPU can be pinned"
            return args[0]
        if func is Tensor.to:
            return _moved(*args, **options)
        if isinstance(args[0] if args else None, GpuTensor):
            if func in (Tensor.cpu, Tensor.tolist):
                back = args[0].detach().here.clone()
                return back if func is Tensor.cpu else back.tolist()
            if func in _WITH_NUMBERS and not any(isinstance(one, Tensor) for one in args[1:]):
                return GpuTensor(func(args[0].detach().here, *args[1:], **options))
            if func is functional.embedding_bag:
                return _bags(*args, **options)
            if func is functional.scaled_dot_product_attention:
                options["attn_mask"] = _as_numbers(options.get("attn_mask"))
        if _is_gpu(options.get("device")):
            _refuse(func, tree_leaves(options))
            return GpuTensor(func(*args, **{**options, "device": CPU}))
        return func(*args, **options)


@contextmanager
def emulated_gpu(*, free_bytes: int = 2**34) -> Iterator[None]:
    """Let torch find one GPU.

    Args:
        free_bytes: Of its memory.
    """
    convert = torch.__future__
    before = convert.get_overwrite_module_params_on_conversion()
    convert.set_overwrite_module_params_on_conversion(True)
    try:
        with pytest.MonkeyPatch.context() as patch, _Commands():
            patch.setattr(torch.cuda, "is_available", lambda: True)
            patch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **options: True)
            patch.setattr(torch.cuda, "device_count", lambda: 1)
            patch.setattr(torch.cuda, "is_initialized", lambda: False)
            patch.setattr(torch.cuda, "synchronize", lambda device=None: None)
            patch.setattr(torch.cuda, "mem_get_info", lambda device=None: (free_bytes, 2**34))
            patch.setattr(torch.cuda, "get_device_name", lambda device=None: "emulated")
            yield
    finally:
        convert.set_overwrite_module_params_on_conversion(before)


def _moved(tensor: Tensor, *places: Any, **options: Any) -> Tensor:
    if places and isinstance(places[0], Tensor):  # like another one
        places = (places[0].device, places[0].dtype, *places[1:])
    wanted = [place for place in (*places, options.get("device")) if _is_device(place)]
    rest = [place for place in places if isinstance(place, torch.dtype)]  # no non_blocking
    named = {name: value for name, value in options.items() if name != "device"}
    is_there = isinstance(tensor, GpuTensor)
    if not wanted or _is_gpu(wanted[0]) == is_there:
        return tensor.to(*rest, **named) if rest or named else tensor
    if is_there:
        return tensor.detach().here.to(*rest, **named).clone()  # type: ignore[attr-defined]
    return GpuTensor(tensor.detach().to(*rest, **named).clone())


def _bags(ids: Tensor, weight: Tensor, *, mode: str, padding_idx: int, **defaults: Any) -> Tensor:
    # torch makes the offsets of equally long rows in Python, out of our sight.
    offsets = GpuTensor(torch.arange(0, ids.numel(), ids.shape[1]))
    modes = {"sum": 0, "mean": 1, "max": 2}
    found: Tensor = torch.embedding_bag(
        weight, ids.reshape(-1), offsets, False, modes[mode], False, None, False, padding_idx
    )[0]
    return found


def _as_numbers(mask: Tensor | None) -> Tensor | None:
    # torch makes them below Python.
    if not isinstance(mask, GpuTensor) or mask.dtype != torch.bool:
        return mask
    return GpuTensor(torch.zeros(mask.shape).masked_fill_(~mask.here, -torch.inf))


def _refuse(func: Any, values: list[Any]) -> None:
    """Raise as a GPU would.

    Raises:
        RuntimeError: If the operation needs something that is elsewhere, or does not exist.
    """
    for value in values:
        if isinstance(value, torch.Generator):
            raise RuntimeError(f"{func}: expected a generator of the GPU")
        if not isinstance(value, Tensor):
            continue
        if isinstance(value, GpuTensor):
            if func in _PRODUCTS and not value.is_floating_point():
                raise RuntimeError(f"{func}: not implemented for {value.dtype}")
        elif value.ndim or func in _STRICT:
            raise RuntimeError(f"{func}: {tuple(value.shape)} is on the CPU, others on the GPU")


def _here(value: Any) -> Any:
    if isinstance(value, GpuTensor):
        return value.here
    if isinstance(value, Tensor) and value.is_meta:  # made below Python, and its value is lost
        assert torch._C._current_graph_task_id() != -1, "this operation is not emulated"
        return torch.zeros((), dtype=value.dtype)  # as everywhere in formulas of derivatives
    return value


def _is_device(value: Any) -> bool:
    return isinstance(value, (torch.device, str))


def _is_gpu(value: Any) -> bool:
    return _is_device(value) and torch.device(value).type == "cuda"


def _is_there(value: Any) -> bool:
    return torch.device(value).type in {"cuda", "meta"}
