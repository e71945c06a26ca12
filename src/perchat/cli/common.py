"""
What all commands share: where the settings are, how a password is got, how it ends.

Every error a person can meet is one line on stderr that says what to do, and an
exit status from ``EXIT_CODES``.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from perchat import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from perchat.server.config import ServerConfig

__all__ = [
    "EXIT_CODES",
    "Failure",
    "config_option",
    "exit_code",
    "json_option",
    "load",
    "new_password",
    "password_stdin_option",
    "print_json",
    "run",
    "sign_in_password",
]

P = ParamSpec("P")
T = TypeVar("T")
DEFAULT_CONFIG = "perchat.toml"

EXIT_CODES: tuple[tuple[type[BaseException], int, str], ...] = (
    (errors.ConfigurationError, 3, "a setting, file or argument cannot be used"),
    (errors.AuthenticationError, 5, "the server did not accept user or password"),
    (errors.FailureResponse, 5, "the server refused the sign-in"),
    (errors.ProvisioningError, 5, "the server does not offer persistent chat to the user"),
    (errors.RealTimeError, 4, "the server cannot be reached or trusted"),
    (errors.CommandFailed, 6, "the chat service refused the command"),
    (errors.PersistentChatError, 4, "the chat service cannot be reached"),
    (errors.StorageError, 7, "the database cannot be used"),
    (errors.PerchatError, 1, "anything else that went wrong"),
)


class Failure(click.ClickException):
    """One line for people, and an exit status."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(" ".join(str(error).split()) or type(error).__name__)
        self.exit_code = exit_code(error)  # type: ignore[misc]  # click reads it so

    def show(self, file: Any = None) -> None:
        """Print the line (click calls this)."""
        click.echo(f"perchat: {self.format_message()}", err=True, file=file)


def exit_code(error: BaseException) -> int:
    """Return the exit status that ``EXIT_CODES`` gives an error."""
    return next((code for kind, code, _ in EXIT_CODES if isinstance(error, kind)), 1)


def config_option(command: Callable[P, T]) -> Callable[P, T]:
    """Add ``--config FILE``."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        envvar="PERCHAT_CONFIG",
        default=DEFAULT_CONFIG,
        show_default=True,
        help="The server's settings file (or PERCHAT_CONFIG).",
    )(command)


def json_option(command: Callable[P, T]) -> Callable[P, T]:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")(command)


def password_stdin_option(command: Callable[P, T]) -> Callable[P, T]:
    """Add ``--password-stdin``."""
    return click.option(
        "--password-stdin", is_flag=True, help="Read the password from standard input."
    )(command)


def load(config_file: Path) -> ServerConfig:
    """Return the settings, or end with the line that says what is wrong with them."""
    from perchat.server.config import load_config  # late: clients start without the server's parts

    return load_config(config_file)


def run(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a coroutine a command; errors become one line and an exit status."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return asyncio.run(command(*args, **kwargs))
        except (errors.PerchatError, BaseExceptionGroup) as error:
            cause = _cause(error)
            if isinstance(cause, errors.PerchatError):
                raise Failure(cause) from error
            raise
        except KeyboardInterrupt:
            raise click.exceptions.Exit(130) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(141) from None

    return wrapper


def _cause(error: BaseException) -> BaseException:
    """Return what is inside groups of one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def print_json(value: object) -> None:
    """Print one JSON object on a line of its own, at once."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))
    sys.stdout.flush()


def new_password(*, from_stdin: bool) -> str:
    """Return the password of a user to be made: from stdin, or asked for twice without echo."""
    if from_stdin:
        return _stdin_password()
    if not sys.stdin.isatty():
        raise errors.ConfigurationError("no terminal to ask on; give --password-stdin")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def sign_in_password(user: str, *, from_stdin: bool) -> str:
    """Return a password to sign in with: stdin, ``PERCHAT_PASSWORD``, or asked for without echo."""
    if from_stdin:
        return _stdin_password()
    if password := os.environ.get("PERCHAT_PASSWORD"):
        return password
    if not sys.stdin.isatty():
        raise errors.ConfigurationError(
            "no terminal to ask on; give --password-stdin or set PERCHAT_PASSWORD"
        )
    return str(click.prompt(f"Password of {user}", hide_input=True))


def _stdin_password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise errors.ConfigurationError("standard input held no password on its first line")
    return password
