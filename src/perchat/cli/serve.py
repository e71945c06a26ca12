"""``perchat serve``: run the server in the foreground, as service managers want it."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perchat.cli.common import config_option, print_json, run

if TYPE_CHECKING:
    from perchat.server.app import Addresses

__all__ = ["log_to_stderr", "serve"]

_LEVELS = ("debug", "info", "warning", "error")


@click.command()
@click.option("--tls-port", type=click.IntRange(0, 65535), help="Instead of the settings' port.")
@click.option("--tcp-port", type=click.IntRange(0, 65535), help="Instead of the settings' port.")
@click.option("--log-level", type=click.Choice(_LEVELS), default="info", show_default=True)
@config_option
@run
async def serve(
    tls_port: int | None, tcp_port: int | None, log_level: str, config_file: Path
) -> None:
    """
    Run the server until SIGTERM or Ctrl-C.

    Prints one line of JSON when every listener is up; the log goes to stderr.
    """
    from perchat.server.app import serve as run_server
    from perchat.server.config import load_config, with_ports

    log_to_stderr(log_level)
    config = with_ports(load_config(config_file), tls=tls_port, tcp=tcp_port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run_server(config, ready=_announce, stop=stop)


def log_to_stderr(level: str) -> None:
    """Send the log to stderr, a line an event, times in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def _announce(addresses: Addresses) -> None:
    ready = {"sip_tls": addresses.sip_tls, "sip_tcp": addresses.sip_tcp}
    print_json({"event": "ready"} | {name: at for name, at in ready.items() if at})
