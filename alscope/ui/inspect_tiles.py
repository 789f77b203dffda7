"""Samples as tiles: picture or words, what is true, what the model said, one link each.

A tile is HTML made here: every text that comes from data or people is escaped, pictures are data
URLs, and nothing is fetched. The link opens the life of the sample at an address of its own.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import streamlit as st

from alscope.ui.text import percent

if TYPE_CHECKING:
    import pandas as pd

    from alscope.results.trial import Samples, Trial

__all__ = ["class_name", "show_tiles", "tile_address"]

_STYLE = """<style>
.als-tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(132px,1fr));gap:8px}
.als-texts{grid-template-columns:repeat(auto-fill,minmax(260px,1fr))}
.als-tile{display:block;border:1px solid rgba(128,128,128,.45);border-radius:8px;padding:8px;
color:inherit;text-decoration:none;font-size:.84rem;line-height:1.35;overflow-wrap:anywhere}
.als-tile:hover,.als-tile:focus{border-color:currentColor}
.als-tile img{width:100%;max-height:116px;object-fit:contain;image-rendering:pixelated;
display:block;margin-bottom:4px}
.als-tile p{margin:0 0 4px;font-size:.84rem;max-height:8.1em;overflow:hidden}
.als-badge{display:inline-block;border:1px solid currentColor;border-radius:4px;padding:0 4px;
font-weight:600;font-size:.78rem}
</style>"""


def class_name(index: int, names: Sequence[str]) -> str:
    """Name of a known class; its number where names are not at hand."""
    return names[index] if 0 <= index < len(names) else f"class {index}"


def tile_address(sample: int) -> str:
    """The address of the life of a sample: this view, with another tab and sample."""
    names = ("exp", "data", "a", "b", "seed", "r")
    kept = [(name, st.query_params[name]) for name in names if name in st.query_params]
    return "?" + urlencode([*kept, ("tab", "point"), ("sample", str(sample))])


def show_tiles(picks: pd.DataFrame, *, trial: Trial | None, samples: Samples | None) -> None:
    """A grid of samples; on a phone it has one or two columns.

    Args:
        picks: From `alscope.results.picks.picks_frame`; only what is to be seen.
        trial: Names of true classes; None where the data are not at hand.
        samples: Pictures or words; None where the data are not at hand.
    """
    wide = samples is not None and samples.modality != "image"
    tiles = [_tile(row, trial, samples) for row in picks.to_dict("records")]
    kind = "als-tiles als-texts" if wide else "als-tiles"
    st.html(f'{_STYLE}<div class="{kind}">{"".join(tiles)}</div>')


def _tile(row: dict[Any, Any], trial: Trial | None, samples: Samples | None) -> str:
    sample = int(row["sample"])
    lines = _lines(row, trial)
    told = html.escape(f"Sample {sample}: " + ", ".join(lines), quote=True)
    look = ""
    if samples is not None and samples.modality == "image":
        look = f'<img src="{samples.image(sample)}" alt="{told}">'
    elif samples is not None:
        look = f"<p>{html.escape(samples.words(sample))}</p>"
    unknown = row["round"] >= 0 and not row["known"]
    badge = '<span class="als-badge">OOD</span> ' if unknown else ""
    facts = "<br>".join(html.escape(line) for line in lines)
    where = html.escape(tile_address(sample), quote=True)
    return (
        f'<a class="als-tile" href="{where}" target="_self" title="{told}">{look}'
        f"{badge}<b>#{sample}</b><br>{facts}</a>"
    )


def _lines(row: dict[Any, Any], trial: Trial | None) -> list[str]:
    names = trial.class_names if trial else ()
    lines = [_truth(row, trial)]
    if row["predicted"] >= 0:
        right = "✓" if row["predicted"] == row["label"] else "✗" if row["round"] >= 0 else ""
        said = f"says {class_name(row['predicted'], names)}, {percent(row['confidence'])} {right}"
        lines.append(said.rstrip())
    if row["round"] >= 0:
        lines.append(f"round {row['round']}, choice {row['rank'] + 1}")
    if not math.isnan(row["score"]):
        lines.append(f"score {row['score']:.4g}")
    if row.get("origin"):
        lines.append(row["origin"])
    return lines


def _truth(row: dict[Any, Any], trial: Trial | None) -> str:
    """The true class; where the annotator erred or names are absent, the answer."""
    answered = class_name(row["label"], trial.class_names if trial else ())
    if trial is None:
        if row["round"] < 0:
            return "not annotated"
        return answered if row["known"] else "unknown class"
    import numpy as np

    true = trial.true_names(np.array([row["sample"]]))[0]
    if row["known"] and answered != true:
        return f"is {true}, answered {answered}"
    return f"is {true}"
