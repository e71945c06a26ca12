"""
Files of rooms on a disk: ``<folder>/<room>/<GUID>.<ext>``, as on an original file store.

A file is there when all of it is on the disk, and never before: what comes in pieces
is kept apart and put into its place by one link. Pieces left by a process that was
killed go when the next one starts. All of it blocks: call it from a thread.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import uuid
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FileStore", "checked_name", "new_name"]

_GUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_EXTENSION = "[0-9a-z_-]{1,16}"
_NAME = re.compile(rf"{_GUID}(?:\.{_EXTENSION})?")
_ROOM = re.compile(r"[0-9a-z-]{1,64}")
_PIECES = ".incoming"  # no room is called so


def new_name(extension: str = "") -> str:
    """Return a name that no file has; ValueError when the extension is odd."""
    extension = extension.strip().removeprefix(".").lower()
    guid = str(uuid.uuid4())
    return checked_name(f"{guid}.{extension}" if extension else guid)


def checked_name(text: str) -> str:
    """Return a file's name in the store, a GUID with or without extension; else ValueError."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise ValueError(f"not the name of a stored file (GUID.extension): {text[:80]!r}")
    return name


class FileStore:
    """The files below one folder; several nodes may share it."""

    def __init__(self, folder: Path, node: str) -> None:
        self._folder = folder
        self._pieces = folder / _PIECES / (re.sub(r"[^\w-]", "_", node) or "node")

    def open(self) -> None:
        """
        Make the folder if it is missing, and remove what this node left unfinished.

        Raises:
            ConfigurationError: The folder cannot be used.

        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            shutil.rmtree(self._pieces, ignore_errors=True)
            self._pieces.parent.mkdir(exist_ok=True, mode=0o700)
            self._pieces.parent.chmod(0o700)  # it may be of a version that let others in
            self._pieces.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigurationError(f"cannot keep files in {self._folder}: {error}") from error

    # --- coming in ---

    def append(self, incoming: str, offset: int, data: bytes) -> None:
        """
        Write the next piece of an incoming file, which begins with the one at 0.

        Raises:
            StorageError: The disk is full or broken, or what came before is gone.

        """
        mode = "r+b" if offset else "xb"
        with _told(f"a piece at {offset}"), self._piece(incoming).open(mode) as file:
            if (there := file.seek(0, os.SEEK_END)) != offset:
                raise StorageError(f"{there} bytes are there, not {offset}")
            file.write(data)

    def finish(self, incoming: str, room: str, name: str) -> None:
        """
        Put an incoming file into its place; it is on the disk when this returns.

        Raises:
            StorageError: It could not be; or there is a file of that name.

        """
        piece, place = self._piece(incoming), self._place(room, name)
        with _told(f"the file {name}"):
            _sync(piece)
            if not place.parent.exists():
                place.parent.mkdir(mode=0o750, exist_ok=True)
                _sync(self._folder)
            os.link(piece, place)  # never over another
            _sync(place.parent)
        self.discard(incoming)

    def discard(self, incoming: str) -> None:
        """Remove what came of a file so far; harmless when nothing did."""
        with contextlib.suppress(OSError):
            self._piece(incoming).unlink()

    # --- going out ---

    def size(self, room: str, name: str) -> int | None:
        """Return how many bytes a file has; None when there is no such file."""
        with _told(f"the file {name}"):
            place = self._place(room, name)
            return place.stat().st_size if place.is_file() else None

    def read(self, room: str, name: str, offset: int, count: int) -> bytes:
        """
        Return up to ``count`` bytes from a place on; nothing behind the end.

        Raises:
            StorageError: It cannot be read.

        """
        with _told(f"the file {name}"), self._place(room, name).open("rb") as file:
            file.seek(offset)
            return file.read(count)

    # --- inside ---

    def _piece(self, incoming: str) -> Path:
        return self._pieces / checked_name(incoming)

    def _place(self, room: str, name: str) -> Path:
        if not _ROOM.fullmatch(room):
            raise ValueError(f"not a room's GUID: {room[:80]!r}")
        return self._folder / room / checked_name(name)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Raise what the system says of a file as StorageError."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{what} cannot be stored or read: {error.strerror}") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
