"""``astrobio sources``, ``fetch`` and ``import``: documents, lines for people, exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from astrobio.archives.asking import StaticFile, StaticFiles
from astrobio.archives.registry import SOURCES
from astrobio.cli import main
from tests.fetch.conftest import clean_registry, services  # noqa: F401  fixtures
from tests.fetch.made import COMMA, COMMA_TABLE, LICENCE, made_source, product, register
from tests.loopback.behaviours import Challenge, Forever, Status

TABLE = b"id,value\na,1\nb,2\n"


@pytest.fixture(autouse=True)
def table_source(services):  # noqa: F811
    services.put("table.csv", TABLE)
    ask = StaticFile(services.url("table.csv"), "table.csv")
    return register(made_source(product("table", ask, COMMA_TABLE, table=COMMA, expected_bytes=20)))


@pytest.fixture
def run(tmp_path, capsys):
    """Run a command; its exit code, its document, and what it wrote on standard error."""

    def running(*arguments: str) -> tuple[int, object, str]:
        code = main([*arguments, "--store", str(tmp_path / "store"), "--json"])
        output = capsys.readouterr()
        return code, json.loads(output.out) if output.out else None, output.err

    return running


def test_a_fetch_that_brings_all_is_done(run):
    code, document, said = run("fetch", "made")
    assert code == 0
    [one] = document["sources"]
    assert (one["admitted"], one["complete"], one["exit_code"], one["counts"]) == (1, True, 0, {"things": 2})
    assert (document["mirror"], document["exit_code"]) == (None, 0)
    assert "✅ Made made: 2 things (1 files new, 0 there already" in said
    code, document, said = run("fetch", "made")
    assert (code, document["sources"][0]["already"]) == (0, 1)


def test_a_source_that_cannot_be_reached_is_told_by_exit_code_5(run, services):  # noqa: F811
    services.behave("table.csv", Forever(Status(503)))
    code, document, said = run("fetch", "made")
    assert code == 5
    [failure] = document["sources"][0]["failures"]
    assert (failure["product"], failure["code"], failure["command"]) == ("table", 5, "astrobio fetch made")
    assert "❌ Made made: nothing" in said
    assert "Run: astrobio fetch made" in said


def test_what_is_refused_is_told_by_exit_code_4(run, services):  # noqa: F811
    services.put("table.csv", b"id,value\na,1\na,2\n")
    code, document, said = run("fetch", "made")
    assert code == 4
    [refused] = document["sources"][0]["refused"]
    assert refused["key"].startswith("table/table.csv#")
    assert refused["reasons"] == ["schema: keys: id: 'a' comes 2 times (expected each row named once)"]
    assert "refused: table/table.csv" in said


def test_a_challenge_says_how_to_save_the_file_and_the_import_takes_it(run, services, tmp_path):  # noqa: F811
    services.behave("table.csv", Forever(Challenge(403)))
    code, document, said = run("fetch", "made")
    assert code == 4
    [failure] = document["sources"][0]["failures"]
    assert failure["command"] == "astrobio import made FILE --product table"
    assert f"In a browser open {services.url('table.csv')}, save made table" in said
    saved = tmp_path / "download.csv"
    saved.write_bytes(TABLE)
    code, document, said = run("import", "made", str(saved), "--product", "table")
    assert (code, document["admitted"], document["held"]) == (0, 1, {"things": 2})
    assert "admitted. Made made: 2 things" in said
    assert run("import", "made", str(saved))[1]["already"] == 1
    code, document, _ = run("fetch", "made")
    assert (code, document["sources"][0]["complete"]) == (0, True)


def test_an_import_without_a_file_asks_for_one(run, tmp_path):
    code, _, said = run("import", "made")
    assert code == 2
    assert "which file of made is to be admitted?\nRun: astrobio import made FILE" in said
    assert not (tmp_path / "store").exists()


def test_too_little_is_told_by_exit_code_1(run, table_source):
    [table] = table_source.products
    register(replace(table_source, products=(replace(table, ask=StaticFiles((table.ask,)), least=3),)))
    code, document, _ = run("fetch", "made")
    assert code == 1
    assert document["sources"][0]["failures"][0]["message"] == "2 things, and at least 3 are expected"


def test_a_cut_table_is_told_by_exit_code_4(run, table_source):
    register(replace(table_source, products=(replace(table_source.products[0], least=3),)))
    code, document, _ = run("fetch", "made")
    assert code == 4
    assert document["sources"][0]["refused"][0]["reasons"] == [
        "transfer: as much as the archive has: 2 things (expected at least 3)"]  # fmt: skip


def test_failures_of_different_kinds_are_told_by_exit_code_1(run, services, table_source):  # noqa: F811
    gone = StaticFiles((StaticFile("http://127.0.0.1:1/a", "a"),))
    register(replace(table_source, name="gone", products=(product("a", gone),)))
    services.behave("table.csv", Forever(Challenge(403)))
    code, document, _ = run("fetch", "gone", "made")
    assert (code, [one["exit_code"] for one in document["sources"]]) == (1, [5, 4])


def test_wrong_usage_is_told_by_exit_code_2(run):
    assert run("fetch", "made/none")[0] == 2
    assert run("fetch", "made", "--accept-terms", "made")[0] == 2
    assert run("import", "nasa_exoplanet_archive", __file__)[0] == 2


def test_what_is_not_there_is_told_by_exit_code_3(run, tmp_path):
    assert run("import", "made", str(tmp_path / "none"))[0] == 3
    assert run("fetch", "made", "--mirror", str(tmp_path / "none"))[0] == 3


def test_an_import_that_is_refused_is_told_by_exit_code_4(run, tmp_path):
    saved = tmp_path / "page.csv"
    saved.write_bytes(b"<!doctype html><title>Just a moment...</title>")
    code, document, said = run("import", "made", str(saved))
    assert (code, document) == (4, None)
    assert "transfer: no page: an HTML page" in said
    assert run("import", "rumours", str(saved))[0] == 4


def test_terms_are_accepted_by_name_and_remembered(run, table_source):
    register(replace(table_source, licence=replace(LICENCE, to_accept="academic use only")))
    code, document, said = run("fetch", "made")
    assert code == 1  # it was asked for by name
    assert document["sources"][0]["skipped"] == "its terms are not accepted: academic use only"
    assert "Run: astrobio fetch made --accept-terms made" in said
    assert run("fetch", "made", "--accept-terms", "MADE")[0] == 0
    assert run("fetch", "made", "--update")[0] == 0


def test_a_dry_run_says_what_would_come_and_asks_nothing(run, services, table_source, tmp_path):  # noqa: F811
    register(replace(table_source, name="asked", token="NO_SUCH_TOKEN"))
    code, document, said = run("fetch", "made", "asked", "--dry-run")
    assert code == 0
    assert document["total_bytes"] == 20
    made, asked = document["products"]
    assert (made["source"], made["product"], made["licence"], made["skipped"]) == ("made", "table", "CC0", None)
    assert (asked["skipped"], asked["command"]) == ("it needs a token in NO_SUCH_TOKEN", "export NO_SUCH_TOKEN=...")
    assert made["verified"] is False
    assert "about 0 MB" in said
    assert services.requests == []
    assert not (tmp_path / "store").exists()


def test_a_dry_run_of_everything_is_under_5_gb(run):
    SOURCES.pop("made")
    code, document, _ = run("fetch", "--dry-run")
    assert code == 0
    assert 0 < document["total_bytes"] < 5_000_000_000


def test_an_update_tells_what_changed(run, services):  # noqa: F811
    run("fetch", "made")
    services.put("table.csv", b"id,value\na,1\nb,3\nc,4\n")
    code, document, said = run("fetch", "made", "--update")
    assert code == 0
    [change] = document["sources"][0]["changes"]
    assert change == {"product": "table", "of": "rows", "added": 1, "removed": 0, "changed": 1,
                      "examples": ["added: c", "changed: b"], "columns": []}  # fmt: skip
    assert "table: 1 rows added, 0 removed, 1 changed" in said


def test_sources_are_listed_with_what_is_held_and_whether_they_were_ever_seen(run):
    run("fetch", "made")
    code, documents, said = run("sources")
    assert code == 0
    by_name = {one["name"]: one for one in documents}
    assert set(by_name) == set(SOURCES)
    made = by_name["made"]
    assert (made["verified"], made["held"], made["records"]) == ("not yet run", {"things": 2}, 1)
    assert made["assurance"] == {"fetched": 1}
    assert made["newest"].startswith("20")
    assert by_name["nasa_exoplanet_archive"]["verified"].startswith("20")
    assert all(one["licence"]["name"] for one in documents)
    assert "not yet run" in said


def test_one_source_is_told_in_full(run):
    code, document, said = run("sources", "made")
    assert code == 0
    [only] = document["products"]
    assert (only["name"], only["asked_by"], only["least"]) == ("table", "StaticFile", 1)
    assert "made table" in said
    assert run("sources", "rumours")[0] == 4


def test_without_json_the_lines_are_on_standard_output(tmp_path, capsys):
    assert main(["fetch", "made", "--store", str(tmp_path / "store")]) == 0
    output = capsys.readouterr()
    assert "Made made: 2 things" in output.out
    assert "Made made: table, made table" in output.err  # what is under way
    assert Path(tmp_path / "store").is_dir()
