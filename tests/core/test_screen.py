"""The screen costs no result: characters that a stream does not know, streams that fail, streams that are closed."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from slt.core.command import BAD_INPUT, REFUTED, run
from slt.core.screen import Screen, plain

ROOT = Path(__file__).parents[2]
TEXT = "f² ≤ 1 ─ ±π ő \udce9 \U0001f600"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "latin-1", "iso8859-15", "utf-8", "cp037", "gb18030"])
def test_every_text_is_written_in_every_encoding(encoding):
    kept = io.BytesIO()
    stream = io.TextIOWrapper(kept, encoding=encoding, errors="strict", newline="")
    screen = Screen(stream)
    assert screen.write(TEXT + "\n") == len(TEXT) + 1
    screen.flush()
    said = kept.getvalue().decode(encoding)
    assert said == plain(TEXT, encoding) + "\n"
    assert said.encode(encoding) == kept.getvalue()
    assert screen.failure is None


def test_what_a_stream_knows_stays_as_it_is_and_the_rest_becomes_plain():
    assert plain(TEXT, "utf-8") == TEXT.replace("\udce9", "\\udce9")
    assert plain("f² ≤ 1 ─ ±π", "cp1252") == "f² <= 1 - ±pi"
    assert plain("f² ≤ 1 ─ ±π ő", "ascii") == "f^2 <= 1 - +-pi \\u0151"


def test_how_the_user_wants_unknown_characters_is_obeyed():
    kept = io.BytesIO()
    screen = Screen(io.TextIOWrapper(kept, encoding="ascii", errors="replace"))
    screen.write("≤")
    screen.flush()
    assert kept.getvalue() == b"?"


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text):
        raise OSError(28, "No space left on device")


def test_a_stream_that_fails_ends_no_command_and_is_told(monkeypatch, capsys):
    done = []

    def command(argv):
        print("one")
        print("two")
        done.append(True)
        return 0

    monkeypatch.setattr("sys.stdout", Full())
    assert run(command, [], "some") == BAD_INPUT
    assert done == [True]
    assert capsys.readouterr().err == (
        "some: error: standard output did not take everything: No space left on device\n"
    )


def test_what_a_command_ends_with_is_kept_where_the_screen_fails(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout", Full())
    assert run(lambda argv: print("one") or REFUTED, [], "some") == REFUTED
    assert "No space left" in capsys.readouterr().err


def test_the_standard_streams_are_as_before_afterwards():
    before = sys.stdout, sys.stderr
    run(lambda argv: 0, [], "some")
    assert (sys.stdout, sys.stderr) == before


WRITER = """
import sys
from pathlib import Path
from slt.core.command import run
def command(argv):
    for number in range(20000):
        print("─ a line", number)
    print("and an error", file=sys.stderr)
    with open(argv[0], "w") as file:
        file.write("whole")
    return 1
sys.exit(run(command, sys.argv[1:], "some"))
"""


@pytest.mark.parametrize(
    ("redirection", "code"),
    [
        ("| head -n 1", REFUTED),
        ("| true", REFUTED),
        (">/dev/full", REFUTED),
        (">&-", REFUTED),
        ("2>&-", REFUTED),
        ("2>/dev/full", REFUTED),
        ("<&- >&- 2>&-", REFUTED),
        ("</dev/null >/dev/full 2>/dev/full", REFUTED),
    ],
)
def test_files_are_whole_and_the_code_is_the_commands_whatever_becomes_of_the_streams(tmp_path, redirection, code):
    file = tmp_path / "kept"
    line = f'{sys.executable} -c "$WRITER" {file} {redirection}; echo ${{PIPESTATUS[0]}} >{tmp_path}/code'
    environment = os.environ | {"WRITER": WRITER, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=60)
    assert file.read_text() == "whole"
    assert (tmp_path / "code").read_text() == f"{code}\n"
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
