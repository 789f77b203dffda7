"""A chart as a Python script of its own: the data, and the Altair calls that draw it.

The script is made from the Vega-Lite specification, so it draws what the app draws. It is laid out
as a person would write it, because people will change it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from alscope.charts.spec import AnyChart, chart_parts

__all__ = ["chart_script"]

_WIDTH = 92
_JOINED = ("layer", "hconcat", "vconcat", "concat")
_SELECTIONS = {"point": "selection_point", "interval": "selection_interval"}

_SCRIPT = '''\
"""{title}

Needs: pip install altair pandas vl-convert-python
"""

import io

import altair as alt
import pandas as pd

{frames}
chart = {chart}

if __name__ == "__main__":
    chart.save({page}, inline=True)
    chart.save({print})
'''


def chart_script(chart: AnyChart, *, title: str, stem: str) -> str:
    """A runnable script that builds the chart and saves it as HTML and PDF.

    Args:
        chart: Of marks, layers, facets and concatenations; its data are written into the script.
        title: First line of the script's description.
        stem: Of the files that the script writes.
    """
    spec, frames = chart_parts(chart)
    return _SCRIPT.format(
        title=title.replace("\\", "/").replace('"', "'").replace("\n", " "),
        frames="\n".join(_frame_code(name, frame) for name, frame in frames.items()),
        chart=_laid_out(_Chart(spec).code(), 0),
        page=json.dumps(f"{stem}.html"),
        print=json.dumps(f"{stem}.pdf"),
    )


class _Group(NamedTuple):
    """Something in brackets: on one line if it fits, else one part per line."""

    start: str
    parts: list[Any]
    end: str


class _Chain(NamedTuple):
    """Calls one after the other: on one line if they fit, else one per line."""

    links: list[Any]


_Code = str | _Group | _Chain


def _flat(code: _Code) -> str:
    if isinstance(code, _Group):
        return code.start + ", ".join(map(_flat, code.parts)) + code.end
    return "".join(map(_flat, code.links)) if isinstance(code, _Chain) else code


def _laid_out(code: _Code, indent: int) -> str:
    text = _flat(code)
    if isinstance(code, str) or ("\n" not in text and len(text) + indent <= _WIDTH):
        return text
    inner, outer = " " * (indent + 4), " " * indent
    if isinstance(code, _Chain):
        lines = [inner + _laid_out(link, indent + 4) for link in code.links]
        return "\n".join(["(", *lines, f"{outer})"])
    lines = [f"{inner}{_laid_out(part, indent + 4)}," for part in code.parts]
    return "\n".join([code.start, *lines, outer + code.end])


def _frame_code(name: str, frame: pd.DataFrame) -> str:
    text = frame.to_csv(index=False, lineterminator="\n")
    # A literal per line, so that nothing in the data can end it early.
    lines = "".join(f"        {_word(line)}\n" for line in text.splitlines(keepends=True))
    types = {str(key): str(kind) for key, kind in frame.dtypes.items()}
    floats = {key: [""] for key, kind in types.items() if kind.startswith("float")}
    options = [
        _value("dtype=", types),
        "keep_default_na=False",
        _value("na_values=", floats),
    ]
    shown = "".join(f"    {_laid_out(option, 4)},\n" for option in options)
    return f"{name} = pd.read_csv(\n    io.StringIO(\n{lines}    ),\n{shown})\n"


class _Chart:
    """Turns a specification into Altair calls."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._spec = {key: value for key, value in spec.items() if key != "$schema"}
        self._params: dict[str, list[dict[str, Any]]] = {}
        for param in self._spec.pop("params", []):
            own = {key: value for key, value in param.items() if key != "views"}
            for view in param.get("views", [""]):
                self._params.setdefault(view, []).append(own)

    def code(self) -> _Code:
        return self._expression(self._spec)

    def _expression(self, spec: Mapping[str, Any]) -> _Chain:
        rest = dict(spec)
        joined = next((name for name in _JOINED if name in rest), None)
        if joined:
            parts: list[_Code] = [self._expression(part) for part in rest.pop(joined)]
            links: list[_Code] = [_Group(f"alt.{joined}(", parts + _shared(rest), ")")]
        elif "spec" in rest:
            links = self._facet(rest)
        else:
            links = self._unit(rest)
        return _Chain(links + _settings(rest))

    def _unit(self, rest: dict[str, Any]) -> list[_Code]:
        mark = rest.pop("mark")
        options = {"type": mark} if isinstance(mark, str) else dict(mark)
        links: list[_Code] = [_Group("alt.Chart(", _shared(rest), ")")]
        links.append(_call(f".mark_{options.pop('type')}", options))
        channels = rest.pop("encoding", {})
        if channels:
            encoded = [_channel(f"{name}=", name, value) for name, value in channels.items()]
            links.append(_Group(".encode(", encoded, ")"))
        params = self._params.get(rest.pop("name", ""), [])
        return links + [_Group(".add_params(", [_parameter(param)], ")") for param in params]

    def _facet(self, rest: dict[str, Any]) -> list[_Code]:
        inner, facet = self._expression(rest.pop("spec")), rest.pop("facet")
        one = "field" in facet
        fields = [
            _call(f"{name}=alt.{name.title()}", field)
            for name, field in ({"facet": facet} if one else facet).items()
        ]
        return [*inner.links, _Group(".facet(", [*fields, *_shared(rest)], ")")]


def _shared(rest: dict[str, Any]) -> list[_Code]:
    """Arguments of every constructor: data and columns."""
    options: list[_Code] = []
    if "data" in rest:
        data = rest.pop("data")
        options.append(f"data={data['name']}" if "name" in data else _value("data=", data))
    if "columns" in rest:
        options.append(f"columns={rest.pop('columns')}")
    return options


def _settings(rest: dict[str, Any]) -> list[_Code]:
    links: list[_Code] = [
        _call(f".resolve_{name}", value) for name, value in rest.pop("resolve", {}).items()
    ]
    config = rest.pop("config", None)
    if rest:
        links.append(_call(".properties", rest))
    return [*links, _call(".configure", config)] if config else links


def _channel(start: str, name: str, value: Any) -> _Code:
    if isinstance(value, list):
        return _Group(f"{start}[", [_channel("", name, item) for item in value], "]")
    if "field" in value or "aggregate" in value:
        return _call(f"{start}alt.{name[0].upper()}{name[1:]}", value)
    return _value(start, value)


def _parameter(param: Mapping[str, Any]) -> _Code:
    rest = dict(param)
    select = rest.pop("select", None)
    if select is None:
        return _call("alt.param", rest)
    options = {"type": select} if isinstance(select, str) else dict(select)
    return _call(f"alt.{_SELECTIONS[options.pop('type')]}", {**rest, **options})


def _call(name: str, options: Mapping[str, Any]) -> _Group:
    return _Group(f"{name}(", [_value(f"{key}=", item) for key, item in options.items()], ")")


def _value(start: str, value: Any) -> _Code:
    if isinstance(value, Mapping):
        items = [_value(f"{_word(key)}: ", item) for key, item in value.items()]
        return _Group(f"{start}{{", items, "}")
    if isinstance(value, list):
        return _Group(f"{start}[", [_value("", item) for item in value], "]")
    return start + (_word(value) if isinstance(value, str) else repr(value))


def _word(text: str) -> str:
    """A text in double quotes, on one line."""
    return json.dumps(text, ensure_ascii=False)
