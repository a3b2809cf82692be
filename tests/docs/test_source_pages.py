"""The pages of the sources say what the registry says, and the page of checks names every check that there is."""

from __future__ import annotations

import ast
import doctest
import importlib.util
import re
import sys
from pathlib import Path

import pytest

from astrobio.archives import describing
from astrobio.archives.genuine import verified_on_genuine_bytes
from astrobio.archives.registry import SOURCES
from astrobio.verify import networks, tables, text
from astrobio.verify.planet_tables import RELATIONS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "astrobio"
CHECKS = (ROOT / "docs" / "reference" / "checks.md").read_text(encoding="utf-8")


def _hook():
    spec = importlib.util.spec_from_file_location("source_pages", ROOT / "docs" / "source_pages.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["source_pages"] = module
    spec.loader.exec_module(module)
    return module


source_pages = _hook()
SECTIONS = source_pages.sections(CHECKS)
ROWS = {(gate, re.sub(r" \(flag\)$", "", check)) for section in SECTIONS for gate, check, _, _ in section.rows}


def noted(path: Path) -> set[tuple[str | None, str, bool]]:
    """Gate, name and whether it is a flag, of each check that a module notes under a name that is written there."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if called and node.func.attr in ("note", "flag") and len(node.args) >= 5:
            gate, name = node.args[:2]
            said = gate.value if isinstance(gate, ast.Constant) else None
            if isinstance(name, ast.Constant):
                found.add((said, name.value, node.func.attr == "flag"))
            elif isinstance(name, ast.JoinedStr):
                parts = (one.value if isinstance(one, ast.Constant) else "…" for one in name.values)
                found.add((said, "".join(parts), node.func.attr == "flag"))
    return found


MODULES = [*sorted((PACKAGE / "verify").glob("*.py")), *sorted((PACKAGE / "archives").glob("*.py"))]
NOTED = {path.stem: noted(path) for path in MODULES if noted(path)}


def is_told(gate: str | None, name: str) -> bool:
    """Whether the page has a row of that gate under that name; … stands for a part of either."""
    return any(gate in (None, row_gate) and (_fits(row, name) or _fits(name, row)) for row_gate, row in ROWS)


def _fits(pattern: str, name: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace("…", ".+"), name) is not None


@pytest.mark.parametrize("module", NOTED)
def test_every_check_stands_on_the_page(module):
    missing = {(gate, name) for gate, name, _ in NOTED[module] if not is_told(gate, name)}
    assert missing == set()


def test_checks_whose_names_are_put_together_stand_on_the_page():
    names = [*(("schema", name) for name in (*tables.SCHEMA_CHECKS, *networks.CONTENTS)),
             *(("physics", name) for name in RELATIONS), *(("physics", f"{name}, the table") for name in RELATIONS),
             *(("forensics", fault.check) for fault in text._FAULTS)]  # fmt: skip
    assert [name for name in names if not is_told(*name)] == []


def test_what_only_flags_is_marked_so():
    flags = {name for found in NOTED.values() for _, name, flag in found if flag}
    refusals = {name for found in NOTED.values() for _, name, flag in found if not flag}
    marked = {re.sub(r" \(flag\)$", "", check) for section in SECTIONS for _, check, _, _ in section.rows
              if check.endswith("(flag)")}  # fmt: skip
    assert flags - refusals - marked == set()


def test_every_row_has_a_bound():
    for section in SECTIONS:
        assert section.rows, section.heading
        for gate, check, bound, _ in section.rows:
            assert bound, (section.heading, gate, check)


def test_every_function_that_judges_is_of_one_section():
    told = [name for section in SECTIONS for name in section.functions]
    assert len(told) == len(set(told))
    judging = set().union(*(describing.judged_by(product) for one in SOURCES.values() for product in one.products))
    noting = {f"{path.stem}.{node.name}" for path in MODULES for node in ast.parse(path.read_text("utf-8")).body
              if isinstance(node, ast.FunctionDef)}  # fmt: skip
    named_check = {name for name in judging & noting if name.partition(".")[2].lstrip("_").startswith("check")}
    assert named_check - set(told) == set()
    assert set(told) <= judging, "functions that no source's gates are made of"


def test_every_product_passes_checks_that_are_told():
    for source in SOURCES.values():
        for product in source.products:
            headings = [section.heading for section in source_pages.of_product(product, SECTIONS)]
            assert [one for one in headings if one != source_pages.ELSEWHERE], (source.name, product.name)


def test_every_product_has_a_format():
    for source in SOURCES.values():
        for product in source.products:
            assert describing.written(product) != "not told", (source.name, product.name)


@pytest.mark.parametrize("name", SOURCES)
def test_a_page_tells_all_that_the_registry_does(name):
    source = SOURCES[name]
    page = source_pages.page(source, SECTIONS)
    wanted = [source.title, source.homepage, source.licence.name, source.licence.url, source.licence.duties,
              source.licence.to_accept, source.acknowledgement, describing.verified(source), *source.notes,
              *source.unconfirmed, *describing.commands(source)]  # fmt: skip
    wanted += [citation.bibtex for citation in source.citations]
    for product in source.products:
        wanted += [f"`{product.name}`", product.holds, describing.endpoint(product.ask), describing.expected(product)]
        wanted += [f"`{column.name}`".replace("|", "\\|") for column in describing.columns(product)
                   if not column.error_of]  # fmt: skip
    assert [said for said in wanted if said not in page] == []


@pytest.mark.parametrize("name", SOURCES)
def test_tables_of_a_page_are_whole(name):
    lines = source_pages.page(SOURCES[name], SECTIONS).splitlines()
    for above, line in zip(lines, lines[1:], strict=False):
        if above.startswith("|") and line.startswith("|"):
            assert above.replace("\\|", "").count("|") == line.replace("\\|", "").count("|"), line


def test_the_index_lists_every_source_once():
    index = source_pages.index()
    assert all(index.count(f"({name}.md)") == 1 for name in SOURCES)
    assert index.count(describing.NOT_RUN) == 1 + sum(
        describing.verified(one) == describing.NOT_RUN for one in SOURCES.values()
    )


def test_tables_that_the_code_holds_have_their_place():
    assert all(CHECKS.count(mark) == 1 for mark in source_pages.HELD)
    page = source_pages.on_page_markdown(CHECKS, page=None, config=None, files=None)
    assert "| JWST | NIRISS | 0.6 to 2.83 |" in page
    assert "| cloud fraction | 1 | -0.001 to 1.001 |" in page
    assert "<!-- table" not in page


def test_the_readme_counts_the_sources_that_were_seen():
    seen = sum(bool(verified_on_genuine_bytes(name)) for name in SOURCES)
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"{len(SOURCES)} sources are declared" in readme
    assert f"{seen} are verified on genuine bytes of their archives" in readme


def test_examples_of_the_hook():
    assert doctest.testmod(source_pages).failed == 0
