"""What never appears in the source: unsafe loading, global randomness, one machine's paths."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.source import ROOT, called, engine_files, imports, module_name, tree, view_files

UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "torch.load", "torch.save"}
UNSAFE_CALLS |= {f"yaml.{name}load{s}" for name in ("", "full_", "unsafe_") for s in ("", "_all")}
# Methods of any object: pickles of pandas, archives that unpack to where their names say.
UNSAFE_METHODS = {
    "read_pickle",
    "to_pickle",
    "extractall",
    "unpack_archive",
    "load_state_dict_from_url",
}
UNSAFE_OPTIONS = {
    "unsafe_allow_html": True,
    "trust_remote_code": True,
    "allow_pickle": True,
    "shell": True,
    "persist": "disk",  # st.cache_data writes pickles
}

# Generators and their seeds; every other function of numpy.random draws from the global state.
NUMPY_GENERATORS = {"Generator", "Philox", "SeedSequence"}
TORCH_SEEDS = {"torch.manual_seed", "torch.seed", "torch.cuda.manual_seed_all"}
TORCH_DRAWS = {"rand", "randn", "randint", "randperm", "bernoulli", "multinomial", "normal"}

SOURCES = engine_files() + view_files()
DISTRIBUTIONS = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "vl_convert": "vl-convert-python",
    "yaml": "pyyaml",
}

# Folders of one person or machine, and hosts of package registries.
MACHINE = re.compile(
    r"(?<![\w.~-])/(?:home|Users|root|work|mnt)/\w"
    r"|pypi\.org|pythonhosted|download\.pytorch|index-url[ =]+http"
)


def calls_where(
    wrong: Callable[[str, ast.Call], bool], files: tuple[Path, ...] = SOURCES
) -> list[str]:
    """The calls for which `wrong(name, call)` holds, as `module:line name`."""
    return [
        f"{module_name(path)}:{node.lineno} {name}"
        for path in files
        for name, node in called(path)
        if wrong(name, node)
    ]


def options(node: ast.Call) -> Iterator[tuple[str, object]]:
    """The keyword arguments of a call that are literals."""
    for keyword in node.keywords:
        if keyword.arg and isinstance(keyword.value, ast.Constant):
            yield keyword.arg, keyword.value.value


def draws_globally(name: str, node: ast.Call) -> bool:
    """Whether a call seeds or draws from a global generator."""
    short = name.rsplit(".", maxsplit=1)[-1]
    if name.startswith(("np.random.", "numpy.random.")):
        seeded = short == "default_rng" and bool(node.args or node.keywords)
        return short not in NUMPY_GENERATORS and not seeded
    passed = "generator" in {keyword.arg for keyword in node.keywords}
    return name in TORCH_SEEDS or (name in {f"torch.{s}" for s in TORCH_DRAWS} and not passed)


def texts() -> list[Path]:
    """The project's own text files, without what is written at run time."""
    rooms = ("alscope", "pages", "tests", "docs", "benchmarks", ".ci", ".streamlit")
    suffixes = {".py", ".md", ".toml", ".txt", ".cff", ".json", ".css", ""}
    files = [path for name in rooms for path in (ROOT / name).rglob("*")]
    files += [*ROOT.iterdir(), ROOT / "cache" / "README.md"]
    left_out = {".git", "LICENSE", Path(__file__).name}  # in a work tree .git is a file
    return [
        path
        for path in files
        if path.is_file() and path.suffix in suffixes and path.name not in left_out
    ]


def required() -> set[str]:
    """Names of the runtime dependencies."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {re.split(r"[<>=]", line)[0] for line in lines if line and not line.startswith("#")}


def optional() -> set[str]:
    """Names of the packages in extras for users."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    return {
        re.split(r"[<>=]", name)[0] for extra in extras.keys() - {"dev"} for name in extras[extra]
    }


def test_nothing_is_pickled() -> None:
    assert not [
        f"{module_name(path)}:{found.line} imports {found.module}"
        for path in SOURCES
        for found in imports(path)
        if found.module.split(".")[0] in UNSAFE_MODULES
    ]


def test_nothing_is_evaluated_or_loaded_unsafely() -> None:
    assert not calls_where(lambda name, _: name in UNSAFE_CALLS)


def test_no_method_unpickles_or_unpacks_by_name() -> None:
    assert not calls_where(lambda name, _: name.rpartition(".")[2] in UNSAFE_METHODS)


def test_no_call_switches_on_an_unsafe_option() -> None:
    assert not calls_where(lambda _, node: bool(UNSAFE_OPTIONS.items() & set(options(node))))


def test_unsafe_options_are_constants_that_can_be_read_here() -> None:
    names = {"allow_pickle", "trust_remote_code", "weights_only"}

    assert not calls_where(
        lambda _, node: bool(
            {word.arg for word in node.keywords} & names - {word for word, _ in options(node)}
        )
    )


def test_every_image_is_opened_with_a_list_of_formats() -> None:
    # Without one Pillow tries all of its decoders, Ghostscript among them.
    assert not calls_where(
        lambda name, node: (
            name.endswith("Image.open") and "formats" not in {word.arg for word in node.keywords}
        )
    )


def test_arrays_are_read_without_pickles_and_say_so() -> None:
    assert not calls_where(
        lambda name, node: (
            name in {"np.load", "numpy.load"} and ("allow_pickle", False) not in set(options(node))
        )
    )


# What changes stores, and may be called of a view only where the guard is asked first.
WRITERS = {
    "import_data", "delete_own", "import_bundle", "unpack_study", "admit", "set_about",
    "set_desired", "set_queue", "claim", "forget", "write_settings", "write_bundle",
}  # fmt: skip
DOOR = "alscope.ui.actions"


def test_views_change_nothing_past_the_guard() -> None:
    # `Service` and `Library` ask their guard themselves (tests/engine/test_access.py).
    views = tuple(path for path in SOURCES if module_name(path).startswith(("alscope.ui", "pages")))
    doors = [path for path in views if module_name(path) == DOOR]

    def writes(name: str, _: ast.Call) -> bool:
        owner, _, method = name.rpartition(".")
        store = owner.endswith((".runs", ".studies_store")) or owner in {"runs", "studies"}
        return method in WRITERS or (store and method in {"create", "open", "delete", "save"})

    assert not calls_where(writes, tuple(path for path in views if path not in doors))
    assert calls_where(writes, tuple(doors))


def test_every_disk_cache_names_its_own_serializer() -> None:
    # diskcache pickles unless it is given another `disk`.
    caches = {"diskcache.Cache", "diskcache.FanoutCache"}

    assert not calls_where(
        lambda name, node: name in caches and "disk" not in {word.arg for word in node.keywords}
    )


def test_the_package_prints_nothing() -> None:
    assert not calls_where(lambda name, _: name == "print", engine_files())


def test_randomness_is_passed_never_global() -> None:
    # `rng.seeded` is the one place that touches the global generators, and restores them.
    files = tuple(path for path in SOURCES if module_name(path) != "alscope.rng")
    users = [path for path in files if "random" in {found.module for found in imports(path)}]

    assert not calls_where(draws_globally, files)
    assert not users


def test_every_page_starts_with_the_guard() -> None:
    # Streamlit runs a page file directly on a deep link; the guard sends it through the gate.
    pages = [path for path in view_files() if path.parent.name == "pages"]
    without = [path.name for path in pages if _first_statement(path) != "shell.enter()"]

    assert pages
    assert not without


def _first_statement(path: Path) -> str:
    """The first statement of a file after its docstring and imports."""
    for node in tree(path).body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if not is_text and not for_types and not isinstance(node, ast.Import | ast.ImportFrom):
            return ast.unparse(node)
    return ""


def test_no_text_names_one_machine_or_registry() -> None:
    assert not [
        f"{path.relative_to(ROOT)}:{number} {line.strip()}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if MACHINE.search(line)
    ]


def test_the_imported_packages_are_the_required_ones() -> None:
    top = {found.module.split(".")[0] for path in SOURCES for found in imports(path)}
    # pytest and Hypothesis serve `alscope.testing`, for people who write plug-ins.
    others = top - sys.stdlib_module_names - {"alscope", "pytest", "hypothesis"}

    assert {DISTRIBUTIONS.get(name, name) for name in others} - optional() == required()


def test_every_dependency_is_justified_in_the_documentation() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tools = {re.split(r"[<>=]", tool)[0] for tool in project["optional-dependencies"]["dev"]}

    assert not {name for name in required() | optional() | tools if f"`{name}`" not in text}
