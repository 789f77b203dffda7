"""What is fuzzed: every place that reads what strangers send. One function per place.

A target takes what Hypothesis draws and must come back without an exception; what it asserts is
what must hold for every input. CI draws a few examples of each (test_hostile_fuzz.py), a campaign
draws them for minutes (benchmarks/fuzz.py).
"""

from __future__ import annotations

import copy
import io
import json
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import alscope
from alscope.config import StudyConfig
from alscope.config_io import parse_study, study_from_dict, write_study
from alscope.data.importing import DROPPABLE, Mapping, check, import_data, inspect_source
from alscope.data.importing._limits import Limits
from alscope.data.lookup import find_dataset
from alscope.data.protocols import DataRoot
from alscope.engine.runlog import run_log
from alscope.engine.timings import TimingBook
from alscope.errors import ALScopeError, BundleError, ConfigError, DatasetError
from alscope.playground.link import read_game, read_picks
from alscope.registry import strategies
from alscope.results.bundle import bundle_bytes, import_bundle
from alscope.results.frames import classes_frame, queries_frame, rounds_frame
from alscope.results.tables import aubc_table
from alscope.store.bundle import pack_study
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore
from tests.data.importing.sources import drawn, encoded, texts
from tests.results.records import make_run, query_arrays, round_data

__all__ = ["TARGETS", "Target"]

Target = tuple[st.SearchStrategy[Any], Callable[[Any], None]]
SLOWEST_S = 20.0
"""Longer than this for a few kilobytes is a way to keep a server busy."""

FEW = Limits(file_bytes=2**20, total_bytes=2**22, output_bytes=2**22, files=200, image_pixels=10**6)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one example, without waiting for disks."""
    path = Path(tempfile.mkdtemp(prefix="alscope-fuzz-"))
    try:
        with mock.patch("os.fsync"), mock.patch("os.sync"):
            yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def in_time() -> Iterator[None]:
    """What is in the block must not take long."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < SLOWEST_S, "took too long"


@st.composite
def mutated(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A sound file with some of its bytes changed, cut out, doubled or put in."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 8))):
        place = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 64))
        how = draw(st.sampled_from(["set", "cut", "twice", "put", "end"]))
        if how == "set":
            new = draw(st.binary(max_size=8))
            data[place : place + len(new)] = new
        elif how == "cut":
            del data[place : place + length]
        elif how == "twice":
            data[place:place] = data[place : place + length]
        elif how == "put":
            data[place:place] = draw(st.sampled_from(TOKENS) | st.binary(max_size=32))
        else:
            del data[place:]
    return bytes(data)


TOKENS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b'""', b"\r", b"\n", b"\r\n", b",", b";",
    b"\t", b"|", b"=1+1", b"NaN", b"null", b"1e999", b"-0", b"9" * 400, b"[" * 50, b"{" * 50,
    b"\xe2\x80\xae", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"../", b"\xc2\x85", b"\xe2\x80\xa8",
    b"&a ", b"*a ", b"!!", b"'''", b'"""', b"PK\x01\x02", b"PK\x05\x06", b"\x93NUMPY",
    b"<script>", b"\x1b[2J",
)  # fmt: skip


def _expect(holds: bool) -> None:
    """What an error must say."""
    assert holds


# ------------------------------------------------------------------ uploads


def _csv() -> bytes:
    return ("text,label,split\n" + "".join(f"{t},{c},train\n" for t, c in texts(12))).encode()


def _jsonl() -> bytes:
    return "".join(json.dumps({"text": t, "label": c}) + "\n" for t, c in texts(12)).encode()


def _parquet() -> bytes:
    rows = texts(12)
    table = pa.table({"text": [t for t, _ in rows], "label": [c for _, c in rows]})
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


def _npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.arange(48, dtype=np.float32).reshape(12, 4))
    return stream.getvalue()


def _zip(kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for place in range(6):
            image = drawn(place, size=(8, 8))
            name = f"{'ab'[place % 2]}/{place}.{kind.lower()}"
            archive.writestr(name, encoded(image, kind))
    return stream.getvalue()


@cache
def seeds_of(kind: str) -> tuple[bytes, ...]:
    """Sound files of a kind."""
    quoted = b'text,label\n"a, ""b""\nc",x\nd,y\n' * 4
    made: dict[str, Callable[[], tuple[bytes, ...]]] = {
        "csv": lambda: (
            _csv(),
            quoted,
            _csv().decode().encode("utf-16"),
            _csv().replace(b",", b";"),
        ),
        "tsv": lambda: (_csv().replace(b",", b"\t"),),
        "jsonl": lambda: (_jsonl(),),
        "parquet": lambda: (_parquet(),),
        "npy": lambda: (_npy(),),
        "zip": lambda: tuple(_zip(name) for name in ("PNG", "JPEG", "GIF", "WEBP", "BMP")),
    }
    return made[kind]()


ENCODINGS = ("auto", "utf-8", "utf-16", "latin-1", "cp1252")
DELIMITERS = ("auto", ",", ";", "\t", "|")


def uploads(*kinds: str) -> st.SearchStrategy[Any]:
    """A file of some kind, sound or not, and choices of the form."""

    def of(kind: str) -> st.SearchStrategy[Any]:
        data = mutated(seeds_of(kind)) | st.binary(max_size=300)
        choices = st.fixed_dictionaries(
            {
                "drop": st.lists(st.sampled_from(sorted(DROPPABLE)), unique=True).map(tuple),
                "encoding": st.sampled_from(ENCODINGS),
                "delimiter": st.sampled_from(DELIMITERS),
                "size": st.sampled_from([0, 1, 4, 16]),
                "color": st.sampled_from(["", "rgb", "grey"]),
                "test_share": st.sampled_from([0.05, 0.2, 0.5]),
            }
        )
        return st.tuples(st.just(kind), data, choices)

    return st.sampled_from(kinds).flatmap(of)


def read_upload(drawn: tuple[str, bytes, dict[str, Any]]) -> None:
    """Look, check and import: refused in words, or a data set that reads back what was promised."""
    kind, data, choices = drawn
    with folder() as top, in_time():
        path = top / f"upload.{kind}"
        path.write_bytes(data)
        if kind == "npy":
            np.save(top / "labels.npy", np.arange(12) % 3)
        try:
            preview = inspect_source(path, limits=FEW)
        except DatasetError:
            mapping = Mapping("text", "text", "label")
        else:
            mapping = preview.mapping
        fields = {name: value for name, value in choices.items() if hasattr(mapping, name)}
        mapping = replace(mapping, **fields)
        report = check(path, mapping, limits=FEW)
        assert report.ok == (not report.errors)
        root = DataRoot(top / "data", top / "derived", allow_download=False)
        try:
            info = import_data(path, mapping, root, name="x", title="x", limits=FEW)
        except DatasetError:
            assert not report.ok, "checked as sound, then refused"
            assert not list((top / "data").rglob("manifest.json"))
            return
        assert report.ok, "refused by the check, then imported"
        raw = find_dataset(info.name, root).load(root)
        assert len(raw.train.targets) == report.n_train
        assert len(raw.test.targets) == report.n_test


# ------------------------------------------------------------------ studies


STUDY = """\
name = "a study"
seeds = [0, 1]
strategies = ["random", {name = "badge"}]

[[scenarios]]
dataset = "digits"
n_initial = 20
query_size = 10
n_rounds = 2

[backbone]
name = "mlp"

[train]
epochs = 3
lr = 1e-3
"""


@cache
def study_seeds() -> tuple[bytes, ...]:
    study = parse_study(STUDY)
    return tuple(write_study(study, form=form).encode() for form in ("toml", "yaml"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["random", "badge", "digits", "mlp", "\u202e", "../x", 10**30]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@st.composite
def replaced(draw: st.DrawFn, tree: Any) -> Any:
    """A tree of JSON values with some of its parts replaced, removed or put elsewhere."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        part, parents = tree, []
        while isinstance(part, dict | list) and len(part):
            keys = sorted(part) if isinstance(part, dict) else list(range(len(part)))
            key = draw(st.sampled_from(keys))
            parents.append((part, key))
            part = part[key]
            if draw(st.integers(0, 3)) == 0:
                break
        if not parents:
            return draw(json_values)
        place, key = parents[-1]
        if isinstance(place, dict) and draw(st.integers(0, 4)) == 0:
            del place[key]
        else:
            place[key] = draw(json_values)
    return tree


def read_study(drawn: tuple[bytes, str]) -> None:
    """A study that is read back the same when written, or a list of problems."""
    data, form = drawn
    text = data.decode("utf-8", "surrogateescape")
    with in_time():
        try:
            study = parse_study(text, form=form)
        except ConfigError as error:
            _expect(all(str(problem) for problem in error.problems or [""]))
            return
        for other in ("toml", "yaml"):
            try:
                written = write_study(study, form=other)
            except ConfigError:
                continue
            assert parse_study(written, form=other) == study


def read_tree(tree: Any) -> None:
    """The same for what stands in bundles and stores."""
    if not isinstance(tree, dict):
        return
    try:
        study = study_from_dict(tree)
    except ConfigError as error:
        _expect(bool(error.problems))
        return
    assert study_from_dict(study.to_dict()) == study


# ------------------------------------------------------------------ bundles


def _study() -> StudyConfig:
    run = make_run()
    return StudyConfig(
        name="fuzzed",
        scenarios=(run.scenario,),
        strategies=(run.strategy,),
        seeds=(0,),
        backbone=run.backbone,
    )


def _events() -> list[tuple[str, dict[str, Any]]]:
    run = _study().runs()[0]
    env = {"device": "cpu", "n_threads": 1, "torch": "2", "python": "3", "alscope": "0"}
    rounds = [("round", round_data(run, number)) for number in range(run.scenario.n_rounds + 1)]
    return [("started", {"env": env}), *rounds, ("done", {})]


@cache
def bundle_seeds() -> tuple[bytes, ...]:
    with folder() as top:
        return (_forged(top, _events()),)


def _forged(top: Path, events: list[tuple[str, Any]]) -> bytes:
    """A bundle whose checksums are right whatever the events say."""
    runs, studies = RunStore(top / "made" / "runs"), StudyStore(top / "made" / "studies")
    config = _study()
    studies.save("fuzzed", config)
    with runs.open(runs.create(config.runs()[0])) as writer:
        number = 0
        for kind, data in events:
            is_query = kind == "round" and number < config.scenarios[0].n_rounds
            writer.append(kind, data, blobs={"query": query_arrays(number)} if is_query else {})
            number += kind == "round"
    stream = io.BytesIO()
    pack_study(stream, "fuzzed", runs=runs, studies=studies, alscope="1", extras={})
    return stream.getvalue()


def take_bytes(data: bytes) -> None:
    """A bundle with changed bytes: what it was, or refused and nothing is left of it."""
    with folder() as top, in_time():
        _take(data, top)


def take_story(events: list[Any]) -> None:
    """A sound bundle that tells nonsense: refused, or everything can be shown."""
    try:
        told = [(str(kind), data) for kind, data in events if isinstance(data, dict)]
    except (TypeError, ValueError):
        return
    with folder() as top, in_time():
        try:
            data = _forged(top, told)
        except ALScopeError:
            return
        _take(data, top)


def _take(data: bytes, top: Path) -> None:
    runs, studies = RunStore(top / "runs"), StudyStore(top / "studies")
    try:
        import_bundle(io.BytesIO(data), runs=runs, studies=studies, name="x.zip")
    except BundleError:
        assert runs.run_ids() == ()
        assert studies.ids() == ()
        return
    ids = runs.run_ids()
    for run_id in ids:
        assert runs.verify(run_id) == []
        for line in run_log(runs.history(run_id)):
            assert isinstance(line.text, str)
    rounds = rounds_frame(runs, ids)
    classes_frame(runs, ids)
    queries_frame(runs, ids)
    with suppress(ALScopeError):  # runs on different data are not compared
        aubc_table(rounds)
    rates = TimingBook(runs).rates()
    assert rates is not None
    for study_id in studies.ids():
        bundle_bytes(study_id, runs=runs, studies=studies)


# ------------------------------------------------------------------ arrays and links


arrays = hnp.arrays(
    dtype=hnp.scalar_dtypes() | st.sampled_from([np.dtype("O"), np.dtype("U3"), np.dtype("f4,i4")]),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
)
anything = st.one_of(
    st.none(), arrays, st.integers(), st.floats(), st.text(max_size=5), st.just([[1, 2], [3]])
)
calls = st.fixed_dictionaries(
    {
        "name": st.sampled_from([*strategies.names(), "nothing"]),
        "query_size": st.integers(-3, 40) | st.integers(),
        "seed": st.integers(0, 2**70) | st.integers(-3, 3),
    },
    optional={
        "logits": arrays | anything,
        "embeddings": arrays | anything,
        "labeled_embeddings": arrays | anything,
        "unknown_embeddings": arrays | anything,
        "labels": arrays | anything,
        "mc_logits": arrays | anything,
        "head": st.tuples(arrays, arrays) | anything,
        "ids": arrays | anything,
        "params": st.dictionaries(st.text(max_size=8), json_values, max_size=2) | st.none(),
        "round": st.integers(-2, 2**40),
    },
)


@st.composite
def fitting(draw: st.DrawFn) -> dict[str, Any]:
    """Arrays whose shapes fit, with values of any size and a call that is nearly right."""
    n, k, d, m = (draw(st.integers(1, high)) for high in (12, 4, 4, 6))
    size = st.floats(-1e300, 1e300) | st.sampled_from([0.0, -0.0, 1e-320, np.nan, np.inf])
    values = st.floats(-5, 5, width=32) | (size if draw(st.booleans()) else st.just(0.0))

    def of(*shape: int) -> Any:
        return draw(
            hnp.arrays(draw(st.sampled_from([np.float32, np.float64])), shape, elements=values)
        )

    with np.errstate(over="ignore"):
        return {
            "name": draw(st.sampled_from(strategies.names())),
            "query_size": draw(st.integers(0, 14)),
            "seed": draw(st.integers(0, 5)),
            "logits": of(n, k),
            "embeddings": of(n, d),
            "labeled_embeddings": of(m, d),
            "labels": draw(hnp.arrays(np.int64, (m,), elements=st.integers(0, k - 1))),
            "mc_logits": of(3, n, k),
            "head": (of(k, d), of(k)),
            "ids": draw(st.permutations(range(n))) if draw(st.booleans()) else None,
        }


def choose(call: dict[str, Any]) -> None:
    """Distinct rows of the pool, as many as asked for, or an error in words."""
    with in_time(), np.errstate(all="ignore"):
        try:
            chosen = alscope.select(**call).positions
        except ALScopeError as error:
            _expect(bool(str(error)))
            return
        n = len(call["logits"] if call.get("logits") is not None else chosen)
        assert len(set(chosen.tolist())) == len(chosen)
        assert all(0 <= place < max(n, len(chosen)) or n == len(chosen) for place in chosen)


links = st.dictionaries(
    st.sampled_from(["mode", "n", "k", "seed", "noise", "s", "q", "picks", "b", "shape", "data"])
    | st.text(max_size=5),
    st.lists(
        st.text(max_size=30) | st.integers().map(str) | st.floats().map(str)
        | st.lists(st.integers(-5, 10**12)).map(lambda row: ".".join(map(str, row))),
        max_size=3,
    ),
)  # fmt: skip


def follow_link(params: dict[str, list[str]]) -> None:
    """An address of the playground: a game, and what of the address is unknown."""
    with in_time():
        game, unknown = read_game(params)
        again, _ = read_game({})
        assert game is not None
        assert again is not None
        assert all(isinstance(word, str) for word in unknown)
        for values in params.values():
            for text in values:
                read_picks(text)


TARGETS: dict[str, Target] = {
    "tables": (uploads("csv", "tsv", "jsonl"), read_upload),
    "binary uploads": (uploads("parquet", "npy", "zip"), read_upload),
    "study files": (
        st.tuples(
            st.deferred(lambda: mutated(study_seeds()))
            | st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass")),
            st.sampled_from(["toml", "yaml"]),
        ),
        read_study,
    ),
    "study trees": (
        st.deferred(lambda: replaced(parse_study(STUDY).to_dict())) | json_values,
        read_tree,
    ),
    "bundle bytes": (st.deferred(lambda: mutated(bundle_seeds())), take_bytes),
    "bundle stories": (st.deferred(lambda: replaced(list(map(list, _events())))), take_story),
    "select, any arrays": (calls, choose),
    "select, fitting arrays": (fitting(), choose),
    "playground links": (links, follow_link),
}
