"""
Where files come from and go to on this machine: paths, and streams that are open already.

All of it blocks, and runs in threads.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Destination", "Source", "checked_file_name", "destination_of", "opened", "written"]

Source: TypeAlias = "str | os.PathLike[str] | BinaryIO"
Destination: TypeAlias = "str | os.PathLike[str] | BinaryIO"

_LONGEST = 255  # characters
_ODD = re.compile("[\x00-\x1f\x7f/\\\\]")
_PIECE = 1 << 16


def checked_file_name(source: Source, name: str | None) -> str:
    """Return what others will see a file called; ValueError when that is nothing, or a path."""
    if name is None:
        named = source if isinstance(source, str | os.PathLike) else getattr(source, "name", "")
        name = Path(named).name if isinstance(named, str | os.PathLike) else ""
    if not name.strip() or len(name) > _LONGEST or _ODD.search(name):
        raise ValueError(f"a file needs a name of its own, without folders: {name[:80]!r}")
    return name


@contextlib.contextmanager
def opened(source: Source, largest: int) -> Iterator[tuple[BinaryIO, int]]:
    """
    Open a source; what cannot tell its length is first copied, as far as a file may go.

    Yields the stream and how many bytes it has from there on.
    """
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            yield file, os.fstat(file.fileno()).st_size
    elif source.seekable():
        begin = source.tell()
        size = source.seek(0, os.SEEK_END) - begin
        source.seek(begin)
        yield source, size
    else:
        import tempfile  # late: few need it

        with tempfile.TemporaryFile() as copy:
            while copy.tell() <= largest and (piece := source.read(_PIECE)):
                copy.write(piece)
            size = copy.tell()
            copy.seek(0)
            yield copy, size


def destination_of(destination: Destination, name: str) -> Path | BinaryIO:
    """
    Return where to write; into a folder, what comes is called as its author did.

    Raises:
        ValueError: It is a folder, and the name would lead out of it.
        FileExistsError: The folder has a file of that name.

    """
    if not isinstance(destination, str | os.PathLike):
        return destination
    path = Path(destination)
    if not path.is_dir():
        return path
    if _ODD.search(name) or name in ("", ".", ".."):
        raise ValueError(f"no name for a file in {path}: {name[:80]!r}; say which")
    if (path / name).exists():
        raise FileExistsError(f"{path / name} is there already; say another name")
    return path / name


@contextlib.contextmanager
def written(place: Path | BinaryIO) -> Iterator[BinaryIO]:
    """Open a place for writing; a file appears there when the block ends well, else nothing."""
    if not isinstance(place, Path):
        yield place
        return
    part = place.with_name(f".{place.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
