"""A report as one HTML file that needs nothing else: no network, no server, no fonts.

The libraries that draw the charts are in the file. A content security policy allows exactly the
two scripts we wrote into it, by their hashes, and no request; so a text that got past escaping
could still neither run nor call home. Without scripts, and on paper, pictures stand in.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

from alscope.charts.render import render, screen_config
from alscope.charts.spec import chart_spec
from alscope.reports.document import Code, Document, Figure, Items, Part, Section, Table, Text

__all__ = ["as_html"]

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="{made_by}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
{lead}
</header>
<main>
{body}
</main>
<footer>Made with {made_by}. Everything in this page is in this file.</footer>
<script type="application/json" id="themes">{themes}</script>
<script>{library}</script>
<script>{script}</script>
</body>
</html>
"""
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src {hashes}; base-uri 'none'; form-action 'none'"
)


def as_html(document: Document) -> str:
    """The report as one file.

    Args:
        document: Its texts are escaped.
    """
    library, script = _library(), _own("report.js")
    return _PAGE.format(
        policy=_POLICY.format(hashes=f"{_hash(library)} {_hash(script)}"),
        title=_text(document.title),
        made_by=_text(document.made_by),
        style=_own("report.css"),
        lead="\n".join(_lead(document)),
        body="\n".join(line for section in document.sections for line in _section(section)),
        themes=_data({"light": screen_config(dark=False), "dark": screen_config(dark=True)}),
        library=library,
        script=script,
    )


@cache
def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    import vl_convert

    make: Any = vl_convert.javascript_bundle  # its types ask for a script that it does not need
    bundle: str = make()
    # What would end the element early stands in strings, where the escape means the same.
    return bundle.replace("</script", "<\\/script")


@cache
def _own(name: str) -> str:
    return resources.files("alscope.reports").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _lead(document: Document) -> Iterator[str]:
    if document.authors:
        yield f'<p class="authors">{_text(document.authors)}</p>'
    for paragraph in document.notes.split("\n\n"):
        if paragraph.strip():
            yield f"<p>{_text(paragraph.strip())}</p>"


def _section(section: Section) -> Iterator[str]:
    heading = f"h{section.level + 1}"
    yield f"<{heading}>{_text(section.title)}</{heading}>"
    for part in section.parts:
        yield from _part(part)


def _part(part: Part) -> Iterator[str]:
    if isinstance(part, Text):
        yield f"<p>{_text(part.text)}</p>"
    elif isinstance(part, Items):
        items = "".join(f"<li>{_text(item)}</li>" for item in part.items)
        yield f"<ul>{items}</ul>"
    elif isinstance(part, Table):
        yield from _table(part)
    elif isinstance(part, Figure):
        yield from _figure(part)
    else:
        yield _code(part)


def _table(table: Table) -> Iterator[str]:
    words = ["word" if place in table.words else "" for place in range(len(table.head))]
    yield '<div class="scroll"><table><thead><tr>'
    yield "".join(
        f'<th scope="col" class="{word}">{_text(cell)}</th>'
        for cell, word in zip(table.head, words, strict=True)
    )
    yield "</tr></thead><tbody>"
    for row in table.rows:
        cells = "".join(
            f'<td class="{word} {mark}">{_text(cell)}</td>'
            for (cell, mark), word in zip(table.marks(row), words, strict=True)
        )
        yield f"<tr>{cells}</tr>"
    yield "</tbody></table></div>"
    yield f'<p class="caption">{_text(table.caption)}</p>'


def _figure(figure: Figure) -> Iterator[str]:
    picture = base64.b64encode(render(figure.chart, "svg")).decode()
    name = _text(figure.name)
    yield f'<figure data-spec="spec-{name}" data-name="{name}">'
    yield f'<div class="live" role="img" aria-label="{_text(figure.alt)}"></div>'
    yield (
        f'<img class="static" alt="{_text(figure.alt)}" src="data:image/svg+xml;base64,{picture}">'
    )
    yield f"<figcaption>{_text(figure.caption)}</figcaption>"
    yield f'<script type="application/json" id="spec-{name}">{_data(_spec(figure))}</script>'
    yield "</figure>"


def _spec(figure: Figure) -> dict[str, Any]:
    spec = chart_spec(figure.chart)
    if "facet" not in spec and not any(name.endswith("concat") for name in spec):
        spec["width"] = "container"
    return spec


def _code(code: Code) -> str:
    return f"<pre><code>{_text(code.text)}</code></pre>"


def _text(text: str) -> str:
    return html.escape(text, quote=True)


def _data(value: Any) -> str:
    """JSON that cannot end the element it stands in."""
    return json.dumps(value).replace("<", "\\u003c")
