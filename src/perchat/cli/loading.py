"""
What ``perchat loadgen`` does once its words are understood.

Two servers can be loaded: one of this run alone, which is made, killed where the profile
says so, and thrown away; or any other, whose users were prepared before.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perchat.cli.options import DEFAULT_CONFIG, load, new_password, sign_in_password
from perchat.cli.serve import stop_signals
from perchat.errors import ConfigurationError, PerchatError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from perchat.loadgen.crew import Options
    from perchat.loadgen.messages import Target
    from perchat.loadgen.plan import Plan
    from perchat.loadgen.result import Result
    from perchat.server.config import ServerConfig
    from perchat.server.population import Populated

__all__ = ["Wishes", "load_server", "prepare_server"]

_CATEGORY = "Load"
_SPARE = 100  # connections beside the load's own; those that return overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the options say of where and how; see there."""

    serve: bool
    unsigned: bool
    profile: Path | None
    config_file: Path | None
    server: str | None
    domain: str | None
    ca: Path | None
    tls: bool
    remote: str | None
    pid: int | None
    workers: int
    concurrency: int
    size: int
    patience: float
    json_file: Path | None
    html_file: Path | None
    password_stdin: bool


@dataclass(frozen=True, slots=True)
class _Subject:
    """The server under load, and what we can see of it and do to it."""

    target: Target = field(repr=False)
    pid: Callable[[], int] | None = None
    crash: Callable[[], Awaitable[None]] | None = None


async def prepare_server(plan: Plan, config_file: Path, *, from_stdin: bool) -> None:
    """Make what a plan needs, in the database of these settings."""
    config = load(config_file)
    added = await _populate(plan, config, new_password(from_stdin=from_stdin))
    click.echo(
        f"added {added.users} users, {added.rooms} rooms and {added.members} memberships"
        f" for {plan.profile} in {config.domain}"
    )


async def load_server(plan: Plan, wishes: Wishes) -> None:
    """
    Carry out a plan and tell what came of it.

    Raises:
        PerchatError: Something was wrong with what was measured; the figures have been told.

    """
    from perchat.loadgen.crew import check_files
    from perchat.loadgen.report import table

    options = _options(plan, wishes)
    check_files(plan, options)
    async with contextlib.AsyncExitStack() as stack:
        subject = await _thrown_away(plan, wishes, stack) if wishes.serve else _given(wishes)
        result = await _carried_out(plan, options, subject)
    click.echo(table(result))
    _write(result, wishes)
    if problems := result.problems():
        raise PerchatError("; ".join(problems))


def _options(plan: Plan, wishes: Wishes) -> Options:
    from perchat.loadgen.crew import Options

    return Options(
        workers=min(wishes.workers, plan.seats),
        concurrency=wishes.concurrency,
        size=wishes.size,
        patience=wishes.patience,
    )


async def _carried_out(plan: Plan, options: Options, subject: _Subject) -> Result:
    from perchat.loadgen.run import Director, run_load
    from perchat.loadgen.watching import Watch
    from perchat.server.population import room_uri

    watch = Watch(subject.pid)
    director = Director(watch=watch, tell=_tell, stop=stop_signals(), crash=subject.crash)
    rooms = [str(room_uri(subject.target.domain, room.name)) for room in plan.rooms]
    return await run_load(plan, subject.target, rooms, options, director)


async def _thrown_away(plan: Plan, wishes: Wishes, stack: contextlib.AsyncExitStack) -> _Subject:
    from perchat.loadgen.serving import throw_away

    server = await stack.enter_async_context(
        throw_away(
            trust=wishes.unsigned,
            connections=plan.seats + _SPARE,
            profile=wishes.profile.resolve() if wishes.profile else None,
        )
    )
    _tell(f"making {plan.seats} users and {len(plan.rooms)} rooms")
    await _populate(plan, server.config, server.password)
    await server.start()
    port = server.ports["tls" if wishes.tls else "tcp"]
    target = _target(wishes, ("127.0.0.1", port), server.config, server.password)
    return _Subject(target, lambda: server.pid, server.crash)


def _given(wishes: Wishes) -> _Subject:
    from perchat.loadgen.procfs import read
    from perchat.server.config import is_loopback, split_address

    if wishes.unsigned or wishes.profile:
        raise click.UsageError("--unsigned and --profile are for --serve, not for other servers")
    config = _settings(wishes)
    host, port = split_address(wishes.server or _near(config, wishes))
    if not is_loopback(host) and wishes.remote != host:
        raise ConfigurationError(
            f"{host} is not this machine; if it is yours to load, say so: --remote {host}"
        )
    if (pid := wishes.pid) is not None:
        read(pid)  # whether there is one
    password = sign_in_password("the load's users", from_stdin=wishes.password_stdin)
    target = _target(wishes, (host, port), config, password)
    return _Subject(target, None if pid is None else lambda: pid)


def _near(config: ServerConfig | None, wishes: Wishes) -> str:
    if config is None:
        raise ConfigurationError("which server? give --serve, --config FILE or --server HOST:PORT")
    return config.near_address(tcp=not wishes.tls)


def _settings(wishes: Wishes) -> ServerConfig | None:
    if wishes.config_file is None and (wishes.domain or not DEFAULT_CONFIG.exists()):
        return None
    return load(wishes.config_file or DEFAULT_CONFIG)


def _target(
    wishes: Wishes, address: tuple[str, int], config: ServerConfig | None, password: str
) -> Target:
    from perchat.loadgen.messages import Target

    domain = wishes.domain or (config.domain if config else "")
    if not domain:
        raise ConfigurationError("which domain? give --domain D, or --config FILE")
    ca = wishes.ca or (config.path(config.paths.authority) if config else None)
    return Target(
        host=address[0],
        port=address[1],
        tls=wishes.tls,
        ca=str(ca or ""),
        domain=domain,
        chat_uri=config.pool_uri if config else f"sip:perchat@{domain}",
        password=password,
    )


async def _populate(plan: Plan, config: ServerConfig, password: str) -> Populated:
    from perchat.loadgen.plan import user_name
    from perchat.server.population import PopulatedRoom, Population, populate

    users = [user_name(seat) for seat in range(plan.seats)]
    rooms = [PopulatedRoom(room.name, [users[seat] for seat in room.seats]) for room in plan.rooms]
    return await populate(config, Population(users, _CATEGORY, rooms), password)


def _write(result: Result, wishes: Wishes) -> None:
    if wishes.json_file is not None:
        wishes.json_file.write_bytes(result.json())
    if wishes.html_file is not None:
        from perchat.loadgen.page import page

        wishes.html_file.write_text(page(result), "utf-8")


def _tell(line: str) -> None:
    click.echo(line, err=True)
