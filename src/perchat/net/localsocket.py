"""
Unix sockets for one user's programs: mode 0600, in whatever folder, however long its name.

The system takes names of a hundred bytes or so; a longer one is reached through its folder's
descriptor, where the system shows those as files.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError, ConnectionFailure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["connect_locally", "listen_locally"]

_LONGEST = 100  # bytes of a socket's name; Linux takes 107, others 103
_BACKLOG = 16


def listen_locally(path: Path) -> socket.socket:
    """
    Return a socket that listens at ``path`` for this user alone; one left behind gives way.

    Raises:
        ConnectionFailure: Somebody listens there.
        ConfigurationError: It cannot be made there.

    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _make_room(path)
        with _short(path) as name:
            sock.bind(name)
        path.chmod(0o600)  # nobody can connect before it listens
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except ConnectionFailure:  # an OSError, too
        sock.close()
        raise
    except OSError as error:
        sock.close()
        raise ConfigurationError(f"cannot listen at {path}: {error.strerror or error}") from error
    return sock


def connect_locally(path: Path) -> socket.socket:
    """Return a socket connected to whoever listens at ``path``; OSError when nobody does."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path) as name:
            sock.connect(name)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _make_room(path: Path) -> None:
    """Remove a socket that a killed process left; never anything else."""
    try:
        connect_locally(path).close()
    except FileNotFoundError:
        return
    except ConnectionRefusedError:
        if not path.is_socket():
            raise OSError(errno.EEXIST, "there is a file of that name") from None
        path.unlink()
        return
    raise ConnectionFailure(
        f"cannot listen at {path}: another process does; name another in health.socket"
    )


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Return a name of a socket that the system takes."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
