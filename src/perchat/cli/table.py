"""
Files with many rows: CSV with a header, or JSON Lines, checked as a whole before anything is done.

What is wrong names file and line, and never what the line holds: it may be a password.
"""

from __future__ import annotations

import csv
import io
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perchat.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = ["Row", "Table", "file_option", "read_table"]

_LONGEST = 256 * 1024 * 1024  # bytes of a file
_ROWS = 1_000_000
_SHOWN = 10  # errors that are told
_DELIMITERS = (",", ";", "\t")  # spreadsheets of some countries write semicolons


@dataclass(frozen=True, slots=True)
class Row:
    """A row by the names of its columns; its text stays out of what is shown of it."""

    line: int
    fields: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Row(line={self.line})"


@dataclass(frozen=True, slots=True)
class Table:
    """
    The rows of a file.

    Attributes:
        name: The file, as it is called in errors.

    """

    name: str
    rows: Sequence[Row]

    def refuse(self, errors: Iterable[tuple[int, str]]) -> None:
        """
        Refuse the file if there are errors, each a line and what is wrong there.

        Raises:
            ConfigurationError: There are; the first of them are told.

        """
        found = sorted(errors)
        if not found:
            return
        told = [f"{self.name}:{line}: {why}" for line, why in found[:_SHOWN]]
        more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        raise ConfigurationError("; ".join([*told, *more, "nothing was changed"]))


def file_option(columns: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Add ``--file FILE``, for rows with these columns."""
    return click.option(
        "--file",
        "file",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
        help=f"Many at once: CSV with a header, {columns}, or JSON Lines; - is standard input.",
    )


def read_table(file: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Table:
    """
    Read a file whose rows have the required columns and perhaps the optional ones.

    Raises:
        ConfigurationError: It cannot be read, or is not of that form.

    """
    name = "standard input" if str(file) == "-" else str(file)
    text = _text(name, _data(file, name))
    read = _json_rows if text.lstrip()[:1] == "{" else _csv_rows
    try:
        rows = list(read(text, required, optional))
    except _Wrong as error:
        raise ConfigurationError(f"{name}:{error.line}: {error}; nothing was changed") from None
    if len(rows) > _ROWS:
        raise ConfigurationError(f"{name}: {len(rows)} rows, but {_ROWS} are the most; split it")
    table = Table(name, rows)
    table.refuse((row.line, f"no {one}") for row in rows for one in required if not _has(row, one))
    return table


def warn_of_readers(file: Path) -> None:
    """Say so when others than its owner may read a file with passwords."""
    if str(file) != "-" and stat.S_IMODE(file.stat().st_mode) & 0o044:
        click.echo(f"perchat: others may read the passwords in {file}: chmod 600", err=True)


class _Wrong(Exception):
    """A line that is not of the form."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


def _data(file: Path, name: str) -> bytes:
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(_LONGEST + 1)
        else:
            with file.open("rb") as stream:
                data = stream.read(_LONGEST + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot read {name}: {error.strerror}") from error
    if len(data) > _LONGEST:
        raise ConfigurationError(f"{name} has more than {_LONGEST} bytes; split it")
    return data


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{name}:{line}: not UTF-8; nothing was changed") from None


def _has(row: Row, column: str) -> bool:
    return bool(row.fields.get(column, "").strip())


# --- CSV ---


def _csv_rows(text: str, required: Sequence[str], optional: Sequence[str]) -> Iterator[Row]:
    first = text.lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    line = 1
    try:
        for values in reader:
            if values and not header:
                header = _checked_header(line, values, required, optional)
            elif values:
                if len(values) != len(header):
                    raise _Wrong(line, f"{len(values)} fields, but the header has {len(header)}")
                yield Row(line, dict(zip(header, values, strict=True)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise _Wrong(line, f"not CSV: {error}") from None
    if not header:
        raise _Wrong(1, f"empty; the first line names the columns: {','.join(required)}")


def _checked_header(
    line: int, values: Sequence[str], required: Sequence[str], optional: Sequence[str]
) -> list[str]:
    """Return the names of the columns; an unknown one is not repeated, as it may be a value."""
    names = [value.strip().lower() for value in values]
    known = (*required, *optional)
    missing = [one for one in required if one not in names]
    wrong = [place for place, one in enumerate(names, 1) if one not in known]
    if missing or wrong or len(set(names)) < len(names):
        raise _Wrong(line, f"the header has to name columns, each once, of: {','.join(known)}")
    return names


# --- JSON Lines ---


def _json_rows(text: str, required: Sequence[str], optional: Sequence[str]) -> Iterator[Row]:
    import msgspec  # late: only for those who bring such a file

    known = {*required, *optional}
    for line, one in enumerate(text.split("\n"), 1):
        if not one.strip():
            continue
        try:
            fields = msgspec.json.decode(one, type=dict[str, str])
        except msgspec.DecodeError:
            raise _Wrong(line, "not a JSON object with texts") from None
        if not fields.keys() <= known:
            raise _Wrong(line, f"an object has these fields: {','.join((*required, *optional))}")
        yield Row(line, fields)
