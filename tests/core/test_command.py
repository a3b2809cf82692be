"""Errors: their words, their exit codes, and what a terminal without Unicode sees."""

from __future__ import annotations

import io

import pytest

from astrobio.core import errors
from astrobio.core.command import run_command
from astrobio.core.console import rendered, say, to_terminal


def failing(error: BaseException):
    def call() -> int:
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.AstrobioError("a"), 1),
        (errors.IntegrityError("a"), 1),
        (errors.UsageError("a"), 2),
        (errors.MissingDependency("a"), 2),
        (errors.DataMissing("a"), 3),
        (errors.RefusedInput("a"), 4),
        (errors.Unreachable("a"), 5),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_error_has_its_exit_code_and_a_message_on_standard_error(error, code, capsys):
    assert run_command(failing(error)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == ("interrupted\n" if code == 130 else "error: a\n")


def test_the_command_that_mends_stands_on_a_line_of_its_own(capsys):
    run_command(failing(errors.DataMissing("the store is empty", fix="astrobio import shipped")))
    assert capsys.readouterr().err == "error: the store is empty\nRun: astrobio import shipped\n"


def test_a_path_that_cannot_be_used_is_named_without_a_traceback(tmp_path, capsys):
    assert run_command(lambda: len((tmp_path / "none" / "file").read_text())) == 2
    assert capsys.readouterr().err == f"error: {tmp_path}/none/file: No such file or directory\n"


@pytest.mark.parametrize("error", [ValueError("a bug"), OSError("no file in it"), RuntimeError("a bug")])
def test_what_nobody_foresaw_is_not_dressed_up(error):
    with pytest.raises(type(error)):
        run_command(failing(error))


def test_marks_fall_back_to_ascii_only_where_they_must():
    ascii_stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    utf8_stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    line = "✅ ❌ ⚠️ 🔍 🚀 📊 █ 288.1 ± 0.3"
    assert to_terminal(line, ascii_stream) == "[OK] [X] [!] [?] [>] [#] # 288.1 +- 0.3"
    assert to_terminal(line, utf8_stream) == line
    assert to_terminal("ö", ascii_stream) == "?"
    say(line, ascii_stream)
    assert ascii_stream.buffer.getvalue() == b"[OK] [X] [!] [?] [>] [#] # 288.1 +- 0.3\n"


def test_a_table_has_no_colours_and_room_where_there_is_no_terminal(capsys):
    from rich.table import Table

    table = Table("name")
    table.add_row("a" * 100)
    text = rendered(table, stderr=False)
    assert "a" * 100 in text
    assert "\x1b" not in text
