"""Is everything in a cache folder sound, and what of it can be repaired without losing a result?

Repairing never deletes a result. A damaged journal is cut back to what is sound, and the damaged
one is kept beside it; notes and wishes that cannot be read are set aside; what can be computed
again (entries of the artifact cache, summaries, temporary files) is deleted.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from alscope.config import RunConfig
from alscope.engine.defaults import Paths
from alscope.errors import ALScopeError, NewerFormatError, RunLockedError, StoreError
from alscope.store.cache_check import check_cache
from alscope.store.codecs import decode
from alscope.store.files import first_free, folder_size, read_regular, read_sealed
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore

__all__ = ["Finding", "checkup"]

_LEFT_OVER_S = 3600.0
_OLD_LOG_S = 30 * 86400.0
_LISTED = 5
_NETWORKED = frozenset(("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "fuse.sshfs"))


@dataclass(frozen=True)
class Finding:
    """Something that was looked at.

    Attributes:
        level: "ok", "note", "repaired" or "problem".
        what: What was looked at.
        found: What was found or done, in words.
    """

    level: str
    what: str
    found: str


def checkup(paths: Paths, *, repair: bool = False) -> Iterator[Finding]:
    """Look at every store of a cache folder; each check goes on if another one fails.

    Args:
        paths: The rooms of the folder.
        repair: Repair what can be repaired.
    """
    checks: tuple[Callable[[Paths, bool], Iterator[Finding]], ...] = (
        _file_system,
        _studies,
        _runs,
        _artifacts,
        _small_files,
        _left_over,
        _logs,
    )
    for check in checks:
        try:
            yield from check(paths, repair)
        except (ALScopeError, OSError) as error:
            yield Finding("problem", check.__name__.strip("_").replace("_", " "), str(error))


def _file_system(paths: Paths, repair: bool) -> Iterator[Finding]:
    kind = file_system(paths.root)
    if kind in _NETWORKED:
        yield Finding(
            "problem",
            "file system",
            f"the cache folder is on {kind}, where locks and renames are not reliable; choose a "
            "folder on a local disk (--cache, ALSCOPE_CACHE)",
        )


def file_system(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The type of the file system of a folder; "" where it is not known."""
    try:
        lines = mounts.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        _, place, found, *_ = line.split()
        if folder.is_relative_to(place) and len(place) >= len(best):
            best, kind = place, found
    return kind


def _studies(paths: Paths, repair: bool) -> Iterator[Finding]:
    store = StudyStore(paths.studies)
    looks = {"state": store.desired, "queue": store.queue, "about": store.about}
    n_damaged = 0
    for study_id in store.ids():
        try:
            store.load(study_id)
        except ALScopeError as error:
            n_damaged += 1
            yield Finding("problem", f"study {study_id}", f"{error}. {_STUDY_ADVICE}")
        for name, look in looks.items():
            try:
                look(study_id)
            except ALScopeError as error:
                n_damaged += 1
                path = paths.studies / study_id / f"{name}.json"
                yield _set_aside(path, f"study {study_id}", str(error), repair)
    level = "problem" if n_damaged and not repair else "ok"
    yield Finding(level, "studies", f"{len(store.ids())}, with {n_damaged} damaged files")


_STUDY_ADVICE = (
    "Its runs are not lost: submit the same study again, or import its bundle, then delete this one"
)


def _runs(paths: Paths, repair: bool) -> Iterator[Finding]:
    store = RunStore(paths.runs)
    configs = _configurations(paths)
    run_ids = sorted({*store.run_ids(), *(i for i in configs if store.path_of(i).is_dir())})
    wrong, listed = 0, 0
    for run_id in run_ids:
        problems = _run_problems(store, run_id)
        if not problems:
            continue
        finding = Finding("problem", f"run {run_id}", "; ".join(problems))
        if repair:
            finding = _repaired_run(store, run_id, configs.get(run_id), finding)
        wrong += finding.level == "problem"
        listed += 1
        if listed <= _LISTED or finding.level == "repaired":
            yield finding
    level = "problem" if wrong else "ok"
    yield Finding(level, "stored runs", f"{len(run_ids)}, of which {wrong} are damaged")


def _configurations(paths: Paths) -> dict[str, RunConfig]:
    """The configurations of all runs of readable studies."""
    store, found = StudyStore(paths.studies), {}
    for study_id in store.ids():
        try:
            found.update({run.run_id: run for run in store.load(study_id).config.runs()})
        except ALScopeError:
            continue
    return found


def _run_problems(store: RunStore, run_id: str) -> list[str]:
    if not store.exists(run_id):
        return ["its configuration is missing"]
    problems = store.verify(run_id)
    if not problems and not store.is_active(run_id):
        journal = store.path_of(run_id) / "journal.jsonl"
        if journal.exists() and journal.stat().st_size > len(store.journal_bytes(run_id)):
            problems.append("its journal ends with an unfinished line")
    return problems


def _repaired_run(
    store: RunStore, run_id: str, config: RunConfig | None, finding: Finding
) -> Finding:
    if config is not None:
        store.create(config)  # writes a configuration again that is missing or damaged
    try:
        with store.open(run_id) as writer:  # cuts off what is not sound, and keeps a copy
            n_rounds = len(writer.history.rounds)
    except (RunLockedError, NewerFormatError) as error:
        return Finding("problem", finding.what, str(error))
    except StoreError as error:
        return Finding("problem", finding.what, f"{finding.found}. Not repaired: {error}")
    left = RunStore(store.root).verify(run_id)
    if left:
        return Finding("problem", finding.what, f"{'; '.join(left)}. {_RUN_ADVICE}")
    kept = sorted(path.name for path in store.path_of(run_id).glob("journal.damaged-*"))
    copy = f", the damaged journal is kept as {kept[-1]}" if kept else ""
    return Finding(
        "repaired",
        finding.what,
        f"{finding.found}. Now it holds {n_rounds} sound rounds{copy}; resume its study to compute "
        "what is missing",
    )


_RUN_ADVICE = (
    "It cannot be repaired here: import its study from a bundle, or delete the study and run it "
    "again"
)


def _artifacts(paths: Paths, repair: bool) -> Iterator[Finding]:
    found, freed = check_cache(paths.artifacts, repair=repair)
    wrong = {
        "the database is broken": bool(found.broken),
        f"{len(found.damaged)} entries are damaged": bool(found.damaged),
        f"{len(found.orphans)} files belong to no entry": bool(found.orphans),
        f"{len(found.aside)} broken caches were set aside": bool(found.aside),
    }
    said = "; ".join(words for words, holds in wrong.items() if holds)
    if not said:
        yield Finding("ok", "artifact cache", f"{found.n_entries} entries, all sound")
    elif repair:
        words = f"{said}. Deleted, {freed:,} bytes freed; computed again when needed"
        yield Finding("repaired", "artifact cache", words)
    else:
        yield Finding(
            "note", "artifact cache", f"{said}; nothing of it is used. --repair deletes it"
        )


def _small_files(paths: Paths, repair: bool) -> Iterator[Finding]:
    if paths.settings.exists():
        try:
            read_sealed(paths.settings, "the settings")
        except StoreError as error:
            yield _set_aside(paths.settings, "settings", str(error), repair)
    if paths.summaries.exists():
        try:
            decode(read_regular(paths.summaries))
        except StoreError as error:
            if repair:
                paths.summaries.unlink()
            level = "repaired" if repair else "note"
            done = "deleted, and made again at the next look" if repair else "not used"
            yield Finding(level, "summaries of runs", f"{error}; {done}")


def _set_aside(path: Path, what: str, reason: str, repair: bool) -> Finding:
    if not repair:
        return Finding("problem", what, f"{reason}. --repair sets {path.name} aside")
    copy = first_free(path.with_name(f"{path.name}.damaged"))
    path.rename(copy)
    return Finding("repaired", what, f"{reason}. It is kept as {copy.name}; the defaults hold now")


def _left_over(paths: Paths, repair: bool) -> Iterator[Finding]:
    """Temporary files and half-made imports of processes that are gone."""
    limit = time.time() - _LEFT_OVER_S
    rooms = (paths.root, *(p for p in (paths.runs, paths.studies, paths.derived) if p.is_dir()))
    found = {
        path
        for room in rooms
        for path in (*room.glob(".*.tmp"), *room.glob("*/.*.tmp"), *room.glob("*/blobs/.*.tmp"))
    }
    old = [path for path in sorted(found) if path.lstat().st_mtime < limit]
    imports = [path for path in paths.runs.glob(".import-*") if path.lstat().st_mtime < limit]
    if not old and not imports:
        return
    size = sum(path.lstat().st_size for path in old) + sum(folder_size(p) for p in imports)
    said = f"{len(old)} temporary files and {len(imports)} unfinished imports, {size:,} bytes"
    if repair:
        _delete(old, imports)
    yield Finding("repaired" if repair else "note", "left over", said + _done(repair))


def _logs(paths: Paths, repair: bool) -> Iterator[Finding]:
    limit = time.time() - _OLD_LOG_S
    old = [path for path in paths.logs.glob("worker-*.log") if path.lstat().st_mtime < limit]
    if old:
        _delete(old if repair else [], [])
        said = f"{len(old)} logs of workers are older than 30 days"
        yield Finding("repaired" if repair else "note", "logs", said + _done(repair))


def _done(repair: bool) -> str:
    return "; deleted" if repair else "; --repair deletes them"


def _delete(files: list[Path], folders: list[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)
    for path in folders:
        shutil.rmtree(path, ignore_errors=True)
