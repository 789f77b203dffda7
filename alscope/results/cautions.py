"""What strategies say against their own queries."""

from __future__ import annotations

import pandas as pd

__all__ = ["caution_texts", "cautions_frame"]


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


def caution_texts(rounds: pd.DataFrame) -> list[str]:
    """The same as a sentence per strategy and reason.

    A strategy whose parameters do not suit the data would be taken for a bad one otherwise.
    """
    return [
        f"{row['strategy']}, in {row['n_said']:,} of {row['n_queries']:,} queries: "
        f"{row['caution']}."
        for row in cautions_frame(rounds).to_dict("records")
    ]
