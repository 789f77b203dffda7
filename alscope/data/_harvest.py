"""Docstrings of installed packages, read from their source files without importing anything."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from alscope.errors import DatasetError

__all__ = ["HARVEST", "content_hash", "harvest", "source_folder"]

HARVEST = 1
"""Raised when the same packages give other texts."""

_MIN_WORDS, _MAX_WORDS = 6, 50
_PARAGRAPHS = 2
_LIBRARIES = (
    "numpy np scipy pandas pd scikit-learn scikit sklearn pytorch torch torchvision networkx nx "
    "sympy mpmath matplotlib"
)
_MASK = "library"
_OWN_NAMES = re.compile(
    rf"(?<![a-z0-9])(?:{'|'.join(map(re.escape, _LIBRARIES.split()))})(?![a-z0-9])", re.IGNORECASE
)
_ROLE = re.compile(r":[a-z:+]+:(?=`)")
_MARKUP = re.compile(r"[`*|~]+|<[^>\s]+>|\{\{.*?\}\}|::")
_NOT_PROSE = re.compile(r"^(?:>>>|\.\. |:\w+|@|[-=~^#*]{3,}|\w+:$)")
_SKIPPED = frozenset({"test", "tests", "testing", "externals", "vendor", "extern", "conftest"})


def source_folder(package: str) -> Path | None:
    """Folder with a package's `.py` files; None if it is not installed or holds only bytecode."""
    found = importlib.util.find_spec(package)
    if found is None or not found.origin or not found.origin.endswith("__init__.py"):
        return None
    folder = Path(found.origin).parent
    return folder if Path(found.origin).is_file() else None


def harvest(package: str, *, max_files: int, max_texts: int) -> list[str]:
    """First paragraphs of the docstrings of public functions and classes of a package.

    Files are read in the order of a hash of their path inside the package, and texts are returned
    in the order of their own hash, so neither the file system nor the machine matters. Tests,
    private folders and vendored code are skipped. A text is 6 to 50 words of the first two
    paragraphs, without markup; names of libraries are masked: they would give the class away.

    Args:
        package: Top-level import name.
        max_files: Read at most this many files.
        max_texts: Return at most this many texts.

    Raises:
        DatasetError: If the package has no source files.
    """
    folder = source_folder(package)
    if folder is None:
        raise DatasetError(
            f"the docstrings set reads the source of {package}, which is not installed or has no "
            ".py files; install it, or choose the digits set"
        )
    texts: set[str] = set()
    for path in _files(folder)[:max_files]:
        texts.update(_texts(path))
    return sorted(texts, key=content_hash)[:max_texts]


def content_hash(text: str) -> str:
    """Hash that orders texts and files."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _files(folder: Path) -> list[Path]:
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.py")]
    return [folder / name for name in sorted(filter(_is_wanted, names), key=content_hash)]


def _is_wanted(name: str) -> bool:
    # Private folders hold internals and vendored code; private files hold public functions (NumPy
    # and scikit-learn keep theirs in files such as `_ranking.py`).
    *folders, file = name.split("/")
    if any(folder.startswith("_") for folder in folders):
        return False
    return not (_SKIPPED & {*folders, file.removesuffix(".py")} or file.startswith("test_"))


def _texts(path: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's strings
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return  # templates and files for other Python versions are no prose either
    for docstring in _docstrings(tree.body):
        text = _clean(docstring)
        if text:
            yield text


def _docstrings(body: Iterable[ast.stmt]) -> Iterator[str]:
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name.startswith("_"):
            continue
        docstring = ast.get_docstring(node)
        if docstring:
            yield docstring
        if isinstance(node, ast.ClassDef):
            yield from _docstrings(node.body)


def _clean(docstring: str) -> str | None:
    kept: list[str] = []
    for paragraph in re.split(r"\n\s*\n", docstring.strip()):
        lines = [line.strip() for line in paragraph.splitlines()]
        if len(kept) == _PARAGRAPHS or any(map(_NOT_PROSE.match, lines)):
            break
        kept.append(" ".join(lines))
    text = _MARKUP.sub("", _ROLE.sub("", " ".join(kept)))
    words = _OWN_NAMES.sub(_MASK, text).split()[:_MAX_WORDS]
    return " ".join(words) if len(words) >= _MIN_WORDS else None
