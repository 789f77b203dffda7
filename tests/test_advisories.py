"""The list of known vulnerabilities: dated, complete in itself, and outside of what is allowed."""

from __future__ import annotations

import importlib.util
import json
import sys
import tomllib
from datetime import date
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.source import ROOT


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = module
    spec.loader.exec_module(module)
    return module


def declared() -> dict[str, list[Requirement]]:
    """Everything that ALScope asks for, by lower-case name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    texts = [line for line in lines if line and not line.startswith("#")]
    texts += project["build-system"]["requires"]
    for extra in project["project"]["optional-dependencies"].values():
        texts += extra
    found: dict[str, list[Requirement]] = {}
    for requirement in map(Requirement, texts):
        found.setdefault(requirement.name.lower(), []).append(requirement)
    return found


def test_no_declared_bound_lets_a_version_with_a_known_vulnerability_in(audit: ModuleType) -> None:
    _, advisories = audit.read_list()
    bounds = declared()
    checked = 0
    for entry in advisories:
        for requirement in bounds.get(entry.package.lower(), ()) if not entry.accepted else ():
            lower = [s.version for s in requirement.specifier if s.operator in {">=", "==", "~="}]
            checked += 1

            assert lower, f"{requirement} has no lower bound"
            assert Version(lower[0]) >= Version(entry.fixed), f"{requirement} allows {entry.id}"
    assert checked >= 12


def test_nothing_that_is_installed_here_is_on_the_list(audit: ModuleType) -> None:
    _, advisories = audit.read_list()

    assert list(audit.listed(advisories)) == []


def test_entries_are_dated_and_exceptions_have_reasons(audit: ModuleType) -> None:
    reviewed, advisories = audit.read_list()

    assert isinstance(reviewed, date)
    for entry in advisories:
        assert entry.published <= reviewed
        assert entry.about
        assert entry.fixed or entry.accepted
        assert all(name.startswith(("CVE-", "GHSA-")) for name in entry.id.split(", "))


def test_an_old_version_would_be_found(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "installed", lambda name: "1.0" if name == "jinja2" else None)
    monkeypatch.setattr(sys, "argv", ["audit.py", "--offline"])

    assert audit.main() == 1
    assert "jinja2 1.0: CVE-2024-56201" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fixes", "name", "status"),
    [(["2.0"], "CVE-2030-1", 1), ([], "CVE-2030-1", 0), (["6.0"], "CVE-2025-69872", 0)],
    ids=["has a fix", "has none", "accepted"],
)
def test_what_pip_audit_finds_counts_if_something_can_be_done(
    audit: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    fixes: list[str],
    name: str,
    status: int,
) -> None:
    vulnerable = {"id": "PYSEC-1", "aliases": [name], "fix_versions": fixes}
    report = {"dependencies": [{"name": "x", "version": "1", "vulns": [vulnerable]}]}
    answer = type("Done", (), {"stdout": json.dumps(report)})
    monkeypatch.setattr(audit.subprocess, "run", lambda *args, **options: answer)
    monkeypatch.setattr(audit, "installed", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["audit.py"])

    assert audit.main() == status


@pytest.mark.parametrize(
    "said",
    ["", '{"dependencies": [{"name": "x", "skip_reason": "not found and could not be audited"}]}'],
    ids=["nothing", "a mirror without the data"],
)
def test_data_that_cannot_be_reached_are_no_failure_and_no_clean_bill(
    audit: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    said: str,
) -> None:
    answer = type("Done", (), {"stdout": said})
    monkeypatch.setattr(audit.subprocess, "run", lambda *args, **options: answer)
    monkeypatch.setattr(audit, "installed", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["audit.py"])

    assert audit.main() == 0
    assert "was not asked" in capsys.readouterr().out
