"""`alscope list`, `alscope tag`, `alscope trash`: what is stored, as the Library page shows it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from alscope.cli._commands import find_study, open_service, study_facts
from alscope.cli._terminal import complain, put, put_json, table

if TYPE_CHECKING:
    from alscope.engine.service import Service
    from alscope.store.trash import TrashEntry

__all__ = ["add_list", "add_tag", "add_trash", "list_studies", "tag", "trash"]


def add_list(parser: argparse.ArgumentParser) -> None:
    """Arguments of `alscope list`."""
    parser.add_argument(
        "--tag", metavar="TAG", action="append", default=[], help="with this tag; may be repeated"
    )
    parser.add_argument(
        "--search", metavar="WORDS", default="", help="with these words in name, note, data ..."
    )


def add_tag(parser: argparse.ArgumentParser) -> None:
    """Arguments of `alscope tag`."""
    for name, text in (("--add", "add this tag"), ("--remove", "remove this tag")):
        parser.add_argument(
            name, metavar="TAG", action="append", default=[], help=f"{text}; may be repeated"
        )
    parser.add_argument("--note", metavar="TEXT", help="replace the note")


def add_trash(parser: argparse.ArgumentParser) -> None:
    """Arguments of `alscope trash`."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--put", metavar="STUDY", help="move a study and its own runs to the trash")
    what.add_argument("--restore", metavar="ENTRY", help="bring a study back")
    what.add_argument("--purge", metavar="ENTRY", help="delete an entry for ever")
    what.add_argument(
        "--purge-older", metavar="DAYS", type=_days, help="delete for ever what lies longer"
    )


def list_studies(arguments: argparse.Namespace) -> int:
    """`alscope list`."""
    from alscope.results.overview import find_studies

    with open_service(arguments, executor="serial") as service:
        everything = service.studies()
        damaged = service.library.damaged()
    studies = find_studies(everything, text=arguments.search, tags=arguments.tag)
    if arguments.json:
        put_json([study_facts(status) for status in studies])
    elif studies:
        rows = [
            (
                s.study_id,
                s.name,
                s.state,
                f"{s.n_done}/{s.n_runs}",
                s.n_failed,
                s.created[:16],
                ", ".join(s.about.tags),
            )
            for s in studies
        ]
        put(*table(("study", "name", "state", "done", "failed", "created", "tags"), rows))
    else:
        put("no study fits" if everything else "no studies yet; start with: alscope demo")
    for item in damaged:
        complain(f"study {item.study_id} cannot be read: {item.reason}")
    return 0


def tag(arguments: argparse.Namespace) -> int:
    """`alscope tag STUDY`."""
    with open_service(arguments, executor="serial") as service:
        study_id = find_study(service, arguments.study).study_id
        if arguments.add or arguments.remove:
            service.library.tag(study_id, add=arguments.add, remove=arguments.remove)
        if arguments.note is not None:
            tags = service.library.about(study_id).tags
            service.library.describe(study_id, tags=tags, note=arguments.note)
        about = service.library.about(study_id)
    put(f"{study_id}: {', '.join(about.tags) or 'no tags'}")
    if about.note:
        put(about.note)
    return 0


def trash(arguments: argparse.Namespace) -> int:
    """`alscope trash`."""
    with open_service(arguments, executor="serial") as service:
        if arguments.put is not None:
            entry_id = service.delete(_study_id(service, arguments.put))
            put(f"in the trash; bring it back with: alscope trash --restore {entry_id}")
        elif arguments.restore is not None:
            put(f"study {service.library.restore(arguments.restore)} is back")
        elif arguments.purge is not None:
            put(f"{service.library.purge(arguments.purge):,} bytes freed")
        elif arguments.purge_older is not None:
            old = service.library.older_than(arguments.purge_older)
            freed = sum(service.library.purge(entry.entry_id) for entry in old)
            put(f"{len(old)} studies deleted for ever, {freed:,} bytes freed")
        else:
            _list(service.library.trash())
    return 0


def _list(entries: tuple[TrashEntry, ...]) -> None:
    if not entries:
        put("the trash is empty")
        return
    rows = [(e.entry_id, e.name, len(e.held), f"{e.size:,}", e.at[:16]) for e in entries]
    put(*table(("entry", "name", "runs", "bytes", "deleted"), rows))


def _study_id(service: Service, text: str) -> str:
    """The id of a study by id or name; an id also if the study is damaged."""
    if text in service.studies_store.ids():
        return text
    return find_study(service, text).study_id


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = -1.0
    if not 0 <= days <= 36500:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 0 to 36500")
    return days
