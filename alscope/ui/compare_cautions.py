"""Compare: what strategies say against their own queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alscope.results.cautions import cautions_frame
from alscope.ui.text import plain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["said_of_queries"]


def said_of_queries(rounds: pd.DataFrame) -> list[str]:
    """One message per strategy and reason, in Markdown.

    A strategy whose parameters do not suit the data would be taken for a bad one otherwise.
    """
    return [
        f"{plain(row['strategy'])}, in {row['n_said']:,} of {row['n_queries']:,} queries: "
        f"{plain(row['caution'])}."
        for row in cautions_frame(rounds).to_dict("records")
    ]
