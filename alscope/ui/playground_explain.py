"""Why this point? Its numbers, the formula with them filled in, its rank under every strategy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from alscope.playground.cursor import DIRECTIONS, Direction, nearest, walk
from alscope.playground.explain import NEAR, Facts, facts_of, next_point, position_of, ranks
from alscope.playground.formulas import written
from alscope.playground.frames import player_title
from alscope.playground.game import Board, scene_of
from alscope.playground.link import Game
from alscope.playground.offers import Scene
from alscope.playground.verdict import rank_words
from alscope.registry import strategies
from alscope.ui import nav
from alscope.ui import playground_state as state
from alscope.ui.figures import download_frame
from alscope.ui.playground_board import background_choice, show_board, transport

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["picked_point", "rank_sentences", "show_explain", "walk_buttons"]

BOARD = "playground_explain_board"
_WHERE = {"left": "to the left", "right": "to the right", "up": "above", "down": "below"}


def show_explain(game: Game, board: Board) -> None:
    """The board with scores behind, and the card of one point."""
    scene = scene_of(board)
    point = _point(game, board, scene)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        show_board(board, shown=game.shown, key=BOARD, marked=point, on_pick=_pick)
        background_choice(game)
    with right:
        transport(game, is_over=not board.n_next)
        if point < 0:
            st.info("The budget is spent: nothing is bought any more. Undo a step to ask again.")
            return
        walk_buttons(scene, point, lambda found: state.replace(point=found))
        _card(board, scene, point)


def walk_buttons(scene: Scene, point: int, go: Callable[[int], None]) -> None:
    """Four buttons, and four keys, that move to the next point of the pool."""
    place = _place(scene, point)
    with st.container(horizontal=True, vertical_alignment="center"):
        for direction in DIRECTIONS:
            st.button(
                direction.capitalize(),
                help=f"The next point {_WHERE[direction]}.",
                shortcut=direction.capitalize(),
                on_click=_walker(scene, place, direction, go),
                key=f"playground_walk_{direction}",
            )


def picked_point(key: str) -> int:
    """The point that was clicked on a board; -1 for none."""
    from alscope.charts.playground import PICK

    chosen = st.session_state.get(key, {}).get("selection", {}).get(PICK) or [{}]
    found = chosen[-1].get("id")
    return int(found) if isinstance(found, int | float) and math.isfinite(found) else -1


def _walker(
    scene: Scene, place: tuple[float, float], direction: Direction, go: Callable[[int], None]
) -> Callable[[], None]:
    def move() -> None:
        go(walk(scene, place, direction))

    return move


def _pick() -> None:
    point = picked_point(BOARD)
    if point >= 0:
        state.replace(point=point)


def _point(game: Game, board: Board, scene: Scene) -> int:
    """The point to explain: the chosen one while it is in the pool, else the next to be bought."""
    if game.point >= 0 and game.point in scene.ids:
        return game.point
    return next_point(board)


def _place(scene: Scene, point: int) -> tuple[float, float]:
    if point not in scene.ids:
        point = nearest(scene, (0.0, 0.0))
    x, y = scene.points["pool"][position_of(scene, point)]
    return float(x), float(y)


def _card(board: Board, scene: Scene, point: int) -> None:
    facts, title = facts_of(scene, point), player_title(board.player)
    wanted = next_point(board)
    st.subheader(f"Why point {point}?")
    if point == wanted:
        st.markdown(f"**{title} buys it next.**")
    st.markdown(_sentence(facts))
    formula = written(board.player, scene, position_of(scene, point))
    if formula:
        st.latex(formula.latex())
    st.caption(str(strategies.info(board.player).get("summary", "")))
    table = ranks(board, point)
    own = table[table["strategy"] == board.player]
    st.markdown(" ".join(rank_sentences(own)))
    with st.expander("Its rank under every strategy", key="playground_ranks"):
        shown = _rank_table(table)
        st.dataframe(
            shown,
            hide_index=True,
            alt=f"Rank of point {point} under {len(shown)} strategies.",
        )
        download_frame(table, key="playground_ranks_files", stem=f"Ranks of point {point}")
    nav.link("strategies", f"More about {title}", s=board.player)


def _sentence(facts: Facts) -> str:
    probs = ", ".join(f"class {c + 1} **{p:.2f}**" for c, p in enumerate(facts.probs))
    return (
        f"The classifier says {probs}. Margin **{facts.margin:.3f}**, entropy "
        f"**{facts.entropy:.3f}** of at most {math.log(max(len(facts.probs), 1)):.3f} nats. "
        f"**{facts.n_near}** of {facts.n_pool - 1} other points of the pool lie within {NEAR:g}; "
        f"the nearest labeled point is **{facts.distance:.2f}** away, and {_farther(facts)} "
        "farther from theirs."
    )


def _farther(facts: Facts) -> str:
    """What a strategy that covers the plane looks at."""
    if not facts.n_farther:
        return "no others are"
    return f"**{facts.n_farther}** {'other is' if facts.n_farther == 1 else 'others are'}"


def rank_sentences(table: pd.DataFrame) -> list[str]:
    """What every strategy of a table of `ranks` makes of the point."""
    return [
        rank_words(
            row["title"],
            rank=int(row["rank"]),
            n_pool=int(row["n_pool"]),
            n_batch=int(row["n_batch"]),
            score=float(row["score"]),
        )
        for row in table.to_dict("records")
    ]


def _rank_table(table: pd.DataFrame) -> pd.DataFrame:
    words = [
        f"{rank} of {n_pool}"
        if not math.isnan(score)
        else (f"choice {rank} of {n_batch}" if rank else "not chosen")
        for score, rank, n_pool, n_batch in zip(
            table["score"], table["rank"], table["n_pool"], table["n_batch"], strict=True
        )
    ]
    shown = table.assign(words=words).sort_values(
        "rank", key=lambda ranks: ranks.where(ranks > 0, 10**6), kind="stable"
    )
    return shown[["title", "words", "score"]].rename(
        columns={"title": "Strategy", "words": "Rank", "score": "Score"}
    )
