"""Options that many commands share, and how a password is got: never as an argument."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from perchat.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perchat.server.config import ServerConfig

__all__ = [
    "DEFAULT_CONFIG",
    "Moment",
    "config_option",
    "json_option",
    "load",
    "new_password",
    "password_stdin_option",
    "sign_in_password",
    "trace_option",
]

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_CONFIG = Path("perchat.toml")
_DATE = len("2026-11-22")


class Moment(click.ParamType[datetime]):
    """A date or time of ISO 8601; where the user is, unless it names its zone."""

    name = "moment"

    def __init__(self, *, end: bool) -> None:
        self._end = end

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read it; a date alone is its first instant, or its last where a range ends."""
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        try:
            at = datetime.fromisoformat(text)
            if self._end and len(text) <= _DATE:
                at += timedelta(days=1, microseconds=-1)
            return at if at.tzinfo else at.astimezone()
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is no date like 2026-11-22, or 2026-11-22T09:30", param, ctx)


def config_option(command: Callable[P, T]) -> Callable[P, T]:
    """Add ``--config FILE``."""
    return click.option(
        "--config",
        "config_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        envvar="PERCHAT_CONFIG",
        default=DEFAULT_CONFIG,
        show_default=True,
        help="The server's settings; also PERCHAT_CONFIG.",
    )(command)


def json_option(command: Callable[P, T]) -> Callable[P, T]:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")(command)


def password_stdin_option(command: Callable[P, T]) -> Callable[P, T]:
    """Add ``--password-stdin``."""
    return click.option(
        "--password-stdin",
        is_flag=True,
        help="The password is the first line of standard input.",
    )(command)


def trace_option(command: Callable[P, T]) -> Callable[P, T]:
    """Add ``--trace FILE``."""
    return click.option(
        "--trace",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Append what goes over the wire to FILE, secrets masked; see perchat trace.",
    )(command)


def load(config_file: Path) -> ServerConfig:
    """Return the settings, or end with the line that says what is wrong with them."""
    from perchat.server.config import load_config  # late: clients start without the server's parts

    return load_config(config_file)


def new_password(*, from_stdin: bool) -> str:
    """Return the password of a user to be made: from stdin, or asked for twice without echo."""
    if from_stdin:
        return _stdin_password()
    return _asked("Password", "give --password-stdin", twice=True)


def sign_in_password(user: str, *, from_stdin: bool) -> str:
    """Return a password to sign in with: stdin, ``PERCHAT_PASSWORD``, or asked for without echo."""
    if from_stdin:
        return _stdin_password()
    if password := os.environ.get("PERCHAT_PASSWORD"):
        return _checked(password, "PERCHAT_PASSWORD")
    return _asked(f"Password of {user}", "give --password-stdin or set PERCHAT_PASSWORD")


def _stdin_password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise ConfigurationError("standard input held no password on its first line")
    return _checked(password, "the password on standard input")


def _checked(password: str, where: str) -> str:
    """Refuse bytes that are no text: no other client could type such a password."""
    try:
        password.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{where} is not UTF-8") from None
    return password


def _asked(question: str, otherwise: str, *, twice: bool = False) -> str:
    if not sys.stdin.isatty():
        raise ConfigurationError(f"no terminal to ask for the password; {otherwise}")
    with _interruptible():
        return str(click.prompt(question, hide_input=True, confirmation_prompt=twice, err=True))


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the question at once, also where an event loop took the signal over."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
