"""Known vulnerabilities of what is installed: by pip-audit, and by docs/advisories.toml.

    python .ci/audit.py [--offline]

The list is checked always and decides the exit status together with pip-audit. Where pip-audit is
not installed or its data cannot be reached, that is said and is no failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.version import Version

LIST = Path(__file__).parent.parent / "docs" / "advisories.toml"
PATIENCE_S = 180


@dataclass(frozen=True)
class Advisory:
    """One entry of the list; its fields are explained there."""

    package: str
    id: str
    fixed: str
    published: date
    about: str
    accepted: str = ""

    def affects(self, installed: str) -> bool:
        """Whether a version has it and that is not accepted."""
        return not self.accepted and Version(installed) < Version(self.fixed)


def read_list() -> tuple[date, list[Advisory]]:
    """When it was reviewed, and what is in it."""
    table = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return table["reviewed"], [Advisory(**entry) for entry in table["advisory"]]


def installed(package: str) -> str | None:
    """The installed version, if there is one."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def listed(advisories: list[Advisory]) -> Iterator[str]:
    """What the list finds among what is installed."""
    for entry in advisories:
        found = installed(entry.package)
        if found is not None and entry.affects(found):
            yield f"{entry.package} {found}: {entry.id}, fixed in {entry.fixed} ({entry.about})"


def live() -> list[dict[str, Any]]:
    """The packages that pip-audit knows something about; none if it cannot be asked.

    A package that its data do not have is "skipped" and the exit status is 0, so behind a mirror
    without these data everything would look sound.
    """
    command = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--format=json"]
    try:
        done = subprocess.run(
            [*command, "--progress-spinner=off", "--timeout=15"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return []
    return [package for package in packages if "skip_reason" not in package]


def findings(packages: list[dict[str, Any]], accepted: set[str]) -> Iterator[str]:
    """What has a fix and is not accepted."""
    for package in packages:
        for found in package.get("vulns", ()):
            names = {found["id"], *found.get("aliases", ())}
            if found["fix_versions"] and not names & accepted:
                fixes = ", ".join(found["fix_versions"])
                yield f"{package['name']} {package['version']}: {found['id']}, fixed in {fixes}"


def main() -> int:
    """Print what was found; 1 if something has to be done."""
    reviewed, advisories = read_list()
    found = list(listed(advisories))
    print(f"List of {len(advisories)} advisories, reviewed {reviewed}: {len(found)} to act on.")
    accepted = {name for entry in advisories if entry.accepted for name in entry.id.split(", ")}
    known = [] if "--offline" in sys.argv else live()
    if known:
        more = list(findings(known, accepted))
        print(f"pip-audit: {len(known)} packages looked up, {len(more)} findings to act on.")
        found += more
    else:
        print("pip-audit was not asked: not installed, its data out of reach, or --offline.")
    print("".join(f"  {line}\n" for line in found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
