import numpy as np
import pytest

from alscope.data.oracle import TruthOracle
from alscope.errors import SelectionError

ORACLE = TruthOracle(np.array([0, -1, 2]))


def test_truth_oracle_answers_in_query_order():
    outcome = ORACLE.annotate(np.array([2, 0, 1]))

    assert outcome.labels.tolist() == [2, 0, -1]
    assert outcome.known.tolist() == [True, True, False]


@pytest.mark.parametrize("index", [-1, 3])
def test_truth_oracle_refuses_samples_that_do_not_exist(index):
    with pytest.raises(SelectionError, match=f"sample {index} does not exist"):
        ORACLE.annotate(np.array([0, index]))
