"""A strategy's answer is checked, never repaired."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from alscope.engine.validate import check_selection
from alscope.errors import SelectionError
from alscope.types import Selection

BAD: dict[str, Any] = {
    "a list": [0, 1, 2],
    "two dimensions": np.array([[0, 1, 2]]),
    "floats": np.array([0.0, 1.0, 2.0]),
    "too few": np.array([0, 1]),
    "too many": np.array([0, 1, 2, 3]),
    "negative": np.array([-1, 1, 2]),
    "outside": np.array([0, 1, 10]),
    "twice": np.array([1, 1, 2]),
    "booleans": np.array([True, False, True]),
}


@pytest.mark.parametrize("name", BAD)
def test_an_illegal_selection_is_refused(name: str) -> None:
    with pytest.raises(SelectionError):
        check_selection(Selection(BAD[name]), n_pool=10, query_size=3)


def test_a_legal_selection_passes() -> None:
    check_selection(Selection(np.array([9, 0, 4])), n_pool=10, query_size=3)


def test_the_whole_pool_is_legal_when_it_is_smaller_than_the_query() -> None:
    check_selection(Selection(np.array([1, 0])), n_pool=2, query_size=3)


def test_scores_that_are_not_numbers_are_refused() -> None:
    scores = np.array([0.0, np.nan, 1.0])
    with pytest.raises(SelectionError, match="position 1"):
        check_selection(Selection(np.array([0]), scores), n_pool=3, query_size=1)


def test_scores_of_the_wrong_length_are_refused() -> None:
    with pytest.raises(SelectionError, match="3 samples"):
        check_selection(Selection(np.array([0]), np.zeros(2)), n_pool=3, query_size=1)


def test_the_message_names_the_offender() -> None:
    with pytest.raises(SelectionError, match="position 7 was returned twice"):
        check_selection(Selection(np.array([7, 2, 7])), n_pool=10, query_size=3)
