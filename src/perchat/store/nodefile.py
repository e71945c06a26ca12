"""
The nodes of an SQLite database: a file for each beside it, locked for as long as the node runs.

``NAME.NODE.node`` holds who it is and how far it got. The kernel takes the lock back with the
process, however that ends, so no file is ever stale; its figures outlive the process, and tell
the next one what the database has to have. ``NAME.NODE.wake`` is a pipe: a byte in it says that
another process has appended. Nothing here is synchronised to the disk: what has to survive a
failure of power is in the database itself, which then has more than the file says, not less.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import msgspec

from perchat.errors import NodeInUse, StorageError
from perchat.store.base import RunningNode

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Mark", "NodeFile", "marks", "running", "settle", "wake"]

_FILE, _PIPE = ".node", ".wake"
_HEAD = "written %020d\nfollowed %020d\n"
_WRITTEN, _FOLLOWED = len("written "), len("written ") + 20 + len("\nfollowed ")
_READ = re.compile(rb"written (\d{20})\nfollowed (\d{20})\n(\{[^\n]*\})\n?")
_LONGEST = 65_536  # bytes of a file that is read
_ANOTHER_TRY = 0.02  # seconds
_PATIENCE = 1.0  # seconds; whoever looks whether a node runs has the lock for an instant


@dataclass(frozen=True, slots=True)
class Mark:
    """
    How far a node got with a database.

    Attributes:
        database: The database's GUID.
        written: Position of the newest entry that it knew to be in the database.
        ended: Whether it came to an orderly end.

    """

    node: RunningNode
    database: str
    written: int
    ended: bool
    runs: bool


class _Told(msgspec.Struct, frozen=True):
    """The last line of a file."""

    node: str
    pid: int
    since: float
    database: str
    ended: bool


class NodeFile:
    """One node's file, locked until it is closed."""

    def __init__(self, path: Path, descriptor: int, node: RunningNode, database: str) -> None:
        """Use ``claim`` instead."""
        self._descriptor = descriptor
        self._node = node
        self._database = database
        self._pipe_path = path.with_suffix(_PIPE)
        self._pipe = _open_pipe(self._pipe_path)

    @classmethod
    async def claim(cls, file: Path, node: RunningNode, *, database: str, written: int) -> NodeFile:
        """
        Lock the file of a node of the database in ``file``, which ends at ``written``.

        Raises:
            NodeInUse: Another server is this node.
            StorageError: The file cannot be made or locked.

        """
        path = _path(file, node.node)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                await _lock(descriptor)
                claimed = cls(path, descriptor, node, database)
                claimed._write_all(written, 0)
            except BaseException:
                os.close(descriptor)
                raise
        except BlockingIOError:
            raise NodeInUse(_complaint(file, node.node, path)) from None
        except OSError as error:
            raise StorageError(f"{path}: {os.strerror(error.errno or 0)}") from error
        return claimed

    def note_written(self, position: int) -> None:
        """Keep how far the database got; from any thread."""
        os.pwrite(self._descriptor, b"%020d" % position, _WRITTEN)

    def note_followed(self, position: int) -> None:
        """Keep how far the node followed."""
        os.pwrite(self._descriptor, b"%020d" % position, _FOLLOWED)

    async def woken(self) -> None:
        """Return when another process has written into the pipe."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        if self._pipe is None:
            await waiter  # nobody wakes us; the journal is looked at all the same
            return
        loop.add_reader(self._pipe, _end, waiter)
        try:
            await waiter
        finally:
            loop.remove_reader(self._pipe)
        with suppress(BlockingIOError):
            os.read(self._pipe, _LONGEST)

    def close(self) -> None:
        """Say that the node came to an orderly end, and let go of it."""
        found = _read(self._descriptor)
        self._write_all(max(found[:2]) if found else 0, 0, ended=True)
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe_path.unlink(missing_ok=True)  # who copies the folder may stumble over it
        os.close(self._descriptor)

    def _write_all(self, written: int, followed: int, *, ended: bool = False) -> None:
        one = self._node
        told = _Told(one.node, one.pid, one.since, self._database, ended)
        text = (_HEAD % (written, followed)).encode() + msgspec.json.encode(told) + b"\n"
        os.pwrite(self._descriptor, text, 0)
        os.truncate(self._descriptor, len(text))


def running(file: Path) -> list[RunningNode]:
    """Return the nodes that run on the database in ``file``, by name."""
    return [mark.node for mark in marks(file) if mark.runs]


def marks(file: Path) -> list[Mark]:
    """Return how far each node got with the database in ``file``, whether it runs or not."""
    found = [(path, _node_of(file, path)) for path in sorted(file.parent.iterdir())]
    read = (_mark(path, node) for path, node in found if node)
    return [mark for mark in read if mark is not None]


def wake(file: Path, node: str) -> None:
    """Say to a node that the journal grew; it finds out by itself where that fails."""
    with suppress(OSError):  # nobody reads, or there is no pipe
        pipe = os.open(_path(file, node).with_suffix(_PIPE), os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(pipe, b"\n")
        finally:
            os.close(pipe)


def settle(file: Path, position: int) -> None:
    """Have the nodes that do not run say of the database that it ends at ``position``."""
    for mark in marks(file):
        with suppress(OSError):
            descriptor = os.open(_path(file, mark.node.node), os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.pwrite(descriptor, (_HEAD % (position, 0)).encode(), 0)
            finally:
                os.close(descriptor)


# --- inside ---


def _path(file: Path, node: str) -> Path:
    return file.with_name(f"{file.name}.{quote(node, safe='')}{_FILE}")


def _node_of(file: Path, path: Path) -> str:
    """Return the node whose file ``path`` is; empty when it is another kind of file."""
    before = f"{file.name}."
    if not path.name.startswith(before) or path.suffix != _FILE:
        return ""
    return unquote(path.name[len(before) : -len(_FILE)])


def _mark(path: Path, name: str) -> Mark | None:
    """Return what a file says; None when it is gone, or says nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        runs = not _is_free(descriptor)
        found = _read(descriptor)
    finally:
        os.close(descriptor)
    if found is None:
        return Mark(RunningNode(name), "", 0, ended=False, runs=runs) if runs else None
    written, followed, told = found
    node = RunningNode(name, told.pid, told.since, followed if runs else 0)
    known = max(written, followed)  # what others appended is followed, and not written here
    return Mark(node, told.database, known, ended=told.ended, runs=runs)


def _read(descriptor: int) -> tuple[int, int, _Told] | None:
    if not (found := _READ.fullmatch(os.pread(descriptor, _LONGEST, 0))):
        return None
    try:
        return int(found[1]), int(found[2]), msgspec.json.decode(found[3], type=_Told)
    except msgspec.DecodeError:
        return None


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True  # closing lets go of it


async def _lock(descriptor: int) -> None:
    """Lock a file for oneself; BlockingIOError when somebody else keeps it."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if loop.time() > give_up:
                raise
            await asyncio.sleep(_ANOTHER_TRY)
        else:
            return


def _complaint(file: Path, node: str, path: Path) -> str:
    mark = _mark(path, node)
    who = str(mark.node) if mark else "another process"
    return (
        f"a server runs on {file} as node {node} already: {who}; nothing was changed. End that one"
        " first; a second server has a database of its own"
    )


def _open_pipe(path: Path) -> int | None:
    """Return the pipe others wake us by, made anew where something else stands in its place."""
    try:
        with suppress(FileNotFoundError):
            if not stat.S_ISFIFO(path.lstat().st_mode):
                path.unlink()
        with suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)  # never at its end
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EROFS, errno.ENOSPC}:
            raise
        return None  # a file system without pipes


def _end(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
