"""Studies as YAML: the same settings as in TOML, read with PyYAML's safe parts.

Nothing is constructed but texts, numbers, booleans, lists and tables. Aliases, anchors, tags and
merge keys are refused, so a small file cannot grow into a large document. Words mean what YAML 1.2
says: `no` is a text, `010` is ten, `1e-3` is a number.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from alscope.config_io._writer import study_table
from alscope.errors import ConfigError, Problem

if TYPE_CHECKING:
    import yaml

    from alscope.config import StudyConfig

__all__ = ["load_yaml", "write_yaml"]

_WORDS = (
    ("tag:yaml.org,2002:bool", r"true|false|True|False|TRUE|FALSE", "tTfF"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", "~nN\0"),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf)|\.(?:nan|NaN)",
        "-+0123456789.",
    ),
)


@dataclasses.dataclass
class _Document:
    """What was read: plain values, and the line of every key and element by path."""

    values: Any
    lines: dict[str, int]


def load_yaml(text: str, *, max_depth: int) -> tuple[dict[str, Any], dict[str, int]]:
    """The table in a YAML text, and the line of every key in it.

    Args:
        text: The document, of limited size.
        max_depth: Levels of lists and tables that are read.

    Raises:
        ConfigError: If it is not YAML, holds what is refused, or is no table.
    """
    import yaml

    try:
        _refuse(text, max_depth)
        node = yaml.compose(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        raise _syntax(error) from error
    except yaml.YAMLError as error:  # characters that may not be in a document
        raise _problem(f"not valid YAML: {error}".splitlines()[0]) from error
    lines: dict[str, int] = {}
    values = _value(node, "", lines)
    if not isinstance(values, dict):
        raise _problem("holds no table of settings; begin with: name: my study")
    return values, lines


def write_yaml(study: StudyConfig) -> str:
    """A YAML text that is read as an equal study; defaults are left out.

    Raises:
        ConfigError: If a parameter cannot be expressed (None, objects).
    """
    import yaml

    return yaml.dump(
        study_table(study),
        Dumper=_dumper(),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=100,
    )


@cache
def _loader() -> type[yaml.SafeLoader]:
    """A safe loader with the words of YAML 1.2."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way

    for tag, pattern, first in _WORDS:
        Loader.add_implicit_resolver(
            tag, re.compile(f"^(?:{pattern})$"), [c if c != "\0" else "" for c in first]
        )
    return Loader


@cache
def _dumper() -> type[yaml.SafeDumper]:
    """A safe dumper that quotes what YAML 1.1 or 1.2 would not read as a text."""
    import yaml

    class Dumper(yaml.SafeDumper):
        yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way
            first: list(pairs) for first, pairs in yaml.SafeDumper.yaml_implicit_resolvers.items()
        }

        def ignore_aliases(self, data: Any) -> bool:
            return True

        def represent_str(self, data: str) -> yaml.ScalarNode:
            # Only between double quotes is this line break written as an escape.
            style = '"' if "\x85" in data else None
            return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, Dumper.represent_str)
    for tag, pattern, first in _WORDS:
        Dumper.add_implicit_resolver(
            tag, re.compile(f"^(?:{pattern})$"), [c if c != "\0" else "" for c in first]
        )
    return Dumper


def _refuse(text: str, max_depth: int) -> None:
    import yaml

    depth = documents = 0
    for event in yaml.parse(text, Loader=_loader()):
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _problem("uses an alias or anchor (& or *); write the value out", line)
        tag = getattr(event, "tag", None)
        if tag:
            raise _problem(f"uses the tag {tag!r:.60}; remove it", line)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            raise _problem("holds a second document; keep one", line)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > max_depth:
            raise _problem(f"is nested more than {max_depth} levels deep", line)


def _value(node: yaml.Node | None, path: str, lines: dict[str, int]) -> Any:
    import yaml

    if isinstance(node, yaml.MappingNode):
        return {key: _value(item, where, lines) for key, where, item in _pairs(node, path, lines)}
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            where = f"{path}[{index}]"
            lines[where] = item.start_mark.line + 1
            items.append(_value(item, where, lines))
        return items
    return None if node is None else _scalar(node)


def _pairs(
    node: yaml.MappingNode, path: str, lines: dict[str, int]
) -> Iterator[tuple[str, str, yaml.Node]]:
    import yaml

    seen: set[str] = set()
    for key, item in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise _problem("has a list or table as a key; keys are names", line)
        name = str(key.value)
        if name in seen:
            raise _problem(f"gives {name!r:.60} twice; keep one", line)
        seen.add(name)
        where = f"{path}.{name}" if path else name
        lines[where] = line
        yield name, where, item


def _scalar(node: yaml.Node) -> Any:
    kind, text = node.tag.rpartition(":")[2], node.value
    if kind == "bool":
        return text.lower() == "true"
    if kind == "null":
        return None
    try:
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".nan", "nan"))
    except ValueError as error:  # more than 4300 digits
        line = node.start_mark.line + 1
        raise _problem(f"holds a value that cannot be read: {error}", line) from error
    return text


def _syntax(error: yaml.MarkedYAMLError) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    said = error.problem or error.context or "it cannot be read"
    return _problem(f"not valid YAML: {said}", None if mark is None else mark.line + 1)


def _problem(message: str, line: int | None = None) -> ConfigError:
    return ConfigError([Problem("", message, line)])
