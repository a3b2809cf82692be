"""A hook of MkDocs: a page for each source, made from the registry, and tables that the code holds.

The pages are made anew at every build, so that they say what the code says. Which checks a source's files pass is
told by the functions that judge them: a comment ``<!-- of: stellar_spectra.check_star -->`` in ``reference/checks.md``
names the functions whose checks the tables below it hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astrobio.archives import describing
from astrobio.archives.genuine import verified_on_genuine_bytes
from astrobio.archives.registry import SOURCES
from astrobio.archives.source import Product, Source
from astrobio.formats.schema import Column
from astrobio.verify.climate_quantities import QUANTITIES
from astrobio.verify.instruments import FACILITIES
from astrobio.verify.verdict import Gate

FOLDER = "reference/sources"
CHECKS = "reference/checks.md"
GATES: tuple[Gate, ...] = ("transfer", "format", "schema", "physics", "forensics")
ELSEWHERE = "Files of any kind"
"""The section that is of every source whose files pass the row of gates; it is linked, and not repeated."""


@dataclass
class Section:
    """Checks of one kind of data.

    Attributes
    ----------
    heading : str
        Of the part of the page that holds them.
    functions : set of str
        That make these checks, as ``planet_tables.check_planets``.
    rows : list of (str, str, str, str)
        Gate, check, bound and source, as the page has them.
    """

    heading: str
    functions: set[str]
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    @property
    def link(self) -> str:
        """To the part of the page, from the page of a source."""
        anchor = re.sub(r"[^a-z0-9]+", "-", self.heading.lower()).strip("-")
        return f"[{self.heading}](../checks.md#{anchor})"


def sections(text: str) -> list[Section]:
    """The sections of ``checks.md`` that are of the files of sources, in their order.

    >>> head = "## Stars\\n\\n<!-- of: stellar_spectra.check_star -->\\n\\n| gate | check | bound | source |\\n"
    >>> sections(head + "| physics | flux positive | 95 % | measured |\\n")[0].rows
    [('physics', 'flux positive', '95 %', 'measured')]
    """
    found: list[Section] = []
    heading, current = "", None
    for line in text.splitlines():
        if title := re.fullmatch(r"(##|###) (.+)", line):
            heading = title[2]
            current = None if title[1] == "##" else current
        elif of := re.fullmatch(r"<!-- of: (.+) -->", line):
            current = Section(heading, set(of[1].split(", ")))
            found.append(current)
        elif current is not None and (row := _row(line)):
            current.rows.append(row)
    return found


def _row(line: str) -> tuple[str, str, str, str] | None:
    cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("| ") else []
    if not cells or cells[0] not in GATES:
        return None
    gate, check, bound, source = [*cells, ""][:4]
    return gate, check, bound, source.strip("| ")


def cell(text: object) -> str:
    """Text in a cell of a table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> list[str]:
    """A table in Markdown, as lines; none where it has no rows."""
    body = [f"| {' | '.join(cell(one) for one in row)} |" for row in rows]
    names = list(head)
    return [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}", *body, ""] if body else []


def index() -> str:
    """The page that lists the sources."""
    seen = [one for one in SOURCES.values() if verified_on_genuine_bytes(one.name)]
    made = [one for one in SOURCES.values() if one.simulator]
    lines = [
        "# Sources",
        "",
        f"{len(SOURCES)} sources are declared. {len(seen)} of them were tried on genuine bytes of their archives, "
        f"{len(made)} is made here by a simulator; the others follow the archives' documentation, are tried against "
        "servers that answer as it says, and are marked *not yet run*.",
        "",
        *table(
            ("source", "holds", "licence", "fetched unless others are named", "verified on genuine bytes"),
            ((f"[{one.title}]({one.name}.md)", one.holds, one.licence.name, describing.size(_by_default(one))
              if _by_default(one) else "nothing", describing.verified(one)) for one in SOURCES.values()),
        ),
        f"All together about {describing.size(sum(map(_by_default, SOURCES.values())))} are fetched unless others are "
        "named. `astrobio sources` shows this table with what a store holds; a [mirror](../commands.md) is read in "
        "place of the archives where one is named. How a source is added is told in `CONTRIBUTING.md`.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _by_default(source: Source) -> int:
    return sum(one.expected_bytes for one in source.products if one.default and one.ask is not None)


def page(source: Source, found: list[Section]) -> str:
    """The page of a source."""
    lines = [f"# {source.title}", "", f"{_sentence(source.holds)} Home page: <{source.homepage}>", ""]
    lines += ["```", *describing.commands(source), "```", ""]
    lines += table(("", ""), _facts(source))
    lines += ["## Products", "", *table(("product", "holds", "kind", "format", "at least", "size", "asked by",
                                         "genuine files"),
                                        (_product(source, one) for one in source.products))]  # fmt: skip
    addresses = {one.name: describing.endpoint(one.ask) for one in source.products if one.ask is not None}
    lines += table(("product", "endpoint"), ((name, f"`{url}`") for name, url in addresses.items()))
    lines += _list("Remarks", source.notes) + _list("Not confirmed", source.unconfirmed)
    lines += ["## Checks", "", *_checks(source, found)]
    for product in source.products:
        lines += _columns(product)
    lines += _citing(source)
    return "\n".join(lines).rstrip() + "\n"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _facts(source: Source) -> Iterator[tuple[str, str]]:
    licence = source.licence
    yield "name", f"`{source.name}`"
    yield "licence", f"[{licence.name}]({licence.url})"
    yield "duties", licence.duties
    yield "this lets one", describing.allowed(source)
    yield "terms to accept", licence.to_accept or "none"
    yield "requests to a host", describing.requests(source)
    yield "token", describing.token(source)
    yield "fetched unless others are named", describing.size(_by_default(source)) if _by_default(source) else "nothing"
    yield "verified on genuine bytes", describing.verified(source)


def _product(source: Source, one: Product) -> tuple[str, ...]:
    named = "" if one.default or one.ask is None else " (by name only)"
    asked, seen = describing.asked_by(one.ask), describing.tried(source, one)
    return (f"`{one.name}`{named}", one.holds, one.kind, describing.written(one), describing.expected(one),
            describing.size(one.expected_bytes), asked, seen)  # fmt: skip


def _list(heading: str, lines: tuple[str, ...]) -> list[str]:
    return [f"## {heading}", "", *(f"- {line}" for line in lines), ""] if lines else []


def of_product(product: Product, found: list[Section]) -> list[Section]:
    """The sections of the checks that a product's files pass."""
    functions = describing.judged_by(product)
    return [section for section in found if section.functions & functions]


def _checks(source: Source, found: list[Section]) -> list[str]:
    """By gate, what the files of each product pass; products that pass the same stand together."""
    alike: dict[tuple[int, ...], list[str]] = {}
    for product in source.products:
        passed = tuple(found.index(section) for section in of_product(product, found))
        alike.setdefault(passed, []).append(product.name)
    lines = []
    for passed, names in alike.items():
        chosen = [found[number] for number in passed]
        links = dict.fromkeys(section.link for section in chosen)
        lines += [f"Files of {', '.join(f'`{name}`' for name in names)} pass those of {', '.join(links)}:", ""]
        rows = [row for section in chosen if section.heading != ELSEWHERE for row in section.rows]
        by_gate = {gate: dict.fromkeys(row[1] for row in rows if row[0] == gate) for gate in GATES}
        lines += table(("gate", "checks"), ((gate, "; ".join(names)) for gate, names in by_gate.items() if names))
    return lines


def _columns(product: Product) -> list[str]:
    columns = describing.columns(product)
    if not columns:
        return []
    measured = {column.error_of for column in columns if column.error_of}
    rows = [_column(column, column.name in measured) for column in columns if not column.error_of]
    return [f"## Columns of {product.name}", "",
            *table(("column", "type", "unit", "possible", "remarks"), rows)]  # fmt: skip


def _column(column: Column, uncertain: bool) -> tuple[str, ...]:
    choices = ", ".join(column.choices) if len(column.choices) <= 12 else f"{len(column.choices)} words"
    remarks = ["has uncertainties"] if uncertain else []
    remarks += ["never empty"] if column.filled else []
    remarks += ["may be absent"] if column.optional else []
    remarks += [f"usual: {_range(*column.usual)}"] if column.usual else []
    return (f"`{column.name}`", column.type, column.unit or "", _range(column.low, column.high) or choices,
            "; ".join(remarks))  # fmt: skip


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f"from {low:g}"
    return f"up to {high:g}" if low is None else f"{low:g} to {high:g}"


def _citing(source: Source) -> list[str]:
    lines = ["## Citing", ""]
    for work in source.citations:
        where = f" {work.place}." if work.place else ""
        at = f" <{work.address}>" if work.address else ""
        lines += [f"- {work.short}: *{work.title}.*{where}{at}"]
    lines += [""] if source.citations else []
    if source.acknowledgement:
        lines += ["The archive asks for this sentence:", "", f"> {source.acknowledgement}", ""]
    if source.citations:
        lines += ["```bibtex", describing.bibtex([source]).rstrip(), "```", ""]
    return lines


def instruments() -> list[str]:
    """The observatories and instruments that are known, as a table."""
    rows = [
        (facility.name, one.name, f"{one.low:g} to {one.high:g}", one.first or facility.first or "not told", one.source)
        for facility in FACILITIES
        for one in facility.instruments
    ]
    return table(("observatory", "instrument", "micrometre", "from", "source"), rows)


def quantities() -> list[str]:
    """The quantities of climates whose bounds are known, as a table."""
    rows = [(one.name, one.unit, _range(*one.earth), _range(*one.planet), one.reason) for one in QUANTITIES]
    return table(("quantity", "unit", "on Earth", "on planets", "reason"), rows)


HELD = {"<!-- table: instruments -->": instruments, "<!-- table: quantities -->": quantities}
"""What stands in a page for a table that the code holds."""


def on_config(config: Any) -> Any:
    """Name the pages in the navigation, behind the commands."""
    [reference] = [part["Reference"] for part in config.nav if "Reference" in part]
    entries = [f"{FOLDER}/index.md", *({one.title: f"{FOLDER}/{one.name}.md"} for one in SOURCES.values())]
    reference.insert(1, {"Sources": entries})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages."""
    from mkdocs.structure.files import File

    found = sections((Path(config.docs_dir) / CHECKS).read_text(encoding="utf-8"))
    files.append(File.generated(config, f"{FOLDER}/index.md", content=index()))
    for one in SOURCES.values():
        files.append(File.generated(config, f"{FOLDER}/{one.name}.md", content=page(one, found)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Put the tables that the code holds where a page asks for them."""
    for mark, made in HELD.items():
        markdown = markdown.replace(mark, "\n".join(made()))
    return markdown
