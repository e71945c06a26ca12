"""``perchat loadgen``: how much a server takes, and whether it keeps its promises under load."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perchat.cli.common import run
from perchat.cli.loading import Wishes, load_server, prepare_server
from perchat.cli.options import config_option, password_stdin_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.loadgen.plan import Plan

__all__ = ["loadgen"]

_SECONDS = click.FloatRange(0.1, 4 * 3600.0)
_RATE = click.FloatRange(0.0, 100_000.0)
_COUNT = click.IntRange(1, 100_000)
_FILE = click.Path(path_type=Path, dir_okay=False)


def _option(name: str, kind: click.ParamType[Any], default: float, text: str) -> Callable[..., Any]:
    return click.option(name, type=kind, default=default, show_default=True, help=text)


_DURATION = _option("--seconds", _SECONDS, 30.0, "How long is posted.")
_POSTS = _option("--rate", _RATE, 20.0, "Posts a second.")
_SESSIONS = _option("--sessions", _COUNT, 150, "How many are in the room.")
_PROFILES: dict[str, tuple[str, tuple[Callable[..., Any], ...]]] = {
    "room": (
        "One room with everybody in it.",
        (
            _SESSIONS,
            _POSTS,
            _option(
                "--closed",
                click.IntRange(0, 10_000),
                0,
                "Instead of --rate, so many posts always under way: what is the most?",
            ),
            _DURATION,
        ),
    ),
    "model": (
        "The published user model: rooms of 30, 150 and 16,000 for 80,000 users, scaled.",
        (
            _option("--factor", click.FloatRange(0.0001, 1.0), 0.025, "Of the 80,000 users."),
            _option("--times", click.FloatRange(0.0, 1000.0), 1.0, "Of its posts and sign-ins."),
            _DURATION,
        ),
    ),
    "morning": (
        "Everybody signs in and joins rooms; a message in each room is the roll call.",
        (
            _option("--users", _COUNT, 500, "How many sign in."),
            _option("--joins", click.IntRange(1, 200), 24, "Rooms each joins."),
            _option("--room-size", _COUNT, 30, "Users of a room."),
            _option("--rate", _RATE, 0.0, "Sign-ins a second; 0: as fast as the server answers."),
        ),
    ),
    "loss": (
        "The server is lost in the middle; all come back, and nothing is lost or told twice.",
        (_SESSIONS, _POSTS, _DURATION),
    ),
}
_WHERE = (
    click.option("--serve", is_flag=True, help="Start a server for this run and throw it away."),
    click.option(
        "--unsigned", is_flag=True, help="With --serve: it trusts this machine, nothing is signed."
    ),
    click.option(
        "--profile", metavar="FILE", type=_FILE, help="With --serve: where its time went."
    ),
    click.option(
        "--config",
        "config_file",
        metavar="FILE",
        type=_FILE,
        envvar="PERCHAT_CONFIG",
        help="Settings of the server to be loaded; also PERCHAT_CONFIG.",
    ),
    click.option("--server", metavar="HOST:PORT", help="The server; the settings' without it."),
    click.option("--domain", metavar="D", help="Of the users; the settings' without it."),
    click.option("--ca", metavar="FILE", type=_FILE, help="Certificates to trust, with --tls."),
    click.option("--tls", is_flag=True, help="TLS instead of plain TCP."),
    click.option(
        "--remote", metavar="HOST", help="Repeats a HOST that is not this machine: it is no slip."
    ),
    click.option("--pid", type=_COUNT, help="The server's process on this machine, to look at."),
    _option("--workers", click.IntRange(1, 64), 1, "Processes of the load generator."),
    _option("--concurrency", click.IntRange(1, 10_000), 32, "Sign-ins under way at once."),
    _option("--size", click.IntRange(1, 8000), 100, "Characters of a message."),
    _option("--patience", click.FloatRange(0.1, 600.0), 30.0, "Seconds to wait for answers."),
    click.option("--json", "json_file", metavar="FILE", type=_FILE, help="All figures, as JSON."),
    click.option("--html", "html_file", metavar="FILE", type=_FILE, help="A page with plots."),
    password_stdin_option,
)


@click.group()
def loadgen() -> None:
    """Many clients at once, every message checked; ends with status 1 if one was wrong."""


@loadgen.group()
def prepare() -> None:
    """Make the users and rooms of a profile in a server's database, to be loaded later."""


def _plan(profile: str, words: dict[str, Any]) -> Plan:
    from perchat.loadgen import plan  # late: few load

    makers: dict[str, Callable[..., Plan]] = {
        "room": plan.room,
        "model": plan.model,
        "morning": plan.morning,
        "loss": plan.loss,
    }
    return makers[profile](**words)


def _add(name: str, text: str, own: tuple[Callable[..., Any], ...]) -> None:
    """Add a profile, to be run and to be prepared."""

    @run
    async def load_it(**words: Any) -> None:
        wishes = Wishes(**{field.name: words.pop(field.name) for field in fields(Wishes)})
        await load_server(_plan(name, words), wishes)

    @run
    async def prepare_it(config_file: Path, password_stdin: bool, **words: Any) -> None:
        await prepare_server(_plan(name, words), config_file, from_stdin=password_stdin)

    _command(loadgen, name, text, load_it, (*own, *_WHERE))
    _command(prepare, name, text, prepare_it, (*own, config_option, password_stdin_option))


def _command(
    group: click.Group,
    name: str,
    text: str,
    command: Callable[..., Any],
    options: tuple[Callable[..., Any], ...],
) -> None:
    for option in reversed(options):
        command = option(command)
    group.command(name, help=text)(command)


for _name, (_text, _own) in _PROFILES.items():
    _add(_name, _text, _own)
