"""The rules of a shared server: a table such as `[access]` of `secrets.toml`, read strictly.

    [access]
    admins = ["ada@lab.example"]
    runners = ["*@lab.example"]     # a whole domain
    viewers = ["*"]                 # everybody who can log in

    [access.limits]
    queued_runs = 200

Nobody has a role who is not named. A key that is not known is an error, and with an error nobody
gets in: a misspelt `viewrs` must not open or close anything unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alscope.engine.access import Allowance, Role
from alscope.errors import ConfigError, Problem, nearest

__all__ = ["DEFAULT_ALLOWANCE", "AccessRules", "read_rules"]

_MIB, _GIB = 2**20, 2**30
_ROLES = {"admins": Role.ADMIN, "runners": Role.RUNNER, "viewers": Role.VIEWER}
_LIMITS = {"queued_runs": 1, "upload_mb": _MIB, "disk_gb": _GIB}
DEFAULT_ALLOWANCE = Allowance(queued_runs=500, upload_bytes=500 * _MIB, disk_bytes=20 * _GIB)
"""Where the table says nothing else."""
_KEYS = (*_ROLES, "claim", "unverified_email", "limits")


@dataclass(frozen=True, kw_only=True)
class AccessRules:
    """Who has which role, and how much one user may use.

    Attributes:
        members: Role -> names, `*@domain` or `*`; the highest role that fits counts.
        claim: The claim of the login that names people.
        unverified_email: Believe an address if the provider says nothing about its verification.
        allowance: Of everybody but admins.
    """

    members: Mapping[Role, tuple[str, ...]]
    claim: str = "email"
    unverified_email: bool = False
    allowance: Allowance = DEFAULT_ALLOWANCE

    def name_of(self, claims: Mapping[str, Any]) -> str:
        """What a login is known by; "" if it may not be believed.

        Args:
            claims: What the provider says about who logged in.
        """
        name = claims.get(self.claim)
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= 200:
            return ""
        if self.claim != "email":
            return name
        # Some providers let people write any address into their profile.
        verified = str(claims.get("email_verified", self.unverified_email)).casefold()
        return name.casefold() if verified == "true" else ""

    def role_of(self, name: str) -> Role:
        """The highest role that fits a name."""
        for role, patterns in self.members.items():
            if name and any(_fits(name, pattern) for pattern in patterns):
                return role
        return Role.NONE


def read_rules(table: Mapping[str, Any]) -> AccessRules:
    """The rules in a table.

    Raises:
        ConfigError: With everything that is wrong.
    """
    problems = [_unknown(key, _KEYS) for key in table if key not in _KEYS]
    members = {role: _names(table.get(key, []), key, problems) for key, role in _ROLES.items()}
    claim = table.get("claim", "email")
    if not isinstance(claim, str) or not claim:
        problems.append(Problem("claim", f"is {claim!r:.40}; give the name of a claim"))
    unverified = table.get("unverified_email", False)
    if not isinstance(unverified, bool):
        problems.append(Problem("unverified_email", f"is {unverified!r:.40}; give true or false"))
    allowance = _allowance(table.get("limits", {}), problems)
    if problems:
        raise ConfigError(problems)
    if claim == "email":
        members = {role: tuple(map(str.casefold, names)) for role, names in members.items()}
    return AccessRules(
        members=members, claim=claim, unverified_email=unverified, allowance=allowance
    )


def _fits(name: str, pattern: str) -> bool:
    if pattern.startswith("*@"):
        return name.count("@") == 1 and name.endswith(pattern[1:])
    return pattern in ("*", name)


def _names(value: Any, key: str, problems: list[Problem]) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        problems.append(Problem(key, f"is {value!r:.60}; give a list of names"))
        return ()
    wrong = "holds {!r:.60}; `*` stands alone or as `*@domain`"
    odd = [name for name in value if "*" in name and name != "*" and not _is_domain(name)]
    problems += [Problem(key, wrong.format(name)) for name in odd]
    if key == "admins" and "*" in value:
        problems.append(Problem(key, "holds `*`: not everybody who logs in can be an admin"))
    return tuple(value)


def _is_domain(name: str) -> bool:
    return name.startswith("*@") and "*" not in name[1:] and len(name) > 2


def _allowance(value: Any, problems: list[Problem]) -> Allowance:
    if not isinstance(value, Mapping):
        problems.append(Problem("limits", f"is {value!r:.60}; give a table"))
        return Allowance()
    problems += [_unknown(f"limits.{key}", _LIMITS) for key in value if key not in _LIMITS]
    default = DEFAULT_ALLOWANCE
    numbers = {}
    for key, unit in _LIMITS.items():
        number = value.get(key)
        if number is not None and (
            isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < 1e9
        ):
            problems.append(Problem(f"limits.{key}", f"is {number!r:.40}; give a number from 0 on"))
            number = None
        numbers[key] = None if number is None else int(number * unit)
    return Allowance(
        queued_runs=_first(numbers["queued_runs"], default.queued_runs),
        upload_bytes=_first(numbers["upload_mb"], default.upload_bytes),
        disk_bytes=_first(numbers["disk_gb"], default.disk_bytes),
    )


def _first(given: int | None, default: int | None) -> int | None:
    return default if given is None else given


def _unknown(key: str, known: Any) -> Problem:
    guess = nearest(key.rpartition(".")[2], known)
    return Problem(key, "is no setting" + (f"; did you mean {guess!r}?" if guess else ""))
