"""Who may do what, and how much: asked inside every action of `Service`, so no view can forget it.

A computer of one's own has one user, who may do everything. A shared server tells by a login who
acts (`alscope.ui.access`), and its rules give everybody a role:

    viewer   sees everything, changes nothing
    runner   starts studies and brings data; steers, notes and deletes what is theirs
    admin    everything, for everybody, and what cannot be undone
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Set
from dataclasses import dataclass

from alscope.errors import AccessError
from alscope.store.owners import Kind, Owners

__all__ = ["LOCAL", "UNLIMITED", "Action", "Allowance", "Guard", "Role", "Visitor"]

_GIB, _MIB = 2**30, 2**20


class Role(enum.StrEnum):
    """What somebody may do, from nothing to everything."""

    NONE = "none"
    VIEWER = "viewer"
    RUNNER = "runner"
    ADMIN = "admin"


class Action(enum.StrEnum):
    """What changes something, in words that follow "cannot"."""

    START = "start studies"
    STEER = "pause, resume, cancel or reorder runs"
    DELETE = "delete or bring back studies"
    NOTE = "change tags and notes"
    IMPORT = "import studies"
    UPLOAD = "add or delete data sets"
    MAINTAIN = "delete for ever, clean the disk or change settings"


_OF_SOMEBODY = (Action.STEER, Action.DELETE, Action.NOTE)
"""What runners do with their own things only."""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How much one user may use; None: as much as there is.

    Attributes:
        queued_runs: Runs that wait or run at the same time.
        upload_bytes: Uploaded files that are kept until they are imported.
        disk_bytes: Studies, their deleted ones included, and data sets.
    """

    queued_runs: int | None = None
    upload_bytes: int | None = None
    disk_bytes: int | None = None


UNLIMITED = Allowance()


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who acts.

    Attributes:
        id: What owners are noted by; "" on a computer of one's own, where nobody is told apart.
        name: For people.
        role: What they may do.
        read_only: Why nobody may change anything here; "" if that is not so.
        allowance: How much they may use.
    """

    id: str = ""
    name: str = ""
    role: Role = Role.ADMIN
    read_only: str = ""
    allowance: Allowance = UNLIMITED

    def refusal(self, action: Action, owner: str | None = None) -> str:
        """Why this visitor may not do something, for people; "" if they may.

        Args:
            action: What.
            owner: Whose thing it is done to, "" if nobody's; None: it is done to no thing.
        """
        if self.read_only:
            return self.read_only
        if self.role is Role.ADMIN:
            return ""
        if self.role is Role.NONE:
            return f"Without a login nobody can {action.value} here."
        if self.role is Role.VIEWER:
            return (
                f"Viewers cannot {action.value}; ask whoever runs this server for the role runner."
            )
        if action is Action.MAINTAIN:
            return f"Only administrators can {action.value}."
        if action in _OF_SOMEBODY and owner != self.id:
            return f"It is not yours: only its owner and administrators can {action.value}."
        return ""


LOCAL = Visitor(name="you")
"""The only user of a computer of one's own."""


class Guard:
    """Asks before every action who acts, and whether they may.

    Args:
        owners: Whose studies and data sets are.

    Attributes:
        who: Tells who acts now. A command line, a notebook and a test are `LOCAL`; the app sets
            what tells the visitor of the session that calls.
    """

    def __init__(self, owners: Owners) -> None:
        self.owners = owners
        self.who: Callable[[], Visitor] = lambda: LOCAL

    def refusal(self, action: Action, name: str = "", *, kind: Kind = "study") -> str:
        """Why whoever acts now may not do this, for people; "" if they may.

        Args:
            action: What.
            name: The study or data set it is done to; "": none yet.
            kind: What `name` names.
        """
        visitor = self.who()
        if visitor.role is Role.ADMIN or not name:
            return visitor.refusal(action)
        owner = self.owners.of(kind, name)
        if kind == "data" and owner != visitor.id:
            return visitor.refusal(action) or (
                f"The data set {name!r} is not yours: only whoever added it and administrators can "
                "replace or delete it."
            )
        return visitor.refusal(action, owner)

    def require(self, action: Action, name: str = "", *, kind: Kind = "study") -> None:
        """Let an action pass; arguments as for `refusal`.

        Raises:
            AccessError: If whoever acts now may not do it.
        """
        reason = self.refusal(action, name, kind=kind)
        if reason:
            raise AccessError(reason)

    def claim(self, name: str, *, kind: Kind = "study") -> None:
        """Note that a new thing is whoever's acts now.

        Raises:
            StoreError: If it cannot be written.
        """
        self.owners.claim(kind, name, self.who().id)

    def admit_runs(self, new: Set[str], waiting: Callable[[str], Set[str]]) -> None:
        """Let runs into the queue.

        Args:
            new: Their ids.
            waiting: Ids of the runs of a user that wait or run already.

        Raises:
            AccessError: If that is more than whoever acts now may have.
        """
        visitor = self.who()
        limit = visitor.allowance.queued_runs
        if limit is None or visitor.role is Role.ADMIN or not new:
            return
        busy = waiting(visitor.id)
        if len(busy | new) > limit:
            raise AccessError(
                f"This needs {len(new - busy):,} runs, {len(busy):,} of yours wait or run already, "
                f"and this server allows {limit:,} per user; wait, cancel some, or choose fewer "
                "strategies, scenarios or seeds."
            )

    def room(self, used: Callable[[str], int]) -> int | None:
        """Bytes that whoever acts now may still fill; None: no limit.

        Args:
            used: How many bytes a user has filled.

        Raises:
            AccessError: If none are left.
        """
        visitor = self.who()
        limit = visitor.allowance.disk_bytes
        if limit is None or visitor.role is Role.ADMIN:
            return None
        full = used(visitor.id)
        if full >= limit:
            raise AccessError(
                f"Your studies and data sets take {full / _GIB:.2f} GiB, and this server allows "
                f"{limit / _GIB:.2f} GiB per user; delete some and ask an administrator to empty "
                "the trash."
            )
        return limit - full

    def admit_upload(self, n_bytes: int, held: int) -> None:
        """Let uploaded files be kept.

        Args:
            n_bytes: Their size.
            held: What is kept of this user already.

        Raises:
            AccessError: If that is more than whoever acts now may have.
        """
        visitor = self.who()
        limit = None if visitor.role is Role.ADMIN else visitor.allowance.upload_bytes
        if limit is not None and held + n_bytes > limit:
            raise AccessError(
                f"These files have {n_bytes / _MIB:,.1f} MiB, uploads of yours with "
                f"{held / _MIB:,.1f} MiB are kept since yesterday, and this server allows "
                f"{limit / _MIB:,.0f} MiB per user; upload less, or come back tomorrow."
            )
