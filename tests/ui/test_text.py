from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alscope.ui import text

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "under 1 s"),
        (45, "45 s"),
        (89, "89 s"),
        (180, "3 min"),
        (3599, "1 h"),
        (4800, "1 h 20 min"),
        (86400, "1 day"),
        (2 * 86400 + 3 * 3600, "2 days 3 h"),
    ],
)
def test_durations_have_one_or_two_units(seconds: float, words: str) -> None:
    assert text.duration(seconds) == words


def test_a_range_names_its_unit_once() -> None:
    assert text.duration_range(120, 300) == "2 to 5 min"
    assert text.duration_range(30, 300) == "30 s to 5 min"
    assert text.duration_range(60, 60) == "about 60 s"
    assert text.duration_range(29 * 60, 182 * 60) == "29 min to 3 h 2 min"


def test_a_percentage_is_100_only_when_everything_is_done() -> None:
    assert [text.percent(x) for x in (0.0, 0.001, 0.5, 0.999, 1.0)] == [
        "0 %",
        "1 %",
        "50 %",
        "99 %",
        "100 %",
    ]


def test_moments_are_told_from_now() -> None:
    assert text.ago((NOW - timedelta(minutes=3)).isoformat(), NOW) == "3 min ago"
    assert text.ago(NOW.isoformat(), NOW) == "just now"
    assert text.ago("yesterday", NOW) == "yesterday"


def test_moments_have_words_that_stay_the_same() -> None:
    assert text.moment("2026-11-29T23:47:59.123+01:00") == "2026-11-29 22:47 UTC"
    assert text.moment("2026-11-29T22:47:59") == "2026-11-29 22:47 UTC"
    assert text.moment("yesterday") == "yesterday"


def test_numbers_and_counts_read_like_sentences() -> None:
    assert (text.number(12345), text.number(0.91234)) == ("12,345", "0.912")
    assert (text.count(1, "run"), text.count(2, "strategy", "strategies")) == (
        "1 run",
        "2 strategies",
    )


def test_a_file_name_is_made_from_any_title() -> None:
    assert text.file_stem("../My study: 1/2") == "my-study-1-2"
    assert text.file_stem("日本") == "study"


def test_a_strategy_links_to_its_card_whatever_its_title_holds() -> None:
    assert text.strategy_link("margin") == "[margin](strategies?s=margin)"
    assert text.strategy_link("bald(n_samples=20)") == (r"[bald(n\_samples=20)](strategies?s=bald)")
    assert text.strategy_link("x](javascript:alert(1)") == (
        r"[x\](javascript\:alert(1)](strategies?s=x%5D)"
    )


def test_a_small_share_is_not_said_to_be_nothing_or_more_than_it_is() -> None:
    assert [text.share(x) for x in (0.0, 0.004, 0.006, 0.874, 1.0)] == [
        "0 %",
        "under 1 %",
        "1 %",
        "87 %",
        "100 %",
    ]


def test_times_too_short_for_the_clock_have_no_digits() -> None:
    assert [text.seconds(x) for x in (0.0, 2.25e-6, 2e-5)] == ["0 ms", "under 0.01 ms", "0.02 ms"]


def test_an_entity_in_somebody_s_text_stays_what_it_is() -> None:
    assert text.plain("AT&amp;T &lt;b&gt;") == r"AT\&amp;T \&lt;b\&gt;"


def test_what_is_missing_in_a_table_is_not_drawn_as_a_bullet() -> None:
    assert text.NOTHING not in {"-", "*", "+"}
    assert text.seconds(float("nan")) == text.NOTHING
