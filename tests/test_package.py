"""The public names of the package."""

from __future__ import annotations

import pytest

import alscope


@pytest.mark.parametrize("name", alscope.__all__)
def test_every_public_name_can_be_loaded(name: str) -> None:
    assert getattr(alscope, name).__name__ == name
    assert name in dir(alscope)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Servise'"):
        _ = alscope.Servise
