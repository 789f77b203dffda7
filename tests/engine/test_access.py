"""Roles, owners and limits: asked inside the engine's actions, whoever calls them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alscope.config import StudyConfig
from alscope.engine.access import UNLIMITED, Action, Allowance, Guard, Role, Visitor
from alscope.engine.access_rules import read_rules
from alscope.engine.service import Service
from alscope.errors import AccessError, ConfigError
from alscope.store.owners import Owners
from tests.ui.records import record, small_study

ADA = Visitor(id="ada", name="Ada", role=Role.RUNNER)
BOB = Visitor(id="bob", name="Bob", role=Role.RUNNER)
EVE = Visitor(id="eve", name="Eve", role=Role.VIEWER)
ROOT = Visitor(id="root", name="Root", role=Role.ADMIN)
PUBLISHED = dataclasses.replace(ROOT, read_only="This server shows results.")
STRANGER = Visitor(role=Role.NONE)


@pytest.fixture
def service(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Nothing runs: the queue is never pumped, and nothing is measured."""
    monkeypatch.setattr("os.fsync", lambda handle: None)
    for name in ("measure", "begin"):
        monkeypatch.setattr(f"alscope.engine.calibrating.Calibrations.{name}", lambda *_: None)
    with Service.open(cache_folder, executor="serial", offline=True) as opened:
        yield opened


def as_(service: Service, visitor: Visitor) -> Service:
    service.guard.who = lambda: visitor
    return service


def study(name: str = "mine", n_initial: int = 20) -> StudyConfig:
    return small_study(name, n_initial=n_initial)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


# Everything in the engine that changes something, on a study that Ada started.
ACTIONS: dict[str, Callable[[Service, str], Any]] = {
    "submit": lambda s, _: s.submit(study("another")),
    "submit again": lambda s, _: s.submit(study()),
    "dry_run": lambda s, _: s.dry_run(study("another")),
    "add_seeds": lambda s, i: s.add_seeds(i, 1),
    "calibrate": lambda s, _: s.calibrate(0.1),
    "begin_calibration": lambda s, _: s.begin_calibration(),
    "resume": lambda s, i: s.resume(i),
    "retry": lambda s, i: s.retry(i),
    "pause": lambda s, i: s.pause(i),
    "pause some": lambda s, i: s.pause(i, [s.study(i).runs[0].run_id]),
    "cancel": lambda s, i: s.cancel(i),
    "set_priority": lambda s, i: s.set_priority(i, 3),
    "pause_after": lambda s, i: s.pause_after(i, 60),
    "delete": lambda s, i: s.delete(i),
    "discard": lambda s, i: s.library.discard(i),
    "describe": lambda s, i: s.library.describe(i, tags=["x"], note="y"),
    "tag": lambda s, i: s.library.tag(i, add=["x"]),
    "limit_artifacts": lambda s, _: s.library.limit_artifacts(2**30),
    "clear_artifacts": lambda s, _: s.library.clear_artifacts(),
    "clear_derived": lambda s, _: s.library.clear_derived(),
}
STARTING = {"submit", "dry_run", "add_seeds", "calibrate", "begin_calibration"}
MAINTAINING = {"limit_artifacts", "clear_artifacts", "clear_derived"}


@pytest.mark.parametrize("visitor", [EVE, PUBLISHED, STRANGER], ids=["viewer", "published", "none"])
def test_who_may_only_look_changes_nothing(service: Service, visitor: Visitor) -> None:
    study_id = as_(service, ADA).submit(study())
    before = files(service.cache)

    for name, action in ACTIONS.items():
        with pytest.raises(AccessError):
            action(as_(service, visitor), study_id)
        assert files(service.cache) == before, name


def test_a_runner_cannot_touch_what_is_somebody_elses(service: Service) -> None:
    study_id = as_(service, ADA).submit(study())
    before = files(service.cache)

    for name in sorted(ACTIONS.keys() - STARTING):
        with pytest.raises(AccessError):
            ACTIONS[name](as_(service, BOB), study_id)
        assert files(service.cache) == before, name


@pytest.mark.parametrize("action", sorted(ACTIONS.keys() - MAINTAINING))
def test_a_runner_starts_and_steers_what_is_their_own(service: Service, action: str) -> None:
    study_id = as_(service, ADA).submit(study())

    ACTIONS[action](service, study_id)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_admin_may_do_everything(service: Service, action: str) -> None:
    study_id = as_(service, ADA).submit(study())

    ACTIONS[action](as_(service, ROOT), study_id)


def test_every_action_of_the_engine_is_in_the_table_above() -> None:
    # A new public method is either put in `ACTIONS` (and guarded) or named here as one that reads.
    reading = {
        "open", "problems", "sort_out", "unusable", "preview", "run_log", "worker_log", "remaining",
        "workers", "studies", "study", "activity", "wait", "close", "room",
    }  # fmt: skip
    library = {"about", "damaged", "trash", "older_than", "disk", "settings", "restore", "purge"}
    here = {name.split()[0] for name in ACTIONS}

    from alscope.engine.library import Library

    assert {name for name in vars(Service) if not name.startswith("_")} - here == reading
    assert {name for name in vars(Library) if not name.startswith("_")} - here == library


def test_only_the_owner_brings_back_and_only_admins_delete_for_ever(service: Service) -> None:
    entry = as_(service, ADA).delete(service.submit(study()))

    with pytest.raises(AccessError, match="not yours"):
        as_(service, BOB).library.restore(entry)
    with pytest.raises(AccessError, match="administrators"):
        as_(service, ADA).library.purge(entry)
    service.library.restore(entry)
    entry = service.delete(service.studies_store.ids()[0])
    as_(service, ROOT).library.purge(entry)
    assert service.library.trash() == ()
    assert list(service.guard.owners.owned("study", "ada")) == []


def test_a_study_from_before_the_login_is_the_admins(service: Service) -> None:
    study_id = record(service, study())

    with pytest.raises(AccessError, match="not yours"):
        as_(service, ADA).cancel(study_id)
    as_(service, ROOT).cancel(study_id)


def test_the_same_study_again_after_it_was_deleted_is_the_new_starters(service: Service) -> None:
    as_(service, ADA).delete(service.submit(study()))

    study_id = as_(service, BOB).submit(study())

    assert service.guard.owners.of("study", study_id) == "bob"


def test_on_ones_own_computer_nobody_is_noted(service: Service) -> None:
    service.submit(study())

    assert not (service.cache / "owners").exists()


def test_runs_that_wait_are_limited_per_user(service: Service) -> None:
    ada = dataclasses.replace(ADA, allowance=Allowance(queued_runs=10))  # a study has 6
    as_(service, ada).submit(study("first"))
    before = files(service.cache)

    with pytest.raises(AccessError, match=r"6 of yours wait or run already.*allows 10 per user"):
        service.submit(study("second", n_initial=30))
    assert files(service.cache) == before
    service.submit(study("first"))  # the same runs are no more runs
    as_(service, dataclasses.replace(BOB, allowance=ada.allowance)).submit(study("bob's", 40))
    as_(service, ada).cancel(service.studies_store.id_of(study("first")))
    service.submit(study("second", n_initial=30))


def test_the_disk_is_limited_per_user_deleted_studies_included(service: Service) -> None:
    study_id = record(service, study("large"))
    service.guard.owners.claim("study", study_id, "ada")
    size = service.study(study_id).size
    ada = dataclasses.replace(ADA, allowance=Allowance(disk_bytes=size))

    with pytest.raises(AccessError, match="GiB per user; delete some"):
        as_(service, ada).submit(study("more", 30))
    service.delete(study_id)
    with pytest.raises(AccessError, match="GiB per user; delete some"):
        service.submit(study("more", 30))
    entry = service.library.trash()[0].entry_id
    as_(service, ROOT).library.purge(entry)
    as_(service, ada).submit(study("more", 30))


def test_uploads_are_limited_per_user(tmp_path: Path) -> None:
    guard = Guard(Owners(tmp_path))
    guard.who = lambda: dataclasses.replace(ADA, allowance=Allowance(upload_bytes=2**20))

    guard.admit_upload(2**20, held=0)
    with pytest.raises(AccessError, match=r"1.0 MiB are kept since yesterday"):
        guard.admit_upload(1, held=2**20)


def test_a_damaged_or_moved_note_of_an_owner_gives_nobody_rights(tmp_path: Path) -> None:
    owners = Owners(tmp_path)
    owners.claim("study", "one", "ada")
    owners.claim("study", "two", "bob")
    one, two = (tmp_path / "study" / f"{name}.json" for name in ("one", "two"))

    one.write_bytes(two.read_bytes())
    two.write_bytes(two.read_bytes().replace(b"bob", b"eve"))

    assert owners.of("study", "one") == ""
    assert owners.of("study", "two") == ""
    assert list(owners.owned("study", "bob")) == []


# -------------------------------------------------------------------- rules


RULES = {
    "admins": ["Ada@Lab.example"],
    "runners": ["*@lab.example"],
    "viewers": ["guest@else.example"],
    "limits": {"queued_runs": 7, "upload_mb": 1, "disk_gb": 0.5},
}


@pytest.mark.parametrize(
    ("email", "role"),
    [
        ("ada@lab.example", Role.ADMIN),
        ("ADA@LAB.EXAMPLE", Role.ADMIN),
        ("bob@lab.example", Role.RUNNER),
        ("guest@else.example", Role.VIEWER),
        ("other@else.example", Role.NONE),
        ("bob@lab.example.evil.example", Role.NONE),
        ("bob@evil-lab.example", Role.NONE),
        ("bob@evil.example@lab.example", Role.NONE),
        ("bob@lab.example\n", Role.NONE),
        ("", Role.NONE),
    ],
)
def test_addresses_have_the_highest_role_that_fits(email: str, role: Role) -> None:
    rules = read_rules(RULES)

    assert rules.role_of(rules.name_of({"email": email, "email_verified": True})) is role


@pytest.mark.parametrize(
    ("claims", "known"),
    [
        ({"email_verified": True}, True),
        ({"email_verified": "true"}, True),
        ({"email_verified": False}, False),
        ({"email_verified": "false"}, False),
        ({"email_verified": None}, False),
        ({}, False),
    ],
)
def test_only_verified_addresses_are_believed(claims: dict[str, Any], known: bool) -> None:
    assert bool(read_rules(RULES).name_of({"email": "ada@lab.example", **claims})) is known


def test_addresses_without_a_word_about_verification_can_be_believed_on_request() -> None:
    rules = read_rules(RULES | {"unverified_email": True})

    assert rules.name_of({"email": "ada@lab.example"}) == "ada@lab.example"
    assert rules.name_of({"email": "ada@lab.example", "email_verified": False}) == ""


def test_another_claim_can_name_people() -> None:
    rules = read_rules({"claim": "sub", "viewers": ["X-17"]})

    assert rules.role_of(rules.name_of({"sub": "X-17"})) is Role.VIEWER
    assert rules.role_of(rules.name_of({"email": "X-17", "email_verified": True})) is Role.NONE


def test_limits_are_read_in_their_units() -> None:
    allowance = read_rules(RULES).allowance

    assert allowance == Allowance(queued_runs=7, upload_bytes=2**20, disk_bytes=2**29)
    assert read_rules({}).allowance != UNLIMITED


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"viewrs": ["a@b.c"]}, "did you mean 'viewers'"),
        ({"admins": "ada@lab.example"}, "give a list"),
        ({"admins": ["*"]}, "not everybody"),
        ({"runners": ["*lab.example"]}, "stands alone"),
        ({"runners": ["a*@lab.example"]}, "stands alone"),
        ({"runners": ["*@*"]}, "stands alone"),
        ({"claim": 3}, "name of a claim"),
        ({"unverified_email": "yes"}, "true or false"),
        ({"limits": {"queued_run": 3}}, "did you mean 'queued_runs'"),
        ({"limits": {"disk_gb": -1}}, "number from 0"),
        ({"limits": {"disk_gb": float("nan")}}, "number from 0"),
        ({"limits": 3}, "give a table"),
    ],
)
def test_a_mistake_in_the_rules_is_an_error_and_never_a_guess(
    table: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words.replace("*", r"\*")):
        read_rules(table)


def test_words_for_actions_fit_into_the_sentences() -> None:
    for action in Action:
        assert EVE.refusal(action).startswith("Viewers cannot ")
        assert STRANGER.refusal(action).startswith("Without a login nobody can ")
