"""What people note about a study: tags and a text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from alscope.errors import ConfigError, Problem

__all__ = ["MAX_NOTE", "MAX_TAG", "MAX_TAGS", "About", "clean_tags"]

MAX_TAGS = 20
MAX_TAG = 30
MAX_NOTE = 10_000


@dataclass(frozen=True)
class About:
    """What people noted about a study; none of it can change a result.

    Attributes:
        tags: Short words to find it by, each once.
        note: Free text.
    """

    tags: tuple[str, ...] = ()
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON form; `from_dict` reverses it."""
        return {"tags": list(self.tags), "note": self.note}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> About:
        """Rebuild what `to_dict` made.

        Raises:
            KeyError: If a field is missing.
        """
        return cls(tags=tuple(map(str, data["tags"])), note=str(data["note"]))

    def checked(self) -> About:
        """The same with tags in their one form.

        Raises:
            ConfigError: With everything that cannot be kept.
        """
        tags = clean_tags(self.tags)
        problems = list(_problems(tags, self))
        if problems:
            raise ConfigError(problems)
        return About(tags, self.note.strip())


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags in one form: no space around, single spaces inside, each once whatever its case."""
    found: dict[str, str] = {}
    for tag in tags:
        one = " ".join(unicodedata.normalize("NFC", tag).split())
        if one:
            found.setdefault(one.casefold(), one)
    return tuple(found.values())


def _problems(tags: tuple[str, ...], about: About) -> Iterator[Problem]:
    if len(tags) > MAX_TAGS:
        yield Problem("tags", f"are {len(tags)}; keep at most {MAX_TAGS}")
    for tag in tags:
        if len(tag) > MAX_TAG:
            yield Problem("tags", f"{tag[:MAX_TAG]!r}... is longer than {MAX_TAG} characters")
        elif not tag.isprintable() or "," in tag:
            yield Problem("tags", f"{tag!r} has a comma or a character that cannot be shown")
    if len(about.note) > MAX_NOTE:
        yield Problem("note", f"has {len(about.note):,} characters; keep at most {MAX_NOTE:,}")
