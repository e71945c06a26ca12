"""Files of rows are read whole or refused with file and line, and never with what a line holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.cli import table
from perchat.cli.table import Row, read_table
from perchat.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "pass-word-of-theirs"


def read(tmp_path: Path, data: bytes) -> list[tuple[int, dict[str, str]]]:
    file = tmp_path / "rows"
    file.write_bytes(data)
    return [(row.line, dict(row.fields)) for row in read_table(file, ("name",), ("password",)).rows]


@pytest.mark.parametrize(
    "data",
    [
        b"name,password\nerin,x\nfrank,y\n",
        b"\xef\xbb\xbfName;Password\r\nerin;x\r\nfrank;y\r\n",
        b"password\tname\nx\terin\ny\tfrank",
        b'{"name": "erin", "password": "x"}\n{"name":"frank","password":"y"}\n',
        b'\n{"name": "erin", "password": "x"}\r\n\r\n{"name":"frank","password":"y"}',
    ],
)
def test_forms_that_are_read_alike(tmp_path: Path, data: bytes) -> None:
    people = [fields for _, fields in read(tmp_path, data)]
    assert people == [{"name": "erin", "password": "x"}, {"name": "frank", "password": "y"}]


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    data = b'name,password\nerin,"two\nlines"\n\nfrank,y\n'
    assert [line for line, _ in read(tmp_path, data)] == [2, 5]


@pytest.mark.parametrize(
    ("data", "line", "why"),
    [
        (b"", 1, "empty"),
        (b"\n\n", 1, "empty"),
        (b"erin,pass-word-of-theirs\n", 1, "the header has to name columns"),
        (b"name,name\nerin,erin\n", 1, "the header has to name columns"),
        (b"password\npass-word-of-theirs\n", 1, "the header has to name columns"),
        (b"name,password\nerin,x\nfrank,pass-word-of-theirs,z\n", 3, "3 fields"),
        (b"name,password\nerin,x\nfrank\n", 3, "1 fields"),
        (b'name,password\n"erin,pass-word-of-theirs\n', 2, "not CSV"),
        (b'name,password\nerin,"x"y\n', 2, "not CSV"),
        (b"name,password\nerin,x\n  ,pass-word-of-theirs\n", 3, "no name"),
        (b"name\nerin\n\xff\n", 3, "not UTF-8"),
        (b'{"name": "erin"}\n{"name": "pass-word-of-theirs"\n', 2, "not a JSON object"),
        (b'{"name": "erin"}\n["pass-word-of-theirs"]\n', 2, "not a JSON object"),
        (b'{"name": "erin"}\n{"name": 7}\n', 2, "not a JSON object"),
        (
            b'{"name": "erin", "pass": "pass-word-of-theirs"}\n',
            1,
            "an object has these fields: name,password",
        ),
        (b'{"password": "pass-word-of-theirs"}\n', 1, "no name"),
    ],
)
def test_what_is_wrong_names_file_and_line(
    tmp_path: Path, data: bytes, line: int, why: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path, data)
    assert f"{tmp_path / 'rows'}:{line}: {why}" in str(refused.value)
    assert "nothing was changed" in str(refused.value)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None or SECRET not in str(refused.value.__cause__)


def test_many_errors_are_told_up_to_ten(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path, b"name,password\n" + b",x\n" * 25)
    assert str(refused.value).count("no name") == 10
    assert "and 15 more" in str(refused.value)


@pytest.mark.parametrize(("limit", "why"), [("_ROWS", "rows, but 1 are"), ("_LONGEST", "than 1 ")])
def test_a_file_has_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, why: str
) -> None:
    monkeypatch.setattr(table, limit, 1)
    with pytest.raises(ConfigurationError, match=why):
        read(tmp_path, b"name\nerin\nfrank\n")


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_table(tmp_path / "nothing", ("name",))


def test_a_row_does_not_show_what_it_holds() -> None:
    assert repr(Row(3, {"password": SECRET})) == "Row(line=3)"
