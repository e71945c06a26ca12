"""``perchat status``: how a running server does, from its own mouth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from perchat.cli.common import run
from perchat.cli.options import config_option, json_option, load
from perchat.cli.output import show_fields
from perchat.errors import ConfigurationError, ConnectionFailure

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["status"]

_PATIENCE = 10.0  # seconds


@click.command()
@json_option
@config_option
@run
async def status(config_file: Path, as_json: bool) -> None:
    """Show how the server on this machine does; its health.listen has to be set."""
    from perchat.server.config import split_address

    address = load(config_file).health.listen
    if not address:
        raise ConfigurationError(
            'the server tells nothing: set listen = "127.0.0.1:9270" under [health], and restart it'
        )
    show_fields(as_json, await _told(*split_address(address)))


async def _told(host: str, port: int) -> dict[str, Any]:
    import asyncio

    shown = f"[{host}]" if ":" in host else host
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(f"GET /status HTTP/1.1\r\nHost: {shown}:{port}\r\n\r\n".encode())
            _, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
        told: dict[str, Any] = json.loads(body)
    except (OSError, TimeoutError, ValueError) as error:
        raise ConnectionFailure(f"no answer from {shown}:{port}: {error}") from error
    return told
