"""What strategies say against their own queries."""

from __future__ import annotations

import pandas as pd

__all__ = ["cautions_frame"]


def cautions_frame(rounds: pd.DataFrame) -> pd.DataFrame:
    """How often each strategy said what.

    Args:
        rounds: From `alscope.results.frames.rounds_frame`.

    Returns:
        strategy, caution, n_said (queries of which it was said), n_queries (of the strategy).
    """
    asked = rounds[rounds["query_size"] > 0]
    n_queries = asked.groupby("strategy").size()
    said = asked[asked["caution"] != ""].groupby(["strategy", "caution"]).size()
    frame = said.rename("n_said").reset_index()
    return frame.assign(n_queries=frame["strategy"].map(n_queries).astype("int64"))
