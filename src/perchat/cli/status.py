"""``perchat status``: whether a server runs here, and how it does, from its own mouth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perchat.cli.common import run
from perchat.cli.options import config_option, json_option, load
from perchat.cli.output import print_json, show_fields
from perchat.errors import ServerNotRunning

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["status"]


@click.command()
@json_option
@config_option
@run
async def status(config_file: Path, as_json: bool) -> None:
    """
    Show whether the server of the settings runs on this machine, and how it does.

    Ends with status 0 when it runs, 10 when none does, and 4 when it does not answer.
    """
    import msgspec  # late: only for those who ask

    from perchat.server.status import described, read_status, running_server

    config = load(config_file)
    node = running_server(config)
    if node is None:
        if as_json:
            print_json(running=False, node=config.node)
        raise ServerNotRunning(
            f"no server runs as node {config.node} on {config.path(config.paths.database)};"
            " start one with: perchat serve"
        )
    reading = await read_status(config)
    figures = {} if reading is None else msgspec.structs.asdict(reading)
    show_fields(as_json, {**described(node), **figures})
    if reading is None:
        click.echo("perchat: the server tells no figures: health.socket is switched off", err=True)
