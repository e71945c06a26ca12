"""
How the command ends: one line on stderr that says what to do, and a documented status.

Errors are raised where they are noticed and become words here, once, for every command.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

import click

from perchat import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["EXIT_CODES", "Program", "exit_code", "log_to_stderr", "plain", "run"]

P = ParamSpec("P")
T = TypeVar("T")

EXIT_CODES: tuple[tuple[type[BaseException], int, str], ...] = (
    (errors.ConfigurationError, 3, "a setting, file or argument cannot be used"),
    (errors.AuthenticationError, 5, "the server did not accept user or password"),
    (errors.FailureResponse, 5, "the server refused the sign-in"),
    (errors.ProvisioningError, 5, "the server does not offer persistent chat to the user"),
    (errors.RealTimeError, 4, "the server cannot be reached or trusted, or an address is taken"),
    (errors.CommandFailed, 6, "refused: no such user, room or category, name taken, not allowed"),
    (errors.PersistentChatError, 4, "the chat service cannot be reached, or the connection ended"),
    (errors.NodeInUse, 8, "another server runs on the database"),
    (errors.DatabaseIncomplete, 9, "the database lacks what was written last"),
    (errors.StorageError, 7, "the database cannot be used"),
    (errors.ServerNotRunning, 10, "no server runs on the database"),
    (errors.PerchatError, 1, "anything else that went wrong"),
)
ADVICE: tuple[tuple[type[BaseException], str], ...] = (
    (errors.AuthenticationError, "check user and password"),
    (errors.PersistentChatDisabled, "an administrator can allow it: perchat user set NAME --chat"),
    (errors.ConnectionFailure, "see that the server runs, and that --server names it"),
    (errors.OperationTimeout, "see that the server runs, and that --server names it"),
    (errors.ServerDiscoveryError, "give --server HOST:PORT"),
    (errors.PermissionDenied, "ask a manager of the room"),
    (errors.LimitExceeded, "make it shorter"),
    (errors.ServerFault, "try again later"),
)
_USAGE = 2
_INTERRUPTED = 130

_log = logging.getLogger("perchat.cli")


class Program(click.Group):
    """The command line as a whole, with one way to end for all of it."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run the command line and exit; click's signature."""
        logging.getLogger().addHandler(logging.NullHandler())  # what went wrong is told once
        try:
            status = super().main(*args, **{**extra, "standalone_mode": False})
            sys.stdout.flush()  # a full disk is met here, where it can be told
        except (Exception, KeyboardInterrupt) as error:
            status = _told(_cause(error))
            _discard_output()
        sys.exit(status)


def run(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a coroutine a command."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        import asyncio  # late: half of what --help would cost

        return asyncio.run(command(*args, **kwargs))

    return wrapper


def exit_code(error: BaseException) -> int:
    """Return the exit status of an error: that of ``EXIT_CODES``, 2 for words not understood."""
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return _INTERRUPTED
    if isinstance(error, click.UsageError):
        return _USAGE
    return next((code for kind, code, _ in EXIT_CODES if isinstance(error, kind)), 1)


def plain(text: str) -> str:
    """Return a text with what would steer a terminal made visible."""
    return "".join(map(_visible, text))


def log_to_stderr(level: str) -> None:
    """Send the log to stderr, a line an event, times in UTC."""
    import time  # late: only for those who log

    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def _discard_output() -> None:
    """
    Drop what could not be written to stdout.

    The interpreter writes it once more when it ends; failing again, it would exit with 120.
    """
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _cause(error: BaseException) -> BaseException:
    """Return what is inside groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _told(error: BaseException) -> int:
    """Tell an error and return the exit status."""
    status = exit_code(error)
    if status == _USAGE and "\n" in str(error):  # asked for nothing: click gives the help
        click.echo(str(error), err=True)
    elif status != _INTERRUPTED:
        click.echo(f"perchat: {plain(' '.join(_line(error).split()))}", err=True)
    return status


def _line(error: BaseException) -> str:
    match error:
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "perchat"
            return f"{error.format_message().rstrip('.')}; see {command} --help"
        case click.ClickException():
            return error.format_message()
        case errors.PerchatError():
            return "; ".join([str(error) or type(error).__name__, *_advice(error)])
        case OSError(strerror=str(reason)):
            return f"{error.filename or 'output'}: {reason}"
        case _:
            _log.error("this should not have happened", exc_info=error)
            return f"{error!r}: this should not have happened; report what perchat --verbose says"


def _advice(error: BaseException) -> list[str]:
    """Return what to do about errors whose own words do not say."""
    return [advice for kind, advice in ADVICE if isinstance(error, kind)][:1]


def _visible(character: str) -> str:
    steers = character != "\t" and unicodedata.category(character) in {"Cc", "Cs"}
    return repr(character)[1:-1] if steers else character
