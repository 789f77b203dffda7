from __future__ import annotations

import collections
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from alscope.backbones._checkpoint import check_sha256, read_checkpoint
from alscope.errors import StoreError

FORMATS = pytest.mark.parametrize("new", [True, False], ids=["archive", "stream"])


def saved(path: Path, content: object, *, new: bool) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=new)
    return path


@FORMATS
def test_the_state_of_a_network_is_read_as_it_was_saved(new: bool, tmp_path: Path) -> None:
    state = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)).state_dict()
    found = read_checkpoint(saved(tmp_path / "x.pth", state, new=new))

    assert list(found) == list(state)
    for name, value in state.items():
        assert torch.equal(found[name], value)
        assert found[name].dtype == value.dtype


@FORMATS
def test_views_and_shared_storages_are_followed(new: bool, tmp_path: Path) -> None:
    whole = torch.arange(24.0).reshape(4, 6)
    state = collections.OrderedDict(
        whole=whole, turned=whole.T, part=whole[1:, 2:4], half=whole.half(), one=torch.tensor(7)
    )
    state["weights"] = nn.Parameter(torch.ones(2))
    found = read_checkpoint(saved(tmp_path / "x.pth", state, new=new))

    assert all(torch.equal(found[name], state[name]) for name in state)


class Hostile:
    """Runs a command when unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


@FORMATS
@pytest.mark.parametrize(
    "content",
    [Hostile(), {"weight": Hostile()}, [1, 2], {"a": 1}, nn.ReLU()],
    ids=["object", "object within", "list", "number", "module"],
)
def test_anything_but_named_tensors_is_refused_and_nothing_runs(
    content: object, new: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path / "x.pth", content, new=new)

    with pytest.raises(StoreError, match="not a checkpoint of named tensors"):
        read_checkpoint(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
@FORMATS
def test_a_file_that_ends_early_is_refused(new: bool, share: float, tmp_path: Path) -> None:
    path = saved(tmp_path / "x.pth", {"weight": torch.ones(100)}, new=new)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])

    with pytest.raises(StoreError, match="not a checkpoint of named tensors"):
        read_checkpoint(path)


def test_a_file_is_known_by_its_digest_or_the_beginning_of_it(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"weights")

    check_sha256(path, "9a129038")
    check_sha256(path, "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c")
    with pytest.raises(StoreError, match="remove it and fetch it again"):
        check_sha256(path, "0" * 64)
