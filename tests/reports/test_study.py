"""Reports: every block, every form, and texts of strangers that stay texts."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
from html.parser import HTMLParser

import pytest

from alscope.charts.spec import chart_spec
from alscope.errors import UnknownNameError
from alscope.reports.blocks import BLOCKS
from alscope.reports.document import Code, Document, Section
from alscope.reports.html import as_html
from alscope.reports.latex import as_latex
from alscope.reports.markdown import as_markdown
from alscope.reports.study import ReportOptions, report_files, study_document
from alscope.results.tables import aubc_table
from tests.reports.studies import HOSTILE, document, results

pytestmark = pytest.mark.slow

FEW = {"blocks": ("setting", "curves", "table", "configuration")}


class Elements(HTMLParser):
    """What a browser finds in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def page() -> str:
    return as_html(document(title=HOSTILE, authors=HOSTILE, notes=f"{HOSTILE}\n\nSecond.", **FEW))


def test_what_strategies_say_against_their_queries_stands_below_the_table() -> None:
    rounds = results().rounds
    doubtful = rounds.assign(caution=rounds["strategy"].map({"badge": HOSTILE}).fillna(""))
    made = study_document(results(rounds=doubtful), ReportOptions(blocks=("table",)))
    texts = Elements(as_html(made)).texts

    assert sum(f"queries: {HOSTILE}." in text for text in texts) == 2
    calm = Elements(as_html(document(blocks=("table",)))).texts
    assert not any("against their own" in text for text in calm)


def test_every_block_can_be_made_alone() -> None:
    for name, (title, _) in BLOCKS.items():
        made = document(blocks=[name])

        assert title
        assert made.sections, name


def test_blocks_come_in_the_order_of_a_report_whatever_was_asked() -> None:
    titles = [section.title for section in document(blocks=["environment", "setting"]).sections]

    assert titles == ["Setting", "Environment"]


def test_an_unknown_block_gets_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'curves'"):
        document(blocks=["curvs"])


def test_without_a_title_the_name_of_the_study_is_the_title() -> None:
    assert document(blocks=[]).title == HOSTILE


def test_a_report_of_a_closed_set_has_no_purity() -> None:
    closed = results()
    closed = results(rounds=closed.rounds.assign(setting="closed"))
    made = study_document(closed, ReportOptions(blocks=["purity"]))

    assert made.sections == []


def test_ranks_say_why_there_are_none() -> None:
    (section,) = document(blocks=["ranks"]).sections

    assert "you have 2 scenarios" in str(section.parts[0])


def test_a_page_asks_for_nothing_outside_of_it(page: str) -> None:
    elements = Elements(page)
    links = [
        value
        for _, attributes in elements.found
        for name, value in attributes.items()
        if name in {"src", "href", "srcset", "action", "data", "poster"}
    ]

    assert links
    assert all(str(link).startswith("data:image/svg+xml;base64,") for link in links)
    assert {tag for tag, _ in elements.found}.isdisjoint({"link", "iframe", "object", "form", "b"})


def test_only_our_two_scripts_may_run(page: str) -> None:
    elements = Elements(page)
    (policy,) = [str(meta["content"]) for meta in elements.of("meta") if "http-equiv" in meta]
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]

    assert len(scripts) == 2
    assert f"script-src 'sha256-{hashes[0]}' 'sha256-{hashes[1]}';" in policy
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert not [attributes for _, attributes in elements.found if "onerror" in attributes]


def test_texts_of_people_stay_texts(page: str) -> None:
    elements = Elements(page)

    assert [image for image in elements.of("img") if image["src"] == "x"] == []
    assert elements.texts.count(HOSTILE) >= 4  # title twice, authors, notes


def test_a_page_holds_the_plotted_rows_and_a_picture_of_every_figure(page: str) -> None:
    made = document(**FEW)
    specs = re.findall(r'id="spec-[\w-]+">(.*?)</script>', page, flags=re.DOTALL)

    assert len(specs) == len(made.figures) == 2
    for text, figure in zip(specs, made.figures, strict=True):
        assert json.loads(text)["datasets"] == chart_spec(figure.chart)["datasets"]
    assert len(Elements(page).of("img")) == 2
    assert all(image["alt"] for image in Elements(page).of("img"))


def test_a_page_is_the_same_every_time(page: str) -> None:
    again = as_html(document(title=HOSTILE, authors=HOSTILE, notes=f"{HOSTILE}\n\nSecond.", **FEW))

    assert again == page


def test_markdown_has_every_table_and_escapes_what_people_wrote() -> None:
    text = as_markdown(document(title=HOSTILE))
    lines = text.splitlines()

    assert lines[0].startswith(r"# \</script\>\<img src=x")
    assert not re.search(r"(?<!\\)<", text.partition("```toml")[0])
    assert len([line for line in lines if line.startswith("| margin ")]) == 4
    assert len([line for line in lines if line.startswith("| **random** ")]) == 2
    assert "## Methods" in lines


def test_code_in_markdown_cannot_end_its_fence() -> None:
    section = Section("x", [Code("```\n````\n# heading", "toml")])
    lines = as_markdown(Document("t", "", "", [section], "x")).splitlines()

    assert lines[lines.index("`````toml") + 4] == "`````"


def test_latex_is_balanced_and_names_its_figures() -> None:
    made = document(title=HOSTILE)
    text = as_latex(made)
    begun = re.findall(r"(?<!\\)\\begin\{(\w+)\}", text)
    ended = re.findall(r"(?<!\\)\\end\{(\w+)\}", text)
    plain = re.sub(r"\\[{}]", "", text)

    assert sorted(begun) == sorted(ended)
    assert plain.count("{") == plain.count("}")
    assert "onerror=" in text
    assert re.findall(r"\\includegraphics\[[^]]*\]\{([^}]*)\}", text) == [
        f"{figure.name}.pdf" for figure in made.figures
    ]


def test_figures_in_a_document_have_names_of_their_own() -> None:
    names = [figure.name for figure in document().figures]

    assert len(set(names)) == len(names) > 4


def test_the_forms_of_a_report_are_made_when_asked_for() -> None:
    asked: list[int] = []

    def make() -> object:
        asked.append(1)
        return document(blocks=["setting", "timing"])

    files = {file.label: file for file in report_files(make, "my-study")}  # type: ignore[arg-type]
    assert asked == []
    with zipfile.ZipFile(io.BytesIO(files["LaTeX"].make())) as archive:
        names = archive.namelist()
        assert archive.read("seconds.pdf").startswith(b"%PDF")

    assert names == ["my-study.tex", "seconds.pdf"]
    assert files["Markdown"].make().startswith(b"# ")


def test_the_numbers_of_the_table_are_those_of_the_frames() -> None:
    made = document(blocks=["table"])
    table = aubc_table(results().rounds)
    best = table[table["best"]].iloc[0]
    part = made.sections[1].parts[0]

    assert part.rows[0].cells[0] == best["strategy"]  # type: ignore[union-attr]
    assert part.rows[0].cells[2].startswith(f"{best['aubc']:.3f}")  # type: ignore[union-attr]
